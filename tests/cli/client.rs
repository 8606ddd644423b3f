//! The client as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;

use crate::support::Limpid;

/// The binary as `limpid cli`, with nothing of the surroundings in it.
pub fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
    command.arg("cli").env_remove("LIMPID_PASSWORD").env_remove("REDISCLI_AUTH");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The same for a server on this port.
pub fn at(port: u16) -> Command {
    let mut command = bare();
    command.args(["-p", &port.to_string()]);
    command
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

pub fn finished(command: &mut Command) -> Outcome {
    command.output().expect("cargo has built the binary").into()
}

pub fn with_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("cargo has built the binary");
    let mut stdin = child.stdin.take().expect("piped above");
    let input = input.to_vec();
    // Whoever does not read all of it has ended early, and says why.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it is our child");
    writer.join().expect("it only writes");
    output.into()
}

/// Runs with these arguments, separated by blanks.
pub fn cli(server: &Limpid, arguments: &str) -> Outcome {
    finished(at(server.port()).args(arguments.split(' ')))
}

/// What it prints when all goes well.
#[track_caller]
pub fn printed(server: &Limpid, arguments: &str) -> String {
    let outcome = cli(server, arguments);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments}: {}", outcome.out);
    outcome.out
}

/// One that goes on until the test ends it.
pub struct Endless {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Endless {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("cargo has built the binary");
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines }
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.as_mut().expect("piped").read_line(&mut line).expect("UTF-8");
        line.trim_end_matches('\n').to_owned()
    }

    pub fn interrupt(&self) {
        let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        assert!(kill.is_ok_and(|status| status.success()));
    }

    /// Waits for its own end.
    pub fn ended(mut self) -> Outcome {
        let mut out = String::new();
        if let Some(mut lines) = self.lines.take() {
            lines.read_to_string(&mut out).expect("UTF-8");
        }
        let mut err = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
        Outcome { code: self.child.wait().expect("it is our child").code(), out, err }
    }

    /// Reads no more, and waits for its end.
    pub fn abandoned(mut self) -> Outcome {
        self.lines = None;
        self.ended()
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
