//! (to come)
pub mod effects;
