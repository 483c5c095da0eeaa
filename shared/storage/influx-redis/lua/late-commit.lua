#!lua flags=allow-oom
-- Stores what the history group adds to live counts, and its cursor, all or nothing. Absolute values: repeating it is harmless.
--   KEYS 1 lease, 2 late, 3 verdicts, 4 arrivals, 5 heard
--   ARGV 1 epoch, 2 verdicts up to this position are done with, then three lists, each a count and its elements:
--        late: field, value;  arrivals: score, member;  heard: dpu, packed
--   Answers 1; the error FENCED when another epoch owns the partition.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return redis.error_reply('FENCED another process owns the partition')
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2])
local at = 3
local function each(width, work)
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    work(at)
    at = at + width
  end
end
each(2, function(i) redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('ZADD', KEYS[4], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end)
return 1
