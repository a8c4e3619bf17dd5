#![deny(unused_variables)]

use jwt_auth::{AccessToken, jwt_required};

#[jwt_required]
async fn handler(token: AccessToken) {}

fn main() {}
