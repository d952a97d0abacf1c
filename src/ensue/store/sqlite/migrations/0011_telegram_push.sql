-- Bots of Telegram, keys of web push, and the addresses of people who are not known yet.

-- As with API keys, a bot's id alone finds it before the workspace is known; its index is not UNIQUE, so that the table
-- can be distributed by workspace.
CREATE TABLE telegram_bots (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  bot_id INTEGER NOT NULL,
  username TEXT NOT NULL,
  name TEXT NOT NULL,
  token BLOB NOT NULL,
  secret BLOB NOT NULL,
  former_secret BLOB,
  webhook_url TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, bot_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX telegram_bots_by_id ON telegram_bots (id);
CREATE INDEX telegram_bots_by_bot ON telegram_bots (bot_id);

-- The updates of the last days, so that one that Telegram sends again does nothing. `bot_id` is Telegram's own: a bot
-- that is connected anew goes on where it was.
CREATE TABLE telegram_updates (
  workspace_id INTEGER NOT NULL,
  bot_id INTEGER NOT NULL,
  update_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, bot_id, update_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX telegram_updates_by_time ON telegram_updates (workspace_id, at);

-- Deep links that have tied a chat, until they expire: each works in one chat only.
CREATE TABLE telegram_links_used (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX telegram_links_used_by_end ON telegram_links_used (workspace_id, expires_at);

-- One key pair for each workspace; browsers subscribe to the public half, so it never changes by itself.
CREATE TABLE push_keys (
  workspace_id INTEGER PRIMARY KEY,
  public_key TEXT NOT NULL,
  private_key BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- Chats and push subscriptions of anonymous sessions. They become devices when it turns out whose session it is.
CREATE TABLE visitor_devices (
  workspace_id INTEGER NOT NULL,
  session_id INTEGER NOT NULL,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  id INTEGER NOT NULL,
  detail TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, session_id, channel, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX visitor_devices_by_address ON visitor_devices (workspace_id, channel, address);
