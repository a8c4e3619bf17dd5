use jwt_auth::{AccessToken, Checked, check, jwt_required};

#[check]
async fn own_note(_: AccessToken) -> bool {
    true
}

#[check]
async fn office_hours() -> bool {
    true
}

#[jwt_required(check = office_hours)]
async fn handler(_: Checked<own_note>) {}

fn main() {}
