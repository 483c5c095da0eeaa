#!lua flags=allow-oom
-- Facts up to a number stand in every partition. Never goes back.
--   KEYS 1 announced
--   ARGV 1 number, 2 channel that is told
--   Answers 1 when it is news.
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if known >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
