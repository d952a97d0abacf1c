-- Since when a condition over events has been in use without a break. `since` is also the name under which its states
-- are kept in tallies, so what an earlier life of the same condition left behind is never mistaken for current.
CREATE TABLE conditions (
  workspace_id bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  since bigint NOT NULL,
  PRIMARY KEY (workspace_id, key)
);
