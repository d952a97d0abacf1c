-- Messages on their way out, where a contact can be reached, and how each channel of a workspace sends.

-- `due_at` is when somebody must look at a message next; NULL when nobody must. In the middle of a hand-over it is the end
-- of the lease, and `leased` is 1. `attempt` counts hand-overs: who comes back with an older one writes nothing. `tries`
-- counts those since it was queued, or queued again by hand.
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  contact_id INTEGER,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  detail TEXT,
  address TEXT,
  template_id INTEGER,
  template_version INTEGER,
  content TEXT,
  given TEXT,
  rendered TEXT,
  campaign_id INTEGER,
  version INTEGER,
  enrolment_id INTEGER,
  node_id TEXT,
  event_id INTEGER,
  attempt INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  leased INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER,
  provider_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  handed_at INTEGER,
  sent_at INTEGER,
  delivered_at INTEGER,
  opened_at INTEGER,
  clicked_at INTEGER
) STRICT;
CREATE INDEX messages_by_id ON messages (workspace_id, id);
CREATE INDEX messages_due ON messages (workspace_id, channel, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_of_contact ON messages (workspace_id, contact_id, id) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_of_campaign ON messages (workspace_id, campaign_id, id) WHERE campaign_id IS NOT NULL;

-- What became of each hand-over. Written when it is over, so one that nobody came back from is written by whoever finds it.
CREATE TABLE message_attempts (
  workspace_id INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  next_at INTEGER,
  PRIMARY KEY (workspace_id, message_id, attempt)
) STRICT, WITHOUT ROWID;

-- Where a contact can be reached beside the address: chats, push subscriptions.
CREATE TABLE devices (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  contact_id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL,
  gone_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_of_contact ON devices (workspace_id, contact_id, channel);
CREATE UNIQUE INDEX devices_by_address ON devices (workspace_id, channel, address);

-- The secret is sealed, see base/sealing.py.
CREATE TABLE senders (
  workspace_id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  settings TEXT NOT NULL,
  secret BLOB,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, channel)
) STRICT, WITHOUT ROWID;
