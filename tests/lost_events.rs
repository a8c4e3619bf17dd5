//! Events that are lost to a slow listener. In a process of its own, because all listeners of a process share one channel.

use jwt_auth::events::AuthEvent;
use tests::config;

#[tokio::test]
async fn a_listener_that_is_behind_learns_how_much_it_lost() {
    let auth = config().0.build().expect("valid");
    let mut events = auth.events();
    for _ in 0..1200 {
        auth.access_token("alice").issue().expect("issued");
    }
    let Some(AuthEvent::Lost { count }) = events.try_next() else { panic!("nothing was lost") };
    assert!(count >= 1200 - 1024, "{count}");
    assert!(events.try_next().is_some(), "it goes on with the oldest that is left");
}
