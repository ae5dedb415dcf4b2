-- Version 1 of a PostgresStore's tables. @name@ stands for a name in the store's own schema.
-- Later versions get files of their own; this one stays as it is.

CREATE TABLE @recordings@ (
    id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    checkpoint text NOT NULL,
    -- What is looked for; all of it stands in the checkpoint too.
    state text NOT NULL,
    is_live boolean NOT NULL,
    cname text COLLATE "C" NOT NULL,
    uid bigint NOT NULL,
    -- The place among those that are unfinished, in the order in which they began; NULL: nothing runs.
    began bigint,
    -- A name of the last write: who sends one again, since its answer was lost, must not find himself in conflict.
    written_by text,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX ON @recordings@ (began) WHERE began IS NOT NULL;
CREATE INDEX ON @recordings@ (cname, uid) WHERE state = 'starting';
CREATE INDEX ON @recordings@ (written_at) WHERE began IS NULL;
CREATE SEQUENCE @beginnings@;

-- Which recording was claimed last under a key. Its row is the lock for which those who claim it wait.
CREATE TABLE @keys@ (
    key text COLLATE "C" PRIMARY KEY,
    recording_id text COLLATE "C" NOT NULL
);
CREATE INDEX ON @keys@ (recording_id);

-- By which sids the service has known a recording; it may have had several, one after the other.
CREATE TABLE @sids@ (
    sid text COLLATE "C" PRIMARY KEY,
    recording_id text COLLATE "C" NOT NULL
);
CREATE INDEX ON @sids@ (recording_id);

CREATE TABLE @leases@ (
    recording_id text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    token bigint NOT NULL,
    until timestamptz NOT NULL
);
CREATE SEQUENCE @tokens@;

CREATE TABLE @marks@ (
    mark text COLLATE "C" PRIMARY KEY,
    until timestamptz NOT NULL,
    marked_at timestamptz NOT NULL
);
CREATE INDEX ON @marks@ (marked_at);


-- Compare-and-swap. The lease is locked until the write is done: nobody can take it over in between.
-- outcome is 'saved', 'conflict' or 'lease lost'; there is the version that is there now. The same write twice
-- is one.
CREATE FUNCTION @save@(
    the_id text, read_version bigint, new_checkpoint text, new_state text, new_is_live boolean,
    is_unfinished boolean, new_cname text, new_uid bigint, new_key text, new_sid text,
    the_holder text, the_token bigint, the_write text, patience text,
    OUT outcome text, OUT there bigint
) LANGUAGE plpgsql AS $$
DECLARE
    held_until timestamptz;
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    IF the_token IS NOT NULL THEN
        SELECT l.until INTO held_until FROM @leases@ l
            WHERE l.recording_id = the_id AND l.holder = the_holder AND l.token = the_token FOR SHARE;
        IF held_until IS NULL OR held_until <= clock_timestamp() THEN
            outcome := 'lease lost';
            RETURN;
        END IF;
    END IF;

    INSERT INTO @recordings@ AS r (id, version, checkpoint, state, is_live, cname, uid, began, written_by)
        VALUES (
            the_id, read_version + 1, new_checkpoint, new_state, new_is_live, new_cname, new_uid,
            CASE WHEN is_unfinished THEN nextval('@beginnings@') END, the_write
        )
        ON CONFLICT (id) DO UPDATE SET
            version = excluded.version, checkpoint = excluded.checkpoint, state = excluded.state,
            is_live = excluded.is_live, cname = excluded.cname, uid = excluded.uid,
            began = CASE WHEN is_unfinished THEN coalesce(r.began, excluded.began) END,
            written_by = excluded.written_by, written_at = clock_timestamp()
        WHERE r.version = read_version
        RETURNING r.version INTO there;
    IF there IS NULL THEN
        SELECT
            r.version,
            CASE WHEN r.version = read_version + 1 AND r.written_by = the_write THEN 'saved' ELSE 'conflict' END
            INTO there, outcome FROM @recordings@ r WHERE r.id = the_id;
        RETURN;
    END IF;

    IF new_key IS NOT NULL THEN
        -- A later claim of the key is not undone.
        INSERT INTO @keys@ (key, recording_id) VALUES (new_key, the_id) ON CONFLICT (key) DO NOTHING;
    END IF;
    IF new_sid IS NOT NULL AND NOT EXISTS (
        SELECT FROM @sids@ s WHERE s.sid = new_sid AND s.recording_id = the_id
    ) THEN
        INSERT INTO @sids@ AS s (sid, recording_id) VALUES (new_sid, the_id)
            ON CONFLICT (sid) DO UPDATE SET recording_id = excluded.recording_id;
    END IF;
    -- A text of more than 8000 bytes can't be told; an empty one says that something was missed.
    PERFORM pg_notify('@channel@', CASE WHEN octet_length(the_id) < 7900 THEN there || ' ' || the_id ELSE '' END);
    outcome := 'saved';
END
$$;


CREATE FUNCTION @claim@(
    the_id text, new_checkpoint text, new_state text, new_is_live boolean, is_unfinished boolean,
    new_cname text, new_uid bigint, the_key text, new_sid text, patience text,
    OUT claimed_id text, OUT version bigint, OUT checkpoint text
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    LOOP
        INSERT INTO @keys@ (key, recording_id) VALUES (the_key, the_id) ON CONFLICT (key) DO NOTHING;
        EXIT WHEN FOUND;
        -- Whoever claims it at this moment goes first.
        SELECT k.recording_id INTO claimed_id FROM @keys@ k WHERE k.key = the_key FOR UPDATE;
        CONTINUE WHEN NOT FOUND;  -- swept away in between
        SELECT r.version, r.checkpoint INTO version, checkpoint
            FROM @recordings@ r WHERE r.id = claimed_id AND r.is_live;
        IF FOUND THEN
            RETURN;
        END IF;
        UPDATE @keys@ k SET recording_id = the_id WHERE k.key = the_key;
        EXIT;
    END LOOP;
    PERFORM @save@(
        the_id, 0, new_checkpoint, new_state, new_is_live, is_unfinished, new_cname, new_uid, the_key, new_sid,
        NULL, NULL, NULL, patience
    );
    claimed_id := the_id;
    SELECT r.version, r.checkpoint INTO version, checkpoint FROM @recordings@ r WHERE r.id = the_id;
END
$$;


-- The lease's token; NULL: somebody else has it.
CREATE FUNCTION @lease@(
    the_id text, the_holder text, seconds double precision, patience text, OUT token bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    INSERT INTO @leases@ AS l (recording_id, holder, token, until)
        VALUES (the_id, the_holder, nextval('@tokens@'), clock_timestamp() + make_interval(secs => seconds))
        ON CONFLICT (recording_id) DO UPDATE SET
            holder = excluded.holder,
            token = CASE WHEN l.holder = excluded.holder THEN l.token ELSE excluded.token END,
            until = clock_timestamp() + make_interval(secs => seconds)
        WHERE l.holder = excluded.holder OR l.until <= clock_timestamp()
        RETURNING l.token INTO token;
END
$$;


-- Forget what was kept for long enough: ended recordings, marks, leases of what is not there. Gives how many
-- recordings, of at most a thousand at a time.
CREATE FUNCTION @sweep@(seconds double precision, marks_kept bigint, OUT swept bigint) LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz := clock_timestamp() - make_interval(secs => seconds);
BEGIN
    swept := 0;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('@channel@', 1)) THEN
        RETURN;  -- another worker is at it
    END IF;
    DELETE FROM @marks@ WHERE mark IN (
        SELECT m.mark FROM @marks@ m
        WHERE m.until <= clock_timestamp()
            OR m.marked_at <= (SELECT n.marked_at FROM @marks@ n ORDER BY n.marked_at DESC OFFSET marks_kept LIMIT 1)
        FOR UPDATE SKIP LOCKED
    );
    WITH ended AS (
        DELETE FROM @recordings@ WHERE id IN (
            SELECT r.id FROM @recordings@ r WHERE r.began IS NULL AND r.written_at <= before
            ORDER BY r.written_at LIMIT 1000 FOR UPDATE SKIP LOCKED
        ) RETURNING id
    ), keys AS (
        DELETE FROM @keys@ k USING ended WHERE k.recording_id = ended.id
    ), sids AS (
        DELETE FROM @sids@ s USING ended WHERE s.recording_id = ended.id
    ), leases AS (
        DELETE FROM @leases@ l USING ended WHERE l.recording_id = ended.id
    )
    SELECT count(*) INTO swept FROM ended;
    DELETE FROM @leases@ l WHERE l.until <= before
        AND NOT EXISTS (SELECT FROM @recordings@ r WHERE r.id = l.recording_id);
END
$$;
