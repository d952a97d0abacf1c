-- Campaigns that start by themselves at a time or for many at once, tests between branches, and limits on messages.

-- What of its trigger an enrolment is for: the day of a DATE trigger, the launch that took the contact in.
ALTER TABLE enrolments ADD COLUMN occasion TEXT;

-- Quiet hours and frequency caps of a workspace: JSON, see engine.messages.limits.
CREATE TABLE message_limits (
  workspace_id INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- When each SCHEDULE trigger of a live campaign, by its place among the triggers, is due next. A BROADCAST that has yet
-- to begin has the place -1.
CREATE TABLE schedules (
  workspace_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (workspace_id, next_at);

-- An audience on its way into a campaign: everybody who was in the segment (or there at all, without one) at `as_of`, in
-- the order of (after_at, after_id), up to which it has come. The next ones go in at `next_at`.
CREATE TABLE launches (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  trigger TEXT NOT NULL,
  segment_id INTEGER,
  status TEXT NOT NULL,
  reason TEXT,
  per_minute INTEGER,
  as_of INTEGER NOT NULL,
  after_at INTEGER NOT NULL,
  after_id INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  total INTEGER,
  done INTEGER NOT NULL,
  enrolled INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX launches_running ON launches (workspace_id, next_at) WHERE status = 'RUNNING';
CREATE INDEX launches_of_campaign ON launches (workspace_id, campaign_id, id);

-- A split that looks for its best branch. `look_at` is when it may be decided without being asked.
CREATE TABLE split_tests (
  workspace_id INTEGER NOT NULL,
  campaign_id INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  since INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  look_at INTEGER,
  winner TEXT,
  decided_at INTEGER,
  decided_by TEXT,
  PRIMARY KEY (workspace_id, campaign_id, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX split_tests_due ON split_tests (workspace_id, look_at) WHERE look_at IS NOT NULL;

-- Campaigns run over history without doing anything. `cursor` is the contact up to which it has come; `found` is what it
-- has found so far, JSON.
CREATE TABLE dry_runs (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  campaign_id INTEGER,
  body TEXT NOT NULL,
  status TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  found TEXT,
  error TEXT,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dry_runs_running ON dry_runs (workspace_id, id) WHERE status = 'RUNNING';
