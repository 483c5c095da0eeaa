-- Keys and DPU secrets in the floor plan database, as hashes. Made at every start, because older databases lack it.
CREATE TABLE IF NOT EXISTS credential (
  kind TEXT NOT NULL CHECK (kind IN ('key', 'dpu')),
  id TEXT NOT NULL,
  revision INTEGER NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
