//! Compile errors as users see them: one mistake a file, each with the text that is printed.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` writes the texts anew; look at each.

#[test]
fn mistakes() {
    let cases = trybuild::TestCases::new();
    for folder in ["arguments", "signature", "contradiction", "router", "config", "body"] {
        cases.compile_fail(format!("ui/{folder}/*.rs"));
    }
}
