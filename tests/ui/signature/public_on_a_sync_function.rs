use jwt_auth::public;

#[public]
fn handler() -> &'static str {
    "ok"
}

fn main() {}
