//! The process: started on a free port in a directory of its own, ended with the test.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{PATIENCE, RespClient, TextClient};

/// A running server. Dropping it kills it and removes its directory.
pub struct Limpid {
    process: Process,
    address: SocketAddr,
    banner: String,
    setting: Setting,
}

/// A server that has ended; its directory is still there.
pub struct Stopped {
    pub status: ExitStatus,
    setting: Setting,
}

/// What a restart keeps.
#[derive(Clone)]
struct Setting {
    dir: Arc<tempfile::TempDir>,
    arguments: Vec<String>,
}

impl Limpid {
    /// Without a log.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// With a log that is on disk before a reply leaves.
    pub fn durable() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// With these arguments, beside port and directory.
    pub fn with(arguments: &[&str]) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("the temporary directory is writable"));
        Self::launch(Setting { dir, arguments: arguments.iter().map(|&word| word.to_owned()).collect() })
    }

    /// Where no file can grow past this size.
    pub fn limited_to_kib(kib: u32, arguments: &[&str]) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("the temporary directory is writable"));
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        let setting = Setting { dir, arguments };
        // SIGXFSZ would kill it; ignored, the write fails instead. dash counts in blocks of 512 bytes.
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
        let mut command = Command::new("sh");
        command.args(["-c", &limit, "sh", env!("CARGO_BIN_EXE_limpid")]);
        Self::launch_by(command, setting)
    }

    /// With variables in its environment.
    pub fn in_environment(variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
        command.envs(variables.iter().copied());
        Self::by(command, arguments)
    }

    /// On a directory that the test cares for.
    pub fn in_dir(dir: &str, arguments: &[&str]) -> Self {
        Self::with(&[&["--dir", dir], arguments].concat())
    }

    /// Starts with arguments, or on a directory, that it must refuse; returns what it said.
    pub fn refused(arguments: &[&str]) -> Output {
        let dir = tempfile::tempdir().expect("the temporary directory is writable");
        let dir = dir.path().to_str().expect("temporary directories have plain names");
        let mut words = arguments.to_vec();
        for (option, default) in [("--port", "0"), ("--dir", dir)] {
            if !arguments.contains(&option) {
                words.extend([option, default]);
            }
        }
        let mut process = Process::spawn(&words);
        let status = process.await_end();
        Output {
            status,
            stdout: process.stdout.all().into_bytes(),
            stderr: process.stderr.all().into_bytes(),
        }
    }

    /// Starts again on a directory that the test keeps, to start on it more than once.
    pub fn restarted(stopped: &Stopped) -> Self {
        Self::launch(stopped.setting.clone())
    }

    fn launch(setting: Setting) -> Self {
        Self::launch_by(Command::new(env!("CARGO_BIN_EXE_limpid")), setting)
    }

    fn launch_by(command: Command, setting: Setting) -> Self {
        let dir = setting.dir.path().to_str().expect("temporary directories have plain names");
        let mut arguments: Vec<&str> = setting.arguments.iter().map(String::as_str).collect();
        if !arguments.contains(&"--port") {
            arguments.extend(["--port", "0"]);
        }
        if !arguments.contains(&"--dir") {
            arguments.extend(["--dir", dir]);
        }
        let mut process = Process::spawn_by(command, &arguments);
        let banner = process.await_banner();
        let address = address_in(&banner).expect("await_banner returns a line with an address");
        Self { process, address, banner, setting }
    }

    /// The same by a command of the test's making, which ends in the binary's name.
    pub fn by(command: Command, arguments: &[&str]) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("the temporary directory is writable"));
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        Self::launch_by(command, Setting { dir, arguments })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The line that said it was ready.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// Where its log is.
    pub fn dir(&self) -> &Path {
        self.setting.dir.path()
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.process.stderr.so_far()
    }

    /// A connection that speaks the plain-text protocol.
    pub fn text(&self) -> TextClient {
        TextClient::connect(self.address)
    }

    /// A connection that speaks RESP.
    pub fn resp(&self) -> RespClient {
        RespClient::connect(self.address)
    }

    /// `kill -9`.
    pub fn crash(mut self) -> Stopped {
        self.process.child.kill().expect("it is our child and not yet reaped");
        self.ended()
    }

    /// SIGTERM, and waits until it has ended by itself.
    pub fn stop(self) -> Stopped {
        let pid = self.pid();
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        assert!(kill.is_ok_and(|status| status.success()), "no SIGTERM could be sent to {pid}");
        self.ended()
    }

    /// Waits for an end that the test has already asked for, such as by SHUTDOWN.
    pub fn ended(mut self) -> Stopped {
        let status = self.process.await_end();
        Stopped { status, setting: self.setting }
    }
}

impl Stopped {
    /// Starts again on the same directory with the same arguments.
    pub fn restart(self) -> Limpid {
        Limpid::launch(self.setting)
    }

    /// Starts again on the same directory with other arguments.
    pub fn restart_with(self, arguments: &[&str]) -> Limpid {
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        Limpid::launch(Setting { arguments, ..self.setting })
    }

    /// Starts again where the start must fail; returns what it said.
    pub fn restart_refused(&self) -> Output {
        let dir = self.dir().to_str().expect("temporary directories have plain names");
        let arguments: Vec<&str> = self.setting.arguments.iter().map(String::as_str).collect();
        Limpid::refused(&[&["--dir", dir], &arguments[..]].concat())
    }

    pub fn dir(&self) -> &Path {
        self.setting.dir.path()
    }
}

/// The child and what it says, drained by threads so that it never waits for a reader.
struct Process {
    child: Child,
    lines: Receiver<String>,
    stdout: Drained,
    stderr: Drained,
}

impl Process {
    fn spawn(arguments: &[&str]) -> Self {
        Self::spawn_by(Command::new(env!("CARGO_BIN_EXE_limpid")), arguments)
    }

    fn spawn_by(mut command: Command, arguments: &[&str]) -> Self {
        // Whoever runs the tests may have a password for a server of their own.
        if command.get_envs().all(|(name, _)| name != "LIMPID_PASSWORD") {
            command.env_remove("LIMPID_PASSWORD");
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo has built the binary");
        let (sender, lines) = mpsc::channel();
        let stdout = Drained::new(child.stdout.take().expect("piped above"), move |line| {
            // Nobody listens once the banner has come.
            let _ = sender.send(line);
        });
        let stderr = Drained::new(child.stderr.take().expect("piped above"), |_| {});
        Self { child, lines, stdout, stderr }
    }

    fn await_banner(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if address_in(&line).is_some() => return line,
                Ok(_) => {}
                Err(_) => panic!("no banner"),
            }
        }
    }

    fn await_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            // The standard library can wait for a child only without a limit.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("limpid said:\n{}{}", self.stdout.all(), self.stderr.all());
        }
    }
}

/// What comes out of a pipe, collected by a thread of its own.
struct Drained {
    text: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Drained {
    fn new(pipe: impl Read + Send + 'static, mut each: impl FnMut(String) + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let thread = thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                *shared.lock().expect("no holder panics") += &format!("{line}\n");
                each(line);
            }
        });
        Self { text, thread: Some(thread) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("no holder panics").clone()
    }

    /// Only once the process has ended: waits for the pipe's end.
    fn all(&mut self) -> String {
        self.thread.take().map(JoinHandle::join);
        self.so_far()
    }
}

/// The first `127.0.0.1:PORT` in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let port: u16 = rest[..digits].parse().ok()?;
    Some(([127, 0, 0, 1], port).into())
}

/// A port that nobody has just now, for what cannot ask the system for one.
pub fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.expect("loopback has a free port").port()
}

/// What a process holds in memory.
pub fn memory_kib(pid: u32) -> u64 {
    of_status(pid, "VmRSS:")
}

/// The most that it has ever been, in KiB.
pub fn peak_kib(pid: u32) -> u64 {
    of_status(pid, "VmHWM:")
}

fn of_status(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
    let kib = line.trim().strip_suffix(" kB").and_then(|number| number.parse().ok());
    kib.expect("a number of kibibytes")
}
