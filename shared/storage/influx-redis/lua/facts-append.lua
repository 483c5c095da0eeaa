#!lua
-- Appends facts, all or none, if the newest is still the one that was decided on.
--   KEYS 1 facts
--   ARGV 1 number of the newest fact expected, 2 the caller's clock (ms), 3 who, or '', 4.. changes (JSON)
--   Answers recorded_at of the new facts (ms), or -1 when another fact is the newest.
local count = redis.call('LLEN', KEYS[1])
if count ~= tonumber(ARGV[1]) then return '-1' end
local recorded_at = tonumber(ARGV[2])
if count > 0 then
  recorded_at = math.max(recorded_at, cjson.decode(redis.call('LINDEX', KEYS[1], -1)).recorded_at)
end
local by = 'null'
if ARGV[3] ~= '' then by = cjson.encode(ARGV[3]) end
local text = string.format('%.0f', recorded_at)
for i = 4, #ARGV do
  -- Put together as text: a change must come back as it came, empty lists and all.
  redis.call('RPUSH', KEYS[1], string.format('{"number":%d,"recorded_at":%s,"by":%s,"change":%s}', count + i - 3, text, by, ARGV[i]))
end
return text
