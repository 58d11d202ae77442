"""Primitives, the preamble and the key schedule: sections 1.1, 1.2 (frame lengths) and 2 of vault-format.md."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

BLOCK = 1024
MAGIC = bytes.fromhex("896b6579666f6c640d0a1a0a")
ZERO_ID = bytes(16)


class Refused(Exception):
    """The whole vault, or the way in, cannot be used."""


class Malformed(Exception):
    """Some bytes break a rule of the page."""


# ---------------------------------------------------------------------------------------------------------------------
# Primitives


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    return mac(salt, secret)


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    out, last, count = b"", b"", 1
    while len(out) < length:
        last = mac(prk, last + info + bytes([count]))
        out += last
        count += 1
    return out[:length]


def hchacha20(key: bytes, nonce16: bytes) -> bytes:
    """draft-irtf-cfrg-xchacha-03, section 2.2."""
    s = list(struct.unpack("<4I8I4I", b"expand 32-byte k" + key + nonce16))

    def rotl(x: int, n: int) -> int:
        return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF

    def quarter(a: int, b: int, c: int, d: int) -> None:
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotl(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotl(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & 0xFFFFFFFF
        s[d] = rotl(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & 0xFFFFFFFF
        s[b] = rotl(s[b] ^ s[c], 7)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *s[:4], *s[12:])


def _xchacha(key: bytes, nonce: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])), bytes(4) + nonce[16:]


def xchacha_seal(key: bytes, nonce: bytes, ad: bytes, plaintext: bytes) -> bytes:
    aead, short = _xchacha(key, nonce)
    return aead.encrypt(short, plaintext, ad)


def xchacha_open(key: bytes, nonce: bytes, ad: bytes, sealed: bytes) -> bytes | None:
    """The plaintext, or None where it does not authenticate."""
    if len(sealed) < 16:
        return None
    aead, short = _xchacha(key, nonce)
    try:
        return aead.decrypt(short, sealed, ad)
    except InvalidTag:
        return None


def argon2id(password: bytes, salt: bytes, m: int, t: int, p: int) -> bytes:
    try:
        from argon2.low_level import Type, hash_secret_raw
    except ImportError:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(password)
    return hash_secret_raw(password, salt, time_cost=t, memory_cost=m, parallelism=p, hash_len=32, type=Type.ID, version=19)


def padme(x: int) -> int:
    e = x.bit_length() - 1
    s = e.bit_length()
    step = 1 << (e - s)
    return (x + step - 1) // step * step


def frame_length(n: int) -> int:
    """1.3: the one right L for content of n bytes."""
    if 4 + n <= 944:
        return BLOCK
    return (padme(64 + 4 + n + 16 + 24) + BLOCK - 1) // BLOCK * BLOCK


# ---------------------------------------------------------------------------------------------------------------------
# Preamble and keys (1.1, 2)


@dataclass
class Preamble:
    context: bytes
    vault_id: bytes


def parse_preamble(data: bytes) -> Preamble:
    if len(data) < BLOCK or data[:12] != MAGIC:
        raise Refused("not a keyfold vault")
    version, suite = struct.unpack("<HH", data[12:16])
    if version != 1 or suite != 1:
        raise Refused(f"made by a newer program: version {version}, suite {suite}")
    if any(data[32:BLOCK]):
        raise Refused("the preamble's zeros are not zero")
    return Preamble(bytes(data[:32]), bytes(data[16:32]))


class Keys:
    def __init__(self, data_key: bytes, vault_id: bytes):
        prk = hkdf_extract(vault_id, data_key)
        self.data_key = data_key
        self.key_id = hkdf_expand(prk, b"keyfold v1 key id", 16)
        self.record = hkdf_expand(prk, b"keyfold v1 record", 32)
        self.secret = hkdf_expand(prk, b"keyfold v1 secret", 32)
        self.slot_mac = hkdf_expand(prk, b"keyfold v1 slot mac", 32)
        self.nonce = hkdf_expand(prk, b"keyfold v1 nonce", 32)
        self.fingerprint = hkdf_expand(prk, b"keyfold v1 fingerprint", 16)
