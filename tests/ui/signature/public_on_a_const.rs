use jwt_auth::public;

#[public]
const HANDLER: u8 = 1;

fn main() {}
