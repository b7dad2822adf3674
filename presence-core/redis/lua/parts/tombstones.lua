-- Sessions that were ended by somebody else, and may not come back by themselves (P5).
local TOMB_CODES = { evicted = 1, replaced = 2, kicked = 3 }
local TOMB_REASONS = { 'evicted', 'replaced', 'kicked' }

-- The reason for which a session was ended, or nil when it has no tombstone.
local function tombstone(K, user, session)
  local score = call('ZSCORE', K .. 'tomb', user .. ' ' .. session)
  if score and tonumber(score) >= now * 10 then return TOMB_REASONS[score % 10] end
end
