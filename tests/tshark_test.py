#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the records of flow_meter field by field against what tshark says of the same captures.

usage: tshark_test.py BIN_DIR SHARED_DIR [CAPTURE...]

Without captures: those of SHARED_DIR (of the folder that NEMEA_SHARED names when it is set) up to a size that tshark gets through
soon, all of them with NEMEA_TSHARK=all, and those of examples/captures.
"""

import collections
import concurrent.futures
import csv
import glob
import os
import shutil
import subprocess
import sys

from programs import Workspace
import tshark_flows

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LARGE = 300000  # bytes of a capture's file
PROCESSES, SHOWN = 2, 10
PLUGINS = 'vlan+icmp+mpls+basicplus:exactmss+pstats+tls:ja4'


def records(w, name):
    """Lines of an output of flow_meter as dictionaries."""
    code, out, err = w.run('logger', '-t', '-i', f'f:{w.file(name)}')
    if code != 0:
        raise AssertionError(f'logger: {err}')
    lines = csv.reader(out.splitlines())
    names = [field.split()[-1] for field in next(lines)]
    return [dict(zip(names, (value.strip('[]') if value[:1] == '[' else value for value in line))) for line in lines]


def meter(w, capture, plugins):
    """Records of flow_meter: a list for each item of plugins."""
    files = [f'out{n}' for n in range(len(plugins))]
    code, _, err = w.run('flow_meter', '-r', capture, '-t', f'{tshark_flows.TIMEOUT}:{tshark_flows.TIMEOUT}', '-s', '20', '-p', ','.join(plugins), '-i',
                         ','.join(f'f:{w.file(name)}:buffer=off:timeout=WAIT' for name in files))
    if code not in (0, 3):  # 3: cut off in a packet, as some captures are
        raise AssertionError(f'{capture}: flow_meter: status {code}: {err}')
    return [records(w, name) for name in files]


def ends(r):
    return tuple(sorted(((r['SRC_IP'], r['SRC_PORT']), (r['DST_IP'], r['DST_PORT'])))) + (r['PROTOCOL'],)


def unlike(expected, got):
    """Names of the fields that differ. None: tshark cannot tell."""
    return [name for name, value in expected.items() if value is not None and value != got[name]]


def pair(expected, got):
    """Records that have no equal one on the other side, those of the same ends side by side, the most alike first."""
    pool = collections.defaultdict(list)
    for r in got:
        pool[ends(r)].append(r)
    for r in expected:
        mine = pool[ends(r)]
        best = min(mine, key=lambda other: len(unlike(r, other)), default=None)
        if best:
            mine.remove(best)
        if best is None or unlike(r, best):
            yield r, best
    for rest in pool.values():
        yield from ((None, r) for r in rest)


def explain(expected, got):
    one = expected or got
    text = f'{one["SRC_IP"]} {one["SRC_PORT"]} -> {one["DST_IP"]} {one["DST_PORT"]} protocol {one["PROTOCOL"]} at {one["TIME_FIRST"]}'
    if expected is None or got is None:
        return f'{text}: only {"tshark" if got is None else "flow_meter"} has it: {one}'
    return text + ''.join(f'\n      {name}: tshark {expected[name]!r}, flow_meter {got[name]!r}'
                          for name in unlike(expected, got))


def compare(bin_dir, path):
    """(differences, flows, fields compared) of a capture."""
    with Workspace(bin_dir) as w:
        capture = path
        if path.endswith('.zst'):
            capture = w.file('capture')
            subprocess.run(['zstd', '-dqf', path, '-o', capture], check=True)
        rows = tshark_flows.rows(capture, tshark_flows.PACKET_FIELDS + tshark_flows.TLS_FIELDS)
        expected = [tshark_flows.record(flow) for flow in tshark_flows.flows(map(tshark_flows.Packet, rows))]
        got = meter(w, capture, [PLUGINS])[0]
        fields = sum(value is not None for r in expected for value in r.values())
        return [explain(*two) for two in pair(expected, got)], len(expected), fields


def chosen(shared):
    """The largest first: two processes then end at about the same time."""
    found = glob.glob(os.path.join(glob.escape(shared), 'data', '*', '*.pcap*'))
    found += glob.glob(os.path.join(glob.escape(shared), 'golden', 'pcap', '*.pcap'))
    found = [path for path in found if 'unirec-csv' not in path]
    if not found:
        print(f'no captures in {shared} (set NEMEA_SHARED): only those of examples/captures are compared')
    if os.environ.get('NEMEA_TSHARK') != 'all':
        found = [path for path in found if os.path.getsize(path) <= LARGE]
    found += glob.glob(os.path.join(glob.escape(ROOT), 'examples', 'captures', '*.pcap*'))
    return sorted(found, key=os.path.getsize, reverse=True)


def main(bin_dir, shared, *captures):
    if not shutil.which('tshark'):
        print('skipped: tshark is missing')
        return 77
    captures = captures or chosen(os.environ.get('NEMEA_SHARED') or shared)
    failed, flows, fields = 0, 0, 0
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        for path, result in zip(captures, pool.map(compare, [bin_dir] * len(captures), captures)):
            differences, n, n_fields = result
            failed, flows, fields = failed + bool(differences), flows + n, fields + n_fields
            if differences:
                print(f'FAILED {path}: {len(differences)} of {n} flows')
            for text in differences[:SHOWN]:
                print('   ' + text)
    print(f'{len(captures) - failed} captures as tshark has them, {failed} not; compared: {flows} flows, {fields} fields')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
