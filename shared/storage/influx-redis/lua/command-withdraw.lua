#!lua flags=allow-oom
-- Takes a command away, unless it has been delivered.
-- KEYS  1 commands of the DPU, as in command-queue.lua
-- ARGV  1 id
-- Answers what was kept of it; nothing when it is not there.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
if kept and string.match(kept, '^%d+|%d+|%d+|0|') then redis.call('HDEL', KEYS[1], ARGV[1]) end
return kept
