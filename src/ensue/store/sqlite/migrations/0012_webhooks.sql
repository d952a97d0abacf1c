-- Endpoints that are told what happens, everything that each of them is to be told, and every try to tell it.
CREATE TABLE webhook_endpoints (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  url TEXT NOT NULL,
  description TEXT,
  -- What it wants to hear of: a JSON list, see engine.webhooks.interests.
  kinds TEXT NOT NULL,
  status TEXT NOT NULL,
  -- Why it was disabled, when it was not a person who did it.
  reason TEXT,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_until INTEGER,
  failing_since INTEGER,
  delivered_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_deliveries (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  endpoint_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  contact_id INTEGER,
  event_id INTEGER,
  -- The bytes that are sent, made in the transaction of what they tell of. NULL once the person was erased.
  body TEXT,
  status TEXT NOT NULL,
  -- The next try; while one is under way, the end of its lease; NULL when there will be none.
  due_at INTEGER,
  -- All tries, which number the attempts, and those since it was last queued, which choose the next pause.
  attempts INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (workspace_id, endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (workspace_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (workspace_id, endpoint_id, status, id);
CREATE INDEX webhook_deliveries_of_contact ON webhook_deliveries (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
-- An anonymous event may turn out to be somebody's who is erased later.
CREATE INDEX webhook_deliveries_of_nobody ON webhook_deliveries (workspace_id, event_id)
  WHERE contact_id IS NULL AND event_id IS NOT NULL;

CREATE TABLE webhook_attempts (
  workspace_id INTEGER NOT NULL,
  delivery_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took INTEGER,
  outcome TEXT NOT NULL,
  -- A sentence, when there was no answer.
  error TEXT,
  url TEXT NOT NULL,
  request_headers TEXT NOT NULL,
  status_code INTEGER,
  response_headers TEXT,
  response_body TEXT,
  PRIMARY KEY (workspace_id, delivery_id, attempt)
) STRICT;

-- Addresses that others post to, and how what they post becomes an event.
CREATE TABLE incoming_endpoints (
  workspace_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  digest BLOB NOT NULL,
  prefix TEXT NOT NULL,
  -- JSON, see engine.webhooks.mapping and engine.webhooks.verification.
  mapping TEXT NOT NULL,
  verification TEXT NOT NULL,
  secret BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
-- Found by it before the workspace is known; not UNIQUE, as with keys.
CREATE INDEX incoming_endpoints_by_digest ON incoming_endpoints (digest);

CREATE TABLE incoming_requests (
  id INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL,
  endpoint_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  -- Why it was refused: a code and a sentence.
  code TEXT,
  reason TEXT,
  event_id INTEGER,
  contact_id INTEGER,
  content_type TEXT,
  body TEXT
) STRICT;
CREATE INDEX incoming_requests_of_endpoint ON incoming_requests (workspace_id, endpoint_id, id);
CREATE INDEX incoming_requests_of_contact ON incoming_requests (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
