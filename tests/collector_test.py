#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_collector as a process: what our own meter exports comes back as its direct records; files and errors.

usage: collector_test.py BIN_DIR [TEST...]
"""

import contextlib
import csv
import errno
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

from ipfix_wire import export, free_port, listens, unread, wait_until
from programs import ROOT, Workspace

BIN = None
CAPTURES = [os.path.join(ROOT, 'tests', 'golden', 'pcap', f'{name}.pcap') for name in ('mixed', 'http')]


# Captures in which plugins find something, where their names differ.
CAPTURE_OF = {'basicplus': 'mixed', 'flowhash': 'mixed', 'https': 'tls', 'icmp': 'mixed', 'mpls': 'syn_mpls', 'nettisa': 'mixed', 'passivedns': 'dns',
              'phists': 'mixed', 'pstats': 'mixed', 'quic': 'quic_initial-sample', 'ssadetector': 'ovpn'}
SCTP_SNDINFO = 2  # of linux/sctp.h: in which stream
OWN_TEST = {'arp', 'basic', 'osquery'}  # no flows; tested above; needs a program that answers


def message(domain, sequence, flows, template=False):
    """An IPFIX message: SRC_IP 10.0.0.n, bytes, one packet of each (n, bytes)."""
    sets = struct.pack('>HHHHHHHHHH', 2, 20, 256, 3, 8, 4, 1, 4, 2, 4) if template else b''
    data = b''.join(struct.pack('>III', 0x0a000000 + n, octets, 1) for n, octets in flows)
    sets += struct.pack('>HH', 256, 4 + len(data)) + data
    return struct.pack('>HHIII', 10, 16 + len(sets), 1000, sequence, domain) + sets


def end_of(connection):
    """b'' when the other end closed the connection, None when it did so without reading everything."""
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return None


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def records(self, file):
        code, out, err = self.w.run('logger', '-i', f'f:{file}', '-t')
        self.assertEqual(code, 0, err)
        lines = out.splitlines()
        return lines[:1], sorted(lines[1:])

    def start(self, kind, *options):
        """A collector on a free port that writes to the file out. Returns process and port."""
        port = free_port()
        process = self.w.start('flow_collector', f'-{kind}', f'127.0.0.1:{port}', '-f', 'SRC_IP,BYTES,PACKETS,ODID', '-i', 'f:out:w', '-v',
                               *options)
        if kind in ('u', '-dtls'):
            wait_until(lambda: listens(port), 'flow_collector')
            self.w.wait_until_blocked(process)  # several workers receive when all of them are there
        return process, port

    def connect(self, port):
        made = []

        def attempt():
            try:
                made.append(socket.create_connection(('127.0.0.1', port)))
            except ConnectionRefusedError:
                return False
            return True
        wait_until(attempt, 'flow_collector')
        self.addCleanup(made[0].close)
        return made[0]

    def end(self, process):
        code, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        return err


class Collector(Case):
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

    def table(self, file):
        """Records as dictionaries, in their order."""
        code, out, err = self.w.run('logger', '-i', f'f:{file}', '-t')
        self.assertEqual(code, 0, err)
        title, *lines = csv.reader(out.splitlines())
        return [dict(zip(title, line)) for line in lines]

    def test_what_plugins_found_comes_back(self):
        """Each plugin with a capture of its protocol: every field of every record, as the meter itself sends it."""
        plugins = self.w.run('flow_meter', '--plugin-list')[1].splitlines()
        self.w.run('flow_meter', '-r', CAPTURES[0], '-i', 'f:basic:w')
        basic = self.table('basic')[0]
        for plugin in sorted({line.split()[0] for line in plugins if line and not line[0].isspace()} - OWN_TEST):
            capture = os.path.join(ROOT, 'tests', 'golden', 'pcap', f'{CAPTURE_OF.get(plugin, plugin)}.pcap')
            messages = export(self.w, '-r', capture, '-p', plugin, '-i', 'f:direct:w')
            self.w.file('export.ipfix', b''.join(messages))
            code, _, err = self.w.run('flow_collector', '-r', 'export.ipfix', '-f', f'basic,plugin:{plugin}', '-i', 'f:collected:w')
            self.assertEqual(code, 0, err)
            direct, collected = self.table('direct'), self.table('collected')
            self.assertEqual(collected, direct, plugin)
            own = [name for name in direct[0] if name not in basic]
            self.assertTrue(plugin == 'ssadetector' or any(row[name].strip('0.[|]') for row in direct for name in own), f'{plugin} found nothing')

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

    def test_workers_keep_the_order_of_each_exporter(self):
        exporters, messages = 40, 30
        process, port = self.start('u', '-w', '3')
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(exporters)]
        for s in sockets:
            self.addCleanup(s.close)
        for number in range(messages):
            for domain, s in enumerate(sockets):
                s.sendto(message(domain, number, [(domain, number)], template=number == 0), ('127.0.0.1', port))
            wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        err = self.end(process)
        code, out, _ = self.w.run('logger', '-i', 'f:out')
        self.assertEqual(code, 0)
        seen = {}
        for line in out.splitlines():
            _, number, domain, _ = line.split(',')
            seen.setdefault(int(domain), []).append(int(number))
        self.assertEqual(seen, {domain: list(range(messages)) for domain in range(exporters)}, err)
        self.assertIn('lost by sequence numbers 0,', err)

    def test_killed_and_started_again(self):
        """The new process reads all that came to it, also what came before its templates."""
        process, port = self.start('u')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            def send(numbers, template=None):
                for n in numbers:
                    s.sendto(message(7, n, [(n % 256, n)], template=n == template), ('127.0.0.1', port))

            send(range(100), template=0)
            process.kill()
            process.wait()
            send(range(100, 150))  # nobody reads them
            process = self.w.start('flow_collector', '-u', f'127.0.0.1:{port}', '-f', 'BYTES', '-i', 'f:again:w', '-v')
            wait_until(lambda: listens(port), 'flow_collector')
            send(range(150, 250), template=200)
            wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
            self.w.wait_until_blocked(process)
            send(range(260, 270))  # ten are missing
            wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        err = self.end(process)
        self.assertEqual(sorted(int(line) for line in self.records('again')[1]), [*range(150, 250), *range(260, 270)], err)
        self.assertIn('sets read after their template came 50,', err)
        self.assertIn('lost by sequence numbers 10,', err)

    def test_messages_over_tcp_in_pieces(self):
        process, port = self.start('t')
        s = self.connect(port)
        stream = message(7, 0, [(1, 100)], template=True) + message(7, 1, [(2, 200), (3, 300)])
        for at in range(0, len(stream), 11):
            s.sendall(stream[at:at + 11])
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(s.recv(1), b'')  # the collector has read all of it
        broken = self.connect(port)
        broken.sendall(b'GET / HTTP/1.0\r\n\r\n')
        self.assertIn(end_of(broken), (b'', None))  # no message: the connection ends, the collector goes on
        again = self.connect(port)
        again.sendall(message(7, 0, [(4, 400)]))  # its template was that of another connection
        again.shutdown(socket.SHUT_WR)
        self.assertEqual(again.recv(1), b'')
        err = self.end(process)
        self.assertEqual(self.records('out')[1], [f'10.0.0.{n},{n * 100},7,1' for n in (1, 2, 3)], err)
        self.assertIn('dropped: malformed 1', err)

    def test_exporters_that_are_not_allowed(self):
        process, port = self.start('t', '-a', '192.0.2.0/24')
        self.assertIn(end_of(self.connect(port)), (b'', None))
        err = self.end(process)
        self.assertIn('dropped: exporter not allowed 1', err)

    def associate(self, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        self.addCleanup(s.close)
        s.connect(('127.0.0.1', port))
        return s

    def wait_until_read(self):
        """All that was sent over SCTP on this machine."""
        def is_read():
            with open('/proc/net/sctp/assocs', encoding='ascii') as file:
                return all(line.split()[7:9] == ['0', '0'] for line in list(file)[1:])  # queues of the sender, of the receiver
        self.w.wait_for(is_read, 'flow_collector')

    def wait_until_ended(self, association):
        # Neither poll() nor MSG_DONTWAIT sees it on the side that has shut it down.
        association.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('ll', 60, 0))
        try:
            self.assertEqual(association.recv(1), b'')
        except OSError as reason:
            self.assertIn(reason.errno, (errno.ENOTCONN, errno.ECONNRESET))

    def test_sctp(self):
        try:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        except OSError as reason:
            code, _, err = self.w.run('flow_collector', '--sctp', '127.0.0.1:4739', '-i', 'b:')
            self.assertEqual(code, 1, err)
            self.assertIn('cannot listen on SCTP port 4739 of 127.0.0.1: this kernel has no SCTP (module sctp)', err)
            self.skipTest(f'receiving over SCTP: {reason}')
        self.addCleanup(s.close)
        process, port = self.start('-sctp')

        def connects():
            return s.connect_ex(('127.0.0.1', port)) == 0
        wait_until(connects, 'flow_collector')
        s.sendall(message(7, 0, [(1, 100)], template=True))
        s.sendall(message(7, 1, [(2, 200)]))
        # Sequence numbers are those of a stream. Each is sent when the one before was taken, for streams have no common order.
        for sequence, flow in ((0, (3, 300)), (1, (4, 400)), (5, (5, 500))):  # 3 are lost
            self.wait_until_read()
            s.sendmsg([message(7, sequence, [flow])], [(socket.IPPROTO_SCTP, SCTP_SNDINFO, struct.pack('=HHIIi', 3, 0, 0, 0, 0))])
        self.wait_until_read()
        s.shutdown(socket.SHUT_WR)
        self.wait_until_ended(s)
        # An exporter that is gone without a word, and another association of its own.
        other = self.associate(port)
        other.sendall(message(7, 0, [(6, 600)], template=True))
        self.wait_until_read()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        other.close()
        # What is no whole IPFIX message ends the association, and what follows is not taken for the rest of it.
        third = self.associate(port)
        third.sendall(message(7, 0, [(7, 700)], template=True))
        third.sendall(message(7, 1, [(8, 800)])[:30])
        self.wait_until_ended(third)
        err = self.end(process)
        self.assertEqual(self.records('out')[1], [f'10.0.0.{n},{n * 100},7,1' for n in range(1, 8)], err)
        for text in (' connections 3,', 'lost by sequence numbers 3,', 'dropped: malformed 1'):
            self.assertIn(text, err)

    def test_errors(self):
        for options, message in (([], 'no input: expected -u PORT, -t PORT, --tls PORT, --dtls PORT, --sctp PORT or -r FILE'),
                                 (['--tls', '1'], 'options --tls and --dtls need --tls-certificate FILE'),
                                 (['--dtls', '1', '--tls-certificate', 'x'], 'options --tls and --dtls need --tls-ca FILE'),
                                 (['--tls', '1', '--tls-certificate', 'x.pem', '--tls-ca', 'y.pem'],
                                  '"x.pem" cannot be used as certificate in PEM form: No such file'),
                                 (['-u', '1', '--tls-peer', 'x'], 'options --tls-... without --tls or --dtls'),
                                 (['-u', 'x'], 'option -u, --udp: "x" (expected PORT, HOST:PORT or [ADDRESS]:PORT)'),
                                 (['-u', '1', '-f', 'NO_FIELD'], 'NO_FIELD'),
                                 (['-u', '1', '-e', 'nowhere.txt'], 'nowhere.txt'),
                                 (['-r', 'nowhere.pcap'], 'nowhere.pcap')):
            code, _, err = self.w.run('flow_collector', *options, '-i', 'b:')
            self.assertEqual(code, 1, err)
            self.assertIn(message, err)


CERTIFICATES = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2
for name in collector exporter stranger
do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
  echo subjectAltName=DNS:$name.example >$name.ext
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.crt
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.crt -subj /CN=exporter.example -days 2
cat collector.crt collector.key >both.pem
"""


@unittest.skipUnless(shutil.which('openssl'), 'missing: openssl')
class Encrypted(Case):
    """IPFIX over TLS and DTLS from exporters with and without the right certificate."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = tempfile.mkdtemp(prefix='nemea-test-')
        cls.addClassCleanup(shutil.rmtree, cls.certificates)
        subprocess.run(['sh', '-ec', CERTIFICATES], cwd=cls.certificates, check=True, capture_output=True)

    def path(self, name):
        return os.path.join(self.certificates, name)

    def begin(self, kind, *options):
        return self.start(f'-{kind}', '--tls-certificate', self.path('both.pem'), '--tls-ca', self.path('ca.crt'), *options)

    def context(self, name):
        context = ssl.create_default_context(cafile=self.path('ca.crt'))
        if name is not None:
            context.load_cert_chain(self.path(f'{name}.crt'), self.path(f'{name}.key'))
        return context

    def exporter(self, port, name='exporter', **versions):
        context = self.context(name)
        for key, value in versions.items():
            setattr(context, key, value)
        s = context.wrap_socket(self.connect(port), server_hostname='collector.example')
        self.addCleanup(s.close)
        return s

    def send(self, s, *messages, piece=100000):
        stream = b''.join(messages)
        for at in range(0, len(stream), piece):
            s.sendall(stream[at:at + piece])
        s.unwrap().close()  # the collector has read all of it when it answers

    def refused(self, port, name):
        """An exporter that the collector does not take."""
        with self.assertRaises(OSError):
            s = self.exporter(port, name)
            s.sendall(message(7, 0, [(9, 900)], template=True))
            self.assertEqual(s.recv(1), b'')
            raise ConnectionResetError

    def s_client(self, port, name, *options, data=b''):
        keys = ('-cert', self.path(f'{name}.crt'), '-key', self.path(f'{name}.key')) if name else ()
        return subprocess.Popen(['openssl', 's_client', '-quiet', '-no_ign_eof', '-connect', f'127.0.0.1:{port}', '-CAfile', self.path('ca.crt'),
                                 '-verify_return_error', *keys, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_tls(self):
        process, port = self.begin('tls', '--tls-peer', 'other.example', '--tls-peer', 'exporter.example')
        self.send(self.exporter(port), message(7, 0, [(1, 100)], template=True), message(7, 1, [(2, 200), (3, 300)]), piece=11)
        many = [message(8, n, [(n % 200, n)] * 1000, template=n == 0) for n in range(0, 20000, 1000)]
        self.send(self.exporter(port, maximum_version=ssl.TLSVersion.TLSv1_2), *many)
        cut = self.exporter(port)
        cut.sendall(message(7, 0, [(4, 400)], template=True) + b'\0\x0a')
        cut.unwrap().close()
        broken = self.exporter(port)
        broken.sendall(b'GET / HTTP/1.0\r\n\r\n')
        self.assertIn(end_of(broken), (b'', None))
        err = self.end(process)
        records = self.records('out')[1]
        self.assertEqual([r for r in records if ',7,' in r], [f'10.0.0.{n},{n * 100},7,1' for n in (1, 2, 3, 4)], err)
        self.assertEqual(len([r for r in records if ',8,' in r]), 20000, err)
        self.assertIn(' connections 4,', err)
        self.assertIn('lost by sequence numbers 0,', err)
        self.assertIn('dropped: malformed 2,', err)

    def test_who_is_refused_over_tls(self):
        process, port = self.begin('tls', '--tls-peer', 'exporter.example')
        for name in None, 'self', 'stranger':  # no certificate, not of the CA, of another name
            self.refused(port, name)
        plain = self.connect(port)
        plain.sendall(message(7, 0, [(9, 900)], template=True))
        while end_of(plain):
            pass  # an alert
        old = self.s_client(port, 'exporter', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')
        self.assertNotEqual(self.w.end(old)[0], 0)
        self.send(self.exporter(port), message(7, 0, [(1, 100)], template=True))
        err = self.end(process)
        self.assertEqual(self.records('out')[1], ['10.0.0.1,100,7,1'], err)
        self.assertIn('dropped: certificate refused 3,', err)
        self.assertIn('dropped: TLS handshake failed 2,', err)
        self.assertRegex(err, r'TLS connection of 127\.0\.0\.1 port \d+ was refused: (no certificate|self.signed certificate|[Hh]ostname mismatch|wrong version'
                         r' number|unsupported protocol)')  # what came within a minute is told once

    def test_connections_that_begin_no_handshake_keep_nobody_out(self):
        process, port = self.begin('tls')
        silent = [self.connect(port) for _ in range(100)]
        self.send(self.exporter(port), message(7, 0, [(1, 100)], template=True))
        err = self.end(process)
        self.assertEqual(self.records('out')[1], ['10.0.0.1,100,7,1'], err)
        ended = [int(n) for n in re.findall(r'dropped: (?:limit|TLS handshake timed out) (\d+),', err)]
        self.assertGreaterEqual(sum(ended), len(silent) + 1 - 64, err)  # 64 handshakes at a time: the oldest ended

    def test_dtls(self):
        process, port = self.begin('dtls', '-w', '2', '--telemetry', self.w.file('telemetry'))
        bind = '-bind', f'127.0.0.1:{free_port()}'
        killed = self.s_client(port, 'exporter', '-dtls1_2', *bind)
        killed.stdin.write(message(0, 0, [(1, 100)], template=True))
        killed.stdin.flush()
        stats = self.w.file('telemetry/stats')
        wait_until(lambda: os.path.exists(stats) and 'flow records: 1\n' in self.w.read(stats), 'the record')
        killed.kill()
        killed.communicate()
        exporters = [self.s_client(port, 'exporter', '-dtls1_2', *bind)]  # it comes back with the same port
        exporters += [self.s_client(port, 'exporter', '-dtls1_2') for _ in range(3)] + [self.s_client(port, 'self', '-dtls1_2')]
        for domain, s in enumerate(exporters, 1):
            with contextlib.suppress(BrokenPipeError):  # one that was refused may have ended already
                os.write(s.stdin.fileno(), message(domain, 0, [(1, 100)], template=True))
            s.stdin.close()
            s.stdin = None
        for s in exporters:
            self.assertIsNotNone(self.w.end(s)[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(message(9, 0, [(9, 900)], template=True), ('127.0.0.1', port))
            s.sendto(b'', ('127.0.0.1', port))
        wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        err = self.end(process)
        self.assertEqual(self.records('out')[1], [f'10.0.0.1,100,{domain},1' for domain in range(5)], err)
        self.assertIn(' connections 5,', err)
        self.assertIn('dropped: certificate refused 1,', err)
        self.assertIn('dropped: DTLS without a session 2,', err)
        self.assertRegex(err, r'DTLS connection of 127\.0\.0\.1 port \d+ was refused: self.signed certificate')


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main(verbosity=2)
