//! (to come)

pub mod float;
pub mod lcs;
