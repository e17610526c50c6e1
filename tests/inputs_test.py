#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Inputs of nemea analyze that are no plain captures of Ethernet: nothing vanishes, and what was not read is said.

usage: inputs_test.py BIN_DIR
"""

import bz2
import glob
import gzip
import json
import lzma
import os
import shutil
import signal
import struct
import subprocess
import sys
import unittest
import zlib

import captures
import demo
from programs import ROOT, TIMEOUT, Workspace

BIN = None
CASES = os.path.join(ROOT, 'tests', 'cases')
SOURCE, TARGET = '203.0.113.9', '10.0.0.7'


def tcp(source_port, target_port, flags):
    return struct.pack('>HHIIBBHHH', source_port, target_port, 1, 0, 0x50, flags, 8192, 0, 0)


def scan(wrap=lambda packet: packet):
    """Sixty ports that refuse, each packet put into what wrap() makes of it."""
    packets = []
    for port in range(1, 61):
        packets.append(captures.ipv4_packet(1700000000 + port * 0.02, SOURCE, TARGET, 6, tcp(50000 + port, port, 2)))
        packets.append(captures.ipv4_packet(1700000000.001 + port * 0.02, TARGET, SOURCE, 6, tcp(port, 50000 + port, 20)))
    return [wrap(packet) for packet in packets]


def in_vxlan(packet):
    inner = struct.pack('>BBHI', 8, 0, 0, 7 << 8) + packet.data
    udp = struct.pack('>HHHH', 50000, 4789, 8 + len(inner), 0) + inner
    return captures.ipv4_packet(packet.time / 10**9, '192.0.2.1', '192.0.2.2', 17, udp)


def in_ipip(packet):
    return captures.ipv4_packet(packet.time / 10**9, '192.0.2.1', '192.0.2.2', 4, packet.data[14:])


def packets_of(pcap):
    """The packets of a capture with their headers, without that of the file."""
    packets, at = [], 24
    while at < len(pcap):
        size = 16 + int.from_bytes(pcap[at + 8:at + 12], 'little')
        packets.append(pcap[at:at + size])
        at += size
    return packets


class Inputs(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def analyze(self, *arguments, status=0, **options):
        """\\return the report and standard error"""
        result = self.w.run('nemea', 'analyze', '--json', '--detectors=vportscan_detector', *arguments, **options)
        self.assertEqual(result[0], status, result)
        return json.loads(result[1]) if result[1] else None, result[2]

    def report(self, *arguments):
        """The report of all detectors."""
        status, out, err = self.w.run('nemea', 'analyze', '--json', *arguments)
        self.assertEqual(status, 0, err)
        return json.loads(out)

    def assert_scan(self, report):
        self.assertEqual([(e['kind'], e['sources'][0]['ip'], e['targets'][0]['ip']) for e in report['events']],
                         [('vertical-scan', SOURCE, TARGET)])

    def scan_file(self, name, wrap=lambda packet: packet):
        captures.write_pcap(self.w.file(name), scan(wrap))
        return name

    def flows(self, case, *options):
        path = self.w.file('flows.trapcap')
        self.assertIn(self.w.run('flow_meter', '-i', f'f:{path}', '-r', os.path.join(CASES, case), *options)[0], (0, 3))
        status, out, err = self.w.run('logger', '-t', '-i', f'f:{path}')
        self.assertEqual(status, 0, err)
        title, *rows = out.splitlines()
        names = [field.split(' ')[1] for field in title.split(',')]
        return [dict(zip(names, row.split(','))) for row in rows]

    def test_link_types(self):
        for case in ('link_loop_108.pcap', 'link_ppp.pcap', 'link_radiotap127.pcap', 'link_nflog239.pcap'):
            self.assertEqual([(f['SRC_IP'], f['DST_IP'], f['DST_PORT'], f['PACKETS']) for f in self.flows(case)],
                             [('192.0.2.1', '198.51.100.2', '2222', '2')], case)

    def test_lengths_and_headers_of_ipv6(self):
        # A frame of 3115 bytes: the packet has those after the 14 of Ethernet.
        self.assertEqual([(f['BYTES'], f['DST_PORT']) for f in self.flows('l3_tso_len0_v6.pcap')], [('3101', '80')])
        self.assertEqual([f['PROTOCOL'] for f in self.flows('l3_v6_mobility.pcap')], ['135'])

    def test_blocks_without_packets_are_passed_over(self):
        report, _ = self.analyze(os.path.join(CASES, 'ng_jumbo_custom.pcapng.zst'))
        self.assertEqual((report['packets']['read'], report['complete']), (2, True))

    def test_packets_of_unknown_link_types_are_counted_and_named(self):
        report, _ = self.analyze(os.path.join(CASES, 'ng_multi_link_unknown.pcapng'))
        self.assertFalse(report['complete'])
        self.assertEqual((report['packets']['read'], report['packets']['unknown_link'], report['traffic']['packets']), (3, 1, 2))
        self.assertIn('1 of 3 packets were not read: link type 220 (USB, Linux) is not supported', report['notes'])
        _, err = self.analyze(os.path.join(CASES, 'ng_all_unknown.pcapng'), status=3)
        self.assertIn('no packet could be read', err)
        status, out, _ = self.w.run('nemea', 'analyze', os.path.join(CASES, 'ng_all_unknown.pcapng'))
        self.assertEqual(status, 3)
        self.assertNotIn('No attacks', out)

    def test_packets_that_are_not_ip_are_counted(self):
        report, _ = self.analyze(os.path.join(CASES, 'ng_radiotap_and_eth.pcapng'))
        self.assertEqual((report['packets']['not_ip'], report['traffic']['packets'], report['complete']), (1, 1, False))
        report, _ = self.analyze(self.scan_file('whole.pcap'))
        self.assertEqual((report['packets'], report['complete']),
                         ({'read': 120, 'not_ip': 0, 'malformed': 0, 'truncated': 0, 'unknown_link': 0}, True))

    def test_packets_cut_below_their_headers_are_counted(self):
        packets = scan()
        with open(self.w.file('cut.pcap'), 'wb') as file:
            file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 30, 1))
            for packet in packets:
                file.write(struct.pack('<IIII', packet.time // 10**9, 0, 30, packet.length) + packet.data[:30])
        report, _ = self.analyze('cut.pcap')
        self.assertEqual((report['packets']['truncated'], report['complete']), (120, False))
        self.assertIn('cut by the snapshot length', report['notes'][0])

    def test_times_that_records_cannot_hold_are_said(self):
        report, _ = self.analyze(os.path.join(CASES, 'file_t_ng_offset_1960.pcapng'))
        self.assertIn('before 1970', report['notes'][0])
        self.assertEqual(report['traffic']['first'][:4], '1970')

    def test_scans_in_tunnels(self):
        for wrap in (in_vxlan, in_ipip):
            self.assert_scan(self.analyze(self.scan_file('tunnel.pcap', wrap))[0])
        path = self.w.file('outer.trapcap')  # the meter's default is the outer packet
        self.assertEqual(self.w.run('flow_meter', '-i', f'f:{path}', '-r', 'tunnel.pcap')[0], 0)
        self.assertIn(',4,0,0', self.w.run('logger', '-i', f'f:{path}')[1])

    def test_bad_files_among_many_are_named_and_skipped(self):
        data = captures.load(self.w.file(self.scan_file('all.pcap')))
        half = 24 + 60 * (16 + len(scan()[0].data))
        self.w.file('1.pcap', data[:half])
        self.w.file('2.pcap', data[:24] + data[half:])
        self.w.file('empty.pcap', b'')
        self.w.file('ten', b'0123456789')
        self.w.file('short.pcap', data[:12])
        self.w.file('usb.pcap', data[:20] + struct.pack('<I', 220) + data[24:])
        shutil.copy(os.path.join(CASES, 'file_text.txt'), self.w.path)
        bad = ['empty.pcap', 'ten', 'short.pcap', 'usb.pcap', 'file_text.txt', 'missing.pcap']
        report, _ = self.analyze('2.pcap', *bad, '1.pcap')
        self.assert_scan(report)
        self.assertFalse(report['complete'])
        for name in bad:
            self.assertEqual(len([note for note in report['notes'] if note.startswith(name + ': ')]), 1, report['notes'])
        for name in bad:
            _, err = self.analyze(name, status=3)
            self.assertEqual(err.count(name), 1, err)
            self.assertNotIn('exited with status', err)

    def test_compressed_captures(self):
        data = captures.load(self.w.file(self.scan_file('scan.pcap')))
        half = len(data) // 2
        for name, pack in (('gz', gzip.compress), ('bz2', bz2.compress), ('xz', lzma.compress),
                           ('lz4', lambda part: subprocess.run(['lz4', '-c'], input=part, stdout=subprocess.PIPE, check=True).stdout)):
            path = self.w.file(f'scan.{name}', pack(data[:half]) + pack(data[half:]))  # two members
            report, _ = self.analyze(path)
            self.assert_scan(report)
            self.assertTrue(report['complete'], name)
            with open(path, 'rb') as file:
                cut = file.read()[:-10]
            report, _ = self.analyze(self.w.file(f'cut.{name}', cut))
            self.assertIn('damaged after packet', report['notes'][0], name)
            self.assertIn('not a capture file', self.analyze(self.w.file(f'text.{name}', pack(b'Hello, world.' * 9)), status=3)[1])
        report, _ = self.analyze(os.path.join(CASES, 'file_comp.pcap.gz'))
        self.assertEqual((report['packets']['read'] > 0, report['complete']), (True, True))

    def test_directories(self):
        os.mkdir(self.w.file('ring'))
        self.scan_file('ring/b.pcap')
        self.w.file('ring/.hidden', b'')
        self.assert_scan(self.analyze('ring')[0])
        os.mkdir(self.w.file('none'))
        self.assertIn('none: ', self.analyze('none', status=3)[1])

    def test_pipes_are_read_once_from_begin_to_end(self):
        data = captures.load(self.w.file(self.scan_file('scan.pcap')))
        os.mkfifo(self.w.file('fifo'))
        process = self.w.start('nemea', 'analyze', '--json', '--detectors=vportscan_detector', 'fifo')
        with open(self.w.file('fifo'), 'wb') as fifo:
            for at in range(0, len(data), 1000):
                fifo.write(data[at:at + 1000])
                fifo.flush()
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assert_scan(json.loads(out))
        for line in ('nemea analyze --json --detectors=vportscan_detector <(cat scan.pcap)',
                     'cat scan.pcap | nemea analyze --json --detectors=vportscan_detector /dev/stdin',
                     'nemea analyze --json --detectors=vportscan_detector /dev/stdin <scan.pcap'):
            status, out, err = self.w.run('bash', '-c', line)
            self.assertEqual(status, 0, err)
            self.assert_scan(json.loads(out))

    def test_pipes_are_read_by_all_detectors(self):
        """One meter gives up early, and the other still gets all of several pipes."""
        packets = self.w.read_bytes(self.scan_file('scan.pcap'))
        self.w.file('damaged.pcap', packets[:-5])
        expected = self.report('damaged.pcap', 'scan.pcap')
        status, out, err = self.w.run('bash', '-c', 'nemea analyze --json <(cat damaged.pcap) <(cat scan.pcap)')
        self.assertEqual(status, 0, err)
        report = json.loads(out)
        self.assertEqual([report[key] for key in ('events', 'traffic', 'skipped', 'packets')],
                         [expected[key] for key in ('events', 'traffic', 'skipped', 'packets')])
        self.assertRegex(report['notes'][0], '^/dev/fd/[0-9]+: damaged after packet ')
        self.w.file('text', b'hello')
        status, _, err = self.w.run('bash', '-c', 'cat text | nemea analyze -')
        self.assertEqual(status, 3)
        self.assertIn('standard input: not a capture file', err)

    def test_dns_over_tcp_is_answered_in_any_order(self):
        """RFC 7766, 6.2.1.1: questions follow each other, and answers come when they are known, here two in a segment."""
        def message(number, answer):
            name = bytes([2]) + b'q%d' % number + b'\x07example\x03com\x00'
            data = struct.pack('>HHHHHH', number, 0x8180 if answer else 0x100, 1, int(answer), 0, 0) + name + struct.pack('>HH', 1, 1)
            data += b'\xc0\x0c' + struct.pack('>HHIH4B', 1, 1, 60, 4, 10, 0, 0, number) if answer else b''
            return struct.pack('>H', len(data)) + data
        sent, packets = {SOURCE: 1, TARGET: 1}, []
        for sender, flags, data in ((SOURCE, 2, b''), (TARGET, 18, b''), *((SOURCE, 24, message(n, False)) for n in (1, 2, 3)),
                                    (TARGET, 24, message(3, True)), (SOURCE, 24, message(4, False)),
                                    (TARGET, 24, message(4, True) + message(1, True)), (TARGET, 24, message(2, True))):
            ports, other = ((50000, 53), TARGET) if sender == SOURCE else ((53, 50000), SOURCE)
            segment = struct.pack('>HHIIBBHHH', *ports, sent[sender], sent[other], 0x50, flags, 8192, 0, 0) + data
            packets.append(captures.ipv4_packet(1700000000 + len(packets) / 100, sender, other, 6, segment))
            sent[sender] += len(data) + (flags & 2) // 2
        captures.write_pcap(self.w.file('dns.pcap'), packets)
        found = [(int(f['DNS_ID']), f['DNS_NAME'], bytes.fromhex(f['DNS_RDATA']).decode())
                 for f in self.flows(self.w.file('dns.pcap'), '-p', 'dns')]
        names = {n: f'"q{n}.example.com"' for n in range(1, 5)}
        self.assertEqual(sorted(found), sorted([(n, names[n], '') for n in names] + [(n, names[n], f'10.0.0.{n}') for n in names]))
        self.assertEqual([number for number, _, data in found if data], [3, 4, 1, 2])

    def test_thousands_of_captures_are_one(self):
        """A packet in each of 2400 files: no flow is cut where a number of files is reached, whatever their order."""
        packets = [captures.ipv4_packet(1700000000 + n * 0.01, SOURCE, TARGET, 6, tcp(50000 + n % 60, 1 + n % 60, 2)) for n in range(2400)]
        os.mkdir(self.w.file('pieces'))
        for n, packet in enumerate(packets):
            captures.write_pcap(self.w.file(f'pieces/{n * 1201 % 2400:04}.pcap'), [packet])
        captures.write_pcap(self.w.file('whole.pcap'), packets)
        expected = self.report('whole.pcap')
        report = self.report('pieces')
        self.assertEqual(report['traffic']['packets'], 2400)
        self.assertEqual([report[key] for key in ('events', 'traffic', 'notes')], [expected[key] for key in ('events', 'traffic', 'notes')])

    def follow(self, place):
        """nemea analyze --follow whose modules run."""
        process = self.w.start('nemea', 'analyze', '--json', '--follow', place)
        self.w.wait_for(lambda: glob.glob(self.w.file('nemea-*/trap-*.sock')), 'the sockets of the modules')
        return process

    def ended(self, process):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        return json.loads(out)

    def test_a_growing_capture_is_followed(self):
        data = captures.load(os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst'))
        expected = self.report(self.w.file('whole.pcap', data))
        path = self.w.file('grow.pcap', data[:10])
        process = self.w.start('nemea', 'analyze', '--follow', 'grow.pcap')
        with open(path, 'ab') as file:
            file.write(data[10:len(data) // 2])
            file.flush()
            self.assertIn('horizontal scan, TCP: 10.10.5.201 against port 23 (telnet)', process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.w.end(process)[0], 0)
        process = self.follow('grow.pcap')
        with open(path, 'ab') as file:
            file.write(data[len(data) // 2:])
        report = self.ended(process)
        self.assertEqual([report[key] for key in ('events', 'traffic', 'notes')], [expected[key] for key in ('events', 'traffic', 'notes')])

    def test_pieces_of_a_directory_are_followed(self):
        data = captures.load(os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst'))
        expected = self.report(self.w.file('whole.pcap', data))
        packets = packets_of(data)
        os.mkdir(self.w.file('ring'))
        process = self.follow('ring')
        for piece in range(4):  # names in the other order, and one name used twice
            path = self.w.file(f'ring/{3 - piece % 3}.new')
            with open(path, 'wb') as file:
                file.write(data[:24] + b''.join(packets[piece * len(packets) // 4:(piece + 1) * len(packets) // 4]))
            os.utime(path, (1700000000 + piece, 1700000000 + piece))
            os.rename(path, path.replace('.new', f'-{piece}.pcap'))
        self.w.file('ring/z.pcap.gz', b'\x1f\x8b' + bytes(100))
        report = self.ended(process)
        self.assertEqual([report[key] for key in ('events', 'traffic')], [expected[key] for key in ('events', 'traffic')])
        self.assertRegex(report['notes'][0], 'z.pcap.gz: gzip: .*; the rest of it was skipped')
        self.assertFalse(report['complete'])

    def assert_same(self, report, expected):
        self.assertEqual([report[key] for key in ('events', 'traffic', 'notes')], [expected[key] for key in ('events', 'traffic', 'notes')])

    def test_a_compressed_capture_that_grows_is_followed(self):
        data = captures.load(os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst'))
        expected = self.report(self.w.file('whole.pcap', data))
        packer = zlib.compressobj(wbits=31)
        path = self.w.file('grow.pcap.gz', packer.compress(data[:10]) + packer.flush(zlib.Z_SYNC_FLUSH))
        process = self.w.start('nemea', 'analyze', '--follow', 'grow.pcap.gz')
        with open(path, 'ab') as file:
            file.write(packer.compress(data[10:len(data) // 2]) + packer.flush(zlib.Z_SYNC_FLUSH))
            file.flush()
            self.assertIn('horizontal scan, TCP: 10.10.5.201 against port 23 (telnet)', process.stdout.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.w.end(process)[0], 0)
        process = self.follow('grow.pcap.gz')
        with open(path, 'ab') as file:
            file.write(packer.compress(data[len(data) // 2:]) + packer.flush())
        self.assert_same(self.ended(process), expected)

    def test_compressed_pieces_are_followed(self):
        """Also those that are compressed when their writer has done with them (tcpdump -z gzip): none counts twice."""
        data = captures.load(os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst'))
        expected = self.report(self.w.file('whole.pcap', data))
        packets = packets_of(data)
        pieces = [data[:24] + b''.join(packets[n * len(packets) // 6:(n + 1) * len(packets) // 6]) for n in range(6)]
        os.mkdir(self.w.file('ring'))
        process = self.follow('ring')
        for n, (pack, ending) in enumerate(((gzip.compress, '.gz'), (bz2.compress, '.bz2'), (lzma.compress, '.xz'))):
            self.put(f'ring/{n}.pcap{ending}', pack(pieces[n]), n)
        for n in range(3, 6):
            self.put(f'ring/{n}.pcap', pieces[n], n)
            self.w.file(f'ring/{n}.pcap.gz', gzip.compress(pieces[n]))  # newer, while it is written
            self.put(f'ring/{n}.pcap.gz', gzip.compress(pieces[n]), n)
            if n < 5:
                self.w.wait_for(lambda name=f'{n}.pcap': self.reads(name), 'the piece to be read')
            if n == 3:
                os.unlink(self.w.file('ring/3.pcap'))  # its number may be that of the last piece, when the next one is read
        self.assert_same(self.ended(process), expected)

    def put(self, name, data, time):
        """A piece that was changed so many seconds after the first one."""
        path = self.w.file('new', data)
        os.utime(path, (1700000000 + time, 1700000000 + time))
        os.rename(path, self.w.file(name))

    def reads(self, name):
        """Is a process of this test reading a file of this name?"""
        for link in glob.glob('/proc/[0-9]*/fd/*'):
            try:
                if os.readlink(link) == self.w.file('ring/' + name):
                    return True
            except OSError:
                pass  # it was closed
        return False

    def test_nothing_to_follow(self):
        os.mkdir(self.w.file('ring'))
        report = self.ended(self.follow('ring'))
        self.assertEqual((report['events'], report['notes'], report['traffic']['flows']), ([], [], 0))
        for arguments, text in ((('ring', 'ring'), 'one capture or one directory'), (('-',), 'a pipe is read until it is closed anyway'),
                                (('-i', 'lo'), 'one capture or one directory')):
            self.assertIn(text, self.analyze('--follow', *arguments, status=2)[1])
        self.assertIn('missing.pcap: No such file', self.analyze('--follow', 'missing.pcap', status=3)[1])

    def test_signals_end_it_while_nobody_writes(self):
        os.mkfifo(self.w.file('fifo'))
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.w.start('nemea', 'analyze', '--json', '--detectors=vportscan_detector', 'fifo')
            self.w.wait_for(lambda process=process: self.w.child(process, 'flow_meter'), 'flow_meter')
            process.send_signal(number)
            out, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 0, err)
            self.assertIn('interrupted', json.loads(out)['notes'][0])
            self.assertFalse(json.loads(out)['complete'])

    def test_any_bytes_are_a_path(self):
        self.scan_file('scan.pcap')
        self.assertEqual(self.w.run('flow_meter', '-i', 'f:plain.trapcap', '-r', 'scan.pcap')[0], 0)
        captures.write_pcap(self.w.file('one.pcap'), scan()[:2])
        self.assertEqual(self.w.run('flow_meter', '-i', 'f:x1.trapcap', '-r', 'one.pcap')[0], 0)  # what x[1] would match
        for name in (b'x[1]', b'a b,c:d', b'$HOME', b'~', b'*?', b'back\\slash\\,', b'\xff\xfe', b'-dash'):
            for kind, source in ((b'.trapcap', 'plain.trapcap'), (b'.pcap', 'scan.pcap')):
                path = os.path.join(self.w.path.encode(), name + kind)
                shutil.copy(self.w.file(source), path)
                self.assert_scan(self.analyze(os.path.join(b'.', name + kind))[0])
        subprocess.run(['zstd', '-q', self.w.file('x[1].trapcap')], check=True)
        self.assert_scan(self.analyze('x[1].trapcap.zst')[0])

    def test_filter_and_time_range(self):
        self.scan_file('scan.pcap')  # ports 1 to 60, one each 20 ms from 22:13:20 on
        for arguments, packets in ((('--filter', 'dst port 7'), 1), (('-F', 'port 7 or port 9'), 4),
                                   (('--since', '2023-11-14T22:13:21'), 22), (('--since=1700000001',), 22),
                                   (('--until', '2023-11-14 22:13:21'), 98), (('--until=2023-11-14',), 0),
                                   (('--since=2023-11-14T22:13:20.5', '--until=2023-11-14T22:13:21Z'), 50)):
            report, _ = self.analyze(*arguments, 'scan.pcap')
            self.assertEqual((report['traffic']['packets'], report['complete']), (packets, True), arguments)
        self.assertIn('option --since: "noon" is no time (expected UTC', self.analyze('--since=noon', 'scan.pcap', status=2)[1])
        self.assertIn('filter "port port"', self.analyze('-F', 'port port', 'scan.pcap', status=3)[1])
        self.assertEqual(self.w.run('flow_meter', '-i', 'f:f.trapcap', '-r', 'scan.pcap')[0], 0)
        self.assertIn('this file has flow records', self.analyze('-F', 'port 7', 'f.trapcap', status=2)[1])

    def test_habits_and_mistakes(self):
        self.scan_file('-dash.pcap')
        self.assert_scan(self.analyze('-r', '-dash.pcap')[0])
        self.assert_scan(self.analyze('--', '-dash.pcap')[0])
        for arguments, text in ((('-dash.pcap',), 'unknown option -dash.pcap; for the file of this name write ./-dash.pcap'),
                                (('-vq', 'x'), 'unknown option -q in -vq'), (('x', '--nope', 'y'), 'unknown option --nope'),
                                (('-r',), 'option -r needs an argument'), (('x', '-vr'), 'option -r needs an argument'),
                                (('x', '--html'), 'option --html needs an argument'), (('--details=yes', 'x'), 'option --details takes no argument: --details=yes'),
                                (('--det', 'x'), 'option --det: which of --detectors, --details?'), (('--json=3', 'x'), '--json=3: unknown version'),
                                (('-i', 'lo', '-i', 'eth0'), 'option -i eth0: one interface can be analysed at a time'),
                                (('--since', '2026-01-02', '--until', '2026-01-01', 'x'), '--until must be later than --since')):
            self.assertIn(text, self.w.run('nemea', 'analyze', *arguments)[2])
        self.assertEqual(self.w.run('nemea', 'analyze', '--version')[:2], self.w.run('nemea', '--version')[:2])
        status, _, err = self.w.run('flow_meter', '-r', '-dash.pcap')
        self.assertEqual(status, 1)
        self.assertIn('flow_meter -r capture.pcap -i f:flows.trapcap', err)

    def test_capturing_without_the_right(self):
        if os.geteuid() != 0 or shutil.which('setpriv') is None:
            self.skipTest('needs root and setpriv')
        for reports in ((), ('--json', '--html', 'page.html', '--csv', 'csv')):
            status, out, err = self.w.run('setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw', 'nemea', 'analyze', '-i', 'lo', *reports)
            self.assertEqual((status, out), (3, ''), err)
        self.assertFalse(os.path.exists(self.w.file('page.html')))
        self.assertEqual(os.listdir(self.w.file('csv')), [])
        self.assertEqual(err.count('lo: no right to capture: run this as root, or'), 1, err)
        self.assertIn('setcap cap_net_raw+ep ', err)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
