-- For the verbs that act on one live session: finds it, checks tombstone and owner (P5, P7, P9).
-- Returns the member, all rows of the user loaded; or nil and what to answer.
local function findOwned(act)
  local owner = act.owner
  if fenced(act.K, owner) then return nil, 'fenced' end
  liveMembers(act)
  local member = memberOf(act, act.session)
  if not member then
    local reason = tombstone(act.K, act.user, act.session)
    return nil, reason and 'ended|' .. reason or 'gone'
  end
  loadRows(act)
  if owner ~= '' and member.row.owner ~= owner then return nil, 'moved' end
  return member
end
