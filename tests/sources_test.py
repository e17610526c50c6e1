#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""nemea run with three sources at once: packets of an interface, flows of an exporter, and a capture that is replayed.

usage: sources_test.py BIN_DIR CAPTURES_DIR

The interface is one end of a veth pair in a network namespace of its own, into the other end of which a capture is sent; so it is needed that root may make
one. A flow_meter of its own meters a second pair and exports IPFIX to the collector. Attacks are compared with what is known of the captures.
"""

import http.client
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

from programs import Workspace

BIN = CAPTURES = None


def packets(path):
    """Packets of a pcap file whose times have microseconds."""
    data = subprocess.run(['zstd', '-dqc', path], stdout=subprocess.PIPE, check=True).stdout
    at = 24
    while at + 16 <= len(data):
        size, = struct.unpack_from('<I', data, at + 8)
        yield data[at + 16:at + 16 + size]
        at += 16 + size


class Sources(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env.pop('TRAP_SOCKET_DIR')
        self.state = self.w.file('state')
        for one, other in (('v0', 'v1'), ('v2', 'v3')):
            done = subprocess.run(['ip', 'link', 'add', one, 'type', 'veth', 'peer', 'name', other], capture_output=True, check=False)
            if done.returncode != 0:
                self.skipTest('no veth interfaces here')
            for name in (one, other):
                with open(f'/proc/sys/net/ipv6/conf/{name}/disable_ipv6', 'w', encoding='ascii') as file:
                    file.write('1')
                subprocess.run(['ip', 'link', 'set', name, 'up'], check=True)

    def send(self, name, interface):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind((interface, 0))
            for i, packet in enumerate(packets(os.path.join(CAPTURES, name + '.pcap.zst'))):
                s.send(packet[:1514])
                if i % 50 == 49:
                    time.sleep(0.01)

    def modules(self):
        code, out, _ = self.w.run(os.path.join(BIN, 'supcli'), '-s', self.state + '/run/supervisor.sock', 'status', '--json')
        return {m['name']: m for m in json.loads(out)} if code == 0 else {}

    def events(self):
        code, out, _ = self.w.run(os.path.join(BIN, 'nemea'), 'alerts', '--json', '-n', '1000', '--state-dir', self.state)
        return [json.loads(line) for line in out.splitlines()] if code == 0 else []

    def attacks(self, name):
        """(kind, attacker, victim) of the attacks of a capture; the victim of vertical scans alone."""
        with open(os.path.join(CAPTURES, name + '.json'), encoding='utf-8') as file:
            return {(a['kind'], a['source'], a['target'] if a['kind'] == 'vertical-scan' else '') for a in json.load(file)['attacks']}

    def found(self):
        return {(event['kind'], source.get('ip'), target.get('ip') if event['kind'] == 'vertical-scan' else '')
                for event in self.events() for source in event['sources'] for target in event['targets']}

    @staticmethod
    def is_open(interface, port):
        """Somebody captures from this interface, and somebody receives on this port."""
        index = str(socket.if_nametoindex(interface))
        with open('/proc/net/packet', encoding='ascii') as file:
            captured = any(line.split()[4:6] == [index, '1'] for line in file)
        with open('/proc/net/udp', encoding='ascii') as file, open('/proc/net/udp6', encoding='ascii') as file6:
            return captured and f':{port:04X} ' in file.read() + file6.read()

    def page(self, run):
        """What gives the ids of the events that the page shows."""
        address = re.search(r'http://127\.0\.0\.1:(\d+)/\?token=\w+', self.printed(run))
        connection = http.client.HTTPConnection('127.0.0.1', int(address[1]))
        self.addCleanup(connection.close)
        connection.request('GET', address[0].partition(address[1])[2])
        answer = connection.getresponse()
        answer.read()

        def shown():
            connection.request('GET', '/api/v1/alerts?limit=1000', headers={'Cookie': answer.getheader('Set-Cookie').split(';')[0]})
            return {row['event']['id'] for row in json.load(connection.getresponse())['rows']}

        return shown

    def printed(self, run):
        text = ''
        while '?token=' not in text:
            line = run.stdout.readline()
            self.assertTrue(line, text)
            text += line
        return text

    def test_alerts_of_all_three_are_in_the_store_and_on_the_page(self):
        replayed = subprocess.run(['zstd', '-dqc', os.path.join(CAPTURES, 'vertical-scans-ipv4.pcap.zst')], stdout=subprocess.PIPE, check=True).stdout
        port = self.w.free_port()
        config = self.w.file('nemea.yaml', f'sources:\n- {{interface: v1}}\n- {{collect: {port}}}\n- {{replay: {self.w.file("replay.pcap", replayed)}, speed: 100}}\n'
                             f'page: {{listen: "127.0.0.1:{self.w.free_port()}"}}\n')
        run = self.w.start(os.path.join(BIN, 'nemea'), 'run', '--user', pwd.getpwuid(os.geteuid()).pw_name, '--state-dir', self.state, '-c', config)
        self.w.wait_for(lambda: self.modules() and all(m['state'] in ('ready', 'running', 'finished') for m in self.modules().values()) or run.poll() is not None, 'all modules')
        self.assertIsNone(run.poll())
        self.w.wait_for(lambda: self.is_open('v1', port), 'the sources')  # a module is ready before
        exporter = self.w.start(os.path.join(BIN, 'flow_meter'), '-I', 'v3', '--early', '-t', '60:5', '-x', f'127.0.0.1:{port}', '-u', '--telemetry', self.w.file('numbers'))
        self.w.wait_for(lambda: os.path.exists(self.w.file('numbers/pipeline/summary')), 'the exporter to capture')
        self.send('horizontal-sweeps', 'v0')
        self.send('development/more-scans', 'v2')
        for name in ('vertical-scans-ipv4', 'horizontal-sweeps', 'development/more-scans'):
            self.w.wait_for(lambda wanted=self.attacks(name): wanted <= self.found(), f'the attacks of {name}')
        self.w.wait_for(lambda: self.modules()['flow_meter_3']['state'] == 'finished', 'the end of the capture')
        lost = {(name, i): o['dropped'] for name, m in self.modules().items() for i, o in enumerate(m['outputs']) if o['dropped']}
        self.assertEqual(lost, {})
        shown = self.page(run)
        self.w.wait_for(lambda: shown() == {event['id'] for event in self.events()}, 'the same events on the page and in the store')
        self.w.end(exporter, signal.SIGTERM)
        code, out, err = self.w.end(run, signal.SIGINT)
        self.assertEqual((code, err), (0, ''), out)


def main():
    global BIN, CAPTURES
    BIN, CAPTURES = map(os.path.abspath, sys.argv[1:3])
    if os.geteuid() != 0 or shutil.which('ip') is None:
        print('skipped: only root can make interfaces')
        sys.exit(77)
    if 'NEMEA_SOURCES_NAMESPACE' not in os.environ:
        if subprocess.run(['unshare', '-n', 'true'], capture_output=True, check=False).returncode != 0:
            print('skipped: no network namespaces here')
            sys.exit(77)
        os.environ['NEMEA_SOURCES_NAMESPACE'] = '1'
        os.execvp('unshare', ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', '_', sys.executable, *sys.argv])
    unittest.main(argv=[sys.argv[0]])


if __name__ == '__main__':
    main()
