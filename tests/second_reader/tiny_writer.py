"""A tiny writer of vaults, for tests of the second reader and for make_vectors.py. Written from vault-format.md alone.

It makes whatever it is told, right or wrong, and every byte of it is a function of the names it is given.
"""

from __future__ import annotations

import struct
import types

import keyfold_frames
import keyfold_keys
import keyfold_reader
import keyfold_records

k = types.SimpleNamespace(**{name: value for module in (keyfold_keys, keyfold_records, keyfold_frames, keyfold_reader)
                             for name, value in vars(module).items()})

VAULT_ID = bytes(range(16))
DATA_KEY = bytes(range(100, 132))
PASSWORD = "caf\u00e9 horse"
KEY_FILE = b"any file at all"
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
M, T, P = 19_456, 2, 1


def ident(name):
    return k.sha256(name.encode())[:16]


def preamble(vault_id=VAULT_ID, version=1, suite=1):
    return (k.MAGIC + struct.pack("<HH", version, suite) + vault_id).ljust(1024, b"\0")


def header(kind, length, key_id, nonce):
    body = 960 if length == 1024 else length - 88
    raw = k.SYNC + bytes([kind, 0, 0, 0]) + struct.pack("<I", body) + key_id + nonce
    return raw + k.sha256(raw)[:8]


class Writer:
    def __init__(self, data_key=DATA_KEY, vault_id=VAULT_ID, password=PASSWORD, key_file=KEY_FILE, symbols=SYMBOLS):
        self.password, self.key_file, self.symbols = password, key_file, symbols
        self.keys = k.Keys(data_key, vault_id)
        self.vault_id = vault_id
        self.context = preamble(vault_id)[:32]

    def frame(self, kind, content, length=None, nonce=None, padding=b""):
        length = length or k.frame_length(len(content))
        room = (960 if length == 1024 else length - 88) - 16
        plain = (struct.pack("<I", len(content)) + content + padding).ljust(room, b"\0")
        nonce = nonce or k.mac(self.keys.nonce, bytes([kind]) + plain)[:24]
        head = header(kind, length, self.keys.key_id, nonce)
        sealed = k.xchacha_seal(self.keys.record, nonce, self.context + head, plain)
        return head + sealed + (b"" if length == 1024 else nonce)

    def record(self, record):
        return self.frame(k.RECORD, record.encode())

    def pack(self, *records):
        return self.frame(k.PACK, b"".join(struct.pack("<I", len(r.encode())) + r.encode() for r in records))

    def slot(self, kind, name, secret=None, m=M, t=T, p=P):
        slot_id, salt, nonce = ident("slot " + name), k.sha256(b"salt " + name.encode()), k.sha256(b"nonce " + name.encode())[:24]
        head = header(k.SLOT, 1024, self.keys.key_id, nonce)
        if kind == 3:
            m = t = p = 0
        body = bytes([kind, 0, 0, 0]) + struct.pack("<III", m, t, p) + slot_id + salt
        if secret is None:
            secret = self.symbols.encode() if kind == 3 else k.argon2id(self.password.encode(), salt, m, t, p)
            if kind == 2:
                secret += k.sha256(self.key_file)
        both = k.hkdf_expand(k.hkdf_extract(salt, secret), b"keyfold v1 slot" + self.context + head + body, 64)
        body += both[32:]
        body += k.xchacha_seal(both[:32], nonce, self.context + head + body, self.keys.data_key)
        body += k.mac(self.keys.slot_mac, self.context + head + body)
        return head + body.ljust(960, b"\0")

    def seal(self, record_id, index, item, field, value):
        ad = k.value_ad(self.vault_id, item, field)
        nonce = k.mac(self.keys.nonce, b"\0" + record_id + struct.pack("<III", index, 0, len(ad)) + ad + value)[:24]
        return nonce + k.xchacha_seal(self.keys.secret, nonce, ad, value)


class Maker:
    """Makes records of one device."""

    def __init__(self, writer, device="laptop"):
        self.writer, self.device, self.seq, self.last = writer, ident("device " + device), 0, b""

    def record(self, name, ms, *ops, items=("login",), seq=None):
        rid = ident("record " + name)
        self.seq += 1
        made = [op(rid, i, [ident("item " + x) for x in items]) for i, op in enumerate(ops)]
        out = k.Record(rid, self.device, seq or self.seq, self.last, [], ms << 16,
                       [ident("item " + x) for x in items], made)
        self.last = rid
        return out


def op(tag, body=b"", field=b"", item=1, replaces=(), sealed=(), chunks=()):
    return lambda rid, i, items: k.Op(tag, item, field, [(ident("record " + n), x) for n, x in replaces], body,
                                      list(sealed), list(chunks))


def life(alive, **more):
    return op(k.LIFE, bytes([alive]), **more)


def text(field, value, name="", at=0, kind=1, origin=(), **more):
    body = bytes([kind]) + k.enc_text(name) + k.enc_text(value) + k.enc_number(at)
    return op(k.SET, body + k.enc_list([(ident("record " + n), x) for n, x in origin], k.enc_dot), field, **more)


def secret(writer, field, value, kind=2, name="", origin=(), item=1, replaces=(), tag=k.SET, device="", at=0):
    def make(rid, i, items):
        body = bytes([kind]) + k.enc_text(name) + b"\0" + k.enc_number(at)
        if tag == k.SET:
            body += k.enc_list([(ident("record " + n), x) for n, x in origin], k.enc_dot)
        else:
            body += k.enc_text(device)
        of = items[item - 1] if item else k.ZERO_ID
        return op(tag, body, field, item, replaces, [writer.seal(rid, i, of, field, value.encode())])(rid, i, items)

    return make


def tag_field(value):
    return k.sha256(b"keyfold v1 tag" + value.encode())[:16]


def tag(value, **more):
    return op(k.TAG, k.enc_text(value), tag_field(value), **more)


def url(name, rank, value, **more):
    return op(k.URL, k.enc_number(rank) + k.enc_text(value), ident("url " + name), **more)


def erase(*dots):
    named = k.enc_list(dots, lambda d: k.enc_bytes(ident("record " + d[0])) + k.enc_list([d[1]], k.enc_number))
    return op(k.ERASE, named + b"\0", item=0)


def slot_op(name, kind=3):
    return op(k.SLOT_OP, bytes([kind]) + k.enc_text(name), ident("slot " + name), item=0)


F = {name: bytes([number]) for number, name in k.STANDARD.items()}


