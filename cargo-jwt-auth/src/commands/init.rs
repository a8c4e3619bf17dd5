//! `init`: a project that runs, with a guard on each route.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::arguments::InitArguments;
use crate::commands::key::{new_secret, write_private};
use crate::failure::Failure;

const MAIN: &str = include_str!("init_main.txt");
const ENV: &str = "# The configuration: every variable is in the documentation of `Config::from_env`.\n\
    # A secret for production: cargo jwt-auth key\n\
    # JWT_AUTH_SECRET_KEY=\n\n\
    # Who issues the tokens, and for which service.\n\
    # JWT_AUTH_ISSUER=https://auth.example\n\
    # JWT_AUTH_AUDIENCE=https://api.example\n";

pub(crate) fn run(arguments: &InitArguments) -> Result<(), Failure> {
    let folder = arguments.folder.as_path();
    if !folder.join("Cargo.toml").exists() {
        fs::create_dir_all(folder)?;
        cargo(folder, &["init", "--quiet", "--bin"])?;
    }
    let main = folder.join("src/main.rs");
    let text = fs::read_to_string(&main).unwrap_or_default();
    let is_template =
        text.is_empty() || (text.contains("Hello, world!") && text.lines().count() < 5);
    if !is_template {
        return Err(Failure::usage(format!(
            "{} has a program already; `init` replaces only that of `cargo new`",
            main.display()
        )));
    }
    // Cargo runs in the folder of the project.
    let path = arguments.jwt_auth_path.as_deref().map(|path| {
        let absolute = fs::canonicalize(path);
        absolute.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    });
    let path = path.transpose()?.map(|path| path.display().to_string());
    let mut jwt_auth = vec!["add", "--quiet", "jwt-auth"];
    jwt_auth.extend(path.iter().flat_map(|path| ["--path", path]));
    cargo(folder, &jwt_auth)?;
    cargo(folder, &["add", "--quiet", "axum"])?;
    cargo(folder, &["add", "--quiet", "tokio", "--features", "macros,net,rt-multi-thread"])?;
    fs::create_dir_all(folder.join("src"))?;
    fs::write(&main, MAIN)?;
    write_new(&folder.join(".env.example"), ENV)?;
    let keys = folder.join(".jwt-auth");
    fs::create_dir_all(&keys)?;
    write_new(&keys.join(".gitignore"), "*\n")?;
    if !keys.join("dev-key").exists() {
        write_private(&keys.join("dev-key"), &new_secret()?)?;
    }
    eprintln!(
        "wrote {}, .env.example and .jwt-auth/dev-key. Next:\n\n    cargo run\n    curl -i localhost:3000/notes -H \"Authorization: Bearer $(cargo jwt-auth token --sub alice --scope notes:read)\"",
        main.display()
    );
    Ok(())
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).current_dir(folder).args(arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::usage(format!("`cargo {}` failed", arguments.join(" ")))),
        Err(error) => Err(Failure::usage(format!("cargo: {error}"))),
    }
}

/// Writes a file, unless there is one.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    if file.exists() {
        return Ok(());
    }
    fs::write(file, text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}
