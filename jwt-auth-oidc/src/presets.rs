//! Presets: the name, the address of the keys and the claims of well-known providers.

use crate::issuer::Issuer;
use crate::key_client::KeysAt;

const ENTRA: &str = "https://login.microsoftonline.com";
/// What Entra accepts instead of a tenant.
const EVERY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// # Presets
impl Issuer {
    /// A realm of Keycloak, by the address of the server.
    ///
    /// Roles: those of the realm; those of a client by `.roles([["resource_access", "notes-api", "roles"]])`. Keycloak puts a
    /// service into `aud` by an audience mapper only; a token for `account` is for Keycloak itself.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::keycloak("https://login.example.com", "staff").audience(["notes-api"]);
    /// # drop(issuer);
    /// ```
    pub fn keycloak(server: &str, realm: &str) -> Self {
        let name = format!("{}/realms/{realm}", server.trim_end_matches('/'));
        let keys = format!("{name}/protocol/openid-connect/certs");
        // Its ID tokens and refresh tokens are signed as well, and differ by this claim.
        Self::jwks(name, keys).required_claim("typ", "Bearer").roles([["realm_access", "roles"]])
    }

    /// A tenant of Auth0, by its domain.
    ///
    /// Scopes: `scope`, and `permissions` if role-based access control is on. A client gets a JWT only if it asks for an
    /// audience.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::auth0("acme.eu.auth0.com").audience(["https://api.example.com"]);
    /// # drop(issuer);
    /// ```
    pub fn auth0(domain: &str) -> Self {
        let name = format!("https://{domain}/");
        let keys = format!("{name}.well-known/jwks.json");
        Self::jwks(name, keys).scopes([["scope"], ["permissions"]])
    }

    /// An authorization server of Okta, by its domain and id, such as `default`.
    ///
    /// Scopes: `scp`; roles: `groups`. The tokens of the organisation's own server are for Okta, and cannot be verified.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::okta("acme.okta.com", "default").audience(["api://default"]);
    /// # drop(issuer);
    /// ```
    pub fn okta(domain: &str, server: &str) -> Self {
        let name = format!("https://{domain}/oauth2/{server}");
        let keys = format!("{name}/v1/keys");
        Self::jwks(name, keys).scopes([["scp"]]).roles([["groups"]])
    }

    /// A tenant of Microsoft Entra ID, by its id; tokens of version 2.
    ///
    /// The audience is the client id of the API. Scopes: `scp`; roles: `roles`. Set `requestedAccessTokenVersion` of the API
    /// to 2; tokens for Microsoft Graph cannot be verified.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::entra("72f988bf-86f1-41af-91ab-2d7cd011db47").audience(["11111111-2222-3333-4444-555555555555"]);
    /// # drop(issuer);
    /// ```
    pub fn entra(tenant: &str) -> Self {
        Self::of_tenants(&[tenant], tenant)
    }

    /// Several tenants of Microsoft Entra ID, by their ids, for an application that is registered for many organisations;
    /// tokens of version 2.
    ///
    /// The tenants share the keys of Entra, and a key that Entra binds to one tenant verifies the tokens of that tenant only.
    /// [`token.issuer()`](jwt_auth::AccessToken::issuer) names the tenant of a token. Names such as `common`, which mean any
    /// tenant, are refused.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let tenants = ["72f988bf-86f1-41af-91ab-2d7cd011db47", "9188040d-6c67-4c5b-b112-36a304b66dad"];
    /// let issuer = Issuer::entra_many(tenants).audience(["11111111-2222-3333-4444-555555555555"]);
    /// # drop(issuer);
    /// ```
    pub fn entra_many<T: AsRef<str>>(tenants: impl IntoIterator<Item = T>) -> Self {
        let tenants: Vec<T> = tenants.into_iter().collect();
        let tenants: Vec<&str> = tenants.iter().map(AsRef::as_ref).collect();
        Self::of_tenants(&tenants, "common")
    }

    fn of_tenants(tenants: &[&str], keys_of: &str) -> Self {
        let name = |tenant: &str| format!("{ENTRA}/{tenant}/v2.0");
        let first = tenants.first().copied().unwrap_or_default();
        let others: Vec<String> = tenants.iter().skip(1).map(|tenant| name(tenant)).collect();
        let is_tenant = |tenant: &&str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
            !tenant.is_empty() && tenant.bytes().all(is_part) && !EVERY_TENANT.contains(tenant)
        };
        let are_tenants = !tenants.is_empty() && tenants.iter().all(is_tenant);
        let issuer = Self::jwks(name(first), format!("{ENTRA}/{keys_of}/discovery/v2.0/keys"))
            .aliases(others)
            .required_claim("ver", "2.0")
            .scopes([["scp"]]);
        if are_tenants {
            return issuer;
        }
        issuer.step(|issuer| {
            issuer.problem(
                "a tenant of Entra is named by its id; `common`, `organizations` and `consumers` mean any tenant",
                "write the id: `Issuer::entra(\"72f988bf-86f1-41af-91ab-2d7cd011db47\")`, or several by `Issuer::entra_many([…])`",
            )
        })
    }

    /// A user pool of Amazon Cognito, by its region and id.
    ///
    /// Its access tokens have no audience: name your clients by [`client_ids`](Self::client_ids). Roles: `cognito:groups`.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::cognito("eu-west-1", "eu-west-1_a1b2c3d4e").client_ids(["the-web-app"]);
    /// # drop(issuer);
    /// ```
    pub fn cognito(region: &str, pool: &str) -> Self {
        let name = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
        let keys = format!("{name}/.well-known/jwks.json");
        Self::jwks(name, keys).required_claim("token_use", "access").roles([["cognito:groups"]])
    }

    /// Google: the ID tokens of users and service accounts, since its access tokens are not JWTs.
    ///
    /// The audience is your client id, or what a service account asks for.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::google().audience(["https://api.example.com"]);
    /// # drop(issuer);
    /// ```
    pub fn google() -> Self {
        Self::jwks("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")
            .aliases(["accounts.google.com"])
    }

    /// An instance of Zitadel, by its domain.
    ///
    /// An application gets JWTs only if it is configured so. The audience is the id of the project; roles are those of the
    /// project, if the scope for them was asked for.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::zitadel("acme.zitadel.cloud").audience(["259137158421807281"]);
    /// # drop(issuer);
    /// ```
    pub fn zitadel(domain: &str) -> Self {
        let name = format!("https://{domain}");
        let keys = format!("{name}/oauth/v2/keys");
        Self::jwks(name, keys).roles([["urn:zitadel:iam:org:project:roles"]])
    }

    /// Ory Hydra with the JWT strategy, by its issuer URL. Scopes: `scp` and `scope`.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::hydra("https://hydra.example.com").audience(["notes-api"]);
    /// # drop(issuer);
    /// ```
    pub fn hydra(issuer: &str) -> Self {
        let keys = format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
        Self::jwks(issuer, keys)
    }

    /// FusionAuth, by the issuer of the tenant and the address of the server. Roles: `roles`.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::fusionauth("acme.com", "https://auth.example.com").audience(["the-client-id"]);
    /// # drop(issuer);
    /// ```
    pub fn fusionauth(issuer: &str, server: &str) -> Self {
        let keys = format!("{}/.well-known/jwks.json", server.trim_end_matches('/'));
        Self::jwks(issuer, keys)
    }

    /// A project of Supabase, by its address, with asymmetric keys. Roles: `role`.
    ///
    /// The audience is `authenticated` for users who logged in. Nothing in `user_metadata` is a permission: users write it.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::supabase("https://abc.supabase.co").audience(["authenticated"]);
    /// # drop(issuer);
    /// ```
    pub fn supabase(project: &str) -> Self {
        let name = format!("{}/auth/v1", project.trim_end_matches('/'));
        let keys = format!("{name}/.well-known/jwks.json");
        Self::jwks(name, keys).roles([["role"]])
    }

    /// A project of Firebase, by its id, which is also the audience. It has ID tokens only.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::firebase("acme-notes");
    /// # drop(issuer);
    /// ```
    pub fn firebase(project: &str) -> Self {
        const KEYS: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
        Self::new(format!("https://securetoken.google.com/{project}"), KeysAt::Url(KEYS.to_owned()))
            .audience([project])
    }

    /// Clerk, by the address of the frontend API.
    ///
    /// Its tokens have no audience by default: name the origins of your pages by [`client_ids`](Self::client_ids). Roles: those
    /// of the active organisation.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::clerk("https://clerk.example.com").client_ids(["https://app.example.com"]);
    /// # drop(issuer);
    /// ```
    pub fn clerk(frontend_api: &str) -> Self {
        let keys = format!("{}/.well-known/jwks.json", frontend_api.trim_end_matches('/'));
        Self::jwks(frontend_api, keys).roles([["o", "rol"]])
    }
}
