-- One question to the store, in one step. All keys begin with what KEYS[1] begins with, and share its hash tag.
--
-- KEYS 1 the schema's key: everything else is named after it
-- ARGV 1 what is asked (`commands` below), 2 the schema that the asker knows, 3... arguments of its own
-- Answers are lists that begin with a word. Spans are milliseconds; the server counts them.
--
--   schema                        version of what stands here
--   recording:ID      hash        checkpoint, version, by (who wrote that version), live (1 or 0), key, sid, place
--   key:KEY, sid:SID  string      the recording's ID
--   starting:UID:CNAME  set       IDs of recordings that wait for their sid
--   unfinished        sorted set  IDs, by the moment of their start in microseconds
--   lease:ID          hash        holder and token; expires with the lease
--   tokens            string      the last token that a lease was given
--   mark:TEXT         string      expires with the mark
--   changes           channel     VERSION:ID of each recording that was written
--
-- A script is not rolled back: whatever may fail is done before the first write, and a server without memory
-- refuses the first write or none. A channel that may not be published to counts as that, so it comes first.

local base = string.sub(KEYS[1], 1, -1 - #'schema')
local asked, known = ARGV[1], tonumber(ARGV[2])
local call = redis.call
local schema = tonumber(call('GET', KEYS[1]) or nil)

local function stamp()
    if schema ~= known then
        call('SET', KEYS[1], known)
    end
end

local function read(id)
    return call('HMGET', base .. 'recording:' .. id, 'checkpoint', 'version', 'live', 'by', 'key', 'sid', 'place')
end

-- Recordings by their IDs, those that are there: ID, checkpoint and version of each.
local function found(ids)
    local answer = { 'found' }
    for _, id in ipairs(ids) do
        local entry = read(id)
        if entry[1] then
            answer[#answer + 1] = id
            answer[#answer + 1] = entry[1]
            answer[#answer + 1] = entry[2]
        end
    end
    return answer
end

-- Have an index point to a recording, as long as that is kept.
local function point(key, id, kept)
    if kept then
        call('SET', key, id, 'PX', kept)
    else
        call('SET', key, id)
    end
end

-- Write a checkpoint and everything by which it is found. `had` is the entry that it takes the place of.
local function write(entry, had, version, takes_key)
    local id = entry.id
    local recording, unfinished = base .. 'recording:' .. id, base .. 'unfinished'
    local by_key, by_sid = base .. 'key:' .. entry.key, base .. 'sid:' .. entry.sid
    local by_place = base .. 'starting:' .. entry.place
    local had_sid, had_place = had[6] or '', had[7] or ''
    local is_mine = had_sid ~= '' and call('GET', base .. 'sid:' .. had_sid) == id
    call('GET', by_sid) -- what holds something else than it should is named by these, before a word is written
    call('SCARD', by_place)
    call('SCARD', base .. 'starting:' .. had_place)
    call('ZCARD', unfinished)
    if entry.key ~= '' and not takes_key then -- a later claim is not undone; what is forgotten has no claim
        local other = call('GET', by_key)
        takes_key = not other or other == id or call('EXISTS', base .. 'recording:' .. other) == 0
    end
    call('PUBLISH', base .. 'changes', version .. ':' .. id)

    call('HSET', recording, 'checkpoint', entry.text, 'version', version, 'by', entry.by, 'live', entry.live,
        'key', entry.key, 'sid', entry.sid, 'place', entry.place)
    stamp()
    local kept = entry.begun == '' and entry.kept or nil
    if kept then
        call('PEXPIRE', recording, kept)
        call('ZREM', unfinished, id)
    else
        call('PERSIST', recording)
        call('ZADD', unfinished, entry.begun, id)
    end
    if entry.key ~= '' and takes_key then
        point(by_key, id, kept)
    end
    if entry.sid ~= '' then
        point(by_sid, id, kept)
    end
    if is_mine and had_sid ~= entry.sid then
        call('PEXPIRE', base .. 'sid:' .. had_sid, entry.kept)
    end
    if had_place ~= '' and had_place ~= entry.place then
        call('SREM', base .. 'starting:' .. had_place, id)
    end
    if entry.place ~= '' then
        call('SADD', by_place, id)
    end
    return { 'written', version }
end

-- The checkpoint that comes with a question, with what it is found by; and where the other arguments begin.
local function entry()
    return {
        id = ARGV[3], text = ARGV[4], by = ARGV[5], live = ARGV[6], key = ARGV[7], sid = ARGV[8],
        place = ARGV[9], begun = ARGV[10], kept = ARGV[11],
    }, 12
end

local commands = {}

function commands.open()
    stamp()
    return { 'open' }
end

-- The same write twice is one: its answer was lost, and it was asked again.
function commands.save()
    local new, at = entry()
    local expected, holder, token = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
    local had = read(new.id)
    local version = tonumber(had[2] or nil)
    if version and had[4] == new.by then
        return { 'written', version }
    end
    if holder ~= '' then
        local lease = call('HMGET', base .. 'lease:' .. new.id, 'holder', 'token')
        if lease[1] ~= holder or lease[2] ~= token then
            return { 'lost' }
        end
    end
    if version and version ~= expected then
        return { 'conflict', version }
    end
    return write(new, had, expected + 1, false)
end

-- The same claim twice is one, too.
function commands.claim()
    local new = entry()
    local claimed = call('GET', base .. 'key:' .. new.key) or ''
    if claimed == new.id or read(claimed)[3] == '1' then
        return found({ claimed })
    end
    return write(new, read(new.id), 1, true)
end

function commands.load()
    return found({ ARGV[3] })
end

-- ARGV 3 the index and what is looked up there
function commands.look_up()
    return found({ call('GET', base .. ARGV[3]) or '' })
end

function commands.load_starting()
    return found(call('SMEMBERS', base .. 'starting:' .. ARGV[3]))
end

function commands.list_unfinished()
    local names = call('ZRANGE', base .. 'unfinished', 0, -1)
    table.insert(names, 1, 'found')
    return names
end

-- ARGV 3... the recordings of a page; those that have ended since are left out
function commands.load_unfinished()
    local names = {}
    for index = 3, #ARGV do
        if call('ZSCORE', base .. 'unfinished', ARGV[index]) then
            names[#names + 1] = ARGV[index]
        end
    end
    return found(names)
end

function commands.lease()
    local key, tokens, holder = base .. 'lease:' .. ARGV[3], base .. 'tokens', ARGV[4]
    local lease = call('HMGET', key, 'holder', 'token')
    local token = lease[2]
    if lease[1] and lease[1] ~= holder then
        return { 'held' }
    end
    if not lease[1] then
        token = call('INCR', tokens)
        call('HSET', key, 'holder', holder, 'token', token)
    end
    call('PEXPIRE', key, ARGV[5])
    return { 'leased', tonumber(token) }
end

function commands.release()
    local key = base .. 'lease:' .. ARGV[3]
    local lease = call('HMGET', key, 'holder', 'token')
    if lease[1] == ARGV[4] and lease[2] == ARGV[5] then
        call('DEL', key)
    end
    return { 'released' }
end

function commands.mark()
    for index = 4, #ARGV do
        call('SET', base .. 'mark:' .. ARGV[index], '', 'PX', ARGV[3])
    end
    return { 'marked' }
end

function commands.is_marked()
    for index = 3, #ARGV do
        if call('EXISTS', base .. 'mark:' .. ARGV[index]) == 1 then
            return { 'yes' }
        end
    end
    return { 'no' }
end

if schema and schema > known then
    return { 'too_new', schema }
end
return commands[asked]()
