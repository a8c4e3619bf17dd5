//! The keys of rows, as text.

use crate::session::TokenIdentity;
use crate::session::record::RecordKey;

/// The keys of rows that name a token, its session or its key.
///
/// A token that any of these rows covers, while it is in force, is revoked.
///
/// ```
/// use jwt_auth::session::RotationRequest;
/// use jwt_auth::session::log::keys_that_name;
///
/// let request = RotationRequest::new("a-session", "alice", "a-jti", "another", std::time::UNIX_EPOCH);
/// assert_eq!(keys_that_name(&request.token), [r#"["token",null,"a-jti"]"#, r#"["session","a-session"]"#]);
/// ```
pub fn keys_that_name(token: &TokenIdentity<'_>) -> Vec<String> {
    RecordKey::that_name(token).iter().map(RecordKey::text).collect()
}

/// The keys of the two rows that may have an epoch of a subject: its own, and that of all subjects.
///
/// ```
/// assert_eq!(jwt_auth::session::log::epoch_keys("alice"), [r#"["subject","alice"]"#, r#"["all"]"#]);
/// ```
pub fn epoch_keys(subject: &str) -> [String; 2] {
    [RecordKey::Subject(subject.to_owned()), RecordKey::All].map(|key| key.text())
}

/// The key of the row of a session that ended.
///
/// ```
/// assert_eq!(jwt_auth::session::log::session_key("a-session"), r#"["session","a-session"]"#);
/// ```
pub fn session_key(id: &str) -> String {
    RecordKey::Session(id.to_owned()).text()
}
