-- What came to the history database after its first version; made when missing, whenever it is opened.

-- What has been heard of each DPU: the last receipt; until hold_until (a CONNECT and the time after it) held_at stands for it.
CREATE TABLE IF NOT EXISTS heard (
  dpu TEXT PRIMARY KEY,
  heard_at INTEGER,
  held_at INTEGER,
  hold_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The events of one DPU and hour, so that a recount finds all that it needs of them together, and reads none of their rows:
-- identity, mapping, and when a late one was recorded. Packed as hour-packing.ts says, unordered. Events that came an hour late
-- and later are in event_hour_late, and what fits in neither is in event_hour_full, which is never added to: so the rows that
-- are added to lie close together, and are short.
CREATE TABLE IF NOT EXISTS event_hour (
  hour INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  mapping INTEGER NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (hour, dpu, mapping)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event_hour_late (
  hour INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  mapping INTEGER NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (hour, dpu, mapping)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event_hour_full (
  hour INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  mapping INTEGER NOT NULL,
  part INTEGER NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (hour, dpu, mapping, part)
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

-- Up to when resets have come due in each partition's counts.
CREATE TABLE IF NOT EXISTS due (partition INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;

-- What changed in counts, in order: many changes to a row, packed as change-packing.ts says. An empty row: what came before is not here.
CREATE TABLE IF NOT EXISTS change_log (number INTEGER PRIMARY KEY AUTOINCREMENT, entries BLOB NOT NULL) STRICT;

-- Facts that map stored events differently. events_total is an estimate until it is done. spaces: a JSON array of numbers.
CREATE TABLE IF NOT EXISTS recount (
  fact INTEGER PRIMARY KEY,
  recorded_at INTEGER NOT NULL,
  spaces TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL,
  events_total INTEGER NOT NULL,
  events_done INTEGER NOT NULL,
  is_done INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS recount_open ON recount (fact) WHERE is_done = 0;

-- What is left of it: the events of one DPU in [from_at, until_at) and in the hours up to last_hour are `becomes`, no longer `was`.
-- Hours before next_hour are done; is_counted: its events are in events_total.
CREATE TABLE IF NOT EXISTS recount_part (
  number INTEGER PRIMARY KEY,
  fact INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL,
  was INTEGER NOT NULL,
  becomes INTEGER NOT NULL,
  next_hour INTEGER NOT NULL,
  last_hour INTEGER NOT NULL,
  is_counted INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS recount_part_of ON recount_part (fact, is_counted);

-- Fact number `cause` maps these events of the DPU differently: `was` until then, `becomes` from then on. Packed as
-- difference-packing.ts says, by the hour of their timestamps. recorded_at: the later of the fact's and the event's. Only added
-- to. By DPU first, so that its recount writes few pages.
CREATE TABLE IF NOT EXISTS dpu_difference (
  dpu INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  was INTEGER NOT NULL,
  becomes INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (dpu, hour, cause, was, becomes, recorded_at)
) STRICT, WITHOUT ROWID;
-- Where to find those of an hour: the DPUs that have any in its day, and from which mapping to which.
CREATE TABLE IF NOT EXISTS difference_day (
  day INTEGER NOT NULL,
  dpu INTEGER NOT NULL,
  was INTEGER NOT NULL,
  becomes INTEGER NOT NULL,
  PRIMARY KEY (day, dpu, was, becomes)
) STRICT, WITHOUT ROWID;

-- The late ledger, of events: those recorded more than a minute after their timestamp, by the hour of recording (as in `arrival`),
-- then by that of the timestamp. So what is recorded together lies together, however far apart it happened.
CREATE INDEX IF NOT EXISTS event_recorded_late
  ON event ((1000 * second + ms + recorded_after_ms) / 3600000, second / 3600, 1000 * second + ms + recorded_after_ms, mapping)
  WHERE recorded_after_ms > 60000;

-- The late ledger, of differences: how they change the sums of a space in a day, by when they were recorded. hours: of its 24
-- hours the first ones, packed as late-ledger.ts says; net: all of them.
CREATE TABLE IF NOT EXISTS shift_day (
  day INTEGER NOT NULL,
  space INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  net INTEGER NOT NULL,
  hours BLOB NOT NULL,
  PRIMARY KEY (day, space, recorded_at)
) STRICT, WITHOUT ROWID;
