#!lua flags=allow-oom
-- Says what the history group is about to write to InfluxDB, so that whoever comes after it knows what may be there in part.
--   KEYS 1 lease, 2 late, or recounts
--   ARGV 1 epoch, 2 field, 3 value
--   Answers 1; the error FENCED when another epoch owns the partition.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return redis.error_reply('FENCED another process owns the partition')
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
