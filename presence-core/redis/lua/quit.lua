#!lua flags=allow-oom
-- Gives a node generation's lease up at a home: it is over from now on (P9). What it still holds ends in a sweep.
-- ARGV: H, node.
-- Who goes answers no silence.
return function()
  caller = ''
  askRun()
  ensureEpochs(ARGV[1], 0, 0)
  giveUpNodeLease(ARGV[1], ARGV[2])
  return {}
end
