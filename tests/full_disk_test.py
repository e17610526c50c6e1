#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write errors are reported, and the exit status is not 0: all programs, all outputs, on a device that is full.

usage: full_disk_test.py BIN_DIR
"""

import os
import subprocess
import sys
import unittest

from programs import TIMEOUT, Workspace

BIN = None
FULL = '/dev/full'
CAPTURE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'examples', 'captures',
                       'ordinary-office.pcapng.zst')


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.file('one.csv', 'uint32 N\n1\n')
        self.w.file('many.csv', 'uint32 N,string S\n' + f'1,"{"x" * 1000}"\n' * 1000)
        for name in ('one', 'many'):
            self.assertEqual(self.w.run('logreplay', '-f', f'{name}.csv', '-i', f'f:{name}')[0], 0)

    def assert_said(self, *command, text='No space left on device'):
        status, _, err = self.w.run(*command)
        self.assertNotEqual(status, 0, command)
        self.assertGreater(status, 0, command)
        self.assertIn(text, err, command)

    def assert_standard_output_said(self, *command):
        with open(FULL, 'wb') as full:
            result = subprocess.run(command, cwd=self.w.path, env=self.w.env, stdin=subprocess.DEVNULL, stdout=full,
                                    stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
        self.assertGreater(result.returncode, 0, command)
        self.assertRegex(result.stderr, b'No space left on device|standard output: an earlier write failed', command)

    def test_records(self):
        for name in ('one', 'many'):
            for parameters in (':w', ':w:buffer=off', ':w:compress=zstd'):
                self.assert_said('logreplay', '-f', f'{name}.csv', '-i', f'f:{FULL}{parameters}')
        self.assert_said('flow_meter', '-r', CAPTURE, '-i', f'f:{FULL}:w')
        status, _, err = self.w.run('logreplay', '-n', '-f', 'one.csv', '-i', f'f:{FULL}:w')
        self.assertEqual(status, 1)
        self.assertIn('1 messages that had been accepted could not be written and are lost', err)

    def test_records_on_standard_output(self):
        self.assert_standard_output_said('logreplay', '-f', 'one.csv', '-i', 'f:/dev/stdout')

    def test_alerts(self):
        self.w.file('flows.csv', 'ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS\n'
                    + '10.0.0.1,2026-01-01T00:00:00.5,2026-01-01T00:00:00.5,2\n' * 200)
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows')[0], 0)
        self.assert_said('syn_counter', '-l', '10', '-i', f'f:flows,f:{FULL}:w')

    def test_text(self):
        for name in ('one', 'many'):
            for options in ((), ('-t',), ('-T',)):
                self.assert_said('logger', *options, '-w', FULL, '-i', f'f:{name}')
                self.assert_standard_output_said('logger', *options, '-i', f'f:{name}')
        self.assert_said('ipfixprobe', '-i', f'pcap;file={CAPTURE}', '-o', f'text;file={FULL}')
        self.assert_standard_output_said('ipfixprobe', '-i', f'pcap;file={CAPTURE}', '-o', 'text')

    def test_help(self):
        for command in (('logger', '-h'), ('logreplay', '--help'), ('flow_meter', '-h'), ('ipfixprobe', '-h'),
                        ('haddrscan_detector', '-h'), ('nemea', '--help'), ('nemea', 'analyze', '--help'),
                        ('trap_stats', '-h')):
            self.assert_standard_output_said(*command)

    def test_reports(self):
        self.assert_said('nemea', 'analyze', '--html', FULL, CAPTURE)
        for options in ((), ('--json',)):
            self.assert_standard_output_said('nemea', 'analyze', *options, CAPTURE)
        for name in ('alerts.csv', 'flows.csv'):
            os.makedirs(self.w.file(f'in-{name}'))
            os.symlink(FULL, self.w.file(f'in-{name}/{name}'))
            self.assert_said('nemea', 'analyze', '--csv', f'in-{name}', CAPTURE)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
