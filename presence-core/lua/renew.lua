#!lua flags=allow-oom
-- Extends leases (P2, P7). Writes the users' sets only. The busiest verb by far, so what a group shares is done once.
-- ARGV: groups of one shard, node and lease: K, node ('' when no socket), leaseMs, number of items,
--   then 4 an item: user, session, bucket, owner.
-- Returns per item: 'renewed|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason'.
local v, replies = ARGV, {}
local sub, byte = string.sub, string.byte
local BAR = byte('|')

local function miss(K, user, session)
  local reason = tombstone(K, user, session)
  return reason and 'ended|' .. reason or 'gone'
end

local i, n = 1, 0
while i <= #v do
  local K, node, leaseMs, last = v[i], v[i + 1], tonumber(v[i + 2]), i + 3 + v[i + 3] * 4
  local sets, rows = K .. 'u:', K .. 'm:'
  local at = now + leaseMs
  local atText = fmt('%d', at)
  local renewed = 'renewed|' .. atText
  local out = node ~= '' and fenced(K, 's' .. node .. '.')
  i = i + 4
  while i <= last do
    local user, session, owner = v[i], v[i + 1], v[i + 3]
    local reply = 'fenced'
    if not out then
      local key = sets .. user
      local row = call('HGET', rows .. v[i + 2], user .. ' ' .. session)
      local score = row and tonumber(call('ZSCORE', key, session))
      if not score or (score <= now and runsUntil(K, score) <= now) then
        reply = miss(K, user, session)
      elseif byte(row, #owner + 1) ~= BAR or sub(row, 1, #owner) ~= owner then
        reply = 'moved'
      elseif at <= score then
        reply = 'renewed|' .. fmt('%d', score)
      else
        call('ZADD', key, atText, session)
        reply = renewed
      end
    end
    n = n + 1
    replies[n] = reply
    i = i + 4
  end
end
return replies
