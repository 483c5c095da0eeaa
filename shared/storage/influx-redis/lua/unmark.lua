#!lua flags=allow-oom
-- Takes away marks of one space whose rollups have been made, unless they were set again since.
--   KEYS 1 set of the owner's spaces that have marks, 2 the marks of the space
--   ARGV 1 space id, then field and the version that was read before the raw points, for each mark
--   Answers the number of marks taken away.
local cleared = 0
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[2], ARGV[i])
    cleared = cleared + 1
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SREM', KEYS[1], ARGV[1]) end
return cleared
