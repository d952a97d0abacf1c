-- Events, contacts and what follows from them.
-- Times are whole milliseconds since 1970, ids are time-ordered integers, JSON is text the server made canonical.
-- Differs by necessity from SQLite: every key begins with the workspace, so that the tables can be distributed by it;
-- texts are ordered by code point, whatever the database's own order is; rows that are updated again and again have
-- room on their page for the next version of themselves.

CREATE TABLE workspaces (
  id bigint PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL UNIQUE,
  time_zone text COLLATE "C" NOT NULL DEFAULT 'UTC',
  trigger_horizon bigint NOT NULL,
  definitions_version bigint NOT NULL DEFAULT 1,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE contacts (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL REFERENCES workspaces (id),
  email text COLLATE "C",
  email_key text COLLATE "C",
  external_id text COLLATE "C",
  first_name text COLLATE "C",
  last_name text COLLATE "C",
  phone text COLLATE "C",
  time_zone text COLLATE "C",
  locale text COLLATE "C",
  attributes text COLLATE "C" NOT NULL DEFAULT '{}',
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX contacts_by_email ON contacts (workspace_id, email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_external_id ON contacts (workspace_id, external_id) WHERE external_id IS NOT NULL;

-- Where a contact stands: slot -1 is the contact itself (score, the instant up to which it is evaluated, when time alone
-- may change something, its newest line of the ledger); the others hold, in `body`, what the conditions and scoring rules
-- of one event type remember of it, slot 0 those of sequences, which look at several types. One tree apart from
-- `contacts`, because everything that an event changes of its contact then lies on one page, and a small one.
CREATE TABLE standings (
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  slot bigint NOT NULL,
  score bigint,
  as_of bigint,
  due_at bigint,
  latest_line bigint,
  body text COLLATE "C",
  PRIMARY KEY (workspace_id, contact_id, slot)
) WITH (fillfactor = 70);
CREATE INDEX standings_due ON standings (workspace_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE contact_aliases (
  workspace_id bigint NOT NULL,
  old_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  merged_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, old_id)
);
CREATE INDEX contact_aliases_by_contact ON contact_aliases (workspace_id, contact_id);

CREATE TABLE contact_changes (
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  id bigint NOT NULL,
  at bigint NOT NULL,
  changes text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, id)
);

CREATE TABLE erasures (
  workspace_id bigint NOT NULL,
  identity bytea NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (workspace_id, identity)
);

CREATE TABLE tags (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
);

CREATE TABLE contact_tags (
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  tag_id bigint NOT NULL,
  added_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, tag_id)
);
CREATE INDEX contact_tags_by_tag ON contact_tags (workspace_id, tag_id, contact_id);

CREATE TABLE consents (
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, channel)
);

-- A session's text is kept once; events hold its time-ordered id, so the index on it grows at its end.
CREATE TABLE sessions (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  contact_id bigint,
  created_at bigint NOT NULL,
  linked_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX sessions_by_key ON sessions (workspace_id, key);
CREATE INDEX sessions_by_contact ON sessions (workspace_id, contact_id) WHERE contact_id IS NOT NULL;

CREATE TABLE event_types (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  events bigint NOT NULL DEFAULT 0,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, name)
) WITH (fillfactor = 50);

CREATE TABLE events (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  contact_id bigint,
  type_id bigint NOT NULL,
  timestamp bigint NOT NULL,
  received_at bigint NOT NULL,
  session_id bigint,
  page_url text COLLATE "C",
  referrer text COLLATE "C",
  utm_source text COLLATE "C",
  utm_medium text COLLATE "C",
  utm_campaign text COLLATE "C",
  metadata text COLLATE "C",
  source text COLLATE "C" NOT NULL,
  cause_id bigint,
  depth bigint NOT NULL DEFAULT 0,
  -- 1 when its session does not lead to its contact: it had none when it was stored, or another one than the session.
  apart bigint NOT NULL DEFAULT 0,
  -- The contact and the effects exactly as the 201 showed them, for replays.
  answer text COLLATE "C",
  -- Set when an anonymous event is attributed later: what followed then.
  effects text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX events_by_time ON events (workspace_id, timestamp, id);
CREATE INDEX events_by_type ON events (workspace_id, type_id, timestamp, id, contact_id);
CREATE INDEX events_by_contact ON events (workspace_id, contact_id, timestamp, id, type_id) WHERE contact_id IS NOT NULL;
-- The other events of a session are found through its contact.
CREATE INDEX events_apart ON events (workspace_id, session_id, timestamp, id) WHERE apart = 1;

-- Keys and bodies are kept as digests: nothing personal stays behind, and every row has the same small size.
CREATE TABLE idempotency (
  workspace_id bigint NOT NULL,
  key bytea NOT NULL,
  fingerprint bytea NOT NULL,
  event_id bigint NOT NULL,
  PRIMARY KEY (workspace_id, key)
);

CREATE TABLE segments (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  description text COLLATE "C",
  type text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  rules text COLLATE "C",
  status text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE segment_versions (
  workspace_id bigint NOT NULL,
  segment_id bigint NOT NULL,
  version bigint NOT NULL,
  rules text COLLATE "C",
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, segment_id, version)
);

CREATE TABLE memberships (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  segment_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  version bigint NOT NULL,
  entered_at bigint NOT NULL,
  entered_by text COLLATE "C" NOT NULL,
  exited_at bigint,
  exited_by text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX memberships_now ON memberships (workspace_id, contact_id, segment_id) WHERE exited_at IS NULL;
CREATE INDEX memberships_members ON memberships (workspace_id, segment_id, contact_id) WHERE exited_at IS NULL;
CREATE INDEX memberships_history ON memberships (workspace_id, segment_id, entered_at);
CREATE INDEX memberships_of_contact ON memberships (workspace_id, contact_id, entered_at);

-- At most one row for a contact and a subject; `due_at` may be early, never late. The standing's is their minimum.
CREATE TABLE timers (
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  kind bigint NOT NULL,
  subject_id bigint NOT NULL,
  due_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, contact_id, kind, subject_id)
) WITH (fillfactor = 80);

CREATE TABLE scoring_rules (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  active bigint NOT NULL,
  body text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE scoring_rule_versions (
  workspace_id bigint NOT NULL,
  rule_id bigint NOT NULL,
  version bigint NOT NULL,
  body text COLLATE "C",
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, rule_id, version)
);

-- Each line names the contact's line before it, and the standing names the newest: so the ledger is only appended to,
-- where an index by contact would cost every event a page of its own.
CREATE TABLE score_ledger (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  previous bigint,
  rule_id bigint NOT NULL,
  version bigint NOT NULL,
  cause text COLLATE "C" NOT NULL,
  event_id bigint,
  event_at bigint,
  at bigint NOT NULL,
  asked bigint NOT NULL,
  given bigint NOT NULL,
  before bigint NOT NULL,
  after bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE campaigns (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  body text COLLATE "C" NOT NULL,
  paused_at bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE campaign_versions (
  workspace_id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  version bigint NOT NULL,
  body text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, version)
);

CREATE TABLE enrolments (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  version bigint NOT NULL,
  contact_id bigint NOT NULL,
  entry_key text COLLATE "C" NOT NULL DEFAULT '',
  status text COLLATE "C" NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  node_entered_at bigint NOT NULL,
  wake_at bigint,
  trigger text COLLATE "C" NOT NULL,
  event_id bigint,
  depth bigint NOT NULL,
  step bigint NOT NULL DEFAULT 0,
  entered_at bigint NOT NULL,
  ended_at bigint,
  end_reason text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX enrolments_active ON enrolments (workspace_id, contact_id, campaign_id, entry_key) WHERE ended_at IS NULL;
CREATE INDEX enrolments_of_contact ON enrolments (workspace_id, contact_id, campaign_id, entered_at);
CREATE INDEX enrolments_of_campaign ON enrolments (workspace_id, campaign_id, id);

CREATE TABLE enrolment_steps (
  workspace_id bigint NOT NULL,
  enrolment_id bigint NOT NULL,
  step bigint NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  detail text COLLATE "C",
  at bigint NOT NULL,
  PRIMARY KEY (workspace_id, enrolment_id, step)
);

CREATE TABLE enrolment_skips (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  event_id bigint,
  reason text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX enrolment_skips_of_campaign ON enrolment_skips (workspace_id, campaign_id, id);
CREATE INDEX enrolment_skips_of_contact ON enrolment_skips (workspace_id, contact_id, id);

-- Work in the background with progress: filling a segment, rebuilding scores.
CREATE TABLE backfills (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  subject_id bigint NOT NULL,
  version bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  triggers bigint NOT NULL,
  cursor bigint NOT NULL,
  upto bigint NOT NULL,
  total bigint NOT NULL,
  done bigint NOT NULL,
  entered bigint NOT NULL,
  exited bigint NOT NULL,
  started_at bigint NOT NULL,
  finished_at bigint,
  error text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX backfills_running ON backfills (workspace_id, status) WHERE status = 'RUNNING';
CREATE INDEX backfills_of_subject ON backfills (workspace_id, subject_id, id);
