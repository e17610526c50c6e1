#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of nfreader and nfwriter with real processes, and with nfdump where it is installed.

usage: nfdump_test.py BIN_DIR
"""

import collections
import ipaddress
import os
import shutil
import signal
import sys
import unittest

import captures
from programs import ROOT, Workspace

BIN = None
SAMPLES = os.path.join(ROOT, 'tests', 'nfdump')
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'
needs_nfdump = unittest.skipUnless(shutil.which('nfdump', path=PATH), 'nfdump is missing (package nfdump)')

# Columns of nfdump's lines, and the fields that they are of.
LINE = 'fmt:%ts|%te|%sa|%da|%sp|%dp|%pr|%flg|%pkt|%byt'

FILTERS = [
    'any', 'ipv4', 'inet6', 'not ipv6', 'proto tcp', 'proto 17', 'not proto tcp', 'ip 10.1.2.4', 'src ip 10.1.2.4', 'dst host 192.0.2.1',
    'src or dst ip 192.0.2.2', 'src and dst net 10.0.0.0/8', 'net 192.0.2.0/30', 'src net 10.1/16', 'net 10.0.0.0 255.0.0.0',
    'net 2001:db8:ff::/48', 'ip 2001:db8::6', 'ip in [10.1.2.4 192.0.2.2]', 'src ip in [10.1.2.0/29]', 'port 80', 'dst port 443', 'src port > 40010',
    'dst port <= 80', 'src and dst port > 30', 'port in [22, 443]', 'flags S', 'flags SA', 'not flags A', 'not flags SAF', 'not (flags AR)',
    'not not flags SA', 'flags S and not flags AFRPU', 'flags X', 'flags 2', 'flags > 17', 'packets 2', 'packets > 500', 'packets > 1k', 'packets < 0x40',
    'bytes > 10k', 'bytes >= 5m', 'bytes lt 1000', 'in bytes gt 1t', 'proto udp and port 53 or proto tcp', 'proto tcp or proto udp and port 53',
    'not proto tcp and port 53', 'not (proto tcp and port 53)', '(proto udp or proto tcp) and (port 53 || port 22) && !ipv6', 'proto icmp or proto icmp6',
]


class Nfdump(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.w.env['PATH'] += ':/usr/sbin:/sbin'
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def records(self, stream):
        """Records of a recording, as a list of dictionaries."""
        title, *rows = self.ok(self.w.run('logger', '-t', '-i', f'f:{stream}')).splitlines()
        names = [column.split()[1] for column in title.split(',')]
        return [dict(zip(names, row.split(','))) for row in rows]

    def nfdump(self, path, *arguments):
        """Flows as nfdump shows them: (first, last, source, target, source port, target port, protocol, packets, bytes)."""
        out = self.ok(self.w.run('nfdump', '-C', 'none', '-r', path, '-q', '-N', '-6', '-o', LINE, *arguments))
        flows = []
        for line in out.splitlines():
            if line.count('|') == 9:
                first, last, source, target, source_port, target_port, _, flags, packets, octets = (field.strip() for field in line.split('|'))
                flows.append((first, last, ipaddress.ip_address(source), ipaddress.ip_address(target), source_port, target_port, flags, packets, octets))
        return sorted(flows, key=str)

    @staticmethod
    def shown(record):
        """A record as nfdump shows it: times to the millisecond, flags as letters, the type and code of ICMP in the place of a port."""
        first, last = (record[name][:-3].replace('T', ' ') for name in ('TIME_FIRST', 'TIME_LAST'))
        bits = int(record['TCP_FLAGS'])
        letters = ''.join(letter if bits >> bit & 1 else '.' for letter, bit in zip('CEUAPRSF', range(7, -1, -1)))
        port = int(record['DST_PORT'])
        target_port = f'{port >> 8}.{port & 255}' if record['PROTOCOL'] in ('1', '58') else str(port)
        return (first, last, ipaddress.ip_address(record['SRC_IP']),
                ipaddress.ip_address(record['DST_IP']), record['SRC_PORT'], target_port, letters, record['PACKETS'], record['BYTES'])

    @staticmethod
    def one_way(records):
        """Records of both directions as two, with times in milliseconds, as nfwriter writes them."""
        for record in records:
            halves = [dict(record)]
            if int(record.get('PACKETS_REV', 0)) > 0:
                reverse = dict(record, SRC_IP=record['DST_IP'], DST_IP=record['SRC_IP'], SRC_PORT=record['DST_PORT'], DST_PORT=record['SRC_PORT'])
                reverse.update({name: record[name + '_REV'] for name in ('PACKETS', 'BYTES', 'TCP_FLAGS')})
                halves.append(reverse)
            for half in halves:
                for name in ('TIME_FIRST', 'TIME_LAST'):
                    half[name] = half[name][:-3] + '000'
                yield half

    def capture(self):
        """A capture with flows of both families and several protocols."""
        def frame(version, protocol, source, target, payload):
            source, target = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
            if version == 4:
                head = bytes([0x45, 0]) + (20 + len(payload)).to_bytes(2, 'big') + bytes([0, 0, 0, 0, 64, protocol, 0, 0]) + source + target
                return bytes(12) + b'\x08\x00' + head + payload
            return bytes(12) + b'\x86\xdd' + b'\x60\0\0\0' + len(payload).to_bytes(2, 'big') + bytes([protocol, 64]) + source + target + payload

        packets, time = [], 1_700_000_000_123_456_000
        for i in range(40):
            version = 6 if i % 4 == 3 else 4
            ends = ('2001:db8::1', f'2001:db8::{i + 2:x}') if version == 6 else ('10.0.0.1', f'192.0.2.{i + 1}')
            ports = (1024 + i).to_bytes(2, 'big') + (80).to_bytes(2, 'big')
            back = ports[2:] + ports[:2]
            tcp = [p + bytes(8) + bytes([0x50, flags]) + bytes(6) for p, flags in ((ports, 2), (back, 0x12), (ports, 0x10), (ports, 0x11))]
            udp = [ports + b'\x00\x0c\0\0abcd'] * (1 + i % 3)
            protocol, payloads = (6, tcp) if i % 2 else (17, udp)
            for k, payload in enumerate(payloads):
                time += 7_654_321
                data = frame(version, protocol, *(ends[::-1] if protocol == 6 and k == 1 else ends), payload)
                packets.append(captures.Packet(time, len(data), data))
        captures.write_pcapng(self.w.file('in.pcapng'), packets)

    @needs_nfdump
    def test_flows_of_a_capture_reach_nfdump_and_come_back(self):
        self.capture()
        self.ok(self.w.run('flow_meter', '-r', 'in.pcapng', '-i', 'f:meter:w'))
        expected = list(self.one_way(self.records('meter')))
        self.assertGreater(len(expected), 50)
        for option in ([], ['-l'], ['-b']):
            writer = self.w.start('nfwriter', '-f', 'flows.nf', *option, '-i', 'u:flows')
            self.ok(self.w.run('flow_meter', '-r', 'in.pcapng', '-i', 'u:flows:timeout=WAIT'))
            status, out, err = self.w.end(writer)
            if 'this build is without' in err:
                continue
            self.assertEqual((status, out), (0, f'nfwriter: {len(expected)} flows written to file\n'), err)
            self.assertEqual(self.nfdump('flows.nf'), sorted(map(self.shown, expected), key=str))
            reader = self.w.start('nfreader', 'flows.nf', '-i', 'u:back:timeout=WAIT')
            self.ok(self.w.run('traffic_repeater', '-i', 'u:back,f:again:w'))
            self.assertEqual(self.ok(self.w.end(reader)), f'{len(expected)} flow records sent\n')
            got = self.records('again')
            names = [name for name in got[0] if name in expected[0]]
            self.assertGreater(len(names), 10)
            self.assertEqual(sorted([row[name] for name in names] for row in got),
                             sorted([row[name] for name in names] for row in expected))

    @needs_nfdump
    def test_samples_and_filters_as_nfdump_sees_them(self):
        for name, filters in (('v1-none.nf', FILTERS[:1]), ('v2-none.nf', FILTERS)):
            path = os.path.join(SAMPLES, name)
            for text in filters:
                expected = len(self.nfdump(path, text))
                self.assertEqual(self.ok(self.w.run('nfreader', '-f', text, '-i', 'b:', path)), f'{expected} flow records sent\n', text)
            self.ok(self.w.run('nfreader', path, '-i', 'f:out:w'))
            shown = [self.shown(row) for row in self.records('out') if row['PACKETS'] != '4294967295'] # more than the field can hold
            self.assertEqual(sorted(shown, key=str), [flow for flow in self.nfdump(path) if flow[7] != '5000000000'])
            self.assertEqual(len(shown), 29)

    @needs_nfdump
    def test_flows_of_both_directions(self):
        """The same flows, joined by nfdump -B and not."""
        self.w.file('both.csv', 'ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV,'
                    'uint32 PACKETS,uint32 PACKETS_REV,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST\n' +
                    ''.join(f'10.0.0.{i},2001:db8::{i},4000{i},80,6,27,19,{i},{i * 2},{i * 100},{i * 1000},2024-05-01T08:00:0{i},2024-05-01T08:00:09\n'
                            .replace('2001:db8::', '2001:db8::' if i == 3 else '192.0.2.').replace('10.0.0.3', '2001:db8::10') for i in range(1, 6)))
        self.ok(self.w.run('logreplay', '-f', 'both.csv', '-i', 'f:flows:w'))
        self.ok(self.w.run('nfwriter', '-f', 'apart.nf', '-i', 'f:flows'))
        self.ok(self.w.run('nfdump', '-r', 'apart.nf', '-B', '-w', 'joined.nf'))
        self.assertEqual(len(self.nfdump('joined.nf')), 5)
        self.assertEqual(self.ok(self.w.run('nfreader', 'joined.nf', '-i', 'f:split:w')), '10 flow records sent\n')
        self.assertEqual(sorted(map(self.shown, self.records('split')), key=str), self.nfdump('apart.nf'))
        self.assertEqual(self.ok(self.w.run('nfreader', '-B', 'fields', 'joined.nf', '-i', 'f:fields:w')), '5 flow records sent\n')
        self.assertEqual(sorted((row['PACKETS'], row['PACKETS_REV'], row['BYTES'], row['BYTES_REV'], row['TCP_FLAGS'], row['TCP_FLAGS_REV'])
                                for row in self.records('fields')),
                         [(str(i), str(i * 2), str(i * 100), str(i * 1000), '27', '19') for i in range(1, 6)])

    def test_the_old_name(self):
        status, out, err = self.w.run('nfdump_reader', '-i', 'b:', os.path.join(SAMPLES, 'v2-none.nf'))
        self.assertEqual((status, out), (0, '30 flow records sent\n'), err)

    def test_rate(self):
        """Records that say when they were sent: no second has more than the rate."""
        flows = ('ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint32 PACKETS,uint64 BYTES,'
                 'time TIME_FIRST,time TIME_LAST\n' + '10.0.0.1,10.0.0.2,1,2,6,2,1,40,2024-01-01T00:00:00,2024-01-01T00:00:00\n' * 150)
        self.ok(self.w.run('logreplay', '-f', self.w.file('in.csv', flows), '-i', 'f:in:w'))
        self.ok(self.w.run('nfwriter', '-f', 'flows.nf', '-i', 'f:in'))
        self.ok(self.w.run('nfreader', '-T', '-r', '100', '-i', 'f:out:w', 'flows.nf'))
        seconds = collections.Counter(record['TIME_LAST'] for record in self.records('out'))
        self.assertEqual(sum(seconds.values()), 150)
        self.assertLessEqual(max(seconds.values()), 100)

    def test_an_interrupted_replay_sends_no_end_of_stream(self):
        receiver = self.w.start('logger', '-i', 'u:flows')
        reader = self.w.start('nfreader', '-R', '-i', 'u:flows:timeout=WAIT', os.path.join(SAMPLES, 'v2-none.nf'))
        self.assertTrue(receiver.stdout.readline().startswith('192.0.2.1,10.1.2.1,'))
        status, out, err = self.w.end(reader, signal.SIGTERM)
        self.assertEqual(status, 0, err)
        self.assertTrue(out.endswith(' flow records sent\n'), out)
        self.assertIsNone(receiver.poll())
        self.ok(self.w.end(receiver, signal.SIGTERM))


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
