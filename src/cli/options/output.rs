//! How replies look.

use std::io::{self, IsTerminal};

use clap::Args;

use crate::cli::format::{Format, Style, may_colour};

#[derive(Args)]
#[command(next_help_heading = "Replies")]
pub struct OutputFlags {
    /// Speak RESP2
    #[arg(short = '2', overrides_with = "resp3")]
    resp2: bool,
    /// Speak RESP3
    #[arg(short = '3', overrides_with = "resp2")]
    resp3: bool,
    /// Print values as they are, even on a terminal
    #[arg(long, overrides_with_all = ["no_raw", "csv", "json", "quoted_json"])]
    raw: bool,
    /// Print types and quotes, even into a file
    #[arg(long, overrides_with_all = ["raw", "csv", "json", "quoted_json"])]
    no_raw: bool,
    /// Print one line of comma-separated values a reply
    #[arg(long, overrides_with_all = ["raw", "no_raw", "json", "quoted_json"])]
    csv: bool,
    /// Print one JSON value a reply; speaks RESP3 unless -2 is given
    #[arg(long, overrides_with_all = ["raw", "no_raw", "csv", "quoted_json"])]
    json: bool,
    /// The same, with strings quoted and escaped, so that all bytes survive
    #[arg(long, overrides_with_all = ["raw", "no_raw", "csv", "json"])]
    quoted_json: bool,
    /// What stands between the elements of a raw reply [default: a line end]
    #[arg(short = 'd', value_name = "DELIMITER", allow_hyphen_values = true)]
    delimiter: Option<String>,
    /// What stands behind each raw reply [default: a line end]
    #[arg(short = 'D', value_name = "DELIMITER", allow_hyphen_values = true)]
    end: Option<String>,
}

impl OutputFlags {
    pub fn resp3(&self) -> bool {
        self.resp3 || ((self.json || self.quoted_json) && !self.resp2)
    }

    pub fn format(&self) -> Format {
        let bytes = |text: &Option<String>| text.as_deref().unwrap_or("\n").as_bytes().to_vec();
        Format {
            style: self.style(),
            colours: may_colour(),
            delimiter: bytes(&self.delimiter),
            end: bytes(&self.end),
        }
    }

    fn style(&self) -> Style {
        match () {
            () if self.raw => Style::Raw,
            () if self.csv => Style::Csv,
            () if self.json => Style::Json,
            () if self.quoted_json => Style::QuotedJson,
            () if self.no_raw || io::stdout().is_terminal() => Style::Human,
            () => Style::Raw,
        }
    }
}
