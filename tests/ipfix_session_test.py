#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The connection of flow_meter to an IPFIX collector that is not there, goes away, comes back, or does not read.

usage: ipfix_session_test.py BIN_DIR [TEST...]
"""

import io
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

from ipfix_wire import QUERY, Decoder, connecting, dns_capture, dns_flow, end_nfcapd, filler, free_port, listens, number, packet, unread, wait_until
from programs import TIMEOUT, Workspace

BIN = None
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'


def listen(port=0, family=socket.AF_INET, address='127.0.0.1'):
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.settimeout(TIMEOUT)
    server.bind((address, port))
    server.listen(1)
    return server


class Receiver(threading.Thread):
    """Reads messages of a connection until its end."""

    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection, self.decoder, self.failure = connection, Decoder(), None
        connection.settimeout(TIMEOUT)
        self.start()

    def run(self):
        try:
            with self.connection.makefile('rb') as stream:
                self.decoder.stream(stream)
        except (AssertionError, KeyError, OSError, struct.error) as failure:
            self.failure = failure

    def end(self, close=False):
        """Waits for the end of the stream, which this side makes with close. Returns the number of data records."""
        if close:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.join(TIMEOUT)
        assert not self.is_alive() and self.failure is None, self.failure
        self.connection.close()
        return len(self.decoder.records)


class Session(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.fed = 0

    def meter(self, output, *options):
        """ipfixprobe that reads packets from a pipe; each DNS message is a flow."""
        process = self.w.start('ipfixprobe', '-i', 'pcap;file=-', '-p', 'dns', *options, '-o', output, stdin=subprocess.PIPE)
        self.feed(process, dns_capture()[:24])
        return process

    @staticmethod
    def feed(process, data):
        process.stdin.buffer.write(data)
        process.stdin.buffer.flush()

    def flows(self, process, n):
        self.fed += n
        self.feed(process, dns_flow() * n + filler())

    @staticmethod
    def let_clock_run(seconds):
        """Waits for things that depend on the clock: reconnections and templates that are due a second later."""
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() >= begun + seconds, 'the clock')

    def finish(self, process, stop=None, may_drop=False):
        """Waits for the end. Returns (flows, dropped) of the table of outputs, and standard error. A capture that was not delivered
        as a whole is a failure, unless a signal ended it or records may be dropped."""
        process.stdin.close()
        process.stdin = None
        code, out, err = self.w.end(process, stop)
        row = out.split('Output stats:')[1].splitlines()[2].split()
        lost = int(row[4]) > 0
        self.assertEqual(code, 1 if lost and not may_drop and stop is None else 0, err)
        self.assertEqual(f'{row[4]} records were lost' in err, lost, err)
        return int(row[1]), int(row[4]), err

    def test_a_collector_that_is_not_there_is_said_once_and_flows_are_counted(self):
        for options in ('', ';non-blocking-tcp'):
            process = self.meter(f'ipfix;port={free_port()};reconnect=1{options}')
            for _ in range(3): # the second failure is not reported again
                self.flows(process, 1)
                self.let_clock_run(0.7)
            flows, dropped, err = self.finish(process, may_drop=options != '')
            self.assertEqual(flows, dropped)
            self.assertEqual(err.count('cannot connect: Connection refused; retrying every 1 s'), 1, err)
            self.assertIn(f'{dropped} records were lost', err)

    def test_the_other_command_line(self):
        capture = self.w.file('a.pcap', dns_capture())
        code, out, err = self.w.run('flow_meter', '-r', capture, '-x', f'127.0.0.1:{free_port()}', '-v',
                                    '--reconnect', '1')
        self.assertEqual((code, out), (1, ''), err)
        self.assertIn('Connection refused', err)
        self.assertIn('dropped by outputs 1', err)
        code, _, err = self.w.run('flow_meter', '-r', capture, '-x', '127.0.0.1:1', '--reconnect', '0')
        self.assertEqual(code, 1)
        self.assertIn('reconnect', err)

    def test_names_and_ports_that_do_not_resolve(self):
        for host, port in (('collector.invalid', '4739'), ('127.0.0.1', 'no-such-service')):
            capture = self.w.file('a.pcap', dns_capture())
            code, _, err = self.w.run('ipfixprobe', '-i', f'pcap;file={capture}', '-o', f'ipfix;host={host};port={port}')
            self.assertEqual(code, 1, err)
            self.assertIn(f'IPFIX collector {host}:{port} (TCP): cannot connect', err)

    def accept(self, process, server):
        """Packets go on until it connects."""
        server.settimeout(0.2)
        end = time.monotonic() + TIMEOUT
        while True:
            self.flows(process, 1)
            try:
                return Receiver(server.accept()[0])
            except TimeoutError:
                self.assertLess(time.monotonic(), end, 'it does not connect')

    def receive_all(self, process, receiver):
        """Until a flow that is sent now has come, and so all before it; the meter keeps a message for a second."""
        self.fed += 1
        port = 10000 + self.fed
        self.feed(process, packet(QUERY, port))

        def come():
            self.feed(process, filler())
            return any(number(record.get((0, 7), b'')) == port for record in list(receiver.decoder.records))

        wait_until(come, 'the last flow')

    def test_it_connects_to_a_collector_that_comes_later(self):
        port = free_port()
        process = self.meter(f'ipfix;port={port};reconnect=1')
        self.flows(process, 5)
        self.w.wait_until_read(process)  # it has dropped them: the others come after them
        with listen(port) as server:
            receiver = self.accept(process, server)
            self.flows(process, 10)
            flows, dropped, err = self.finish(process)
            records = receiver.end()
        self.assertGreaterEqual(dropped, 5)
        self.assertGreaterEqual(records, 10)
        self.assertEqual(records + dropped, flows)
        self.assertIn('connected; ', err)

    def test_after_the_collector_went_away_it_connects_again_and_sends_templates_first(self):
        received = 0
        with listen() as server:
            process = self.meter(f'ipfix;port={server.getsockname()[1]};reconnect=1')
            for run in range(3):
                receiver = self.accept(process, server) # has no templates, and expects sequence numbers from 0
                self.flows(process, 10)
                # Everything accepted is read before the collector closes: nothing is in flight.
                self.receive_all(process, receiver)
                if run == 2: # prevents reconnection: messages to a connection that is never accepted would not be counted
                    server.close()
                received += receiver.end(close=True)
                self.flows(process, 3)
            flows, dropped, err = self.finish(process)
        self.assertGreaterEqual(received, 30)
        self.assertGreaterEqual(dropped, 3)
        self.assertEqual(received + dropped, flows)
        self.assertEqual(err.count('connection lost: closed by the collector'), 3, err)
        self.assertEqual(err.count('connected; '), 2, err)

    def test_who_never_waits_sends_whole_messages_only(self):
        with listen() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            process = self.meter(f'ipfix;port={server.getsockname()[1]};non-blocking-tcp')
            connection, _ = server.accept()
            connection.settimeout(TIMEOUT)
            with connection, connection.makefile('rb') as stream:
                for _ in range(5): # to a collector that does not read
                    self.flows(process, 20000)
                decoder = Decoder(gaps=True)
                decoder.stream(stream, 100)
                self.flows(process, 5000) # the message in progress is completed, new ones follow
                process.stdin.close()
                decoder.stream(stream)
            process.stdin = None
            code, out, err = self.w.end(process)
            self.assertEqual(code, 0, err)
            row = out.split('Output stats:')[1].splitlines()[2].split()
            self.assertGreater(int(row[4]), 0)
            self.assertEqual(len(decoder.records) + int(row[4]), int(row[1]))

    def test_who_waits_loses_nothing_to_a_slow_collector(self):
        with listen() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            process = self.meter(f'ipfix;port={server.getsockname()[1]}')
            connection, _ = server.accept()
            connection.settimeout(TIMEOUT)
            with connection:
                child = os.fork()
                if child == 0: # the pipe fills up, so another process reads it
                    try:
                        for _ in range(20): # more than fits into the buffers between them
                            self.flows(process, 5000)
                    finally:
                        os._exit(0)
                process.stdin.close()
                process.stdin = None
                self.w.wait_until_blocked(process)
                with connection.makefile('rb', buffering=100) as stream:
                    decoder = Decoder()
                    decoder.stream(stream)
                os.waitpid(child, 0)
            code, out, err = self.w.end(process)
            self.assertEqual((code, err), (0, ''))
            self.assertEqual(len(decoder.records), int(out.split('Output stats:')[1].splitlines()[2].split()[1]))
            self.assertGreaterEqual(len(decoder.records), 100000)

    def test_a_signal_ends_it_while_it_connects(self):
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            with socket.socket() as first, socket.socket() as second:
                for s in (first, second): # connections beyond the backlog are not accepted
                    s.setblocking(False)
                    s.connect_ex(full.getsockname())
                port = full.getsockname()[1]
                ours = connecting(port)
                for given_up in (False, True):
                    process = self.meter(f'ipfix;port={port}')
                    wait_until(lambda: connecting(port) - ours, 'an attempt to connect')
                    if given_up:
                        wait_until(lambda: not connecting(port) - ours, 'it to give up')
                    process.send_signal(signal.SIGTERM)
                    self.assertEqual(process.wait(TIMEOUT), 0) # it reads on

    def test_ipv6_collectors(self):
        try:
            server = listen(0, socket.AF_INET6, '::1')
        except OSError:
            self.skipTest('no IPv6 here')
        capture, port = self.w.file('a.pcap', dns_capture()), server.getsockname()[1]
        with server:
            for command in (['ipfixprobe', '-i', f'pcap;file={capture}', '-o', f'ipfix;host=::1;port={port}'],
                            ['flow_meter', '-r', capture, '-x', f'[::1]:{port}']):
                process = self.w.start(*command)
                connection, _ = server.accept()
                with connection, connection.makefile('rb') as stream:
                    decoder = Decoder()
                    decoder.stream(stream)
                self.assertEqual(self.w.end(process)[0], 0)
                self.assertEqual(len(decoder.records), 1)

    def stored(self, *options, file=None):
        """The data that a collector stores for a capture."""
        with listen() as server:
            process = self.w.start('ipfixprobe', '-i', f'pcap;file={file}', '-p', 'dns', '-o',
                                   ';'.join((f'ipfix;port={server.getsockname()[1]}', *options)))
            connection, _ = server.accept()
            with connection, connection.makefile('rb') as stream:
                data = stream.read()
        code, _, err = self.w.end(process)
        self.assertEqual((code, err), (0, ''))
        return data

    @staticmethod
    def unpacked(data):
        """(exit status of lz4 -d, decoder of what it wrote)"""
        done = subprocess.run(['lz4', '-dc'], input=data, capture_output=True, check=False)
        decoder = Decoder()
        decoder.stream(io.BytesIO(done.stdout))
        return done.returncode, decoder

    @unittest.skipUnless(shutil.which('lz4'), 'lz4 is missing (package lz4)')
    def test_lz4_holds_the_records_of_the_plain_stream(self):
        capture = self.w.file('a.pcap', dns_capture()[:24] + b''.join(packet(QUERY, port) for port in range(1000, 6000)))
        if 'no LZ4' in self.w.run('ipfixprobe', '-i', f'pcap;file={capture}', '-o', 'ipfix;lz4-compression')[2]:
            self.skipTest('built without liblz4')
        plain = self.stored(file=capture)
        expected = Decoder()
        expected.stream(io.BytesIO(plain))
        self.assertEqual(len(expected.records), 5000)
        for options in (['lz4-compression'], ['c', 's=4374'], ['c', 's=0x400000'], ['c', 'mtu=65507', 's=200000'],
                        ['c', 'non-blocking-tcp', 's=4374'], ['c', 'mtu=128', 's=384']):
            data = self.stored(*options, file=capture)
            self.assertEqual(data[:4], b'\x04\x22\x4d\x18') # the standard frame's magic number
            code, decoder = self.unpacked(data)
            self.assertEqual(code, 0, options)
            self.assertEqual(decoder.records, expected.records, options)
            self.assertLess(len(data), len(plain) / 2)

    @unittest.skipUnless(shutil.which('lz4'), 'lz4 is missing (package lz4)')
    def test_lz4_does_not_keep_records_for_long_and_begins_a_frame_for_each_connection(self):
        with listen() as server:
            process = self.meter(f'ipfix;port={server.getsockname()[1]};c;reconnect=1')
            if process.poll() is not None or 'no LZ4' in self.w.run('ipfixprobe', '-i', 'pcap;file=-', '-o', 'ipfix;c')[2]:
                self.skipTest('built without liblz4')
            server.settimeout(0.3)
            for _ in range(2):
                connection = None
                end = time.monotonic() + TIMEOUT
                while connection is None and time.monotonic() < end:
                    self.flows(process, 1)
                    try:
                        connection, _ = server.accept()
                    except TimeoutError:
                        pass
                data = b''
                connection.settimeout(0.3)
                while len(self.unpacked(data)[1].records if len(data) > 7 else []) < 5: # the frame goes on
                    self.assertLess(time.monotonic(), end, 'it keeps what it has')
                    self.flows(process, 1)
                    try:
                        data += connection.recv(65536)
                    except TimeoutError:
                        pass
                connection.close()
            self.finish(process)

    def test_nobody_listens_to_udp(self):
        port = free_port()
        process = self.meter(f'ipfix;udp;port={port};mtu=128')
        for _ in range(3): # the host answers each datagram with an ICMP error
            self.flows(process, 100)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(('127.0.0.1', port))
            server.settimeout(TIMEOUT)
            self.flows(process, 100)
            self.assertEqual(server.recv(65536)[:2], b'\0\x0a')
            flows, _, err = self.finish(process)
        self.assertGreaterEqual(flows, 400)
        self.assertNotIn('cannot connect', err)

    @unittest.skipUnless(shutil.which('nfcapd', path=PATH), 'nfcapd is missing (package nfdump)')
    def test_nfcapd_is_started_again(self):
        port, counts = free_port(), []
        process = self.meter(f'ipfix;udp;port={port};milliseconds;template=1;mtu=300')
        for run in range(2):
            folder = os.path.join(self.w.path, f'nf{run}')
            os.mkdir(folder)
            with open(self.w.file('nfcapd.log', ''), 'w', encoding='utf-8') as log:
                nfcapd = subprocess.Popen(['nfcapd', '-w', folder, '-p', str(port), '-b', '127.0.0.1'], stdout=log, stderr=log,
                                          env=dict(self.w.env, PATH=PATH))
            self.addCleanup(nfcapd.kill)
            wait_until(lambda: listens(port), 'nfcapd')
            for _ in range(4): # the second one gets templates again when a second has passed
                self.flows(process, 50)
                self.let_clock_run(0.7)
            wait_until(lambda: unread(port) == 0, 'nfcapd to read what was sent')
            end_nfcapd(nfcapd)
            out = subprocess.run(['nfdump', '-R', folder, '-q', '-N', '-o', 'fmt:%pkt'], env=dict(self.w.env, PATH=PATH),
                                 capture_output=True, text=True, check=True).stdout
            counts.append(len(re.findall(r'^\s*1\s*$', out, re.M)))
        self.finish(process)
        self.assertGreaterEqual(counts[0], 190)
        self.assertGreaterEqual(counts[1], 50)


def main():
    global BIN
    BIN = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])


if __name__ == '__main__':
    main()
