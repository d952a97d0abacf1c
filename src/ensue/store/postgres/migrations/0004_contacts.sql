-- The key of a workspace's hashes of erased identities.
CREATE TABLE erasure_keys (
  workspace_id bigint PRIMARY KEY,
  key bytea NOT NULL,
  created_at bigint NOT NULL
);
