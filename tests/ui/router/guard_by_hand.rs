use jwt_auth::routing::get;
use jwt_auth::{AccessToken, Config, GuardedRouter, IsGuard, GuardSpec};

struct Mine;

impl IsGuard for Mine {
    const SPEC: GuardSpec = GuardSpec::PUBLIC;
}

fn main() {}
