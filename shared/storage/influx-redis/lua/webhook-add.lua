#!lua
-- Adds messages behind those of a webhook, and moves its progress. Refused at maxmemory: they can be made later as well.
-- KEYS  1 webhooks: HASH of JSON by id   2 progress: HASH of JSON by id   3 newest: HASH of numbers by id
--       4 deliveries: HASH of JSON by number   5 bodies: HASH by number   6 those that wait: ZSET of numbers
--       7 lease
-- ARGV  1 id   2 epoch, 0 for whoever does not deliver   3 JSON of the progress; empty: it stays   4 how many are kept
--       5 JSON of the first message   6 its body   …
--   Answers the number of the last message, 0 when there is no such webhook; the error FENCED when another process delivers.
if ARGV[2] ~= '0' and redis.call('HGET', KEYS[7], 'epoch') ~= ARGV[2] then
  return redis.error_reply('FENCED another process delivers')
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local number = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or '0')
for at = 5, #ARGV, 2 do
  number = number + 1
  redis.call('HSET', KEYS[4], number, ARGV[at])
  redis.call('HSET', KEYS[5], number, ARGV[at + 1])
  redis.call('ZADD', KEYS[6], number, number)
  local old = number - tonumber(ARGV[4])
  if not redis.call('ZSCORE', KEYS[6], old) then
    redis.call('HDEL', KEYS[4], old)
    redis.call('HDEL', KEYS[5], old)
  end
end
redis.call('HSET', KEYS[3], ARGV[1], number)
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
return number
