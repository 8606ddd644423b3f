//! `docs/limpid.1`, from the command.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command;

/// The whole page: the server's, and behind it what each subcommand takes.
fn page() -> String {
    let command = command().version(crate::version::NUMBER);
    let man = Man::new(command.clone()).section("1").manual("limpid").date("");
    let mut out = Vec::new();
    let cannot = "a Vec takes every write";
    man.render_title(&mut out).expect(cannot);
    man.render_name_section(&mut out).expect(cannot);
    synopsis().to_writer(&mut out).expect(cannot);
    man.render_description_section(&mut out).expect(cannot);
    man.render_options_section(&mut out).expect(cannot);
    for sub in command.get_subcommands() {
        section_of(sub, &mut out);
    }
    around().to_writer(&mut out).expect(cannot);
    String::from_utf8(out).expect("the texts are UTF-8")
}

fn synopsis() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let forms = [
        ("limpid", "[CONFIG-FILE] [OPTIONS]"),
        ("limpid cli", "[OPTIONS] [COMMAND [ARGUMENT]...]"),
        ("limpid check", "[--reseal [--yes] | --until TIME [--output NEW-DIR]] DIR|FILE"),
        ("limpid completions", "SHELL"),
    ];
    for (at, (name, rest)) in forms.iter().enumerate() {
        if at > 0 {
            roff.control("br", []);
        }
        roff.text([bold(*name), roman(format!(" {rest}"))]);
    }
    roff
}

/// A subcommand's options, under a heading that names it.
fn section_of(sub: &Command, out: &mut Vec<u8>) {
    let mut options = Vec::new();
    let man = Man::new(sub.clone());
    man.render_options_section(&mut options).expect("a Vec takes every write");
    let heading = format!(".SH \"LIMPID {}\"\n", sub.get_name().to_uppercase());
    let about = sub.get_about().map(|about| format!("{about}.\n")).unwrap_or_default();
    let options = String::from_utf8(options).expect("the texts are UTF-8");
    out.extend_from_slice(options.replacen(".SH OPTIONS\n", &(heading + &about), 1).as_bytes());
}

/// What is not in the command: the world around it.
fn around() -> Roff {
    let mut roff = Roff::new();
    let sections: [(&str, &[(&str, &str)]); 4] = [
        (
            "EXIT STATUS",
            &[
                ("0", "An orderly stop; a good configuration; a reply without an error; a whole log."),
                (
                    "1",
                    "The server could not start or its log failed; a bad configuration; an error reply; a damaged log.",
                ),
                ("2", "The arguments make no sense."),
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                (
                    "LIMPID_PASSWORD",
                    "The server's requirepass where neither file nor flag sets it, and the client's password.",
                ),
                ("REDISCLI_AUTH", "The client's password, as for redis-cli."),
                ("NO_COLOR", "The client prints no colours."),
                ("NOTIFY_SOCKET", "The server tells systemd there when it is ready and when it stops."),
            ],
        ),
        (
            "FILES",
            &[
                ("./data", "The log, unless --dir says otherwise: a MANIFEST and numbered files of text."),
                ("~/.limpid_history", "What was typed into limpid cli, without passwords."),
            ],
        ),
        (
            "SIGNALS",
            &[(
                "SIGTERM, SIGINT",
                "The server stops accepting, finishes what it has received, makes it durable, and exits with 0.",
            )],
        ),
    ];
    for (title, entries) in sections {
        roff.control("SH", [title]);
        for (name, text) in entries {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*text)]);
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn manual_page_docs_equal_the_table() {
        let page = super::page();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limpid.1");
        if std::env::var_os("LIMPID_BLESS").is_some() {
            std::fs::write(&path, &page).expect("docs is writable");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == page,
            "docs/limpid.1 is not what the command says: LIMPID_BLESS=1 cargo test docs_equal_the_table"
        );
    }
}
