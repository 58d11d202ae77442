//! `man`: the manual page, every command in it.

use crate::cli::Cli;
use crate::context::Context;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_mangen::Man;

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let command = Cli::command();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands() {
        let named = subcommand
            .clone()
            .bin_name(format!("keyfold {}", subcommand.get_name()));
        let man = Man::new(named);
        page.extend_from_slice(
            format!(".SH \"KEYFOLD {}\"\n", subcommand.get_name().to_uppercase()).as_bytes(),
        );
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    context.output.raw(&page)
}
