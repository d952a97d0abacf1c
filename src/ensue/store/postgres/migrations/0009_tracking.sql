-- What people and machines did with messages, addresses that get none, and who may report bounces and complaints.

-- The targets of a message's links, and how often each was followed. Its address says the number.
CREATE TABLE message_links (
  workspace_id bigint NOT NULL,
  message_id bigint NOT NULL,
  number bigint NOT NULL,
  target text COLLATE "C" NOT NULL,
  clicks bigint NOT NULL DEFAULT 0,
  machine_clicks bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, message_id, number)
);

-- Made with the first open or click, so that most messages have none and a large message is not rewritten for a count.
CREATE TABLE message_engagement (
  workspace_id bigint NOT NULL,
  message_id bigint NOT NULL,
  opens bigint NOT NULL DEFAULT 0,
  machine_opens bigint NOT NULL DEFAULT 0,
  clicks bigint NOT NULL DEFAULT 0,
  machine_clicks bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, message_id)
);

CREATE TABLE suppressions (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  address_key text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  note text COLLATE "C",
  message_id bigint,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, channel, address_key)
);
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (workspace_id, id);

-- The digest of the token in the address that bounces and complaints are reported to.
CREATE TABLE feedback_tokens (
  workspace_id bigint PRIMARY KEY,
  digest bytea NOT NULL,
  created_at bigint NOT NULL
);
