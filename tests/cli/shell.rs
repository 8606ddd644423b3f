//! The interactive shell, on a terminal.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use crate::support::{Limpid, PATIENCE, eventually};
use limpid::protocol::Value;

struct Shell {
    child: Child,
    terminal: Arc<Pty>,
    screen: Receiver<String>,
    /// Not yet looked at.
    shown: String,
}

/// What the line editor asks its terminal, and what a terminal says: where the cursor is.
const WHERE: &str = "\x1b[6n";
const HERE: &str = "\x1b[1;1R";
const CTRL_C: &str = "\x03";

impl Shell {
    fn start(port: u16, home: &str) -> Self {
        let (terminal, other_end) = open().expect("Linux has terminals");
        terminal.resize(Size::new(24, 80)).expect("any size will do");
        let child = Command::new(env!("CARGO_BIN_EXE_limpid"))
            .args(["cli", "-p", &port.to_string()])
            .envs([("HOME", home), ("TERM", "xterm"), ("NO_COLOR", "1")])
            .spawn(other_end)
            .expect("the binary is built");
        let terminal = Arc::new(terminal);
        let (sender, screen) = mpsc::channel();
        let reader = Arc::clone(&terminal);
        thread::spawn(move || show(&reader, |text| sender.send(text).is_ok()));
        Shell { child, terminal, screen, shown: String::new() }
    }

    fn press(&self, keys: &str) {
        (&*self.terminal).write_all(keys.as_bytes()).expect("the shell runs");
    }

    fn enter(&mut self, line: &str) {
        self.sees("> ");
        self.press(&format!("{line}\r"));
    }

    /// Waits until it shows this, behind what was waited for before.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(text) => self.shown += &text,
                Err(_) => panic!("it never showed {text:?}, but {:?}", self.shown),
            }
        }
    }
}

/// What a terminal does: it shows what is written to it, and says where its cursor is.
fn show(mut terminal: &Pty, mut see: impl FnMut(String) -> bool) {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    // Once the shell has ended, reading fails.
    while let Ok(length @ 1..) = terminal.read(&mut chunk) {
        text += &String::from_utf8_lossy(&chunk[..length]);
        while let Some(at) = text.find(WHERE) {
            text.replace_range(at..at + WHERE.len(), "");
            terminal.write_all(HERE.as_bytes()).expect("the shell waits for it");
        }
        // The beginning of a question may be the end of a chunk.
        let whole = (1..WHERE.len()).rfind(|&part| text.ends_with(&WHERE[..part])).unwrap_or(0);
        let rest = text.split_off(text.len() - whole);
        if !see(std::mem::replace(&mut text, rest)) {
            return;
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
    let mut shell = Shell::start(server.port(), home);
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
    eventually("it waits", || c.info("blocked_clients") == "1");
    c.check("RPUSH q job", Value::Int(1));
    shell.sees("2) \"job\"");
    shell.enter("SUBSCRIBE news");
    shell.sees("3) (integer) 1");
    shell.press(CTRL_C);

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
    let status = shell.child.wait().expect("it is our child");
    assert!(status.success(), "{status}");

    let history = std::fs::read_to_string(format!("{home}/.limpid_history")).expect("it keeps one");
    assert!(history.contains("BLPOP q 0") && !history.contains("hunter2"), "{history}");
}
