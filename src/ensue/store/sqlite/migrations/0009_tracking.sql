-- What people and machines did with messages, addresses that get none, and who may report bounces and complaints.

-- The targets of a message's links, and how often each was followed. Its address says the number.
CREATE TABLE message_links (
  workspace_id INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  target TEXT NOT NULL,
  clicks INTEGER NOT NULL DEFAULT 0,
  machine_clicks INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, message_id, number)
) STRICT, WITHOUT ROWID;

-- Made with the first open or click, so that most messages have none and a large message is not rewritten for a count.
CREATE TABLE message_engagement (
  workspace_id INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  opens INTEGER NOT NULL DEFAULT 0,
  machine_opens INTEGER NOT NULL DEFAULT 0,
  clicks INTEGER NOT NULL DEFAULT 0,
  machine_clicks INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE suppressions (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  address_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  note TEXT,
  message_id INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, channel, address_key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (workspace_id, id);

-- The digest of the token in the address that bounces and complaints are reported to.
CREATE TABLE feedback_tokens (
  workspace_id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
