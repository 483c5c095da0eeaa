#!lua
-- Queues a command, unless too many wait, and forgets the oldest of those that no longer do.
-- KEYS  1 commands of the DPU: HASH id -> "<number>|<queued at>|<expires at>|<delivered at, 0: not>|<payload>"
--       2 newest: ZSET DPU -> number of its newest command   3 the greatest number so far
-- ARGV  1 DPU   2 id   3 queued at   4 expires at   5 payload   6 how many may wait   7 how many others are kept   8 channel
-- Answers 1; 0: too many wait.
local waiting, done = 0, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local number, _, expires, delivered = string.match(all[i + 1], '^(%d+)|(%d+)|(%d+)|(%d+)|')
  if delivered == '0' and tonumber(expires) > tonumber(ARGV[3]) then
    waiting = waiting + 1
  else
    done[#done + 1] = { tonumber(number), all[i] }
  end
end
if waiting >= tonumber(ARGV[6]) then return 0 end
table.sort(done, function (one, other) return one[1] > other[1] end)
for i = tonumber(ARGV[7]) + 1, #done do redis.call('HDEL', KEYS[1], done[i][2]) end
local number = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], ARGV[2], number .. '|' .. ARGV[3] .. '|' .. ARGV[4] .. '|0|' .. ARGV[5])
redis.call('ZADD', KEYS[2], number, ARGV[1])
redis.call('PUBLISH', ARGV[8], number)
return 1
