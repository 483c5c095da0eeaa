-- The audit trail in the floor plan database. Made at every start, because older databases lack it.
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  by TEXT,
  document TEXT NOT NULL
) STRICT;
