-- What came to the history database after its first version; made when missing, whenever it is opened.

-- What has been heard of each DPU: the last receipt; until hold_until (a CONNECT and the time after it) held_at stands for it.
CREATE TABLE IF NOT EXISTS heard (
  dpu TEXT PRIMARY KEY,
  heard_at INTEGER,
  held_at INTEGER,
  hold_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
