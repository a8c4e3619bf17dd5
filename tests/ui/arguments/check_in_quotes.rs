use jwt_auth::jwt_required;

#[jwt_required(check = "may_edit")]
async fn handler() {}

fn main() {}
