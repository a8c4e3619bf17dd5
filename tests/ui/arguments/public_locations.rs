use jwt_auth::public;

#[public(locations(cookie))]
async fn me() {}

fn main() {}
