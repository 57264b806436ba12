//! `nearmiss generate`: files that are derived from the command line and from what it reads and writes.

mod config_schema;
mod record_schema;

use crate::args::{Cli, GenerateArgs};
use crate::error::Error;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folders of completions, as shells look for them below a `share` folder.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/nearmiss"),
    (Shell::Fish, "fish/vendor_completions.d/nearmiss.fish"),
    (Shell::Zsh, "zsh/site-functions/_nearmiss"),
];

/// Writes all files.
pub(crate) fn run(args: &GenerateArgs) -> Result<ExitCode, Error> {
    let share = Share(&args.folder);
    let command = Cli::command();
    for (shell, path) in COMPLETIONS {
        share.write(path, |out| {
            clap_complete::generate(shell, &mut command.clone(), "nearmiss", out);
            Ok(())
        })?;
    }
    man_pages(&share, command)?;
    share.schema("nearmiss/config.schema.json", &config_schema::schema())?;
    share.schema("nearmiss/record.schema.json", &record_schema::schema())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for the program and one for each command.
fn man_pages(share: &Share<'_>, mut program: Command) -> Result<(), Error> {
    program = program.disable_help_subcommand(true);
    program.build();
    let mut pages = vec![program.clone().display_name("nearmiss")];
    pages.extend(program.get_subcommands().cloned());
    for page in pages {
        let name = page.get_display_name().unwrap_or_else(|| page.get_name()).to_owned();
        // The version stands where other pages have a date, which would differ from build to build.
        let man = clap_mangen::Man::new(page)
            .date(env!("CARGO_PKG_VERSION"))
            .source("nearmiss")
            .manual("User Commands");
        share.write(&format!("man/man1/{name}.1"), |out| man.render(out))?;
    }
    Ok(())
}

/// A folder such as /usr/share.
struct Share<'a>(&'a Path);

impl Share<'_> {
    /// Writes the file at `path`, with its folders.
    fn write(&self, path: &str, content: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<(), Error> {
        let path: PathBuf = self.0.join(path);
        let mut bytes = Vec::new();
        let written = content(&mut bytes)
            .and_then(|()| path.parent().map_or(Ok(()), fs::create_dir_all))
            .and_then(|()| fs::write(&path, bytes));
        written.map_err(|error| Error::Written(path, error))
    }

    fn schema(&self, path: &str, schema: &Value) -> Result<(), Error> {
        self.write(path, |out| {
            serde_json::to_writer_pretty(&mut *out, schema)?;
            out.push(b'\n');
            Ok(())
        })
    }
}
