use jwt_auth::{jwt_required, public as anyone};

#[jwt_required]
#[anyone]
async fn handler() {}

fn main() {}
