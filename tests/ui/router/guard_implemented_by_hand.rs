use jwt_auth::router::IsGuard;
use jwt_auth::__private::GuardSpec;

struct Mine;

impl IsGuard for Mine {
    const SPEC: GuardSpec = GuardSpec::PUBLIC;
}

fn main() {}
