#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""nemea analyze of what exporters send: the same events as of the packets, when flow_meter was the exporter.

usage: export_test.py BIN_DIR [TEST...]

NEMEA_EXPORT=all takes all captures of the lab.
"""

import glob
import json
import os
import signal
import struct
import sys
import unittest

import captures
from ipfix_wire import connected, export, free_port, listens, wait_until
from programs import ROOT, Workspace

BIN = None
LAB = os.path.join(ROOT, 'examples', 'captures')
METER = ('--direction=tcp', '--tunnels', 'inner')  # as nemea analyze starts it
# What is exported, and who finds the attacks: without detectors, all of them.
CASES = [('vertical-scans-ipv6.pcapng.zst', 'basic', None), ('development/names.pcap.zst', 'basic+dns', 'dnstunnel_detection'),
         ('held-out/telephony.pcap.zst', 'basic+sip', 'sip_bf_detector,voip_fraud_detection'),
         ('held-out/web.pcap.zst', 'basic+http', 'waintrusion_detector'), ('held-out/mail.pcap.zst', 'basic+smtp', 'smtp_spam_detector'),
         ('held-out/logins.pcap.zst', 'basic+idpcontent', 'brute_force_detector')]


def datagrams(messages, port=4739):
    """Packets of a capture with these messages."""
    return [captures.ipv4_packet(1_800_000_000 + i * 0.001, '192.0.2.1', '192.0.2.2', 17,
                                 struct.pack('>HHHH', 40000, port, 8 + len(m), 0) + m) for i, m in enumerate(messages)]


class Export(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def report(self, *arguments, detectors=None):
        code, out, err = self.w.run('nemea', 'analyze', '--json', *arguments, *([f'--detectors={detectors}'] if detectors else []))
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def capture(self, messages):
        captures.write_pcap(self.w.file('export.pcap'), datagrams(messages))
        return 'export.pcap'

    def compare(self, name, plugins, detectors):
        path = os.path.join(LAB, name)
        direct = self.report(path, detectors=detectors)
        exported = self.report(self.capture(export(self.w, '-r', path, '-p', plugins, *METER)), detectors=detectors)
        self.assertEqual(exported['events'], direct['events'], name)
        self.assertTrue(exported['complete'], exported['notes'])
        return direct, exported

    def test_events_of_exported_flows_are_those_of_the_packets(self):
        for name, plugins, detectors in CASES:
            direct, exported = self.compare(name, plugins, detectors)
            self.assertGreater(len(direct['events']), 0)
            if plugins == 'basic':
                self.assertEqual(exported['traffic'], direct['traffic'])
                self.assertIn({'detector': 'dnstunnel_detection', 'reason': 'no exporter sends the field DNS_NAME'}, exported['skipped'])

    @unittest.skipUnless(os.environ.get('NEMEA_EXPORT') == 'all', 'a minute: NEMEA_EXPORT=all')
    def test_all_captures(self):
        flows = 'amplification_detection,ddos_detector,haddrscan_detector,hoststatsnemea,vportscan_detector'
        for path in sorted(glob.glob(LAB + '/*.zst') + glob.glob(LAB + '/*/*.zst')):
            self.compare(path, 'basic', flows)

    def test_exporters_at_a_port(self):
        path = os.path.join(LAB, CASES[0][0])
        direct = self.report(path)
        port = free_port()
        process = self.w.start('nemea', 'analyze', '--json', '--collect', f'127.0.0.1:{port}')
        wait_until(lambda: listens(port, 'tcp'), 'nemea analyze --collect')
        code, _, err = self.w.run('flow_meter', '-r', path, '-x', f'127.0.0.1:{port}', *METER)
        self.assertEqual(code, 0, err)
        wait_until(lambda: not connected(port), 'flow_collector to read what was sent')
        code, out, err = self.w.end(process, signal.SIGINT)
        self.assertEqual(code, 0, err)
        report = json.loads(out)
        self.assertEqual(report['events'], direct['events'])
        self.assertEqual(report['traffic'], direct['traffic'])
        self.assertEqual(report['collect'], f'127.0.0.1:{port}')

    def test_ipfix_files_and_mixed_inputs(self):
        path = os.path.join(LAB, CASES[0][0])
        self.w.file('flows.ipfix', b''.join(export(self.w, '-r', path, *METER)))
        detectors = 'vportscan_detector'
        direct = self.report(path, detectors=detectors)
        self.assertEqual(self.report('flows.ipfix', detectors=detectors)['events'], direct['events'])
        captures.write_pcap(self.w.file('other.pcap'), [captures.ipv4_packet(1_800_000_000, '192.0.2.1', '192.0.2.2', 17, bytes(8))])
        both = self.report('flows.ipfix', 'other.pcap', detectors=detectors)
        self.assertEqual(both['traffic']['flows'], direct['traffic']['flows'] + 1)

    def test_flows_of_exports(self):
        capture = os.path.join(ROOT, 'tests', 'golden', 'pcap', 'http.pcap')
        self.w.file('http.ipfix', b''.join(export(self.w, '-r', capture, '-p', 'basic+http')))
        code, out, err = self.w.run('nemea', 'flows', '--plugins', 'http', 'http.ipfix')
        self.assertEqual(code, 0, err)
        self.assertIn('HTTP_REQUEST_HOST="', out)

    def test_mistakes(self):
        for arguments, message in ((('--collect', '4739', 'x.pcap'), 'one of them only'),
                                   (('--collect', '4739', '--filter', 'tcp'), 'choose packets'),
                                   (('--collect', 'nowhere'), 'expected PORT, HOST:PORT or [ADDRESS]:PORT')):
            code, _, err = self.w.run('nemea', 'analyze', *arguments)
            self.assertIn(code, (2, 3), err)
            self.assertIn(message, err)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main(verbosity=2)
