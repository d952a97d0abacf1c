-- Who may come in, and to what. People and their sessions belong to the instance; everything else to a workspace.
-- Secrets (sessions, keys, invitations) are kept as SHA-256 digests, which cannot be turned back: each is 256 random bits.

CREATE TABLE users (
  id bigint PRIMARY KEY,
  email text COLLATE "C" NOT NULL,
  email_key text COLLATE "C" NOT NULL UNIQUE,
  name text COLLATE "C" NOT NULL,
  password_hash text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);

CREATE TABLE user_sessions (
  id bigint PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users (id),
  digest bytea NOT NULL,
  address text COLLATE "C" NOT NULL,
  agent text COLLATE "C",
  created_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE UNIQUE INDEX user_sessions_by_digest ON user_sessions (digest);
CREATE INDEX user_sessions_of_user ON user_sessions (user_id, id);

CREATE TABLE members (
  workspace_id bigint NOT NULL,
  user_id bigint NOT NULL REFERENCES users (id),
  role text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id, workspace_id);

-- The digest alone finds an invitation or a key, before the workspace is known. Its index is not UNIQUE, so that these
-- tables can be distributed by workspace; two random digests do not meet.
CREATE TABLE invitations (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  digest bytea NOT NULL,
  email text COLLATE "C" NOT NULL,
  email_key text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, email_key)
);
CREATE INDEX invitations_by_digest ON invitations (digest);

CREATE TABLE api_keys (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  prefix text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  scopes text COLLATE "C" NOT NULL,
  origins text COLLATE "C",
  event_types text COLLATE "C",
  created_by bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  used_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX api_keys_by_digest ON api_keys (digest);

-- Append-only. Workspace 0 is the instance itself: sign-ins, passwords, workspaces that are gone.
CREATE TABLE audit_log (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  at bigint NOT NULL,
  user_id bigint,
  key_id bigint,
  address text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  target text COLLATE "C",
  result text COLLATE "C" NOT NULL,
  detail text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX audit_log_of_user ON audit_log (workspace_id, user_id, id) WHERE user_id IS NOT NULL;

-- Workspaces whose rows are being removed, piece by piece; one that was interrupted goes on at the next start.
CREATE TABLE workspace_removals (
  workspace bigint PRIMARY KEY,
  started_at bigint NOT NULL
);
