//! The statements of the `PostgreSQL` store, written with the default table prefix. `{s}` is replaced with the schema.

/// The default prefix of table names, which the statements below contain.
pub(super) const PREFIX: &str = "jwt_auth";
/// `PostgreSQL` truncates names at 63 bytes, and the longest name has a suffix.
pub(super) const MAX_PREFIX: usize = 40;

/// The statements that lead from each version of the tables to the next.
///
/// The column `day` of a session is the one after which it is deleted. Because a rotation seldom changes it, and changes
/// no other column with an index, the server updates the row in place.
pub(super) const MIGRATIONS: [&str; 1] = ["
    create sequence {s}jwt_auth_seq;
    create table {s}jwt_auth_entries (
        key text primary key,
        before bigint not null,
        until bigint not null,
        seq bigint not null default nextval('{s}jwt_auth_seq')
    );
    create index jwt_auth_entries_seq on {s}jwt_auth_entries (seq);
    create index jwt_auth_entries_until on {s}jwt_auth_entries (until);
    create table {s}jwt_auth_sessions (
        id text primary key,
        subject text not null,
        device text,
        current text not null,
        parent text not null,
        generation bigint not null,
        started bigint not null,
        rotated bigint not null,
        ends bigint not null,
        expires bigint not null,
        adopted boolean not null,
        day int not null
    ) with (fillfactor = 80);
    create index jwt_auth_sessions_subject on {s}jwt_auth_sessions (subject);
    create index jwt_auth_sessions_started on {s}jwt_auth_sessions (started);
    create index jwt_auth_sessions_day on {s}jwt_auth_sessions (day);
    create table {s}jwt_auth_beats (
        node text primary key,
        number bigint not null,
        written timestamptz not null default now()
    );
    create table {s}jwt_auth_keys (
        id int primary key check (id = 1),
        version bigint not null,
        document text not null
    );
    create table {s}jwt_auth_used (id text primary key, until bigint not null);
    create index jwt_auth_used_until on {s}jwt_auth_used (until);
    create table {s}jwt_auth_state (version int not null, created bigint not null, access_life bigint not null);
    insert into {s}jwt_auth_state values (0, (extract(epoch from clock_timestamp()) * 1000)::bigint, 0);
"];

// Not `to_regclass`: its cache may lack a table that another node created while this one waited for the lock. The first
// parameter is the schema, if one is configured.
pub(super) const TABLES_EXIST: &str = "
    select exists (
        select from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = relnamespace
        where relname = 'jwt_auth_state' and nspname::text = any (
            case when $1::text is null then current_schemas(false)::text[] else array[$1::text] end
        )
    )";

/// The privileges that a role needs, for [`MIGRATIONS`] that another role applied.
pub(super) const GRANTS: &str = "
    grant select, insert, update, delete
        on {s}jwt_auth_entries, {s}jwt_auth_sessions, {s}jwt_auth_beats, {s}jwt_auth_used to {role};
    grant select, insert, update on {s}jwt_auth_keys to {role};
    grant select, update on {s}jwt_auth_state to {role};
    grant usage on sequence {s}jwt_auth_seq to {role};
";

/// Uses every privilege that the store will need. It is rolled back.
pub(super) const PROBE: &str = r#"
    insert into {s}jwt_auth_entries (key, before, until) values ('["probe"]', 0, 0) on conflict (key) do nothing;
    update {s}jwt_auth_entries set until = 0 where key = '["probe"]';
    delete from {s}jwt_auth_entries where key = '["probe"]';
    insert into {s}jwt_auth_sessions
        (id, subject, current, parent, generation, started, rotated, ends, expires, adopted, day)
        values ('["probe"]', '', '', '', 0, 0, 0, 0, 0, false, 0) on conflict (id) do nothing;
    update {s}jwt_auth_sessions set ends = 0 where id = '["probe"]';
    delete from {s}jwt_auth_sessions where id = '["probe"]';
    insert into {s}jwt_auth_beats (node, number) values ('["probe"]', 0) on conflict (node) do nothing;
    update {s}jwt_auth_beats set number = 0 where node = '["probe"]';
    delete from {s}jwt_auth_beats where node = '["probe"]';
    insert into {s}jwt_auth_keys (id, version, document) values (1, 0, '') on conflict (id) do nothing;
    update {s}jwt_auth_keys set version = version where false;
    insert into {s}jwt_auth_used (id, until) values ('["probe"]', 0) on conflict (id) do nothing;
    update {s}jwt_auth_used set until = 0 where false;
    delete from {s}jwt_auth_used where id = '["probe"]';
    update {s}jwt_auth_state set access_life = access_life where false;
"#;

pub(super) const APPEND: &str = "
    with put as (
        insert into {s}jwt_auth_entries as entry (key, before, until) values ($1, $2, $3)
        on conflict (key) do update set
            before = greatest(entry.before, excluded.before),
            until = greatest(entry.until, excluded.until),
            seq = nextval('{s}jwt_auth_seq')
        returning before, until
    )
    select before, until, pg_notify('jwt_auth_news', '') from put";

// The later one of the clocks of caller and server, so that a clock that is behind ends no record early.
pub(super) const END_SESSION: &str = "
    with gone as (
        delete from {s}jwt_auth_sessions where id = $2 returning started, ends, adopted
    ), put as (
        insert into {s}jwt_auth_entries as entry (key, before, until)
        select $1, 0, case
            when gone.adopted or gone.started <= created then (gone.ends + 999) / 1000 + $6
            when gone.started is not null or $3 > created
                then greatest($5, extract(epoch from clock_timestamp())::bigint) + access_life + $6
            else $4
        end
        from {s}jwt_auth_state left join gone on true
        on conflict (key) do update set
            until = greatest(entry.until, excluded.until),
            seq = nextval('{s}jwt_auth_seq')
        returning before, until
    )
    select before, until, pg_notify('jwt_auth_news', '') from put";

// The rows are locked in one order, so that two of these statements cannot block each other.
pub(super) const END_SUBJECT: &str = "
    with gone as (
        delete from {s}jwt_auth_sessions where id in (
            select id from {s}jwt_auth_sessions where subject = $4 order by id for update
        )
        returning started
    ), put as (
        insert into {s}jwt_auth_entries as entry (key, before, until)
        select $1, greatest($2, (select max(started) from gone)), $3
        on conflict (key) do update set
            before = greatest(entry.before, excluded.before),
            until = greatest(entry.until, excluded.until),
            seq = nextval('{s}jwt_auth_seq')
        returning before, until
    )
    select before, until, pg_notify('jwt_auth_news', '') from put";

// The sessions stay until they expire, because there may be a million. Their tokens are covered.
pub(super) const END_ALL: &str = "
    with put as (
        insert into {s}jwt_auth_entries as entry (key, before, until)
        select $1, greatest($2, (select max(started) from {s}jwt_auth_sessions)), $3
        on conflict (key) do update set
            before = greatest(entry.before, excluded.before),
            until = greatest(entry.until, excluded.until),
            seq = nextval('{s}jwt_auth_seq')
        returning before, until
    )
    select before, until, pg_notify('jwt_auth_news', '') from put";

// A row may become visible after a row with a greater number, so a read also queries the numbers that were missing. The
// key of the last row that was read shows whether the server still has it. The answer has a row in any case.
pub(super) const READ: &str = "
    select key, before, until, seq, pg_is_in_recovery() as standby,
        (select key from {s}jwt_auth_entries where seq = $1) as last_key,
        (select number from {s}jwt_auth_beats where node = $4) as beat
    from (select) as request left join (
        select key, before, until, seq from {s}jwt_auth_entries
        where seq > $1 or seq = any($2)
        order by seq limit $3
    ) as entries on true
    order by seq";

// The columns are those of `READ`.
pub(super) const READ_ALL: &str = "
    select key, before, until, seq from {s}jwt_auth_entries where seq > $1 order by seq limit $2";

// It need not survive a crash of the server.
pub(super) const BEAT: &str = "
    with quick as (select set_config('synchronous_commit', 'off', true))
    insert into {s}jwt_auth_beats as beat (node, number) select $1, $2 from quick
    on conflict (node) do update set number = excluded.number, written = now()";

pub(super) const FIND: &str = "
    select key, before, until, pg_is_in_recovery() as standby, created,
        exists (select from {s}jwt_auth_sessions where id = $2) as session_known
    from {s}jwt_auth_state left join {s}jwt_auth_entries on key = any($1)";

pub(super) const SESSION: &str = "
    select subject, device, current, parent, generation, started, rotated, ends, expires, adopted, created,
        exists (select from {s}jwt_auth_entries where key = any($2) and until > $3) as named,
        (select max(before) from {s}jwt_auth_entries where key = any($4)) as epoch,
        pg_is_in_recovery() as standby
    from {s}jwt_auth_state left join {s}jwt_auth_sessions on id = $1";

pub(super) const ADOPT: &str = "
    insert into {s}jwt_auth_sessions
        (id, subject, device, current, parent, generation, started, rotated, ends, expires, adopted, day)
    select $1, $4, null, $5, $6, $7, $8, $9, $10, $11, true, $11 / 86400000 + 2
    where not exists (select from {s}jwt_auth_entries where key = any($2) and until > $3)
    on conflict (id) do nothing
    returning 1";

// The usual case of `decide` in one statement: the current token of a session that no record covers.
pub(super) const ROTATE_CURRENT: &str = "
    with rotated as (
        select id, case when adopted then ends else least($8, ends) end as expires
        from {s}jwt_auth_sessions
        where id = $1 and subject = $2 and current = $3 and ends > $7
    )
    update {s}jwt_auth_sessions as session
    set current = $4, parent = $3, generation = $5, rotated = $7,
        expires = rotated.expires, day = rotated.expires / 86400000 + 2
    from rotated
    where session.id = rotated.id and session.current = $3
        and not exists (select from {s}jwt_auth_entries where key = any($9) and until > $7 / 1000)
        and not exists (select from {s}jwt_auth_entries where key = any($10) and before >= $6)
    returning started, ends";

pub(super) const ROTATE: &str = "
    update {s}jwt_auth_sessions
    set current = $4, parent = $5, generation = $6, rotated = $7, expires = $8, day = $8 / 86400000 + 2
    where id = $1 and current = $9 and parent = $10 and generation = $11
        and not exists (select from {s}jwt_auth_entries where key = any($2) and until > $3)
    returning 1";

pub(super) const REGISTER: &str = "
    insert into {s}jwt_auth_sessions
        (id, subject, device, current, parent, generation, started, rotated, ends, expires, adopted, day)
    select $1, $2, $3, $4, '', 0, greatest($5, max(before) + 1), $5, $6, $7, false, $7 / 86400000 + 2
    from {s}jwt_auth_entries where key = any($8)
    on conflict (id) do update set
        subject = excluded.subject, device = excluded.device, current = excluded.current,
        parent = excluded.parent, generation = excluded.generation, started = excluded.started,
        rotated = excluded.rotated, ends = excluded.ends, expires = excluded.expires,
        adopted = excluded.adopted, day = excluded.day
    returning started";

// An epoch may have been written while the session was: the session starts after it. Returns the start stamp, and
// the sessions beyond the limit.
pub(super) const SETTLE: &str = "
    with late as (
        update {s}jwt_auth_sessions set started = epoch + 1
        from (select max(before) as epoch from {s}jwt_auth_entries where key = any($3)) as latest
        where id = $1 and started <= epoch
        returning started
    )
    select (select started from late) as started, id
    from (select) as request left join (
        select id from {s}jwt_auth_sessions
        where subject = $2 and id <> $1 and expires > $4
        order by rotated desc offset $5
    ) as extra on true";

pub(super) const SESSIONS: &str = "
    select id, device, started, rotated, ends from {s}jwt_auth_sessions
    where subject = $1 and expires > $2
        and started > coalesce((select max(before) from {s}jwt_auth_entries where key = any($3)), -1)
    order by rotated desc";

pub(super) const RAISE_ACCESS_LIFE: &str =
    "update {s}jwt_auth_state set access_life = $1 where access_life < $1";

pub(super) const KEYS: &str = "
    select pg_is_in_recovery() as standby, version, document
    from (select) as request left join {s}jwt_auth_keys on true";

// A document that is not there has version 0, and cannot be replaced under another one.
pub(super) const REPLACE_KEYS: &str = "
    insert into {s}jwt_auth_keys as stored (id, version, document)
    select 1, $1 + 1, $2 where $1 = 0 or exists (select from {s}jwt_auth_keys)
    on conflict (id) do update set version = excluded.version, document = excluded.document
        where stored.version = $1
    returning 1";

pub(super) const USE_ONCE: &str = "
    insert into {s}jwt_auth_used (id, until)
    values ($1, extract(epoch from clock_timestamp())::bigint + $2 + 1)
    on conflict (id) do nothing
    returning 1";

pub(super) const PRUNE_USED: &str = "
    delete from {s}jwt_auth_used
    where ctid = any (array(
        select ctid from {s}jwt_auth_used
        where until < extract(epoch from now())::bigint
        limit $1 for update skip locked
    ))
    returning 1";

// By the server's clock, so that a node with a wrong clock deletes nothing, and a day late, because the leeways of
// nodes may differ.
pub(super) const PRUNE_ENTRIES: &str = "
    delete from {s}jwt_auth_entries
    where ctid = any (array(
        select ctid from {s}jwt_auth_entries
        where until < extract(epoch from now())::bigint - 86400
        limit $1 for update skip locked
    ))
    returning 1";

pub(super) const PRUNE_BEATS: &str =
    "delete from {s}jwt_auth_beats where written < now() - interval '1 day' returning 1";

pub(super) const PRUNE_SESSIONS: &str = "
    delete from {s}jwt_auth_sessions
    where ctid = any (array(
        select ctid from {s}jwt_auth_sessions
        where day < extract(epoch from now())::bigint / 86400
        limit $1 for update skip locked
    ))
    returning 1";
