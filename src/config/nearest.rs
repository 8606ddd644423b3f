//! The right name that somebody who wrote a wrong one may have meant.

use super::{file, options};

/// The option or directive that is fewest edits away, if one is close at all.
pub fn option(name: &str) -> Option<&'static str> {
    let own = options::all().map(|opt| opt.name).chain(file::DIRECTIVES);
    of(name, own.chain(options::fixed::ROWS.iter().map(|fixed| fixed.name)))
}

/// The same of these names, which are in lower case.
pub fn of<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_ascii_lowercase();
    let near = names.map(|known| (strsim::osa_distance(&name, known), known)).min()?;
    // One edit in three letters, three at most: further away it is another word.
    (near.0 <= (name.len() / 3).min(3)).then_some(near.1)
}

/// What is put behind a message about the wrong name.
pub fn hint(near: Option<&str>) -> String {
    near.map(|near| format!(", did you mean '{near}'?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(option("prot"), Some("port"));
        assert_eq!(option("MaxClient"), Some("maxclients"));
        assert_eq!(option("clustr-enabled"), Some("cluster-enabled"));
        assert_eq!(option("x"), None);
        assert_eq!(option("frobnicate"), None);
    }
}
