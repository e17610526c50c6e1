#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares flow_meter with recorded outputs of the original exporter, as multisets of lines.

usage: flow_golden.py BIN_DIR GOLDEN_DIR [CASE...]    without cases: all
"""

import csv
import os
import re
import subprocess
import sys
import tempfile

# case, plugin list, capture, more options
CASES = [('basic', 'basic', 'mixed'), ('basic_arp', 'basic', 'arp'), ('basic_vlan', 'basic', 'vlan'),
         ('basicplus', 'basicplus', 'http'), ('pstats_skipdup', 'pstats:skipdup', 'http'), ('ssadetector', 'ssadetector', 'ovpn'),
         ('syn_mpls_plugin', 'mpls', 'syn_mpls')]
CASES += [(name, name, name) for name in ('bstats', 'dns', 'dnssd', 'http', 'idpcontent', 'mqtt', 'ntp', 'ovpn', 'sip', 'smtp', 'tls',
                                              'vlan', 'wg')]
CASES += [('passivedns', 'passivedns', 'dns'), ('quic', 'quic', 'quic_initial-sample')]
CASES += [(name, name, 'mixed') for name in ('flowhash', 'icmp', 'mpls', 'nettisa', 'phists', 'pstats')]
CASES += [(f'syn_{name}', 'basic', f'syn_{name}')
          for name in ('gre_ip', 'ipip', 'mpls', 'pppoe', 'qinq', 'frag', 'timeouts', 'ooo')]
CASES += [('osquery', 'osquery', 'mixed'), ('tinycache', 'basic', 'mixed', '-s', '4')]
# Of the flow_meter before ipfixprobe: other order of columns, fewer of them, times in milliseconds. Its basic and pstats are left
# out: in these, ICMP types stood in DST_PORT and lengths had the headers in them, which later versions have changed.
CASES += [('old/arp', 'arp', 'arp'), ('old/http', 'http', 'http'), ('old/https', 'https', 'https-old')]

def halved(line):
    """Two flows in place of one of twice the packets."""
    if ',2015-10-20T' not in line:
        return line
    for whole, half in (('992,650', '496,325'), ('8,8,443', '4,4,443'), ('2170,8910', '1085,4455'), ('14,18,443', '7,9,443')):
        line = line.replace(f',{whole},', f',{half},')
    return f'{line}\n{line}'


def ntp_times(capture):
    """Of all timestamps of NTP packets (classic pcap, Ethernet, IPv4): the value of the original and the correct one."""
    with open(capture, 'rb') as file:
        data = file.read()
    times, at = {}, 24
    while at + 16 <= len(data):
        size = int.from_bytes(data[at + 8:at + 12], 'little')
        ntp = data[at + 16 + 42:at + 16 + size]
        for stamp in (ntp[i:i + 8] for i in (16, 24, 32, 40)):
            whole, part = (int(''.join(f'{byte:x}' for byte in half), 16) for half in (stamp[:4], stamp[4:]))
            right = (int.from_bytes(stamp, 'big') * 10**6 + 2**31) >> 32
            times[f'{whole}.{round(part / 2**32 * 1e6):06}'] = f'{right // 10**6}.{right % 10**6:06}'
        at += 16 + size
    return times


def ntp_corrected(line):
    """A line with correct timestamps."""
    times = ntp_times(os.path.join(sys.argv[2], 'pcap', 'ntp.pcap'))
    return re.sub(r'"(\d+\.\d{6})"', lambda stamp: f'"{times[stamp[1]]}"', line)


# Corrections of recorded lines where the original is wrong.
# syn_ooo: the original exports the time of the last packet as TIME_LAST even when it is older than TIME_FIRST.
# tls: the capture holds some connections twice, with eight years of other packets in between. Flows of the first time are
# over by then, but the original's search for silent flows had not come to them yet.
# ntp: the original prints the bytes of timestamps in hexadecimal without leading zeros before it reads them as a number.
# smtp: the original misses the end of a mail that is in one segment with the mail's last lines, and so the QUIT after it.
CORRECTIONS = {'syn_ooo': lambda line: line.replace(
    '2023-11-14T22:13:25.000000,2023-11-14T22:13:20.000000', '2023-11-14T22:13:20.000000,2023-11-14T22:13:25.000000'),
               'tls': halved,
               'ntp': ntp_corrected,
               'smtp': lambda line: line.replace(',32797,', ',33821,')}


def run(bin_dir, plugin, capture, options):
    with tempfile.TemporaryDirectory() as work:
        flows = os.path.join(work, 'o.trapcap')
        env = dict(os.environ, TZ='UTC', TRAP_SOCKET_DIR=work)
        meter = subprocess.run([os.path.join(bin_dir, 'flow_meter'), '-r', capture, '-p', plugin, '-L', '0', '-i',
                                f'f:{flows}:buffer=off:timeout=WAIT', *options], env=env, capture_output=True, text=True, timeout=60,
                               check=False)
        if meter.returncode != 0:
            return [f'flow_meter: status {meter.returncode}: {meter.stderr}']
        lines = subprocess.run([os.path.join(bin_dir, 'logger'), '-t', '-i', f'f:{flows}'], env=env, capture_output=True,
                               text=True, timeout=60, check=True).stdout.splitlines()
        return lines[:1] + sorted(lines[1:])


def names(line):
    return [column.split()[1] for column in line.split(',')]


def as_old(lines, columns):
    """Lines in the format of the old program: only these columns, times in milliseconds."""
    rows = list(csv.DictReader([','.join(names(lines[0])), *lines[1:]]))
    return sorted(','.join(re.sub(r'(:\d\d\.\d{3})\d{3}\b', r'\1', row[name]) for name in columns) for row in rows)


def recorded(golden, name):
    """Lines of a recording, corrected where the original was wrong."""
    with open(os.path.join(golden, 'flow_meter', f'{name}.csv'), encoding='utf-8') as file:
        lines = file.read().splitlines()
    correct = CORRECTIONS.get(name, str)
    return lines[:1] + sorted(new for line in lines[1:] for new in correct(line).split('\n'))


def compare(bin_dir, golden, name, plugin, capture, *options):
    """(lines expected, lines of this meter)"""
    expected = recorded(golden, name)
    got = run(bin_dir, plugin, os.path.join(golden, 'pcap', f'{capture}.pcap'), options)
    if name.startswith('old/'):
        header = next(line for line in expected if line.startswith(('ipaddr', 'time')))
        rows = sorted(','.join(row) for row in csv.reader(line for line in expected if line != header))
        return rows, as_old(got, names(header)) if len(got) > 1 else got
    return expected, got


def main(bin_dir, golden, *chosen):
    failed, cases = 0, [case for case in CASES if not chosen or case[0] in chosen]
    for name, plugin, capture, *options in cases:
        expected, got = compare(bin_dir, golden, name, plugin, capture, *options)
        if got == expected:
            continue
        failed += 1
        print(f'FAILED {name}')
        print('\n'.join(f'   expected {line}' for line in expected if line not in got))
        print('\n'.join(f'   got      {line}' for line in got if line not in expected))
    print(f'{len(cases) - failed} passed, {failed} failed')
    return 1 if failed or not cases else 0


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
