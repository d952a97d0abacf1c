-- What messages say. A template's texts are those of its newest version; older ones stay, since messages name them.

CREATE TABLE templates (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- The name as it is compared: no two templates may look alike.
  name_key TEXT NOT NULL,
  channel TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX templates_by_name ON templates (workspace_id, name_key);

CREATE TABLE template_versions (
  workspace_id INTEGER NOT NULL,
  template_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  content TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, template_id, version)
) STRICT, WITHOUT ROWID;
