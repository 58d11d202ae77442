//! Arguments about what is generated.

use super::MayCopy;
use clap::Args;

#[derive(Args, Default)]
pub(crate) struct Generate {
    /// Length in characters (default 20, for a PIN 6)
    pub(crate) length: Option<u16>,
    /// A passphrase of this many words
    #[arg(long, value_name = "N", group = "what", conflicts_with = "length")]
    pub(crate) words: Option<u16>,
    /// What stands between the words
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "-",
        requires = "words",
        allow_hyphen_values = true
    )]
    pub(crate) separator: String,
    /// Which of EFF's lists the words come from
    #[arg(long, value_name = "LIST", default_value = "large", requires = "words",
        value_parser = ["large", "short", "short-prefix"])]
    pub(crate) list: String,
    /// Words begin with a capital letter
    #[arg(long, requires = "words")]
    pub(crate) capitals: bool,
    /// A digit after one of the words
    #[arg(long, requires = "words")]
    pub(crate) add_digit: bool,
    /// Rules as a site states them, for instance "minlength: 12; required: lower; required: digit"
    #[arg(long, value_name = "TEXT", group = "what")]
    pub(crate) rules: Option<String>,
    /// A password that can be spoken
    #[arg(long, group = "what")]
    pub(crate) pronounceable: bool,
    /// A number, of 6 digits where no length is given
    #[arg(long, group = "what")]
    pub(crate) pin: bool,
    /// A user name that says nothing about you: two words and three digits
    #[arg(long, group = "what", conflicts_with = "length")]
    pub(crate) user_name: bool,
    /// An address that reaches the mailbox of this one: me+x7k2m9pq@example.com
    #[arg(
        long,
        value_name = "ADDRESS",
        group = "what",
        conflicts_with = "length"
    )]
    pub(crate) plus_address: Option<String>,
    /// What the plus-address is for: me+shop-x7k2m9pq@example.com
    #[arg(long, value_name = "LABEL", requires = "plus_address")]
    pub(crate) label: Option<String>,
    /// Exactly these characters
    #[arg(long, value_name = "SET", group = "what", allow_hyphen_values = true)]
    pub(crate) characters: Option<String>,
    /// At least one of these characters; may be given several times
    #[arg(long, value_name = "SET", conflicts_with_all = UNCLASSED, allow_hyphen_values = true)]
    pub(crate) require: Vec<String>,
    /// None of these characters
    #[arg(long, value_name = "SET", conflicts_with_all = UNCLASSED, allow_hyphen_values = true)]
    pub(crate) exclude: Option<String>,
    /// No characters that look like others
    #[arg(long, conflicts_with_all = UNCLASSED)]
    pub(crate) exclude_similar: bool,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u32,
    /// At least this many lower-case letters; 0 for none at all
    #[arg(long, value_name = "MIN", conflicts_with_all = UNCLASSED)]
    pub(crate) lower: Option<u16>,
    /// At least this many capitals; 0 for none at all
    #[arg(long, value_name = "MIN", conflicts_with_all = UNCLASSED)]
    pub(crate) upper: Option<u16>,
    /// At least this many digits; 0 for none at all
    #[arg(long, value_name = "MIN", conflicts_with_all = UNCLASSED)]
    pub(crate) digit: Option<u16>,
    /// At least this many symbols; 0 for none at all
    #[arg(long, value_name = "MIN", conflicts_with_all = UNCLASSED)]
    pub(crate) symbol: Option<u16>,
    #[command(flatten)]
    pub(crate) may_copy: MayCopy,
}

/// What is not made of a set of characters that one could choose.
const UNCLASSED: [&str; 5] = ["words", "pronounceable", "pin", "user_name", "plus_address"];
