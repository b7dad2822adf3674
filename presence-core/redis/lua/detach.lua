#!lua flags=allow-oom
-- Leaves a socket's session to the resume grace, without an owner (P8). The only verb that shortens a lease.
-- ARGV, 6 an item: K, user, session, bucket, owner, graceMs.
-- Returns per item: 'detached|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason'.
local function detach(K, user, session, bucket, owner, graceMs)
  local list, i = find(K, user, session, bucket, owner)
  if not list then return i end
  local m = list[i]
  local at = now + graceMs
  m.row.owner = string.sub(m.row.owner, 1, 1)
  call('ZADD', K .. 'u:' .. user, leaseEnd(K, at), session)
  saveRow(K, bucket, user, session, m.row)
  fileDue(K, bucket, at)
  return 'detached|' .. fmt('%d', at)
end

local replies = {}
for i = 1, #ARGV, 6 do
  replies[#replies + 1] = detach(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], tonumber(ARGV[i + 5]))
end
return replies
