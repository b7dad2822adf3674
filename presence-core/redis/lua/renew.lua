#!lua flags=allow-oom
-- Extends leases (P2, P7). Writes the users' sets only. The busiest verb by far, so what a group shares is done once.
-- ARGV: groups of one shard, node and lease: K, node ('' when no socket), leaseMs, number of items,
--   then 5 an item: key of the user's set, key of the row's hash, 'user session', session, owner.
-- Returns per item: 'renewed|expiresAt', 'gone', 'moved', 'fenced', 'ended|reason'.
local v, replies = ARGV, {}
local find, byte = string.find, string.byte
local BAR = byte('|')

local function miss(K, field)
  local reason = tombstone(K, match(field, '^(%S+) (%S+)$'))
  return reason and 'ended|' .. reason or 'gone'
end

local i, n = 1, 0
while i <= #v do
  local K, node, leaseMs, last = v[i], v[i + 1], tonumber(v[i + 2]), i + 3 + v[i + 3] * 5
  local at = now + leaseMs
  local atText = leaseText(K, at)
  local renewed = 'renewed|' .. fmt('%d', at)
  local out = node ~= '' and fenced(K, 's' .. node .. '.')
  i = i + 4
  while i <= last do
    local key, field, session, owner = v[i], v[i + 2], v[i + 3], v[i + 4]
    local reply = 'fenced'
    if not out then
      local row = call('HGET', v[i + 1], field)
      local score = row and tonumber(call('ZSCORE', key, session))
      if not score or (score <= now and runsUntil(K, score) <= now) then
        reply = miss(K, field)
      elseif byte(row, #owner + 1) ~= BAR or find(row, owner, 1, true) ~= 1 then
        reply = 'moved'
      elseif at <= score then
        reply = 'renewed|' .. fmt('%d', math.ceil(score))
      else
        call('ZADD', key, atText, session)
        reply = renewed
      end
    end
    n = n + 1
    replies[n] = reply
    i = i + 5
  end
end
return replies
