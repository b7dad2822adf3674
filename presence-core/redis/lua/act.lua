-- Stands before the verbs that act on one live session: finds it, checks tombstone and owner (P5, P7, P9).
-- Returns list and index, or nil and what to answer.
local function find(K, user, session, bucket, owner)
  if fenced(K, owner) then return nil, 'fenced' end
  local list = liveMembers(K, bucket, user)
  local i = indexOf(list, session)
  if not i then
    local reason = tombstone(K, user, session)
    return nil, reason and 'ended|' .. reason or 'gone'
  end
  loadRows(K, bucket, user, list)
  if owner ~= '' and list[i].row.owner ~= owner then return nil, 'moved' end
  return list, i
end
