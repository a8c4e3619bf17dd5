//! The arguments of each command.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Cargo passes the name of the command as the first argument.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo", styles = clap::builder::Styles::plain())]
pub(crate) enum Cargo {
    JwtAuth(Arguments),
}

/// The command line of jwt-auth.
#[derive(Debug, Args)]
#[command(version, about, long_about = None)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes a guarded main.rs, .env.example and a development key into a project.
    Init(InitArguments),
    /// Makes a secret or a private key, and prints it or writes it to a file.
    Key(KeyArguments),
    /// Makes a token with the development key of the project.
    Token(TokenArguments),
    /// Reads a token from stdin, and prints each rule with its verdict.
    Verify(VerifyArguments),
    /// Shows what a token contains, without verifying it.
    Inspect(InspectArguments),
    /// Prints the routes, or fails if one requires less than before.
    Routes(RoutesArguments),
    /// Prints the settings from the environment (without secrets), weak spots and versions.
    Doctor,
    /// Looks at an identity provider.
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Prints the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page.
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The folder of the project.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The folder of the crate jwt-auth, to depend on it instead of the registry.
    #[arg(long)]
    pub(crate) jwt_auth_path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "ES256")]
    Es256,
    #[value(name = "EdDSA")]
    EdDsa,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    /// The algorithm.
    #[arg(long, value_enum, default_value = "HS256")]
    pub(crate) algorithm: KeyKind,
    /// The file for the private key; readable by its owner alone. It must not exist.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// The subject.
    #[arg(long)]
    pub(crate) sub: String,
    /// A scope; may be repeated.
    #[arg(long = "scope")]
    pub(crate) scopes: Vec<String>,
    /// A role; may be repeated.
    #[arg(long = "role")]
    pub(crate) roles: Vec<String>,
    /// An audience; may be repeated. Default: the configured one.
    #[arg(long = "audience")]
    pub(crate) audience: Vec<String>,
    /// The lifetime: 90s, 15m, 12h, 30d. Default: the configured one.
    #[arg(long, value_parser = parse_duration)]
    pub(crate) expires: Option<Duration>,
    /// Makes the token fresh, as if from a log-in; ignored with --refresh.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// A refresh token.
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Allows a configured key to sign, in place of the development key.
    #[arg(long)]
    pub(crate) yes_production: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The issuer of the token; its keys are fetched.
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// A file with the JWK set of the issuer; needs `--issuer`.
    #[arg(long, requires = "issuer")]
    pub(crate) jwks: Option<PathBuf>,
    /// An accepted audience; may be repeated.
    #[arg(long)]
    pub(crate) audience: Vec<String>,
    /// Verifies a refresh token.
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RoutesArguments {
    /// The manifest that a test of the project writes.
    #[arg(long, default_value = "routes.json")]
    pub(crate) file: PathBuf,
    /// Fails if a route requires less than at the base.
    #[arg(long, requires = "base")]
    pub(crate) check: bool,
    /// The Git reference to compare with.
    #[arg(long)]
    pub(crate) base: Option<String>,
    /// The file with the reasons for weaker routes.
    #[arg(long, default_value = "routes-allow.txt")]
    pub(crate) allow: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Fetches the document and the keys of an issuer.
    Probe(ProbeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArguments {
    /// The issuer, exactly as its tokens name it.
    pub(crate) issuer: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let problem = || format!("{text:?} is no duration; write 90s, 15m, 12h or 30d");
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: u64 = number.parse().map_err(|_| problem())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(problem()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(problem)
}
