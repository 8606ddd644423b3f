//! The interactive shell, on a terminal that `script` makes.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::support::{Limpid, PATIENCE, eventually};
use limpid::protocol::Value;

struct Shell {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    /// Not yet looked at.
    shown: String,
}

/// What the line editor asks its terminal, and what a terminal says: where the cursor is.
const WHERE: &str = "\x1b[6n";
const HERE: &[u8] = b"\x1b[1;1R";
const CTRL_C: &str = "\x03";

impl Shell {
    /// `None` where `script` is not installed.
    fn start(port: u16, home: &str) -> Option<Self> {
        let command = format!("{} cli -p {port}", env!("CARGO_BIN_EXE_limpid"));
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .envs([("HOME", home), ("TERM", "xterm"), ("NO_COLOR", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let keys = child.stdin.take().expect("piped above");
        let mut stdout = child.stdout.take().expect("piped above");
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Shell { child, keys, screen, shown: String::new() })
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("the shell runs");
    }

    fn enter(&mut self, line: &str) {
        self.sees("> ");
        self.press(format!("{line}\r").as_bytes());
    }

    /// Waits until it shows this, behind what was waited for before.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        loop {
            while let Some(at) = self.shown.find(WHERE) {
                self.shown.replace_range(at..at + WHERE.len(), "");
                self.press(HERE);
            }
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("it never showed {text:?}, but {:?}", self.shown),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a client of this port has yet to see that the server has closed: CLIENT KILL is answered a moment earlier.
fn is_closed_by_server(port: u16) -> bool {
    const CLOSE_WAIT: &str = "08";
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux tells");
    sockets.contains(&format!(" 0100007F:{port:04X} {CLOSE_WAIT} "))
}

#[test]
fn a_conversation() {
    let server = Limpid::with(&["--appendonly", "no", "--requirepass", "hunter2"]);
    let home = tempfile::tempdir().expect("the temporary directory is writable");
    let home = home.path().to_str().expect("temporary directories have plain names");
    let Some(mut shell) = Shell::start(server.port(), home) else { return };
    let mut c = server.resp();
    c.check("AUTH hunter2", Value::Status("OK".into()));

    shell.enter("GET a");
    shell.sees("(error) NOAUTH");
    shell.enter("AUTH hunter2");
    shell.sees("OK");
    shell.enter("2 INCR n");
    shell.sees("(integer) 1");
    shell.sees("(integer) 2");

    // A wait ends by what is waited for, or by Ctrl-C.
    shell.enter("BLPOP q 0");
    let mut is_waiting = || {
        let Value::Bulk(info) = c.cmd(&["INFO", "clients"]) else { panic!("INFO answers a text") };
        String::from_utf8_lossy(&info).contains("blocked_clients:1")
    };
    eventually("it waits", &mut is_waiting);
    c.check("RPUSH q job", Value::Int(1));
    shell.sees("2) \"job\"");
    shell.enter("SUBSCRIBE news");
    shell.sees("3) (integer) 1");
    shell.press(CTRL_C.as_bytes());

    // A connection that was lost meanwhile is made anew, and the same user uses it.
    shell.enter("SET lost found");
    shell.sees("OK");
    c.cmd(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually("the shell's connection is closed", || is_closed_by_server(server.port()));
    shell.enter("GET lost");
    shell.sees("\"found\"");

    // Not so a transaction.
    shell.enter("MULTI");
    shell.sees("OK");
    c.cmd(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually("the shell's connection is closed", || is_closed_by_server(server.port()));
    shell.enter("SET lost again");
    shell.sees("Error: Server closed the connection");
    shell.enter("GET lost");
    shell.sees("\"found\"");
    shell.enter("exit");
    assert!(shell.child.wait().expect("it is our child").success());

    let history = std::fs::read_to_string(format!("{home}/.limpid_history")).expect("it keeps one");
    assert!(history.contains("BLPOP q 0") && !history.contains("hunter2"), "{history}");
}
