//! The statements of the `PostgreSQL` store, written with the default table prefix.

/// The default prefix of table names, which the statements below contain.
pub(super) const PREFIX: &str = "jwt_auth";
/// `PostgreSQL` truncates names at 63 bytes, and the longest name has a suffix.
pub(super) const MAX_PREFIX: usize = 40;

/// The statements that lead from each version of the tables to the next.
pub(super) const MIGRATIONS: [&str; 1] = ["
    create sequence jwt_auth_seq;
    create table jwt_auth_entries (
        key text primary key,
        before bigint not null,
        until bigint not null,
        seq bigint not null default nextval('jwt_auth_seq'),
        written timestamptz not null default clock_timestamp()
    );
    create index jwt_auth_entries_seq on jwt_auth_entries (seq);
    create index jwt_auth_entries_written on jwt_auth_entries (written);
    create index jwt_auth_entries_until on jwt_auth_entries (until);
    create table jwt_auth_sessions (
        id text primary key,
        subject text not null,
        device text,
        current text not null,
        parent text not null,
        began bigint not null,
        rotated bigint not null,
        ends bigint not null
    );
    create index jwt_auth_sessions_subject on jwt_auth_sessions (subject);
    create index jwt_auth_sessions_ends on jwt_auth_sessions (ends);
    create table jwt_auth_version (version int not null);
    insert into jwt_auth_version values (0);
"];

// Not `to_regclass`: its cache may lack a table that another node created while this one waited for the lock.
pub(super) const TABLES_EXIST: &str = "
    select exists (
        select from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = relnamespace
        where relname = 'jwt_auth_version' and nspname = any (current_schemas(false))
    )";

pub(super) const APPEND: &str = "
    with put as (
        insert into jwt_auth_entries as entry (key, before, until)
        select $1, $2, greatest($3, (select ends / 1000 + $5 from jwt_auth_sessions where id = $4))
        on conflict (key) do update set
            before = greatest(entry.before, excluded.before),
            until = greatest(entry.until, excluded.until),
            seq = nextval('jwt_auth_seq'),
            written = clock_timestamp()
        returning 1
    )
    select pg_notify('jwt_auth_news', '') from put";

// A row may become visible after a row with a greater sequence number, so each read also covers the ten seconds
// before the previous read. No transaction of this store takes that long.
pub(super) const READ: &str = "
    select key, before, until, seq,
        (extract(epoch from statement_timestamp()) * 1000000)::bigint as read_at
    from jwt_auth_entries
    where (
        seq > $1
        or written > least(to_timestamp($2::bigint / 1e6::float8), statement_timestamp())
            - interval '10 seconds'
    ) and seq > $3
    order by seq
    limit $4";

pub(super) const FIND: &str = "
    select key, before, until, pg_is_in_recovery() as standby
    from (select) as request left join jwt_auth_entries on key = any($1)";

pub(super) const SESSION: &str = "
    select subject, device, current, parent, began, rotated, ends,
        exists (select from jwt_auth_entries where key = $2 and until > $3) as revoked
    from (select $1::text as id) as request left join jwt_auth_sessions using (id)";

pub(super) const START_SESSION: &str = "
    insert into jwt_auth_sessions (id, subject, device, current, parent, began, rotated, ends)
    select $1, $4, null, $5, $6, $7, $7, $8
    where not exists (select from jwt_auth_entries where key = $2 and until > $3)
    on conflict (id) do nothing
    returning 1";

pub(super) const ROTATE: &str = "
    update jwt_auth_sessions set current = $4, parent = $5, rotated = $6
    where id = $1 and current = $7 and parent = $8
        and not exists (select from jwt_auth_entries where key = $2 and until > $3)
    returning 1";

pub(super) const REGISTER: &str = "
    insert into jwt_auth_sessions (id, subject, device, current, parent, began, rotated, ends)
    values ($1, $2, $3, $4, '', $5, $5, $6)
    on conflict (id) do update set
        subject = excluded.subject, device = excluded.device, current = excluded.current,
        parent = excluded.parent, began = excluded.began, rotated = excluded.rotated,
        ends = excluded.ends";

pub(super) const SESSIONS: &str = "
    select id, device, began, rotated, ends from jwt_auth_sessions
    where subject = $1 and ends > $2
    order by rotated desc";

pub(super) const PRUNE_ENTRIES: &str = "
    delete from jwt_auth_entries
    where until < $1 and ctid = any (array(
        select ctid from jwt_auth_entries where until < $1 limit $2 for update skip locked
    ))
    returning 1";

pub(super) const PRUNE_SESSIONS: &str = "
    delete from jwt_auth_sessions
    where ends < $1 and ctid = any (array(
        select ctid from jwt_auth_sessions where ends < $1 limit $2 for update skip locked
    ))
    returning 1";
