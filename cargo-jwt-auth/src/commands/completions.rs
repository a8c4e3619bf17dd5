//! `completions` and `man`: shell completions, and the manual page.

use clap::CommandFactory as _;

use crate::arguments::Cargo;
use crate::failure::Failure;
use crate::output::print;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cargo::command(), "cargo-jwt-auth", &mut text);
    print(&String::from_utf8_lossy(&text))
}

pub(crate) fn man() -> Result<(), Failure> {
    let command = Cargo::command();
    let own = command.find_subcommand("jwt-auth").cloned().unwrap_or(command);
    let mut text = Vec::new();
    clap_mangen::Man::new(own.name("cargo-jwt-auth")).render(&mut text)?;
    print(&String::from_utf8_lossy(&text))
}
