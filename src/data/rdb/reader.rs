//! A cursor over a value's bytes, for what all types are made of: lengths, strings, numbers.

use crate::limits;
use std::borrow::Cow;

use super::read::Malformed;
use super::{length, lzf};
use crate::data::zset::parse_float;

pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub fn length(&mut self) -> Result<u64, Malformed> {
        let first = self.byte()?;
        self.length_behind(first)
    }

    fn length_behind(&mut self, first: u8) -> Result<u64, Malformed> {
        Ok(match first {
            length::BITS_32 => u32::from_be_bytes(self.array()?).into(),
            length::BITS_64 => u64::from_be_bytes(self.array()?),
            _ if first < length::BITS_14 => first.into(),
            _ if first < length::BITS_32 => u64::from(first & 0x3f) << 8 | u64::from(self.byte()?),
            _ => return Err(Malformed),
        })
    }

    /// A length that counts bytes in memory.
    fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.length()?).map_err(|_| Malformed)
    }

    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let digits = |value: i32| Cow::Owned(value.to_string().into_bytes());
        Ok(match self.byte()? {
            length::INT_8 => digits(i8::from_le_bytes(self.array()?).into()),
            length::INT_16 => digits(i16::from_le_bytes(self.array()?).into()),
            length::INT_32 => digits(i32::from_le_bytes(self.array()?)),
            length::LZF => {
                let (compressed, length) = (self.size()?, self.size()?);
                if length > limits::BULK_MAX {
                    return Err(Malformed);
                }
                Cow::Owned(lzf::decompress(self.take(compressed)?, length)?)
            }
            first => {
                let length = self.length_behind(first)?;
                Cow::Borrowed(self.take(usize::try_from(length).map_err(|_| Malformed)?)?)
            }
        })
    }

    /// A number as the first versions wrote it: a byte that counts its digits, or stands for what has none.
    pub fn text_double(&mut self) -> Result<f64, Malformed> {
        match self.byte()? {
            253 => Err(Malformed),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            length => {
                let text = std::str::from_utf8(self.take(length.into())?).map_err(|_| Malformed)?;
                parse_float(text).ok_or(Malformed)
            }
        }
    }

    pub fn binary_double(&mut self) -> Result<f64, Malformed> {
        Some(f64::from_le_bytes(self.array()?)).filter(|number| !number.is_nan()).ok_or(Malformed)
    }
}
