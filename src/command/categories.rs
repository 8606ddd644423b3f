//! A command's ACL categories, from its row.

use super::row::{Command, Flags, Group, Run};
use crate::acl::Categories;

impl Group {
    fn categories(self) -> Categories {
        match self {
            Group::Generic => Categories::KEYSPACE,
            Group::String => Categories::STRING,
            Group::Bitmap => Categories::BITMAP,
            Group::HyperLogLog => Categories::HYPERLOGLOG,
            Group::List => Categories::LIST,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTED_SET,
            Group::Hash => Categories::HASH,
            Group::Geo => Categories::GEO,
            Group::PubSub => Categories::PUBSUB,
            Group::Transactions => Categories::TRANSACTION,
            Group::Connection => Categories::CONNECTION,
            Group::Scripting => Categories::SCRIPTING,
            Group::Cluster | Group::Server => Categories::NONE,
        }
    }
}

impl Command {
    pub fn categories(&self) -> Categories {
        let has = |flag| self.flags.has(flag);
        let speed = if has(Flags::FAST) { Categories::FAST } else { Categories::SLOW };
        // A container that does nothing by itself is about nothing.
        let is_container = matches!(self.run, Run::Container(_)) && !has(Flags::ONE_NAME) && !self.takes(1);
        if is_container {
            return speed;
        }
        self.about
            .unwrap_or(self.group.categories())
            .and(speed)
            .and(Categories::READ.only_if(self.is_read()))
            .and(Categories::WRITE.only_if(self.is_write()))
            .and(Categories::ADMIN.only_if(has(Flags::ADMIN)))
            .and(Categories::BLOCKING.only_if(has(Flags::BLOCKING)))
            .and(Categories::DANGEROUS.only_if(has(Flags::DANGEROUS)))
    }
}

#[cfg(test)]
mod tests {
    use crate::command::table;

    #[test]
    fn categories_follow_from_the_row() {
        for (name, categories) in [
            ("get", "read string fast"),
            ("set", "write string slow"),
            ("sort", "write set sortedset list slow dangerous"),
            ("blpop", "write list slow blocking"),
            ("flushall", "keyspace write slow dangerous"),
            ("config", "slow"),
            ("command", "slow connection"),
            ("publish", "pubsub fast"),
            ("wait", "slow blocking connection"),
        ] {
            let found = table::find(name.as_bytes()).expect("a command of this table");
            let names: Vec<&str> = found.command.categories().names().collect();
            assert_eq!(names.join(" "), categories, "{name}");
        }
    }
}
