use jwt_auth::check;

struct App;

impl App {
    #[check]
    async fn owner(&self) -> bool {
        true
    }
}

fn main() {}
