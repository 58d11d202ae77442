//! Items of one vault into another: what both know of them afterwards, and what stays where it was.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test may stop; the scene is shared"
)]

#[path = "scene/inout.rs"]
mod inout;
mod scene;

use inout::{HOTP, add, edit, set, set_apart, set_password, text_of, vault};
use keyfold::model::draft::FieldName;
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::service::transfer::{Delivery, Parcel, Place};
use keyfold::state::change::Edit;
use keyfold::state::view::Life;
use keyfold::vault::{Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, attach, content_of, later, login, password};

fn deliver(
    from: &Vault,
    to: &mut Vault,
    wanted: &[(ItemId, Option<Place>)],
    now: Moment,
) -> Result<Delivery, VaultError> {
    let parcel = Parcel::pack(from, wanted.iter().cloned()).unwrap();
    parcel.deliver(from, to, now, &mut StdRng::seed_from_u64(now.0))
}

fn trash(delivery: &Delivery, from: &mut Vault, now: Moment) -> Vec<ItemId> {
    let rng = &mut StdRng::seed_from_u64(now.0);
    delivery.trash(from, now, rng).unwrap()
}

fn place(folder: &str, title: &str) -> Option<Place> {
    let (folder, title) = (folder.to_owned(), title.to_owned());
    Some(Place { folder, title })
}

/// An item with a past, a conflict and a counter.
fn rich(vault: &mut Vault) -> ItemId {
    let mut draft = login("mail", "p0");
    draft.folder = "acme".to_owned();
    draft.push_standard(field::OTP, HOTP.to_owned());
    let item = add(vault, later(1), draft);
    edit(vault, item, later(2), vec![set_password("p1")]);
    set_apart(vault, item, field::PASSWORD, "p2", later(3));
    set_apart(vault, item, field::NOTES, "apart", later(4));
    let count = Edit::Count(FieldId::Standard(field::OTP), 9);
    edit(vault, item, later(5), vec![count]);
    item
}

#[test]
fn an_item_arrives_with_past_conflicts_and_counter() {
    let ((_, mut here), (_, mut there)) = (vault(1), vault(2));
    let item = rich(&mut here);
    let text = text_of(&here);
    let delivery = deliver(&here, &mut there, &[(item, None)], later(10)).unwrap();
    assert_eq!(delivery.items, [item]);
    assert!(delivery.changed().contains(&item) && delivery.revived.is_empty());
    assert_eq!(text_of(&there), text);
    assert!(
        text.contains("\"counter\": 9") && text.contains("\"p2\""),
        "{text}"
    );
    let again = deliver(&here, &mut there, &[(item, None)], later(11)).unwrap();
    assert!(again.changed().is_empty());
    assert_eq!(text_of(&there), text);
}

#[test]
fn what_changed_here_meanwhile_is_not_taken_away() {
    let ((_, mut here), (_, mut there)) = (vault(1), vault(2));
    let (one, two) = (rich(&mut here), add(&mut here, NOW, login("two", "x")));
    let delivery = deliver(&here, &mut there, &[(one, None), (two, None)], later(10)).unwrap();
    edit(&mut here, one, later(11), vec![set_password("newer")]);
    assert_eq!(trash(&delivery, &mut here, later(12)), [one]);
    let life = |id| here.state().item(id).unwrap().life;
    assert_eq!((life(one), life(two)), (Life::Alive, Life::Trashed));
    let delivery = deliver(&here, &mut there, &[(one, None)], later(13)).unwrap();
    assert_eq!(trash(&delivery, &mut here, later(14)), [ItemId([0; 16]); 0]);
    assert_eq!(password(&there, "mail"), "newer");
}

#[test]
fn a_place_is_a_wish_of_its_own_and_the_former_one_is_history() {
    let ((_, mut here), (_, mut there)) = (vault(1), vault(2));
    let item = rich(&mut here);
    let path = |vault: &Vault| vault.state().summary(item).unwrap().path();
    let mut send = |wanted, now| {
        deliver(&here, &mut there, &[(item, wanted)], later(now)).unwrap();
        path(&there)
    };
    assert_eq!(send(place("clients", "post"), 10), "clients/post");
    assert_eq!(send(None, 11), "clients/post", "it stays where it is");
    assert_eq!(send(place("clients", "post"), 12), "clients/post");
    assert_eq!(send(place("acme", "mail"), 13), "acme/mail", "back at last");
    assert_eq!(send(place("", "mail"), 14), "mail");
    let history = there.state().history(item);
    let folders = history
        .iter()
        .filter(|former| former.id == FieldId::Standard(field::FOLDER));
    assert_eq!(folders.count(), 3, "acme, clients, acme");
    assert_eq!(path(&here), "acme/mail");
}

#[test]
fn the_same_place_again_writes_nothing() {
    let ((_, mut here), (storage, mut there)) = (vault(1), vault(2));
    let item = rich(&mut here);
    let wanted = [(item, place("clients", "mail"))];
    deliver(&here, &mut there, &wanted, later(10)).unwrap();
    let steps = storage.step_count();
    let again = deliver(&here, &mut there, &wanted, later(11)).unwrap();
    assert!(again.changed().is_empty());
    assert_eq!(storage.step_count(), steps);
}

#[test]
fn a_path_that_another_item_has_is_seen_and_an_own_one_is_not() {
    let ((_, mut here), (_, mut there)) = (vault(1), vault(2));
    let (one, two) = (
        add(&mut here, NOW, login("mail", "x")),
        add(&mut here, later(1), login("mail", "y")),
    );
    let taken = |wanted: &[(ItemId, Option<Place>)], there: &Vault| {
        Parcel::pack(&here, wanted.iter().cloned())
            .unwrap()
            .taken_paths(there)
    };
    assert!(
        taken(&[(one, None), (two, None)], &there).is_empty(),
        "twins travel"
    );
    deliver(&here, &mut there, &[(one, None)], later(2)).unwrap();
    assert!(taken(&[(one, None)], &there).is_empty());
    assert_eq!(taken(&[(two, None)], &there), ["mail"]);
    assert_eq!(taken(&[(two, place("", "mail"))], &there), ["mail"]);
    assert!(taken(&[(two, place("f", "mail"))], &there).is_empty());
    let rng = &mut StdRng::seed_from_u64(3);
    there
        .update(later(3), rng, |plan, _| plan.set_life(one, Life::Trashed))
        .unwrap();
    assert!(
        taken(&[(two, None)], &there).is_empty(),
        "the trash has no paths"
    );
}

#[test]
fn a_full_disk_delivers_nothing() {
    let ((_, mut here), (storage, mut there)) = (vault(1), vault(2));
    let item = rich(&mut here);
    let before = (text_of(&here), text_of(&there));
    storage.limit_capacity(0);
    assert!(deliver(&here, &mut there, &[(item, None)], later(10)).is_err());
    assert_eq!((text_of(&here), text_of(&there)), before);
    storage.lift_capacity();
    deliver(&here, &mut there, &[(item, None)], later(11)).unwrap();
    assert_eq!(text_of(&there), before.0);
}

#[test]
fn a_value_that_the_other_vault_left_behind_stays_behind() {
    let ((_, mut here), (_, mut there)) = (vault(1), vault(2));
    let item = add(&mut here, NOW, login("mail", "old"));
    deliver(&here, &mut there, &[(item, None)], later(1)).unwrap();
    let extra = set(FieldName::Custom("pin".to_owned()), FieldKind::Secret, "1");
    edit(&mut there, item, later(2), vec![set_password("new"), extra]);
    let again = deliver(&here, &mut there, &[(item, None)], later(3)).unwrap();
    assert!(again.changed().is_empty());
    assert!(
        again
            .ledger
            .entries
            .iter()
            .any(|entry| entry.reason.is_some())
    );
    assert_eq!(password(&there, "mail"), "new");
}

#[test]
fn files_go_along_once_and_what_was_attached_meanwhile_stays() {
    let ((_, mut here), (storage, mut there)) = (vault(1), vault(2));
    let item = rich(&mut here);
    let mut rng = StdRng::seed_from_u64(9);
    let long = vec![7; 3 << 20];
    attach(
        &mut here,
        item,
        "a.bin",
        &[&long[..1 << 20], &long[1 << 20..1 << 21]],
        later(9),
        &mut rng,
    )
    .unwrap();
    let first = deliver(&here, &mut there, &[(item, None)], later(10)).unwrap();
    assert!(first.changed().contains(&item));
    let file = there.state().item(item).unwrap().attachments[0].clone();
    assert_eq!(content_of(&there, item, &file).unwrap(), &long[..1 << 21]);
    let size = storage.content(there.path()).unwrap().len();
    let again = deliver(&here, &mut there, &[(item, None)], later(11)).unwrap();
    assert!(again.changed().is_empty());
    assert_eq!(storage.content(there.path()).unwrap().len(), size);
    attach(&mut here, item, "b.bin", &[b"new"], later(12), &mut rng).unwrap();
    assert_eq!(trash(&first, &mut here, later(13)), [item]);
    let third = deliver(&here, &mut there, &[(item, None)], later(14)).unwrap();
    assert!(third.changed().contains(&item));
    assert_eq!(there.state().item(item).unwrap().attachments.len(), 2);
    assert_eq!(trash(&third, &mut here, later(15)), []);
}
