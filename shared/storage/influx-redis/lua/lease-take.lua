#!lua flags=allow-oom
-- Takes or prolongs the lease of a partition. The epoch grows with every taking: it is the fencing token.
--   KEYS 1 lease
--   ARGV 1 owner, 2 how long (ms), 3 the epoch held, or 0 to take it
--   Answers the epoch, or 0 when somebody else holds it.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'expires_at')
local epoch = tonumber(lease[2] or '0')
local held = tonumber(ARGV[3])
if held > 0 then
  if lease[1] ~= ARGV[1] or epoch ~= held then return 0 end
else
  if lease[1] and lease[1] ~= '' and tonumber(lease[3]) > now then return 0 end
  epoch = epoch + 1
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', epoch, 'expires_at', string.format('%.0f', now + tonumber(ARGV[2])))
return epoch
