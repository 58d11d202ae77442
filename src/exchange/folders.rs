//! Folders that a source lists by id, each with the id of the one around it, as paths.

use super::ImportError;
use super::json::Json;
use super::place::{SharedNames, folder_path};
use std::collections::HashMap;

/// Deepest nesting that becomes a path; a folder that lies in itself ends here too.
const MAX_DEPTH: usize = 64;

/// What the source says of its folders.
#[derive(Default)]
pub(super) struct Folders {
    by_id: HashMap<String, Folder>,
    names: SharedNames,
}

/// A folder's name and the id of the one around it.
struct Folder {
    name: String,
    parent: String,
}

impl Folders {
    /// Out of a list of objects that have an id, a name and the id of the folder around them under these names.
    pub(super) fn read(list: Option<Vec<Json<'_>>>, [id, name, parent]: [&str; 3]) -> Self {
        let mut folders = Self::default();
        for folder in list.unwrap_or_default() {
            if let Json::Object(mut folder) = folder
                && let Some(id) = folder.take_text(id)
            {
                let name = folder.take_text(name).unwrap_or_default();
                let parent = folder.take_text(parent).unwrap_or_default();
                folders.insert(id, name, parent);
            }
        }
        folders
    }

    /// Takes a folder in.
    pub(super) fn insert(&mut self, id: String, name: String, parent: String) {
        self.by_id.insert(id, Folder { name, parent });
    }

    /// The path of a folder; `None` where there is none of this id, or none of the names on the way says anything. An
    /// error where all paths together would be larger than a file may be.
    pub(super) fn path(&mut self, id: &str) -> Result<Option<String>, ImportError> {
        let mut names = Vec::new();
        let mut next = self.by_id.get(id);
        for _ in 0..MAX_DEPTH {
            let Some(folder) = next else { break };
            self.names.count(&folder.name)?;
            names.push(folder_path(&folder.name, &[]));
            next = self.by_id.get(&folder.parent);
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        Ok((!names.is_empty()).then(|| names.join("/")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folders: &mut Folders, id: &str) -> Option<String> {
        folders.path(id).unwrap()
    }

    #[test]
    fn paths_lead_from_the_outermost_and_end_where_they_turn_back() {
        let mut folders = Folders::default();
        for (id, name, parent) in [
            ("a", "Home", "0"),
            ("b", "x/y", "a"),
            ("c", " ", "b"),
            ("d", "in c", "c"),
            ("e", "", ""),
            ("f", "self", "f"),
        ] {
            folders.insert(id.to_owned(), name.to_owned(), parent.to_owned());
        }
        assert_eq!(path(&mut folders, "d").as_deref(), Some("Home/x\\/y/in c"));
        assert_eq!(path(&mut folders, "e"), None);
        assert_eq!(path(&mut folders, "nowhere"), None);
        let around = path(&mut folders, "f").unwrap();
        assert_eq!(around.matches("self").count(), MAX_DEPTH);
    }

    #[test]
    fn a_long_name_on_many_paths_is_refused_in_the_end() {
        let mut folders = Folders::default();
        folders.insert("a".to_owned(), "x".repeat(1 << 20), String::new());
        let paths = (0..1000).map(|_| folders.path("a").map(drop));
        assert_eq!(
            paths.collect::<Result<(), _>>(),
            Err(ImportError::TooManyValues)
        );
    }
}
