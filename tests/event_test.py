#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Events in reports: the schema, ids, detectors that are chosen or not run, fields of detectors that contradict each other.

usage: event_test.py BIN_DIR
"""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import unittest

import captures
import demo
import event_schema
from programs import ROOT, Workspace

BIN = None
SWEEPS = os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst')
KEYS_1 = ['detector', 'what', 'first', 'last', 'source', 'victim', 'victim_samples', 'port', 'protocol', 'amount', 'unit', 'bytes', 'sources',
          'confidence', 'alerts', 'kind', 'reason']
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,'
         'uint8 PROTOCOL,uint8 TCP_FLAGS')


class Events(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def analyze(self, *arguments, status=0, **options):
        result = self.w.run('nemea', 'analyze', *arguments, **options)
        self.assertEqual(result[0], status, result)
        return result[1], result[2]

    def report(self, *arguments, **options):
        report = json.loads(self.analyze('--json', *arguments, **options)[0])
        self.assertEqual(report['schema'], 2)
        for event in report['events']:
            event_schema.check(event)
        return report

    def test_reports_have_the_events_of_the_schema(self):
        """Scans, sweeps, floods; JSON and CSV say the same."""
        names = ['vertical-scans-ipv4', 'horizontal-sweeps', 'syn-flood-ipv4']
        paths = [os.path.join(demo.CAPTURES, name + '.pcap.zst') for name in names]
        events = self.report('--csv', 'csv', *paths)['events']
        self.assertEqual({event['kind'] for event in events}, {'vertical-scan', 'horizontal-scan', 'flood'})
        self.assertEqual(len({event['id'] for event in events}), len(events))
        with open(self.w.file('csv/alerts.csv'), encoding='utf-8', newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), len(events))
        for row, event in zip(rows, events):
            for key in ('id', 'kind', 'detector', 'begin', 'end', 'confidence', 'reason', 'state'):
                self.assertEqual(row[key], event[key])
            for key in ('protocol', 'flows', 'packets', 'bytes', 'alerts'):
                self.assertEqual(row[key], '' if event[key] is None else str(event[key]))
            for side in ('sources', 'targets'):
                known, count = event_schema.hosts(event[side])
                self.assertEqual((row[side].split(), row[side + '_count']), (known, str(count) if event[side] else ''))
            self.assertEqual((row['ports'].split(), row['attack'].split()), ([str(port) for port in event['ports']], event['attack']))

    def test_a_sweep_counts_its_targets(self):
        event = self.report('--detectors', 'haddrscan_detector', SWEEPS)['events'][0]
        self.assertEqual(event_schema.hosts(event['sources']), (['10.10.5.201'], 1))
        known, count = event_schema.hosts(event['targets'])
        self.assertEqual((len(known), count, event['ports'], event['protocol'], event['attack']), (16, 256, [23], 6, ['T1046']))
        self.assertEqual(event['id'], event_schema.event_id('haddrscan_detector', 'horizontal-scan', event['begin'], source='10.10.5.201', protocol=6))

    def test_the_example_of_the_manual(self):
        with open(os.path.join(ROOT, 'docs', 'analyze.md'), encoding='utf-8') as file:
            text = file.read()
        example = json.loads(re.search(r'```json\n(.*?)```', text, re.S).group(1))
        self.assertEqual(self.report(os.path.join(demo.CAPTURES, 'vertical-scans-ipv4.pcap.zst'))['events'][0], example)
        hashed = re.search("printf '%s' '(.*)' \\| sha256sum", text).group(1)
        self.assertEqual(hashlib.sha256(hashed.encode()).hexdigest()[:32], example['id'])

    def test_version_1_stays(self):
        report = json.loads(self.analyze('--json=1', '--detectors', 'haddrscan_detector', SWEEPS)[0])
        self.assertEqual(list(report), ['schema', 'inputs', 'interface', 'notes', 'complete', 'events', 'alerts_not_shown', 'traffic'])
        self.assertEqual(report['schema'], 1)
        self.assertTrue(report['events'])
        for event in report['events']:
            self.assertEqual(list(event), KEYS_1)
        self.assertEqual(len(report['events'][0]['victim_samples']), 4)
        self.assertIn('expected 1 or 2', self.analyze('--json=9', SWEEPS, status=2)[1])

    def test_list_of_detectors(self):
        """What a detector needs is what its own help says; it may need for its events what it can do without otherwise, or what an
        option chooses, whose names are in the help of this option."""
        described = json.loads(self.analyze('--list-detectors', '--json')[0])
        lines = self.analyze('--list-detectors')[0].splitlines()
        self.assertEqual([line.split(':')[0] for line in lines], [entry['detector'] for entry in described])
        kinds = event_schema.SCHEMA['properties']['kind']['enum']
        for entry, line in zip(described, lines):
            text = ' '.join(self.w.run(entry['detector'], '-h')[1].split())
            wanted, _, optional = re.search(r'\bInput(?: [^:]*)?:(.*?) (?:In|Out)put', text).group(1).partition('; optional:')
            fields = set(wanted.strip().split(', '))
            self.assertLessEqual(fields, set(entry['fields']), entry['detector'])
            known = fields | set(optional.strip().split(', '))
            self.assertEqual([f for f in entry['fields'] if f not in known and f.split()[1] not in text], [], entry['detector'])
            self.assertTrue(entry['kinds'] and set(entry['kinds']) <= set(kinds), entry)
            for word in entry['kinds'] + entry['plugins'] + [field.split()[1] for field in entry['fields']]:
                self.assertIn(word, line)

    def test_choice_of_detectors(self):
        report = self.report('--detectors', 'vportscan_detector,ddos_detector', SWEEPS)
        self.assertEqual((report['events'], report['skipped'], report['complete']), ([], [], True))
        _, err = self.analyze('--detectors', 'vportscan_detector,nosuch', SWEEPS, status=2)
        self.assertIn('unknown detector "nosuch"', err)
        self.assertIn('haddrscan_detector', err)
        report = self.report('--detectors', 'ipblacklistfilter', SWEEPS)
        self.assertEqual([entry['detector'] for entry in report['skipped']], ['ipblacklistfilter'])
        self.assertFalse(report['complete'])
        self.assertIn('ipblacklistfilter was not run: no blacklist was given', report['notes'][0])

    def test_detectors_that_are_not_run_are_named(self):
        reasons = {entry['detector']: entry['reason'] for entry in self.report(SWEEPS)['skipped']}
        self.assertEqual(set(reasons.values()), {'no blacklist was given (-b FILE)'})
        self.assertIn('ipblacklistfilter', reasons)
        self.assertNotIn('dnstunnel_detection', reasons)
        process = subprocess.run([os.path.join(BIN, 'nemea'), 'analyze', '-'], input=captures.load(SWEEPS), env=self.w.env, cwd=self.w.path,
                                 stdout=subprocess.PIPE, check=True)
        text = process.stdout.decode()
        self.assertRegex(text, 'Not run     .*ipblacklistfilter.*: no blacklist was given')
        self.assertNotIn('dnstunnel_detection', text)  # pipes are copied for the meter with the plugins

    def test_detector_that_reads_no_flows(self):
        """It is not part of an analysis, and who asks for it by name is told why."""
        report = self.report('--detectors', 'backscatter_classifier', SWEEPS)
        self.assertIn('backscatter_classifier was not run: it reads what the module backscatter sends, not flows', report['notes'][0])

    def test_flow_files_decide_what_runs(self):
        """Flows with the fields of a plugin are enough; a detector whose fields are not there does not end the analysis."""
        self.w.file('few.csv', 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint8 PROTOCOL\n'
                    '10.0.0.1,10.0.0.2,60,2026-01-01T00:00:00,2026-01-01T00:00:01,1,6\n')
        self.assertEqual(self.w.run('logreplay', '-f', 'few.csv', '-i', 'f:few.trapcap')[0], 0)
        for path in ('few.csv', 'few.trapcap'):
            reasons = {entry['detector']: entry['reason'] for entry in self.report(path)['skipped']}
            self.assertEqual(reasons['vportscan_detector'], 'the flow records do not have the field uint16 DST_PORT', path)
            self.assertNotIn('ddos_detector', reasons)
        self.w.file('http.csv', FLOWS + ',string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string HTTP_REQUEST_REFERER\n'
                    '10.0.0.1,10.0.0.2,600,2026-01-01T00:00:00,2026-01-01T00:00:01,6,80,50000,6,27,"evil.example","/x",""\n')
        self.w.file('bad.txt', 'http://evil.example/x\n')
        events = self.report('-b', 'bad.txt', 'http.csv')['events']
        self.assertEqual([(event['kind'], event['ports'], event['bytes']) for event in events], [('blacklisted-url', [80], 600)])

    def test_detectors_may_give_a_field_different_types(self):
        """EVENT_ID is uint32 in the alerts of one detector, uint64 in those of another: a flood and a tunnel in one analysis."""
        lines = [f'10.0.0.9,20.{n % 250}.{n // 250}.7,1400,2026-01-01T00:10:{n // 400:02},2026-01-01T00:10:{n // 400:02},1,{40000 + n % 3},'
                 f'161,17,0,"",0,\n' for n in range(20000)]
        names = [f'{n:04}abcdefghijklmnopqrstuvwxyz{n * 7919 % 10000:04}0123456789abcdefghijklmnopqrst.t.example' for n in range(400)]
        lines += [f'10.0.0.53,10.0.0.8,150,2026-01-01T00:11:{n // 8:02},2026-01-01T00:11:{n // 8:02},1,53,{50000 + n},17,0,"{name}",16,\n'
                  for n, name in enumerate(names)]
        self.w.file('both.csv', FLOWS + ',string DNS_NAME,uint16 DNS_QTYPE,bytes DNS_RDATA\n' + ''.join(lines))
        events = self.report('--detectors', 'ddos_detector,dnstunnel_detection', 'both.csv')['events']
        self.assertEqual({event['detector']: event['kind'] for event in events}, {'ddos_detector': 'flood', 'dnstunnel_detection': 'dns-tunnel'})

    def test_sampled_flows_are_less_sure(self):
        """Of ten packets one was seen: an answer may be among the others."""
        head = 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint32 PACKETS_REV,'
        head += 'uint32 SAMPLING_RATE,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV'
        found = {}
        for rate in 1, 10:
            self.w.file('scan.csv', head + '\n' + ''.join(
                f'198.51.100.1,192.0.2.1,40,40,2026-01-01T08:00:{port // 2 % 60:02},2026-01-01T08:00:{port // 2 % 60:02},1,1,{rate},{port},40000,6,2,20\n'
                for port in range(1, 121)))
            found[rate] = self.report('scan.csv')['events'][0]
        self.assertEqual((found[1]['confidence'], found[10]['confidence']), ('high', 'medium'))
        self.assertNotIn('not seen', found[1]['confidence_reason'])
        self.assertIn('90 % of the packets were not seen', found[10]['confidence_reason'])


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
