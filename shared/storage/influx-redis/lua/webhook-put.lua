#!lua flags=allow-oom
-- Stores a webhook in place of the one with its id, or removes it with all that is kept of it.
-- KEYS  1 webhooks: HASH of JSON by id   2 progress: HASH of JSON by id   3 newest: HASH of numbers by id
--       4 deliveries   5 bodies   6 those that wait
-- ARGV  1 id   2 its JSON; empty: it is removed   3 JSON of its progress, where there is none yet
if ARGV[2] == '' then
  for at = 1, 3 do redis.call('HDEL', KEYS[at], ARGV[1]) end
  for at = 4, 6 do redis.call('UNLINK', KEYS[at]) end
  return 1
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[3])
return 1
