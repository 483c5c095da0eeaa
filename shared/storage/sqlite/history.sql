-- The history database: what the processor has taken in. Everything below `event` can be made anew from it and the facts.
-- Times: `second`, `hour`, `day` count from 1970-01-01 UTC; `month` is 12 * year + month - 1; *_ms and *_at are milliseconds.

-- DPUs and spaces by short numbers; the hours in which a DPU has events lie in [first_hour, last_hour].
CREATE TABLE dpu (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  first_hour INTEGER NOT NULL,
  last_hour INTEGER NOT NULL
) STRICT;
CREATE TABLE space (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;

-- What a +1 does: +1 to each space of `enters`, -1 to each of `leaves` (JSON arrays of space numbers). A -1 does the opposite.
CREATE TABLE mapping (
  number INTEGER PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('counted', 'unplaced', 'voided')),
  enters TEXT NOT NULL,
  leaves TEXT NOT NULL,
  UNIQUE (status, enters, leaves)
) STRICT;

-- Raw events. The key is the identity, so a duplicate is a conflict however late it comes; epoch and seq are -1 when absent.
-- `mapping` is the one that held when the event was recorded; it is never changed (see `dpu_difference`).
-- recorded_at = 1000 * second + ms + recorded_after_ms;  received_at = recorded_at - received_before_ms.
CREATE TABLE event (
  second INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  ms INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  recorded_after_ms INTEGER NOT NULL,
  received_before_ms INTEGER NOT NULL,
  mapping INTEGER NOT NULL,
  PRIMARY KEY (second, dpu, ms, direction, epoch, seq)
) STRICT, WITHOUT ROWID;

-- Where to find the events recorded in one hour: the hours of their timestamps.
CREATE TABLE arrival (
  recorded_hour INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  PRIMARY KEY (recorded_hour, hour)
) STRICT, WITHOUT ROWID;

-- Sums of deltas: entrances are +1, exits -1, as all facts so far map them. `minutes` packs the same per minute of the hour.
-- lowest and highest: the least and greatest running sum from the hour's beginning, 0 included; null until worked out again.
CREATE TABLE rollup_hour (
  hour INTEGER NOT NULL,
  space INTEGER NOT NULL,
  entrances INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  lowest INTEGER,
  highest INTEGER,
  minutes BLOB NOT NULL,
  PRIMARY KEY (hour, space)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_hour_stale ON rollup_hour (hour, space) WHERE lowest IS NULL;

CREATE TABLE rollup_day (
  day INTEGER NOT NULL,
  space INTEGER NOT NULL,
  entrances INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  PRIMARY KEY (day, space)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_month (
  month INTEGER NOT NULL,
  space INTEGER NOT NULL,
  entrances INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  PRIMARY KEY (month, space)
) STRICT, WITHOUT ROWID;

-- Live counts. since_*: of the deltas with timestamp > start_at (null: all), start_at being the newest reset.
CREATE TABLE live (
  space INTEGER PRIMARY KEY,
  entrances INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  start_at INTEGER,
  since_entrances INTEGER NOT NULL,
  since_exits INTEGER NOT NULL,
  newest_at INTEGER,
  revision INTEGER NOT NULL
) STRICT;

-- What was received and could not be counted. A row goes when its replay has been stored.
CREATE TABLE quarantine (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  topic TEXT,
  dpu_id TEXT,
  reason TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_of_dpu ON quarantine (dpu_id, reason);

-- Up to where each journal partition has been taken in, and the newest fact in every number above.
CREATE TABLE progress (
  partition INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  fact_number INTEGER NOT NULL
) STRICT;
