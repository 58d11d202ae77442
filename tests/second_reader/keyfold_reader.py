#!/usr/bin/env python3
"""A second reader of keyfold vaults, written from vault-format.md alone.

It never writes. Section numbers in the comments are those of vault-format.md. Where the page leaves a choice, a comment
that begins with CHOICE says what was chosen; README.md beside this file lists them.
"""

from __future__ import annotations

import argparse
import getpass
import json
import mmap
import sys
import urllib.parse
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from keyfold_frames import (BASE32, SLOT_KINDS, Scan, Slot, Ways, find_slots, open_slot, parse_header, parse_recovery_key,
                            parse_slot, scan, slot_mac_is_right)
from keyfold_keys import BLOCK, Keys, Malformed, Preamble, Refused, parse_preamble
from keyfold_records import COUNTER, FIELD_KINDS, FORMER, RETIRE, SECRET_KINDS, SET, SLOT_OP, TAG, TAG_NAMES, URL, State

SEED_PARAMETERS = {"secret", "issuer", "algorithm", "digits", "period", "counter", "encoder"}
MAX_FILE = 16 << 30
MAX_KEY_FILE = 16 << 20


# ---------------------------------------------------------------------------------------------------------------------
# Export (8)

STANDARD = {
    1: "kind", 2: "title", 3: "folder", 4: "favourite", 5: "origin", 16: "username", 17: "password", 18: "otp",
    19: "notes", 20: "text", 21: "email", 22: "number", 23: "holder", 24: "brand", 25: "expires", 26: "code", 27: "pin",
    28: "name", 29: "phone", 30: "address", 31: "company", 32: "passport-number", 33: "social-number",
    34: "licence-number", 35: "birth-date", 36: "private-key", 37: "public-key", 38: "fingerprint", 39: "passphrase",
    40: "token", 41: "network", 42: "security", 43: "iban", 44: "bic", 45: "bank", 46: "product", 47: "licence-key",
    48: "created", 49: "password-rules",
}


def field_id(field: bytes) -> str:
    if len(field) == 1:
        return STANDARD.get(field[0], f"#{field[0]}")
    return field.hex()


def shown_name(field: bytes, name: str) -> str:
    return field_id(field) if len(field) == 1 else name


def rfc3339(ms: int) -> str:
    ms = min(ms, 253_402_300_799_999)
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def hotp_start(seed: str) -> int | None:
    """The start value of a seed that is a whole HOTP URI; else None.

    CHOICE: an empty parameter counts as missing, spaces and hyphens in the secret do not matter, a code has 6 to 10 digits.
    """
    seed = seed.strip()
    if not seed.lower().startswith("otpauth://hotp/"):
        return None
    said: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(seed.partition("?")[2].partition("#")[0]):
        name, value = name.strip().lower(), value.strip()
        if value and name in SEED_PARAMETERS:
            if name in said:
                return None
            said[name] = value
    secret = "".join(c for c in said.get("secret", "") if c != "-" and not c.isspace()).rstrip("=").upper()
    counter, digits = said.get("counter", "0"), said.get("digits", "6")
    if not secret or any(c not in BASE32 for c in secret) or not all(n.isascii() and n.isdigit() for n in (counter, digits)):
        return None
    return int(counter) if int(counter) < (1 << 64) - 1 and 6 <= int(digits) <= 10 else None


def opened(item: bytes, placed) -> str:
    """The value of a SET or FORMER; there is no export without it."""
    if placed.meaning.text is None:
        raise Refused(f"the value of {field_id(placed.op.field)} in item {item.hex()} does not open")
    return placed.meaning.text


def export_item(state: State, item: bytes, counts: dict, by_item: dict) -> dict:
    fields, history, tags, urls = [], [], set(), []
    for field in by_item[item]:
        heads = state.heads(item, field)
        head_dots = {p.dot for p in heads}
        sets = [p for p in heads if p.readable(SET)]
        if sets and field:
            shown = sets[-1]
            value = shown.meaning
            shown_text = opened(item, shown)
            others = [p for p in sets[-2::-1] if opened(item, p) != shown_text]
            counter = hotp_start(shown_text) if value.kind == 4 else None
            if counter is not None:
                counter = max(counter, counts.get((item, value.origin or shown.dot), 0))
            fields.append(((0, field[0]) if len(field) == 1 else (1, value.name.encode(), field), {
                "id": field_id(field), "name": shown_name(field, value.name), "kind": FIELD_KINDS[value.kind],
                "secret": value.kind in SECRET_KINDS, "value": value.text, "changed": rfc3339(shown.changed),
                "counter": counter,
                "conflicts": [{"value": p.meaning.text, "changed": rfc3339(p.changed)} for p in others]}))
        tags.update(p.meaning for p in heads if p.readable(TAG))
        addresses = [p for p in heads if p.readable(URL)]
        for p in addresses:
            urls.append(((p.meaning[0], p.order), {"id": field.hex(), "value": p.meaning[1]}))
        for p in state.registers[(item, field)]:
            if p.dot in head_dots:
                continue
            if p.readable(SET) or p.readable(FORMER):
                v = p.meaning
                name, kind, text = shown_name(field, v.name), FIELD_KINDS[v.kind], opened(item, p)
                device = v.device if v.device is not None else state.device_name(p.record.device)
            elif p.readable(URL):
                name, kind, text, device = "", "url", p.meaning[1], state.device_name(p.record.device)
            else:
                continue
            history.append(((p.changed, p.order), {"id": field_id(field), "name": name, "kind": kind, "value": text,
                                                   "changed": rfc3339(p.changed), "device": device}))
    fields.sort(key=lambda f: f[0])
    standard = {f["id"]: f["value"] for _, f in fields}
    folder, title = (standard.get(name, "") for name in ("folder", "title"))
    title = title.replace("\\", "\\\\").replace("/", "\\/")
    # CHOICE: a folder that is an empty text is no folder; the slash stays where the title is missing.
    path = f"{folder}/{title}" if folder else title
    life = state.life_heads(item)
    return {
        "id": item.hex(), "path": path, "trashed": bool(life) and not any(p.meaning for p in life),
        "tags": sorted(tags, key=str.encode), "urls": [u for _, u in sorted(urls, key=lambda u: u[0])],
        "fields": [f for _, f in fields],
        "history": [h for _, h in sorted(history, key=lambda h: h[0], reverse=True)],
    }


def export(state: State) -> dict:
    counts: dict[tuple, int] = {}  # by item and seed
    for p in state.ops:
        if p.readable(COUNTER):
            dot, count = p.meaning
            counts[p.item, dot] = max(count, counts.get((p.item, dot), 0))
    by_item: dict[bytes, list[bytes]] = {}
    for item, field in state.registers:
        by_item.setdefault(item, []).append(field)
    return {"schema": 1, "format": "keyfold-export",
            "items": [export_item(state, item, counts, by_item) for item in state.items()]}


def to_json(value) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# Opening


@dataclass
class Vault:
    preamble: Preamble
    keys: Keys
    opened_by: Slot
    scan: Scan
    state: State
    former: dict[bytes, Keys]


def load(data, pre: Preamble, keys: Keys, slot: Slot) -> Vault:
    found = scan(data, pre.context, keys)
    state = State(list(found.records.values()), keys, pre.vault_id)
    former = state.former_keys(pre.vault_id)
    former.pop(keys.key_id, None)
    return Vault(pre, keys, slot, found, state, former)


def open_vault(data, ways: Ways) -> Vault:
    if len(data) > MAX_FILE:
        raise Refused("file is longer than 16 GiB")
    pre = parse_preamble(data[:BLOCK])
    if ways.key_file is not None and not 1 <= len(ways.key_file) <= MAX_KEY_FILE:
        raise Refused("a key file has 1 byte to 16 MiB")
    # 5.10: one secret may open slots of the current and of a former key in one file. One slot of each key id is opened.
    opened: dict[bytes, tuple[Keys, Slot]] = {}
    tried: set[bytes] = set()
    slots = find_slots(data)
    if not slots:
        raise Refused("there is no slot that may be tried")
    for slot in slots:
        if slot.header.key_id not in opened:
            tried.add(slot.header.raw + slot.body)
            keys = try_slot(slot, pre, ways)
            if keys is not None:
                opened[keys.key_id] = keys, slot
    if not opened:
        raise Refused("no slot opens with this")
    vaults = {key_id: load(data, pre, *found) for key_id, found in opened.items()}
    # 5.10. CHOICE: refused too if two name each other.
    current = [v for key_id, v in vaults.items() if set(vaults) - {key_id} <= set(v.former)]
    if len(current) != 1:
        raise Refused("the file holds slots of several keys, and it cannot be told which is the current one")
    (vault,) = current
    live = vault.state.live_slots({s.slot_id for s in vault.scan.slots}, carried_slots(vault))
    if vault.opened_by.slot_id in live:
        return vault
    # Retired. The same secret may open a live slot too.
    for slot in slots:
        if slot.slot_id in live and slot.header.raw + slot.body not in tried:
            keys = try_slot(slot, pre, ways)
            if keys is not None and keys.key_id == vault.keys.key_id:
                vault.opened_by = slot
                return vault
    raise Refused("this way in has been retired")


def carried_slots(vault: Vault) -> set[bytes]:
    """5.9: ids of the slots whose frames RETIRE operations carry, with a right MAC."""
    found = set()
    for placed in vault.state.ops:
        frame = placed.meaning if placed.readable(RETIRE) else b""
        if len(frame) != BLOCK:
            continue
        try:
            header = parse_header(frame[:64])
            slot = parse_slot(0, header, frame[64:])
        except Malformed:
            continue
        if header.key_id == vault.keys.key_id and slot_mac_is_right(slot, vault.preamble.context, vault.keys):
            found.add(slot.slot_id)
    return found


def try_slot(slot: Slot, pre: Preamble, ways: Ways) -> Keys | None:
    secret = ways.secret_for(slot)
    return open_slot(slot, pre, secret) if secret is not None else None


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def check_report(vault: Vault) -> dict:
    # An extended body of a known tag is carried too, but only unknown tags are counted.
    unknown = sum(p.op.tag not in TAG_NAMES for p in vault.state.ops)
    return {"frames": vault.scan.frames, "records": len(vault.state.records), "unknown": unknown,
            "forged_slots": len(vault.scan.forged),
            "damage": [vars(d) for d in vault.scan.damage.found]}


def slots_report(vault: Vault) -> list:
    live = vault.state.live_slots({s.slot_id for s in vault.scan.slots}, carried_slots(vault))
    labels = {p.op.field: p.meaning[1] for p in vault.state.ops if p.readable(SLOT_OP)}
    return [{"id": s.slot_id.hex(), "kind": SLOT_KINDS[s.kind], "label": labels.get(s.slot_id, ""), "offset": s.offset,
             "memory": s.m, "passes": s.t, "lanes": s.p, "live": s.slot_id in live,
             "opened": s.slot_id == vault.opened_by.slot_id} for s in vault.scan.slots]


def records_report(vault: Vault) -> list:
    """For debugging. Sealed values are shown by their length only."""
    placed = {p.dot: p for p in vault.state.ops}
    return [{
        "id": r.id.hex(), "device": r.device.hex(), "seq": r.seq, "previous": r.previous.hex(),
        "seen": [s.hex() for s in r.seen], "clock": r.clock, "time": rfc3339(r.clock >> 16),
        "operations": [{
            "tag": TAG_NAMES.get(op.tag, op.tag), "item": r.items[op.item - 1].hex() if op.item else None,
            "field": field_id(op.field), "replaces": [f"{d.hex()}/{i}" for d, i in op.replaces], "body": op.body.hex(),
            "sealed": [len(s) for s in op.sealed], "chunks": [c.hex() for c in op.chunks],
            "erased": placed[(r.id, i)].erased, "unread": placed[(r.id, i)].unread,
        } for i, op in enumerate(r.ops)],
    } for r in vault.state.records]


def first_line(path: str) -> str:
    with open(path, "rb") as file:
        line = file.read(1 << 20).split(b"\n", 1)[0]
    return line.removesuffix(b"\r").decode("utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Reads a keyfold vault; never writes.")
    parser.add_argument("vault")
    parser.add_argument("--password-file")
    parser.add_argument("--key-file")
    parser.add_argument("--recovery-key-file")
    parser.add_argument("command", nargs="?", default="export", choices=["export", "check", "slots", "records"])
    args = parser.parse_intermixed_args(argv)
    try:
        ways = Ways()
        if args.recovery_key_file:
            ways.recovery = first_line(args.recovery_key_file)
            parse_recovery_key(ways.recovery)
        if args.password_file:
            ways.password = first_line(args.password_file)
        elif not args.recovery_key_file:
            ways.password = getpass.getpass("Password: ")
        if args.key_file:
            with open(args.key_file, "rb") as file:
                ways.key_file = file.read(MAX_KEY_FILE + 1)
        with open(args.vault, "rb") as file:
            if file.seek(0, 2) < BLOCK:
                raise Refused("not a keyfold vault")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        vault = open_vault(data, ways)
    except (Refused, OSError, UnicodeDecodeError) as why:
        print(f"keyfold_reader: {why}", file=sys.stderr)
        return 1
    for line in vault.state.reports:
        print(f"keyfold_reader: {line}", file=sys.stderr)
    report = {"export": lambda v: export(v.state), "check": check_report, "slots": slots_report, "records": records_report}
    try:
        found = report[args.command](vault)
    except Refused as why:
        print(f"keyfold_reader: {why}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(to_json(found).encode())
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
