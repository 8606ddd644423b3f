//! `limpid check`: is the log whole, what does it hold; accept an edit, go back to a moment.
//!
//! Nothing is changed without `--yes`: what would be done is said, and that is all.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

use crate::aof::check::{self, FileReport};
use crate::aof::storage::FileStorage;
use crate::aof::{Error, Replayed, reseal, restore, time};
use crate::command::Run;
use crate::execute::look_up;
use crate::machine::now_ms;
use crate::progress::bar;
use crate::protocol::Words;

/// Runs with the arguments that follow `limpid check`. Exit code 1 where the log is not whole.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let matches = match command().no_binary_name(true).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            // If neither output can be written, there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let path = PathBuf::from(matches.get_one::<OsString>("path").cloned().unwrap_or_default());
    let done = if matches.get_flag("reseal") {
        reseal_directory(&path, matches.get_flag("yes"))
    } else if let Some(moment) = matches.get_one::<String>("until") {
        let output = matches.get_one::<OsString>("output").map(PathBuf::from);
        restore_until(&path, moment, output)
    } else {
        verify(&path)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("limpid check: {why}");
            ExitCode::FAILURE
        }
    }
}

pub fn command() -> Command {
    let path = clap::value_parser!(OsString);
    Command::new("check")
        .bin_name("limpid check")
        .about("Verifies a log and says what it holds")
        .arg(
            Arg::new("path")
                .value_name("DIR|FILE")
                .required(true)
                .value_parser(path.clone())
                .help("a data directory, or one file of it"),
        )
        .arg(Arg::new("reseal").long("reseal").action(ArgAction::SetTrue).help(
            "accept a log that was edited by hand: make its marks anew (says what it would do; see --yes)",
        ))
        .arg(Arg::new("yes").long("yes").action(ArgAction::SetTrue).requires("reseal").help("do it"))
        .arg(
            Arg::new("until").long("until").value_name("TIME").conflicts_with("reseal").help(
                "write a copy of the log as it was at TIME: Unix milliseconds, or 2026-01-31T23:59:59Z",
            ),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .value_name("NEW-DIR")
                .requires("until")
                .value_parser(path)
                .help("where the copy goes [default: DIR.TIME, beside DIR]"),
        )
}

/// A record must be a writing command, with as many words as it takes.
fn is_record(_db: u8, words: Words<'_>) -> Result<(), String> {
    let found = look_up(words).map_err(|error| error.text().to_string())?;
    match found.command.run {
        Run::Write(_) => Ok(()),
        _ => Err(format!("'{}' changes nothing and is no record", found.full_name())),
    }
}

fn open(directory: &Path) -> Result<FileStorage, String> {
    if !directory.is_dir() {
        return Err(format!("{} is no directory", directory.display()));
    }
    FileStorage::open(directory).map_err(|e| format!("cannot use {}: {e}", directory.display()))
}

/// Says what is there. Returns whether a server would start on it.
fn verify(path: &Path) -> Result<bool, String> {
    let bar = bar();
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    if path.is_file() {
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let report = check::file(&open(directory)?, &name, &mut is_record, &mut progress);
        bar.finish_and_clear();
        let report = report.map_err(|e| e.to_string())?;
        describe(&report);
        return Ok(report.found.is_ok());
    }
    let report = check::directory(&open(path)?, &mut is_record, &mut progress);
    bar.finish_and_clear();
    let report = report.map_err(|e| e.to_string())?;
    report.files.iter().for_each(describe);
    for name in &report.strangers {
        println!("{name}: not named in MANIFEST, not read");
    }
    match report.damage() {
        None => println!("the log is whole"),
        Some(damage) => println!("{}", Error::from(damage.clone())),
    }
    Ok(report.is_whole())
}

fn describe(file: &FileReport) {
    let name = &file.entry.name;
    let kept = if file.live { "" } else { " (kept for --until)" };
    match &file.found {
        Ok(found) => {
            let Replayed { records, groups, seq, first_ms, last_ms, .. } = found;
            let when = first_ms.map_or(String::new(), |first_ms| {
                format!(" {} to {},", time::format(first_ms), time::format(*last_ms))
            });
            println!(
                "{name}{kept}: {records} records in {groups} groups, up to number {seq},{when} {} bytes",
                file.size_bytes
            );
            if found.torn_bytes > 0 {
                println!(
                    "{name}: a torn tail of {} bytes from line {} (byte {}) on: {}; nothing says that it was ever on disk",
                    found.torn_bytes, found.end.line, found.end.offset, found.torn_why
                );
            }
        }
        Err(damage) => println!("{damage}"),
    }
}

fn reseal_directory(path: &Path, confirmed: bool) -> Result<bool, String> {
    let storage = open(path)?;
    let outcome =
        reseal::directory(&storage, confirmed, now_ms(), &mut is_record).map_err(|e| e.to_string())?;
    if outcome.files.is_empty() && !outcome.manifest_made && !outcome.manifest_differs {
        println!("the marks are right: nothing to do");
        return Ok(true);
    }
    let (made, resealed) = if confirmed { ("made", "resealed") } else { ("would make", "would reseal") };
    if outcome.manifest_made {
        println!("{made} MANIFEST from the files that are there");
    }
    if outcome.manifest_differs {
        let says = if confirmed { "says now" } else { "would say" };
        println!("MANIFEST {says} what the files hold, which is other than it said");
    }
    for file in &outcome.files {
        println!(
            "{resealed} {}: {} records, {} of them behind the last mark; the file as it was: {}",
            file.name, file.records, file.unmarked, file.kept
        );
    }
    if !confirmed {
        println!("nothing was changed; add --yes to do it");
    }
    Ok(true)
}

/// `DIR.TIME`, beside the directory, however that is spelled: `data/` and `.` as well.
fn beside(path: &Path, time: &str) -> Result<PathBuf, String> {
    let named = match path.file_name() {
        Some(_) => path.to_path_buf(),
        None => path.canonicalize().map_err(|e| format!("cannot find {}: {e}", path.display()))?,
    };
    let mut name = named.file_name().ok_or("nothing is beside this directory: give --output")?.to_os_string();
    name.push(format!(".{time}"));
    Ok(named.with_file_name(name))
}

fn restore_until(path: &Path, moment: &str, output: Option<PathBuf>) -> Result<bool, String> {
    let until_ms = time::parse(moment)
        .ok_or_else(|| format!("'{moment}' is no time: give Unix milliseconds or 2026-01-31T23:59:59Z"))?;
    let output = match output {
        Some(output) => output,
        None => beside(path, &time::format(until_ms))?,
    };
    let is_used = std::fs::read_dir(&output).is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        return Err(format!("{} is not empty", output.display()));
    }
    let from = open(path)?;
    let is_new = !output.exists();
    let to = FileStorage::open(&output).map_err(|e| format!("cannot make {}: {e}", output.display()))?;
    let restored = restore::until(&from, until_ms, &to).map_err(|e| {
        if is_new {
            // Takes an empty one only: what was copied before it failed may still be of use.
            let _ = std::fs::remove_dir(&output);
        }
        e.to_string()
    })?;
    println!(
        "{}: {} files, up to record {} of {}; start on it with --dir",
        output.display(),
        restored.files.len(),
        restored.seq,
        time::format(restored.ms)
    );
    Ok(true)
}
