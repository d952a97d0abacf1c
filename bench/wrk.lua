-- Posts one line of a file after another, each with an idempotency key of its own.
-- Arguments: file, path, API key, prefix of the keys, "keyed" when lines hold `@@` where each event's key goes.
local lines, head, prefix, keyed, count, at = {}, "", "", false, 0, 0

function init(args)
  local file, path, key = args[1], args[2], args[3]
  prefix, keyed = args[4], args[5] == "keyed"
  local method = args[5] == "get" and "GET" or "POST"
  head = method .. " " .. path .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. key .. "\r\n"
  if method == "GET" then
    lines[1] = head .. "\r\n"
    request = function() return lines[1] end
    return
  end
  head = head .. "Content-Type: application/json\r\n"
  for line in io.lines(file) do
    if keyed then
      local parts = {}
      for part in (line .. "@@"):gmatch("(.-)@@") do parts[#parts + 1] = part end
      lines[#lines + 1] = parts
    else
      lines[#lines + 1] = "\r\nContent-Length: " .. #line .. "\r\n\r\n" .. line
    end
  end
end

function request()
  at = at % #lines + 1
  count = count + 1
  if not keyed then
    return head .. "Idempotency-Key: " .. prefix .. count .. lines[at]
  end
  local parts, out = lines[at], {}
  for i = 1, #parts - 1 do
    out[2 * i - 1] = parts[i]
    out[2 * i] = prefix .. count .. "." .. i
  end
  out[#out + 1] = parts[#parts]
  local body = table.concat(out)
  return head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
