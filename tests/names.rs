//! Finding items in a vault that is held open: whatever happens to it, names, references and addresses find what looking
//! at all items finds, so its index is never out of date.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::ItemId;
use keyfold::model::origin::Origin;
use keyfold::model::query::{Scope, resolve, resolve_target, resolve_url};
use keyfold::model::reference::Target;
use keyfold::state::change::Edit;
use keyfold::state::fold::State;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::{config, records};
use scene::{later, made, opened, places};
use std::sync::Arc;
use zeroize::Zeroizing;

const TITLES: [&str; 7] = ["Mail", "mail", "STRASSE", "Bücher", "a/b", "my mail", ""];
const FOLDERS: [&str; 5] = ["", "work", "Work", "/", "work/acme"];
const USERS: [&str; 3] = ["me@mail.example", "MÜLLER", "root"];
const URLS: [&str; 6] = [
    "https://www.google.com/login",
    "http://paypal.com",
    "https://bücher.de",
    "https://10.0.0.1:8443",
    "ssh://host.lan",
    "no address",
];
const ASKED: [&str; 11] = [
    "mail",
    "MAIL",
    "work/Mail",
    "WORK/mail",
    "a\\/b",
    "//Mail",
    "ü",
    "b\u{75}\u{308}cher",
    "example",
    "ss",
    "none",
];
const ADDRESSES: [&str; 9] = [
    "https://www.google.com",
    "https://mail.google.com",
    "http://google.com",
    "https://google.com.evil.net",
    "https://google.com@evil.net",
    "https://paypa1.com",
    "https://xn--bcher-kva.de",
    "https://10.0.0.1",
    "ssh://host.lan",
];

/// What happens to the vault: here, on another device, or between the two.
#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    Move(usize, usize, usize),
    User(usize, usize),
    Url(usize, usize),
    NoUrl(usize, usize),
    Trash(usize),
    Restore(usize),
    Purge(usize),
    Undo,
    /// What the other device wrote arrives.
    Arrive,
    /// Whoever holds the vault makes it ready again.
    Hold,
    Compact,
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let number = 0..64_usize;
    let step = prop_oneof![
        4 => number.clone().prop_map(Step::Add),
        4 => (number.clone(), number.clone(), number.clone()).prop_map(|(item, folder, title)| Step::Move(item, folder, title)),
        2 => (number.clone(), number.clone()).prop_map(|(item, user)| Step::User(item, user)),
        2 => (number.clone(), number.clone()).prop_map(|(item, url)| Step::Url(item, url)),
        1 => (number.clone(), number.clone()).prop_map(|(item, url)| Step::NoUrl(item, url)),
        1 => number.clone().prop_map(Step::Trash),
        1 => number.clone().prop_map(Step::Restore),
        1 => number.prop_map(Step::Purge),
        1 => Just(Step::Undo),
        2 => Just(Step::Arrive),
        3 => Just(Step::Hold),
        1 => Just(Step::Compact),
    ];
    (any::<bool>(), step)
}

fn pick<T: Copy>(from: &[T], number: usize) -> Option<T> {
    from.get(number % from.len().max(1)).copied()
}

fn draft(number: usize) -> Draft {
    let mut draft = Draft {
        title: pick(&TITLES[..6], number).unwrap().to_owned(),
        folder: pick(&FOLDERS, number / 2).unwrap().to_owned(),
        urls: vec![pick(&URLS, number).unwrap().to_owned()],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, pick(&USERS, number).unwrap().to_owned());
    draft
}

fn edit_of(step: &Step) -> Option<(usize, Edit)> {
    Some(match step {
        Step::Move(item, folder, title) => {
            let folder = pick(&FOLDERS, *folder)?.to_owned();
            (
                *item,
                Edit::Move {
                    folder,
                    title: pick(&TITLES, *title)?.to_owned(),
                },
            )
        }
        Step::User(item, user) => {
            let value = DraftValue::Plain(pick(&USERS, *user)?.to_owned());
            (
                *item,
                Edit::Set(FieldName::Standard(field::USERNAME), FieldKind::Text, value),
            )
        }
        Step::Url(item, url) => (*item, Edit::AddUrl(pick(&URLS, *url)?.to_owned())),
        Step::NoUrl(item, url) => (*item, Edit::RemoveUrl(pick(&URLS, *url)?.to_owned())),
        _ => return None,
    })
}

/// Does the step; what is refused is no matter here.
fn change(vault: &mut Vault, step: &Step, second: u64, rng: &mut StdRng) {
    let now = later(second);
    let ids = vault.state().item_ids();
    match step {
        Step::Add(number) => {
            let draft = draft(*number);
            vault
                .update(now, rng, |plan, rng| Ok(plan.add(draft, rng)))
                .unwrap();
        }
        Step::Trash(item) | Step::Restore(item) | Step::Purge(item) => {
            let Some(id) = pick(&ids, *item) else { return };
            drop(vault.update(now, rng, |plan, _| match step {
                Step::Trash(_) => plan.set_life(id, Life::Trashed),
                Step::Restore(_) => plan.set_life(id, Life::Alive),
                _ => {
                    plan.purge(id);
                    Ok(())
                }
            }));
        }
        Step::Undo => {
            if let Some(record) = vault.undoable_records().first().copied() {
                drop(vault.update(now, rng, |plan, _| plan.undo(record)));
            }
        }
        Step::Compact => drop(vault.compact(now, rng).unwrap()),
        _ => {
            let Some((item, edit)) = edit_of(step) else {
                return;
            };
            let Some(id) = pick(&ids, item) else { return };
            drop(vault.update(now, rng, |plan, rng| plan.edit(id, vec![edit], rng)));
        }
    }
}

/// Everything that may be asked of a state has the answer that a look at all rows has.
fn assert_finds_all(state: &State) {
    let rows = state.summaries();
    let rows = &rows[..];
    let ids: Vec<ItemId> = rows.iter().map(|row| row.id).collect();
    let mut names: Vec<String> = ASKED.iter().map(|&name| name.to_owned()).collect();
    names.extend(rows.iter().map(|row| row.path()));
    names.extend(ids.iter().map(|id| format!("id:{id}")));
    names.extend(ids.iter().map(|id| format!("id:{}", &id.to_string()[..7])));
    for scope in [Scope::Live, Scope::Trash, Scope::All] {
        for name in &names {
            assert_eq!(
                resolve(name, state, scope),
                resolve(name, rows, scope),
                "{name}"
            );
        }
        for address in ADDRESSES {
            let origin = Origin::parse(address).unwrap();
            assert_eq!(
                resolve_url(&origin, state, scope),
                resolve_url(&origin, rows, scope),
                "{address}"
            );
        }
    }
    for (folder, title) in FOLDERS
        .iter()
        .flat_map(|folder| TITLES.map(|title| (folder, title)))
    {
        let target = Target::Path {
            folder: (*folder).to_owned(),
            title: title.to_owned(),
        };
        assert_eq!(
            resolve_target(&target, state),
            resolve_target(&target, rows)
        );
    }
    for id in ids {
        let target = Target::Id(id.into());
        assert_eq!(
            resolve_target(&target, state),
            resolve_target(&target, rows)
        );
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_held_vault_finds_what_a_look_at_all_items_finds(steps in prop::collection::vec(step(), 1..25)) {
        let mut rng = StdRng::seed_from_u64(3);
        let storages = [(); 2].map(|()| Arc::new(SimulatedStorage::new()));
        let path = &places("a").vault_file;
        let mut held = made(&storages[0], &mut rng);
        for number in 0..4 {
            change(&mut held, &Step::Add(number), 1, &mut rng);
        }
        storages[1].place(path, &storages[0].content(path).unwrap());
        let mut other = opened(&storages[1], "b", 1, later(2)).unwrap();
        held.hold();
        for ((is_here, step), second) in steps.iter().zip((10..).step_by(10)) {
            match step {
                Step::Hold => {
                    held.hold();
                    prop_assert!(held.state().is_prepared());
                }
                Step::Arrive => {
                    let mut all = storages[0].content(path).unwrap();
                    all.extend_from_slice(&storages[1].content(path).unwrap()[1024..]);
                    storages[0].place(path, &all);
                    held.look_again(later(second), &mut rng).unwrap();
                }
                _ if *is_here => change(&mut held, step, second, &mut rng),
                _ => change(&mut other, step, second, &mut rng),
            }
            assert_finds_all(held.state());
            held.rewind(later(second - 10));
            assert_finds_all(held.state());
            held.return_to_now();
        }
    }

    /// The same for records that come in any order, any number of times, and were never written here.
    #[test]
    fn a_state_with_an_index_takes_records_in_any_order(
        steps in prop::collection::vec(step(), 1..25),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        prepared_at in any::<prop::sample::Index>(),
    ) {
        let mut rng = StdRng::seed_from_u64(4);
        let mut vault = made(&Arc::new(SimulatedStorage::new()), &mut rng);
        for ((_, step), second) in steps.iter().zip((10..).step_by(10)) {
            change(&mut vault, step, second, &mut rng);
        }
        let records = records(&vault);
        let pieces = order.iter().map(|at| at.get(&records)).chain(&records);
        let prepared_at = prepared_at.index(order.len());
        let mut state = State::default();
        for (number, piece) in pieces.enumerate() {
            if number == prepared_at {
                state.prepare();
                prop_assert!(state.is_prepared());
            }
            let whole = 0..piece.len();
            state.absorb(Zeroizing::new(piece.clone()), &[whole]).unwrap();
            assert_finds_all(&state);
        }
        state.settle();
        assert_finds_all(&state);
    }
}

#[test]
fn many_changes_at_once_are_found_and_an_index_is_made_again() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut vault = made(&Arc::new(SimulatedStorage::new()), &mut rng);
    change(&mut vault, &Step::Add(0), 1, &mut rng);
    vault.hold();
    for (count, is_kept) in [(100, true), (5000, false)] {
        let drafts = 0..count;
        vault
            .update(later(count), &mut rng, |plan, rng| {
                for number in drafts {
                    let title = format!("many {number} of {count}");
                    plan.add(
                        Draft {
                            title,
                            ..Draft::default()
                        },
                        rng,
                    );
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(vault.state().is_prepared(), is_kept);
        for _ in 0..2 {
            let found = resolve(&format!("many 99 of {count}"), vault.state(), Scope::Live);
            assert_eq!(found.into_ids().len(), 1);
            vault.hold();
            assert!(vault.state().is_prepared());
        }
    }
}

#[test]
fn a_change_leaves_the_index_in_place_and_an_erasure_drops_it() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut vault = made(&Arc::new(SimulatedStorage::new()), &mut rng);
    let steps = [
        Step::Add(0),
        Step::Move(0, 1, 1),
        Step::Trash(0),
        Step::Undo,
        Step::Add(2),
        Step::Purge(0),
    ];
    vault.hold();
    let kept = steps.iter().zip(1..).map(|(step, second)| {
        change(&mut vault, step, second, &mut rng);
        assert_finds_all(vault.state());
        vault.state().is_prepared()
    });
    assert_eq!(
        kept.collect::<Vec<bool>>(),
        [true, true, true, true, true, false]
    );
}
