#!lua flags=allow-oom
-- Stores a credential in place of the one with its kind and id. Allowed at maxmemory: revoking a key must always work.
-- KEYS  1 credentials: HASH of JSON by "<kind>:<id>"
--       2 credential changes: ZSET "<kind>:<id>" -> revision of its last put
-- ARGV  1 "<kind>:<id>"   2 its JSON
-- Answers its revision: the greatest so far and one.
local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local revision = tonumber(newest[2] or '0') + 1
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], revision, ARGV[1])
return revision
