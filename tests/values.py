#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Values of events beside the truth: what `nemea analyze` says of each scan and flood of the lab, and its error.

usage: values.py [--write FILE] BIN_DIR

Prints a table; with --write it takes the place of the one in FILE (docs/detection.md). NEMEA_SHARED=DIR adds the real captures of
floods whose truth is known.
"""

import datetime
import glob
import json
import os
import subprocess
import sys

from programs import ROOT

CAPTURES = os.path.join(ROOT, 'examples', 'captures')
KINDS = {'vertical-scan': 'scan', 'horizontal-scan': 'scan', 'block-scan': 'scan', 'flood': 'flood', 'amplification': 'flood'}
ETHERNET = 14  # bytes of a header
TITLE = '| capture | attack | event | sources | hosts or ports | packets | bytes | begin, s | end, s | how sure |'
BEGIN, END = '<!-- values: begin -->', '<!-- values: end -->'
# Of the real captures: what their README says.
REAL = {
    'tcp-synflood-spoofed.pcap.zst': {'kind': 'flood', 'method': 'SYN', 'target': '10.10.10.10', 'source_count': 37623, 'packets': 37841},
    'udp-snmp-amplification.pcapng.zst': {'kind': 'amplification', 'method': 'SNMP', 'target': '10.10.10.10', 'source_count': 4276,
                                          'packets': 4373},
    'icmpv6-dos-extension-headers.pcap.zst': {'kind': 'flood', 'method': 'ICMPv6', 'target': '2001:db8:1::1', 'source_count': 1,
                                              'packets': 39813},
    'tcp-reflection-syn-ack-sameport.pcapng': {'kind': 'flood', 'method': 'SYN+ACK', 'target': '10.10.10.10', 'source_count': 60,
                                               'packets': 896},
}


def count(hosts):
    numbers = [host['count'] for host in hosts]
    return None if None in numbers else sum(numbers)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


def beside(shown, truth):
    """'shown of truth (error)'"""
    if truth is None or shown is None:
        return '' if truth is None else f'? of {truth}'
    return f'{shown}' if shown == truth else f'{shown} of {truth} ({100 * (shown - truth) / truth:+.1f} %)'


def seconds(shown, truth):
    return '' if truth is None else f'{(moment(shown) - moment(truth)).total_seconds():+.1f}'


def belongs(event, attack):
    if KINDS.get(event['kind']) != KINDS[attack['kind']]:
        return False
    side, address = ('sources', attack.get('source')) if KINDS[attack['kind']] == 'scan' else ('targets', attack['target'])
    if address not in [host['ip'] for host in event[side]]:
        return False
    return 'begin' not in attack or (moment(event['begin']) <= moment(attack['end']) + datetime.timedelta(minutes=1) and
                                     moment(event['end']) >= moment(attack['begin']) - datetime.timedelta(minutes=1))


def network_bytes(attack):
    """The truth counts frames of Ethernet, flow records the bytes from the IP header on."""
    return attack['bytes'] - ETHERNET * attack['packets'] if 'bytes' in attack else None


def row(name, attack, events):
    what = f'{attack["kind"]}, {attack["method"]}'
    found = [event for event in events if belongs(event, attack)]
    if not found:
        return f'| {name} | {what} | none | | | | | | | |'
    event = max(found, key=lambda e: e['packets'] or e['flows'] or 0)
    flood = KINDS[attack['kind']] == 'flood'
    sources = beside(count(event['sources']), attack.get('source_count')) if flood else ''
    vertical = attack['kind'] == 'vertical-scan'
    if flood:
        size = ' '.join(str(port) for port in event['ports'])
    elif vertical:
        size = beside(event['flows'], attack.get('port_count')) + ' ports'
    else:
        size = beside(count(event['targets']), attack.get('target_count')) + ' hosts'
    kind = event.get('type', event['kind'])
    return (f'| {name} | {what} | {kind} | {sources} | {size} | {beside(event["packets"], attack.get("packets"))} | '
            f'{beside(event["bytes"], network_bytes(attack))} | {seconds(event["begin"], attack.get("begin"))} | '
            f'{seconds(event["end"], attack.get("end"))} | {event["confidence"]} |')


def events_of(binaries, path):
    done = subprocess.run([os.path.join(binaries, 'nemea'), 'analyze', '--json', path], env=dict(os.environ, NEMEA_BIN=binaries),
                          capture_output=True, check=True)
    return json.loads(done.stdout)['events']


def table(binaries):
    lines = [TITLE, '|---' * 10 + '|']
    for truth in sorted(glob.glob(CAPTURES + '/*.json') + glob.glob(CAPTURES + '/*/*.json')):
        with open(truth, encoding='utf-8') as file:
            attacks = [attack for attack in json.load(file)['attacks'] if attack['kind'] in KINDS]
        paths = glob.glob(truth[:-len('json')] + 'pcap*')
        if attacks and paths:
            events = events_of(binaries, paths[0])
            name = os.path.relpath(truth, CAPTURES)[:-len('.json')]
            lines += [row(name, attack, events) for attack in attacks]
    for name, attack in REAL.items():
        path = os.path.join(os.environ.get('NEMEA_SHARED', ''), 'data', 'ddos', name)
        if 'NEMEA_SHARED' in os.environ and os.path.exists(path):
            lines.append(row(name.split('.')[0], attack, events_of(binaries, path)))
    return '\n'.join(lines)


def main(arguments):
    target = arguments[1] if arguments and arguments[0] == '--write' else None
    if len(arguments) != (3 if target else 1):
        sys.exit(__doc__)
    text = table(os.path.abspath(arguments[-1]))
    if target is None:
        print(text)
        return
    with open(target, encoding='utf-8') as file:
        page = file.read()
    page = page[:page.index(BEGIN)] + BEGIN + '\n' + text + '\n' + page[page.index(END):]
    with open(target, 'w', encoding='utf-8') as file:
        file.write(page)


if __name__ == '__main__':
    main(sys.argv[1:])
