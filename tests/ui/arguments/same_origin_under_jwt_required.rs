use jwt_auth::jwt_required;

#[jwt_required(same_origin)]
async fn notes() {}

fn main() {}
