use jwt_auth::AccessToken;

fn main() {
    let _token: AccessToken = AccessToken { verified: todo!(), location: None, custom: jwt_auth::NoClaims };
}
