#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_collector as a process: what our own meter exports comes back as its direct records; files and errors.

usage: collector_test.py BIN_DIR [TEST...]
"""

import os
import signal
import struct
import sys
import unittest

from ipfix_wire import free_port, listens, unread, wait_until
from programs import ROOT, Workspace

BIN = None
CAPTURES = [os.path.join(ROOT, 'tests', 'golden', 'pcap', f'{name}.pcap') for name in ('mixed', 'http')]


class Collector(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def records(self, file):
        code, out, err = self.w.run('logger', '-i', f'f:{file}', '-t')
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        return lines[:1], sorted(lines[1:])

    def collect(self, capture, name, *options):
        """Records of the meter's export over UDP."""
        port = free_port()
        process = self.w.start('flow_collector', '-u', f'127.0.0.1:{port}', '-i', f'f:{name}:w', '-v', *options)
        wait_until(lambda: listens(port), 'flow_collector')
        code, _, err = self.w.run('flow_meter', '-r', capture, '-x', f'127.0.0.1:{port}', '-u')
        self.assertEqual(code, 0, err)
        wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        code, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        return err

    def test_what_the_meter_exports_comes_back(self):
        for capture in CAPTURES:
            self.w.run('flow_meter', '-r', capture, '-i', 'f:direct:w')
            err = self.collect(capture, 'collected')
            self.assertEqual(self.records('collected'), self.records('direct'), err)
            self.assertIn('lost by sequence numbers 0,', err)

    def test_ipfix_file(self):
        template = struct.pack('>HHHHHHHHHH', 2, 20, 256, 3, 8, 4, 1, 4, 2, 4)
        data = struct.pack('>HHIII', 256, 16, 0x0a000001, 1500, 3)
        message = struct.pack('>HHIII', 10, 16 + len(template) + len(data), 1000, 0, 7) + template + data
        self.w.file('flows.ipfix', message + message[:20])
        code, _, err = self.w.run('flow_collector', '-r', 'flows.ipfix', '-f', 'SRC_IP,BYTES,PACKETS,ODID', '-i', 'f:out:w')
        self.assertEqual(code, 3, err)
        self.assertIn('flows.ipfix: byte 72: ends in the middle of an IPFIX message', err)
        _, records = self.records('out')
        self.assertEqual(records, ['10.0.0.1,1500,7,3'])

    def test_errors(self):
        for options, message in (([], 'no input: expected -u PORT, -t PORT or -r FILE'),
                                 (['-u', 'x'], 'option -u, --udp: "x" (expected PORT, HOST:PORT or [ADDRESS]:PORT)'),
                                 (['-u', '1', '-f', 'NO_FIELD'], 'NO_FIELD'),
                                 (['-u', '1', '-e', 'nowhere.txt'], 'nowhere.txt'),
                                 (['-r', 'nowhere.pcap'], 'nowhere.pcap')):
            code, _, err = self.w.run('flow_collector', *options, '-i', 'b:')
            self.assertEqual(code, 1, err)
            self.assertIn(message, err)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main(verbosity=2)
