# SPDX-License-Identifier: BSD-3-Clause
"""No argument crashes the interpreter: wrong types, malformed records, objects that change while they are read.

usage: test_misuse.py SOURCE_ROOT
"""

import gc
import random
import sys
import unittest

import nemea_events
import pytrap

sys.argv.pop(1)
SPEC = 'ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,string DNS_Q_NAME'


class Fake:
    """Looks like a template."""

    def __init__(self, data, spec=f'({SPEC})'):
        self.data, self.spec = data, spec

    def getData(self):
        return self.data

    def __str__(self):
        return self.spec


class Angry:
    def __str__(self):
        raise KeyError('angry')

    __float__ = __index__ = __iter__ = __str__


def things():
    """Values of all types, none of them an alert."""
    deep = []
    for _ in range(200):
        deep = [deep]
    endless = {}
    endless['self'] = [endless, endless]
    return [None, True, -1, 2 ** 70, 1.5, float('nan'), float('inf'), '', 'x', '\udcff', 'a\0b', b'', b'\xff', bytearray(b'x'), [], (), {}, set(),
            [1, 'x'], {'SRC_IP': 5}, {5: 6, None: b'\xff'}, object(), Angry(), type, len, deep, endless, {'x': Angry()}, {Angry(): 1},
            Fake(b''), Fake(b'x' * 70000), Fake('text'), Fake(None), Fake(bytes(200), '()'), Fake(bytes(200), 'int'), Fake(bytes(200), '\udcff'),
            Fake(bytearray(10)), Fake(b'\xff' * 100), Fake(bytes(48) + b'\xff\xff\xff\xff'), pytrap.UnirecTemplate(SPEC), Fake]


class Misuse(unittest.TestCase):
    def tolerate(self, function, *arguments, **keywords):
        """A result or one of the exceptions that are meant."""
        try:
            return function(*arguments, **keywords)
        except (TypeError, ValueError, KeyError, OverflowError, AttributeError, pytrap.TrapError):
            return None

    def test_any_argument(self):
        names = nemea_events.REPORTERS + nemea_events.DETECTORS
        for thing in things():
            for function in (nemea_events.event, nemea_events.idea, nemea_events.idea_of_event, nemea_events.Reporter, nemea_events.Events):
                self.tolerate(function, thing)
                self.tolerate(function, thing, thing)
                self.tolerate(function, thing, thing, thing, thing)
            for name in names:
                self.tolerate(nemea_events.idea, name, thing)
                self.tolerate(nemea_events.event, name, thing)
            for keyword in ('name', 'window', 'blacklists', 'prefixes', 'now'):
                self.tolerate(nemea_events.idea, 'blacklist', {'blacklist_id': 1, 'type': 'ip'}, **{keyword: thing})

    def test_clear_errors(self):
        for arguments, text in ((('nobody', {}), "'nobody' is no reporter"), ((5, {}), 'reporter must be str'),
                                (('venom', 5), 'the record must be a dict'), (('venom', Fake(b'')), 'the record is malformed')):
            with self.assertRaisesRegex((TypeError, ValueError), text):
                nemea_events.idea(*arguments)
        with self.assertRaisesRegex(ValueError, "'192.0.2.0/33' is no prefix"):
            nemea_events.Reporter('smashedblacklist', prefixes=['192.0.2.0/33'])
        with self.assertRaisesRegex(ValueError, 'the id is 65; expected 1 to 64'):
            nemea_events.Reporter('blacklist', blacklists=[(False, 65, 'n', 'c', 's')])
        with self.assertRaisesRegex(ValueError, 'nested deeper'):
            nemea_events.idea_of_event({'x': things()[25]})

    def test_malformed_records(self):
        source = random.Random(5)
        for _ in range(3000):
            data = bytes(source.getrandbits(8) for _ in range(source.randrange(80)))
            self.tolerate(nemea_events.idea, 'dgadetection', Fake(data))
            self.tolerate(nemea_events.event, 'dga', Fake(data))

    def test_too_much(self):
        with self.assertRaisesRegex(ValueError, 'longer than'):
            nemea_events.event('venom', {'x': ['y' * 100000] * 100})
        with self.assertRaisesRegex(ValueError, 'more than 100000'):
            nemea_events.event('venom', {'x': [0] * 200000})

    def test_objects_that_change(self):
        record = {}

        class Clearing:
            def __str__(self):
                record.clear()
                grown.clear()
                gc.collect()
                return 'text'

        grown = [Clearing(), 1, 2]
        record.update({'SRC_IP': Clearing(), 'a': grown, 'b': 1})
        self.tolerate(nemea_events.idea, 'venom', record)
        grown = [Clearing(), 1, 2]
        self.tolerate(nemea_events.idea, 'venom', {'a': grown})

        class Growing(list):
            def __iter__(self):
                while True:
                    yield 1

        self.tolerate(nemea_events.idea, 'venom', {'a': Growing()})

    def test_types_cannot_be_misused(self):
        for kind in (nemea_events.Events, nemea_events.Reporter):
            self.tolerate(kind.__new__, object)
            self.tolerate(kind.__new__, int)
            with self.assertRaises(TypeError):
                type('Derived', (kind,), {})
        for name in ('add', 'take'):
            with self.assertRaises(TypeError):
                getattr(nemea_events.Events, name)(5)
        with self.assertRaises(TypeError):
            nemea_events.Reporter.idea(5, {})

    def test_many_formats(self):
        for i in range(200):
            self.tolerate(nemea_events.idea, 'venom', Fake(bytes(4), f'(uint32 FIELD{i})'))

    def test_reporters_do_not_grow(self):
        record = {'blacklist_id': 1, 'type': 'ip', 'source': '192.0.2.1', 'targets': ['192.0.2.2']}
        reporter = nemea_events.Reporter('blacklist', name='a', blacklists=[(False, 1, 'n', 'c', 's')])
        before = sys.gettotalrefcount() if hasattr(sys, 'gettotalrefcount') else None
        known = sys.getrefcount(None)
        for _ in range(2000):
            reporter.idea(record)
        self.assertLess(abs(sys.getrefcount(None) - known), 500)
        self.assertTrue(before is None or sys.gettotalrefcount() - before < 500)


if __name__ == '__main__':
    unittest.main()
