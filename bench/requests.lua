-- Lets wrk send the requests of a file, one after the other (requests.ts). Its path is the first argument after `--`.
local requests, fresh, at, number = {}, {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], 'rb'))
  for text in string.gmatch(file:read('*a'), '[^%z]+') do
    requests[#requests + 1] = text
    fresh[#requests] = string.find(text, '########', 1, true) and true or false
  end
  file:close()
  number = tonumber(args[2])
end

function request()
  at = at % #requests + 1
  if not fresh[at] then return requests[at] end
  number = number + 1
  return (string.gsub(requests[at], '########', string.format('%08d', number)))
end
