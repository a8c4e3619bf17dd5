//! Compares a manifest with the file of it in the repository.

use std::path::Path;

use crate::router::Manifest;

/// The variable that lets the file be written.
const UPDATE: &str = "UPDATE_ROUTES";

/// Checks that a file has the manifest, as JSON: each change of a guard is then a change of a file, for review and for
/// `cargo jwt-auth routes --check`.
///
/// With `UPDATE_ROUTES=1` in the environment the file is written instead. A relative path begins at the folder of the package.
///
/// ```
/// use jwt_auth::testing::assert_manifest;
/// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
///
/// #[jwt_required]
/// async fn notes() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes));
/// # let file = std::env::temp_dir().join(format!("routes-{}.json", std::process::id()));
/// # std::fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&router.manifest())?))?;
/// assert_manifest(&router.manifest(), &file);
/// # std::fs::remove_file(&file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If the file has another manifest, or does not exist.
#[track_caller]
pub fn assert_manifest(manifest: &Manifest, file: impl AsRef<Path>) {
    let file = file.as_ref();
    let text = serde_json::to_string_pretty(manifest).map(|text| format!("{text}\n"));
    let text = text.expect("a manifest is JSON");
    if std::env::var(UPDATE).as_deref() == Ok("1") {
        std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let known = std::fs::read_to_string(file).unwrap_or_default();
    // Git may have changed the ends of lines.
    assert!(
        known.replace("\r\n", "\n") == text,
        "{} is not the manifest of the routes; run the test with {UPDATE}=1, and review the change.\nThe routes are now:\n{manifest}",
        file.display()
    );
}
