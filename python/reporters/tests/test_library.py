# SPDX-License-Identifier: BSD-3-Clause
"""What reporters of users import, the checks of IDEA, paths of marks, spools, and ip_prefix_search."""

import os
import random
import unittest
from datetime import datetime

import pytrap
from ip_prefix_search import IPPSContext, IPPSInterval, IPPSNetwork
from report2idea import idea, values
from report2idea.spool import Spool, open_spool
from support import ALERT, Case, alert


class StarImport(Case):
    def test_names(self):
        names = {}
        exec('from report2idea import *', names)  # as reporters of users do
        for name in ('Run', 'getRandomId', 'getIDEAtime', 'setAddr', 'parseRFCtime', 'check_valid_timestamps', 'DEFAULT_NODE_NAME', 'pytrap',
                     'argparse', 'json', 'sys', 'logging', 're', 'datetime', 'timedelta', 'uuid4', 'signal', 'Config', 'DropMsg', 'trap', 'config'):
            self.assertIn(name, names)
        self.assertEqual(names['DEFAULT_NODE_NAME'], 'undefined')
        self.assertIsInstance(names['trap'], pytrap.TrapCtx)
        self.assertRegex(names['getRandomId'](), r'^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')
        self.assertEqual(names['getIDEAtime'](pytrap.UnirecTime('2026-03-01T10:00:00.999')), '2026-03-01T10:00:00Z')
        self.assertRegex(names['getIDEAtime'](), r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        addresses = {}
        for text in ('192.0.2.1', '2001:db8::1', '192.0.2.2'):
            names['setAddr'](addresses, pytrap.UnirecIPAddr(text))
        self.assertEqual(addresses, {'IP4': ['192.0.2.1', '192.0.2.2'], 'IP6': ['2001:db8::1']})

    def test_nothing_is_imported_before_it_is_needed(self):
        import subprocess
        import sys
        code = ('import sys, report2idea; '
                'assert not {"jinja2", "pymongo", "redis", "warden_client", "numpy"} & set(sys.modules), "loaded"')
        subprocess.run([sys.executable, '-c', code], check=True)

    def test_times(self):
        self.assertEqual(idea.parseRFCtime('2026-03-01T11:30:00.25+01:30'), datetime(2026, 3, 1, 10, 0, 0, 250000))
        for text in ('2026-03-01', '2026-13-01T00:00:00Z', '2026-03-01T00:00:00', '', None, 5, '2026-03-01T25:00:00Z', '0001-01-01T00:00:00+23:00'):
            with self.assertRaises(ValueError) as raised:
                idea.parseRFCtime(text)
            self.assertEqual(str(raised.exception), 'Wrong timestamp format')
        self.assertTrue(idea.check_valid_timestamps(ALERT))
        self.assertTrue(idea.check_valid_timestamps({}))
        self.assertFalse(idea.check_valid_timestamps(alert(DetectTime='2026-03-01T10:05:02Z')))
        self.assertTrue(idea.check_valid_timestamps(alert(DetectTime='2026-03-02T10:05:01Z'), dfuture=1))
        self.assertFalse(idea.check_valid_timestamps(alert(EventTime='2026-02-28T10:05:00Z')))


class Checks(unittest.TestCase):
    def test_good(self):
        idea.check(ALERT)
        idea.check({'Unknown': {'$x': [1]}, 'Category': [], 'Source': [], 'Node': []})
        idea.check(alert(Source=[{'Type': 'Miner', 'IP4': ['1.2.3.4', '10.0.0.0/8', '10.0.0.1-10.0.0.5']}], Confidence=0.5, Ref=['urn:x']))

    def test_wrong(self):
        for changes, expected in (({'ID': '../x'}, 'ID'), ({'Format': 'IDEA1'}, 'IDEA0'), ({'Category': ['a.b.c']}, 'Category'),
                                  ({'Source': [{'IP4': ['1.2.3']}]}, 'Source.IP4'), ({'Source': ['x']}, 'an object'),
                                  ({'Node': [{'Name': 'Bad-Name'}]}, 'Node.Name'), ({'Node': [{'AggrWin': '5'}]}, 'duration'),
                                  ({'Target': [{'Port': ['x']}]}, 'integer'), ({'FlowCount': 1.5}, 'FlowCount'), ({'Confidence': 'x'}, 'Confidence'),
                                  ({'Ref': ['no uri']}, 'URI'), ({'DetectTime': 'now'}, 'DetectTime'), ({'Source': [{'Type': ['a b']}]}, 'Type')):
            with self.assertRaises(idea.IdeaError) as raised:
                idea.check(alert(**changes))
            self.assertIn(expected, str(raised.exception))
        for value in (None, 5, [], 'x'):
            self.assertRaises(idea.IdeaError, idea.check, value)

    def test_marks(self):
        def marked(path, value=1, start=None):
            result = {} if start is None else start
            idea.set_value(result, idea.parse_mark(path), value)
            return result
        self.assertEqual(marked('_CESNET.Wh[1]', 'v'), {'_CESNET': {'Wh': ['v']}})
        self.assertEqual(marked('A.B.C'), {'A': {'B': {'C': 1}}})
        self.assertEqual(marked('A[#]', 9, {'A': [1, 2]}), {'A': [1, 9]})
        self.assertEqual(marked('A[*]', 9, {'A': [1, 2]}), {'A': [1, 2, 9]})
        self.assertEqual(marked('A[7]', 9, {'A': [1]}), {'A': [1, 9]})
        self.assertEqual(marked('A[2].X', 9, {'A': [{}]}), {'A': [{}, {'X': 9}]})
        self.assertEqual(marked('A', 9, {'A': [1]}), {'A': 9})
        for path in ('', 'A..B', 'A[0]', 'A[x]', 'A b', None, '.A', 'A[1'):
            self.assertRaises(ValueError, idea.parse_mark, path)
        self.assertRaises(ValueError, marked, 'A.B', 1, {'A': 'text'})
        self.assertRaises(ValueError, marked, 'A[1]', 1, {'A': {}})

    def test_ranges(self):
        source = random.Random(3)
        ranges = []
        for _ in range(300):
            first = source.randrange(1000)
            ranges.append((source.choice((4, 6)), first, first + source.randrange(60)))
        members = values.RangeSet(ranges)
        for _ in range(3000):
            first = source.randrange(1000)
            one = (source.choice((4, 6)), first, first + source.randrange(20))
            expected = any(r[0] == one[0] and r[1] <= one[1] and one[2] <= r[2] for r in ranges)
            self.assertEqual(one in members, expected)
        self.assertEqual(values.parse_range('192.0.2.77/24'), (4, 0xc0000200, 0xc00002ff))
        for text in ('', 'x', '1.2.3.4/', '1.2.3.4/-1', '1.2.3.4-::1', '1.2.3.4/24/24', '01.2.3.4.5', '1.2.3.4\0', 'é', None, [], 5):
            self.assertRaises(ValueError, values.parse_range, text)


class Spools(Case):
    def spool(self, **keywords):
        return Spool(self.path('spool'), 'test', **keywords)

    @staticmethod
    def kill(spool):
        """What the kernel does for a process that is killed."""
        os.close(spool._position)
        if spool._out >= 0:
            os.close(spool._out)
        if spool._reader:
            spool._reader.close()

    def test_order_and_restart(self):
        spool = self.spool(segment=64)
        expected = [f'line {i}'.encode() for i in range(100)]
        for line in expected:
            self.assertTrue(spool.put(line))
        self.assertEqual(spool.peek(7), expected[:7])
        spool.done(5)
        again = []
        spool.close()
        spool = self.spool(segment=64)
        self.assertEqual(spool.waiting, 95)
        while spool.waiting:
            lines = spool.peek(10)
            again += lines
            spool.done(len(lines))
            if len(again) == 50:
                spool.put(b'late')
        self.assertEqual(again, expected[5:] + [b'late'])
        spool.close()
        self.assertEqual(os.listdir(self.path('spool')), [])

    def test_random(self):
        """Against a list, with crashes: what was put and not done is there."""
        source = random.Random(4)
        model, spool, number = [], self.spool(segment=50, limit=100000), 0
        for _ in range(4000):
            what = source.randrange(10)
            if what < 5:
                number += 1
                self.assertTrue(spool.put(b'%d' % number))
                model.append(b'%d' % number)
            elif what < 9:
                lines = spool.peek(source.randrange(1, 9))
                self.assertEqual(lines, model[:len(lines)])
                count = source.randrange(len(lines) + 1)
                spool.done(count)
                del model[:count]
            elif what == 9 and source.randrange(20) == 0:
                self.kill(spool)
                spool = self.spool(segment=50, limit=100000)
            self.assertEqual(spool.waiting, len(model))

    def test_bounds(self):
        spool = self.spool(limit=1000, segment=100)
        self.assertEqual(sum(spool.put(b'x' * 49) for _ in range(100)), 20)
        self.assertEqual(spool.waiting, 20)
        spool.peek(3)
        spool.done(3)
        self.assertTrue(spool.put(b'x' * 49))
        self.assertLessEqual(sum(os.path.getsize(self.path('spool', name)) for name in os.listdir(self.path('spool'))), 1200)

    def test_names_and_damage(self):
        first, second = self.spool(), self.spool()
        self.assertNotEqual(first.base, second.base)  # two processes do not share one
        first.put(b'whole')
        with open(first.base + '.00000001', 'ab') as file:
            file.write(b'torn')
        self.kill(first)
        first = self.spool()
        self.assertEqual((first.waiting, first.damaged, first.peek(9)), (1, 1, [b'whole']))
        self.assertEqual(os.stat(first.base + '.position').st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.path('spool')).st_mode & 0o777, 0o700)

    def test_no_place(self):
        spool = open_spool(self.write('file', '') + '/below', 'test', 1000, self.log)
        self.assertIn('only as long as this process', self.logged.getvalue())
        self.assertTrue(spool.put(b'x'))
        spool.done(len(spool.peek(1)))
        spool.close()


class Prefixes(Case):
    def test_search(self):
        path = self.write('list', '192.0.2.0/24,wide\n\n192.0.2.128/25,narrow,more\n10.0.0.0/8\n2001:db8::/32,six\n192.0.2.200,host\n')
        ctx = IPPSContext.fromFile(path)
        for ip, expected in (('192.0.2.1', ['wide']), ('192.0.2.130', ['wide', 'narrow,more']), ('192.0.2.200', ['wide', 'narrow,more', 'host']),
                             ('10.9.9.9', True), ('11.0.0.0', False), ('2001:db8:1::', ['six']), ('2001:db9::', False), ('192.0.3.0', False)):
            self.assertEqual(ctx.ip_search(pytrap.UnirecIPAddr(ip)), expected, ip)
        self.assertRaises(TypeError, ctx.ip_search, '192.0.2.1')
        self.assertIsNone(IPPSContext.fromFile(5))
        self.assertRaises(TypeError, IPPSContext, 5)
        self.assertRaises(TypeError, IPPSContext, ['192.0.2.0/24'])
        self.assertRaises(ValueError, IPPSContext.fromFile, self.write('bad', '1.2.3\n'))
        self.assertEqual(len(IPPSContext([])), 0)
        interval = IPPSInterval('192.0.2.0/24')
        interval.add_data('x')
        self.assertEqual((interval.get_data(), len(interval)), (['x'], 256))

    def test_random(self):
        import ipaddress
        source = random.Random(5)
        networks = [IPPSNetwork(f'10.0.{source.randrange(4)}.{source.randrange(256)}/{source.randrange(20, 33)}', i) for i in range(200)]
        ctx = IPPSContext(networks)
        intervals = ctx.interval_list_v4
        for a, b in zip(intervals, intervals[1:]):
            self.assertLess(a.end, b.start)
        for _ in range(1000):
            ip = f'10.0.{source.randrange(5)}.{source.randrange(256)}'
            expected = [n for n in networks if ipaddress.ip_address(ip) in n.network]
            found = ctx.ip_search(pytrap.UnirecIPAddr(ip))
            self.assertEqual(sorted(found or []), sorted(n.data for n in expected))
            masks = [networks[i].mask for i in found or []]
            self.assertEqual(masks, sorted(masks))


if __name__ == '__main__':
    unittest.main()
