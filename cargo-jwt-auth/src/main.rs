//! `cargo jwt-auth`: the command line of jwt-auth.

mod access;
mod arguments;
mod commands;
mod environment;
mod failure;
mod input;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Cargo, Command, IssuerCommand};
use crate::failure::Failure;
use crate::output::visible;

fn main() -> ExitCode {
    let Cargo::JwtAuth(arguments) = Cargo::parse();
    let done = match arguments.command {
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Key(arguments) => commands::key::run(&arguments),
        Command::Token(arguments) => commands::token::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Routes(arguments) => commands::routes::run(&arguments),
        Command::Doctor => commands::doctor::run(),
        Command::Issuer(IssuerCommand::Probe(arguments)) => commands::issuer::run(&arguments),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man => commands::completions::man(),
    };
    match done {
        // A reader such as `head` that has seen enough is no failure.
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Refused(reason)) => {
            eprintln!("{}", lines(&reason));
            ExitCode::from(1)
        }
        Err(Failure::Usage(reason)) => {
            eprintln!("error: {}", lines(&reason));
            ExitCode::from(2)
        }
    }
}

/// A message of one line or more, which may quote what others wrote.
fn lines(reason: &str) -> String {
    reason.lines().map(visible).collect::<Vec<_>>().join("\n")
}
