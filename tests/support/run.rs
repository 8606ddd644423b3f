//! The binary, run to its end.

use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};

/// What came of it.
pub struct Ran {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It did what was asked, and said this.
    #[track_caller]
    pub fn says(&self, out: &str) {
        assert_eq!(self.out, out, "on stdout; on stderr: {}", self.err);
        assert_eq!(self.code(), 0, "{}", self.err);
    }

    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().expect("it ends by itself")
    }
}

/// `limpid` with these arguments, and this on its stdin.
pub fn limpid(arguments: &[&str], input: &[u8]) -> Ran {
    limpid_with(&[], arguments, input)
}

/// The same with variables in its environment.
pub fn limpid_with(variables: &[(&str, &str)], arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_limpid"))
        .args(arguments)
        .env_remove("LIMPID_PASSWORD")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has built the binary");
    let mut stdin = child.stdin.take().expect("piped above");
    let input = input.to_vec();
    // Whoever needs no input may be gone before it has read any.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it is our child");
    let _ = writer.join().expect("it only writes");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status, out: text(&output.stdout), err: text(&output.stderr) }
}
