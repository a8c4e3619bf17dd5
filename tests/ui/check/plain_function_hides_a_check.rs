use jwt_auth::{AccessToken, check};

#[check]
async fn may_edit(_: AccessToken) -> bool {
    true
}

mod notes {
    #[allow(unused_imports)]
    use super::*;
    use jwt_auth::jwt_required;

    fn may_edit(_: &AccessToken) -> bool {
        false
    }

    #[jwt_required(check = may_edit)]
    async fn handler() {}
}

fn main() {}
