#!/usr/bin/env python3
"""Tests of the second reader, over vaults that tiny_writer.py makes by hand. Run: python self_test.py"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_vectors  # noqa: E402
from tiny_writer import (DATA_KEY, KEY_FILE, PASSWORD, SYMBOLS, VAULT_ID, F, Maker, Writer, erase, header, ident, k, life,  # noqa: E402
                         op, preamble, secret, slot_op, tag, tag_field, text, url)

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench(unittest.TestCase):
    def setUp(self):
        self.w = Writer()
        self.m = Maker(self.w)
        self.recovery = self.w.slot(3, "recovery")

    def open(self, *frames, slots=None, ways=None, pre=None):
        slots = [self.recovery] if slots is None else slots
        data = (pre or preamble()) + b"".join(slots) + b"".join(frames)
        return k.open_vault(data, ways or k.Ways(recovery=SYMBOLS + k.recovery_checksum(SYMBOLS)))

    def items(self, *records):
        vault = self.open(*[self.w.record(r) for r in records])
        return k.export(vault.state)["items"]

    def item(self, *records):
        (item,) = self.items(*records)
        return item

    def field(self, item, name):
        return next(f for f in item["fields"] if f["id"] == name)


# --- known answers ----------------------------------------------------------------------------------------------------


class KnownAnswers(unittest.TestCase):
    def test_hchacha20_of_the_draft(self):
        out = k.hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
        self.assertEqual(out.hex(), "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")

    def test_xchacha20_poly1305_of_the_draft(self):
        key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
        plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
                 b"would be it.")
        sealed = bytes.fromhex(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c"
            "54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da97688"
            "12f615c68b13b52ec0875924c1c7987947deafd8780acf49")
        ad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
        self.assertEqual(k.xchacha_seal(key, nonce, ad, plain), sealed)
        self.assertEqual(k.xchacha_open(key, nonce, ad, sealed), plain)
        self.assertIsNone(k.xchacha_open(key, nonce, ad + b"x", sealed))

    def test_argon2id_of_its_reference_program(self):
        for m, p, want in [(1 << 16, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
                           (1 << 8, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037")]:
            self.assertEqual(k.argon2id(b"password", b"somesalt", m, 2, p).hex(), want)

    def test_hkdf_of_rfc_5869(self):
        prk = k.hkdf_extract(bytes(range(13)), b"\x0b" * 22)
        self.assertEqual(k.hkdf_expand(prk, bytes(range(0xF0, 0xFA)), 42).hex(),
                         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")

    def test_padme_and_frame_lengths(self):
        self.assertEqual([k.padme(x) for x in (9, 1049, 65644)], [10, 1088, 67584])
        self.assertEqual([k.frame_length(n) for n in (0, 940, 941, 65_536)], [1024, 1024, 2048, 67_584])

    def test_numbers(self):
        for n, want in [(250, "fa"), (251, "fbfb00"), (65535, "fbffff"), (65536, "fc00000100"),
                        (1 << 32, "fd0000000001000000")]:
            self.assertEqual(k.enc_number(n).hex(), want)
            self.assertEqual(k.Decoder(bytes.fromhex(want)).number(), n)
        for bad in ("fbfa00", "fcffff0000", "fdffffffff00000000", "fe" + "00" * 16, "ff", "fb00"):
            with self.assertRaises(k.Malformed):
                k.Decoder(bytes.fromhex(bad)).number()


# --- ways in ----------------------------------------------------------------------------------------------------------


class WaysIn(Bench):
    def test_password_in_another_normal_form(self):
        ways = k.Ways(password="cafe\u0301 horse")
        self.assertEqual(self.open(slots=[self.w.slot(1, "pw")], ways=ways).opened_by.kind, 1)

    def test_wrong_password(self):
        with self.assertRaisesRegex(k.Refused, "no slot"):
            self.open(slots=[self.w.slot(1, "pw")], ways=k.Ways(password="cafe horse"))

    def test_key_file(self):
        slots = [self.w.slot(2, "kf")]
        self.assertEqual(self.open(slots=slots, ways=k.Ways(PASSWORD, KEY_FILE)).opened_by.kind, 2)
        for ways in (k.Ways(PASSWORD), k.Ways(PASSWORD, b"other")):
            with self.assertRaises(k.Refused):
                self.open(slots=slots, ways=ways)

    def test_recovery_key_however_typed(self):
        whole = SYMBOLS + k.recovery_checksum(SYMBOLS)
        typed = "-".join(whole[i:i + 5] for i in range(0, 30, 5)).lower().replace("o", "0").replace("i", "1").replace("b", "8")
        self.open(ways=k.Ways(recovery=" " + typed + " "))
        with self.assertRaisesRegex(k.Refused, "typing"):
            self.open(ways=k.Ways(recovery="C" + whole[1:]))

    def test_every_bit_of_the_slot_counts(self):
        for at in list(range(0, 64, 7)) + list(range(64, 1024, 31)):
            bent = bytearray(self.recovery)
            bent[at] ^= 4
            with self.assertRaises(k.Refused, msg=f"byte {at}"):
                self.open(slots=[bytes(bent)])

    def test_weak_and_huge_argon2_never_run(self):
        for m, t, p in [(19_455, 2, 1), (19_456, 1, 1), (47_103, 1, 1), (2_097_153, 1, 1), (2_097_152, 5, 1),
                        (19_456, 17, 1), (19_456, 2, 17), (19_456, 2, 0)]:
            with self.assertRaisesRegex(k.Refused, "no slot"):
                self.open(slots=[self.w.slot(1, "pw", b"x" * 32, m, t, p)], ways=k.Ways(password=PASSWORD))

    def test_preamble_is_bound(self):
        other = bytearray(preamble())
        other[16] ^= 1
        with self.assertRaises(k.Refused):
            self.open(pre=bytes(other))
        for at in (0, 12, 14, 32, 1023):
            bent = bytearray(preamble())
            bent[at] ^= 2
            with self.assertRaises(k.Refused):
                self.open(pre=bytes(bent))

    def test_a_slot_with_a_wrong_mac_is_forged_and_no_damage(self):
        other = bytearray(self.w.slot(3, "other"))
        other[64 + 150] ^= 1
        vault = self.open(bytes(other))
        self.assertEqual((vault.scan.forged, vault.scan.damage.found), ([2048], []))
        self.assertEqual(len(vault.scan.slots), 1)

    def test_a_retired_slot_is_refused(self):
        spare = self.w.slot(3, "spare", b"Z" * 26)
        retire = self.m.record("retire", 5, slot_op("recovery"), slot_op("spare"),
                               op(k.RETIRE, b"\0", ident("slot recovery"), item=0))
        with self.assertRaisesRegex(k.Refused, "retired"):
            self.open(spare, self.w.record(retire))
        ways = k.Ways(recovery="Z" * 26 + k.recovery_checksum("Z" * 26))
        self.open(spare, self.w.record(retire), ways=ways)

    def test_of_all_slots_retired_the_last_is_live(self):
        spare = self.w.slot(3, "spare", b"Z" * 26)
        one = self.m.record("one", 6, slot_op("recovery"), slot_op("spare"), op(k.RETIRE, b"\0", ident("slot recovery"), item=0))
        two = self.m.record("two", 5, op(k.RETIRE, b"\0", ident("slot spare"), item=0))
        self.open(spare, self.w.pack(one, two))
        with self.assertRaisesRegex(k.Refused, "retired"):
            self.open(spare, self.w.pack(one, two), ways=k.Ways(recovery="Z" * 26 + k.recovery_checksum("Z" * 26)))

    def test_leaving_out_the_live_slot_does_not_revive_a_retired_one(self):
        named = self.m.record("slots", 4, slot_op("recovery"), slot_op("spare"))
        retire = self.m.record("retire", 5, op(k.RETIRE, b"\0", ident("slot recovery"), item=0))
        with self.assertRaisesRegex(k.Refused, "retired"):
            self.open(self.w.pack(named, retire))

    def test_slots_after_the_32nd_are_not_looked_at(self):
        crowd = [self.w.slot(3, f"junk {i}", b"Y" * 26) for i in range(32)]
        with self.assertRaises(k.Refused):
            self.open(slots=crowd + [self.recovery])
        self.open(slots=crowd[:31] + [self.recovery])
        self.open(slots=[crowd[0]] * 40 + [self.recovery])

    def test_a_former_key_in_the_same_file_is_passed_over(self):
        new = Writer(bytes(32))
        old = self.w.record(self.m.record("old", 1, life(1), text(F["title"], "old")))
        rid = ident("record now")

        def former(_rid, i, _items):
            return k.Op(k.FORMER_KEY, 0, self.w.keys.key_id, [], b"\x01",
                        [new.seal(rid, i, k.ZERO_ID, self.w.keys.key_id, DATA_KEY)], [])

        now = Maker(new).record("now", 2, former, life(1), text(F["title"], "new"))
        vault = self.open(old, new.slot(3, "new"), new.record(now))
        self.assertEqual(vault.keys.key_id, new.keys.key_id)
        self.assertEqual(self.field(k.export(vault.state)["items"][0], "title")["value"], "new")
        self.assertIn("a key that is not held", [d.reason for d in vault.scan.damage.found])
        # Without the record that says so, nobody can tell which of the keys is the current one.
        with self.assertRaisesRegex(k.Refused, "several keys"):
            self.open(old, new.slot(3, "new"))


# --- scanning ---------------------------------------------------------------------------------------------------------


class Scanning(Bench):
    def two(self):
        big = self.m.record("big", 1, life(1), text(F["notes"], "x" * 5000, kind=7))
        small = self.m.record("small", 2, life(1), text(F["title"], "t"))
        return self.w.record(big), self.w.record(small)

    def damage(self, vault):
        return [(d.offset, d.length) for d in vault.scan.damage.found]

    def test_whole(self):
        big, small = self.two()
        vault = self.open(big, small, big)
        self.assertEqual((vault.scan.frames, len(vault.state.records), self.damage(vault)), (4, 2, []))

    def test_any_flipped_bit_costs_one_frame(self):
        big, small = self.two()
        for at in range(0, len(big), 97):
            bent = bytearray(big)
            bent[at] ^= 1
            vault = self.open(bytes(bent), small)
            self.assertEqual(self.damage(vault), [(2048, len(big))], at)
            self.assertEqual(len(vault.state.records), 1)

    def test_torn_frame_hides_nothing(self):
        big, small = self.two()
        for cut in (1024, 2048, 3072):
            vault = self.open(big[:cut], small)
            self.assertEqual((len(vault.state.records), self.damage(vault)), (1, [(2048, cut)]))

    def test_torn_tail(self):
        _, small = self.two()
        vault = self.open(small, small[:700])
        self.assertEqual(self.damage(vault), [(3072, 700)])

    def test_moved_frames_still_count(self):
        big, small = self.two()
        vault = self.open(small, bytes(1024), big)
        self.assertEqual((len(vault.state.records), self.damage(vault)), (2, [(3072, 1024)]))

    def test_unknown_kind_and_foreign_key(self):
        _, small = self.two()
        strange = header(9, 4096, self.w.keys.key_id, bytes(24)).ljust(1024, b"\0")
        foreign = Writer(b"f" * 32).record(self.m.record("foreign", 3, life(0)))
        vault = self.open(strange, foreign, small)
        self.assertEqual((len(vault.state.records), self.damage(vault)), (1, [(2048, 1024), (3072, 1024)]))

    def test_a_forged_chunk_hides_nothing(self):
        _, small = self.two()
        nonce = b"n" * 24
        lid = header(k.CHUNK, 4096, self.w.keys.key_id, nonce).ljust(1024, b"\0")
        vault = self.open(lid, small, bytes(1000), nonce, bytes(1024 - 24), bytes(24))
        self.assertEqual(len(vault.state.records), 1)
        lid = header(k.CHUNK, 4096, self.w.keys.key_id, nonce).ljust(1024, b"\0") + small + bytes(2024) + nonce
        vault = self.open(lid)
        self.assertEqual((len(vault.state.records), self.damage(vault)), (1, [(2048, 1024), (4096, 2048)]))
        vault = self.open(slots=[lid[:1024] + self.recovery + lid[2048:]])
        self.assertEqual(vault.opened_by.kind, 3)

    def test_chunks_of_no_content_or_too_much_are_damage(self):
        for size in (8, 8 + (1 << 20) + 1):
            chunk = self.w.frame(k.CHUNK, bytes(size))
            self.assertEqual(self.damage(self.open(chunk)), [(2048, len(chunk))])

    def test_chunks_count_as_frames(self):
        _, small = self.two()
        chunk = self.w.frame(k.CHUNK, bytes(8) + b"c" * 9000)
        vault = self.open(chunk, small)
        self.assertEqual((vault.scan.frames, self.damage(vault)), (3, []))
        vault = self.open(chunk[:-1] + b"\xff", small)
        self.assertEqual(len(vault.state.records), 1)
        self.assertEqual(self.damage(vault), [(2048, len(chunk))])

    def test_authentic_frames_that_break_a_rule(self):
        record = self.m.record("r", 1, life(1), text(F["title"], "t"))
        raw = record.encode()
        bad = [
            self.w.frame(k.RECORD, raw, length=2048),
            self.w.frame(k.RECORD, raw, padding=b"\x01"),
            self.w.frame(k.RECORD, raw + b"\0"),
            self.w.frame(k.PACK, b""),
            self.w.frame(k.PACK, struct.pack("<I", len(raw)) + raw + b"\0"),
            self.w.frame(k.PACK, (struct.pack("<I", len(raw)) + raw) * (65_536 // (len(raw) + 4) + 1)),
        ]
        for frame in bad:
            vault = self.open(frame)
            self.assertEqual((len(vault.state.records), self.damage(vault)), (0, [(2048, len(frame))]))

    def test_failing_bodies_have_a_budget(self):
        # Overlapping headers: every block of the file claims a body that reaches far and ends in its nonce.
        nonce = b"n" * 24
        claim = header(k.RECORD, 20 * 1024, self.w.keys.key_id, nonce).ljust(1000, b"\0") + nonce
        _, small = self.two()
        with unittest.mock.patch("keyfold_frames.open_content", wraps=k.open_content) as tried:
            vault = self.open(*[claim] * 200, small)
        self.assertEqual(len(vault.state.records), 1)
        self.assertLess(sum(len(call.args[3]) for call in tried.call_args_list), 5 * 203 * 1024)

    def test_records_that_must_be_refused(self):
        def bent(**change):
            record = self.m.record("r", 1, life(1))
            for name, value in change.items():
                setattr(record, name, value)
            return record

        dot = (ident("record r"), 0)
        for record in [bent(seq=0), bent(previous=b"x"), bent(seen=[bytes(16)] * 5), bent(ops=[]), bent(items=[]),
                       bent(id=b"short"), bent(items=[bytes(16)]), bent(ops=[k.Op(1, 1, b"ab", [], b"", [], [])]),
                       bent(ops=[k.Op(1, 1, b"", [dot], b"", [], [])]),
                       bent(ops=[k.Op(1, 1, b"", [], b"", [b""] * 17, [])]),
                       bent(ops=[k.Op(1, 1, b"", [], b"", [], [b"x"])]), bent(ops=[k.Op(65_536, 1, b"", [], b"", [], [])])]:
            with self.assertRaises(k.Malformed):
                k.parse_record(record.encode())
        k.parse_record(bent().encode())


# --- meaning ----------------------------------------------------------------------------------------------------------


class Meaning(Bench):
    def test_a_login(self):
        custom, device = ident("custom"), ident("device laptop")
        record = self.m.record(
            "r", 1_700_000_000_123, life(1), text(F["title"], "Mail"), text(F["folder"], "home"), text(F["kind"], "login"),
            secret(self.w, F["password"], "hunter2"), text(custom, "v\n\u00e9", name="extra", kind=7, at=1),
            text(b"\xc8", "?"), tag("b"), tag("a"), url("two", 2, "https://two"), url("one", 1, "https://one"),
            op(k.ATTACHMENT, k.enc_text("a.txt") + b"\x05", ident("att"), chunks=[bytes(56)]),
            op(k.DEVICE, k.enc_text("Laptop"), device, item=0))
        item = self.item(record)
        self.assertEqual((item["path"], item["trashed"], item["tags"]), ("home/Mail", False, ["a", "b"]))
        self.assertEqual([u["value"] for u in item["urls"]], ["https://one", "https://two"])
        self.assertEqual([f["id"] for f in item["fields"]], ["kind", "title", "folder", "password", "#200", custom.hex()])
        self.assertEqual(self.field(item, "password"), {
            "id": "password", "name": "password", "kind": "secret", "secret": True, "value": "hunter2",
            "changed": "2023-11-14T22:13:20.123Z", "counter": None, "conflicts": []})
        self.assertEqual(self.field(item, custom.hex())["changed"], "1970-01-01T00:00:00.001Z")

    def test_history_names_the_device(self):
        one = self.m.record("one", 1000, life(1), secret(self.w, F["password"], "old"), url("u", 0, "http://old"),
                            op(k.DEVICE, k.enc_text("Laptop"), ident("device laptop"), item=0))
        two = Maker(self.w, "phone").record(
            "two", 2000, life(1, replaces=[("one", 0)]), secret(self.w, F["password"], "new", replaces=[("one", 1)]),
            url("u", 0, "http://new", replaces=[("one", 2)]),
            secret(self.w, F["password"], "older", tag=k.FORMER, device="import", at=500))
        item = self.item(two, one)
        self.assertEqual(self.field(item, "password")["value"], "new")
        self.assertEqual([(h["value"], h["kind"], h["device"]) for h in item["history"]],
                         [("http://old", "url", "Laptop"), ("old", "secret", "Laptop"), ("older", "secret", "import")])

    def test_conflicts(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"))
        a = self.m.record("a", 2, text(F["title"], "a", replaces=[("base", 1)]))
        b = Maker(self.w, "phone").record("b", 3, text(F["title"], "b", replaces=[("base", 1)]))
        c = Maker(self.w, "tablet").record("c", 4, op(k.REMOVE, field=F["title"], replaces=[("base", 1)]))
        title = self.field(self.item(base, a, b, c), "title")
        self.assertEqual((title["value"], [x["value"] for x in title["conflicts"]]), ("b", ["a"]))

    def test_only_values_that_differ_from_the_shown_one_are_conflicts(self):
        heads = [Maker(self.w, name).record(name, at, life(1), secret(self.w, F["password"], value))
                 for name, at, value in [("a", 1, "x"), ("b", 2, "y"), ("c", 3, "x")]]
        found = self.field(self.item(*heads), "password")
        self.assertEqual((found["value"], [c["value"] for c in found["conflicts"]]), ("x", ["y"]))

    def test_an_address_changed_apart_is_there_twice(self):
        base = self.m.record("base", 1, life(1), url("u", 1, "https://old"), url("v", 1, "https://v"))
        a = Maker(self.w, "phone").record("a", 3, url("u", 1, "https://a", replaces=[("base", 1)]))
        b = Maker(self.w, "tablet").record("b", 2, url("u", 0, "https://b", replaces=[("base", 1)]))
        urls = self.item(base, a, b)["urls"]
        self.assertEqual([u["value"] for u in urls], ["https://b", "https://v", "https://a"])
        self.assertEqual((urls[0]["id"], urls[2]["id"]), (ident("url u").hex(),) * 2)

    def test_paths_and_json(self):
        record = self.m.record("r", 1, life(1), text(F["title"], "a/b\\c\x01\u2028\x7f"), text(F["folder"], "x/y\\/z"))
        item = self.item(record)
        self.assertEqual(item["path"], "x/y\\/z/a\\/b\\\\c\x01\u2028\x7f")
        self.assertIn('"value": "a/b\\\\c\\u0001\u2028\x7f"', k.to_json(item))

    def test_counters_cannot_be_erased_and_gaps_are_reported(self):
        one = self.m.record("one", 1, life(1), secret(self.w, F["otp"], "otpauth://hotp/x?secret=AAAA", kind=4))
        up = self.m.record("up", 2, op(k.COUNTER, k.enc_dot((ident("record one"), 1)) + b"\x09", F["otp"]), seq=5)
        vault = self.open(*[self.w.record(r) for r in (one, up, self.m.record("wipe", 3, erase(("up", 0)), seq=6))])
        (item,) = k.export(vault.state)["items"]
        self.assertEqual(self.field(item, "otp")["counter"], 9)
        self.assertIn("3 records of device", vault.state.reports[0])

    def test_gaps_of_a_retired_device_are_not_reported(self):
        one = self.m.record("one", 1, life(1), op(k.DEVICE, k.enc_text("Laptop"), ident("device laptop"), item=0), seq=4)
        retired = Maker(self.w, "phone").record("retired", 2, op(k.DEVICE, b"\0", ident("device laptop"), item=0, replaces=[("one", 1)]), items=())
        self.assertIn("3 records of device", self.open(self.w.record(one)).state.reports[0])
        vault = self.open(self.w.record(one), self.w.record(retired))
        self.assertEqual(vault.state.reports, [])
        self.assertEqual(vault.state.device_name(ident("device laptop")), "Laptop")

    def test_equal_heads_are_no_conflict(self):
        a = self.m.record("a", 2, life(1), text(F["title"], "same"))
        b = Maker(self.w, "phone").record("b", 3, text(F["title"], "same"))
        self.assertEqual(self.field(self.item(a, b), "title")["conflicts"], [])

    def test_removed_and_added_apart(self):
        base = self.m.record("base", 1, life(1), tag("t"), tag("gone"), text(F["title"], "x"))
        a = self.m.record("a", 2, op(k.REMOVE, field=tag_field("t"), replaces=[("base", 1)]),
                          op(k.REMOVE, field=tag_field("gone"), replaces=[("base", 2)]),
                          op(k.REMOVE, field=F["title"], replaces=[("base", 3)]))
        b = Maker(self.w, "phone").record("b", 2, tag("t", replaces=[("base", 1)]))
        item = self.item(base, a, b)
        self.assertEqual((item["tags"], item["fields"], [h["value"] for h in item["history"]]), (["t"], [], ["x"]))

    def test_replacing_in_another_field_or_item_does_nothing(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"))
        a = self.m.record("a", 2, text(F["username"], "u", replaces=[("base", 1)]),
                          text(F["title"], "y", item=2, replaces=[("base", 1)]), items=("login", "other"))
        values = [self.field(i, "title")["value"] for i in self.items(base, a)]
        self.assertEqual(sorted(values), ["x", "y"])

    def test_trash_and_return(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"))
        gone = self.m.record("gone", 2, life(0, replaces=[("base", 0)]))
        back = Maker(self.w, "phone").record("back", 2, life(1, replaces=[("base", 0)]))
        self.assertTrue(self.item(base, gone)["trashed"])
        self.assertFalse(self.item(base, gone, back)["trashed"])

    def test_hotp_counter(self):
        seed = "otpauth://hotp/x?secret=AAAA&counter="
        one = self.m.record("one", 1, life(1), secret(self.w, F["otp"], seed + "5", kind=4))

        def count(n):
            return op(k.COUNTER, k.enc_dot((ident("record one"), 1)) + k.enc_number(n), F["otp"])

        self.assertEqual(self.field(self.item(one), "otp")["counter"], 5)
        up, up2 = self.m.record("up", 2, count(9)), self.m.record("up2", 3, count(7))
        self.assertEqual(self.field(self.item(one, up, up2), "otp")["counter"], 9)
        other = self.m.record("other", 4, secret(self.w, F["otp"], seed + "1", kind=4, replaces=[("one", 1)]))
        self.assertEqual(self.field(self.item(one, up, other), "otp")["counter"], 1)
        again = self.m.record("again", 5, secret(self.w, F["otp"], seed + "5", kind=4, origin=[("one", 1)],
                                                 replaces=[("other", 0)]))
        self.assertEqual(self.field(self.item(one, up, other, again), "otp")["counter"], 9)
        totp = self.m.record("totp", 6, secret(self.w, F["otp"], "otpauth://totp/x?secret=AAAA", kind=4,
                                               replaces=[("one", 1)]))
        self.assertIsNone(self.field(self.item(one, totp), "otp")["counter"])

    def test_erased(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"), secret(self.w, F["password"], "p"))
        two = self.m.record("two", 2, secret(self.w, F["password"], "q", replaces=[("base", 2)]))
        wipe = self.m.record("wipe", 3, erase(("base", 2)))
        item = self.item(base, two, wipe)
        self.assertEqual((self.field(item, "password")["value"], item["history"]), ("q", []))
        # A head that is erased: no value, and the replaced one does not come back.
        item = self.item(base, two, self.m.record("wipe2", 3, erase(("two", 0))))
        self.assertEqual([f["id"] for f in item["fields"]], ["title"])
        # All value operations erased: not shown. LIFE cannot be erased.
        self.assertEqual(self.items(base, self.m.record("wipe3", 3, erase(("base", 0), ("base", 1), ("base", 2)))), [])

    def test_rewritten_and_whole_copy_of_an_erased_record_are_one(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"), secret(self.w, F["password"], "p"))
        bare = k.parse_record(base.encode())
        bare.ops[2] = bare.ops[2].without_content()
        wipe = self.m.record("wipe", 3, erase(("base", 2)))
        vault = self.open(self.w.record(base), self.w.record(bare), self.w.record(wipe))
        self.assertEqual((len(vault.state.records), vault.state.reports), (2, []))
        vault = self.open(self.w.record(base), self.w.record(bare))
        self.assertIn("different records", vault.state.reports[0])

    def test_same_id_twice(self):
        a = self.m.record("r", 1, life(1), text(F["title"], "a"))
        b = self.m.record("r", 1, life(1), text(F["title"], "b"), seq=a.seq)
        b.previous = a.previous
        for order in ((a, b), (b, a)):
            vault = self.open(*[self.w.record(r) for r in order])
            self.assertIn("different records", vault.state.reports[0])
            self.assertEqual(self.field(k.export(vault.state)["items"][0], "title")["value"], "a")

    def test_same_number_twice(self):
        a = self.m.record("a", 1, life(1), text(F["title"], "a"), seq=1)
        b = self.m.record("b", 2, text(F["username"], "b"), seq=1)
        vault = self.open(self.w.pack(a, b))
        self.assertEqual((len(vault.state.records), len(vault.state.reports)), (2, 1))

    def test_unknown_tags_are_carried_and_replace(self):
        base = self.m.record("base", 1, life(1), text(F["title"], "x"), text(F["username"], "u"))
        new = self.m.record("new", 2, op(77, b"\xff\xff", F["username"], replaces=[("base", 2)], sealed=[b"abc"]))
        item = self.item(base, new)
        self.assertEqual([f["id"] for f in item["fields"]], ["title"])

    def test_a_sealed_value_opens_only_in_its_field(self):
        record = self.m.record("r", 1, life(1), secret(self.w, F["password"], "p"), text(F["title"], "t"))
        record.ops[1].field = F["pin"]
        with self.assertRaisesRegex(k.Refused, f"value of pin in item {ident('item login').hex()}"):
            self.items(record)

    def test_what_is_a_whole_hotp_uri(self):
        for seed, start in [("otpauth://hotp/x?secret=aaaa", 0), (" OTPauth://HOTP/?counter=7&Secret=aa-aa+ab== ", 7),
                            ("otpauth://hotp/x?counter=7", None), ("otpauth://hotp/x?secret=&counter=7", None),
                            ("otpauth://hotp/x?secret=a1", None), ("otpauth://hotp/x?secret=aa&counter=-1", None),
                            ("otpauth://hotp/x?secret=aa&counter=1&counter=1", None), ("otpauth://totp/x?secret=aa", None),
                            ("otpauth://hotp/x?secret=aa&digits=5", None), ("otpauth://[?secret=aa", None)]:
            self.assertEqual(k.hotp_start(seed), start, seed)

    def test_other_operations_are_read(self):
        record = self.m.record("r", 1, op(k.UNDONE, bytes(16), item=0), op(k.SLOT_OP, b"\x01" + k.enc_text("l"), bytes(16), item=0),
                               op(k.RETIRE, k.enc_bytes(bytes(1024)), ident("nobody"), item=0), erase(("none", 0)))
        self.assertEqual(self.open(self.w.record(record)).state.reports, [])

    def test_time_beyond_the_year_9999(self):
        record = self.m.record("r", 1, life(1), text(F["title"], "t", at=(1 << 64) - 1))
        self.assertEqual(self.field(self.item(record), "title")["changed"], "9999-12-31T23:59:59.999Z")


class Fuzz(Bench):
    def test_bent_records_never_break_the_reader(self):
        # Sealed anew after bending, so that the codec and the fold see them.
        rng = random.Random(7)
        base = self.m.record("r", 1, life(1), text(F["title"], "t"), secret(self.w, F["otp"], "otpauth://hotp/x", kind=4),
                             tag("a"), url("u", 1, "https://x"), erase(("x", 1)), op(k.RETIRE, b"\0", bytes(16), item=0))
        raw = base.encode()
        read = 0
        for _ in range(1500):
            bent = bytearray(raw)
            for _ in range(rng.choice((1, 1, 2, 5))):
                bent[rng.randrange(len(bent))] = rng.choice((0, 1, 16, 250, 251, 252, 253, 255, rng.randrange(256)))
            try:
                record = k.parse_record(bytes(bent))
            except k.Malformed:
                continue
            try:
                k.to_json(k.export(k.State([base, record], self.w.keys, VAULT_ID)))
            except k.Refused:
                pass  # A sealed value that was bent.
            read += 1
        self.assertGreater(read, 100)

    def test_bent_files_never_break_the_reader(self):
        rng = random.Random(8)
        big = self.w.record(self.m.record("big", 1, life(1), text(F["notes"], "x" * 3000)))
        data = preamble() + self.recovery + big + self.w.frame(k.CHUNK, bytes(3000)) + big[:1024] + big
        for _ in range(150):
            bent = bytearray(data)
            for _ in range(3):
                start = rng.randrange(2048, len(bent))
                bent[start:start + rng.choice((1, 24, 1024))] = rng.randbytes(rng.choice((0, 1, 24, 1024)))
            vault = k.open_vault(bytes(bent), k.Ways(recovery=SYMBOLS + k.recovery_checksum(SYMBOLS)))
            k.check_report(vault)


class Vectors(unittest.TestCase):
    def test_the_files_are_what_the_code_makes_and_say_what_the_reader_finds(self):
        self.assertEqual(make_vectors.differences(), [])


class CommandLine(Bench):
    def test_all_commands(self):
        record = self.m.record("r", 1, life(1), text(F["title"], "caf\u00e9"), secret(self.w, F["password"], "hunter2"))
        data = preamble() + self.w.slot(1, "pw") + self.w.record(record)
        with tempfile.TemporaryDirectory() as folder:
            paths = {}
            for name, content in [("vault", data), ("pw", (PASSWORD + "\nmore").encode()), ("bad", b"x\n")]:
                paths[name] = os.path.join(folder, name)
                with open(paths[name], "wb") as file:
                    file.write(content)

            def run(password, *command):
                return subprocess.run([sys.executable, os.path.join(HERE, "keyfold_reader.py"), paths["vault"],
                                       "--password-file", paths[password], *command], capture_output=True)

            out = run("pw")
            self.assertEqual(out.returncode, 0, out.stderr)
            self.assertTrue(out.stdout.startswith(b'{\n  "schema": 1,\n  "format": "keyfold-export",\n  "items": [\n    {\n'))
            self.assertIn('"café"'.encode(), out.stdout)
            self.assertEqual(json.loads(run("pw", "check").stdout), {"frames": 2, "records": 1, "unknown": 0, "forged_slots": 0, "damage": []})
            self.assertEqual(json.loads(run("pw", "slots").stdout)[0]["live"], True)
            self.assertNotIn(b"hunter2", run("pw", "records").stdout)
            self.assertEqual(run("bad").returncode, 1)


if __name__ == "__main__":
    unittest.main()
