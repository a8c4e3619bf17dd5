use jwt_auth::{jwt_required, public};

#[jwt_required]
#[public]
async fn handler() {}

fn main() {}
