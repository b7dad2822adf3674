-- Stands before what acts on all shards of a home: which these are.
local SHARDS_HERE = HOME and SHARDS or 1
local allPrefix = HOME and match(HOME, '^(.*:)%d+}:$')

-- Key prefix of one of them, the first being 0.
local function shardOf(H, number)
  return allPrefix and allPrefix .. fmt('%d', number) .. '}:' or H
end
