use jwt_auth::{AccessToken, CurrentUser, JwtAuth, LoadUser, jwt_required};

struct User;

impl LoadUser for User {
    type State = JwtAuth;
    type Error = std::io::Error;

    async fn load(_: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, Self::Error> {
        Ok(None)
    }
}

#[jwt_required(optional)]
async fn me(_user: CurrentUser<User>) {}

fn main() {}
