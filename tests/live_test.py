#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_meter on a live interface (a veth pair between two network namespaces): libpcap, AF_PACKET, workers, VLAN tags, drops.

usage: live_test.py BIN_DIR [TEST...]    a test: Live.test_what_the_kernel_drops_is_counted

Skipped without root or network namespaces. Nothing waits for a time: flow_meter's telemetry says when it captures and
which packets it has seen; the namespaces are without IPv6 and ARP, so there are no others than ours.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from programs import Workspace

BIN = None
SEND, RECEIVE = f'nemea-ts-{os.getpid()}', f'nemea-tr-{os.getpid()}'

# Sends N times both directions of 100 UDP conversations; with a VLAN tag where the second argument is not 0.
SENDER = '''
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('v0', 0))
tag = struct.pack('!HH', 0x8100, int(sys.argv[2])) if sys.argv[2] != '0' else b''
def frame(a, b, sport, dport):
    udp = struct.pack('!HHHH', sport, dport, 28, 0) + bytes(20)
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 48, 1, 0, 64, 17, 0, a, b)
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]) + tag + b'\\x08\\x00' + ip + udp
b = bytes([198, 51, 100, 1])
for _ in range(int(sys.argv[1])):
    for port in range(2000, 2100):
        a = bytes([192, 0, 2, port - 1999])
        s.send(frame(a, b, port, 9))
        s.send(frame(b, a, 9, port))
'''

# Runs a client against a server that never answers; prints how many datagrams it sent.
SILENT_SERVER = '''
import socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 853))
subprocess.run(sys.argv[1:], capture_output=True, timeout=60)
s.setblocking(False)
n = 0
try:
    while True:
        s.recv(2000)
        n += 1
except BlockingIOError:
    print(n)
'''


def ip(*command):
    return subprocess.run(['ip', *command], capture_output=True, check=False).returncode == 0


def send(rounds, vlan=0):
    subprocess.run(['ip', 'netns', 'exec', SEND, sys.executable, '-c', SENDER, str(rounds), str(vlan)], check=True)


class Live(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def start(self, *options):
        """Starts flow_meter and waits until it captures."""
        self.numbers = tempfile.mkdtemp(dir=self.w.path)
        process = self.w.start('ip', 'netns', 'exec', RECEIVE, os.path.join(self.w.bin_dir, 'flow_meter'), *options, '-t', self.numbers)
        self.w.wait_for(lambda: self.seen() is not None or process.poll() is not None, 'flow_meter to capture')
        self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
        return process

    def seen(self):
        """Packets that flow_meter has read and that the kernel has dropped; None: it does not capture yet."""
        try:
            with open(os.path.join(self.numbers, 'pipeline', 'summary'), encoding='ascii') as file:
                numbers = dict(line.strip().split(': ') for line in file if not line.startswith('Flow'))
        except FileNotFoundError:
            return None
        return int(numbers['packets']) + int(numbers['dropped'])

    def flows(self, process, packets):
        """[(conversation, packets, rest...)] of the UDP flows, once the meter has seen this many packets."""
        self.w.wait_for(lambda: self.seen() >= packets, f'{packets} packets')
        code, out, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        return [line.split() for line in out.splitlines() if line.startswith('17@192.0.2.')], out

    def check(self, flows, rounds, out):
        self.assertEqual(len(flows), 100, out)
        self.assertEqual({flow[1] for flow in flows}, {f'{rounds}->{rounds}'}, out)

    def test_libpcap_and_af_packet_see_the_same(self):
        for source in ('pcap;ifc=v1', 'raw;ifc=v1', 'raw;ifc=v1;blocks=64;pkts=8;filter=udp port 9'):
            process = self.start('-i', source, '-o', 'text;m')
            send(5)
            flows, out = self.flows(process, 1000)
            self.check(flows, 5, out)

    def test_workers_share_an_interface_and_each_flow_has_one_worker(self):
        process = self.start('-i', 'raw;ifc=v1;fanout=77', '-i', 'raw;ifc=v1;fanout=77', '-p', 'pstats', '-o', 'text;m')
        send(5)
        flows, out = self.flows(process, 1000)
        self.check(flows, 5, out) # both directions are in one flow, and no flow is split between two workers

    def test_vlan_tags_that_the_kernel_took_out_are_there(self):
        process = self.start('-i', 'raw;ifc=v1', '-p', 'vlan', '-o', 'text;m')
        send(1, 5)
        flows, out = self.flows(process, 200)
        self.assertEqual({flow[-1] for flow in flows}, {'VLAN_ID=5'}, out)

    def test_initials_of_a_real_quic_client_give_its_server_name(self):
        """kdig asks a server that never answers, by DNS over QUIC."""
        if shutil.which('kdig') is None:
            self.skipTest('needs kdig (knot-dnsutils)')
        ip('-n', RECEIVE, 'link', 'set', 'lo', 'up')
        process = self.start('-i', 'pcap;ifc=lo', '-p', 'quic', '-o', 'text;m')
        sent = subprocess.run(['ip', 'netns', 'exec', RECEIVE, sys.executable, '-c', SILENT_SERVER, 'kdig', '+tls-hostname=dns.example.net',
                               '+quic', '+time=1', '+retry=0', '@127.0.0.1', '-p', '853', 'example.net'], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        self.assertGreater(int(sent), 0)
        self.w.wait_for(lambda: self.seen() >= int(sent), 'the packets of kdig')
        code, out, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(code, 0, err)
        self.assertIn('QUIC_SNI="dns.example.net"', out)
        self.assertIn('QUIC_CH_PARSED=1', out)

    def test_what_the_kernel_drops_is_counted(self):
        process = self.start('-i', 'raw;ifc=v1;blocks=2;pkts=1;filter=udp port 9', '-o', 'text;m')
        process.send_signal(signal.SIGSTOP)
        send(20)
        process.send_signal(signal.SIGCONT)
        _, out = self.flows(process, 4000)
        row = next(line.split() for line in out.splitlines() if line.startswith('SUM'))
        self.assertGreater(int(row[4]), 3000, out)
        self.assertGreaterEqual(int(row[1]) + int(row[4]), 4000, out)


def main():
    global BIN
    BIN = os.path.abspath(sys.argv[1])
    if os.geteuid() != 0 or not ip('netns', 'add', SEND):
        print('skipped: needs root and network namespaces')
        sys.exit(77)
    try:
        ip('netns', 'add', RECEIVE)
        if not ip('link', 'add', 'v0', 'netns', SEND, 'type', 'veth', 'peer', 'name', 'v1', 'netns', RECEIVE):
            print('skipped: no veth interfaces here')
            sys.exit(77)
        for space, link in ((SEND, 'v0'), (RECEIVE, 'v1')):
            subprocess.run(['ip', 'netns', 'exec', space, 'sh', '-c', 'echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6'],
                           capture_output=True, check=False) # fails without IPv6, which then need not be switched off
            ip('-n', space, 'link', 'set', link, 'arp', 'off', 'multicast', 'off', 'up')
        unittest.main(argv=sys.argv[:1] + sys.argv[2:])
    finally:
        ip('netns', 'del', SEND)
        ip('netns', 'del', RECEIVE)


if __name__ == '__main__':
    main()
