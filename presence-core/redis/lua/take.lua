#!lua flags=allow-oom
-- Hands a member of a change group its next share of the log (P17): first what a member took and did not acknowledge
-- within claimMs, then what nobody was given. Makes the group where there is none, before the oldest entry kept.
-- Allowed out of memory: what is taken is acknowledged and so freed, and closes are appended then too.
-- ARGV: group, member, count, claimMs; then one K an item.
-- Returns per item an array: 'lost|backlog', then id and text of each entry in the log's order. lost: entries that were
-- trimmed away before anybody was given them or while they were overdue. backlog: entries from the oldest one that is
-- not acknowledged to the newest.
local group, member, count, claimMs

-- P11: ids go on without a hole, also over an epoch's mark, so that the difference of two is a number of entries.
local function numberOf(id)
  return tonumber(match(id, '%-(%d+)$'))
end

local function newestOf(log)
  local newest = call('XREVRANGE', log, '+', '-', 'COUNT', '1')[1]
  return newest and numberOf(newest[1]) or -1
end

-- Makes the group where there is none, before the oldest entry kept. Returns what it begins with, as groupState does.
local function createGroup(log)
  local oldest = call('XRANGE', log, '-', '+', 'COUNT', '1')[1]
  local before = -1
  if oldest then before = numberOf(oldest[1]) - 1 end
  local id = before < 0 and '0-0' or match(oldest[1], '^(%d+)') .. '-' .. fmt('%d', before)
  call('XGROUP', 'CREATE', log, group, id, 'MKSTREAM')
  return before, 0
end

-- Number of the last entry given to anybody (-1 none), and how many are not acknowledged.
local function groupState(log)
  local groups = redis.pcall('XINFO', 'GROUPS', log)
  for g = 1, #groups do
    local info = groups[g]
    if info[2] == group then
      local given, pending
      for i = 3, #info, 2 do
        if info[i] == 'last-delivered-id' then given = info[i + 1] elseif info[i] == 'pending' then pending = info[i + 1] end
      end
      return given == '0-0' and -1 or numberOf(given), pending
    end
  end
  return createGroup(log)
end

local function addEntries(out, entries)
  for i = 1, #entries do
    out[#out + 1] = entries[i][1]
    out[#out + 1] = entries[i][2][2]
  end
end

-- Claims what is overdue for this member. Returns how many entries were overdue, and how many of them are gone.
local function claimOverdue(log, out)
  -- Not XAUTOCLAIM: it also tells of trimmed entries that a live member is still at work on.
  local overdue = call('XPENDING', log, group, 'IDLE', claimMs, '-', '+', count)
  if #overdue == 0 then return 0, 0 end
  local ids = {}
  for i = 1, #overdue do ids[i] = overdue[i][1] end
  local claimed = call('XCLAIM', log, group, member, claimMs, unpack(ids))
  addEntries(out, claimed)
  return #ids, #ids - #claimed
end

local function take(K)
  local log = K .. 'log'
  local given, pending = groupState(log)
  local out, lost, room = { '' }, 0, count
  if pending > 0 then
    local overdue, trimmed = claimOverdue(log, out)
    lost, room = trimmed, room - overdue
  end
  local newest
  if room > 0 then
    local reply = call('XREADGROUP', 'GROUP', group, member, 'COUNT', room, 'STREAMS', log, '>')
    local fresh = reply and reply[1][2] or {}
    if #fresh > 0 then
      addEntries(out, fresh)
      lost = lost + math.max(0, numberOf(fresh[1][1]) - given - 1)
      given = numberOf(fresh[#fresh][1])
      pending = pending + #fresh
    end
    if #fresh < room then newest = given end
  end
  local open = given + 1
  if pending > 0 then
    local summary = call('XPENDING', log, group)
    if summary[1] > 0 then open = numberOf(summary[2]) end
  end
  out[1] = fmt('%d|%d', lost, math.max(0, (newest or newestOf(log)) - open + 1))
  return out
end

return function()
  group, member, count, claimMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
  return forEachItem(5, 1, function(i) return take(ARGV[i]) end)
end
