#!lua flags=allow-oom
-- Marks hours and days of spaces as changed, before points in them are written: their rollups do not hold from now on.
--   KEYS 1 set of the owner's spaces that have marks, 2.. the marks of one space each
--   ARGV 1 value of all marks: the journal position whose points are written, and what tells it from any other marking;
--        then for each of KEYS 2..: space id, a count, and so many fields
--   Answers the number of marks.
local at, marks = 2, 0
for k = 2, #KEYS do
  local count = tonumber(ARGV[at + 1])
  for i = at + 2, at + 1 + count do
    redis.call('HSET', KEYS[k], ARGV[i], ARGV[1])
    marks = marks + 1
  end
  redis.call('SADD', KEYS[1], ARGV[at])
  at = at + 2 + count
end
return marks
