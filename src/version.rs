//! What this is a build of.

pub const NUMBER: &str = env!("CARGO_PKG_VERSION");

/// The commit, shortened, with `-dirty` behind it if the tree held anything else. `None` where nobody knows it, and in builds
/// that are not for release.
pub const COMMIT: Option<&str> = option_env!("LIMPID_COMMIT");

/// `0.1.0 (b054d23c)`
pub fn full() -> String {
    match COMMIT {
        Some(commit) => format!("{NUMBER} ({commit})"),
        None => NUMBER.into(),
    }
}
