#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures how soon live analysis shows an attack: from the packet that crosses the threshold to the line of nemea analyze -i, or of
nemea alerts follow beside nemea run.

usage: early.py BIN_DIR [ROUNDS [analyze|run]]

Needs root (it enters a network namespace of its own). Attacks come over its loopback interface: a scan of refused ports, a sweep over
hosts that do not answer, a SYN flood.
"""

import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PACE = 0.002  # seconds between two probes


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def syn(source, target, sport, dport):
    tcp = struct.pack('!HHIIBBHHH', sport, dport, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    tcp = tcp[:16] + struct.pack('!H', checksum(source + target + struct.pack('!BBH', 0, 6, len(tcp)) + tcp)) + tcp[18:]
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, source, target) + tcp


def address(a, b, c, d):
    return bytes([a, b, c, d])


def refused_ports(n):
    """Of 25 refused ports."""
    return syn(address(127, 0, 0, 9), address(127, 0, 0, 1), 40000 + n, 1000 + n)


def silent_hosts(n):
    """Of 50 hosts that do not answer: what is sent to TEST-NET has no route back."""
    return syn(address(127, 0, 0, 8), address(198, 51, 100, n % 250 + 1), 40000 + n, 445)


def flood(n):
    """Of 1000 SYNs, each of another source."""
    return syn(address(203, 0, n >> 8 & 255, n & 255), address(198, 51, 100, 7), 1024 + n % 60000, 80)


ATTACKS = {  # probes, the one that crosses the threshold, seconds between two, what the line says
    'scan of refused ports': (refused_ports, 200, 25, PACE, 'vertical port scan'),
    'sweep over silent hosts': (silent_hosts, 150, 50, PACE, 'horizontal scan'),
    'SYN flood': (flood, 30000, 1000, 0, 'flood'),
}


def measure(bin_dir, program, state, probe, n, threshold, pace, text):
    """Seconds from the probe of the threshold to the line; None: no line."""
    command = [os.path.join(bin_dir, 'nemea'), program, '-i', 'lo'] + (['--user', 'root', '--state-dir', state] if program == 'run' else [])
    pipes = {'stderr': subprocess.DEVNULL, 'env': {**os.environ, 'NEMEA_BIN': bin_dir}}
    nemea = shows = subprocess.Popen(command, stdout=subprocess.PIPE, **pipes)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    s.bind(('lo', 0x0800))
    ready = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    crossed, shown, out = None, None, b''
    try:
        time.sleep(20 if program == 'analyze' else 40)  # all detectors are connected
        if program == 'run':
            shows = subprocess.Popen([command[0], 'alerts', 'follow', '--state-dir', state], stdout=subprocess.PIPE, **pipes)
            time.sleep(2)
        for i in range(n):
            s.sendto(probe(i), ('lo', 0x0800, 0, 0, b'\0' * 6))
            if i + 1 == threshold:
                crossed = time.monotonic()
            if pace > 0:
                time.sleep(pace)
        end = time.monotonic() + 90
        while shown is None and time.monotonic() < end:
            ready.sendto(b'x', ('127.0.0.1', 9))  # time goes on, as on any network
            if select.select([shows.stdout], [], [], 0.05)[0]:
                out += os.read(shows.stdout.fileno(), 65536)
                shown = time.monotonic() if text.encode() in out else None
    finally:
        nemea.send_signal(signal.SIGINT)
        nemea.communicate()
        if shows is not nemea:
            shows.kill()
            shows.communicate()
    return shown - crossed if shown is not None else None


def main(bin_dir, rounds='1', program='analyze'):
    if os.environ.get('NEMEA_EARLY') is None:
        os.execvpe('unshare', ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', '_', sys.executable, *sys.argv],
                   {**os.environ, 'NEMEA_EARLY': '1'})
    for name, attack in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder:
            delays = [measure(bin_dir, program, os.path.join(folder, f'state{n}'), *attack) for n in range(int(rounds))]
        print(f'{name}: ' + ', '.join('not shown' if d is None else f'{d:.2f} s' for d in delays), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
