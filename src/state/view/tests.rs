use super::super::codec::{SetBody, UrlBody, write_record, write_set, write_text, write_url};
use super::super::op::{LIFE_DELETED, Operation, RecordHead};
use super::*;
use zeroize::Zeroizing;

const ITEM: ItemId = ItemId([7; 16]);
const TITLE: FieldId = FieldId::Standard(field::TITLE);
const CUSTOM: FieldId = FieldId::Custom([9; 16]);

fn on(field: Option<FieldId>, tag: Tag, body: Vec<u8>) -> Operation {
    Operation {
        item: Some(ITEM),
        field,
        body,
        ..Operation::new(tag)
    }
}

fn set(field: FieldId, kind: u8, text: &str) -> Operation {
    let body = write_set(&SetBody::new(kind, "", text, Moment(0), None));
    on(Some(field), Tag::SET, body)
}

fn url(field: FieldId, rank: u32, address: &str) -> Operation {
    on(Some(field), Tag::URL, write_url(&UrlBody { rank, address }))
}

fn tag(field: FieldId, text: &str) -> Operation {
    on(Some(field), Tag::TAG, write_text(text))
}

fn life(body: u8) -> Operation {
    on(None, Tag::LIFE, vec![body])
}

/// The state of records that devices wrote apart, each a second later than the one before.
fn state(records: &[&[Operation]]) -> State {
    let mut state = State::default();
    for (operations, number) in records.iter().zip(1..) {
        let head = RecordHead {
            id: RecordId([number; 16]),
            device: DeviceId([number; 16]),
            seq: 1,
            previous: None,
            seen: Vec::new(),
            clock: Clock(u64::from(number) * (1000 << 16)),
        };
        let bytes = Zeroizing::new(write_record(&head, operations).to_vec());
        let place = 0..bytes.len();
        state.absorb(bytes, std::slice::from_ref(&place)).unwrap();
    }
    state.settle();
    state
}

/// The item, after a look whether the listing says the same of it.
fn item(state: &State) -> ItemView {
    let view = state.item(ITEM).unwrap();
    assert_eq!(state.summary(ITEM), Some(view.summary()));
    view
}

#[test]
fn heads_of_several_kinds_are_each_shown_as_what_they_are() {
    let field = FieldId::derive_for_tag("work");
    let kinds: [&[Operation]; 5] = [
        &[set(field, 1, "older")],
        &[tag(field, "work")],
        &[url(field, 2, "https://two.example")],
        &[set(field, 1, "newer"), tag(field, "work")],
        &[url(field, 1, "https://one.example")],
    ];
    let mut turned = kinds;
    for _ in 0..kinds.len() {
        turned.rotate_left(1);
        for records in [&turned[..], &[turned.concat().as_slice()]] {
            let state = state(records);
            let view = item(&state);
            assert_eq!(view.tags, ["work"]);
            let addresses: Vec<&str> = view.urls.iter().map(|url| url.address.as_str()).collect();
            assert_eq!(addresses, ["https://one.example", "https://two.example"]);
            assert_eq!(view.fields.len(), 1);
            assert_eq!(view.fields[0].others.len(), 1);
        }
    }
}

#[test]
fn a_newest_head_of_a_newer_version_hides_no_other() {
    let state = state(&[&[set(TITLE, 1, "Mail")], &[set(TITLE, 9, "?")]]);
    let view = item(&state);
    assert_eq!(view.text(field::TITLE), "Mail");
    assert!(view.fields[0].others.is_empty());
}

#[test]
fn a_life_that_is_neither_alive_nor_deleted_says_nothing() {
    let look = |bodies: &[u8]| {
        let mut operations: Vec<Operation> = bodies.iter().copied().map(life).collect();
        operations.push(set(TITLE, 1, "Mail"));
        item(&state(&[&operations])).life
    };
    assert_eq!(look(&[2]), Life::Alive);
    assert_eq!(look(&[2, LIFE_DELETED]), Life::Trashed);
    assert_eq!(look(&[LIFE_ALIVE, 2]), Life::Alive);
    assert_eq!(look(&[LIFE_ALIVE, 2, LIFE_DELETED]), Life::Back);
}

#[test]
fn a_life_on_a_field_is_none() {
    let on_title = on(Some(TITLE), Tag::LIFE, vec![LIFE_DELETED]);
    let state = state(&[&[life(LIFE_ALIVE), set(TITLE, 1, "Mail"), on_title]]);
    assert_eq!(item(&state).life, Life::Alive);
    assert_eq!(state.life_heads(ITEM).len(), 1);
}

#[test]
fn a_tag_that_is_not_the_one_of_its_field_is_not_shown() {
    let state = state(&[&[
        set(TITLE, 1, "Mail"),
        tag(FieldId::derive_for_tag("work"), "home"),
        tag(FieldId::derive_for_tag("work"), "work"),
    ]]);
    assert_eq!(item(&state).tags, ["work"]);
}

#[test]
fn an_address_on_a_standard_field_is_not_shown() {
    let state = state(&[&[set(TITLE, 1, "Mail"), url(TITLE, 0, "https://x.example")]]);
    assert!(item(&state).urls.is_empty());
}

#[test]
fn of_sealed_values_the_first_of_a_secret_kind_counts() {
    let mut plain = set(TITLE, 1, "Mail");
    plain.sealed = vec![vec![1]];
    let mut secret = set(CUSTOM, 2, "not this");
    secret.sealed = vec![vec![2], vec![3]];
    let bare = set(FieldId::Standard(field::USERNAME), 2, "nor this");
    let view = item(&state(&[&[plain, secret, bare]]));
    assert_eq!(view.fields.len(), 2);
    assert!(view.fields[0].current.value == Value::Plain("Mail".to_owned()));
    assert!(view.fields[1].current.value == Value::Sealed(vec![2]));
}

#[test]
fn an_item_of_which_only_a_counter_arrived_is_not_shown() {
    let seed = Dot {
        record: RecordId([8; 16]),
        index: 0,
    };
    let counter = on(
        Some(FieldId::Standard(field::OTP)),
        Tag::COUNTER,
        codec::write_counter(seed, 3),
    );
    let alone = state(&[std::slice::from_ref(&counter)]);
    assert!(alone.item(ITEM).is_none() && alone.summary(ITEM).is_none());
    assert!(state(&[&[counter, life(LIFE_ALIVE)]]).item(ITEM).is_some());
}
