#!lua
-- Ends connections of a teller that begins anew or is dead, some at a time.
-- KEYS  1 connections, 2 changes, 3 tellers, 4 connected: as in connections-tell.lua
-- ARGV  1 teller   2 since when they are over, ms   3 how many at most
-- Answers how many are left.
local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local revision = tonumber(newest[2] or '0')
for _, dpu in ipairs(redis.call('SPOP', KEYS[4], ARGV[3])) do
  local kept = cjson.decode(redis.call('HGET', KEYS[1], dpu))
  if kept[1] == 1 and kept[6] == ARGV[1] then
    revision = revision + 1
    kept[1], kept[2] = 0, tonumber(ARGV[2])
    redis.call('HSET', KEYS[1], dpu, cjson.encode(kept))
    redis.call('ZADD', KEYS[2], revision, dpu)
  end
end
local left = redis.call('SCARD', KEYS[4])
if left == 0 then redis.call('ZREM', KEYS[3], ARGV[1]) end
return left
