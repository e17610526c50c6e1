#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the captures of the lab: real tools between hosts in network namespaces, with the truth beside each.

usage: lab.py [--out DIR] [--jobs N] [NAME...]      (root; default: all captures, in out/captures)

Writes NAME.pcap.zst (or .pcapng.zst) and NAME.json: who did what to whom, from when to when (UTC), and who was
ordinary. Up to eight captures are made at the same time (--jobs), which takes about 20 minutes for all.
"""

import argparse
import collections
import concurrent.futures
import datetime
import glob
import ipaddress
import json
import os
import subprocess
import sys
import tempfile

LAB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LAB))
sys.path[:0] = [LAB, os.path.dirname(LAB)]

import captures  # noqa: E402 (found by the path above)
import network  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from stage import Stage  # noqa: E402

TOOLS = {'nmap': ('nmap', '--version'), 'masscan': ('masscan', '--version'), 'hping3': ('hping3', '--version'),
         'curl': ('curl', '--version'), 'nginx': ('nginx', '-v'), 'dnsmasq': ('dnsmasq', '--version'),
         'ssh': ('ssh', '-V'), 'tcpdump': ('tcpdump', '--version')}
PACKAGES = {'hydra': 'hydra', 'medusa': 'medusa', 'ncrack': 'ncrack', 'svcrack': 'sipvicious', 'svwar': 'sipvicious', 'sipp': 'sip-tester',
            'iodine': 'iodine', 'dns2tcp': 'dns2tcp', 'sqlmap': 'sqlmap', 'swaks': 'swaks', 'smtp-source': 'postfix'}


def utc(nanoseconds):
    """A time as text."""
    moment = datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.timezone.utc)
    return f'{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9 // 10**6:03}Z'


def version(command):
    """The first line of a program's own version text."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return next((line.strip() for line in done.stdout.splitlines() if line.strip()), 'unknown')


def packaged(attacks):
    """Commands that tell the versions of the attackers' tools that have no option for it."""
    used = {entry['tool'] for entry in attacks} & set(PACKAGES)
    return {tool: ('dpkg-query', '-W', '-f', '${Version}', PACKAGES[tool]) for tool in used}


class Measure:
    """The packets of an attack, as captured."""

    def __init__(self, entry, ordinary):
        self.entry = entry
        self.source = ipaddress.ip_network(entry['source'])
        self.target = ipaddress.ip_network(entry['target'])
        self.ordinary = ordinary
        self.packets = self.bytes = 0
        self.first = self.last = None
        self.sources, self.targets, self.ports = set(), set(), set()

    def see(self, packet, header):
        """Counts the packet when it belongs to this attack."""
        entry = self.entry
        if header.protocol != entry['protocol'] or header.target not in self.target or header.source not in self.source:
            return
        if 'ports' in entry and header.target_port not in entry['ports']:
            return
        if 'source_ports' in entry and header.source_port not in entry['source_ports']:
            return
        if entry.get('spoofed') and any(header.source in prefix for prefix in self.ordinary):
            return
        self.packets += 1
        self.bytes += packet.length
        self.first = packet.time if self.first is None else self.first
        self.last = packet.time
        self.sources.add(header.source)
        self.targets.add(header.target)
        self.ports.add(header.target_port)

    def result(self):
        """The entry of the truth file."""
        if not self.packets:
            raise RuntimeError(f'no packet of this attack in the capture: {self.entry["command"]}')
        entry = dict(self.entry)
        entry['command'] = entry['command'].replace(LAB + '/', '')
        entry.update(begin=utc(self.first), end=utc(self.last), packets=self.packets, bytes=self.bytes,
                     source_count=len(self.sources), target_count=len(self.targets), port_count=len(self.ports))
        return entry


def truth(name, description, stage, packets):
    """The truth file of a capture."""
    ordinary = [stage.net.v4, stage.net.v6]
    measures = [Measure(entry, ordinary) for entry in stage.attacks]
    for packet in packets:
        header = captures.header(packet)
        if header:
            for measure in measures:
                measure.see(packet, header)
    attackers = {entry['source'] for entry in stage.attacks}
    return {
        'name': name,
        'description': ' '.join(description.split()),
        'begin': utc(packets[0].time),
        'end': utc(packets[-1].time),
        'packets': len(packets),
        'snaplen': stage.net.snaplen,
        'ordinary_hosts': [host for host in stage.net.hosts.values() if not {host['ipv4'], host['ipv6']} & attackers],
        'attacks': sorted((measure.result() for measure in measures), key=lambda entry: entry['begin']),
        'tools': {tool: version(command) for tool, command in (TOOLS | packaged(stage.attacks)).items()},
    }


def cut(packets, payloads):
    """Packets without the payload of TCP connections after so many packets of each direction: what is encrypted cannot be compressed."""
    seen = collections.Counter()
    for packet in packets:
        header = captures.header(packet)
        if header and header.protocol == 6:
            start = 34 if header.source.version == 4 else 54
            start += (packet.data[start + 12] >> 4) * 4
            connection = header[:2] + header[3:5]
            seen[connection] += len(packet.data) > start
            if seen[connection] > payloads:
                packet = packet._replace(data=packet.data[:start])
        yield packet


def perform(name, out):
    """Plays one scenario; runs inside namespaces of its own."""
    scenario = SCENARIOS[name]
    network.run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
    with tempfile.TemporaryDirectory(prefix='nemea-lab-') as directory:
        os.chmod(directory, 0o755)
        raw = os.path.join(directory, 'raw.pcap')
        stage = Stage(list(SCENARIOS).index(name) + 1, directory, scenario.half, scenario.snaplen)
        try:
            scenario.function(stage, raw)
            stage.finish()
        except BaseException:
            subprocess.run(['cp', '-r', directory, os.path.join(out, f'failed-{name.replace("/", "-")}')], check=False)
            os._exit(_report_failure(name))  # the users' threads need no end of their own: the namespaces close
        packets = sorted(captures.packets(captures.load(raw)), key=lambda packet: packet.time)
        if scenario.payloads:
            packets = list(cut(packets, scenario.payloads))
        described = truth(name, scenario.function.__doc__, stage, packets)
        path = os.path.join(out, f'{name}.{scenario.form}')
        (captures.write_pcapng if scenario.form == 'pcapng' else captures.write_pcap)(path, packets)
        network.run('zstd', '-q', '-f', '-19', '--rm', path)
        with open(os.path.join(out, f'{name}.json'), 'w', encoding='utf-8') as file:
            json.dump(described, file, indent=1)
            file.write('\n')


def _report_failure(name):
    error = sys.exc_info()[1]
    print(f'lab.py: {name}: {error}', file=sys.stderr, flush=True)
    return 1


def main():
    parser = argparse.ArgumentParser(prog='lab.py', description='Makes the captures of the lab.')
    parser.add_argument('--out', default=os.path.join(ROOT, 'out', 'captures'), help='where to write (default: %(default)s)')
    parser.add_argument('--jobs', type=int, default=8, help='captures made at the same time (default: %(default)s)')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(SCENARIOS))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        parser.error(f'unknown capture \'{unknown[0]}\' (expected {", ".join(SCENARIOS)})')
    out = os.path.abspath(options.out)
    if options.inside:
        perform(options.names[0], out)
        return 0
    if os.geteuid() != 0:
        print('lab.py: network namespaces and raw sockets need root', file=sys.stderr)
        return 1
    for folder in {os.path.dirname(name) for name in options.names or SCENARIOS}:
        os.makedirs(os.path.join(out, folder), exist_ok=True)
    def make(name):
        # Everything a scenario starts or mounts goes away with these namespaces.
        return subprocess.run(['unshare', '--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc', sys.executable,
                               os.path.abspath(__file__), '--inside', '--out', out, name], check=False).returncode

    status = 0
    names = options.names or list(SCENARIOS)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(make, names))
    for name, result in zip(names, results):
        if result != 0:
            status = 1
            print(f'lab.py: {name} failed')
            continue
        with open(os.path.join(out, f'{name}.json'), encoding='utf-8') as file:
            made = json.load(file)
        print(f'{name}: {made["packets"]} packets, {len(made["attacks"])} attacks, '
              f'{sum(map(os.path.getsize, glob.glob(os.path.join(out, name + ".pcap*"))))} bytes')
    return status


if __name__ == '__main__':
    sys.exit(main())
