//! Listening sockets and the options of accepted ones.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Binds one address; port 0 takes a free one.
pub fn bind(address: IpAddr, port: u16, backlog: u32) -> io::Result<TcpListener> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `::` and `0.0.0.0` can then be bound side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Replies leave at once, and dead peers are noticed. Options that fail cost speed, not correctness.
pub fn prepare(stream: &TcpStream, keepalive_seconds: u32) {
    let _ = stream.set_nodelay(true);
    if keepalive_seconds > 0 {
        let period = Duration::from_secs(u64::from(keepalive_seconds));
        let keepalive = TcpKeepalive::new()
            .with_time(period)
            .with_interval((period / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
    }
}
