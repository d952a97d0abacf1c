-- Who may come in, and to what. People and their sessions belong to the instance; everything else to a workspace.
-- Secrets (sessions, keys, invitations) are kept as SHA-256 digests, which cannot be turned back: each is 256 random bits.

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_sessions (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  digest BLOB NOT NULL,
  address TEXT NOT NULL,
  agent TEXT,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_sessions_by_digest ON user_sessions (digest);
CREATE INDEX user_sessions_of_user ON user_sessions (user_id, id);

CREATE TABLE members (
  workspace_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_of_user ON members (user_id, workspace_id);

-- The digest alone finds an invitation or a key, before the workspace is known. Its index is not UNIQUE, so that these
-- tables can be distributed by workspace; two random digests do not meet.
CREATE TABLE invitations (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  digest BLOB NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, email_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_by_digest ON invitations (digest);

CREATE TABLE api_keys (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  digest BLOB NOT NULL,
  scopes TEXT NOT NULL,
  origins TEXT,
  event_types TEXT,
  created_by INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  used_at INTEGER,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_digest ON api_keys (digest);

-- Append-only. Workspace 0 is the instance itself: sign-ins, passwords, workspaces that are gone.
CREATE TABLE audit_log (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  user_id INTEGER,
  key_id INTEGER,
  address TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  result TEXT NOT NULL,
  detail TEXT,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_of_user ON audit_log (workspace_id, user_id, id) WHERE user_id IS NOT NULL;

-- Workspaces whose rows are being removed, piece by piece; one that was interrupted goes on at the next start.
CREATE TABLE workspace_removals (
  workspace INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL
) STRICT;
