//! Sessions through restarts, lost writes, changed settings and limits. An id such as `s2` at the start of a test name
//! is a failure that was observed with real servers.

use std::sync::Arc;
use std::time::Duration;

use jwt_auth::{AuthError, Config, JwtAuth, ManualClock, MemoryStore, TokenPair};
use tests::{NOW, SECRET};

const DAY: Duration = Duration::from_secs(86_400);

/// A process with this store.
fn process(store: &Arc<MemoryStore>, clock: &ManualClock) -> JwtAuth {
    changed(store, clock, |config| config)
}

fn changed(
    store: &Arc<MemoryStore>,
    clock: &ManualClock,
    change: impl FnOnce(Config) -> Config,
) -> JwtAuth {
    let config = Config::hs256(SECRET).clock(clock.clone()).revocation(Arc::clone(store));
    change(config).build().expect("a valid configuration")
}

async fn rotate(auth: &JwtAuth, pair: &TokenPair) -> Result<TokenPair, AuthError> {
    auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await
}

async fn code(auth: &JwtAuth, pair: &TokenPair) -> String {
    match rotate(auth, pair).await {
        Ok(_) => "rotated".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::test]
async fn s2_an_ended_session_stays_ended_when_the_settings_become_shorter() {
    let (store, clock) = (Arc::default(), ManualClock::at(NOW));
    let long = process(&store, &clock);
    let ended_by: [&str; 4] = ["log_out", "reuse", "everywhere", "revoke_session"];
    for case in ended_by {
        for days in [0, 1, 2, 29] {
            let clock_at_start = jwt_auth::Clock::now(&clock);
            let first = long.log_in(case).await.expect("a pair");
            let second = rotate(&long, &first).await.expect("a successor");
            let short = changed(&store, &clock, |config| {
                config.session_expires(DAY).refresh_token_expires(DAY)
            });
            let token = long.verify_access(second.access_token()).await.expect("a valid token");
            match case {
                "log_out" => short.log_out(token).await.expect("recorded"),
                "everywhere" => short.log_out_everywhere(case).await.expect("recorded"),
                "revoke_session" => {
                    let id = token.session_id().expect("a session");
                    short.revoke_session(id).await.expect("recorded");
                }
                _ => {
                    clock.advance(Duration::from_secs(11));
                    assert_eq!(code(&short, &first).await, "refresh_token_reused");
                }
            }
            clock.advance(days * DAY);
            for pair in [&first, &second] {
                for auth in [&long, &short] {
                    assert_eq!(code(auth, pair).await, "token_revoked", "{case} after {days} days");
                }
            }
            clock.set(clock_at_start + DAY);
        }
    }
}

#[tokio::test]
async fn s2_the_absolute_end_of_a_session_is_set_at_its_log_in() {
    let (store, clock) = (Arc::default(), ManualClock::at(NOW));
    let first = changed(&store, &clock, |config| config.session_expires(10 * DAY));
    let pair = first.log_in("alice").await.expect("a pair");
    clock.advance(5 * DAY);
    // Another service, and a process that lost its memory, keep the end.
    let other = changed(&Arc::default(), &clock, |config| config.session_expires(90 * DAY));
    let pair = rotate(&other, &pair).await.expect("a successor");
    let token = other.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let end = jwt_auth::Clock::now(&clock) + 5 * DAY;
    assert_eq!(token.expires_at(), Some(end));
    assert_eq!(other.sessions("alice").await.expect("a list")[0].ends_at(), end);
    clock.advance(5 * DAY);
    assert!(rotate(&other, &pair).await.is_err());
}

#[tokio::test]
async fn s5_a_store_that_lost_a_rotation_continues_from_the_owners_token() {
    let clock = ManualClock::at(NOW);
    let backup: Arc<MemoryStore> = Arc::default();
    let auth = process(&backup, &clock);
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, &first).await.expect("a successor");
    // The owner was rotated twice more by a server whose writes were lost: here, by one that adopted the session.
    let lost = process(&Arc::default(), &clock);
    let third = rotate(&lost, &second).await.expect("a successor");
    let fourth = rotate(&lost, &third).await.expect("a successor");
    clock.advance(Duration::from_secs(60));
    let fifth = rotate(&auth, &fourth).await.expect("the owner continues");
    assert_eq!(code(&auth, &third).await, "refresh_token_reused", "an older generation");
    assert_eq!(code(&auth, &fifth).await, "token_revoked");
}

#[tokio::test]
async fn s7_a_restart_of_the_memory_store_logs_nobody_out_and_finds_a_reuse() {
    let clock = ManualClock::at(NOW);
    let before = process(&Arc::default(), &clock);
    let mut pairs = vec![before.log_in("alice").await.expect("a pair")];
    for _ in 0..3 {
        clock.advance(Duration::from_secs(60));
        pairs.push(rotate(&before, &pairs[pairs.len() - 1]).await.expect("a successor"));
    }
    clock.advance(Duration::from_secs(60));
    let after = process(&Arc::default(), &clock);
    let next = rotate(&after, &pairs[3]).await.expect("the current token is adopted");
    assert!(after.verify_access(next.access_token()).await.is_ok());
    assert_eq!(code(&after, &pairs[0]).await, "refresh_token_reused", "the first token");
    for pair in pairs.iter().chain([&next]) {
        assert_eq!(code(&after, pair).await, "token_revoked", "the session ended");
    }
}

#[tokio::test]
async fn s7_a_session_of_this_process_that_ended_is_never_adopted() {
    let clock = ManualClock::at(NOW);
    let auth = process(&Arc::default(), &clock);
    auth.log_in("first").await.expect("a pair");
    clock.advance(Duration::from_secs(1));
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, &first).await.expect("a successor");
    let token = auth.verify_access(second.access_token()).await.expect("a valid token");
    auth.log_out(token).await.expect("recorded");
    for seconds in [0, 3_600, 86_400, 20 * 86_400] {
        clock.set(std::time::UNIX_EPOCH + Duration::from_secs(NOW + 1 + seconds));
        for pair in [&first, &second] {
            assert_eq!(code(&auth, pair).await, "token_revoked", "after {seconds} s");
        }
    }
}

/// The numbers of entries and sessions that a store holds.
fn held(store: &MemoryStore) -> (usize, usize) {
    let text = format!("{store:?}");
    let number = |name: &str| {
        let rest = text.split_once(name).expect("a field").1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    (number("entries: "), number("sessions: "))
}

#[tokio::test]
async fn s6_a_session_that_ended_leaves_only_what_its_access_tokens_need() {
    let (store, clock) = (Arc::default(), ManualClock::at(NOW));
    let auth = process(&store, &clock);
    auth.log_in("first").await.expect("a pair");
    for _ in 0..100 {
        clock.advance(Duration::from_secs(60));
        for _ in 0..200 {
            let pair = auth.log_in("alice").await.expect("a pair");
            let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
            auth.log_out(token).await.expect("recorded");
        }
    }
    let (entries, sessions) = held(&store);
    assert_eq!(sessions, 1, "the first session");
    // 15 minutes of access tokens and the margin of 10 minutes are 5 000; a shard is cleaned when it has doubled.
    assert!(entries <= 20_000, "{entries} entries of 20 000 log-outs");
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 0);
    let log_outs = 200 * 100;
    assert!(entries < log_outs, "records expire with the access tokens");
}

#[tokio::test]
async fn s6_the_least_recently_used_session_beyond_the_limit_ends() {
    let (store, clock) = (Arc::default(), ManualClock::at(NOW));
    let auth = changed(&store, &clock, |config| config.max_sessions_per_subject(3));
    let mut pairs = Vec::new();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        pairs.push(auth.log_in("alice").await.expect("a pair"));
    }
    clock.advance(Duration::from_secs(1));
    pairs[0] = rotate(&auth, &pairs[0]).await.expect("a successor");
    clock.advance(Duration::from_secs(1));
    auth.log_in("bob").await.expect("another subject");
    let ended = auth.verify_access(pairs[1].access_token()).await.expect("a valid token");
    let watched = auth.clone();
    let end = tokio::spawn(async move { watched.ended(&ended).await });
    tokio::task::yield_now().await;
    pairs.push(auth.log_in("alice").await.expect("a pair"));
    let end = tokio::time::timeout(Duration::from_millis(500), end).await;
    assert_eq!(end.expect("at once").expect("no panic").close_code(), 1008, "its sockets close");
    for (at, is_valid) in [true, false, true, true].into_iter().enumerate() {
        let access = auth.verify_access(pairs[at].access_token()).await;
        assert_eq!(access.is_ok(), is_valid, "session {at}");
        let refresh = auth.verify_refresh(pairs[at].refresh_token()).await;
        assert_eq!(refresh.is_ok(), is_valid, "session {at}");
    }
    for _ in 0..200 {
        auth.log_in("mallory").await.expect("a pair");
    }
    assert_eq!(auth.sessions("mallory").await.expect("a list").len(), 3);
}

#[tokio::test]
async fn s10_a_reuse_closes_the_open_connections_of_its_session_at_once() {
    let (store, clock) = (Arc::default(), ManualClock::at(NOW));
    let auth = process(&store, &clock);
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, &first).await.expect("a successor");
    let token = auth.verify_access(second.access_token()).await.expect("a valid token");
    let watched = auth.clone();
    let end = tokio::spawn(async move { watched.ended(&token).await });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(11));
    assert_eq!(code(&auth, &first).await, "refresh_token_reused");
    let end = tokio::time::timeout(Duration::from_millis(500), end).await;
    assert_eq!(end.expect("at once").expect("no panic").close_code(), 1008);
}
