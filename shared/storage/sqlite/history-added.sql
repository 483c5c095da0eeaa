-- What came to the history database after its first version; made when missing, whenever it is opened.

-- What has been heard of each DPU: the last receipt; until hold_until (a CONNECT and the time after it) held_at stands for it.
CREATE TABLE IF NOT EXISTS heard (
  dpu TEXT PRIMARY KEY,
  heard_at INTEGER,
  held_at INTEGER,
  hold_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often the event with this identity came again after it was stored. Counted with the cursor, so an entry read again adds nothing.
CREATE TABLE IF NOT EXISTS duplicate (
  dpu INTEGER NOT NULL,
  second INTEGER NOT NULL,
  ms INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  copies INTEGER NOT NULL,
  PRIMARY KEY (dpu, second, ms, direction, epoch, seq)
) STRICT, WITHOUT ROWID;
