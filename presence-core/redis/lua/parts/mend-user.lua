-- Ends what is half there of one user (P12): members without a row that can be read, rows without a member. Each is closed
-- in the log.
-- rows: session -> text of its row. Returns what the user's members are then, and how much was mended.
local function mendUser(act, rows)
  local mended, list, lost, found = 0, {}, {}, {}
  local flat = undamaged(redis.pcall('ZRANGE', act.set, '0', '-1', 'WITHSCORES'))
  if not flat then
    -- A key of a wrong type holds nothing of ours.
    call('UNLINK', act.set)
    mended, flat = 1, {}
  end
  act.members = list
  for i = 1, #flat, 2 do
    local text = rows[flat[i]]
    local member = { id = flat[i], score = tonumber(flat[i + 1]), row = parseRow(text) }
    list[#list + 1] = member
    found[member.id] = true
    if member.row.isLost then lost[#lost + 1] = member end
  end
  for i = 1, #lost do endSession(act, lost[i], 'timeout', now) end
  mended = mended + #lost
  for session, text in pairs(rows) do
    if not found[session] then
      endRowAlone(act, session, text)
      mended = mended + 1
    end
  end
  return list, mended
end
