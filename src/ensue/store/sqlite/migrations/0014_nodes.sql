-- Who hands out ids with which node number. A file has one process, which is node 0 and leases nothing; on a server
-- each process holds one row, with a token that changes hands with it.
CREATE TABLE nodes (
  node INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  latest_id INTEGER NOT NULL
) STRICT;
