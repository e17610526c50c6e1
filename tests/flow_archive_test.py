#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of flow_archive and nemea flows with real processes.

usage: flow_archive_test.py BIN_DIR
"""

import csv
import glob
import io
import json
import os
import re
import signal
import subprocess
import sys
import unittest

from programs import ROOT, Workspace

BIN = None
TITLE = 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n'
CAPTURE = os.path.join(ROOT, 'examples', 'captures', 'ordinary-office.pcapng.zst')


def flow(minute, n, source='192.0.2.1', target='10.0.0.1', port=443):
    """Number n, which stands in BYTES, of a minute."""
    time = f'2026-01-01T{minute // 60:02}:{minute % 60:02}:'
    return f'{target},{source},{n},{time}10.000000,{time}20.000000,1,{port},50000,6\n'


class FlowArchive(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def flows(self, *arguments, status=0):
        """Standard output and error of nemea flows."""
        result = self.w.run('nemea', 'flows', *arguments)
        self.assertEqual(result[0], status, result)
        return result[1], result[2]

    def make_archive(self, text, *options):
        self.w.file('flows.csv', TITLE + text)
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows.trapcap')[0], 0)
        status, _, err = self.w.run('flow_archive', '-d', 'archive', '-i', 'f:flows.trapcap', *options)
        self.assertEqual((status, err), (0, ''))

    def hours(self):
        """Two hours: each five minutes have other hosts, and one that is in two of them."""
        self.make_archive(''.join(flow(m, m, f'192.0.2.{m // 5}', f'2001:db8:{m // 5 + 1:x}::1') for m in range(120)) +
                          flow(119, 1000, '198.51.100.7') + flow(121, 1001, '198.51.100.7', port=22))

    def test_a_host_is_looked_up_in_few_files(self):
        self.hours()
        self.assertEqual(len(glob.glob(self.w.file('archive/2026-01-01/*.trapcap.zst'))), 25)
        self.assertEqual(os.stat(self.w.file('archive')).st_mode & 0o777, 0o700)
        for arguments, numbers, read in [(['--host', '198.51.100.7'], [1000, 1001], 2), (['--host', '192.0.2.3'], list(range(15, 20)), 1),
                                         (['--host', '2001:db8:6::/48'], list(range(25, 30)), 1), (['--host', '203.0.113.1'], [], 0),
                                         (['--host', '198.51.100.7', '--port', '22'], [1001], 2),
                                         (['--host', '198.51.100.7', '--host', '10.0.0.0/8'], [1000, 1001], 2),
                                         (['--host', '192.0.2.3', '--host', '10.0.0.1'], [], 0),
                                         (['--since', '2026-01-01T01:59:15'], [119, 1000, 1001], 2),
                                         (['--since', '2026-01-01T01:59:15', 'BYTES > 1000'], [1001], 2),
                                         (['--until', '2026-01-01T00:02'], [0, 1], 1),
                                         (['--since', '2026-01-01T00:02', '--until', '2026-01-01T00:04'], [2, 3], 1)]:
            out, err = self.flows('--archive', 'archive', '--csv', *arguments)
            self.assertEqual([int(row['uint64 BYTES']) for row in csv.DictReader(io.StringIO(out))], numbers, arguments)
            self.assertIn(f'{len(numbers)} flows; of 25 files {read} read,', err)

    def test_what_is_read_is_what_was_written(self):
        self.hours()
        out, _ = self.flows('--archive', 'archive', '--csv')
        self.assertEqual(sorted(out.splitlines()[1:]), sorted(self.w.read('flows.csv').splitlines()[1:]))
        rows = [json.loads(line) for line in self.flows('--archive', 'archive', '--json', '--host', '198.51.100.7')[0].splitlines()]
        self.assertEqual(rows[1], {'DST_IP': '10.0.0.1', 'SRC_IP': '198.51.100.7', 'BYTES': 1001, 'PACKETS': 1, 'DST_PORT': 22,
                                   'SRC_PORT': 50000, 'PROTOCOL': 6, 'TIME_FIRST': '2026-01-01T02:01:10.000000Z',
                                   'TIME_LAST': '2026-01-01T02:01:20.000000Z'})

    def test_a_kill_loses_nothing_that_the_sender_keeps(self):
        sender = self.w.start('logreplay', '-f', '-', '-i', 'u:flows:timeout=WAIT', stdin=subprocess.PIPE)
        command = ('flow_archive', '-d', 'archive', '-i', 'u:flows:resume=archive')
        first = self.w.start(*command)
        sender.stdin.write(TITLE + ''.join(flow(0, n) for n in range(20000)))
        sender.stdin.flush()

        def written():
            return [name for name in glob.glob(self.w.file('archive/*/*.part')) if os.path.getsize(name) > 20000]
        self.w.wait_for(written, 'blocks in the file')
        first.kill()
        first.wait()
        second = self.w.start(*command)
        sender.stdin.write(''.join(flow(6, n) for n in range(20000, 21000)))
        sender.stdin.close()
        sender.stdin = None
        self.assertEqual(self.w.end(second)[0], 0)
        self.assertEqual(glob.glob(self.w.file('archive/*/*.part')), [])
        out, err = self.flows('--archive', 'archive', '--csv', '--fields', 'BYTES')
        numbers = [int(line) for line in out.splitlines()[1:]]
        self.assertEqual(set(numbers), set(range(21000)), err)

    def test_a_file_that_is_being_written_is_searched_too(self):
        sender = self.w.start('logreplay', '-f', '-', '-i', 'u:flows:timeout=WAIT', stdin=subprocess.PIPE)
        self.w.start('flow_archive', '-d', 'archive', '-i', 'u:flows')
        sender.stdin.write(TITLE + flow(0, 1) + flow(1, 2, '198.51.100.7'))
        sender.stdin.flush()

        def found():
            return os.path.isdir(self.w.file('archive')) and self.w.run('nemea', 'flows', '--archive', 'archive', '--host', '198.51.100.7',
                                                                        '--csv', '--fields', 'BYTES')[1] == 'uint64 BYTES\n2\n'
        self.w.wait_for(found, 'the flow in the archive')

    def test_captures_are_listed(self):
        out, err = self.flows(CAPTURE, '-n', '3')
        lines = out.splitlines()
        self.assertEqual((len(lines), err), (4, ''))
        self.assertRegex(lines[0], '^BEGIN .UTC. +SECONDS +PROTOCOL +SOURCE +DESTINATION +FLAGS +PACKETS +BYTES$')
        self.assertRegex(lines[1], r'^2026-11-24 13:\d\d:\d\d\.\d{3} ')
        everything = list(csv.DictReader(io.StringIO(self.flows(CAPTURE, '--csv')[0])))
        some = list(csv.DictReader(io.StringIO(self.flows('--csv', CAPTURE, 'DST_PORT == 53')[0])))
        self.assertEqual(some, [row for row in everything if row['uint16 DST_PORT'] == '53'])
        self.assertTrue(some)
        names = {row['DNS_NAME'] for row in map(json.loads, self.flows('--json', '--plugins', 'dns,http', CAPTURE)[0].splitlines())}
        self.assertTrue(len(names) > 2 and '' in names)  # a record for each flow, also where the plugin found nothing
        self.assertIn('DNS_NAME="', self.flows('-p', 'dns', CAPTURE, 'DNS_NAME != ""')[0])
        self.assertRegex(self.flows('--fields', 'SRC_IP,BYTES', '-n', '1', CAPTURE)[0], r'^SRC_IP +BYTES\n\S+ +\d+\n$')

    def test_errors_name_the_argument(self):
        self.w.file('empty.pcap', b'')
        for arguments, status, text in [
                ([], 2, 'expected a file or --archive'), (['nothing.pcap'], 3, 'nothing.pcap'), (['empty.pcap'], 3, 'empty.pcap'),
                ([CAPTURE, 'nothing.pcap'], 2, '"nothing.pcap" is neither a file nor a filter'),
                ([CAPTURE, 'BYTE > 1'], 2, 'BYTE'), (['--host', '10.0.0.0/33', CAPTURE], 2, '"10.0.0.0/33"'),
                (['--port', '65536', CAPTURE], 2, '--port: "65536"'), (['--since', 'yesterday', CAPTURE], 2, '--since: "yesterday"'),
                (['--limit', '0', CAPTURE], 2, '--limit: "0"'), (['--fields', 'SRC_IQ', CAPTURE], 2, '"SRC_IQ"'),
                (['--plugins', 'dnx', CAPTURE], 3, '"dnx"'), (['--archive', 'nowhere'], 2, 'nowhere'),
                (['--archive=nowhere'], 3, 'nowhere'), (['--nothing'], 2, '--nothing'), (['--host'], 2, '--host needs an argument'),
                (['--since', '2026-01-02', '--until', '2026-01-01', CAPTURE], 2, '--until')]:
            err = self.flows(*arguments, status=status)[1]
            self.assertIn(text, err, arguments)
            self.assertTrue(err.startswith('nemea: '), err)
            self.assertEqual(err.count('nemea:'), 1, err)

    def test_a_closed_pipe_is_no_error(self):
        self.hours()
        for arguments in (['--archive', 'archive'], [CAPTURE, '--json'], [CAPTURE]):
            reader, writer = os.pipe()
            os.close(reader)
            with subprocess.Popen(['nemea', 'flows', *arguments], cwd=self.w.path, env=self.w.env, stdout=writer, stderr=subprocess.PIPE,
                                  text=True) as process:
                os.close(writer)
                err = process.stderr.read()
            self.assertEqual(process.returncode, 0, err)
            self.assertNotIn('nemea:', err)

    def test_a_signal_ends_it(self):
        self.w.env['TMPDIR'] = self.w.path
        process = self.w.start('nemea', 'flows', '-', stdin=subprocess.PIPE)
        self.w.wait_for(lambda: glob.glob(self.w.file('nemea-*')), 'the private directory')
        self.assertEqual(self.w.end(process, signal.SIGINT)[0], 130)
        self.assertEqual(glob.glob(self.w.file('nemea-*')), [])

    def test_a_damaged_trailer_hides_nothing(self):
        self.hours()
        names = sorted(glob.glob(self.w.file('archive/2026-01-01/*.trapcap.zst')))
        with open(names[0], 'r+b') as file:
            file.seek(-70, os.SEEK_END)  # in the filter
            byte = file.read(1)[0]
            file.seek(-70, os.SEEK_END)
            file.write(bytes([byte ^ 255]))
        out, err = self.flows('--archive', 'archive', '--host', '192.0.2.0', '--csv')
        self.assertEqual(len(out.splitlines()), 6)
        self.assertRegex(err, re.escape(os.path.basename(names[0])) + '.*checksum')


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
