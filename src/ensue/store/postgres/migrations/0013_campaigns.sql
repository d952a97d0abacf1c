-- Campaigns that start by themselves at a time or for many at once, tests between branches, and limits on messages.

-- What of its trigger an enrolment is for: the day of a DATE trigger, the launch that took the contact in.
ALTER TABLE enrolments ADD COLUMN occasion text COLLATE "C";

-- Quiet hours and frequency caps of a workspace: JSON, see engine.messages.limits.
CREATE TABLE message_limits (
  workspace_id bigint PRIMARY KEY,
  body text COLLATE "C" NOT NULL
);

-- When each SCHEDULE trigger of a live campaign, by its place among the triggers, is due next. A BROADCAST that has yet
-- to begin has the place -1.
CREATE TABLE schedules (
  workspace_id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  place bigint NOT NULL,
  next_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, campaign_id, place)
);
CREATE INDEX schedules_due ON schedules (workspace_id, next_at);

-- An audience on its way into a campaign: everybody who was in the segment (or there at all, without one) at `as_of`, in
-- the order of (after_at, after_id), up to which it has come. The next ones go in at `next_at`.
CREATE TABLE launches (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  trigger text COLLATE "C" NOT NULL,
  segment_id bigint,
  status text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  per_minute bigint,
  as_of bigint NOT NULL,
  after_at bigint NOT NULL,
  after_id bigint NOT NULL,
  next_at bigint NOT NULL,
  total bigint,
  done bigint NOT NULL,
  enrolled bigint NOT NULL,
  skipped bigint NOT NULL,
  started_at bigint NOT NULL,
  finished_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX launches_running ON launches (workspace_id, next_at) WHERE status = 'RUNNING';
CREATE INDEX launches_of_campaign ON launches (workspace_id, campaign_id, id);

-- A split that looks for its best branch. `look_at` is when it may be decided without being asked.
CREATE TABLE split_tests (
  workspace_id bigint NOT NULL,
  campaign_id bigint NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  since bigint NOT NULL,
  entered bigint NOT NULL,
  look_at bigint,
  winner text COLLATE "C",
  decided_at bigint,
  decided_by text COLLATE "C",
  PRIMARY KEY (workspace_id, campaign_id, node_id)
);
CREATE INDEX split_tests_due ON split_tests (workspace_id, look_at) WHERE look_at IS NOT NULL;

-- Campaigns run over history without doing anything. `cursor` is the contact up to which it has come; `found` is what it
-- has found so far, JSON.
CREATE TABLE dry_runs (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  campaign_id bigint,
  body text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  since bigint NOT NULL,
  until bigint NOT NULL,
  cursor bigint NOT NULL,
  total bigint NOT NULL,
  done bigint NOT NULL,
  found text COLLATE "C",
  error text COLLATE "C",
  started_at bigint NOT NULL,
  finished_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX dry_runs_running ON dry_runs (workspace_id, id) WHERE status = 'RUNNING';
