#!lua flags=allow-oom
-- Removes members of a change group that have nothing pending (P17): one that leaves, and those that took nothing for
-- idleMs. Redis does not count a take in vain; it knows a removed member again when it is next given something.
-- ARGV: group, member that leaves ('' none), idleMs; then one K an item.
-- Returns per item how many were removed.
local group, leaving, idleMs

local function prune(K)
  -- No log or no group: an error, which has no items.
  local members = redis.pcall('XINFO', 'CONSUMERS', K .. 'log', group)
  local removed = 0
  for m = 1, #members do
    local info = {}
    for i = 1, #members[m], 2 do info[members[m][i]] = members[m][i + 1] end
    if info.pending == 0 and (info.name == leaving or info.idle > idleMs) then
      call('XGROUP', 'DELCONSUMER', K .. 'log', group, info.name)
      removed = removed + 1
    end
  end
  return removed
end

return function()
  group, leaving, idleMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
  local replies = {}
  for i = 4, #ARGV do replies[#replies + 1] = prune(ARGV[i]) end
  return replies
end
