#!lua flags=allow-oom
-- Ends one session, or all of a user (session ''), at once (P3, P7, P8).
-- ARGV, 6 an item: K, user, session, bucket, owner ('' unchecked), reason.
-- Returns per item an array: 'closed', 'gone', 'moved', 'fenced' or 'ended|reason', then a line per ended session.
local function close(K, user, session, bucket, owner, reason)
  local out = { 'closed' }
  if session == '' then
    local list = liveMembers(K, bucket, user)
    while #list > 0 do out[#out + 1] = line(reason, finish(K, bucket, user, list, 1, reason, now)) end
    return out
  end
  local list, i = find(K, user, session, bucket, owner)
  if not list then return { i } end
  out[2] = line(reason, finish(K, bucket, user, list, i, reason, now))
  return out
end

local replies = {}
for i = 1, #ARGV, 6 do
  replies[#replies + 1] = close(unpack(ARGV, i, i + 5))
end
return replies
