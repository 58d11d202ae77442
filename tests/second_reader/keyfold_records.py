"""The codec, records, operations and the fold: sections 3, 4 and 5 of vault-format.md."""

from __future__ import annotations

from dataclasses import dataclass

from keyfold_keys import BLOCK, ZERO_ID, Keys, Malformed, sha256, xchacha_open


# ---------------------------------------------------------------------------------------------------------------------
# Codec (4.1)


class Decoder:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise Malformed("ends too early")
        part = self.data[self.at:self.at + n]
        self.at += n
        return part

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self, limit: int = (1 << 64) - 1) -> int:
        first = self.byte()
        if first < 251:
            value = first
        elif first <= 253:
            width = {251: 2, 252: 4, 253: 8}[first]
            value = int.from_bytes(self.take(width), "little")
            if value < {251: 251, 252: 1 << 16, 253: 1 << 32}[first]:
                raise Malformed("number not in its shortest form")
        else:
            raise Malformed("number of an unknown width")
        if value > limit:
            raise Malformed("limit passed")
        return value

    def bytes(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.bytes().decode("utf-8")
        except UnicodeDecodeError as why:
            raise Malformed("text is not UTF-8") from why

    def id(self) -> bytes:
        if self.number() != 16:
            raise Malformed("id is not 16 bytes")
        return self.take(16)

    def list(self, item, limit: int = (1 << 64) - 1) -> list:
        # No allocation before the elements: each takes at least a byte of what is there.
        return [item() for _ in range(self.number(limit))]

    def index(self) -> int:
        """An operation index or a rank (4.2, 5.2)."""
        return self.number((1 << 32) - 1)

    def dot(self) -> tuple[bytes, int]:
        return self.id(), self.index()

    def chunk_name(self) -> bytes:
        name = self.bytes()
        if len(name) != 56:
            raise Malformed("chunk name is not 56 bytes")
        return name

    def end(self) -> None:
        if self.at != len(self.data):
            raise Malformed("bytes follow the last part")


def enc_number(n: int) -> bytes:
    if n < 251:
        return bytes([n])
    if n < 1 << 16:
        return b"\xfb" + n.to_bytes(2, "little")
    if n < 1 << 32:
        return b"\xfc" + n.to_bytes(4, "little")
    return b"\xfd" + n.to_bytes(8, "little")


def enc_bytes(b: bytes) -> bytes:
    return enc_number(len(b)) + b


def enc_text(s: str) -> bytes:
    return enc_bytes(s.encode())


def enc_list(items, encode) -> bytes:
    items = list(items)
    return enc_number(len(items)) + b"".join(map(encode, items))


def enc_dot(dot: tuple[bytes, int]) -> bytes:
    return enc_bytes(dot[0]) + enc_number(dot[1])


# ---------------------------------------------------------------------------------------------------------------------
# Records (4.2)


@dataclass
class Op:
    tag: int
    item: int
    field: bytes
    replaces: list[tuple[bytes, int]]
    body: bytes
    sealed: list[bytes]
    chunks: list[bytes]

    def encode(self) -> bytes:
        return (enc_number(self.tag) + enc_number(self.item) + enc_bytes(self.field) + enc_list(self.replaces, enc_dot)
                + enc_bytes(self.body) + enc_list(self.sealed, enc_bytes) + enc_list(self.chunks, enc_bytes))

    def without_content(self) -> Op:
        return Op(self.tag, self.item, self.field, self.replaces, b"", [], [])


@dataclass
class Record:
    id: bytes
    device: bytes
    seq: int
    previous: bytes
    seen: list[bytes]
    clock: int
    items: list[bytes]
    ops: list[Op]
    raw: bytes = b""

    def encode(self) -> bytes:
        return (enc_bytes(self.id) + enc_bytes(self.device) + enc_number(self.seq) + enc_bytes(self.previous)
                + enc_list(self.seen, enc_bytes) + enc_number(self.clock) + enc_list(self.items, enc_bytes)
                + enc_list(self.ops, Op.encode))


def parse_record(data: bytes) -> Record:
    d = Decoder(data)

    def op() -> Op:
        found = Op(d.number(0xFFFF), d.number(), d.bytes(), d.list(d.dot, 65_536), d.bytes(), d.list(d.bytes, 16),
                   d.list(d.chunk_name, 65_536))
        if len(found.field) not in (0, 1, 16):
            raise Malformed("field is not 0, 1 or 16 bytes")
        return found

    record = Record(d.id(), d.id(), d.number(), d.bytes(), d.list(d.id, 4), d.number(), d.list(d.id, 1_000_000),
                    d.list(op, 4_000_000), data)
    d.end()
    if record.seq == 0:
        raise Malformed("seq is 0")
    if len(record.previous) not in (0, 16):
        raise Malformed("previous is not 0 or 16 bytes")
    if not record.ops:
        raise Malformed("no operations")
    if ZERO_ID in record.items:
        raise Malformed("an item id is all zeros")
    for each in record.ops:
        if each.item > len(record.items):
            raise Malformed("item number out of range")
        if any(dot[0] == record.id for dot in each.replaces):
            raise Malformed("replaces a dot of its own record")
    if record.encode() != data:
        raise Malformed("not the canonical encoding")
    return record


# ---------------------------------------------------------------------------------------------------------------------
# Operations (5.2)

LIFE, SET, REMOVE, TAG, URL, COUNTER, ATTACHMENT, ERASE, SLOT_OP, RETIRE, FORMER_KEY, DEVICE, UNDONE, FORMER = range(1, 15)
TAG_NAMES = dict(enumerate(
    "LIFE SET REMOVE TAG URL COUNTER ATTACHMENT ERASE SLOT RETIRE FORMER_KEY DEVICE UNDONE FORMER".split(), 1))
VAULT_TAGS = {SLOT_OP, RETIRE, FORMER_KEY, DEVICE, UNDONE}
VALUE_TAGS = {SET, REMOVE, TAG, URL, ATTACHMENT, DEVICE}
NOT_ERASABLE = {LIFE, COUNTER, ERASE, SLOT_OP, RETIRE, FORMER_KEY, DEVICE, UNDONE}
FIELD_KINDS = {1: "text", 2: "secret", 3: "url", 4: "otp", 5: "date", 6: "email", 7: "multiline"}
SECRET_KINDS = {2, 4}


@dataclass
class Value:
    kind: int
    name: str
    text: str | None  # None: a sealed value that does not open
    at: int
    origin: tuple[bytes, int] | None
    device: str | None


def read_body(op: Op, item: bytes, keys: Keys, vault_id: bytes):
    """The operation's meaning, by tag. Raises Malformed for what this version cannot read: the operation is carried (4.2)."""
    d = Decoder(op.body)
    if (op.item == 0) != (op.tag in VAULT_TAGS) and op.tag != ERASE:
        raise Malformed("stands on an item, or on none, and must not")
    if op.tag in (SET, REMOVE, FORMER) and not op.field:
        raise Malformed("no field")
    want_field = {LIFE: 0, ERASE: 0, UNDONE: 0, TAG: 16, URL: 16, ATTACHMENT: 16, SLOT_OP: 16, RETIRE: 16,
                  FORMER_KEY: 16, DEVICE: 16}.get(op.tag)
    if want_field is not None and len(op.field) != want_field:
        raise Malformed("field does not fit the tag")
    out = None
    if op.tag == LIFE:
        out = d.byte()
        if out > 1:
            raise Malformed("LIFE is neither 0 nor 1")
    elif op.tag in (SET, FORMER):
        kind, name, text, at = d.byte(), d.text(), d.text(), d.number()
        origin, device = None, None
        if op.tag == SET:
            origin = next(iter(d.list(d.dot, 1)), None)
        else:
            device = d.text()
        if kind not in FIELD_KINDS:
            raise Malformed("unknown field kind")
        if kind in SECRET_KINDS:
            if not op.sealed:
                raise Malformed("a secret kind needs a sealed value")
            text = open_value(op.sealed[0], item, op.field, keys, vault_id)
        out = Value(kind, name, text, at, origin, device)
    elif op.tag == TAG:
        out = d.text()
        if sha256(b"keyfold v1 tag" + out.encode())[:16] != op.field:
            raise Malformed("tag text does not fit its field")
    elif op.tag == URL:
        out = (d.index(), d.text())
    elif op.tag == COUNTER:
        out = (d.dot(), d.number())
    elif op.tag == ATTACHMENT:
        out = (d.text(), d.number())
    elif op.tag == ERASE:
        out = (d.list(lambda: (d.id(), d.list(d.index))), d.list(d.chunk_name))
    elif op.tag == SLOT_OP:
        out = (d.byte(), d.text())
    elif op.tag == RETIRE:
        # CHOICE: `bytes` has its length before it also here; no successor is the length 0.
        out = d.bytes()
    elif op.tag == FORMER_KEY:
        if d.byte() != 1 or not op.sealed:
            raise Malformed("FORMER KEY of another shape")
        out = open_bytes(op.sealed[0], item, op.field, keys, vault_id)
        if len(out) != 32 or Keys(out, vault_id).key_id != op.field:
            raise Malformed("former key does not fit its id")
    elif op.tag == DEVICE:
        out = d.text()
    elif op.tag == UNDONE:
        out = d.take(16)
    elif op.tag != REMOVE:
        raise Malformed("unknown tag")
    d.end()
    return out


def value_ad(vault_id: bytes, item: bytes, field: bytes) -> bytes:
    return b"keyfold v1 value" + vault_id + item + field


def open_bytes(sealed: bytes, item: bytes, field: bytes, keys: Keys, vault_id: bytes) -> bytes:
    value = xchacha_open(keys.secret, sealed[:24], value_ad(vault_id, item, field), sealed[24:]) if len(sealed) >= 40 else None
    if value is None:
        raise Malformed("sealed value does not open in its item and field")
    return value


def open_value(*args) -> str | None:
    try:
        return open_bytes(*args).decode("utf-8")
    except (Malformed, UnicodeDecodeError):
        return None


# ---------------------------------------------------------------------------------------------------------------------
# Fold (5)


@dataclass
class Placed:
    """An operation in its place in the set."""

    op: Op
    record: Record
    index: int
    item: bytes | None
    erased: bool
    meaning: object = None
    unread: str | None = None

    @property
    def dot(self) -> tuple[bytes, int]:
        return self.record.id, self.index

    @property
    def order(self) -> tuple[int, bytes, int]:
        return self.record.clock, self.record.id, self.index

    @property
    def changed(self) -> int:
        """Milliseconds."""
        at = self.meaning.at if isinstance(self.meaning, Value) else 0
        return at or self.record.clock >> 16

    def readable(self, tag: int) -> bool:
        return self.op.tag == tag and not self.erased and self.unread is None


def collect_erased(records) -> set[tuple[bytes, int]]:
    erased = set()
    for record in records:
        for op in record.ops:
            if op.tag == ERASE:
                try:
                    named, _chunks = read_body(op, ZERO_ID, None, b"")
                except Malformed:
                    continue
                erased.update((rid, index) for rid, indices in named for index in indices)
    return erased


class State:
    def __init__(self, found: list[Record], keys: Keys, vault_id: bytes):
        self.reports: list[str] = []
        self.erased = collect_erased(found)
        self.records = self._one_per_id(found)
        self.ops: list[Placed] = []
        for record in self.records:
            for index, op in enumerate(record.ops):
                self.ops.append(self._place(record, index, op, keys, vault_id))
        self.ops.sort(key=lambda p: p.order)
        self.registers: dict[tuple[bytes | None, bytes], list[Placed]] = {}
        replaced: dict[tuple[bytes | None, bytes], set] = {}
        for placed in self.ops:
            register = (placed.item, placed.op.field)
            self.registers.setdefault(register, []).append(placed)
            # Any operation replaces ("no other operation"), also one with an unknown tag or an erased one.
            replaced.setdefault(register, set()).update(placed.op.replaces)
        self.replaced = replaced
        for device, known in self.numbers.items():
            if len(known) < max(known) and not self.is_retired(device):
                self.reports.append(f"{max(known) - len(known)} records of device {device.hex()} are missing")

    def _erases(self, record: Record, index: int) -> bool:
        return (record.id, index) in self.erased and record.ops[index].tag not in NOT_ERASABLE

    def _one_per_id(self, found: list[Record]) -> list[Record]:
        """5.8, after erasing: copies that differ only in what was erased are one record."""
        by_id: dict[bytes, dict[bytes, Record]] = {}
        for record in found:
            ops = [op.without_content() if self._erases(record, i) else op for i, op in enumerate(record.ops)]
            bare = Record(record.id, record.device, record.seq, record.previous, record.seen, record.clock, record.items, ops)
            bare.raw = bare.encode()
            by_id.setdefault(record.id, {})[bare.raw] = bare
        chosen, numbers = [], {}
        for rid, variants in by_id.items():
            if len(variants) > 1:
                self.reports.append(f"{len(variants)} different records have the id {rid.hex()}")
            chosen.append(variants[min(variants)])
        chosen.sort(key=lambda r: (r.clock, r.id))
        seqs: dict[bytes, set[int]] = {}
        for record in chosen:
            seqs.setdefault(record.device, set()).add(record.seq)
        self.numbers = seqs
        for record in chosen:
            other = numbers.setdefault((record.device, record.seq), record)
            if other is not record:
                self.reports.append(f"records {other.id.hex()} and {record.id.hex()} have one device and number")
        return chosen

    def _place(self, record: Record, index: int, op: Op, keys: Keys, vault_id: bytes) -> Placed:
        item = record.items[op.item - 1] if op.item else None
        erased = self._erases(record, index)
        placed = Placed(op, record, index, item, erased)
        if not erased:
            try:
                placed.meaning = read_body(op, item or ZERO_ID, keys, vault_id)
            except Malformed as why:
                placed.unread = str(why)
                name = TAG_NAMES.get(op.tag, f"tag {op.tag}")
                self.reports.append(f"operation {record.id.hex()}/{index} ({name}) is carried unread: {why}")
            if isinstance(placed.meaning, Value) and placed.meaning.text is None:
                self.reports.append(f"the sealed value of operation {record.id.hex()}/{index} does not open")
        return placed

    def heads(self, item: bytes | None, field: bytes) -> list[Placed]:
        """Value operations no other operation of the register replaces, oldest first (5.1)."""
        gone = self.replaced.get((item, field), set())
        return [p for p in self.registers.get((item, field), []) if p.op.tag in VALUE_TAGS and p.dot not in gone]

    def life_heads(self, item: bytes) -> list[Placed]:
        gone = self.replaced.get((item, b""), set())
        return [p for p in self.registers.get((item, b""), []) if p.readable(LIFE) and p.dot not in gone]

    def former_keys(self, vault_id: bytes) -> dict[bytes, Keys]:
        return {p.op.field: Keys(p.meaning, vault_id) for p in self.ops if p.readable(FORMER_KEY)}

    def device_name(self, device: bytes) -> str:
        """5.2: the newest head that is not empty, else the newest operation that is not empty."""
        heads = self.heads(None, device)
        for placed in [*reversed(heads), *reversed(self.registers.get((None, device), []))]:
            if placed.readable(DEVICE) and placed.meaning:
                return placed.meaning
        return ""

    def is_retired(self, device: bytes) -> bool:
        names = [p.meaning for p in self.heads(None, device) if p.readable(DEVICE)]
        return bool(names) and not names[-1]

    def retired(self) -> dict[bytes, tuple]:
        """Slot id to the order of the last RETIRE that names it."""
        # CHOICE: a RETIRE whose body cannot be read still retires; the safe side, and it cannot be erased.
        return {p.op.field: p.order for p in self.ops if p.op.tag == RETIRE and p.item is None and len(p.op.field) == 16}

    def live_slots(self, present: set[bytes], carried: set[bytes]) -> set[bytes]:
        """5.9. `present`: the slots of the file with a right MAC; `carried`: those that RETIRE operations carry.

        CHOICE: a slot that no SLOT operation names is live while no RETIRE names it, and can be "the one retired last".
        """
        retired = self.retired()
        named = {p.op.field for p in self.ops if p.op.tag == SLOT_OP and p.item is None}
        live = present - set(retired)
        if retired and named <= set(retired):
            latest = carried & set(retired) or set(retired)
            live.add(max(latest, key=lambda s: retired[s]))
        return live & present

    def items(self) -> list[bytes]:
        """Items that are shown, trashed ones too (5.6)."""
        life, kept, values = set(), set(), set()
        for p in self.ops:
            if p.item is None:
                continue
            if p.op.tag == LIFE:
                life.add(p.item)
            elif p.op.tag in VALUE_TAGS or p.op.tag == FORMER:
                values.add(p.item)
                if not p.erased:
                    kept.add(p.item)
        return sorted(kept | (life - values))
