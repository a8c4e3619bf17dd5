use jwt_auth::public;

#[public(locations(cookie))]
async fn handler() {}

fn main() {}
