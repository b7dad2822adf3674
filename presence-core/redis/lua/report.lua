#!lua flags=allow-oom
-- Keeps what a node tells of itself (P19): also out of memory, when an operator looks.
-- KEYS: the report. ARGV: its text, how long it is kept in ms.
return function()
  call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {}
end, true
