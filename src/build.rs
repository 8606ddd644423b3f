//! Tells the compiler which commit it builds, as `LIMPID_COMMIT`; see `version.rs`.
//!
//! Only for release builds: a development build would be made anew after each commit. The same sources give the same answer
//! wherever and whenever they are built.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=LIMPID_COMMIT");
    println!("cargo::rerun-if-changed=src/build.rs");
    let told = std::env::var("LIMPID_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = told.or_else(|| if is_release { found() } else { None });
    if let Some(commit) = commit {
        println!("cargo::rustc-env=LIMPID_COMMIT={commit}");
    }
}

/// The commit, asked for again when a source or git's own state changes.
fn found() -> Option<String> {
    let root = Path::new(".");
    let of_git = ["HEAD", "logs/HEAD", "index"]
        .into_iter()
        .filter_map(|name| git(root, &["rev-parse", "--git-path", name]));
    let sources = ["Cargo.toml", "Cargo.lock", "src", ".cargo_vcs_info.json"].map(String::from);
    for input in of_git.chain(sources).filter(|input| Path::new(input).exists()) {
        println!("cargo::rerun-if-changed={input}");
    }
    commit_of(root)
}

/// What git says of this folder, or what `cargo package` has noted in it.
pub fn commit_of(root: &Path) -> Option<String> {
    from_package(root).or_else(|| from_git(root))
}

fn from_git(root: &Path) -> Option<String> {
    // A folder within someone else's repository has nothing to say.
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let commit = git(root, &["rev-parse", "--short=9", "HEAD"])?;
    let is_clean = git(root, &["status", "--porcelain"])?.is_empty();
    Some(if is_clean { commit } else { commit + "-dirty" })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// `{"git":{"sha1":"...","dirty":true}}`
fn from_package(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?.get(..9)?;
    let is_clean = !text.contains("\"dirty\"");
    Some(if is_clean { commit.into() } else { format!("{commit}-dirty") })
}
