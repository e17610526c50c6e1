# SPDX-License-Identifier: BSD-3-Clause
"""Events and IDEA messages from Python: the recorded cases of all reporters, through records of pytrap and through dictionaries.

usage: test_events.py SOURCE_ROOT
"""

import ast
import glob
import inspect
import json
import os
import sys
import unittest

import nemea_events
import pytrap

ROOT = sys.argv.pop(1)
CASES = os.path.join(ROOT, 'tests', 'golden', 'idea')
LISTS = [(False, 1, 'TestC2', 'Intrusion.Botnet', 'https://bl.example/c2'), (False, 2, 'Pools', 'Suspicious.Miner', 'https://bl.example/pools'),
         (False, 3, 'Booters', 'Suspicious.Booter', 'https://bl.example/boot'), (False, 4, 'Spam', 'Abusive.Spam', 'https://bl.example/spam'),
         (True, 1, 'UrlMal', 'Malware', 'https://bl.example/url'), (True, 2, 'Phish', 'Fraud.Phishing', 'https://bl.example/phish')]
SCAN = {'SRC_IP': '203.0.113.9', 'DST_PORT': 23, 'PROTOCOL': 6, 'ADDR_CNT': 50, 'ADDR_THRSD': 50, 'DST_IP0': '192.0.2.1',
        'TIME_FIRST': '2026-03-01T10:00:00.5', 'TIME_LAST': '2026-03-01T10:00:05.9'}


def comparable(text):
    """A message as text without what differs from run to run."""
    message = json.loads(text) if isinstance(text, str) else dict(text)
    own = ['ID', 'CreateTime']
    if message.get('DetectTime') == message.get('CreateTime'):
        own.append('DetectTime')
    for key in own:
        if key in message:
            message[key] = None
    return json.dumps(message)


class Cases(unittest.TestCase):
    maxDiff = None

    def reporter(self, case):
        name = nemea_events.Reporter(case['reporter']).module
        window = case['extra_args'][1] if '--aggrwin' in case['extra_args'] else None
        return nemea_events.Reporter(case['reporter'], name=f'org.example.nemea.{name}', window=window, blacklists=LISTS,
                                     prefixes=['2001:db8::/32', '198.51.100.0/24', '192.0.2.255'])

    def records(self, case):
        if case['input_type'] != 'UniRec':
            return case['records']
        found = []
        for values in case['records']:
            template = pytrap.UnirecTemplate(case['input_spec'])
            template.createMessage(4096)
            for field, value in values.items():
                setattr(template, field, value)
            found.append(template)
        return found

    def check(self, path, records):
        with open(path, encoding='utf-8') as file:
            case = json.load(file)
        with open(path.replace('.input.json', '.idea.jsonl'), encoding='utf-8') as file:
            expected = [comparable(line) for line in file]
        reporter = self.reporter(case)
        found = [reporter.idea(record) for record in (self.records(case) if records else case['records'])]
        self.assertEqual([comparable(message) for message in found if message is not None], expected, path)

    def test_recorded_cases_of_records(self):
        paths = sorted(glob.glob(os.path.join(CASES, '*.input.json')))
        self.assertEqual(len(paths), 16)
        for path in paths:
            self.check(path, True)

    def test_recorded_cases_as_dictionaries(self):
        for path in sorted(glob.glob(os.path.join(CASES, '*.input.json'))):
            self.check(path, False)

    def test_values_of_pytrap_in_dictionaries(self):
        record = {'DST_IP': pytrap.UnirecIPAddr('198.51.100.7'), 'BYTES': 5, 'EVENT_ID': 2 ** 64 - 1,
                  'TIME_FIRST': pytrap.UnirecTime(1772359200, 250), 'TIME_LAST': pytrap.UnirecTime(1772359499, 750)}
        message = nemea_events.idea('ddos_detector', record, now=5)
        self.assertEqual(message['Target'], [{'IP4': ['198.51.100.7']}])
        self.assertEqual(message['AltNames'], [str(2 ** 64 - 1)])
        self.assertEqual((message['EventTime'], message['CeaseTime']), ('2026-03-01T10:00:00Z', '2026-03-01T10:04:59Z'))
        self.assertEqual(message['CreateTime'], '1970-01-01T00:00:05Z')


class Reporters(unittest.TestCase):
    def test_every_reporter_has_a_format(self):
        for name in nemea_events.REPORTERS:
            reporter = nemea_events.Reporter(name)
            self.assertEqual(reporter.reporter, name)
            self.assertNotEqual(reporter.fields is None, reporter.json is None)
            if reporter.fields:
                pytrap.UnirecTemplate(reporter.fields.replace('uint64 EVENT_ID', 'uint32 EVENT_ID'))

    def test_every_detector_has_messages(self):
        for name in nemea_events.DETECTORS:
            message = nemea_events.idea(name, {'SRC_IP': '192.0.2.1', 'DST_IP': '192.0.2.2', 'TIME_FIRST': 5, 'TIME_LAST': 6,
                                               'source': '192.0.2.1', 'dst_ips': {'192.0.2.2': 5}})
            self.assertTrue(message is None or message['Node'], name)

    def test_message_of_a_detector_without_reporter(self):
        message = nemea_events.idea('ipblacklistfilter', {'SRC_IP': '192.0.2.1', 'DST_IP': '192.0.2.2', 'SRC_BLACKLIST': 1, 'PROTOCOL': 6,
                                                          'SRC_PORT': 443, 'DST_PORT': 5000, 'TIME_FIRST': 5, 'TIME_LAST': 6}, name='a.b')
        self.assertEqual(message['Node'][0], {'Name': 'a.b', 'SW': ['Nemea', 'ipblacklistfilter'], 'Type': ['Flow']})


class Events(unittest.TestCase):
    def schema(self):
        with open(os.path.join(ROOT, 'docs', 'event.schema.json'), encoding='utf-8') as file:
            return json.load(file)

    def test_one_alert(self):
        event = nemea_events.event('haddrscan_detector', SCAN)
        schema = self.schema()
        self.assertEqual(list(event)[:len(schema['required'])], schema['required'])  # others come after them
        self.assertLessEqual(set(event), set(schema['properties']))
        self.assertEqual((event['kind'], event['ports'], event['attack']), ('horizontal-scan', [23], ['T1046']))
        self.assertIn('203.0.113.9 probed TCP port 23 of 50 hosts', event['reason'])
        self.assertEqual(nemea_events.KINDS, tuple(schema['properties']['kind']['enum']))

    def test_alerts_are_joined(self):
        events = nemea_events.Events()
        first = events.add('haddrscan_detector', SCAN)
        second = events.add('haddrscan_detector', dict(SCAN, DST_IP0='192.0.2.2'))
        self.assertEqual((first['id'], first['alerts'], second['alerts'], len(events)), (second['id'], 1, 2, 1))
        taken = events.take()
        self.assertEqual([e['id'] for e in taken], [first['id']])
        self.assertEqual((len(events), events.take(), events.received, events.dropped, events.ignored), (0, [], 2, 0, 0))

    def test_message_of_an_event(self):
        event = nemea_events.event('haddrscan_detector', SCAN)
        one, other = (nemea_events.idea_of_event(event, name='org.example') for _ in range(2))
        self.assertEqual(one['ID'].replace('-', ''), event['id'])
        self.assertEqual((one['ID'], one['Note']), (other['ID'], event['reason']))

    def test_list_is_bounded(self):
        events = nemea_events.Events()
        for i in range(nemea_events.EVENTS_MAX + 5):
            events.add('haddrscan_detector', dict(SCAN, SRC_IP=f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}'))
        self.assertEqual((len(events), events.dropped), (nemea_events.EVENTS_MAX, 5))


class Stubs(unittest.TestCase):
    def test_all_names(self):
        with open(os.path.join(ROOT, 'python', 'nemea_events', 'nemea_events', 'events.pyi'), encoding='utf-8') as file:
            tree = ast.parse(file.read())
        named = {}
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                named[node.name] = node
            elif isinstance(node, ast.AnnAssign):
                named[node.target.id] = node
        there = {name for name in vars(nemea_events.events) if not name.startswith('_')}
        self.assertEqual(there, set(named))
        for name, node in named.items():
            thing = getattr(nemea_events, name)
            if isinstance(node, ast.FunctionDef):
                self.assertEqual(list(inspect.signature(thing).parameters), [a.arg for a in node.args.args], name)
            elif isinstance(node, ast.ClassDef):
                members = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith('__')}
                self.assertEqual({n for n in vars(thing) if not n.startswith('_')}, set(members), name)
                for member in members:
                    self.assertTrue(getattr(thing, member).__doc__, member)
            if not isinstance(node, ast.AnnAssign):
                self.assertTrue(thing.__doc__, name)


if __name__ == '__main__':
    unittest.main()
