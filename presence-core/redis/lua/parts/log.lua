-- Appends one change to the shard's log and sets the sequence in the member's row (P11). `epoch-*` numbers the entries
-- of an epoch without a hole, from 0; a sequence is that plus 1.
-- kind: 'o' open, 'u' update, 'c' close. note: transition ('+' online, '-' offline, ''), reason (''), and with an update
-- previous: the row's stream, device type, country, state, segment and segmentMs as they were.
local function appendChange(act, kind, member, at, note)
  local K, row = act.K, member.row
  local state = stateOf(K)
  local epoch = state.epoch
  if not epoch then
    epoch = nowText
    call('HSET', K .. 'shard', 'epoch', epoch)
    state.epoch = epoch
  end
  local atText = at == now and nowText or fmt('%d', at)
  local entry = kind .. '|' .. act.user .. '|' .. member.id .. '|' .. sub(row.owner, 1, 1) .. '|' .. atText .. '|'
    .. row.startedAt .. '|' .. row.segment .. '|' .. row.segmentMs .. '|' .. row.stream .. '|' .. row.dtype .. '|' .. row.country .. '|' .. row.state .. '|' .. note.transition .. '|' .. note.reason
  local p = note.previous
  if p then
    entry = entry .. '|' .. p.stream .. '|' .. p.dtype .. '|' .. p.country .. '|' .. p.state .. '|' .. p.segment .. '|'
      .. p.segmentMs
  end
  -- meta may hold '|', so it is last.
  if kind ~= 'c' and (row.device ~= '' or row.meta ~= '') then
    entry = entry .. (p and '|' or '|||||||') .. row.device .. '|' .. row.meta
  end
  local id = call('XADD', K .. 'log', 'MAXLEN', '~', LOG_MAX, epoch .. '-*', 'c', entry)
  row.sequence = fmt('%d', sub(id, #epoch + 2) + 1)
end
