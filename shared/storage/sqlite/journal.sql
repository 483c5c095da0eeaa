-- One partition of the journal. The newest entry is never deleted: it carries the clock and the numbering on.
CREATE TABLE entry (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  recorded_at INTEGER NOT NULL,
  appender TEXT NOT NULL,
  seq INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
