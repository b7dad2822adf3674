-- Counts of live sessions and distinct users (P12).

-- Sessions and distinct users of one thing, in one number: sessions * 1e9 + users. At zero it is deleted.
local function addToCount(K, field, sessions, users)
  local by = sessions * 1000000000 + users
  if by ~= 0 and call('HINCRBY', K .. 'n', field, fmt('%d', by)) == 0 then call('HDEL', K .. 'n', field) end
end

local DIMENSIONS = {
  { 's:', function(row) return row.stream end },
  { 'd:', function(row) return row.dtype end },
  { 'c:', function(row) return row.country end },
  { 'l:', function(row) return row.country ~= '' and row.state ~= '' and row.country .. '/' .. row.state or '' end },
}

-- Adds (sign 1) or takes away (-1) what a member counts for by this row, but what it has in common with the row
-- `unchanged`. The user's other members may hold the same stream or device and so keep the user counted there.
local function countSession(act, member, row, sign, unchanged)
  if member.id == '*' then return end
  local others = act.members
  for d = 1, 4 do
    local prefix, of = DIMENSIONS[d][1], DIMENSIONS[d][2]
    local key = of(row)
    if key ~= '' and not (unchanged and of(unchanged) == key) then
      local users = sign
      for i = 1, #others do
        local other = others[i]
        if other ~= member and other.id ~= '*' and of(other.row) == key then users = 0 break end
      end
      addToCount(act.K, prefix .. key, sign, users)
    end
  end
end
