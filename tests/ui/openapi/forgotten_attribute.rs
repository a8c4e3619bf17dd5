use jwt_auth_openapi::{OpenApiRouter, routes};

#[utoipa::path(get, path = "/notes")]
async fn notes() {}

fn main() {
    let _: OpenApiRouter = OpenApiRouter::new().routes(routes!(notes));
}
