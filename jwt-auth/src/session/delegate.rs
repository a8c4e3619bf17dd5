//! The macro that implements [`RevocationStore`](crate::session::RevocationStore) for a wrapper.

/// Implements [`RevocationStore`](crate::session::RevocationStore) for a tuple struct, by its first field.
///
/// Every method is delegated, so a wrapper does not lose what a default would hide.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, MemoryStore};
///
/// /// A store with a name of its own.
/// struct AppStore(MemoryStore);
/// jwt_auth::delegate_store!(AppStore);
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).revocation(AppStore(MemoryStore::new())).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[macro_export]
macro_rules! delegate_store {
    ($store:ty) => {
        impl $crate::session::RevocationStore for $store {
            fn check(
                &self,
                token: &$crate::session::TokenIdentity<'_>,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<$crate::session::TokenStatus, $crate::session::StoreError> {
                $crate::session::RevocationStore::check(&self.0, token, now)
            }

            async fn check_strict(
                &self,
                token: &$crate::session::TokenIdentity<'_>,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<$crate::session::TokenStatus, $crate::session::StoreError> {
                $crate::session::RevocationStore::check_strict(&self.0, token, now).await
            }

            fn is_empty(&self) -> bool {
                $crate::session::RevocationStore::is_empty(&self.0)
            }

            fn status(&self) -> $crate::session::StoreStatus {
                $crate::session::RevocationStore::status(&self.0)
            }

            async fn revoke(
                &self,
                revocation: $crate::session::Revocation<'_>,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<(), $crate::session::StoreError> {
                $crate::session::RevocationStore::revoke(&self.0, revocation, now).await
            }

            async fn rotate(
                &self,
                request: $crate::session::RotationRequest<'_>,
            ) -> ::std::result::Result<$crate::session::RotationOutcome, $crate::session::StoreError>
            {
                $crate::session::RevocationStore::rotate(&self.0, request).await
            }

            async fn register(
                &self,
                session: $crate::session::NewSession<'_>,
            ) -> ::std::result::Result<$crate::session::Registered, $crate::session::StoreError> {
                $crate::session::RevocationStore::register(&self.0, session).await
            }

            async fn sessions(
                &self,
                subject: &str,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<
                ::std::vec::Vec<$crate::session::Session>,
                $crate::session::StoreError,
            > {
                $crate::session::RevocationStore::sessions(&self.0, subject, now).await
            }

            async fn remember_access_life(
                &self,
                life: ::std::time::Duration,
            ) -> ::std::result::Result<(), $crate::session::StoreError> {
                $crate::session::RevocationStore::remember_access_life(&self.0, life).await
            }

            async fn shared_keys(
                &self,
            ) -> ::std::result::Result<$crate::session::SharedKeys, $crate::session::StoreError> {
                $crate::session::RevocationStore::shared_keys(&self.0).await
            }

            async fn replace_shared_keys(
                &self,
                version: u64,
                document: &str,
            ) -> ::std::result::Result<bool, $crate::session::StoreError> {
                $crate::session::RevocationStore::replace_shared_keys(&self.0, version, document)
                    .await
            }

            async fn use_once(
                &self,
                id: &str,
                life: ::std::time::Duration,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<bool, $crate::session::StoreError> {
                $crate::session::RevocationStore::use_once(&self.0, id, life, now).await
            }

            async fn prune(
                &self,
                now: ::std::time::SystemTime,
            ) -> ::std::result::Result<u64, $crate::session::StoreError> {
                $crate::session::RevocationStore::prune(&self.0, now).await
            }
        }
    };
}
