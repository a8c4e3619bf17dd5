use jwt_auth::{AccessToken, public};

#[derive(serde::Deserialize)]
struct Mine<'a>(std::marker::PhantomData<&'a ()>);

#[public]
async fn handler(token: AccessToken<Mine<'static>>) {
    drop(token);
}

fn main() {}
