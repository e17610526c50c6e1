#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_meter beside nfpcapd, softflowd and a loop that only reads the packets.

usage: run_flow_meter.py [--rounds N] [--megabytes N] [--plugins LIST]... [--growth]

All read the same capture (bench/mkcapture.c) from the page cache, one after another within a round; the capture is
removed at the end. A figure is the packets of the capture, whatever a program makes of them, by the best wall-clock time
over the rounds, with the median time beside it. RSS is the peak, and never shown below that of the Python that starts the
program. flow_meter sends to the blackhole interface b:, nfpcapd writes its files, softflowd sends NetFlow 9 to a port of
this machine where nobody reads. --plugins: a list for -p instead of those that are measured by default (every
flow; DNS too; twelve plugins; all; each with an output of its own), may be repeated. --growth: also with 10 thousand to 4 million flows at a time, and a flood of SYNs.
"""

import argparse
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
TWELVE = ['basicplus', 'bstats', 'dns', 'http', 'icmp', 'ntp', 'pstats', 'sip', 'smtp', 'tls', 'quic', 'vlan']


def run(command):
    """(seconds, peak resident bytes, standard output, standard error); exits when the command fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        with subprocess.Popen(command, stdout=out, stderr=err) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors='replace'))
    if process.returncode != 0:
        sys.exit(f'{" ".join(command)}: status {process.returncode}: {texts[1]}')
    return seconds, usage.ru_maxrss * 1024, texts[0], texts[1]


class Way:
    """One program that reads the capture."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.seconds, self.rss, self.error = [], 0, ''

    def measure(self):
        seconds, rss, _, self.error = run(self.command)
        self.seconds.append(seconds)
        self.rss = max(self.rss, rss)

    def counter(self, name):
        found = re.search(rf'{name} (\d+)', self.error)
        return int(found[1]) if found else None


def meter(name, capture, plugins, *options):
    outputs = ','.join(['b:'] * (plugins.count(',') + 1))
    return Way(name, [os.path.join(BUILD, 'bin', 'flow_meter'), '-r', capture, '-p', plugins, '-i', outputs, '-v', *options])


def known_plugins():
    out = run([os.path.join(BUILD, 'bin', 'flow_meter'), '--plugin-list'])[2]
    return [line.split()[0] for line in out.splitlines() if line[:1] not in ('', ' ')][1:]


def lists():
    """(name, list for -p): each plugin has an output of its own."""
    known = known_plugins()
    twelve = [name for name in TWELVE if name in known]
    return [('basic', 'basic'), ('basic, dns', 'basic,dns'), (f'{len(twelve)} plugins', ','.join(twelve)),
            (f'all {len(known)} plugins', ','.join(known))]


def ways_of(capture, work, port, plugins):
    ways, missing = [], []
    loop = os.path.join(BUILD, 'bench', 'pcap_loop')
    if os.path.exists(loop):
        ways.append(Way('libpcap, reading only', [loop, capture]))
    else:
        missing.append('pcap_loop (built when libpcap is there)')
    ways += [meter(f'flow_meter {name}', capture, text) for name, text in plugins]
    path = os.environ['PATH'] + ':/usr/sbin:/sbin'
    others = {'nfpcapd': ['-r', capture, '-w', work],
              'softflowd': ['-r', capture, '-6', '-v', '9', '-n', f'127.0.0.1:{port}', '-d']}
    for name, options in others.items():
        program = shutil.which(name, path=path)
        if program is None:
            missing.append(name)
        else:
            ways.append(Way(f'{name} -r', [program, *options]))
    return ways, missing


def table(ways, packets, rounds):
    for _ in range(rounds):
        for way in ways:
            way.measure()
    base = min(ways[0].seconds)
    print(f'   {"":34}{"Mpkt/s":>8}{"ratio":>7}{"best s":>8}{"median":>8}{"RSS MB":>8}{"tables MB":>11}')
    for way in ways:
        best, memory = min(way.seconds), way.counter('table bytes')
        tables = f'{memory / 1e6:11.1f}' if memory is not None else f'{"":11}'
        print(f'   {way.name:34}{packets / best / 1e6:8.2f}{base / best:7.2f}{best:8.3f}{statistics.median(way.seconds):8.3f}'
              f'{way.rss / 1e6:8.1f}{tables}')
    print(flush=True)


def make(capture, megabytes, *options):
    _, _, out, _ = run([os.path.join(BUILD, 'bench', 'mkcapture'), capture, str(megabytes), *options])
    return [int(n) for n in out.split()]


def growth(work, options):
    """Packets a second by the number of flows at a time; the table of 2^23 flows holds them all. Its memory is taken at the
    start; how long that takes is measured with a run that ends after the first packet, and does not count."""
    capture = os.path.join(work, 'growth.pcap')
    common = ['-s', '23', '--populate']
    print('flow_meter basic, cache of 2^23 flows, by flows at a time (datagrams of any of them), and a flood of SYNs')
    print(f'   {"":34}{"Mpkt/s":>8}{"ratio":>7}{"best s":>8}{"start s":>8}{"RSS MB":>8}{"tables MB":>11}')
    first = None
    for kind, flows in (('udp', 10000), ('udp', 100000), ('udp', 1000000), ('udp', 4000000), ('flood', 1)):
        packets, flows = make(capture, options.megabytes, str(flows), kind)
        way, start = meter(f'{kind}, {flows} flows', capture, 'basic', *common), meter('start', capture, 'basic', *common, '-c', '1')
        for _ in range(min(options.rounds, 3)):
            start.measure()
            way.measure()
            start.measure()  # it varies with what the system has to clear, more than the run does
        best = min(way.seconds) - min(start.seconds)
        first = first or packets / best
        print(f'   {way.name:34}{packets / best / 1e6:8.2f}{packets / best / first:7.2f}{best:8.3f}{min(start.seconds):8.3f}'
              f'{way.rss / 1e6:8.1f}{way.counter("table bytes") / 1e6:11.1f}', flush=True)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--megabytes', type=int, default=1000, help='size of the capture')
    parser.add_argument('--plugins', action='append', help='a list for flow_meter -p; may be repeated')
    parser.add_argument('--growth', action='store_true')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(('127.0.0.1', 0))
        capture = os.path.join(work, 'mix.pcap')
        packets, flows = make(capture, options.megabytes)
        flowdir = os.path.join(work, 'nfpcapd')
        os.mkdir(flowdir)
        ways, missing = ways_of(capture, flowdir, sink.getsockname()[1], [(text, text) for text in options.plugins] if options.plugins else lists())
        if missing:
            print(f'not measured, because missing: {", ".join(missing)}')
        print(f'{packets / 1e6:.2f} million packets, {flows / 1e6:.2f} million conversations, {options.megabytes} MB, '
              f'best of {options.rounds} rounds; ratio to the first row')
        table(ways, packets, options.rounds)
        os.unlink(capture)
        if options.growth:
            growth(work, options)
    return 0


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
