//! `redis-server`, where it is installed: what our replies are held against.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::{RespClient, eventually};

pub struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    /// `None` where it is not installed.
    pub fn start() -> Option<Redis> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("loopback has a free port");
        let port = address.port().to_string();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let redis = Redis { child, address };
        eventually("redis-server listens", || TcpStream::connect(address).is_ok());
        Some(redis)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn resp(&self) -> RespClient {
        RespClient::connect(self.address)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
