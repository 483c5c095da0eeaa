#!lua flags=allow-oom
-- Takes away the entries that no group needs again.
--   KEYS 1 journal, 2 journal:meta, 3 lease
--   ARGV 1 epoch, 2 position, 3 most entries to take away
--   Answers the number of entries; the error FENCED when another epoch owns the partition.
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[1] then
  return redis.error_reply('FENCED another process owns the partition')
end
local entries = redis.call('XRANGE', KEYS[1], '-', ARGV[2] .. '-0', 'COUNT', ARGV[3])
local bytes = 0
for _, entry in ipairs(entries) do
  bytes = bytes + #entry[2][8]
  redis.call('XDEL', KEYS[1], entry[1])
end
if bytes > 0 then redis.call('HINCRBY', KEYS[2], 'bytes', string.format('%.0f', -bytes)) end
return #entries
