#!lua flags=allow-oom
-- Appends to a node's inbox: also out of memory, as what was freed there must reach its socket (P5).
-- KEYS: the inbox. ARGV: how many messages are kept, about, how long after the last one in ms, the message.
return function()
  call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'm', ARGV[3])
  call('PEXPIRE', KEYS[1], ARGV[2])
  return {}
end, true
