#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Analyses the captures in examples/captures and compares the events found with the known attacks beside them.

usage: demo.py BUILD_DIR [NAME...]      (default: all captures)

Exit status 1 when an attack was missed or something ordinary was reported.
"""

import datetime
import glob
import ipaddress
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURES = os.path.join(ROOT, 'examples', 'captures')
TOLERANCE = 30  # seconds between the times of an event and those of the attack


def captures(names):
    """Pairs of capture and truth."""
    for path in sorted(glob.glob(os.path.join(CAPTURES, '*.pcap*.zst'))):
        name = os.path.basename(path).split('.')[0]
        if not names or name in names:
            with open(os.path.join(CAPTURES, name + '.json'), encoding='utf-8') as file:
                yield name, path, json.load(file)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def belongs(event, attack):
    """Is the event about this attack: kind, hosts, times?"""
    source, target = (ipaddress.ip_network(attack[end]) for end in ('source', 'target'))
    if event['kind'] != attack['kind']:
        return False
    for hosts, network in ((event['sources'], source), (event['targets'], target)):
        if not all(host['ip'] is None or ipaddress.ip_address(host['ip']) in network for host in hosts):
            return False
    if not set(event['ports']) <= set(attack.get('ports', [])):
        return False
    return (seconds(event['begin']) >= seconds(attack['begin']) - TOLERANCE and
            seconds(event['end']) <= seconds(attack['end']) + TOLERANCE)


def judge(events, truth):
    """(attacks found, attacks, false events)"""
    found = sum(any(belongs(event, attack) for event in events) for attack in truth['attacks'])
    false = [event for event in events if not any(belongs(event, attack) for attack in truth['attacks'])]
    return found, len(truth['attacks']), false


def main(build, names):
    nemea = os.path.join(build, 'bin', 'nemea')
    total = [0, 0, 0]
    known = list(captures(names))
    if not known:
        sys.exit(f'demo.py: no captures in {CAPTURES}' + (f' named {" ".join(names)}' if names else ''))
    for name, path, truth in known:
        print(f'--- {name}: {truth["description"]}\n', flush=True)
        shown = subprocess.run([nemea, 'analyze', os.path.relpath(path)], check=False)
        result = subprocess.run([nemea, 'analyze', '--json', path], stdout=subprocess.PIPE, check=False)
        if shown.returncode != 0 or result.returncode != 0:
            print(f'demo.py: nemea failed on {path}', file=sys.stderr)
            return 1
        found, attacks, false = judge(json.loads(result.stdout)['events'], truth)
        print(f'\nThe truth ({name}.json): {found} of {attacks} attacks found, {len(false)} false alarms.\n', flush=True)
        for i, n in enumerate((found, attacks, len(false))):
            total[i] += n
    print(f'In all: {total[0]} of {total[1]} attacks found, {total[2]} false alarms.')
    return 0 if total[0] == total[1] and total[2] == 0 else 1


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
