#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_collector with the exporters of others: softflowd and pmacctd read a capture and export it; what flow_collector makes of it is what
nfcapd makes of the same datagrams, which flow_collector passes on.

usage: exporters_test.py BIN_DIR [TEST...]

NEMEA_EXPORTERS=all runs pmacctd with all its protocols.
"""

import collections
import contextlib
import csv
import datetime
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest

from ipfix_wire import end_nfcapd, free_port, listens, unread, wait_until
from programs import ROOT, Workspace

BIN = None
PATH = os.environ['PATH'] + ':/usr/sbin:/sbin'
CAPTURE = os.path.join(ROOT, 'tests', 'golden', 'pcap', 'mixed.pcap')
FORMAT = 'basic,?TOS'
ICMP = (1, 58)


def needs(*programs):
    missing = [name for name in programs if shutil.which(name, path=PATH) is None]
    packages = {'nfcapd': 'nfdump', 'pmacctd': 'pmacct', 'nfacctd': 'pmacct'}
    return unittest.skipIf(missing, f'missing: {", ".join(f"{name} (package {packages.get(name, name)})" for name in missing)}')


def milliseconds(text):
    """Whole ones, as nfdump has them; a microsecond may be missing by the binary fraction of a UniRec time."""
    time = datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1)
    return (time // datetime.timedelta(microseconds=1) + 1) // 1000


# pmacctd sleeps for seconds before and after a file.
ALL = unittest.skipUnless(os.environ.get('NEMEA_EXPORTERS') == 'all', 'takes seconds: NEMEA_EXPORTERS=all')


class Exporters(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def collect(self, *exporter):
        """What an exporter sends, as flow_collector and as nfcapd read it: two multisets of flows, and the counters."""
        port, other = free_port(), free_port()
        os.mkdir(self.w.file('nfcapd'))
        with open(self.w.file('nfcapd.log'), 'wb') as log:
            nfcapd = subprocess.Popen(['nfcapd', '-w', self.w.file('nfcapd'), '-p', str(other), '-b', '127.0.0.1', '-B', '4000000'],
                                      stdout=log, stderr=log, env=dict(os.environ, PATH=PATH))
        self.addCleanup(nfcapd.wait)
        self.addCleanup(nfcapd.kill)
        wait_until(lambda: listens(other), 'nfcapd')
        process = self.w.start('flow_collector', '-u', f'127.0.0.1:{port}', '-F', f'127.0.0.1:{other}', '-f', FORMAT, '-i', 'f:out:w', '-v',
                               '--telemetry', self.w.file('telemetry'))
        wait_until(lambda: listens(port), 'flow_collector')
        if callable(exporter[0]):
            exporter[0](port)
            exporter = ['true']
        done = subprocess.run([part.replace('PORT', str(port)) for part in exporter], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              cwd=self.w.path, env=dict(os.environ, PATH=PATH), check=False)
        self.assertIn(done.returncode, (0, 1), done.stdout)  # pmacctd ends with either after a file
        wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        code, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        wait_until(lambda: unread(other) == 0, 'nfcapd to read what was sent')
        end_nfcapd(nfcapd)
        return self.own(), self.of_nfdump(), err

    def own(self):
        code, out, err = self.w.run('logger', '-i', 'f:out', '-t')
        self.assertEqual(code, 0, err)
        title, *lines = csv.reader(out.splitlines())
        names = [name.split()[1] for name in title]
        flows = collections.Counter()
        for line in lines:
            r = dict(zip(names, line))
            times = milliseconds(r['TIME_FIRST']), milliseconds(r['TIME_LAST'])
            self.assertLessEqual(times[0], times[1], line)
            flows[(r['SRC_IP'], r['DST_IP'], int(r['PROTOCOL']), *ports(r), int(r['PACKETS']), int(r['BYTES']),
                   *times, int(r['TCP_FLAGS']), int(r.get('TOS', 0)))] += 1
        return flows

    def of_nfdump(self):
        out = subprocess.run(['nfdump', '-R', self.w.file('nfcapd'), '-o', 'json', '-q'], stdout=subprocess.PIPE, check=True,
                             env=dict(os.environ, TZ='UTC')).stdout
        flows = collections.Counter()
        for r in objects(out.decode()):
            times = sorted((milliseconds(r['first']), milliseconds(r['last'])))  # of softflowd's IPFIX it exchanges them
            port = 0 if r['proto'] in ICMP else r.get('dst_port', 0)
            flows[(r.get('src4_addr') or r['src6_addr'], r.get('dst4_addr') or r['dst6_addr'], r['proto'], r.get('src_port', 0), port,
                   r['in_packets'], r['in_bytes'], *times, flags(r.get('tcp_flags', '')), r.get('src_tos', 0))] += 1
        return flows

    def compare(self, *exporter):
        own, other, err = self.collect(*exporter)
        self.assertGreater(sum(own.values()), 20, err)
        self.assertEqual(own, other, err)
        return err

    def softflowd(self, version):
        return self.compare('softflowd', '-r', CAPTURE, '-a', '-d', '-n', '127.0.0.1:PORT', '-v', version, '-p', 'pid', '-c', 'control')

    @needs('softflowd', 'nfcapd')
    def test_softflowd_with_netflow_v5(self):
        self.assertIn('lost by sequence numbers 0,', self.softflowd('5'))

    @needs('softflowd', 'nfcapd')
    def test_softflowd_with_netflow_v9(self):
        self.assertIn('lost by sequence numbers 0,', self.softflowd('9'))

    @needs('softflowd', 'nfcapd')
    def test_softflowd_with_ipfix(self):
        self.softflowd('10')  # its sequence numbers count the records of the message itself, too: so losses are shown

    def received(self):
        """Records that flow_collector has read, as its telemetry says each second."""
        if not os.path.exists(self.w.file('telemetry/stats')):
            return 0
        found = re.search(r'^flow records: (\d+)$', self.w.read('telemetry/stats'), re.M)
        return int(found.group(1)) if found else 0

    def fprobe(self, port, version):
        """It captures only: flows over the loopback interface, until it has sent a full message; it sends the rest when it is told to end."""
        wanted = free_port()
        process = subprocess.Popen(['fprobe', '-i', 'lo', '-n', version, '-s', '1', '-d', '1', '-l', '2', '-f', f'udp dst port {wanted}',
                                    f'127.0.0.1:{port}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, PATH=PATH))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def captures():
            with open('/proc/net/packet', encoding='ascii') as file:
                inodes = {line.split()[-1] for line in file}
            for path in glob.glob(f'/proc/{process.pid}/fd/*'):
                with contextlib.suppress(FileNotFoundError):  # it was closed just now
                    if os.readlink(path).strip('socket:[]') in inodes:
                        return True
            return False
        wait_until(captures, 'fprobe to capture')

        def sent_enough():  # it may see the first ones or not
            for n in range(10):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    for k in range(1 + n % 3):
                        s.sendto(bytes(10 * n + k), ('127.0.0.1', wanted))
            return self.received() >= 30
        wait_until(sent_enough, 'what fprobe sends')
        process.terminate()
        process.wait()

    @ALL
    @needs('fprobe', 'nfcapd')
    @unittest.skipIf(os.geteuid() != 0, 'fprobe captures, which needs root')
    def test_fprobe_with_netflow_v5(self):
        err = self.compare(lambda port: self.fprobe(port, '5'))
        self.assertIn('lost by sequence numbers 0,', err)

    @ALL
    @needs('softflowd', 'nfacctd')
    def test_nfacctd_reads_the_same(self):
        """Packets and bytes of each flow of softflowd's NetFlow v9 and IPFIX, as nfacctd sums them up."""
        for version in '9', '10':
            port, other, output = free_port(), free_port(), self.w.file(f'nfacctd{version}.csv')
            self.w.file('nfacctd.conf', f'nfacctd_port: {other}\nnfacctd_ip: 127.0.0.1\nplugins: print\nprint_output: csv\nprint_refresh_time: 1\n'
                        f'print_output_file: {output}\nprint_output_file_append: true\naggregate: src_host, dst_host, src_port, dst_port, proto\n')
            log = self.w.file(f'nfacctd{version}.log')
            with open(log, 'wb') as file:
                nfacctd = subprocess.Popen(['nfacctd', '-f', self.w.file('nfacctd.conf')], stdout=file, stderr=file, env=dict(os.environ, PATH=PATH),
                                           start_new_session=True)  # its plugin is a process of its own
            self.addCleanup(nfacctd.wait)
            self.addCleanup(os.killpg, nfacctd.pid, signal.SIGKILL)
            wait_until(lambda: listens(other) and 'Purging cache' in self.w.read(log), 'nfacctd and its plugin')  # before, it drops what comes
            process = self.w.start('flow_collector', '-u', f'127.0.0.1:{port}', '-F', f'127.0.0.1:{other}', '-f', FORMAT, '-i', 'f:out:w', '-v')
            wait_until(lambda: listens(port), 'flow_collector')
            subprocess.run(['softflowd', '-r', CAPTURE, '-a', '-d', '-n', f'127.0.0.1:{port}', '-v', version, '-p', 'pid', '-c', 'control'],
                           cwd=self.w.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, PATH=PATH), check=True)
            wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
            self.w.wait_until_blocked(process)
            code, _, err = self.w.end(process, signal.SIGTERM)
            self.assertEqual(code, 0, err)
            own = sums(self.own())
            wait_until(lambda: of_nfacctd(output) == own, f'nfacctd to say the same of version {version}')

    def pmacctd(self, version):
        self.w.file('pmacctd.conf', f'pcap_savefile: {CAPTURE}\npcap_savefile_wait: false\nplugins: nfprobe\nnfprobe_receiver: 127.0.0.1:PORT\nnfprobe_version: {version}\n'
                    'aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags\n')
        return self.compare('sh', '-c', "sed -i s/PO''RT/PORT/ pmacctd.conf; exec pmacctd -f pmacctd.conf")

    @needs('pmacctd', 'nfcapd')
    def test_pmacctd_with_netflow_v9(self):
        self.pmacctd(9)

    @ALL
    @needs('pmacctd', 'nfcapd')
    def test_pmacctd_with_netflow_v5(self):
        self.pmacctd(5)

    @ALL
    @needs('pmacctd')
    def test_pmacctd_with_sflow(self):
        """Each packet is a sample: records are the packets of the capture."""
        port = free_port()
        process = self.w.start('flow_collector', '-u', f'127.0.0.1:{port}', '-f', FORMAT, '-i', 'f:out:w', '-v')
        wait_until(lambda: listens(port), 'flow_collector')
        self.w.file('pmacctd.conf', f'pcap_savefile: {CAPTURE}\nplugins: sfprobe\nsfprobe_receiver: 127.0.0.1:{port}\nsampling_rate: 1\n')
        subprocess.run(['pmacctd', '-f', self.w.file('pmacctd.conf')], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, PATH=PATH), check=False)
        wait_until(lambda: unread(port) == 0, 'flow_collector to read what was sent')
        self.w.wait_until_blocked(process)
        code, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        sampled = sums(self.own())
        code, _, err = self.w.run('flow_meter', '-r', CAPTURE, '--split', '-i', 'f:out:w')
        self.assertEqual(code, 0, err)
        self.assertEqual(sampled, sums(self.own()))

    @ALL
    @needs('pmacctd', 'nfcapd')
    def test_pmacctd_with_ipfix(self):
        self.pmacctd(10)


def of_nfacctd(path):
    """Packets and bytes by key; it writes what it has each second."""
    total = collections.Counter()
    if os.path.exists(path):
        with open(path, encoding='ascii') as file:
            for r in csv.DictReader(line for line in file if line.strip() and line.endswith('\n')):  # the last one may be half written
                if r['SRC_IP'] == 'SRC_IP' or None in r.values():
                    continue
                numbers = {'icmp': 1, 'igmp': 2, 'tcp': 6, 'udp': 17, 'ipv6-icmp': 58}
                protocol = numbers.get(r['PROTOCOL']) or int(r['PROTOCOL'])
                key = r['SRC_IP'], r['DST_IP'], protocol, int(r['SRC_PORT']), 0 if protocol in ICMP else int(r['DST_PORT'])
                total[key, 'packets'] += int(r['PACKETS'])
                total[key, 'bytes'] += int(r['BYTES'])
    return total


def objects(text):
    """The objects of a text, whatever stands between them."""
    at = text.find('{')
    while at >= 0:
        value, end = json.JSONDecoder().raw_decode(text, at)
        yield value
        at = text.find('{', end)


def ports(record):
    """Type and code of ICMP are left out: nfdump does not read them from all of these."""
    return int(record['SRC_PORT']), 0 if int(record['PROTOCOL']) in ICMP else int(record['DST_PORT'])


def sums(flows):
    """Packets and bytes by key."""
    total = collections.Counter()
    for flow, n in flows.items():
        total[flow[:5], 'packets'] += n * flow[5]
        total[flow[:5], 'bytes'] += n * flow[6]
    return total


def flags(text):
    """'...AP.SF' as a number."""
    return sum(bit for bit, letter in zip((128, 64, 32, 16, 8, 4, 2, 1), text) if letter != '.')


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main(verbosity=2)
