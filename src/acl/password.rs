//! Passwords are kept as SHA-256, and compared in a time that says nothing of where two differ.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password([u8; 32]);

impl Password {
    pub fn of(clear: &[u8]) -> Password {
        Password(Sha256::digest(clear).into())
    }

    /// 64 hexadecimal digits in lower case.
    pub fn from_hex(text: &[u8]) -> Option<Password> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = text.as_chunks::<2>() else { return None };
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        Some(Password(bytes?.try_into().ok()?))
    }

    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    fn equals(&self, other: &Password) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether one of the passwords was said. All of them are looked at, and at least one: a user without any, or who does
/// not exist, takes the same path.
pub fn is_one_of(said: &[u8], passwords: &[Password]) -> bool {
    let said = Password::of(said);
    let nobody = Choice::from(0) & said.equals(&Password([0; 32]));
    passwords.iter().fold(nobody, |found, password| found | said.equals(password)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_in_hexadecimal() {
        let hash = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";
        assert_eq!(Password::of(b"alice").to_hex(), hash);
        assert_eq!(Password::from_hex(hash.as_bytes()), Some(Password::of(b"alice")));
        for wrong in [&hash[1..], &hash.to_ascii_uppercase(), "", &"g".repeat(64), &format!("{hash}00")] {
            assert_eq!(Password::from_hex(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn one_of_several_is_enough() {
        let passwords = [Password::of(b"one"), Password::of(b"two")];
        assert!(is_one_of(b"one", &passwords) && is_one_of(b"two", &passwords));
        assert!(!is_one_of(b"three", &passwords) && !is_one_of(b"", &passwords) && !is_one_of(b"one", &[]));
    }
}
