//! Lists that an audit is given: whatever is in them, they are refused, or answer as their bytes say.

use keyfold::audit::TwoFactorList;
use keyfold::audit::breach::{BreachList, ListFile, ListFolder, Place, build};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use std::io::Cursor;

/// A folder in which every range file is the same.
struct Same(Vec<u8>);

impl ListFolder for Same {
    fn open(&self, name: &str) -> std::io::Result<Option<Box<dyn ListFile>>> {
        // One naming is enough, and a million files are too many to go through.
        let is_there = name.len() == 5 && !name.contains(|letter: char| letter.is_lowercase());
        Ok(is_there.then(|| Box::new(self.0.clone()) as Box<dyn ListFile>))
    }
}

/// A list of breached passwords as a file, as range files, and one of sites. What a filter is made of is in the filter.
pub(crate) fn breach_list(data: &[u8]) {
    let passwords =
        ["", "password", "hunter2", "Pässwort", "0"].map(|text| Secret::new(text.to_owned()));
    if let Ok(list) = BreachList::open(Place::File(Box::new(data.to_vec()))) {
        let found = passwords.each_ref().map(|one| list.contains(one).ok());
        let mut out = Cursor::new(Vec::new());
        if build(&list, &mut out, Moment(0), &mut |_| ()).is_ok() {
            let filter = BreachList::open(Place::File(Box::new(out.into_inner()))).unwrap();
            for (one, found) in passwords.iter().zip(found) {
                let is_in = filter.contains(one).unwrap();
                assert!(is_in || found != Some(true), "a filter misses what went in");
            }
        }
    }
    if let Ok(list) = BreachList::open(Place::Folder(Box::new(Same(data.to_vec())))) {
        for one in &passwords {
            let _ = list.contains(one);
        }
    }
    if let Ok(sites) = TwoFactorList::parse(data) {
        assert!(!sites.is_empty());
        let _ = sites.find("login.example.com", Some("example.com"));
    }
}
