-- Bots of Telegram, keys of web push, and the addresses of people who are not known yet.

-- As with API keys, a bot's id alone finds it before the workspace is known; its index is not UNIQUE, so that the table
-- can be distributed by workspace.
CREATE TABLE telegram_bots (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  bot_id bigint NOT NULL,
  username text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  token bytea NOT NULL,
  secret bytea NOT NULL,
  former_secret bytea,
  webhook_url text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  error text COLLATE "C",
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, bot_id)
);
CREATE INDEX telegram_bots_by_id ON telegram_bots (id);
CREATE INDEX telegram_bots_by_bot ON telegram_bots (bot_id);

-- The updates of the last days, so that one that Telegram sends again does nothing. `bot_id` is Telegram's own: a bot
-- that is connected anew goes on where it was.
CREATE TABLE telegram_updates (
  workspace_id bigint NOT NULL,
  bot_id bigint NOT NULL,
  update_id bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (workspace_id, bot_id, update_id)
);
CREATE INDEX telegram_updates_by_time ON telegram_updates (workspace_id, at);

-- Deep links that have tied a chat, until they expire: each works in one chat only.
CREATE TABLE telegram_links_used (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  session_id bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX telegram_links_used_by_end ON telegram_links_used (workspace_id, expires_at);

-- One key pair for each workspace; browsers subscribe to the public half, so it never changes by itself.
CREATE TABLE push_keys (
  workspace_id bigint PRIMARY KEY,
  public_key text COLLATE "C" NOT NULL,
  private_key bytea NOT NULL,
  created_at bigint NOT NULL
);

-- Chats and push subscriptions of anonymous sessions. They become devices when it turns out whose session it is.
CREATE TABLE visitor_devices (
  workspace_id bigint NOT NULL,
  session_id bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  id bigint NOT NULL,
  detail text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, session_id, channel, address)
);
CREATE INDEX visitor_devices_by_address ON visitor_devices (workspace_id, channel, address);
