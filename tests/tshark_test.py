#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares the records of flow_meter field by field with what tshark reports for the same captures.

usage: tshark_test.py BIN_DIR [CAPTURE...]

Without captures: those of tests/golden/pcap, of tests/messages (mail of swaks and Postfix's smtp-sink, MQTT of Mosquitto, RTSP of curl and GStreamer,
SSDP of MiniUPnP, over the loopback interface of a network namespace), of examples/captures and, where there is one, of the folder of large data
(NEMEA_SHARED), up to a size that tshark gets through soon, and of the longest ones the first packets only: all of all of
them with NEMEA_TSHARK=all.
"""

import collections
import concurrent.futures
import csv
import glob
import os
import shutil
import subprocess
import sys

from programs import ROOT, Workspace, shared_data
import tshark_flows
import tshark_messages

LARGE = 150000  # bytes of a capture's file
MANY = 12000  # packets of a capture, about 2 s of tshark
WHOLE = os.environ.get('NEMEA_TSHARK') == 'all'
PROCESSES, SHOWN = 2, 10
PLUGINS = 'vlan+icmp+mpls+basicplus:exactmss+pstats+tls:ja4'


def records(w, name):
    """Lines of an output of flow_meter as dictionaries."""
    code, out, err = w.run('logger', '-t', '-i', f'f:{w.file(name)}')
    if code != 0:
        raise AssertionError(f'logger: {err}')
    lines = csv.reader(out.splitlines())
    types, names = zip(*(field.split() for field in next(lines)))
    arrays = [kind.endswith('*') for kind in types]
    return [{name: value[1:-1] if array else value for name, array, value in zip(names, arrays, line)} for line in lines]


def known_plugins(w):
    return [line.split()[0] for line in w.run('flow_meter', '--plugin-list')[1].splitlines() if line[:1].strip()]


def meter(w, capture, plugins, timeouts):
    """Records of flow_meter: a list for each item of plugins."""
    files = [f'out{n}' for n in range(len(plugins))]
    code, _, err = w.run('flow_meter', '-r', capture, '-t', '%d:%d' % timeouts, '-s', '20',
                         '-p', ','.join(plugins), '-i', ','.join(f'f:{w.file(name)}:buffer=off:timeout=WAIT' for name in files))
    if code not in (0, 3):  # 3: cut off in a packet, as some captures are
        raise AssertionError(f'{capture}: flow_meter: status {code}: {err}')
    return [records(w, name) for name in files]


def without_equals(expected, got):
    """The items of both lists that have no equal in the other one."""
    indexes, used, rest = {}, set(), []
    for ends, fields, certain in sorted(expected, key=lambda e: not e[2]):
        names = tuple(name for name, value in fields.items() if value is not None)  # None: unknown to tshark
        if names not in indexes:
            index = indexes[names] = collections.defaultdict(list)
            for n, (its_ends, its) in enumerate(got):
                if fields.keys() <= its.keys():
                    index[its_ends, tuple(its[name] for name in names)].append(n)
        equals = indexes[names][ends, tuple(fields[name] for name in names)]
        while equals and equals[-1] in used:
            equals.pop()
        if equals:
            used.add(equals.pop())
        elif certain:
            rest.append((ends, fields))
    return rest, [one for n, one in enumerate(got) if n not in used]


def differences(what, expected, got, unsure):
    """Of expected (ends, fields, whether it must be there) and got (ends, fields): those without an equal one on the other side, those
    of the same ends together. unsure: ends for which tshark may miss some."""
    missing, extra = without_equals(expected, got)
    others = collections.defaultdict(list)
    for ends, fields in extra:
        others[ends].append(fields)
    for ends, fields in missing:
        other = next((other for other in others[ends] if fields.keys() <= other.keys()), None)
        if other is None:
            yield f'{what} of {ends}: only tshark has {fields}'
            continue
        others[ends].remove(other)
        yield f'{what} of {ends}: ' + '; '.join(f'{name}: tshark {value!r}, flow_meter {other[name]!r}'
                                                  for name, value in fields.items() if value not in (None, other[name]))
    for ends, rest in others.items():
        yield from (f'{what} of {ends}: only flow_meter has {fields}' for fields in rest if ends not in unsure)


def mqtt_ports(w, capture):
    """For tshark, which looks for MQTT at its port only: the others at which flow_meter found it."""
    found = {r['DST_PORT'] for r in meter(w, capture, ['mqtt'], tshark_flows.LONG)[0] if r['MQTT_VERSION'] != '0'}
    return [f'tcp.port=={port},mqtt' for port in sorted(found - {'1883'})]


def compare(bin_dir, path):
    """(differences, counts of what was compared) of a capture."""
    with Workspace(bin_dir) as w:
        capture = path
        if path.endswith('.zst'):
            capture = w.file('capture')
            subprocess.run(['zstd', '-dqf', path, '-o', capture], check=True)
            if not WHOLE:
                subprocess.run(['editcap', '-r', capture, w.file('begin'), f'1-{MANY}'], check=True, capture_output=True)
                capture = w.file('begin')
        known = known_plugins(w)
        plugins = [name for name in tshark_messages.PLUGINS if name in known]
        if not WHOLE and not path.startswith(os.path.join(ROOT, 'tests', 'messages')):
            plugins = [name for name in plugins if name not in ('smtp', 'mqtt', 'rtsp', 'ssdp')]  # few captures have them
        fields = tshark_flows.PACKET_FIELDS + tshark_flows.TLS_FIELDS + tshark_messages.FIELDS
        rows = tshark_flows.rows(capture, fields, mqtt_ports(w, capture) if 'mqtt' in plugins else ())
        packets = [tshark_flows.Packet(row) for row in rows]
        pairs = []
        for what, record, plugin, timeouts in (('flow', tshark_flows.record, PLUGINS, tshark_flows.LONG),
                                               ('flow by timeouts', tshark_flows.basic, 'vlan', tshark_flows.USUAL)):
            flows = [(tshark_messages.ends_of_packet(flow.packets[0][0]), record(flow), True)
                     for flow in tshark_flows.flows(packets, timeouts)]
            got = [(tshark_messages.ends_of_record(r), r) for r in meter(w, capture, [plugin], timeouts)[0]]
            pairs.append((what, flows, got, set()))
        # Messages of SSDP are requests of HTTP, whose plugin begins a record with each.
        alone = [name for name in plugins if name == 'ssdp']
        plugins = [name for name in plugins if name != 'ssdp']
        lists = [records for group in (plugins, alone) if group for records in meter(w, capture, group, tshark_flows.LONG)]
        for plugin, records in zip(plugins + alone, lists):
            pairs.append((plugin, tshark_messages.expected(plugin, packets), tshark_messages.got(plugin, records),
                          tshark_messages.unsure(plugin, packets)))
    counts, found = collections.Counter(), []
    for what, expected, got, unsure in pairs:
        counts[what] += len(expected)
        counts['field'] += sum(value is not None for _, fields, _ in expected for value in fields.values())
        found += differences(what, expected, got, unsure)
    return found, counts


def chosen():
    """The largest first: two processes then end at about the same time."""
    data = shared_data()
    found = glob.glob(os.path.join(glob.escape(data), '*', '*.pcap*')) if data else []
    found += glob.glob(os.path.join(glob.escape(ROOT), 'tests', 'golden', 'pcap', '*.pcap'))
    found = [path for path in found if 'unirec-csv' not in path]
    if not WHOLE:
        found = [path for path in found if os.path.getsize(path) <= LARGE]
    found += glob.glob(os.path.join(glob.escape(ROOT), 'examples', 'captures', '*.pcap*'))
    found += glob.glob(os.path.join(glob.escape(ROOT), 'tests', 'messages', '*.pcap'))
    return sorted(found, key=os.path.getsize, reverse=True)


def main(bin_dir, *captures):
    if not shutil.which('tshark'):
        print('skipped: tshark is missing')
        return 77
    captures = captures or chosen()
    failed, total = 0, collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        for path, (found, counts) in zip(captures, pool.map(compare, [bin_dir] * len(captures), captures)):
            failed += bool(found)
            total += counts
            if found:
                print(f'FAILED {path}: {len(found)} differences')
            for text in found[:SHOWN]:
                print('   ' + text)
    print(f'{len(captures) - failed} captures as tshark has them, {failed} not. Compared: ' +
          ', '.join(f'{n} {what}' for what, n in total.items()))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
