//! What a question costs a vault that is held open: finding the item by its name or an address, its view, one value, and
//! the look at the files that goes before; first by going through all items, then with an index. And what holding it costs
//! in memory.
//!
//! Microseconds, beside their floor in the same run: the stamps of two files, which every question reads anyhow. Machines
//! drift: compare within a table, never across two.
//!
//! `cargo bench --bench resolve` takes half a minute; `-- 5000` measures that size alone.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::origin::Origin;
use keyfold::model::query::{Resolution, Scope, resolve, resolve_url};
use keyfold::state::change::Edit;
use keyfold::storage::RealStorage;
use keyfold::vault::{Places, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add_all, find_replica, later, make_vault, run_child};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const ROUNDS: usize = 31;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((what, place)) = scene::child_task(&words) {
        return child(what, place);
    }
    let asked: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes: &[usize] = match asked.as_slice() {
        [] => &[100, 10_000, 100_000],
        asked => asked,
    };
    let folder = std::env::temp_dir().join(format!("keyfold-bench-{}", std::process::id()));
    for size in sizes {
        let scene = Scene::make(&folder.join(size.to_string()), *size);
        scene.print_times();
        scene.print_changes();
        scene.print_memory();
    }
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

struct Scene {
    size: usize,
    places: Places,
}

impl Scene {
    fn make(folder: &Path, size: usize) -> Self {
        let places = places(folder);
        let mut rng = StdRng::seed_from_u64(7);
        let mut vault = make_vault(Arc::new(RealStorage), &places, "bench", &mut rng);
        add_all(&mut vault, (0..size).map(login), &mut rng);
        // Opening leaves a note of what was seen.
        drop(open(&places));
        Self { size, places }
    }

    fn print_times(&self) {
        let size = self.size;
        let mut vault = open(&self.places);
        let number = size / 3;
        let id = found(&vault, &format!("Account {number}"));
        let mut rng = StdRng::seed_from_u64(8);
        let replica = find_replica(&self.places.state_folder);
        println!(
            "\n{size} items: microseconds, median of {ROUNDS}; in brackets the ratio to the floor"
        );
        let floor = median(|| {
            let stamps = [&replica, &self.places.vault_file].map(std::fs::metadata);
            black_box(stamps.map(|stamp| stamp.is_ok()));
        });
        let row = |what: &str, times: &[f64]| {
            print!("{what:>24}");
            for time in times {
                print!(" {time:>10.1} ({:>7.1})", time / floor);
            }
            println!();
        };
        row("floor", &[floor]);
        row(
            "look at the files",
            &[median(|| {
                vault
                    .look_again(later(), &mut rng)
                    .expect("nothing happened")
            })],
        );
        row(
            "view of an item",
            &[median(|| drop(black_box(vault.state().item(id))))],
        );
        row("reveal", &[median(|| reveal(&vault, id))]);
        println!("{:>24} {:>20} {:>20}", "", "all items", "index");
        let names = [
            (
                "exact path",
                format!("work/team {}/Account {number}", number % 50),
            ),
            ("exact title", format!("Account {number}")),
            ("title without case", format!("aCCOUNT {number}")),
            ("id", format!("id:{id}")),
            (
                "first digits of an id",
                format!("id:{}", id.to_string().split_at(8).0),
            ),
            ("part of a user name", format!("user{number}@")),
            ("part of a host", format!("site{number}.ex")),
            ("not there", "no such item".to_owned()),
        ];
        let addresses = [
            (
                "address",
                format!("https://www.site{number}.example{number}.com/login"),
            ),
            (
                "address of the site",
                format!("https://mail.example{number}.com/"),
            ),
            (
                "address not there",
                "https://www.accounts.example.org/login".to_owned(),
            ),
        ];
        let mut times = vec![Vec::new(); names.len() + addresses.len()];
        for is_prepared in [false, true] {
            if is_prepared {
                let (time, ()) = microseconds(|| vault.hold());
                row("making the index", &[time]);
            }
            let ways = times.iter_mut().zip(0..);
            for (times, way) in ways {
                let time = match names.get(way) {
                    Some((_, name)) => {
                        median(|| drop(black_box(resolve(name, vault.state(), Scope::Live))))
                    }
                    None => {
                        let address = &addresses[way - names.len()].1;
                        let origin = Origin::parse(address).expect("it is one");
                        median(|| drop(black_box(resolve_url(&origin, vault.state(), Scope::Live))))
                    }
                };
                times.push(time);
            }
        }
        let labels = names
            .iter()
            .map(|way| way.0)
            .chain(addresses.iter().map(|way| way.0));
        for (label, times) in labels.zip(&times) {
            row(label, times);
        }
    }

    /// What the first question after a change costs.
    fn print_changes(&self) {
        let mut rng = StdRng::seed_from_u64(9);
        let mut vault = open(&self.places);
        vault.hold();
        let name = "Account 7".to_owned();
        let id = found(&vault, &name);
        println!(
            "{:>24} {:>12} {:>12} {:>12} {:>12}",
            "first question after", "change", "look", "hold", "resolve"
        );
        let mut row = |what: &str, vault: &mut Vault, change: &mut dyn FnMut(&mut Vault, usize)| {
            let mut times: [Vec<f64>; 4] = Default::default();
            for round in 0..7 {
                times[0].push(microseconds(|| change(vault, round)).0);
                times[1].push(
                    microseconds(|| vault.look_again(later(), &mut rng).expect("it is whole")).0,
                );
                times[2].push(microseconds(|| vault.hold()).0);
                times[3].push(microseconds(|| resolve(&name, vault.state(), Scope::Live)).0);
            }
            print!("{what:>24}");
            times
                .iter_mut()
                .for_each(|times| print!(" {:>12.1}", scene::median(times)));
            println!();
        };
        let mut own_rng = StdRng::seed_from_u64(10);
        row("an edit here", &mut vault, &mut |vault, round| {
            edit(vault, id, round, &mut own_rng)
        });
        // The other device works on the same file with a state folder of its own.
        let elsewhere = Places {
            state_folder: self.places.state_folder.with_file_name("elsewhere"),
            ..self.places.clone()
        };
        let mut other = open(&elsewhere);
        let mut other_rng = StdRng::seed_from_u64(11);
        row("a grown file", &mut vault, &mut |_, round| {
            edit(&mut other, id, round + 100, &mut other_rng)
        });
        row("a replaced file", &mut vault, &mut |_, round| {
            edit(&mut other, id, round + 200, &mut other_rng);
            let file = &self.places.vault_file;
            let fresh = file.with_file_name("fresh");
            std::fs::copy(file, &fresh).expect("there is room");
            std::fs::rename(&fresh, file).expect("the folder is this run's own");
        });
        let mut beside = open(&self.places);
        let mut beside_rng = StdRng::seed_from_u64(12);
        row("another program's edit", &mut vault, &mut |_, round| {
            edit(&mut beside, id, round + 300, &mut beside_rng)
        });
    }

    /// The resident set of processes that hold the vault, beyond one that does nothing.
    fn print_memory(&self) {
        let [nothing, opened, held] = ["nothing", "open", "hold"].map(|what| self.resident(what));
        println!(
            "{:>24} MiB beyond a process of {:.1}: opened {:.1} (peak {:.1}), held {:.1} (peak {:.1})",
            "resident",
            nothing[0],
            opened[0] - nothing[0],
            opened[1] - nothing[1],
            held[0] - nothing[0],
            held[1] - nothing[1],
        );
    }

    /// Resident set now and at its largest, in MiB, of a process that does this.
    fn resident(&self, what: &str) -> [f64; 2] {
        let text = run_child(what, &self.places);
        let mut kib = text
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(f64::NAN) / 1024.0);
        [
            kib.next().unwrap_or(f64::NAN),
            kib.next().unwrap_or(f64::NAN),
        ]
    }
}

fn child(what: &str, place: &Path) {
    let mut vault = (what != "nothing").then(|| open(&places(place)));
    if what == "hold" {
        vault.as_mut().expect("it is open").hold();
    }
    scene::print_status(&["VmRSS:", "VmHWM:"]);
    drop(vault);
}

fn places(folder: &Path) -> Places {
    Places {
        vault_file: folder.join("cloud").join("vault.keyfold"),
        state_folder: folder.join("state"),
    }
}

fn edit(vault: &mut Vault, id: ItemId, round: usize, rng: &mut StdRng) {
    let edit = Edit::Set(
        FieldName::Standard(field::USERNAME),
        FieldKind::Text,
        DraftValue::Plain(format!("changed{round}@example.com")),
    );
    vault
        .update(later(), rng, |plan, rng| plan.edit(id, vec![edit], rng))
        .expect("the disk takes it");
}

fn found(vault: &Vault, name: &str) -> ItemId {
    match resolve(name, vault.state(), Scope::Live) {
        Resolution::One(id) => id,
        _ => panic!("one item is called {name}"),
    }
}

fn reveal(vault: &Vault, id: ItemId) {
    let item = vault.state().item(id).expect("it is there");
    let password = FieldId::Standard(field::PASSWORD);
    let value = &item.field(password).expect("it has one").current.value;
    black_box(vault.reveal(id, password, value).expect("it is authentic"));
}

fn login(number: usize) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        folder: format!("work/team {}", number % 50),
        urls: vec![format!(
            "https://www.site{number}.example{number}.com/login"
        )],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("user{number}@example.com"));
    draft.push_standard(field::PASSWORD, format!("{number:032x}"));
    draft.push_standard(
        field::NOTES,
        format!("Opened in the spring; the contract has number {number:08} today"),
    );
    draft
}

fn open(places: &Places) -> Vault {
    scene::open(Arc::new(RealStorage), places, "bench")
}

fn microseconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let (milliseconds, done) = scene::milliseconds(work);
    (milliseconds * 1000.0, done)
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| microseconds(&mut work).0).collect();
    scene::median(&mut times)
}
