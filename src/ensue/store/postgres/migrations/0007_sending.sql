-- Messages on their way out, where a contact can be reached, and how each channel of a workspace sends.

-- `due_at` is when somebody must look at a message next; NULL when nobody must. In the middle of a hand-over it is the end
-- of the lease, and `leased` is 1. `attempt` counts hand-overs: who comes back with an older one writes nothing. `tries`
-- counts those since it was queued, or queued again by hand.
CREATE TABLE messages (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  contact_id bigint,
  channel text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  detail text COLLATE "C",
  address text COLLATE "C",
  template_id bigint,
  template_version bigint,
  content text COLLATE "C",
  given text COLLATE "C",
  rendered text COLLATE "C",
  campaign_id bigint,
  version bigint,
  enrolment_id bigint,
  node_id text COLLATE "C",
  event_id bigint,
  attempt bigint NOT NULL DEFAULT 0,
  tries bigint NOT NULL DEFAULT 0,
  leased bigint NOT NULL DEFAULT 0,
  due_at bigint,
  provider_id text COLLATE "C",
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  handed_at bigint,
  sent_at bigint,
  delivered_at bigint,
  opened_at bigint,
  clicked_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX messages_due ON messages (workspace_id, channel, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_of_contact ON messages (workspace_id, contact_id, id) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_of_campaign ON messages (workspace_id, campaign_id, id) WHERE campaign_id IS NOT NULL;

-- What became of each hand-over. Written when it is over, so one that nobody came back from is written by whoever finds it.
CREATE TABLE message_attempts (
  workspace_id bigint NOT NULL,
  message_id bigint NOT NULL,
  attempt bigint NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  started_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  next_at bigint,
  PRIMARY KEY (workspace_id, message_id, attempt)
);

-- Where a contact can be reached beside the address: chats, push subscriptions.
CREATE TABLE devices (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL DEFAULT '{}',
  created_at bigint NOT NULL,
  gone_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX devices_of_contact ON devices (workspace_id, contact_id, channel);
CREATE UNIQUE INDEX devices_by_address ON devices (workspace_id, channel, address);

-- The secret is sealed, see base/sealing.py.
CREATE TABLE senders (
  workspace_id bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  settings text COLLATE "C" NOT NULL,
  secret bytea,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, channel)
);
