#!lua flags=allow-oom
-- Appends an entry to the audit trail. Allowed at maxmemory: it is bounded, and revoking a key must always work.
-- KEYS  1 audit trail: STREAM
-- ARGV  1 the entry, JSON   2 entries kept   3 ms for which they are kept
local now = redis.call('TIME')
redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f', tonumber(now[1]) * 1000 - tonumber(ARGV[3])))
return 1
