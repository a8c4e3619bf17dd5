use jwt_auth::{RefreshToken, refresh_required};

#[refresh_required(optional)]
async fn refresh(_token: RefreshToken) {}

fn main() {}
