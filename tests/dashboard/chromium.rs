//! A headless Chromium, driven over its debugging pipe: JSON in, JSON out, each ended by a zero byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::PATIENCE;

pub struct Chromium {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Value,
    next_id: u64,
    /// What it has told unasked: requests that it made, errors of the page.
    pub events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// `None` where there is none on this machine.
    pub fn start() -> Option<Chromium> {
        let program = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
            found.is_ok_and(|output| output.status.success())
        })?;
        let profile = tempfile::tempdir().expect("the temporary directory is writable");
        // Without these it looks for servers of its maker, which is slow where there is no network.
        let quiet = "--disable-background-networking --disable-component-update --disable-sync --disable-quic \
             --disable-extensions --no-first-run --no-default-browser-check --disable-gpu --no-sandbox \
             --disable-dev-shm-usage --hide-scrollbars";
        let run = format!(
            "exec {program} --headless {quiet} --user-data-dir={} --remote-debugging-pipe 3<&0 4>&1 </dev/null >/dev/null",
            profile.path().display()
        );
        let mut process = Command::new("sh")
            .args(["-c", &run])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let to = process.stdin.take().expect("piped above");
        let from = messages(process.stdout.take().expect("piped above"));
        let session = Value::Null;
        let mut chromium =
            Chromium { process, to, from, session, next_id: 0, events: Vec::new(), _profile: profile };
        let target = chromium.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        chromium.session = chromium.call("Target.attachToTarget", attach)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            chromium.call(&format!("{domain}.enable"), json!({}));
        }
        Some(chromium)
    }

    /// Calls a method of the debugging protocol.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next_id += 1;
        let mut message = json!({ "id": self.next_id, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        let bytes = [message.to_string().as_bytes(), &[0]].concat();
        self.to.write_all(&bytes).expect("Chromium listens");
        loop {
            let mut answer = self.from.recv_timeout(PATIENCE).expect("Chromium answers");
            if answer["id"] != self.next_id {
                self.events.push(answer);
                continue;
            }
            assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
            return answer["result"].take();
        }
    }

    /// The value of an expression within the page.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut done = self.call("Runtime.evaluate", parameters);
        assert!(done["exceptionDetails"].is_null(), "{expression}: {}", done["exceptionDetails"]);
        done["result"]["value"].take()
    }

    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address }));
    }

    /// The size of the window in CSS pixels, and how many pixels of a screen make one.
    pub fn resize(&mut self, width: u32, height: u32, scale: u32) {
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    pub fn prefer(&mut self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// The whole page, or as much of it as is seen.
    pub fn screenshot(&mut self, path: &std::path::Path, whole: bool) {
        let parameters =
            json!({ "format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false });
        let shot = self.call("Page.captureScreenshot", parameters);
        let png = STANDARD.decode(shot["data"].as_str().expect("base64")).expect("base64");
        std::fs::write(path, png).expect("the folder is writable");
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn messages(pipe: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}
