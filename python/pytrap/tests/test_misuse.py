# SPDX-License-Identifier: BSD-3-Clause
"""Random misuse, seeded: malformed records, wrong arguments, objects that change what is in use. Nothing may happen but exceptions.

PYTRAP_FUZZ_ROUNDS sets the number of rounds, PYTRAP_FUZZ_SEED the first random number.
"""

import gc
import os
import random
import unittest

import pytrap
from pytrap import UnirecIPAddr, UnirecIPAddrRange, UnirecIPList, UnirecMACAddr, UnirecMACAddrRange, UnirecTemplate, UnirecTime
from support import ALL_TYPES, Case

ROUNDS = int(os.environ.get('PYTRAP_FUZZ_ROUNDS', '150'))
SEED = int(os.environ.get('PYTRAP_FUZZ_SEED', '1'))
EXPECTED = (pytrap.TrapError, TypeError, ValueError, OverflowError, IndexError, BufferError, AttributeError, NotImplementedError,
            StopIteration, RuntimeError, KeyError)
FORMATS = [ALL_TYPES, 'uint8 A,string TEXT', 'string TEXT,bytes SB,ipaddr* AIP', '', 'ipaddr IP', 'uint64 U64,int8* AI8']


class Misuse(Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def evil(self, act):
        """Objects that do something while they are converted."""
        class Evil:
            def __index__(self):
                act()
                return 7

            def __float__(self):
                act()
                return 1.5

            def __eq__(self, other):
                act()
                return True

            def __hash__(self):
                act()
                return 1

            def __str__(self):
                act()
                return 'x'
        return Evil()

    def value(self, act):
        r = self.random
        simple = [None, True, 0, -1, 255, 2**31, 2**63, 2**64, -2**70, 1.5, float('nan'), '', 'x', 'x' * r.randrange(70000), b'', b'y' * 300,
                  bytearray(b'z' * 40), UnirecIPAddr('10.0.0.1'), UnirecMACAddr('1:2:3:4:5:6'), UnirecTime(5), '10.0.0.1', object(), {},
                  (1, 2), '\ud800', 'a\0b', self.evil(act)]
        if r.random() < 0.4:
            return [r.choice(simple) for _ in range(r.choice((0, 1, 5, 9000)))]
        return r.choice(simple)

    def record(self):
        r = self.random
        size = r.choice((0, 1, 5, 8, 40, 150, 400, 66000))
        data = bytearray(r.choice((bytes(size), r.randbytes(size))))
        for _ in range(r.randrange(6)):
            if data:
                data[r.randrange(len(data))] = r.choice((0, 1, 255))
        return data if r.random() < 0.7 else bytes(data)

    def attempt(self, function, *arguments, **keywords):
        try:
            return function(*arguments, **keywords)
        except EXPECTED:
            return None

    def test_templates(self):
        r = self.random
        templates = [UnirecTemplate(f) for f in FORMATS]
        data = bytearray(500)

        def act():
            what = r.randrange(6)
            if what == 0:
                self.attempt(data.clear)
            elif what == 1:
                self.attempt(data.extend, bytes(r.randrange(5000)))
            elif what == 2:
                self.attempt(r.choice(templates).setData, self.record())
            elif what == 3:
                gc.collect()
            elif what == 4:
                self.attempt(r.choice(templates).createMessage, r.randrange(2000))
            else:
                raise ValueError('while it is converted')
        names = [f.split()[1] for f in ALL_TYPES.split(',')] + ['A', 'NONE', 'setData', '__class__']
        for _ in range(ROUNDS):
            t = r.choice(templates)
            other = r.choice(templates)
            if r.random() < 0.3:
                data = t.createMessage(r.randrange(100))
            elif r.random() < 0.5:
                data = self.record()
                self.attempt(t.setData, data)
            if not isinstance(data, bytearray):
                data = bytearray(data)
            name = r.choice(names)
            number = r.choice((-1, 0, 1, 5, 20, 28, 30000, 2**40))
            for call in (lambda: getattr(t, name), lambda: setattr(t, name, self.value(act)), t.getData, t.getDict, t.strRecord, t.recSize,
                         lambda: list(t), lambda: t.get(self.record(), name), lambda: t.getByID(data, number),
                         lambda: t.setByID(data, number, self.value(act)), lambda: t.set(data, name, self.value(act)),
                         lambda: t.copyMessage(other), lambda: t.setFromDict({n: self.value(act) for n in r.sample(names, 5)}),
                         lambda: t.recVarlenSize(self.record()), lambda: next(t), lambda: delattr(t, name), t.copy):
                if name not in ('__class__', 'setData'):
                    self.attempt(call)
        self.assertEqual(len(templates[0]), 29)

    def test_records_from_files(self):
        r = self.random
        for round_ in range(max(1, ROUNDS // 100)):
            fields = r.choice(FORMATS)
            self.write(fields, [self.record()[:65535] for _ in range(100)])
            spec = f'f:{self.path()}'
            with self.input(spec=spec) as c:
                for record in c.records():
                    record.getDict()  # those that come out are whole
                    record.getData()
            with self.input(spec=spec) as c:
                for data in self.received(c):
                    t = UnirecTemplate(c.getDataFmt()[1])
                    t.setData(data)
                    self.attempt(t.getDict)
                    self.attempt(t.strRecord)
            self.assertGreaterEqual(round_, 0)

    def test_constructors(self):
        def act():
            gc.collect()
        kept = []
        for kind in (UnirecIPAddr, UnirecIPAddrRange, UnirecIPList, UnirecMACAddr, UnirecMACAddrRange, UnirecTime, UnirecTemplate):
            for _ in range(ROUNDS // 5):
                arguments = [self.value(act) for _ in range(self.random.randrange(3))]
                made = self.attempt(kind, *arguments)
                kept.append(made)
                for method in (m for m in dir(kind) if not m.startswith('_')):
                    if made is not None and callable(getattr(kind, method, None)):
                        self.attempt(getattr(made, method), *arguments)
                for other in kept[-3:]:
                    self.attempt(lambda a=made, b=other: (a == b, a != b, a < b))
                    self.attempt(lambda a=made, b=other: a in b)
                    self.attempt(lambda a=made, b=other: a + b)
                self.attempt(str, made)
                self.attempt(repr, made)
            self.attempt(kind.__new__, kind)
            self.attempt(kind.__new__, object)

    def test_memory_does_not_grow(self):
        """A thousand rounds of everything that allocates end with as much memory as the ones before."""
        t = UnirecTemplate(ALL_TYPES)
        t.createMessage(100)
        networks = {UnirecIPAddrRange('10.0.0.0/8'): [1], UnirecIPAddrRange('10.1.0.0/16'): [2]}
        ip, mac = UnirecIPAddr('10.0.0.1'), UnirecMACAddr('1:2:3:4:5:6')

        def work(n):
            for _ in range(n):
                fresh = UnirecTemplate('uint8 FRESH,string TEXT')
                fresh.setFromDict({'TEXT': 'x' * 100})
                fresh.copy().setData(fresh.getData())
                t.setFromDict({'TEXT': 'y' * 50, 'AIP': [ip], 'AMAC': [mac]})
                t.getDict()
                t.strRecord()
                list(t)
                UnirecIPList(networks).findAll(ip)
                ip.inc().dec().to_ipaddress()
                mac.inc()
                UnirecTime.now().toDatetime()
                c = pytrap.TrapCtx()
                c.init(['a', '-i', 'b:'], 0, 1, service_ifcname='')
                self.attempt(setattr, t, 'AIP', [ip, 5])
                self.attempt(UnirecTemplate, 'uint9 X')

        def resident():
            gc.collect()
            with open('/proc/self/statm', encoding='ascii') as file:
                return int(file.read().split()[1]) * 4096
        if 'asan' in os.environ.get('LD_PRELOAD', ''):
            self.skipTest('a sanitizer keeps what is freed')
        work(100)
        before = resident()
        work(400)
        self.assertLess(resident() - before, 400 * 500)  # bytes a round


if __name__ == '__main__':
    unittest.main()
