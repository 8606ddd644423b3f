//! `limpid cli` against the real server: what it prints, where, and with which exit code.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod commands;
mod modes;
mod output;
mod pipe;
mod secure;
mod shell;
