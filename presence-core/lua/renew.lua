#!lua flags=allow-oom
-- Extends leases (P2, P7). Writes the users' sets only. The busiest verb by far: what repeats within a call is kept.
-- ARGV, 6 an item: K, user, session, bucket, owner, leaseMs.
-- Returns per item: 'renewed|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason'.
local v, replies = ARGV, {}
local sub, byte = string.sub, string.byte
local BAR = byte('|')
local at, atText, renewed, lastLease
for i = 1, #v, 6 do
  local K, user, session, owner = v[i], v[i + 1], v[i + 2], v[i + 4]
  if v[i + 5] ~= lastLease then
    lastLease = v[i + 5]
    at = now + tonumber(lastLease)
    atText = fmt('%d', at)
    renewed = 'renewed|' .. atText
  end
  local key = K .. 'u:' .. user
  local row = call('HGET', K .. 'm:' .. v[i + 3], user .. ' ' .. session)
  local score = row and tonumber(call('ZSCORE', key, session))
  local reply
  if fenced(K, owner) then
    reply = 'fenced'
  elseif not score or (score <= now and runsUntil(K, score) <= now) then
    local reason = tombstone(K, user, session)
    reply = reason and 'ended|' .. reason or 'gone'
  elseif sub(row, 1, #owner) ~= owner or byte(row, #owner + 1) ~= BAR then
    reply = 'moved'
  elseif at <= score then
    reply = 'renewed|' .. fmt('%d', score)
  else
    call('ZADD', key, atText, session)
    reply = renewed
  end
  replies[#replies + 1] = reply
end
return replies
