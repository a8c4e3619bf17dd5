use jwt_auth::public;

#[public(optional)]
async fn handler() {}

fn main() {}
