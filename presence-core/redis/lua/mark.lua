#!lua flags=allow-oom
-- Writes a process' mark, by which its readers prove that they read what its calls write (P11).
-- KEYS: the mark. ARGV: its text, how long it lasts in ms.
return function()
  call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {}
end, true
