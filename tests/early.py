#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures how soon live analysis shows an attack: from the packet that crosses the threshold to the line of nemea analyze -i, or of
nemea alerts follow beside nemea run.

usage: early.py BIN_DIR [ROUNDS [analyze|run [NAME]]]

Needs root (it enters a network namespace of its own). Attacks come over its loopback interface: a scan of refused ports, sweeps over
hosts that do not answer, floods, answers of reflectors. NAME: those whose names have this word.
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


def ip(protocol, source, target, payload):
    return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, source, target) + payload


def udp(source, target, sport, dport, size):
    return ip(17, source, target, struct.pack('!HHHH', sport, dport, 8 + size, 0) + bytes(size))


def syn(source, target, sport, dport):
    tcp = struct.pack('!HHIIBBHHH', sport, dport, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    tcp = tcp[:16] + struct.pack('!H', checksum(source + target + struct.pack('!BBH', 0, 6, len(tcp)) + tcp)) + tcp[18:]
    return ip(6, source, target, tcp)


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


def udp_sweep(n):
    """Of 50 hosts."""
    return udp(address(127, 0, 0, 7), address(198, 51, 100, n % 250 + 1), 50000, 161, 30)


def ping_sweep(n):
    """Of 50 hosts: each answer would come from an address that nobody has."""
    return ip(1, address(127, 0, 0, 6), address(198, 51, 100, n % 250 + 1), struct.pack('!BBHHH', 8, 0, 0, 1, n) + bytes(56))


def udp_flood(n):
    """Of 2000 datagrams, each of another source."""
    return udp(address(203, n & 255, n >> 8 & 255, 9), address(198, 51, 100, 7), 1024 + n % 60000, 53, 30)


def icmp_flood(n):
    """Of 2000 echo requests, each of another source."""
    return ip(1, address(203, n & 255, n >> 8 & 255, 9), address(198, 51, 100, 7), struct.pack('!BBHHH', 8, 0, 0, 1, n) + bytes(56))


def volume(n):
    """Of 5000 datagrams, all in one flow."""
    return udp(address(203, 0, 113, 9), address(198, 51, 100, 7), 40000, 80, 60)


def reflected(n):
    """Of a megabyte that 60 servers sent: SNMP."""
    return udp(address(203, 0, n % 60, 9), address(198, 51, 100, 7), 161, 40000, 1400)


ATTACKS = {  # probe, how many, the one that crosses the threshold, seconds between two, what the line says
    'scan of refused ports': (refused_ports, 200, 25, PACE, 'vertical port scan'),
    'sweep over silent hosts': (silent_hosts, 150, 50, PACE, 'horizontal scan'),
    'SYN flood': (flood, 30000, 1000, 0, 'flood'),
    'UDP sweep over silent hosts': (udp_sweep, 150, 50, PACE, 'horizontal scan'),
    'ping sweep over silent hosts': (ping_sweep, 150, 50, PACE, 'horizontal scan'),
    'UDP flood of many sources': (udp_flood, 30000, 2000, 0, 'flood'),
    'ICMP flood of many sources': (icmp_flood, 30000, 2000, 0, 'flood'),
    'UDP flood in one flow': (volume, 60000, 5000, 0, 'flood'),
    'answers of reflectors': (reflected, 6000, 701, 0, 'amplification'),
    'answers of reflectors that go on': (reflected, 15000, 701, PACE / 4, 'amplification'),
}


def printed(shows, seconds):
    """What it printed, at most so many seconds from now."""
    return os.read(shows.stdout.fileno(), 65536) if select.select([shows.stdout], [], [], seconds)[0] else b''


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
        i, end = 0, time.monotonic() + 90
        while shown is None and time.monotonic() < end:
            if i < n:
                s.sendto(probe(i), ('lo', 0x0800, 0, 0, b'\0' * 6))
                i += 1
                crossed = time.monotonic() if i == threshold else crossed
            else:
                ready.sendto(b'x', ('127.0.0.1', 9))  # time goes on, as on any network
            if i == n or pace > 0:
                out += printed(shows, pace if i < n else 0.05)
                shown = time.monotonic() if text.encode() in out else None
    finally:
        nemea.send_signal(signal.SIGINT)
        nemea.communicate()
        if shows is not nemea:
            shows.kill()
            shows.communicate()
    return max(shown - (crossed or shown), 0) if shown is not None else None


def main(bin_dir, rounds='1', program='analyze', word=''):
    if os.environ.get('NEMEA_EARLY') is None:
        os.execvpe('unshare', ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', '_', sys.executable, *sys.argv],
                   {**os.environ, 'NEMEA_EARLY': '1'})
    for name, attack in ((n, a) for n, a in ATTACKS.items() if word in n):
        with tempfile.TemporaryDirectory() as folder:
            delays = [measure(bin_dir, program, os.path.join(folder, f'state{n}'), *attack) for n in range(int(rounds))]
        print(f'{name}: ' + ', '.join('not shown' if d is None else f'{d:.2f} s' for d in delays), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
