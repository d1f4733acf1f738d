-- Sends what the environment says, and tells the outcome in one line.
wrk.method = os.getenv('METHOD')
if os.getenv('BODY') ~= '' then wrk.body = os.getenv('BODY') end
for name, value in string.gmatch(os.getenv('HEADERS') .. '\n', '([^:\n]+): ([^\n]*)\n') do wrk.headers[name] = value end

if os.getenv('BODIES') ~= '' then
  local requests = {}
  local at = 0
  init = function()
    for line in io.lines(os.getenv('BODIES')) do requests[#requests + 1] = wrk.format(nil, nil, nil, line) end
  end
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end

done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('outcome %d %d %d %d %d %d', summary.requests, summary.duration, summary.bytes, failed, latency:percentile(50), latency:percentile(99)))
end
