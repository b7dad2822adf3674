-- Opening what is live renews it, maybe for a new owner, also above the limit (P4, P7). Returns the reply to the item at i.
local function renewSession(act, member, max, i)
  loadRows(act)
  local row, owner, out = member.row, act.owner, { '' }
  local what = 'renewed'
  local heldBySocket = #row.owner > 1
  if v[i + INTENT] == 'b' and heldBySocket then
    what = 'held'
  else
    local dirty = row.owner ~= owner or row.limit ~= max
    if heldBySocket and row.owner ~= owner then out[2] = replyLine('moved', member) end
    row.owner, row.limit = owner, max
    if applyAttributes(act, member, parseAttributes(v[i + ATTRIBUTES]), formerOf(i)) then dirty = true end
    local expiresAt = now + v[i + LEASE_MS]
    if expiresAt > member.score then
      member.score = expiresAt
      call('ZADD', act.set, fmt('%d', expiresAt), member.id)
    end
    if dirty then saveRow(act, member) end
  end
  out[1] = fmt('%s|%d|%s|%s|%d|%s|%s', what, slotsTaken(act), max, row.startedAt, member.score, row.segment, row.segmentMs)
  return out
end
