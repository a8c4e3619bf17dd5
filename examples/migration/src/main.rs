//! The first app of the README of fastapi-jwt-auth, ported line by line. Its clients see no difference.
//!
//! The same app in Python:
//!
//! ```python
//! class Settings(BaseModel):
//!     authjwt_secret_key: str = os.environ["SECRET_KEY"]
//!
//! @AuthJWT.load_config
//! def get_config():
//!     return Settings()
//!
//! class User(BaseModel):
//!     username: str
//!     password: str
//!
//! @app.post("/login")
//! def login(user: User, Authorize: AuthJWT = Depends()):
//!     if user.username != "test" or user.password != "test":
//!         raise HTTPException(status_code=401, detail="Bad username or password")
//!     access_token = Authorize.create_access_token(subject=user.username)
//!     return {"access_token": access_token}
//!
//! @app.get("/user")
//! def user(Authorize: AuthJWT = Depends()):
//!     Authorize.jwt_required()
//!     return {"user": Authorize.get_jwt_subject()}
//! ```
//!
//! With the same key (here `JWT_AUTH_SECRET_KEY`) each app accepts the tokens of the other, so you can migrate route by
//! route. A key of less than 32 bytes is refused. If the old key is shorter, `jwt_auth::danger` has
//! `allow_short_secret` for the duration of the migration.

#[cfg(test)]
mod tests;

use axum::Json;
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Compat, Config, GuardedRouter, JwtAuth, jwt_required, load_config, public,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[load_config]
fn get_config(config: Config) -> Config {
    config.compat(Compat::FastApiJwtAuth)
}

#[derive(Deserialize)]
struct User {
    username: String,
    password: String,
}

#[public]
async fn login(auth: JwtAuth, Json(user): Json<User>) -> axum::response::Result<Json<Value>> {
    if user.username != "test" || user.password != "test" {
        let detail = json!({ "detail": "Bad username or password" });
        return Err((StatusCode::UNAUTHORIZED, Json(detail)).into());
    }
    let access_token = auth.access_token(user.username).issue()?;
    Ok(Json(json!({ "access_token": access_token.as_str() })))
}

#[jwt_required]
async fn user(token: AccessToken) -> Json<Value> {
    Json(json!({ "user": token.subject() }))
}

fn router() -> GuardedRouter {
    GuardedRouter::new().route("/login", post(login)).route("/user", get(user))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let app = router().with_state(get_config(Config::from_env())?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Paste into another terminal:\n");
    println!("{}", curl_lines(&address.to_string()));
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(address: &str) -> String {
    [
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"test\",\"password\":\"test\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {address}/user -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/user"),
    ]
    .join("\n")
}
