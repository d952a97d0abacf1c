-- At least every id that a transaction has handed out in a workspace: what time alone writes is asked for nowhere else.
ALTER TABLE workspaces ADD COLUMN latest_id bigint NOT NULL DEFAULT 0;
