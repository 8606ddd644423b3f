//! An address to listen at, written as Redis writes it: `127.0.0.1`, `::1`, `*` and `::*` for all of a kind, and
//! `-::1` for one that the machine may lack.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    written: String,
    pub ip: IpAddr,
    /// The machine may not have it: then nobody listens there.
    pub is_optional: bool,
}

impl Address {
    /// What is listened at if nothing is said.
    pub fn loopback() -> Address {
        Address { written: "127.0.0.1".into(), ip: Ipv4Addr::LOCALHOST.into(), is_optional: false }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(written: &str) -> Result<Address, String> {
        let name = written.strip_prefix('-').unwrap_or(written);
        let ip = match name {
            "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "::*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => name.parse().map_err(|_| format!("'{written}' is not an IP address"))?,
        };
        Ok(Address { written: written.to_owned(), ip, is_optional: name != written })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_in_redis() {
        for (written, ip, is_optional) in [
            ("127.0.0.1", "127.0.0.1", false),
            ("-::1", "::1", true),
            ("*", "0.0.0.0", false),
            ("-::*", "::", true),
        ] {
            let address: Address = written.parse().unwrap();
            assert_eq!((address.ip.to_string().as_str(), address.is_optional), (ip, is_optional));
            assert_eq!(address.to_string(), written);
        }
        for wrong in ["", "-", "--::1", "localhost", "127.0.0.1:1"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
