-- What messages say. A template's texts are those of its newest version; older ones stay, since messages name them.

CREATE TABLE templates (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  -- The name as it is compared: no two templates may look alike.
  name_key text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX templates_by_name ON templates (workspace_id, name_key);

CREATE TABLE template_versions (
  workspace_id bigint NOT NULL,
  template_id bigint NOT NULL,
  version bigint NOT NULL,
  content text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, template_id, version)
);
