-- Forms that anybody may fill in, and what was sent with them.

CREATE TABLE forms (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  -- Asked for when a segment is to be deleted.
  segment_id bigint,
  content text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
-- A public request names the form alone. Not UNIQUE, so that the table can be distributed by workspace; ids do not meet.
CREATE INDEX forms_by_id ON forms (id);

-- `key` and `fingerprint` are digests that make sending twice the same as sending once. What is DISCARDED says only
-- that something came and why it was not taken: who and what are not kept.
CREATE TABLE form_submissions (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  form_id bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  fingerprint bytea NOT NULL,
  contact_id bigint,
  event_id bigint,
  -- The mail that asks for confirmation. It is nobody's until then.
  message_id bigint,
  email_key text COLLATE "C",
  reason text COLLATE "C",
  content text COLLATE "C",
  created_at bigint NOT NULL,
  accepted_at bigint,
  -- Until when a PENDING one may be confirmed; then it is forgotten.
  expires_at bigint,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, form_id, key)
);
CREATE INDEX form_submissions_of_form ON form_submissions (workspace_id, form_id, status, id);
CREATE INDEX form_submissions_of_contact ON form_submissions (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX form_submissions_pending_of_address ON form_submissions (workspace_id, email_key) WHERE status = 'PENDING';
CREATE INDEX form_submissions_expiring ON form_submissions (workspace_id, expires_at) WHERE status = 'PENDING';
