-- Events, contacts and what follows from them.
-- Times are whole milliseconds since 1970, ids are time-ordered integers, JSON is text the server made canonical.
-- Differs by necessity from PostgreSQL: big tables are keyed by `id` alone, because in SQLite an INTEGER PRIMARY KEY
-- is the row's place in the file (appends stay appends); per-contact tables are WITHOUT ROWID so that what belongs
-- to one contact lies on one page. Ids are unique across workspaces, and every statement names the workspace too.

CREATE TABLE workspaces (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  time_zone TEXT NOT NULL DEFAULT 'UTC',
  trigger_horizon INTEGER NOT NULL,
  definitions_version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
  email TEXT,
  email_key TEXT,
  external_id TEXT,
  first_name TEXT,
  last_name TEXT,
  phone TEXT,
  time_zone TEXT,
  locale TEXT,
  attributes TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX contacts_by_email ON contacts (workspace_id, email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_external_id ON contacts (workspace_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_by_id ON contacts (workspace_id, id);

-- Where a contact stands: slot -1 is the contact itself (score, the instant up to which it is evaluated, when time alone
-- may change something, its newest line of the ledger); the others hold, in `body`, what the conditions and scoring rules
-- of one event type remember of it, slot 0 those of sequences, which look at several types. One tree apart from
-- `contacts`, because everything that an event changes of its contact then lies on one page, and a small one.
CREATE TABLE standings (
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  score INTEGER,
  as_of INTEGER,
  due_at INTEGER,
  latest_line INTEGER,
  body TEXT,
  PRIMARY KEY (workspace_id, contact_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX standings_due ON standings (workspace_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE contact_aliases (
  workspace_id INTEGER NOT NULL,
  old_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  merged_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, old_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_aliases_by_contact ON contact_aliases (workspace_id, contact_id);

CREATE TABLE contact_changes (
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  changes TEXT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasures (
  workspace_id INTEGER NOT NULL,
  identity BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_tags (
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  tag_id INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_tags_by_tag ON contact_tags (workspace_id, tag_id, contact_id);

CREATE TABLE consents (
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  status TEXT NOT NULL,
  source TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, channel)
) STRICT, WITHOUT ROWID;

-- A session's text is kept once; events hold its time-ordered id, so the index on it grows at its end.
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  contact_id INTEGER,
  created_at INTEGER NOT NULL,
  linked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX sessions_by_key ON sessions (workspace_id, key);
CREATE INDEX sessions_by_contact ON sessions (workspace_id, contact_id) WHERE contact_id IS NOT NULL;

CREATE TABLE event_types (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  events INTEGER NOT NULL DEFAULT 0,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER,
  type_id INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  session_id INTEGER,
  page_url TEXT,
  referrer TEXT,
  utm_source TEXT,
  utm_medium TEXT,
  utm_campaign TEXT,
  metadata TEXT,
  source TEXT NOT NULL,
  cause_id INTEGER,
  depth INTEGER NOT NULL DEFAULT 0,
  -- 1 when its session does not lead to its contact: it had none when it was stored, or another one than the session.
  apart INTEGER NOT NULL DEFAULT 0,
  -- The contact and the effects exactly as the 201 showed them, for replays.
  answer TEXT,
  -- Set when an anonymous event is attributed later: what followed then.
  effects TEXT
) STRICT;
CREATE INDEX events_by_time ON events (workspace_id, timestamp, id);
CREATE INDEX events_by_type ON events (workspace_id, type_id, timestamp, id, contact_id);
CREATE INDEX events_by_contact ON events (workspace_id, contact_id, timestamp, id, type_id) WHERE contact_id IS NOT NULL;
-- The other events of a session are found through its contact.
CREATE INDEX events_apart ON events (workspace_id, session_id, timestamp, id) WHERE apart = 1;

-- Keys and bodies are kept as digests: nothing personal stays behind, and every row has the same small size.
CREATE TABLE idempotency (
  workspace_id INTEGER NOT NULL,
  key BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  event_id INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  type TEXT NOT NULL,
  version INTEGER NOT NULL,
  rules TEXT,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment_versions (
  workspace_id INTEGER NOT NULL,
  segment_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  rules TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, segment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  segment_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  entered_at INTEGER NOT NULL,
  entered_by TEXT NOT NULL,
  exited_at INTEGER,
  exited_by TEXT
) STRICT;
CREATE UNIQUE INDEX memberships_now ON memberships (workspace_id, contact_id, segment_id) WHERE exited_at IS NULL;
CREATE INDEX memberships_members ON memberships (workspace_id, segment_id, contact_id) WHERE exited_at IS NULL;
CREATE INDEX memberships_history ON memberships (workspace_id, segment_id, entered_at);
CREATE INDEX memberships_of_contact ON memberships (workspace_id, contact_id, entered_at);

-- At most one row for a contact and a subject; `due_at` may be early, never late. The standing's is their minimum.
CREATE TABLE timers (
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  subject_id INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, kind, subject_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE scoring_rules (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  active INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE scoring_rule_versions (
  workspace_id INTEGER NOT NULL,
  rule_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  body TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, rule_id, version)
) STRICT, WITHOUT ROWID;

-- Each line names the contact's line before it, and the standing names the newest: so the ledger is only appended to,
-- where an index by contact would cost every event a page of its own.
CREATE TABLE score_ledger (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  previous INTEGER,
  rule_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  cause TEXT NOT NULL,
  event_id INTEGER,
  event_at INTEGER,
  at INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  given INTEGER NOT NULL,
  before INTEGER NOT NULL,
  after INTEGER NOT NULL
) STRICT;

CREATE TABLE campaigns (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  paused_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_versions (
  workspace_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  entry_key TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL,
  node_id TEXT NOT NULL,
  node_entered_at INTEGER NOT NULL,
  wake_at INTEGER,
  trigger TEXT NOT NULL,
  event_id INTEGER,
  depth INTEGER NOT NULL,
  step INTEGER NOT NULL DEFAULT 0,
  entered_at INTEGER NOT NULL,
  ended_at INTEGER,
  end_reason TEXT
) STRICT;
CREATE UNIQUE INDEX enrolments_active ON enrolments (workspace_id, contact_id, campaign_id, entry_key) WHERE ended_at IS NULL;
CREATE INDEX enrolments_of_contact ON enrolments (workspace_id, contact_id, campaign_id, entered_at);
CREATE INDEX enrolments_of_campaign ON enrolments (workspace_id, campaign_id, id);

CREATE TABLE enrolment_steps (
  workspace_id INTEGER NOT NULL,
  enrolment_id INTEGER NOT NULL,
  step INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  type TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, enrolment_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolment_skips (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  event_id INTEGER,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_skips_of_campaign ON enrolment_skips (workspace_id, campaign_id, id);
CREATE INDEX enrolment_skips_of_contact ON enrolment_skips (workspace_id, contact_id, id);

-- Work in the background with progress: filling a segment, rebuilding scores.
CREATE TABLE backfills (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  triggers INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  upto INTEGER NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  exited INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  error TEXT,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX backfills_running ON backfills (workspace_id, status) WHERE status = 'RUNNING';
CREATE INDEX backfills_of_subject ON backfills (workspace_id, subject_id, id);
