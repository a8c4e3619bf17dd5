use jwt_auth::AccessToken;

fn main() {
    let _token: AccessToken = AccessToken {};
}
