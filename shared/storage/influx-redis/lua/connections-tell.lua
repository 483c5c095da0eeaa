#!lua
-- Stores what a teller has to say of connections, and that it is alive.
-- KEYS  1 connections: HASH of JSON [online, since, address, version, connection, teller] by DPU
--       2 changes: ZSET DPU -> revision of its newest change
--       3 tellers: ZSET teller -> when it is taken for dead, ms of this server
--       4 connected: SET of the DPUs that this teller has told to be connected
--       5 refusals: HASH of JSON {reason: times} by DPU
-- ARGV  1 teller   2 for how long it is taken to be alive, ms   3 number of news
--       then of each: DPU, "1" (connected) or "0" (gone), connection, its JSON
--       then of each refusal: DPU, reason, times
-- Answers 1; 0: the teller was unknown, or taken for dead.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local known = redis.call('ZSCORE', KEYS[3], ARGV[1]) and 1 or 0
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])
local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local revision = tonumber(newest[2] or '0')
local at = 4
for _ = 1, tonumber(ARGV[3]) do
  local dpu, online, connection, text = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  at = at + 4
  local before = redis.call('HGET', KEYS[1], dpu)
  local isOther = false
  if online == '0' and before then
    local kept = cjson.decode(before)
    isOther = kept[1] == 1 and kept[5] ~= connection
  end
  if online == '1' then redis.call('SADD', KEYS[4], dpu) else redis.call('SREM', KEYS[4], dpu) end
  if not isOther then
    revision = revision + 1
    redis.call('HSET', KEYS[1], dpu, text)
    redis.call('ZADD', KEYS[2], revision, dpu)
  end
end
while at < #ARGV do
  local counts = cjson.decode(redis.call('HGET', KEYS[5], ARGV[at]) or '{}')
  counts[ARGV[at + 1]] = (counts[ARGV[at + 1]] or 0) + tonumber(ARGV[at + 2])
  redis.call('HSET', KEYS[5], ARGV[at], cjson.encode(counts))
  at = at + 3
end
return known
