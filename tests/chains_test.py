#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Chains of modules as people build them.

usage: chains_test.py BIN_DIR
"""

import os
import re
import sys
import unittest

import captures
from programs import ROOT, Workspace

BIN = None
CAPTURES = os.path.join(ROOT, 'examples', 'captures')


class Chains(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def rows(self, name):
        return self.ok(self.w.run('logger', '-i', f'f:{name}')).splitlines()

    def columns(self, name):
        """Lines of a CSV file as dictionaries by the names of the title."""
        title, *lines = self.w.read(name).splitlines()
        names = [column.split()[1] for column in title.split(',')]
        return [dict(zip(names, line.split(','))) for line in lines]

    def test_a_meter_and_a_filter_with_three_outputs(self):
        self.w.file('rules', ':PROTOCOL == TCP;\n:PROTOCOL == UDP;\n:!(PROTOCOL == TCP || PROTOCOL == UDP);\n')
        logger = self.w.start('logger', '-t', '-w', 'tcp.csv', '-i', 'u:tcp')
        agg = self.w.start('agg', '-t', 'g:3600', '-k', 'DST_PORT', '-s', 'PACKETS', '-s', 'BYTES', '-i', 'u:udp,f:ports:w')
        topn = self.w.start('topn', '-n', '5', '-l', '86400', '-i', 'u:rest')
        split = self.w.start('unirecfilter', '-f', 'rules', '-i', 'u:flows,u:tcp,u:udp,u:rest')
        capture = os.path.join(CAPTURES, 'ordinary-office.pcapng.zst')
        self.ok(self.w.run('flow_meter', '-r', capture, '-i', 'u:flows:timeout=WAIT'))
        for process in (split, logger, agg):
            self.ok(self.w.end(process))
        top = self.ok(self.w.end(topn))
        # The same by ways that do not use the chain.
        self.ok(self.w.run('flow_meter', '-r', capture, '-i', 'f:all:w'))
        self.w.file('all.csv', self.ok(self.w.run('logger', '-t', '-i', 'f:all')))
        flows = self.columns('all.csv')
        tcp = [flow for flow in flows if flow['PROTOCOL'] == '6']
        udp = [flow for flow in flows if flow['PROTOCOL'] == '17']
        self.assertTrue(tcp and udp)
        self.assertEqual(self.columns('tcp.csv'), tcp)
        self.w.file('ports.csv', self.ok(self.w.run('logger', '-t', '-i', 'f:ports')))
        ports = self.columns('ports.csv')
        self.assertEqual(sum(int(port['COUNT']) for port in ports), len(udp))
        self.assertEqual(sum(int(port['BYTES']) for port in ports), sum(int(flow['BYTES']) for flow in udp))
        self.assertIn('Top flows based on transferred bytes', top)

    def test_two_meters_merged_deduplicated_and_watched(self):
        """Each meter sees two of three parts of the traffic, the second one a little later; the middle part is seen by both."""
        whole = os.path.join(CAPTURES, 'vertical-scans-ipv4.pcap.zst')
        packets = list(captures.packets(captures.load(whole)))
        part = {packet: sum(packet.data[26:38]) % 3 for packet in packets}
        captures.write_pcap(self.w.file('one.pcap'), [packet for packet in packets if part[packet] != 2])
        captures.write_pcap(self.w.file('two.pcap'), [packet._replace(time=packet.time + 20_000_000) for packet in packets if part[packet] != 0])
        detector = self.w.start('vportscan_detector', '-i', 'u:once,f:alerts:w')
        once = self.w.start('deduplicator', '-v', '-t', '600000', '-i', 'u:both,u:once')
        merger = self.w.start('merger', '-i', 'u:probe1,u:probe2,u:both')
        probes = [self.w.start('flow_meter', '-r', f'{name}.pcap', '-L', str(i + 1), '-i', f'u:probe{i + 1}:timeout=WAIT') for i, name in enumerate(('one', 'two'))]
        for process in (*probes, merger):
            self.ok(self.w.end(process))
        status, _, counters = self.w.end(once)
        self.assertEqual(status, 0)
        self.ok(self.w.end(detector))
        # The same from one meter that sees all.
        self.ok(self.w.run('flow_meter', '-r', whole, '-i', 'f:all:w'))
        self.ok(self.w.run('vportscan_detector', '-i', 'f:all,f:expected:w'))
        found = []
        for name in ('alerts', 'expected'):
            self.w.file(name + '.csv', self.ok(self.w.run('logger', '-t', '-i', f'f:{name}')))
            found.append({(alert['SRC_IP'], alert['DST_IP']) for alert in self.columns(name + '.csv')})
        self.assertTrue(found[1])
        self.assertEqual(found[0], found[1])
        twice = int(re.search('deduplicatedCount:? ([0-9]+)', counters).group(1))
        flows = len(self.rows('all'))
        self.assertTrue(flows / 5 < twice < flows / 2, (twice, flows))


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
