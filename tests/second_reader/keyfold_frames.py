"""Frames, slots and the scan: sections 1.2 to 1.5 of vault-format.md."""

from __future__ import annotations

import hmac
import struct
import unicodedata
from dataclasses import dataclass, field

from keyfold_keys import (BLOCK, Keys, Malformed, Preamble, Refused, argon2id, frame_length, hkdf_expand, hkdf_extract, mac,
                          sha256, xchacha_open)
from keyfold_records import Record, parse_record

SYNC = bytes.fromhex("f06b6672616d650f")
SLOT, RECORD, PACK, CHUNK = 1, 2, 3, 4
MAX_SLOTS = 32
MAX_RECORD = 64 << 20
MAX_PACK = 64 << 10
MAX_CHUNK = 8 + (1 << 20)
MAX_LENGTH = {
    SLOT: BLOCK,
    RECORD: frame_length(MAX_RECORD),
    PACK: frame_length(MAX_PACK),
    CHUNK: frame_length(MAX_CHUNK),
}


# ---------------------------------------------------------------------------------------------------------------------
# Frames and slots (1.2, 1.4)


@dataclass
class Header:
    kind: int
    length: int
    key_id: bytes
    nonce: bytes
    raw: bytes


def parse_header(raw: bytes) -> Header:
    """Raises Malformed with the reason; `raw` is 64 bytes."""
    if raw[:8] != SYNC:
        raise Malformed("no frame header")
    if sha256(raw[:56])[:8] != raw[56:64]:
        raise Malformed("header checksum")
    kind = raw[8]
    if not SLOT <= kind <= CHUNK:
        raise Malformed(f"unknown frame kind {kind}")
    if any(raw[9:12]):
        raise Malformed("header zeros are not zero")
    (body,) = struct.unpack("<I", raw[12:16])
    length = BLOCK if body == 960 else body + 88
    if length % BLOCK or (body != 960 and length <= BLOCK):
        raise Malformed("body length is not one of a frame")
    if length > MAX_LENGTH[kind]:
        raise Malformed("frame is longer than its kind allows")
    return Header(kind, length, raw[16:32], raw[32:56], raw)


SLOT_KINDS = {1: "password", 2: "password and key file", 3: "recovery key", 4: "keyring"}


@dataclass
class Slot:
    offset: int
    header: Header
    body: bytes
    kind: int
    m: int
    t: int
    p: int
    slot_id: bytes

    @property
    def salt(self) -> bytes:
        return self.body[32:64]


def parse_slot(offset: int, header: Header, body: bytes) -> Slot:
    kind = body[0]
    m, t, p = struct.unpack("<III", body[4:16])
    if kind not in SLOT_KINDS:
        raise Malformed(f"unknown slot kind {kind}")
    if any(body[1:4]) or any(body[176:]):
        raise Malformed("slot zeros are not zero")
    if kind in (3, 4):
        if m or t or p:
            raise Malformed("a slot with a random secret and Argon2 parameters")
    elif not (19_456 <= m <= 2_097_152 and 2 <= t <= 16 and 1 <= p <= 16 and m * t <= 8_388_608):
        raise Malformed("Argon2 parameters out of bounds")
    return Slot(offset, header, body, kind, m, t, p, body[16:32])


def slot_keys(slot: Slot, context: bytes, secret: bytes) -> tuple[bytes, bytes]:
    info = b"keyfold v1 slot" + context + slot.header.raw + slot.body[:64]
    both = hkdf_expand(hkdf_extract(slot.salt, secret), info, 64)
    return both[:32], both[32:]


def slot_mac_is_right(slot: Slot, context: bytes, keys: Keys) -> bool:
    want = mac(keys.slot_mac, context + slot.header.raw + slot.body[:144])
    return hmac.compare_digest(want, slot.body[144:176])


def open_slot(slot: Slot, pre: Preamble, secret: bytes) -> Keys | None:
    key, commitment = slot_keys(slot, pre.context, secret)
    if not hmac.compare_digest(commitment, slot.body[64:96]):
        return None
    ad = pre.context + slot.header.raw + slot.body[:96]
    data_key = xchacha_open(key, slot.header.nonce, ad, slot.body[96:144])
    if data_key is None:
        return None
    keys = Keys(data_key, pre.vault_id)
    if keys.key_id != slot.header.key_id or not slot_mac_is_right(slot, pre.context, keys):
        return None
    return keys


BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def recovery_checksum(symbols: str) -> str:
    bits = int.from_bytes(sha256(b"keyfold v1 recovery" + symbols.encode())[:3], "big") >> 4
    return "".join(BASE32[bits >> shift & 31] for shift in (15, 10, 5, 0))


def parse_recovery_key(text: str) -> bytes:
    """1.4: the 26 symbols, or Refused."""
    text = "".join(text.split()).replace("-", "").upper().translate(str.maketrans("018", "OIB"))
    if len(text) != 30 or any(c not in BASE32 for c in text):
        raise Refused("a recovery key is 30 letters and digits")
    if recovery_checksum(text[:26]) != text[26:]:
        raise Refused("the recovery key has a typing error")
    return text[:26].encode()


@dataclass
class Ways:
    """What the user holds."""

    password: str | None = None
    key_file: bytes | None = None
    recovery: str | None = None

    def secret_for(self, slot: Slot) -> bytes | None:
        if slot.kind == 3:
            return parse_recovery_key(self.recovery) if self.recovery is not None else None
        if slot.kind == 4:
            return None  # a desktop holds its secret
        if self.password is None or (slot.kind == 2 and self.key_file is None):
            return None
        password = unicodedata.normalize("NFC", self.password).encode()
        hashed = argon2id(password, slot.salt, slot.m, slot.t, slot.p)
        return hashed if slot.kind == 1 else hashed + sha256(self.key_file)


# ---------------------------------------------------------------------------------------------------------------------
# Scanning (1.5)


@dataclass
class Damage:
    offset: int
    length: int
    reason: str


NO_FRAME, TORN, FORGED, UNKNOWN_KEY, BREAKS_A_RULE = (
    "no frame begins here", "torn", "does not authenticate", "a key that is not held", "breaks a rule")


class Damages:
    def __init__(self) -> None:
        self.found: list[Damage] = []

    def add(self, offset: int, length: int, reason: str) -> None:
        last = self.found[-1] if self.found else None
        if (last and last.offset + last.length == offset
                and (last.reason == reason or reason == NO_FRAME and last.reason != BREAKS_A_RULE)):
            last.length += length
        else:
            self.found.append(Damage(offset, length, reason))


def closes(data, offset: int, header: Header) -> bool:
    end = offset + header.length
    return end <= len(data) and (header.length == BLOCK or data[end - 24:end] == header.nonce)


def find_slots(data) -> list[Slot]:
    """The slots a reader without a key looks at: the first 32 well-formed ones.

    CHOICE: the same frame found twice is one slot; else copies appended by a drive would crowd the limit.
    No key is held yet, so nothing is stepped over.
    """
    found: dict[bytes, Slot] = {}
    offset = BLOCK
    while offset + BLOCK <= len(data) and len(found) < MAX_SLOTS:
        if data[offset:offset + 8] == SYNC:
            try:
                header = parse_header(data[offset:offset + 64])
                if header.kind == SLOT:
                    frame = data[offset:offset + BLOCK]
                    found.setdefault(frame, parse_slot(offset, header, frame[64:]))
            except Malformed:
                pass
        offset += BLOCK
    return list(found.values())


@dataclass
class Scan:
    frames: int = 0
    damage: Damages = field(default_factory=Damages)
    slots: list[Slot] = field(default_factory=list)
    forged: list[int] = field(default_factory=list)  # offsets
    records: dict[bytes, Record] = field(default_factory=dict)  # by their bytes


def open_content(keys: Keys, context: bytes, header: Header, body: bytes) -> bytes | None:
    """The plaintext of a sealed frame, or None where it does not authenticate."""
    return xchacha_open(keys.record, header.nonce, context + header.raw, body)


def parse_content(header: Header, plaintext: bytes) -> bytes:
    (n,) = struct.unpack("<I", plaintext[:4])
    if n > len(plaintext) - 4 or frame_length(n) != header.length:
        raise Malformed("frame length is not that of its content")
    if any(plaintext[4 + n:]):
        raise Malformed("padding is not zero")
    return plaintext[4:4 + n]


def parse_chunk(content: bytes) -> None:
    if not 9 <= len(content) <= MAX_CHUNK:
        raise Malformed("chunk is not a time and 1 byte to 1 MiB")


def parse_records(header: Header, content: bytes) -> list[Record]:
    if header.kind == RECORD:
        if len(content) > MAX_RECORD:
            raise Malformed("record too long")
        return [parse_record(content)]
    if len(content) > MAX_PACK:
        raise Malformed("pack too long")
    records, at = [], 0
    while at < len(content):
        if len(content) - at < 4:
            raise Malformed("pack ends inside a length")
        (n,) = struct.unpack("<I", content[at:at + 4])
        if n > len(content) - at - 4:
            raise Malformed("pack ends inside a record")
        # CHOICE: one bad record makes the whole pack damage (1.5 rule 5 speaks of the frame).
        records.append(parse_record(content[at + 4:at + 4 + n]))
        at += 4 + n
    if not records:
        raise Malformed("empty pack")
    return records


def scan(data, context: bytes, keys: Keys) -> Scan:
    """1.5. Chunks are always authenticated, which rule 3 allows."""
    out = Scan()
    failed_bytes = 0
    offset, size = BLOCK, len(data)
    while offset + BLOCK <= size:
        raw = data[offset:offset + 64]
        try:
            header = parse_header(raw)
        except Malformed:
            out.damage.add(offset, BLOCK, NO_FRAME)
            offset += BLOCK
            continue
        if not closes(data, offset, header):
            out.damage.add(offset, BLOCK, TORN)
            offset += BLOCK
            continue
        end = offset + header.length
        if header.kind == SLOT:
            slot = None
            try:
                slot = parse_slot(offset, header, data[offset + 64:end])
            except Malformed:
                pass
            if slot is None or header.key_id != keys.key_id or not slot_mac_is_right(slot, context, keys):
                out.forged.append(offset)
            else:
                out.frames += 1
                if all((slot.header.raw, slot.body) != (other.header.raw, other.body) for other in out.slots):
                    out.slots.append(slot)
            offset = end
            continue
        body_length = 960 if header.length == BLOCK else header.length - 88
        plaintext = None
        if header.key_id != keys.key_id:
            reason = UNKNOWN_KEY
        else:
            reason = FORGED
            if header.length == BLOCK or failed_bytes <= 4 * size:
                plaintext = open_content(keys, context, header, data[offset + 64:offset + 64 + body_length])
                if plaintext is None:
                    failed_bytes += body_length
        if plaintext is None:
            out.damage.add(offset, BLOCK, reason)
            offset += BLOCK
            continue
        try:
            content = parse_content(header, plaintext)
            if header.kind == CHUNK:
                parse_chunk(content)
            else:
                for record in parse_records(header, content):
                    out.records.setdefault(record.raw, record)
            out.frames += 1
        except Malformed:
            out.damage.add(offset, header.length, BREAKS_A_RULE)
        offset = end
    if offset < size:
        out.damage.add(offset, size - offset, TORN)
    return out
