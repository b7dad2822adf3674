#!lua flags=allow-oom
-- Ends one session at once (P3, P7, P8).
-- ARGV, 6 an item: K, user, session, bucket, owner ('' unchecked), reason.
-- Returns per item an array: 'closed' and a line of the ended session; or 'gone', 'moved', 'fenced', 'ended|reason'.
local function close(act, reason)
  local member, miss = findOwned(act)
  if not member then
    -- What was on its way before may come yet.
    if miss == 'gone' and reason == 'left' then setTombstone(act.K, act.user, act.session, reason) end
    return { miss }
  end
  return { 'closed', replyLine(reason, endSession(act, member, reason, now)) }
end

return function()
  return forEachItem(1, 6, function(i)
    return close(actOn(unpack(ARGV, i, i + 4)), ARGV[i + 5])
  end)
end
