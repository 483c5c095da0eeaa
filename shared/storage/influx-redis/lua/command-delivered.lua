#!lua flags=allow-oom
-- Notes when a command was delivered; of several times the first counts. Allowed at maxmemory: it would be delivered again.
-- KEYS  1 commands of the DPU, as in command-queue.lua
-- ARGV  1 id   2 delivered at
-- Answers 1; 0: it had been delivered before, or is not kept any more.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local before, payload = string.match(kept or '', '^(%d+|%d+|%d+|)0|(.*)$')
if not before then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], before .. ARGV[2] .. '|' .. payload)
return 1
