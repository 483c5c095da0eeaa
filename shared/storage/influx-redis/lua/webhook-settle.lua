#!lua flags=allow-oom
-- Stores what became of a message of a webhook, and moves its progress. Allowed at maxmemory: what waits must drain.
-- KEYS  1 webhooks: HASH of JSON by id   2 progress: HASH of JSON by id   3 newest: HASH of numbers by id
--       4 deliveries: HASH of JSON by number   5 bodies: HASH by number   6 those that wait: ZSET of numbers
--       7 lease
-- ARGV  1 id   2 epoch   3 JSON of the progress   4 how many are kept   5 number   6 JSON of the message   7 1: delivered
--   Answers 1, 0 when there is no such message; the error FENCED when another process delivers.
if redis.call('HGET', KEYS[7], 'epoch') ~= ARGV[2] then return redis.error_reply('FENCED another process delivers') end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 or redis.call('HEXISTS', KEYS[4], ARGV[5]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[6])
if ARGV[7] == '1' then
  redis.call('ZREM', KEYS[6], ARGV[5])
  if tonumber(ARGV[5]) <= tonumber(redis.call('HGET', KEYS[3], ARGV[1])) - tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[4], ARGV[5])
    redis.call('HDEL', KEYS[5], ARGV[5])
  end
end
return 1
