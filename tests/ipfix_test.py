#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""IPFIX of flow_meter as real collectors read it: nfcapd (nfdump) and nfacctd (pmacct) get the flows of the text output.

usage: ipfix_test.py BIN_DIR [TEST...]
"""

import collections
import contextlib
import ipaddress
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

from ipfix_wire import Decoder, dns_capture, end_nfcapd, feed, filler, free_port, listens, number, packet, unread, wait_until
from programs import ROOT, TIMEOUT, Workspace

BIN = None
CAPTURES = [os.path.join(ROOT, 'tests', 'golden', 'pcap', f'{name}.pcap') for name in ('mixed', 'http', 'dns')]
NUMBERS = {'TCP': 6, 'UDP': 17, 'ICMP': 1, 'ICMP6': 58, 'IPV6-ICMP': 58, 'IGMP': 2}
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'


def split_end(text):
    address, _, port = text.rpartition(':')
    return str(ipaddress.ip_address(address.strip('[]'))), int(port)


def flows_of_text(text):
    """Counter of (protocol, source, port, destination, port, packets, bytes) of the first direction."""
    flows = collections.Counter()
    for line in text.splitlines():
        words = line.replace('@', ' ').split()
        if '->' not in line or len(words) < 5:
            continue
        source, destination = (split_end(end) for end in words[1].split('->'))
        flows[(int(words[0]), *source, *destination, int(words[2].split('->')[0]), int(words[3].split('->')[0]))] += 1
    return flows


class Collectors(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def collector(self, log, *command):
        """Started from outside of the build; ended with the test, as its plugins are."""
        with open(self.w.file(log, ''), 'w', encoding='utf-8') as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, env=dict(self.w.env, PATH=PATH), start_new_session=True)

        def end():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.addCleanup(end)
        return process

    def expected(self, capture):
        code, out, err = self.w.run('ipfixprobe', '-i', f'pcap;file={capture}', '-o', 'text;mac')
        self.assertEqual(code, 0, err)
        return flows_of_text(out)

    def export(self, capture, *options):
        code, _, err = self.w.run('flow_meter', '-r', capture, *options)
        self.assertEqual(code, 0, err)

    def nfdump(self, folder):
        out = subprocess.run(['nfdump', '-R', folder, '-q', '-N', '-6', '-o', 'fmt:%pr|%sa|%sp|%da|%dp|%pkt|%byt|%ts'],
                             env=dict(self.w.env, PATH=PATH), capture_output=True, text=True, check=True).stdout
        flows, years = collections.Counter(), set()
        for line in out.splitlines():
            words = [word.strip() for word in line.split('|')]
            if len(words) != 8:
                continue
            protocol = NUMBERS.get(words[0]) or int(words[0])
            ports = [0, 0] if protocol not in (6, 17) else [int(words[2]), int(words[4])]
            flows[(protocol, str(ipaddress.ip_address(words[1])), ports[0], str(ipaddress.ip_address(words[3])), ports[1],
                   int(words[5]), int(words[6]))] += 1
            years.add(words[7][:4])
        return flows, years

    @unittest.skipUnless(shutil.which('nfcapd', path=PATH), 'nfcapd is missing (package nfdump)')
    def test_nfcapd_reads_the_flows_of_the_text_output(self):
        for capture in CAPTURES:
            port, folder = free_port(), os.path.join(self.w.path, 'nf' + os.path.basename(capture))
            os.mkdir(folder)
            process = self.collector('nfcapd.log', 'nfcapd', '-w', folder, '-p', str(port), '-b', '127.0.0.1', '-B', '8000000')
            wait_until(lambda p=port: listens(p), 'nfcapd')
            # Small messages, so that there are many, with templates in several.
            self.export(capture, '-p', 'basicplus', '-x', f'127.0.0.1:{port}', '-u', '--milliseconds', '--mtu', '600')
            wait_until(lambda p=port: unread(p) == 0, 'nfcapd to read what was sent')
            end_nfcapd(process)
            flows, years = self.nfdump(folder)
            self.assertEqual(flows, self.expected(capture), capture)
            self.assertFalse({'1970', '1969'} & years, years)

    @unittest.skipUnless(shutil.which('nfacctd', path=PATH), 'nfacctd is missing (package pmacct)')
    def test_nfacctd_reads_the_flows_of_the_text_output(self):
        for capture in CAPTURES:
            port, out = free_port(), os.path.join(self.w.path, 'pmacct' + os.path.basename(capture))
            config = self.w.file('nfacctd.conf', f'nfacctd_ip: 127.0.0.1\nnfacctd_port: {port}\nplugins: print\n'
                                 'aggregate: proto,src_host,src_port,dst_host,dst_port\nprint_output: csv\n'
                                 f'print_output_file: {out}\nprint_refresh_time: 1\nprint_history: 1m\n'
                                 'print_output_file_append: true\nnfacctd_disable_checks: true\n')
            log = os.path.basename(capture) + '.log'
            self.collector(log, 'nfacctd', '-f', config)
            wait_until(lambda p=port, l=log: listens(p) and 'Purging cache' in self.w.read(l), 'nfacctd and its plugin') # before, it drops what comes
            self.export(capture, '-p', 'basicplus', '-x', f'127.0.0.1:{port}', '-u')
            expected = collections.Counter() # packets, bytes by key: it adds up flows with the same key
            for flow, n in self.expected(capture).items():
                expected[flow[:5], 'packets'] += n * flow[5]
                expected[flow[:5], 'bytes'] += n * flow[6]
            try: # it writes new records each second
                wait_until(lambda o=out, e=expected: self.written(o) == e, 'nfacctd to write everything')
            except AssertionError:
                self.assertEqual(self.written(out), expected, capture)

    @staticmethod
    def written(path):
        got = collections.Counter()
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                for line in file.read().rpartition('\n')[0].splitlines():  # the last line may be half written
                    words = line.split(',')
                    if len(words) == 7 and words[0] != 'SRC_IP':
                        key = (NUMBERS.get(words[4].upper()) or int(words[4]), str(ipaddress.ip_address(words[0])), int(words[2]),
                               str(ipaddress.ip_address(words[1])), int(words[3]))
                        got[key, 'packets'] += int(words[5])
                        got[key, 'bytes'] += int(words[6])
        return got


class Wire(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def over_tcp(self, *options):
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            server.listen(1)
            process = self.w.start(*options[:1], *(o.replace('PORT', str(server.getsockname()[1])) for o in options[1:]))
            connection, _ = server.accept()
            with connection, connection.makefile('rb') as stream:
                decoder = Decoder()
                decoder.stream(stream)
            code, _, err = self.w.end(process)
            self.assertEqual(code, 0, err)
            return decoder

    def test_tcp_gives_the_flows_of_the_text_output_with_what_plugins_found(self):
        for capture in CAPTURES:
            text = self.w.run('ipfixprobe', '-i', f'pcap;file={capture}', '-o', 'text;mac')[1]
            decoder = self.over_tcp('ipfixprobe', '-i', f'pcap;file={capture}', '-p', 'pstats', '-p', 'basicplus', '-o',
                                    'ipfix;port=PORT;id=77')
            got = collections.Counter()
            for r in decoder.records:
                v4 = number(r[0, 60]) == 4
                got[number(r[0, 4]), str(ipaddress.ip_address(r[0, 8 if v4 else 27])), number(r[0, 7]),
                    str(ipaddress.ip_address(r[0, 12 if v4 else 28])), number(r[0, 11]), number(r[0, 2]), number(r[0, 1])] += 1
                first, last = number(r[0, 154]), number(r[0, 155])
                self.assertTrue(2010 < 1900 + (first >> 32) / 31556952 < 2035)
                self.assertLessEqual(first, last)
                self.assertLessEqual(number(r[0, 136]), 5)
                if (0, 291) in r and r[0, 291]: # a list of times or lengths
                    self.assertEqual(r[0, 291][0], 4)
            self.assertEqual(got, flows_of_text(text))
            self.assertEqual(decoder.domains, {77})
            self.assertEqual(decoder.sent, len(decoder.templates)) # TCP: once each
            reverse = sum(number(r[29305, 2]) for r in decoder.records)
            lines = [line.replace('@', ' ').split() for line in text.splitlines() if '@' in line]
            self.assertEqual(reverse, sum(int(words[2].split('->')[1]) for words in lines))

    def test_tcp_messages_are_not_larger_than_the_option_says(self):
        decoder = self.over_tcp('flow_meter', '-r', CAPTURES[0], '-x', '127.0.0.1:PORT', '--mtu', '512')
        self.assertLessEqual(decoder.largest, 512)

    def test_dns_fields_have_their_elements(self):
        capture = [c for c in CAPTURES if c.endswith('dns.pcap')]
        decoder = self.over_tcp('flow_meter', '-r', capture[0], '-p', 'dns', '-x', '127.0.0.1:PORT')
        names = {r[8057, 2] for r in decoder.records}
        self.assertIn(b'kernel.org', names)
        self.assertEqual({number(r[8057, 3]) for r in decoder.records if r[8057, 2] == b'kernel.org'}, {1})

    def test_several_extensions_of_a_flow_are_a_record_each(self):
        name = b'\x20' + b'CACACACACACACACACACACACACACACAAA' # fourteen and a half spaces, suffix 0
        ask = struct.pack('!HHHHHH', 1, 0x110, 1, 0, 0, 0)
        other = b'\x20' + b'EB' * 15 + b'CA'
        asked = struct.pack('!HH', 0x20, 1)
        question = b'\x01a\x00' + struct.pack('!HH', 1, 1)
        answers = struct.pack('!HHHHHH', 5, 0x8180, 1, 3, 0, 0) + question + b''.join(
            b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, ttl, len(data)) + data
            for kind, ttl, data in ((1, 60, bytes([192, 0, 2, 1])), (1, 61, bytes([192, 0, 2, 2])), (28, 62, bytes(15) + b'\1')))
        header = dns_capture()[:24]
        file = self.w.file('netbios.pcap', header + packet(ask + name + b'\0' + asked, 1000, port=137) +
                           packet(ask + other + b'\0' + asked, 1000, port=137))
        decoder = self.over_tcp('flow_meter', '-r', file, '-p', 'netbios', '-x', '127.0.0.1:PORT')
        self.assertEqual([r[8057, 831] for r in decoder.records][1], b'A' * 15)
        self.assertEqual([number(r[8057, 832]) for r in decoder.records], [0, 0x20])
        self.assertEqual([number(r[0, 2]) for r in decoder.records], [2, 2]) # each has the counters of the whole flow
        file = self.w.file('answers.pcap', header + packet(answers, 53, port=1000))
        decoder = self.over_tcp('flow_meter', '-r', file, '-p', 'passivedns', '-x', '127.0.0.1:PORT')
        self.assertEqual([(number(r[8057, 10]), r[8057, 2], number(r[8057, 11]), number(r[8057, 5]), r[8057, 7])
                          for r in decoder.records],
                         [(5, b'a', 1, 60, bytes([192, 0, 2, 1])), (5, b'a', 1, 61, bytes([192, 0, 2, 2])),
                          (5, b'a', 28, 62, bytes(15) + b'\1')])
        # The same in UniRec.
        self.w.run('flow_meter', '-r', file, '-p', 'passivedns', '-i', 'f:o:buffer=off')
        lines = self.w.run('logger', '-t', '-i', 'f:o')[1].splitlines()
        self.assertEqual(len(lines) - 1, len(decoder.records))

    def test_all_plugins_together(self):
        listed = self.w.run('flow_meter', '--plugin-list')[1].splitlines()
        names = [line.split()[0] for line in listed if line[:1].isalpha()]
        names = [name for name in names if name not in ('basic', 'arp', 'osquery')] # the last one asks this machine
        self.assertGreater(len(names), 20)
        for capture in CAPTURES:
            processes = [word for name in names for word in ('-p', name)]
            text = self.w.run('ipfixprobe', '-i', f'pcap;file={capture}', *processes, '-o', 'text;mac')[1]
            decoder = self.over_tcp('ipfixprobe', '-i', f'pcap;file={capture}', *processes, '-o', 'ipfix;port=PORT')
            keys = {(number(r[0, 7]), number(r[0, 11])) for r in decoder.records}
            self.assertEqual(keys, {(flow[2], flow[4]) for flow in flows_of_text(text)})
            # Fields of both flowhash and basicplus are in every record.
            self.assertTrue(all(len(r[0, 148]) == 8 and len(r[0, 192]) == 1 for r in decoder.records))

    def test_templates_are_sent_again_over_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(('127.0.0.1', 0))
            server.settimeout(60)
            fifo = os.path.join(self.w.path, 'fifo')
            os.mkfifo(fifo)
            process = self.w.start('flow_meter', '-r', fifo, '-p', 'dns', '-x', f'127.0.0.1:{server.getsockname()[1]}', '-u',
                                   '--template-refresh', '1')
            with open(fifo, 'wb') as pipe:
                for second in range(3): # a DNS message each ends its flow at once
                    pipe.write(dns_capture() if second == 0 else dns_capture()[24:])
                    pipe.flush()
                    begun = time.monotonic()
                    wait_until(lambda b=begun: time.monotonic() > b + 1, 'a second, after which templates are due')
                    pipe.write(filler())
                    pipe.flush()
            decoder = Decoder()
            while decoder.sequence < 3:
                decoder.message(server.recv(65536))
            code, _, err = self.w.end(process)
            self.assertEqual(code, 0, err)
            self.assertGreater(decoder.sent, len(decoder.templates))

    def test_a_stop_signal_ends_it_though_the_collector_reads_nothing(self):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            server.bind(('127.0.0.1', 0))
            server.listen(1)
            process = self.w.start('flow_meter', '-r', '-', '-p', 'dns', '-x', f'127.0.0.1:{server.getsockname()[1]}',
                                   stdin=subprocess.PIPE)
            connection, _ = server.accept()
            with connection:
                threading.Thread(target=feed, args=(process.stdin.buffer,), daemon=True).start()
                self.w.wait_until_blocked(process) # every buffer between the two is full
                process.send_signal(signal.SIGTERM)
                process.wait(TIMEOUT)


def main():
    global BIN
    BIN = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])


if __name__ == '__main__':
    main()
