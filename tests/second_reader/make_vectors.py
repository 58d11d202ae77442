#!/usr/bin/env python3
"""Makes the test vectors of vault-format.md, section 9, from the Python code alone. ../vectors/README.md describes the files.

    python make_vectors.py            prints them all
    python make_vectors.py write      writes them to ../vectors
    python make_vectors.py check      fails where ../vectors or the page has something else
    python make_vectors.py page       prints the frame that section 9 shows
"""

from __future__ import annotations

import dataclasses
import os
import struct
import sys

from tiny_writer import F, Maker, Writer, erase, header, ident, k, life, op, preamble, secret, slot_op, tag, tag_field, text, url

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors")
VAULT_ID = b"\xa5" * 16
DATA_KEY = bytes(range(32))  # as in section 9 of the page
NEW_KEY = bytes(range(32, 64))
PASSWORD = "correct horse battery staple"
SYMBOLS = "KEYFOLDTESTVECTORRECOVERYA"
KEY_FILE = b"any file will do\n"
TIME = 1_700_000_000_123
LINE = 64


def writer(data_key=DATA_KEY) -> Writer:
    return Writer(data_key, VAULT_ID, PASSWORD, KEY_FILE, SYMBOLS)


def recovery_text() -> str:
    whole = SYMBOLS + k.recovery_checksum(SYMBOLS)
    return "-".join(whole[i:i + 5] for i in range(0, 30, 5))


# --- the text form ----------------------------------------------------------------------------------------------------


def dump(data: bytes) -> str:
    """Lines of 64 bytes; two or more whole lines of zeros become one line `zeros N`."""
    lines, zeros = [], 0
    for at in [*range(0, len(data), LINE), None]:
        part = data[at:at + LINE] if at is not None else b""
        if part == bytes(LINE):
            zeros += 1
            continue
        if zeros:
            lines += [f"zeros {zeros * LINE}"] if zeros > 1 else [bytes(LINE).hex()]
            zeros = 0
        if part:
            lines.append(part.hex())
    return "\n".join(lines) + "\n"


def undump(lines: list[str]) -> bytes:
    return b"".join(bytes(int(line[6:])) if line.startswith("zeros ") else bytes.fromhex(line) for line in lines)


class Vector:
    def __init__(self, name: str, comment: str, data: bytes, expect: str = "ok", *, password: str | None = None,
                 recovery: str | None = None, key_file: bytes | None = None, damage=(), unknown=0, forged=0, export: str | None = None,
                 refused: str | None = None):
        self.name, self.comment, self.data, self.expect = name, comment, data, expect
        self.password, self.recovery, self.key_file = password, recovery, key_file
        self.damage, self.unknown, self.forged = list(damage), unknown, forged
        self.export = export or name
        self.refused = refused  # item and field that make an export impossible
        if password is None and recovery is None:
            self.recovery = recovery_text()

    def ways(self) -> list:
        out = []
        if self.password is not None:
            out.append(k.Ways(password=self.password, key_file=self.key_file))
        if self.recovery is not None:
            out.append(k.Ways(recovery=self.recovery))
        return out

    def read(self) -> tuple[str, str | None, int]:
        """What the second reader makes of it with every way given: expectation, export, number of records."""
        found = set()
        for ways in self.ways():
            try:
                vault = k.open_vault(self.data, ways)
            except k.Refused as why:
                found.add((EXPECTATIONS[str(why).split(":")[0]], None, 0))
                continue
            damage = [(d.offset, d.length) for d in vault.scan.damage.found]
            assert damage == self.damage, (self.name, damage)
            report = k.check_report(vault)
            assert (report["unknown"], report["forged_slots"]) == (self.unknown, self.forged), (self.name, report)
            found.add(("ok", self.exported(vault.state), len(vault.state.records)))
        (one,) = found
        assert one[0] == self.expect, (self.name, one)
        return one

    def exported(self, state) -> str | None:
        try:
            export = k.to_json(k.export(state))
        except k.Refused as why:
            item, field = self.refused.split()
            assert str(why) == f"the value of {field} in item {item} does not open", (self.name, why)
            return None
        assert self.refused is None, self.name
        return export

    def file(self) -> str:
        _, export, records = self.read()
        head = [f"expect: {self.expect}", f"comment: {self.comment}"]
        if self.password is not None:
            head.append(f"password: {self.password}")
        if self.key_file is not None:
            head.append(f"key-file: {self.key_file.hex()}")
        if self.recovery is not None:
            head.append(f"recovery-key: {self.recovery}")
        if self.expect == "ok":
            head.append(f"records: {records}")
            head += [f"damage: {offset} {length}" for offset, length in self.damage]
            head += [f"unknown: {self.unknown}"] if self.unknown else []
            head += [f"forged-slots: {self.forged}"] if self.forged else []
            head.append(f"export-refused: {self.refused}" if self.refused else f"export: {self.export}.json")
        return "\n".join(head) + "\n\n" + dump(self.data)


EXPECTATIONS = {
    "not a keyfold vault": "not-a-vault",
    "made by a newer program": "newer",
    "the preamble's zeros are not zero": "not-a-vault",
    "no slot opens with this": "wrong-secret",
    "there is no slot that may be tried": "no-usable-slot",
    "this way in has been retired": "retired",
    "the file holds slots of several keys, and it cannot be told which is the current one": "several-keys",
}


# --- the scenarios ----------------------------------------------------------------------------------------------------


def scenarios() -> list[Vector]:
    w = writer()
    m = Maker(w)
    start = preamble(VAULT_ID)
    by_recovery, by_password = w.slot(3, "paper"), w.slot(1, "password")
    device = ident("device laptop")
    first = m.record("first", TIME, op(k.DEVICE, k.enc_text("laptop"), device, item=0), slot_op("paper", 3),
                     slot_op("password", 1), items=())
    login = m.record("login", TIME + 1000, life(1), text(F["kind"], "login"), text(F["title"], "Mail"),
                     text(F["username"], "me@example.com"), secret(w, F["password"], "hunter2"),
                     url("mail", 0, "https://mail.example.com/"), tag("work"))
    whole = start + by_recovery + by_password + w.record(first) + w.record(login)
    end = len(whole)
    out = [Vector("one-login", "a whole vault: two ways in, a first record, a login", whole, password=PASSWORD, recovery=recovery_text())]

    def add(name, comment, data, *args, **more):
        if more.pop("same", False):
            more["export"] = "one-login"
        out.append(Vector(name, comment, data, *args, **more))

    # Ways in.
    add("wrong-password", "the same file, a password with one letter less", whole, "wrong-secret", password=PASSWORD[:-1])
    add("wrong-recovery-key", "another recovery key with a right checksum", whole, "wrong-secret",
        recovery="A" * 26 + k.recovery_checksum("A" * 26))
    decomposed = Writer(DATA_KEY, VAULT_ID, "caf\u00e9", KEY_FILE, SYMBOLS)
    add("password-is-normalised", "the slot was made with U+00E9, what is typed is e and U+0301",
        start + decomposed.slot(1, "accent") + w.record(first) + w.record(login), password="cafe\u0301", same=True)
    by_both = w.slot(2, "both")
    body = start + by_both + w.record(first) + w.record(login)
    add("password-and-key-file", "a slot of kind 2", body, password=PASSWORD, key_file=KEY_FILE, same=True)
    add("wrong-key-file", "a slot of kind 2, and one byte of the key file is another", body, "wrong-secret", password=PASSWORD,
        key_file=KEY_FILE[:-1] + b"\r")
    for name, comment, cost in [("cost-over-the-limit", "one password slot with 17 passes", (19_456, 17, 1)),
                                ("cost-product-over-the-limit", "one password slot with 2 GiB and 5 passes", (2_097_152, 5, 1)),
                                ("cost-under-the-limit", "one password slot with one pass", (19_456, 1, 1))]:
        slot = w.slot(1, "costly", b"x" * 32, *cost)
        add(name, comment + "; Argon2 must not run", start + slot + w.record(first), "no-usable-slot", password=PASSWORD)
    bent = bytearray(w.slot(3, "other"))
    bent[64 + 150] ^= 1
    add("slot-without-a-right-mac", "a slot whose MAC has a flipped bit, between true ones",
        start + by_recovery + bytes(bent) + by_password + w.record(first) + w.record(login), forged=1, same=True,
        password=PASSWORD, recovery=recovery_text())
    bent = bytearray(by_recovery)
    bent[1023] = 1
    add("slot-with-padding", "the only slot's last byte is not zero", start + bytes(bent) + w.record(first), "no-usable-slot")
    bent = w.slot(3, "other")[:-1] + b"\1"
    add("refused-slot-and-one-of-another-key", "a slot whose last byte is not zero and one that wraps another key, between true ones: forged, no damage",
        start + by_recovery + bent + writer(b"?" * 32).slot(3, "elsewhere", b"Z" * 26) + by_password + w.record(first) + w.record(login), forged=2,
        same=True)
    retire = m.record("retire", TIME + 2000, op(k.RETIRE, b"\0", ident("slot paper"), item=0))
    add("retired", "the recovery key was retired, its slot came back", whole + w.record(retire), "retired")
    m.seq, m.last = 2, login.id
    both = m.record("retire both", TIME + 2000, op(k.RETIRE, b"\0", ident("slot paper"), item=0))
    other = Maker(w, "phone").record("retire other", TIME + 3000, op(k.RETIRE, b"\0", ident("slot password"), item=0), items=())
    add("all-retired-the-last-is-live", "both ways in were retired apart; the password was the last",
        whole + w.record(both) + w.record(other), password=PASSWORD, same=True)
    add("all-retired-the-first-is-not", "the same file, the way in that was retired first",
        whole + w.record(both) + w.record(other), "retired")
    m.seq, m.last = 2, login.id
    both = m.record("retire carried", TIME + 2000, op(k.RETIRE, k.enc_bytes(by_recovery), ident("slot paper"), item=0))
    add("all-retired-the-last-carried-is-live", "both ways in were retired apart; only the paper's own frame lies in what retired it",
        whole + w.record(both) + w.record(other), recovery=recovery_text(), same=True)

    # The preamble.
    add("future-version", "format version 2", preamble(VAULT_ID, version=2) + whole[1024:], "newer")
    add("future-suite", "suite 2", preamble(VAULT_ID, suite=2) + whole[1024:], "newer")
    add("another-magic", "the last byte of the magic is CR", whole[:11] + b"\r" + whole[12:], "not-a-vault")
    add("preamble-with-padding", "the preamble's last byte is not zero", whole[:1023] + b"\x01" + whole[1024:], "not-a-vault")
    add("another-vault-id", "the vault id has a flipped bit: nothing opens", whole[:16] + b"\xa4" + whole[17:], "wrong-secret")

    # Frames.
    m.seq, m.last = 2, login.id
    extra = m.record("extra", TIME + 4000, life(1), text(F["title"], "Extra"), items=("extra",))
    lost = m.record("lost", TIME + 4000, life(1), text(F["title"], "Lost"), text(F["notes"], "long " * 500, kind=7), items=("lost",), seq=3)
    small, large = w.record(extra), w.record(lost)
    add("torn-tail", "the last frame ends after 700 bytes", whole + small[:700], damage=[(end, 700)], same=True)
    add("torn-frame-in-the-middle", "two blocks of a frame of four, then a whole frame", whole[:-1024] + large[:2048] + w.record(login),
        damage=[(end - 1024, 2048)], same=True)
    flipped = bytearray(small)
    flipped[500] ^= 0x10
    add("flipped-bit-in-a-body", "one bit of one frame", whole[:-1024] + bytes(flipped) + w.record(login), damage=[(end - 1024, 1024)], same=True)
    flipped = bytearray(small)
    flipped[20] ^= 0x10
    add("flipped-bit-in-a-header", "one bit of one frame's key id; the checksum tells", whole + bytes(flipped), damage=[(end, 1024)], same=True)
    flipped = bytearray(large)
    flipped[-1] ^= 1
    add("closing-nonce", "the nonce at the end of a long frame has a flipped bit", whole + bytes(flipped), damage=[(end, len(large))], same=True)
    add("repeated-frames", "each record twice", whole + w.record(login) + w.record(first), same=True)
    add("non-zero-padding", "an authentic frame whose last padding byte is 1",
        whole + w.frame(k.RECORD, extra.encode(), padding=bytes(1024 - 64 - 16 - 4 - len(extra.encode()) - 16 - 1 + 15) + b"\x01"),
        damage=[(end, 1024)], same=True)
    add("length-not-padme", "an authentic frame of two blocks for content of one",
        whole + w.frame(k.RECORD, extra.encode(), length=2048), damage=[(end, 2048)], same=True)
    add("length-beyond-content", "an authentic frame whose content length is beyond its end",
        whole + with_length(w, extra.encode(), 941), damage=[(end, 1024)], same=True)
    add("unknown-frame-kind", "frame kind 9 with a right checksum, four blocks long by its header, then a true frame",
        whole[:-1024] + header(9, 4096, w.keys.key_id, bytes(24)).ljust(1024, b"\0") + w.record(login), damage=[(end - 1024, 1024)], same=True)
    add("frame-of-another-key", "a frame under a key that nobody holds", whole + writer(b"?" * 32).record(extra), damage=[(end, 1024)], same=True)
    add("damage-side-by-side", "zeros, a torn frame, a frame under a lost key, two that break a rule, zeros: what is joined and what is not",
        whole + bytes(1024) + large[:2048] + writer(b"?" * 32).record(lost) + w.frame(k.PACK, b"") * 2 + bytes(2048) + w.record(login),
        damage=[(end, 1024), (end + 1024, 2048), (end + 3072, len(large)), (end + 3072 + len(large), 2048), (end + 5120 + len(large), 2048)],
        same=True)
    nonce = b"forged chunk's own nonce"
    lid = header(k.CHUNK, 4096, w.keys.key_id, nonce).ljust(1024, b"\0")
    add("forged-chunk-over-a-record", "a chunk that does not authenticate lies over a true frame",
        whole[:-1024] + lid + w.record(login) + bytes(2024) + nonce, damage=[(end - 1024, 1024), (end + 1024, 2048)], same=True)
    add("chunk-of-nothing", "a chunk that holds a time alone", whole + w.frame(k.CHUNK, bytes(8)), damage=[(end, 1024)], same=True)
    add("pack", "both records in one pack", start + by_recovery + by_password + w.pack(first, login), same=True)
    raw = extra.encode()
    add("pack-with-a-rest", "a pack whose last part is shorter than a length",
        whole + w.frame(k.PACK, struct.pack("<I", len(raw)) + raw + b"\0\0"), damage=[(end, 1024)], same=True)
    add("pack-of-nothing", "a pack without a record", whole + w.frame(k.PACK, b""), damage=[(end, 1024)], same=True)

    # Records.
    def broken(name, comment, content):
        add(name, comment, whole + w.frame(k.RECORD, content), damage=[(end, 1024)], same=True)

    at = 17 + 17  # id and device
    assert raw[at] == 3
    broken("non-minimal-integer", "seq 3 as fb 03 00", raw[:at] + b"\xfb\x03\x00" + raw[at + 1:])
    broken("integer-of-128-bits", "seq 3 with the marker fe", raw[:at] + b"\xfe" + b"\x03".ljust(16, b"\0") + raw[at + 1:])
    broken("seq-zero", "seq is 0", raw[:at] + b"\0" + raw[at + 1:])
    broken("bytes-after-the-record", "one zero byte follows the last part", raw + b"\0")
    broken("text-not-utf-8", "the record breaks no rule of 4.2: its title is not UTF-8, so the operation is carried, not the record lost",
           raw.replace(b"Extra", b"Extr\xff"))
    out[-1].damage, out[-1].export = [], out[-1].name

    def changed(**change):
        record = k.parse_record(raw)
        for name, value in change.items():
            setattr(record, name, value)
        return record.encode()

    longer = k.parse_record(raw)
    longer.ops[1].body += b"more"
    broken("extended-body", "a later version has added to the body of SET: carried, its first part is not read", longer.encode())
    out[-1].damage, out[-1].export = [], out[-1].name
    broken("item-id-of-zeros", "the item's id is all zeros", changed(items=[bytes(16)]))
    broken("no-operations", "a record without operations", changed(ops=[]))
    broken("item-number-out-of-range", "operations on item 1, and the record names none", changed(items=[]))
    broken("previous-of-15-bytes", "previous has 15 bytes", changed(previous=bytes(15)))
    broken("five-seen", "five records in seen", changed(seen=[ident(str(i)) for i in range(5)]))
    broken("own-dot-replaced", "an operation replaces a dot of its own record", changed(ops=[k.Op(k.LIFE, 1, b"", [(extra.id, 0)], b"\1", [], [])]))
    broken("field-of-two-bytes", "a field of two bytes", changed(ops=[k.Op(k.SET, 1, b"ab", [], b"", [], [])]))
    broken("seventeen-sealed-values", "an operation with 17 sealed values", changed(ops=[k.Op(77, 1, b"", [], b"", [b""] * 17, [])]))
    broken("chunk-name-of-55-bytes", "a chunk name of 55 bytes", changed(ops=[k.Op(77, 1, b"", [], b"", [], [bytes(55)])]))
    broken("tag-of-65536", "an operation's tag is 65,536", changed(ops=[k.Op(65_536, 1, b"", [], b"", [], [])]))
    unknown = m.record("unknown", TIME + 4000, op(77, b"what a newer version says", F["title"], sealed=[bytes(40)]), seq=3)
    unknown.previous = login.id
    add("unknown-operation", "tag 77 on the title: carried, no head, replaces nothing", whole + w.record(unknown), unknown=1, same=True)
    twin = k.parse_record(login.encode())
    twin.ops[2].body = twin.ops[2].body.replace(b"Mail", b"Male")
    add("the-same-id-twice", "two records with one id; the one with the smaller bytes counts (Mail, not Male)", whole + w.record(twin), same=True)

    out += meanings(w, whole, login)
    out += odd_operations(w, whole, login)
    out += two_keys(whole, first, login)
    return out


def with_length(w: Writer, content: bytes, claimed: int) -> bytes:
    """A frame of one block whose content length says `claimed`."""
    plain = (struct.pack("<I", claimed) + content).ljust(944, b"\0")
    nonce = k.mac(w.keys.nonce, bytes([k.RECORD]) + plain)[:24]
    head = header(k.RECORD, 1024, w.keys.key_id, nonce)
    return head + k.xchacha_seal(w.keys.record, nonce, w.context + head, plain)


def meanings(w: Writer, whole: bytes, login) -> list[Vector]:
    laptop, phone = Maker(w), Maker(w, "phone")
    laptop.seq, laptop.last = 2, login.id
    title, password, address = ("login", 2), ("login", 4), ("login", 5)
    mine = laptop.record("mine", TIME + 5000, life(1, replaces=[("login", 0)]), text(F["title"], "Mail A", replaces=[title]),
                         secret(w, F["password"], "a", replaces=[password]), url("mail", 1, "https://a.example/", replaces=[address]))
    yours = phone.record("yours", TIME + 6000, life(1, replaces=[("login", 0)]), text(F["title"], "Mail B", replaces=[title]),
                         secret(w, F["password"], "b", replaces=[password]), url("mail", 0, "https://b.example/", replaces=[address]),
                         op(k.REMOVE, field=tag_field("work"), replaces=[("login", 6)]),
                         op(k.DEVICE, k.enc_text("phone"), ident("device phone"), item=0))
    apart = whole + w.record(yours) + w.record(mine)
    out = [Vector("changed-apart", "two devices changed title, password and address without a look at each other", apart)]
    out.append(retired_device(w, whole, login))
    laptop.seq, laptop.last = 2, login.id
    trash = laptop.record("trash", TIME + 5000, life(0, replaces=[("login", 0)]))
    out.append(Vector("trashed", "LIFE deleted is the only head", whole + w.record(trash)))
    out.append(Vector("came-back", "one device deleted the item while another went on with it", whole + w.record(trash) + w.record(yours)))
    laptop.seq, laptop.last = 2, login.id
    new = laptop.record("new", TIME + 5000, secret(w, F["password"], "new", replaces=[password]))
    wipe = laptop.record("wipe", TIME + 6000, erase(password))
    out.append(Vector("erased-former-value", "the password was changed, the former one erased; its content is still in the file",
                      whole + w.record(new) + w.record(wipe)))
    laptop.seq, laptop.last = 3, new.id
    wipe = laptop.record("wipe", TIME + 6000, *[erase(("login", i)) for i in range(1, 7)], erase(("new", 0)))
    out.append(Vector("erased-item", "all value operations of the item are erased", whole + w.record(new) + w.record(wipe)))
    laptop.seq, laptop.last = 2, login.id
    bank, custom = ident("item bank"), ident("custom field")
    seed = "otpauth://hotp/Bank:me?secret=GEZDGNBVGY3TQOJQ&issuer=Bank&counter=5"
    rich = laptop.record(
        "rich", TIME + 5000, life(1), text(F["title"], 'B/ank\\ "\u00e9"\t\x01'), text(F["folder"], "money/at home"),
        secret(w, F["otp"], seed, kind=4), text(custom, "line\nline", name="hint", kind=7, at=TIME - 1),
        secret(w, F["password"], "older", tag=k.FORMER, device="old machine", at=TIME - 5000), text(b"\xc8", "of a later page"),
        items=("bank",))
    count = laptop.record("count", TIME + 6000, op(k.COUNTER, k.enc_dot((rich.id, 3)) + k.enc_number(9), F["otp"]), items=("bank",))
    low = laptop.record("low", TIME + 7000, op(k.COUNTER, k.enc_dot((rich.id, 3)) + k.enc_number(7), F["otp"]), items=("bank",))
    assert rich.items == [bank]
    out.append(Vector("counter-custom-former", "an HOTP seed counted to 9, a custom field, a former value of an import, a field number of a later page",
                      whole + w.record(rich) + w.pack(count, low)))
    return out


def retired_device(w: Writer, whole: bytes, login) -> Vector:
    laptop, phone = Maker(w), Maker(w, "phone")
    laptop.seq, laptop.last = 2, login.id
    names = (ident("device laptop"), ident("device phone"))

    def name(device, what, *replaces):
        return op(k.DEVICE, k.enc_text(what), device, item=0, replaces=replaces)

    far = phone.record("far", TIME + (1 << 38), secret(w, F["password"], "far", replaces=[("login", 4)]), name(names[1], "clock of 2032"))
    near = laptop.record("near", TIME + 5000, secret(w, F["password"], "near", replaces=[("far", 0)]), name(names[0], "old laptop", ("first", 0)),
                         name(names[1], "phone", ("far", 1)))
    gone = phone.record("gone", TIME + 6000, name(names[0], "", ("near", 1)), items=(), seq=4)
    return Vector("retired-device", "a device is renamed, then retired with its last name; another's name of 2032 is replaced by one of an earlier clock",
                  whole + w.record(far) + w.record(near) + w.record(gone))


def odd_operations(w: Writer, whole: bytes, login) -> list[Vector]:
    """Records that break no rule of 4.2 and yet hold something strange; each is the third record of the laptop."""
    out = []

    def odd(name, comment, *ops, unknown=0, items=("login",), clock=TIME + 5000, **more):
        m = Maker(w)
        m.seq, m.last = 2, login.id
        record = m.record("odd", 0, *ops, items=items)
        record.clock = clock << 16 if clock < 1 << 48 else clock
        out.append(Vector(name, comment, whole + w.record(record), unknown=unknown, **more))

    title, password = ("login", 2), ("login", 4)
    far = 1 << 33

    def bent(make, **change):
        return lambda rid, i, items: dataclasses.replace(make(rid, i, items), **change)

    def with_sealed(make, body=None):
        def more(rid, i, items):
            made = make(rid, i, items)
            return dataclasses.replace(made, body=body or made.body, sealed=[*made.sealed, bytes(60)])

        return more

    def not_utf_8(rid, i, items):
        return k.Op(k.SET, 1, F["pin"], [], b"\2\0\0\0\0", [w.seal(rid, i, items[0], F["pin"], b"\xff\xfe")], [])

    def replacing_far(rid, i, items):
        return k.Op(k.SET, 1, F["title"], [(ident("record login"), far), (ident("record login"), 2)],
                    b"\1\0" + k.enc_text("Far") + b"\0\0", [], [])

    odd("dot-beyond-32-bits", "SET replaces operation 2^33 of a record, and its title: the record is refused", replacing_far,
        damage=[(len(whole), 1024)], export="one-login")
    odd("rank-beyond-32-bits", "an address of rank 2^33: carried", url("far", far, "https://far.example/"))
    odd("erased-index-beyond-32-bits", "ERASE of the title and of operation 2^33: carried, nothing is erased", erase(title, ("login", far)),
        export="one-login")
    odd("erase-on-an-item", "ERASE of the title that stands on the item", bent(erase(title), item=1), export="erased-title")
    odd("erase-on-a-field", "ERASE of the title that stands on a field: carried", bent(erase(title), field=F["title"]), export="one-login")
    odd("erases-counter", "ERASE of COUNTER: it cannot be erased", secret(w, F["otp"], "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ", kind=4),
        op(k.COUNTER, k.enc_dot((ident("record odd"), 0)) + b"\x07", F["otp"]), erase(("odd", 1)))
    odd("counter-alone", "an item of which only a COUNTER has arrived is not shown", op(k.COUNTER, k.enc_dot(password_dot()) + b"\x07", F["otp"]),
        items=("bare",), export="one-login")
    odd("counter-on-another-item", "COUNTER on another item does not count", secret(w, F["otp"], "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ", kind=4),
        op(k.COUNTER, k.enc_dot((ident("record odd"), 0)) + b"\x07", F["otp"], item=2), items=("login", "bare"))
    odd("origins-two", "SET of the user name with two origins: carried, the old one is replaced",
        text(F["username"], "two", replaces=[("login", 3)], origin=[("login", 3), ("login", 2)]))
    odd("life-two", "LIFE 2 replaces the LIFE: neither alive nor deleted", life(2, replaces=[("login", 0)]), export="one-login")
    odd("life-two-beside-deleted", "LIFE 2 beside LIFE deleted: in the trash", life(2), life(0, replaces=[("login", 0)]))
    odd("tag-of-another-field", "a TAG whose field is that of another text: carried", op(k.TAG, k.enc_text("home"), tag_field("other")),
        export="one-login")
    odd("url-on-a-standard-field", "a URL on the field of the user name: carried", op(k.URL, b"\0" + k.enc_text("https://x.example/"), F["username"]),
        export="one-login")
    odd("set-without-a-field", "a SET on the item with an empty field: carried", text(b"", "nowhere"), export="one-login")
    odd("sealed-on-a-plain-kind", "a SET of a plain kind with a sealed value: the text counts", with_sealed(text(F["username"], "plain", replaces=[("login", 3)])))
    odd("two-sealed-values", "a SET of a secret kind with a second sealed value and a text: the first sealed value counts",
        with_sealed(secret(w, F["pin"], "1234"), b"\2\0" + k.enc_text("not this") + b"\0\0"))
    odd("heads-of-all-kinds", "TAG, URL twice and SET twice on the field of a tag: each is shown as what it is", tag("work"),
        bent(url("x", 1, "https://one.example/"), field=tag_field("work")), bent(url("x", 0, "https://zero.example/"), field=tag_field("work")), text(tag_field("work"), "older", name="n"),
        text(tag_field("work"), "newer", name="n"))
    odd("unread-head-beside-a-title", "a SET of the unknown field kind 9 beside the title: carried, the title shows", text(F["title"], "Nine", kind=9),
        export="one-login")
    odd("sealed-value-of-another-field", "the password's sealed value on the PIN's field: no export", bent(secret(w, F["password"], "p"), field=F["pin"]),
        refused=f"{ident('item login').hex()} pin")
    odd("former-value-that-does-not-open", "a FORMER whose sealed value is not one: no export", bent(
        secret(w, F["password"], "p", tag=k.FORMER, device="dev"), field=F["pin"]), refused=f"{ident('item login').hex()} pin")
    odd("sealed-value-not-utf-8", "a sealed value that opens and is not UTF-8: no export", not_utf_8, refused=f"{ident('item login').hex()} pin")
    odd("hotp-in-capitals", "scheme and type in capitals", secret(w, F["otp"], "OTPAUTH://HOTP/x?SECRET=gezdgnbvgy3tqojq&counter=6", kind=4))
    odd("hotp-counter-is-no-number", "the counter is a word", secret(w, F["otp"], "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&counter=six", kind=4))
    odd("hotp-secret-twice", "two secrets", secret(w, F["otp"], "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&secret=GEZDGNBVGY3TQOJR", kind=4))

    odd("newest-clock", "the clock is 2^64 - 1", text(F["username"], "later", replaces=[("login", 3)]), clock=(1 << 64) - 1)
    odd("at-beyond-9999", "`at` is 2^64 - 1", text(F["username"], "later", replaces=[("login", 3)], at=(1 << 64) - 1))
    odd("unknown-operation-replaces", "tag 77 replaces the title: no head is left", op(77, b"?", F["title"], replaces=[title]), unknown=1)
    odd("life-on-a-field", "LIFE deleted on the title, replacing it", op(k.LIFE, b"\0", F["title"], replaces=[title]))
    odd("field-kind-nine", "SET of the unknown field kind 9 replaces the title: carried", text(F["title"], "Nine", kind=9, replaces=[title]))
    odd("life-alone", "an item with a LIFE and nothing else", life(1), items=("bare",))
    odd("only-former", "an item with a LIFE and one former value", life(1),
        secret(w, F["password"], "before", tag=k.FORMER, device="dev", at=TIME), items=("bare",))
    odd("folder-without-title", "an item with a folder and no title", life(1), text(F["folder"], "attic"), items=("bare",))
    odd("empty-folder-and-title", "folder and title are empty texts", life(1), text(F["folder"], ""), text(F["title"], ""), items=("bare",))
    odd("removed-and-set-in-one", "REMOVE and SET of one record, apart: two heads", op(k.REMOVE, field=F["username"], replaces=[("login", 3)]),
        text(F["username"], "new"))
    odd("item-twice-in-a-record", "the record names one item twice", text(F["username"], "a", replaces=[("login", 3)]),
        text(F["email"], "b@example.com", item=2, kind=6), items=("login", "login"))
    odd("no-life", "an item without LIFE", text(F["title"], "No life"), items=("bare",))
    odd("replaces-across-fields", "SET of the user name replaces the title's dot: it does not", text(F["username"], "u", replaces=[title]))
    odd("retire-without-slot", "RETIRE of a slot that never was", op(k.RETIRE, b"\0", ident("slot nobody"), item=0))
    odd("set-on-the-field-of-a-tag", "SET on the tag's field: a head of its own", text(tag_field("work"), "x", name="n"))
    odd("hotp-without-secret", "an HOTP seed without a secret", secret(w, F["otp"], "otpauth://hotp/x?counter=3", kind=4))
    odd("hotp-without-counter", "an HOTP seed without a counter", secret(w, F["otp"], "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ", kind=4))
    odd("counter-on-another-field", "COUNTER on the password's field, for the HOTP seed of this record's neighbour", op(k.COUNTER, k.enc_dot(password_dot()) + b"\x07", F["password"]))
    odd("secret-with-text", "a SET of a secret kind with a text and no sealed value", text(F["pin"], "1234", kind=2))
    odd("former-of-former", "FORMER replaces the title: no head is left",
        op(k.FORMER, b"\1\0" + k.enc_text("old") + b"\5" + k.enc_text("dev"), F["title"], replaces=[title]))
    odd("body-on-remove", "REMOVE with a body", op(k.REMOVE, b"x", F["title"], replaces=[title]))
    odd("erases-what-is-not-there", "ERASE of an operation that has not arrived, and of one out of range", erase(("never", 3), ("login", 99)))
    odd("erases-life", "ERASE of LIFE and DEVICE: they cannot be erased", erase(("login", 0), ("first", 0)))
    odd("erased-title", "the title is erased: a fragment is left", erase(title))
    odd("erased-tag-and-address", "tag and address are erased", erase(("login", 5), ("login", 6)))
    return out


def password_dot():
    return ident("record login"), 4


def two_keys(whole: bytes, first, login) -> list[Vector]:
    old, new = writer(), writer(NEW_KEY)
    rid = ident("record rekeyed")

    def former(_rid, i, _items):
        sealed = new.seal(rid, i, k.ZERO_ID, old.keys.key_id, DATA_KEY)
        return k.Op(k.FORMER_KEY, 0, old.keys.key_id, [], b"\x01", [sealed], [])

    m = Maker(new)
    m.seq, m.last = 1, first.id
    again = k.parse_record(login.encode())
    again.ops[4] = secret(new, F["password"], "hunter2")(again.id, 4, again.items)
    m.seq, m.last = 2, login.id
    rekeyed = m.record("rekeyed", TIME + 9000, former, slot_op("new paper"), op(k.RETIRE, b"\0", ident("slot paper"), item=0),
                       op(k.RETIRE, b"\0", ident("slot password"), item=0), items=())
    ours = new.slot(3, "new paper") + new.pack(first, again, rekeyed)
    return [
        Vector("two-keys", "a rekeyed vault behind its own former self; the recovery key opens both, FORMER KEY tells which counts",
               whole + ours, damage=[(3072, len(whole) - 3072)], forged=2, export="one-login"),
        Vector("two-keys-unexplained", "the recovery key opens slots of two keys and no FORMER KEY operation names one",
               whole + new.slot(3, "new paper") + new.pack(first, again), "several-keys"),
    ]


# --- commands ---------------------------------------------------------------------------------------------------------


def files() -> dict[str, str]:
    out = {}
    exports = {}
    vectors = scenarios()
    for vector in vectors:
        assert vector.name + ".txt" not in out, vector.name
        out[vector.name + ".txt"] = vector.file()
        assert undump(out[vector.name + ".txt"].split("\n\n", 1)[1].splitlines()) == vector.data
        if vector.expect == "ok" and vector.refused is None:
            export = vector.read()[1]
            assert exports.setdefault(vector.export, export) == export, f"{vector.name} does not mean {vector.export}"
    out.update((name + ".json", export) for name, export in exports.items())
    return out


def page() -> str:
    """The last block of section 9: the frame of the first record of one-login."""
    whole = scenarios()[0].data
    frame = whole[3072:4096]
    keys = writer().keys
    plain = k.open_content(keys, whole[:32], k.parse_header(frame[:64]), frame[64:])
    (n,) = struct.unpack("<I", plain[:4])

    def lines(data: bytes) -> str:
        return "\n".join("    " + data[at:at + LINE].hex() for at in range(0, len(data), LINE)) + "\n"

    parts = [(0, 8, "sync marker"), (8, 9, "kind: record"), (9, 12, "zeros"), (12, 16, "B = 960"), (16, 32, "key id"), (32, 56, "nonce"),
             (56, 64, "checksum")]
    out = "".join(f"    {frame[a:b].hex():<50}{what}\n" for a, b, what in parts)
    out += f"\nIts body, 960 bytes:\n\n{lines(frame[64:])}\nWhat is sealed in it: {4 + n} bytes, then {len(plain) - 4 - n} zeros:\n\n{lines(plain[:4 + n])}"
    return out


def differences() -> list[str]:
    made, out = files(), []
    there = {name for name in os.listdir(FOLDER) if name.endswith((".txt", ".json"))}
    for name in sorted(there | set(made)):
        if name not in there or name not in made:
            out.append(f"{name}: {'not made' if name not in made else 'missing'}")
            continue
        with open(os.path.join(FOLDER, name), encoding="utf-8", newline="") as file:
            if file.read() != made[name]:
                out.append(f"{name}: another content")
    with open(os.path.join(FOLDER, "..", "..", "vault-format.md"), encoding="utf-8") as file:
        if page() not in file.read():
            out.append("vault-format.md: section 9 shows another frame")
    return out


def main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else "print"
    if command == "check":
        found = differences()
        print("\n".join(found) or "all the same")
        return 1 if found else 0
    if command == "page":
        print(page(), end="")
        return 0
    for name, content in files().items():
        if command == "write":
            os.makedirs(FOLDER, exist_ok=True)
            with open(os.path.join(FOLDER, name), "w", encoding="utf-8", newline="") as file:
                file.write(content)
        else:
            print(f"==> {name} <==\n{content}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
