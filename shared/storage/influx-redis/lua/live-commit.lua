#!lua flags=allow-oom
-- Stores what the live group makes of a batch, and its cursor, all or nothing. Absolute values: repeating it is harmless.
--   KEYS 1 lease, 2 live, 3 dpus, 4 numbers, 5 verdicts, 6 quarantine, 7 quarantine:items, 8.. indexes of quarantine
--   ARGV 1 epoch, then six lists, each a count and its elements:
--        live: field, value;  rings: dpu, packed;  numbers: dpu, number;  verdicts: position, text;
--        quarantined: id, recorded_at, item, the numbers in KEYS of its indexes by reason and by DPU (0: none);
--        replayed: id, the same two numbers
--   Answers 1; the error FENCED when another epoch owns the partition.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return redis.error_reply('FENCED another process owns the partition')
end
local at = 2
local function each(width, work)
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    work(at)
    at = at + width
  end
end
each(2, function(i) redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end)
each(2, function(i) redis.call('ZADD', KEYS[5], ARGV[i], ARGV[i + 1]) end)
each(5, function(i)
  redis.call('ZADD', KEYS[6], ARGV[i + 1], ARGV[i])
  redis.call('HSET', KEYS[7], ARGV[i], ARGV[i + 2])
  for j = i + 3, i + 4 do
    if ARGV[j] ~= '0' then redis.call('ZADD', KEYS[tonumber(ARGV[j])], ARGV[i + 1], ARGV[i]) end
  end
end)
each(3, function(i)
  redis.call('ZREM', KEYS[6], ARGV[i])
  redis.call('HDEL', KEYS[7], ARGV[i])
  for j = i + 1, i + 2 do
    if ARGV[j] ~= '0' then redis.call('ZREM', KEYS[tonumber(ARGV[j])], ARGV[i]) end
  end
end)
return 1
