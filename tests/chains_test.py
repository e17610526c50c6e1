#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Chains of modules as people build them, and modules with state that are fed more keys than they may keep.

usage: chains_test.py BIN_DIR
"""

import os
import resource
import signal
import sys
import unittest

from programs import ROOT, Workspace

BIN = None
CAPTURES = os.path.join(ROOT, 'examples', 'captures')
FLOW = 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,' \
       'uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS'


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
        self.ok(self.w.run('flow_meter', '-r', capture, '-i', 'u:flows'))
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
        capture = os.path.join(CAPTURES, 'vertical-scans-ipv4.pcap.zst')
        self.ok(self.w.run('flow_meter', '-r', capture, '-i', 'f:one:w'))
        text = self.ok(self.w.run('logger', '-t', '-i', 'f:one'))
        self.w.file('one.csv', text)
        title = text.splitlines()[0].split(',')
        at = [column.split()[1] for column in title].index('LINK_BIT_FIELD')
        with open(self.w.file('two.csv'), 'w', encoding='ascii') as file:  # what a second probe on the way saw
            for number, line in enumerate(text.splitlines()):
                values = line.split(',')
                values[at] = values[at] if number == 0 else '2'
                file.write(','.join(values) + '\n')
        detector = self.w.start('vportscan_detector', '-i', 'u:once,f:alerts:w')
        once = self.w.start('deduplicator', '-t', '600000', '-i', 'u:both,u:once')
        merger = self.w.start('merger', '-i', 'u:probe1,u:probe2,u:both')
        probes = [self.w.start('logreplay', '-f', f'{name}.csv', '-i', f'u:probe{i + 1}') for i, name in enumerate(('one', 'two'))]
        for process in (*probes, merger, once, detector):
            self.ok(self.w.end(process))
        self.ok(self.w.run('vportscan_detector', '-i', 'f:one,f:expected:w'))
        alerts = self.rows('alerts')
        self.assertTrue(alerts)
        self.assertEqual(len(alerts), len(self.rows('expected')))

    # ------------------------------------------------------------------ memory

    def many(self, keys):
        """A recording of flows with as many distinct addresses, ports and times a millisecond apart."""
        with open(self.w.file('many.csv'), 'w', encoding='ascii') as file:
            file.write(FLOW + '\n')
            for i in range(keys):
                time = f'2026-01-01T00:{i // 60000 % 60:02}:{i // 1000 % 60:02}.{i % 1000:03}'
                host = f'{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}'
                file.write(f'192.{host},10.{host},100,1,{time},{time},1,{i & 65535},{i * 7 & 65535},17,0\n')
        self.ok(self.w.run('logreplay', '-f', 'many.csv', '-i', 'f:many:w'))

    def counters(self, text):
        """Name -> value of the counters that -v shows at the end."""
        found = {}
        for pair in text.replace('\n', ', ').replace(': ', ', ').split(', '):
            name, _, value = pair.rpartition(' ')
            if value.isdigit():
                found[name] = int(value)
        return found

    def bounded(self, *command):
        """Runs a module that may take 300 MiB of memory; its counters."""
        def limit():
            with open(os.path.join(BIN, command[0]), 'rb') as program:
                if b'__asan_init' not in program.read():  # which reserves terabytes of addresses
                    resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))

        status, _, err = self.w.end(self.w.start(*command, '-v', preexec_fn=limit))
        self.assertEqual(status, 0, err)
        return self.counters(err)

    def test_agg_keeps_as_many_entries_as_it_may(self):
        self.many(20000)
        counters = self.bounded('agg', '-t', 'g:3600', '--capacity', '1000', '-k', 'SRC_IP', '-s', 'BYTES', '-i', 'f:many,f:sums:w')
        self.w.file('sums.csv', self.ok(self.w.run('logger', '-t', '-i', 'f:sums')))
        sums = self.columns('sums.csv')
        self.assertEqual(sum(int(row['BYTES']) for row in sums), 20000 * 100)  # sent early, not lost
        self.assertEqual(counters['sent early'], 19000)

    def test_deduplicator_forgets_the_oldest(self):
        self.many(20000)
        counters = self.bounded('deduplicator', '-s', '10', '-i', 'f:many,f:once:w')
        self.assertEqual(len(self.rows('once')), 20000)
        self.assertGreaterEqual(counters['replacedCount'], 20000 - 2 * 1024, counters)

    def test_topn_counts_what_does_not_fit(self):
        self.many(20000)
        counters = self.bounded('topn', '-n', '3', '-l', '3600', '-c', '1000', '-i', 'f:many')
        self.assertTrue(any(value >= 19000 - 100 for name, value in counters.items() if 'evicted' in name or 'replaced' in name), counters)

    def test_a_stop_in_the_middle_loses_nothing_that_was_read(self):
        agg = self.w.start('agg', '-t', 'g:3600', '-k', 'SRC_IP', '-s', 'BYTES', '-i', 'u:flows,f:sums:w')
        source = self.w.start('logreplay', '-n', '-f', '-', '-i', 'u:flows:buffer=off', stdin=-1)
        source.stdin.write(FLOW + '\n' + '192.0.2.1,10.0.0.1,100,1,2026-01-01T00:00:00,2026-01-01T00:00:00,1,1,1,17,0\n' * 1000)
        source.stdin.close()
        source.stdin = None
        self.ok(self.w.end(source))
        self.w.wait_until_blocked(agg)
        self.ok(self.w.end(agg, signal.SIGTERM))
        self.assertIn(',100000,', self.rows('sums')[0])


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
