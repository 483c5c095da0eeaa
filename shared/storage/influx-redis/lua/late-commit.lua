#!lua flags=allow-oom
-- Stores what the history group adds to live counts, to the change feed and to recounts, and its cursor, all or nothing.
-- Absolute values, and changes by their numbers: repeating it is harmless.
--   KEYS 1 lease, 2 late, 3 verdicts, 4 arrivals, 5 heard, 6 changes, 7 recounts, 8 recounts done, 9 parts of recounts
--   ARGV 1 epoch, 2 verdicts up to this position are done with, 3 number of the newest change, 4 most changes kept,
--        then lists, each a count and its elements:
--        late: field, value;  arrivals: score, member;  heard: dpu, packed;
--        changes: number of the entry's newest, how many, spaces, DPUs, packed;
--        recounts: fact, job;  recounts done: fact, job ('': it touched nothing);  parts: field, part ('': it is done)
--   Answers 1; the error FENCED when another epoch owns the partition.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return redis.error_reply('FENCED another process owns the partition')
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2])
local at = 5
local function each(width, work)
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    work(at)
    at = at + width
  end
end
local function put(key, i)
  if ARGV[i + 1] == '' then
    redis.call('HDEL', key, ARGV[i])
  else
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
end
local newest = tonumber(redis.call('HGET', KEYS[2], ':changes') or '0')
each(2, function(i) redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('ZADD', KEYS[4], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end)
each(5, function(i)
  if tonumber(ARGV[i]) > newest then
    redis.call('XADD', KEYS[6], ARGV[i] .. '-0', 'n', ARGV[i + 1], 's', ARGV[i + 2], 'd', ARGV[i + 3], 'c', ARGV[i + 4])
  end
end)
each(2, function(i) put(KEYS[7], i) end)
each(2, function(i)
  redis.call('HDEL', KEYS[7], ARGV[i])
  put(KEYS[8], i)
end)
each(2, function(i) put(KEYS[9], i) end)
redis.call('HSET', KEYS[2], ':changes', ARGV[3])
local oldest = tonumber(ARGV[3]) - tonumber(ARGV[4])
if oldest > 0 and tonumber(ARGV[3]) > newest then
  redis.call('XTRIM', KEYS[6], 'MINID', string.format('%.0f', oldest) .. '-0')
end
return 1
