-- Forms that anybody may fill in, and what was sent with them.

CREATE TABLE forms (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  -- Asked for when a segment is to be deleted.
  segment_id INTEGER,
  content TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
-- A public request names the form alone. Not UNIQUE, so that the table can be distributed by workspace; ids do not meet.
CREATE INDEX forms_by_id ON forms (id);

-- `key` and `fingerprint` are digests that make sending twice the same as sending once. What is DISCARDED says only
-- that something came and why it was not taken: who and what are not kept.
CREATE TABLE form_submissions (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  form_id INTEGER NOT NULL,
  status TEXT NOT NULL,
  key BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  contact_id INTEGER,
  event_id INTEGER,
  -- The mail that asks for confirmation. It is nobody's until then.
  message_id INTEGER,
  email_key TEXT,
  reason TEXT,
  content TEXT,
  created_at INTEGER NOT NULL,
  accepted_at INTEGER,
  -- Until when a PENDING one may be confirmed; then it is forgotten.
  expires_at INTEGER,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, form_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX form_submissions_of_form ON form_submissions (workspace_id, form_id, status, id);
CREATE INDEX form_submissions_of_contact ON form_submissions (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX form_submissions_pending_of_address ON form_submissions (workspace_id, email_key) WHERE status = 'PENDING';
CREATE INDEX form_submissions_expiring ON form_submissions (workspace_id, expires_at) WHERE status = 'PENDING';
