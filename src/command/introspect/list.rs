//! COMMAND LIST.

use super::all;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::error::{Done, Error};
use crate::command::table::Found;
use crate::keyspace::pattern::Pattern;
use crate::protocol::Reply;

pub fn list(args: &mut Args, context: &mut Context, reply: &mut Reply) -> Done {
    let names: Vec<String> = match args.left() {
        0 => all(context).map(|found| found.full_name()).collect(),
        3 if args.keyword("FILTERBY") => filtered(args, context)?,
        _ => return Err(Error::SYNTAX),
    };
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

fn filtered(args: &mut Args, context: &Context) -> Result<Vec<String>, Error> {
    let wanted: Box<dyn Fn(&Found) -> bool> = if args.keyword("MODULE") {
        args.next();
        // Every command is built in.
        Box::new(|_| false)
    } else if args.keyword("ACLCAT") {
        let category = String::from_utf8_lossy(args.next()).to_ascii_lowercase();
        Box::new(move |found| found.command.categories().names().any(|name| name == category))
    } else if args.keyword("PATTERN") {
        let pattern = Pattern::new(&args.next().to_ascii_lowercase());
        Box::new(move |found| pattern.matches(found.full_name().as_bytes()))
    } else {
        return Err(Error::SYNTAX);
    };
    args.finish()?;
    Ok(all(context).filter(|found| wanted(found)).map(|found| found.full_name()).collect())
}
