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

-- The hours of a day that is over, packed as the minutes of an hour are; null until worked out again. Any zone's days are made of them.
CREATE TABLE IF NOT EXISTS day_profile (
  day INTEGER NOT NULL,
  space INTEGER NOT NULL,
  hours BLOB,
  PRIMARY KEY (day, space)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS day_profile_stale ON day_profile (day, space) WHERE hours IS NULL;
INSERT INTO day_profile SELECT day, space, NULL FROM rollup_day WHERE NOT EXISTS (SELECT 1 FROM day_profile);
