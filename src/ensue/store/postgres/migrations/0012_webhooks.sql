-- Endpoints that are told what happens, everything that each of them is to be told, and every try to tell it.
CREATE TABLE webhook_endpoints (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  url text COLLATE "C" NOT NULL,
  description text COLLATE "C",
  -- What it wants to hear of: a JSON list, see engine.webhooks.interests.
  kinds text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  -- Why it was disabled, when it was not a person who did it.
  reason text COLLATE "C",
  secret bytea NOT NULL,
  previous_secret bytea,
  previous_until bigint,
  failing_since bigint,
  delivered_at bigint,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);

CREATE TABLE webhook_deliveries (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  endpoint_id bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  contact_id bigint,
  event_id bigint,
  -- The bytes that are sent, made in the transaction of what they tell of. NULL once the person was erased.
  body text COLLATE "C",
  status text COLLATE "C" NOT NULL,
  -- The next try; while one is under way, the end of its lease; NULL when there will be none.
  due_at bigint,
  -- All tries, which number the attempts, and those since it was last queued, which choose the next pause.
  attempts bigint NOT NULL DEFAULT 0,
  tries bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  finished_at bigint,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (workspace_id, endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (workspace_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (workspace_id, endpoint_id, status, id);
CREATE INDEX webhook_deliveries_of_contact ON webhook_deliveries (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
-- An anonymous event may turn out to be somebody's who is erased later.
CREATE INDEX webhook_deliveries_of_nobody ON webhook_deliveries (workspace_id, event_id)
  WHERE contact_id IS NULL AND event_id IS NOT NULL;

CREATE TABLE webhook_attempts (
  workspace_id bigint NOT NULL,
  delivery_id bigint NOT NULL,
  attempt bigint NOT NULL,
  at bigint NOT NULL,
  took bigint,
  outcome text COLLATE "C" NOT NULL,
  -- A sentence, when there was no answer.
  error text COLLATE "C",
  url text COLLATE "C" NOT NULL,
  request_headers text COLLATE "C" NOT NULL,
  status_code bigint,
  response_headers text COLLATE "C",
  response_body text COLLATE "C",
  PRIMARY KEY (workspace_id, delivery_id, attempt)
);

-- Addresses that others post to, and how what they post becomes an event.
CREATE TABLE incoming_endpoints (
  workspace_id bigint NOT NULL,
  id bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  prefix text COLLATE "C" NOT NULL,
  -- JSON, see engine.webhooks.mapping and engine.webhooks.verification.
  mapping text COLLATE "C" NOT NULL,
  verification text COLLATE "C" NOT NULL,
  secret bytea,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
-- Found by it before the workspace is known; not UNIQUE, as with keys.
CREATE INDEX incoming_endpoints_by_digest ON incoming_endpoints (digest);

CREATE TABLE incoming_requests (
  id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  endpoint_id bigint NOT NULL,
  at bigint NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  -- Why it was refused: a code and a sentence.
  code text COLLATE "C",
  reason text COLLATE "C",
  event_id bigint,
  contact_id bigint,
  content_type text COLLATE "C",
  body text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX incoming_requests_of_endpoint ON incoming_requests (workspace_id, endpoint_id, id);
CREATE INDEX incoming_requests_of_contact ON incoming_requests (workspace_id, contact_id) WHERE contact_id IS NOT NULL;
