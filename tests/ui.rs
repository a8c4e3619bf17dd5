//! Compile errors as users see them: one mistake in each file, with the printed text beside it.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` rewrites the texts; review each change.

#[test]
fn each_mistake_has_the_expected_compile_error() {
    let cases = trybuild::TestCases::new();
    for folder in [
        "arguments",
        "signature",
        "contradiction",
        "check",
        "router",
        "config",
        "body",
        "permission",
        "openapi",
    ] {
        cases.compile_fail(format!("ui/{folder}/*.rs"));
    }
}
