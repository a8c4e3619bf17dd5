use jwt_auth::jwt_required;

struct Api;

impl Api {
    #[jwt_required(scopes("a"))]
    async fn handler() -> &'static str {
        Self::name()
    }

    fn name() -> &'static str {
        "api"
    }
}

fn main() {}
