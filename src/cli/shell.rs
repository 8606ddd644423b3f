//! The interactive loop: a prompt, a line, its replies.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use reedline::{
    ColumnarMenu, Emacs, KeyCode, KeyModifiers, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch,
    PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu, Signal, default_emacs_keybindings,
};

use super::complete::{Names, Syntax};
use super::connection::Error;
use super::docs::{self, CommandDoc};
use super::history;
use super::interrupt::Interrupt;
use super::options::Options;
use super::session::{Session, is};
use crate::protocol::words;

const MENU: &str = "commands";

pub fn run(options: &Options) -> Result<bool, Error> {
    // While a reply is awaited, Ctrl-C ends the waiting and not the shell.
    let interrupt = Interrupt::listen()?;
    let mut session = Session::interactive(options, interrupt.clone());
    // Without a server there is a prompt all the same: it may come up later.
    if let Err(error) = session.reconnect() {
        println(&error.to_string())?;
    }
    let docs: Arc<[CommandDoc]> = docs::fetch(&mut session).into();
    let mut editor = editor(&docs).with_ansi_colors(options.format.colours);
    loop {
        match editor.read_line(&Text(session.prompt())).map_err(Error::Input)? {
            Signal::Success(input) => {
                interrupt.take();
                // A paste may hold several lines.
                for line in input.lines() {
                    if !obey(line, &mut session, &mut editor, &docs)? {
                        return Ok(true);
                    }
                }
            }
            Signal::CtrlD => return Ok(true),
            // The line that was begun is dropped.
            _ => {}
        }
    }
}

/// False to leave.
fn obey(
    line: &str,
    session: &mut Session,
    editor: &mut Reedline,
    docs: &[CommandDoc],
) -> Result<bool, Error> {
    let words = match words::split(line.as_bytes()) {
        Ok(words) => words,
        Err(error) => return println(&format!("Invalid argument(s): {error}")).map(|()| true),
    };
    match () {
        () if words.is_empty() => {}
        () if is(&words, "exit") || is(&words, "quit") => return Ok(false),
        () if is(&words, "clear") => editor.clear_screen().map_err(Error::Output)?,
        () if is(&words, "help") => println(&help(line, docs))?,
        () => match repeat(session, &words) {
            Ok(()) => {}
            Err(Error::Output(error)) => return Err(Error::Output(error)),
            // The terminal has shown `^C`; a new connection is free of what was waited for.
            Err(Error::Interrupted) => {
                println("")?;
                return session.reconnect().or_else(|error| println(&error.to_string())).map(|()| true);
            }
            Err(error) => println(&error.to_string())?,
        },
    }
    Ok(true)
}

/// A number before a command says how often it is to run.
fn repeat(session: &mut Session, words: &[Vec<u8>]) -> Result<(), Error> {
    let times = str::from_utf8(&words[0]).ok().and_then(|word| word.parse::<u32>().ok());
    let (times, words) = match times {
        Some(times) if words.len() > 1 => (times, &words[1..]),
        _ => (1, words),
    };
    (0..times).try_for_each(|_| session.run(words).map(|_| ()))
}

/// The answer to `help` and `help COMMAND`.
fn help(line: &str, docs: &[CommandDoc]) -> String {
    let asked: Vec<&str> = line.split_whitespace().skip(1).collect();
    if asked.is_empty() {
        return "help COMMAND   what it does and takes; Tab completes commands\n\
                5 COMMAND      runs it five times\n\
                clear          an empty screen\n\
                exit, quit     or Ctrl-D\n\
                Ctrl-C         drops the line, or ends the wait for a reply"
            .into();
    }
    let family = asked.join(" ").to_ascii_uppercase() + " ";
    let about: Vec<_> = match docs::find(docs, &asked) {
        Some(doc) => vec![described(doc)],
        None => docs.iter().filter(|doc| doc.name.starts_with(&family)).map(described).collect(),
    };
    if about.is_empty() { format!("No such command: {}", asked.join(" ")) } else { about.join("\n\n") }
}

fn described(doc: &CommandDoc) -> String {
    let syntax = format!("{} {}", doc.name, doc.remaining(0));
    let facts = [("", &doc.summary), ("since ", &doc.since), ("group ", &doc.group)];
    let facts =
        facts.iter().filter(|(_, fact)| !fact.is_empty()).map(|(label, fact)| format!("\n  {label}{fact}"));
    syntax.trim_end().to_owned() + &facts.collect::<String>()
}

fn editor(docs: &Arc<[CommandDoc]>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![ReedlineEvent::Menu(MENU.into()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_completer(Box::new(Names(Arc::clone(docs))))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU))))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_hinter(Box::new(Syntax(Arc::clone(docs))));
    match history::open() {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

fn println(text: &str) -> Result<(), Error> {
    writeln!(io::stdout(), "{text}").map_err(Error::Output)
}

/// A prompt that is nothing but its text.
struct Text(String);

impl Prompt for Text {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = if matches!(search.status, PromptHistorySearchStatus::Failing) { "no " } else { "" };
        Cow::Owned(format!("({failing}match for {:?}) ", search.term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(name: &str) -> CommandDoc {
        CommandDoc {
            name: name.into(),
            arguments: Vec::new(),
            summary: "Does it.".into(),
            since: "1.0.0".into(),
            group: String::new(),
        }
    }

    #[test]
    fn help_describes_a_command_or_a_family() {
        let docs = [doc("CONFIG GET"), doc("CONFIG SET"), doc("GET")];
        assert_eq!(help("help get", &docs), "GET\n  Does it.\n  since 1.0.0");
        assert_eq!(help("HELP config", &docs).matches("CONFIG").count(), 2);
        assert_eq!(help("help frob", &docs), "No such command: frob");
        assert!(help("help", &docs).contains("Ctrl-D"));
    }
}
