-- Who hands out ids with which node number: each process holds one row, with a token that changes hands with it.
CREATE TABLE nodes (
  node bigint PRIMARY KEY,
  token text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL,
  latest_id bigint NOT NULL
) WITH (fillfactor = 10);

-- Differs by necessity from SQLite, where ids are handed out in the order of the commits: here several processes write
-- at once, and what a stream must follow is the order in which their transactions became visible.
ALTER TABLE events ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX events_by_commit ON events (workspace_id, xact, id);
