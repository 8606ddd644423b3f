//! Whether the server may listen where it is told to: the one place that decides.

use super::Config;
use super::address::Address;
use super::tls::AskClients;

impl Config {
    /// Whether there is a plain TCP port: 0 takes a free one, or none where there is another way in.
    pub fn has_plain_port(&self) -> bool {
        self.port != 0 || self.tls.port == 0 && self.unixsocket.as_os_str().is_empty()
    }

    /// Beyond loopback everyone must show who they are, by a password or by a certificate. `needs_password`: of clients
    /// that have not said who they are. The error says how to go on.
    pub fn check_exposure(&self, needs_password: bool) -> Result<(), String> {
        if needs_password {
            return Ok(());
        }
        let asks_for_certificates = self.tls.auth_clients == AskClients::Yes && !self.has_plain_port();
        let has_port = self.has_plain_port() || self.tls.port != 0;
        if has_port && !asks_for_certificates {
            check(&self.bind, "bind")?;
        }
        if self.metrics_port != 0 {
            check(&self.metrics_bind, "metrics-bind")?;
        }
        Ok(())
    }

    /// Whether only this machine reaches the metrics port.
    pub fn keeps_metrics_local(&self) -> bool {
        self.metrics_bind.iter().all(is_loopback)
    }
}

fn check(addresses: &[Address], option: &str) -> Result<(), String> {
    match addresses.iter().find(|address| !is_loopback(address)) {
        None => Ok(()),
        Some(wide) => Err(format!(
            "{option}: {wide} can be reached from other machines, and clients need no password: set requirepass \
             (or LIMPID_PASSWORD in the environment), or {option} 127.0.0.1 only"
        )),
    }
}

fn is_loopback(address: &Address) -> bool {
    address.ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        settings.iter().for_each(|(name, value)| config.set(name, value).expect("a good value"));
        config
    }

    #[test]
    fn who_listens_wide_must_ask_who_comes() {
        for address in ["0.0.0.0", "::", "10.0.0.7", "127.0.0.1 192.168.1.1", "::ffff:10.0.0.1"] {
            let why = config(&[("bind", address)]).check_exposure(false).expect_err(address);
            assert!(why.contains("requirepass") && why.contains("LIMPID_PASSWORD"), "{why}");
            assert_eq!(config(&[("bind", address), ("requirepass", "p")]).check_exposure(true), Ok(()));
        }
        for address in ["127.0.0.1", "::1", "127.0.0.1 ::1", "127.3.2.1", "::ffff:127.0.0.1"] {
            assert_eq!(config(&[("bind", address)]).check_exposure(false), Ok(()), "{address}");
        }
    }

    #[test]
    fn a_certificate_is_as_good_as_a_password_where_there_is_no_plain_port() {
        let tls = [("bind", "0.0.0.0"), ("port", "0"), ("tls-port", "7000")];
        assert_eq!(config(&tls).check_exposure(false), Ok(()));
        assert!(
            config(&[&tls[..], &[("tls-auth-clients", "optional")]].concat()).check_exposure(false).is_err()
        );
        assert!(config(&[&tls[..], &[("port", "7001")]].concat()).check_exposure(false).is_err());
        let metrics = [("metrics-bind", "0.0.0.0"), ("metrics-port", "7002")];
        let why =
            config(&[&tls[..], &metrics[..]].concat()).check_exposure(false).expect_err("figures for all");
        assert!(why.contains("metrics-bind 127.0.0.1"), "{why}");
        assert_eq!(config(&metrics[..1]).check_exposure(false), Ok(()));
        let unix = [("bind", "0.0.0.0"), ("port", "0"), ("unixsocket", "/tmp/s")];
        assert_eq!(config(&unix).check_exposure(false), Ok(()));
    }
}
