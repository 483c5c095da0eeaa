#!lua
-- Appends an entry, once: the same appender and seq again stores nothing. Not allowed at maxmemory: nothing grows then.
--   KEYS 1 journal, 2 journal:meta, 3 the appender's last seq
--   ARGV 1 appender, 2 seq, 3 the caller's clock (ms), 4 not to be recorded before (ms), 5 bytes, 6 most bytes pending, 7 ms to remember the appender
--   Answers the position, 0 when it was stored before, -1 when the journal is full.
local last = redis.call('GET', KEYS[3])
if last and tonumber(last) >= tonumber(ARGV[2]) then return 0 end
local meta = redis.call('HMGET', KEYS[2], 'position', 'recorded_at', 'bytes')
local pending = tonumber(meta[3] or '0')
if pending >= tonumber(ARGV[6]) then return -1 end
local position
if meta[1] then
  position = tonumber(meta[1]) + 1
else
  -- Never positions that an emptied server has given out before.
  position = tonumber(redis.call('TIME')[1]) * 1000000
end
local recorded_at = math.max(tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(meta[2] or '0'))
local text = string.format('%.0f', position)
redis.call('XADD', KEYS[1], text .. '-0', 'r', string.format('%.0f', recorded_at), 'a', ARGV[1], 's', ARGV[2], 'b', ARGV[5])
redis.call('HSET', KEYS[2], 'position', text, 'recorded_at', string.format('%.0f', recorded_at),
  'bytes', string.format('%.0f', pending + #ARGV[5]))
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[7])
return text
