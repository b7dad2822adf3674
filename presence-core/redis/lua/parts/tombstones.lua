-- Sessions that somebody else ended, and that may not come back by themselves, or that left a moment ago (P5, P8).
local TOMB_CODES = { evicted = 1, replaced = 2, kicked = 3, left = 4 }
local TOMB_REASONS = { 'evicted', 'replaced', 'kicked', 'left' }

local function tombLasts(code)
  return code == TOMB_CODES.left and LEFT_TOMB_MS or TOMB_MS
end

-- The reason for which a session was ended, when, and until when it stays so; nil when it has no tombstone.
local function tombstone(K, user, session)
  local score = call('ZSCORE', K .. 'tomb', user .. ' ' .. session)
  if not score or tonumber(score) < now * 10 then return end
  local code = score % 10
  local till = math.floor(score / 10)
  return TOMB_REASONS[code], till - tombLasts(code), till
end

-- Sets it, where the reason is one that leaves a tombstone.
local function setTombstone(K, user, session, reason)
  local code = TOMB_CODES[reason]
  if not code then return end
  call('ZADD', K .. 'tomb', fmt('%d', (now + tombLasts(code)) * 10 + code), user .. ' ' .. session)
end
