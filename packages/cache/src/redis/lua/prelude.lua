-- prelude: what the scripts share; it stands before the body of each.
--
-- Each script that knows the head has these first: KEYS[1] head, KEYS[2] log, KEYS[3] markers, KEYS[4] server,
-- KEYS[5] intents, KEYS[6] replicas; ARGV[1] a random incarnation, ARGV[2] a random token. One that publishes has also
-- ARGV[3] PUBLISH or SPUBLISH, ARGV[4] the channel, ARGV[5] what its messages begin with.
--
-- head      string incarnation:seq:token:born
-- log       stream, ids <seq>-0, one field: the message as it was published
-- markers   sorted set by seq: t:tag, p:prefix, c:cache; the member `floor` stands for those that were dropped, and is always
--           there: without it the set was lost
-- server    string: the replication id of the server on which the incarnation began
-- intents   hash by name: `expiry incarnation seq contended token`, several divided by commas
-- replicas  sorted set by the server time until which a replica may hold a lease on its L1

local LOG_LENGTH = 10000
local MAX_MARKERS = 10000
-- In bytes.
local MAX_NAME = 512
-- Lua hands over some 8,000 values at once.
local CHUNK = 1000
-- Behind the token of a lease that others wait for.
local AWAITED = '!'

-- Lua would print 2^50 as 1.1258999068426e+15.
local function whole(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Which server this is: another after each restart and each promotion. '' when it may not be asked.
local function this_server()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
end

local function head_text(head)
  return head.incarnation .. ':' .. whole(head.seq) .. ':' .. head.token .. ':' .. head.born
end

-- A new history: entries of the old one read as absent from now on.
local function begin_incarnation(time)
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZADD', KEYS[3], 0, 'floor')
  redis.call('SET', KEYS[4], this_server())
  local head = { incarnation = ARGV[1], seq = 0, token = ARGV[2] .. '0', born = whole(time) }
  redis.call('SET', KEYS[1], head_text(head))
  return head
end

-- The head, or a new one when there is none, or none of ours.
local function read_head(time)
  local text = redis.pcall('GET', KEYS[1])
  local incarnation, seq, token, born
  if type(text) == 'string' then
    incarnation, seq, token, born = string.match(text, '^(%d+):(%d+):([%w_-]+):(%d+)$')
  end
  -- Only what we write ourselves: `007` would compare as another one than 7.
  local ours = incarnation and tonumber(incarnation) < 2 ^ 53 and tonumber(seq) < 2 ^ 53 and #born < 16
    and incarnation == whole(tonumber(incarnation)) and seq == whole(tonumber(seq))
  if not ours then
    return begin_incarnation(time)
  end
  return { incarnation = incarnation, seq = tonumber(seq), token = token, born = born }
end

-- The head, on the server on which its history began: on another one nobody knows what was lost.
local function head_here(time)
  local head = read_head(time)
  local here = this_server()
  local began = redis.call('GET', KEYS[4])
  if here == '' or began == here then
    return head
  end
  if began and began ~= '' then
    return begin_incarnation(time)
  end
  redis.call('SET', KEYS[4], here)
  return head
end

-- The name of an entry: its key without the root, which is the head's key without `head`.
local function name_of(key)
  return string.sub(key, #KEYS[1] - 3)
end

-- KEYS[7] on: n keys of entries, then n of their leases.
local function entries_and_leases(n)
  local entries, leases, names = {}, {}, {}
  for i = 1, n do
    entries[i] = KEYS[6 + i]
    leases[i] = KEYS[6 + n + i]
    names[i] = name_of(entries[i])
  end
  return entries, leases, names
end

local function unlink(keys)
  local removed = 0
  for i = 1, #keys, CHUNK do
    removed = removed + redis.call('UNLINK', unpack(keys, i, math.min(i + CHUNK - 1, #keys)))
  end
  return removed
end

-- The part of an entry's header that scripts need, as codec/entry.ts lays it out; nil for what is no entry of ours.
local function parse_entry(entry)
  if type(entry) ~= 'string' or #entry < 90 or string.byte(entry, 1) ~= 2 or string.byte(entry, 4) ~= 0 then
    return nil
  end
  local flags = string.byte(entry, 3)
  local negative, tagged, versioned = flags % 2 == 1, flags % 4 >= 2, flags >= 4
  local tags_length = struct.unpack('>H', entry, 89)
  if flags > 7 or #entry < 90 + tags_length or tagged ~= (tags_length > 0) then
    return nil
  end
  if negative and #entry > 90 + tags_length then
    return nil
  end
  for _, offset in ipairs({ 20, 28, 36, 44, 48, 56, 64, 72 }) do
    if string.byte(entry, offset + 1) >= 95 then
      return nil
    end
  end
  local version = versioned and struct.unpack('>d', entry, 81) or nil
  if version and version - version ~= 0 then
    return nil
  end
  local tags = {}
  for tag in string.gmatch(string.sub(entry, 91, 90 + tags_length), '[^\n]+') do
    tags[#tags + 1] = tag
  end
  local incarnation, seq = struct.unpack('>dd', entry, 21)
  return { incarnation = incarnation, seq = seq, version = version, tags = tags }
end

-- An entry with the head as its stamp.
local function stamped(entry, head)
  local stamp = struct.pack('>dd', tonumber(head.incarnation), head.seq)
  return string.sub(entry, 1, 20) .. stamp .. string.sub(entry, 37)
end

-- Whether a marker that covers the entry is newer than the stamp.
local function covered(name, tags, stamp)
  local newest = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
  if newest and stamp >= tonumber(newest) then
    return false
  end
  -- Each of its beginnings may be a marker: a name so long costs more to look up than to load. And without its floor the
  -- set was lost, and nobody knows what it said.
  if #name > MAX_NAME or not redis.call('ZSCORE', KEYS[3], 'floor') then
    return true
  end
  local markers = { 'floor' }
  local cache = string.match(name, '^([^:]+:v%d+):')
  if cache then
    markers[2] = 'c:' .. cache
  end
  for _, tag in ipairs(tags) do
    markers[#markers + 1] = 't:' .. tag
  end
  for length = 0, #name do
    markers[#markers + 1] = 'p:' .. string.sub(name, 1, length)
  end
  for i = 1, #markers, CHUNK do
    local last = math.min(i + CHUNK - 1, #markers)
    for _, seq in ipairs(redis.call('ZMSCORE', KEYS[3], unpack(markers, i, last))) do
      if seq and stamp < tonumber(seq) then
        return true
      end
    end
  end
  return false
end

-- A set that was lost, by eviction or by hand: everything up to now reads as absent.
local function mend_markers(head)
  if not redis.call('ZSCORE', KEYS[3], 'floor') then
    redis.call('ZADD', KEYS[3], whole(head.seq), 'floor')
  end
end

-- Control keys of another type than ours would stop the fleet for ever: they go, and the head with them.
local function mend_types()
  for i, kind in ipairs({ 'string', 'stream', 'zset', 'string', 'hash', 'zset' }) do
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= 'none' and found ~= kind then
      redis.call('DEL', KEYS[1], KEYS[i])
    end
  end
end

local function set_markers(markers, seq)
  for i = 1, #markers do
    redis.call('ZADD', KEYS[3], whole(seq), markers[i])
  end
  -- Besides the floor, which is the oldest of all, and is dropped first.
  local excess = redis.call('ZCARD', KEYS[3]) - 1 - MAX_MARKERS
  if #markers == 0 or excess <= 0 then
    return
  end
  local dropped = redis.call('ZPOPMIN', KEYS[3], excess + 1)
  redis.call('ZADD', KEYS[3], dropped[#dropped], 'floor')
end

-- The write intents on a name that have not expired.
local function live_intents(name, time)
  local live = {}
  local text = redis.call('HGET', KEYS[5], name) or ''
  for expiry, incarnation, seq, contended, token in string.gmatch(text, '(%d+) (%d+) (%d+) ([01]) ([^,]+)') do
    if tonumber(expiry) > time then
      live[#live + 1] = { expiry = expiry, incarnation = incarnation, seq = seq, contended = contended, token = token }
    end
  end
  return live, text
end

local function keep_intents(name, intents)
  local texts = {}
  for i, intent in ipairs(intents) do
    texts[i] = table.concat({ intent.expiry, intent.incarnation, intent.seq, intent.contended, intent.token }, ' ')
  end
  if #texts == 0 then
    redis.call('HDEL', KEYS[5], name)
  else
    redis.call('HSET', KEYS[5], name, table.concat(texts, ','))
  end
end

-- Nobody ends the intent of a writer that died, and nobody may meet it: a few at random are looked at each time, more
-- than are added, so that the dead ones stay a small part.
local function sweep_intents(time, added)
  local some = redis.call('HRANDFIELD', KEYS[5], math.max(20, 2 * added), 'WITHVALUES')
  for i = 1, #some, 2 do
    local live, text = live_intents(some[i], time)
    local _, all = string.gsub(text, '[^,]+', '')
    if #live < all then
      keep_intents(some[i], live)
    end
  end
end

local function publish(rest)
  redis.call(ARGV[3], ARGV[4], ARGV[5] .. rest)
end

-- The step of every invalidation: seq and log, entries and leases, markers, contended intents, message. Returns the new
-- head, the token before it, and how many entries there were. What can fail, the log, is written first.
local function invalidate(head, time, entries, leases, names, markers, tail)
  local seq = head.seq + 1
  local rest = '"inc":' .. head.incarnation .. ',"seq":' .. whole(seq)
    .. ',"prev":"' .. head.token .. '","token":"' .. ARGV[2] .. '",' .. tail
  local added = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', LOG_LENGTH, whole(seq) .. '-0', 'm', ARGV[5] .. rest)
  if type(added) == 'table' then
    if seq == 1 then
      error(added.err)
    end
    -- Log and head contradict each other: somebody else wrote here.
    return invalidate(begin_incarnation(time), time, entries, leases, names, markers, tail)
  end
  local after = { incarnation = head.incarnation, seq = seq, token = ARGV[2], born = head.born }
  redis.call('SET', KEYS[1], head_text(after))
  local removed = unlink(entries)
  unlink(leases)
  set_markers(markers, seq)
  if #names > 0 and redis.call('EXISTS', KEYS[5]) == 1 then
    for _, name in ipairs(names) do
      local live, text = live_intents(name, time)
      for _, intent in ipairs(live) do
        intent.contended = '1'
      end
      if text ~= '' then
        keep_intents(name, live)
      end
    end
  end
  publish(rest)
  return after, head.token, removed
end
