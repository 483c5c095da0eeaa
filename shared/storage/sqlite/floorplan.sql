-- The floor plan database: facts as they were recorded, and up to which one they have been announced in the journal.
-- The rows above outbox.announced are the outbox: appended with their fact, in the same transaction, by being it.
CREATE TABLE fact (
  number INTEGER PRIMARY KEY,
  recorded_at INTEGER NOT NULL,
  recorded_by TEXT,
  change TEXT NOT NULL
) STRICT;
CREATE TABLE outbox (only INTEGER PRIMARY KEY CHECK (only = 1), announced INTEGER NOT NULL) STRICT;
INSERT INTO outbox VALUES (1, 0);
