-- Opening what is live renews it, maybe for a new owner, also above the limit (P4, P7). Returns the reply.
local function renewSession(act, member)
  loadRows(act)
  local row, owner, max, out = member.row, act.owner, act.max, { '' }
  local what = 'renewed'
  local heldBySocket = #row.owner > 1
  local beatsHeld = act.intent == 'b' and heldBySocket
  local isFormer = beatsHeld and isOfFormerEpoch(act.K, row.owner)
  if beatsHeld and not isFormer then
    what = 'held'
  else
    local dirty = row.owner ~= owner or row.limit ~= max
    -- A former socket that lives opens its session again, and is told nothing until then.
    if heldBySocket and not isFormer and row.owner ~= owner then out[2] = replyLine('moved', member) end
    local former = row.owner
    row.owner, row.limit = owner, max
    if applyAttributes(act, member, parseAttributes(act.attributes), formerOf(act)) then dirty = true end
    local expiresAt = now + act.leaseMs
    -- Who beats does not keep the long lease of the socket that had it (P2).
    local isShorter = heldBySocket and #owner == 1 and expiresAt < member.lease
    if expiresAt > member.lease or isShorter then
      member.score = expiresAt
      if member.id == '*' then noteMark(act.K, expiresAt) end
      local field, text = act.user .. ' ' .. member.id, leaseText(act.K, expiresAt)
      call('ZADD', act.set, text, member.id)
      if isShorter then fileEnd(act.K, act.bucket, field, expiresAt)
      else fileMarked(act.K, act.bucket, field, expiresAt, text) end
    end
    if dirty then saveRow(act, member) end
    moveHeld(act.K, former, owner)
  end
  out[1] = fmt('%s|%d|%s|%s|%d|%s|%s', what, slotsTaken(act), max, row.startedAt, member.score, row.segment, row.segmentMs)
  return out
end
