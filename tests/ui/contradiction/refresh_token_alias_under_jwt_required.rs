use jwt_auth::{RefreshToken, jwt_required};

type Ticket = RefreshToken;

#[jwt_required]
async fn handler(ticket: Ticket) {
    drop(ticket);
}

fn main() {}
