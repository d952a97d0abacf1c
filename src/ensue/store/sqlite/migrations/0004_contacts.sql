-- The key of a workspace's hashes of erased identities.
CREATE TABLE erasure_keys (
  workspace_id INTEGER PRIMARY KEY,
  key BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
