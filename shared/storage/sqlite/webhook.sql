-- Webhooks in the floor plan database, how far each is, and its messages. Made at every start, because older databases lack them.
-- Secrets are kept as they are: each message is signed with them.
CREATE TABLE IF NOT EXISTS webhook (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  document TEXT NOT NULL,
  progress TEXT NOT NULL,
  newest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook_delivery (
  webhook_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  is_delivered INTEGER NOT NULL,
  document TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (webhook_id, number)
) STRICT;
CREATE INDEX IF NOT EXISTS webhook_delivery_waiting ON webhook_delivery (webhook_id, number) WHERE is_delivered = 0;
