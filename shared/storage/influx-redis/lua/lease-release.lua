#!lua flags=allow-oom
-- Gives a lease up, if it is still held; the epoch stays.
--   KEYS 1 lease
--   ARGV 1 owner, 2 epoch
--   Answers 1 when it was held.
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '', 'expires_at', 0)
return 1
