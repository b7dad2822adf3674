#!lua flags=allow-oom
-- Leaves a socket's session to the resume grace, without an owner (P8).
-- ARGV, 6 an item: K, user, session, bucket, owner, graceMs.
-- Returns per item: 'detached|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason'.
local function detach(act, graceMs)
  local member, miss = findOwned(act)
  if not member then return miss end
  local at = now + graceMs
  local former = member.row.owner
  member.row.owner = string.sub(former, 1, 1)
  call('ZADD', act.set, leaseText(act.K, at), act.session)
  saveRow(act, member)
  moveHeld(act.K, former, '')
  fileEnd(act.K, act.bucket, act.user .. ' ' .. act.session, at)
  return 'detached|' .. fmt('%d', at)
end

return function()
  return forEachItem(1, 6, function(i)
    return detach(actOn(unpack(ARGV, i, i + 4)), tonumber(ARGV[i + 5]))
  end)
end
