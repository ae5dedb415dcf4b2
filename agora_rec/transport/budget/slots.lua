-- One ask of one worker, atomic, on this server's clock. What stands here holds for all workers together:
-- grants are `interval` apart, whoever gets them; the best ticket goes first; within a class, workers take turns.
--
-- KEYS 1 pace (hash), 2 tickets (sorted: class, then turn), 3 when each worker was last seen (sorted),
--      4 how many slots each worker wants (hash)
-- ARGV 1 worker, 2 its class (0: a start that can wait no longer, 1 + priority otherwise), 3 slots wanted,
--      4 window and 5 slots in it, 6 whether the worker has been without this server, 7 whether it met a 429
-- All times are microseconds. Answers: slots granted, first of them from now, their interval, when to ask again.

local HORIZON, LEAD, GRACE = 30000, 15000, 10000 -- grant so far ahead; ask so long before; then others may have it
local ASK_AGAIN, SILENCE, LAPSE = 400000, 900000, 1000000
local RECOVERY, SLOWEST, WATCH_SHARE = 10000000, 4, 10 -- as in pace.py and bookings.py
local WATCHING, CLASS, KEEP = 6, 1000000000000, 86400000

local worker, class, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local window, count = tonumber(ARGV[4]), tonumber(ARGV[5])
local has_been_away, met_429 = ARGV[6] == '1', ARGV[7] == '1'
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local names = { 'due', 'last', 'held', 'passed', 'turn', 'halvings', 'slowed' }
local pace = {}
for index, text in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
    pace[names[index]] = tonumber(text) or 0
end

-- The rate, slower for a while after a 429.
local halvings = math.max(0, pace.halvings - math.floor(math.max(0, now - pace.slowed) / RECOVERY))
local slows_down = met_429 and now - pace.slowed >= window
if slows_down then
    halvings = math.min(SLOWEST, halvings + 1)
    pace.halvings, pace.slowed = halvings, now
end
local interval = window / count * 2 ^ halvings
if slows_down then
    pace.due = math.max(pace.due, now + interval)
end

-- Whoever was without this server has gone on alone, and so may others: they come back within a window, and what
-- they sent must be out of the next one. Silence in spite of tickets means that this server stood still.
local was_silent = now - pace.last > SILENCE and redis.call('ZCARD', KEYS[2]) > 0
if (has_been_away or was_silent) and math.abs(now - pace.held) > 2 * window then
    pace.held = now
    pace.due = math.max(pace.due, now + 2 * window)
end
if pace.last == 0 or pace.due > now + 2 * window + interval then
    pace.due = math.max(now + window, math.min(pace.due, now + 2 * window)) -- forgotten, or the clock went back
end
pace.last = now

-- The tickets: those of workers that are gone lapse; this worker's is renewed and keeps its turn.
local function leaves(who)
    redis.call('ZREM', KEYS[2], who)
    redis.call('ZREM', KEYS[3], who)
    redis.call('HDEL', KEYS[4], who)
end

local function queues(turn)
    redis.call('ZADD', KEYS[2], class * CLASS + turn, worker)
    redis.call('ZADD', KEYS[3], now, worker)
    redis.call('HSET', KEYS[4], worker, want)
end

local function new_turn()
    pace.turn = pace.turn + 1
    return pace.turn
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - LAPSE)) do
    if gone ~= worker then
        leaves(gone)
    end
end
local had = tonumber(redis.call('ZSCORE', KEYS[2], worker) or nil)
if want > 0 then
    queues(had and had % CLASS or new_turn())
else
    leaves(worker)
end

-- Who is first: the best ticket, or that of a worker with nothing but watching queries when their turn has come.
local watching = redis.call('ZRANGEBYSCORE', KEYS[2], WATCHING * CLASS, '+inf', 'LIMIT', 0, 1)[1]
if not watching then
    pace.passed = 0
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
if watching and pace.passed >= WATCH_SHARE - 1 then
    first = watching
end

local start = math.max(now, pace.due)
local granted = 0
if want > 0 and (first == worker or now > pace.due + GRACE) and start <= now + HORIZON then
    granted = math.min(want, 1 + math.floor((now + HORIZON - start) / interval))
    if class == WATCHING then
        granted = pace.passed >= WATCH_SHARE - 1 and 1 or granted
        pace.passed = 0
    elseif watching then
        granted = math.max(1, math.min(granted, WATCH_SHARE - 1 - pace.passed))
        pace.passed = pace.passed + granted
    end
    pace.due = start + granted * interval
    want = want - granted
    if want > 0 then
        queues(new_turn())
    else
        leaves(worker)
    end
end

-- When to ask again: shortly before its slot; those behind look after the next one too, lest it be lost.
local wait = ASK_AGAIN
if want > 0 then
    local ahead = redis.call('ZRANK', KEYS[2], worker)
    local mine = math.max(now, pace.due)
    if ahead > 0 then
        local at_once = 1 + math.floor((HORIZON - LEAD) / interval)
        for _, other in ipairs(redis.call('HMGET', KEYS[4], unpack(redis.call('ZRANGE', KEYS[2], 0, ahead - 1)))) do
            mine = mine + math.min(tonumber(other) or 1, at_once) * interval
        end
    end
    wait = math.max(0, mine - LEAD - now)
    if ahead > 0 then
        wait = math.min(wait, math.max(pace.due + GRACE - now, HORIZON))
    end
end

local stored = {}
for _, name in ipairs(names) do
    stored[#stored + 1] = name
    stored[#stored + 1] = string.format('%.0f', pace[name])
end
redis.call('HSET', KEYS[1], unpack(stored))
for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, KEEP)
end
return { granted, math.floor(start - now), math.floor(interval), math.floor(math.min(wait, ASK_AGAIN)) }
