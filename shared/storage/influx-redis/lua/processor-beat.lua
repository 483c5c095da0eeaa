#!lua flags=allow-oom
-- Says that a processor is alive, and forgets those that have not said so for long.
--   KEYS 1 processors
--   ARGV 1 processor, 2 silence after which one counts as gone (ms), or 0: this one leaves
--   Answers the number of processors alive.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(ARGV[2]) == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
end
return redis.call('ZCARD', KEYS[1])
