#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares flow_meter with recorded outputs of the original exporter, as multisets of lines.

usage: flow_golden.py BIN_DIR SHARED_GOLDEN_DIR
"""

import os
import subprocess
import sys
import tempfile

# case, plugin list, capture
CASES = [('basic', 'basic', 'mixed'), ('basic_arp', 'basic', 'arp'), ('basic_vlan', 'basic', 'vlan'),
         ('basicplus', 'basicplus', 'http'), ('pstats_skipdup', 'pstats:skipdup', 'http'), ('ssadetector', 'ssadetector', 'ovpn'),
         ('syn_mpls_plugin', 'mpls', 'syn_mpls')]
CASES += [(name, name, name) for name in ('bstats', 'dns', 'idpcontent', 'ovpn', 'vlan', 'wg')]
CASES += [(name, name, 'mixed') for name in ('flowhash', 'icmp', 'mpls', 'nettisa', 'phists', 'pstats')]
CASES += [(f'syn_{name}', 'basic', f'syn_{name}')
          for name in ('gre_ip', 'ipip', 'mpls', 'pppoe', 'qinq', 'frag', 'timeouts', 'ooo')]

# Where the original is wrong and this meter is not: what the recorded lines become. Times of packets out of order: the
# original exports that of the last packet as TIME_LAST even when it is older than TIME_FIRST.
CORRECTIONS = {'syn_ooo': lambda line: line.replace(
    '2023-11-14T22:13:25.000000,2023-11-14T22:13:20.000000', '2023-11-14T22:13:20.000000,2023-11-14T22:13:25.000000')}


def run(bin_dir, plugin, capture):
    with tempfile.TemporaryDirectory() as work:
        flows = os.path.join(work, 'o.trapcap')
        env = dict(os.environ, TZ='UTC', TRAP_SOCKET_DIR=work)
        meter = subprocess.run([os.path.join(bin_dir, 'flow_meter'), '-r', capture, '-p', plugin, '-L', '0', '-i',
                                f'f:{flows}:buffer=off:timeout=WAIT'], env=env, capture_output=True, text=True, timeout=60,
                               check=False)
        if meter.returncode != 0:
            return [f'flow_meter: status {meter.returncode}: {meter.stderr}']
        lines = subprocess.run([os.path.join(bin_dir, 'logger'), '-t', '-i', f'f:{flows}'], env=env, capture_output=True,
                               text=True, timeout=60, check=True).stdout.splitlines()
        return lines[:1] + sorted(lines[1:])


def main(bin_dir, golden):
    if not os.path.isdir(golden):
        print(f'skipped: no recorded outputs in {golden}')
        return 77
    failed = 0
    for name, plugin, capture in CASES:
        with open(os.path.join(golden, 'flow_meter', f'{name}.csv'), encoding='utf-8') as file:
            expected = file.read().splitlines()
        expected = expected[:1] + sorted(CORRECTIONS.get(name, lambda line: line)(line) for line in expected[1:])
        got = run(bin_dir, plugin, os.path.join(golden, 'pcap', f'{capture}.pcap'))
        if got == expected:
            continue
        failed += 1
        print(f'FAILED {name}')
        print('\n'.join(f'   expected {line}' for line in expected if line not in got))
        print('\n'.join(f'   got      {line}' for line in got if line not in expected))
    print(f'{len(CASES) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2]))
