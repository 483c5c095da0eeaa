-- Commands for DPUs in the fleet database. Made at every start, because older databases lack it.
CREATE TABLE IF NOT EXISTS command (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  dpu TEXT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  payload TEXT NOT NULL,
  queued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  delivered_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS command_of_dpu ON command (dpu, number);
