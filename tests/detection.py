#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures detectors on captures with known attacks: attacks found, attacks missed, false alerts.

usage: detection.py [--write FILE] [--captures DIR]... [--live] [--check] BIN_DIR

Runs flow_meter over the captures of examples/captures (with their truth in NAME.json) and, where there is one, of the folder of large
data (NEMEA_SHARED), and the detectors over the flows. Recorded flow logs of unirec-csv in that folder are replayed.
Prints a table; --write puts it into the part of FILE between the marks. With --check the exit status is 1 when there is a
false alert or an attack of more than trifling size is missed. With --live the meter and the detectors get the options with which nemea analyze -i
starts them.
"""

import argparse
import collections
import csv
import datetime
import glob
import ipaddress
import json
import os
import subprocess
import sys

from programs import ROOT, Workspace, shared_data

MARKS = '<!-- measured: begin -->', '<!-- measured: end -->'
MARGIN = datetime.timedelta(seconds=60)  # a detector that counts by the minute alerts up to this much later
LEAST_SCAN = 10  # ports of one target that an attacker must have tried in a day to be counted among the attacks
SMALL_SCAN = 40  # ports; attacks below are listed, but --check lets a detector miss them
ALWAYS = datetime.datetime.min, datetime.datetime.max

# Kind of attack (or kinds, by the field `type`); fields that name the source and the target, and the times; options; plugins of the flow meter whose fields it reads
# ('': none), and whether it can do without them; whether --check wants it to find all attacks of the kind.
Detector = collections.namedtuple('Detector', 'kind source target options plugins plugins_optional first last strict type listed',
                                  defaults=((), '', False, 'TIME_FIRST', 'TIME_LAST', True, 'EVENT_TYPE', None))

DETECTORS = {
    'amplification_detection': Detector('amplification', None, 'DST_IP', ('--details',)),
    'brute_force_detector': Detector('password-guessing', 'SRC_IP', 'DST_IP', ('-S', '-R', '-T', '-F', '--details'), 'idpcontent', True),
    'ddos_detector': Detector('flood', None, 'DST_IP'),
    'dnsblacklistfilter': Detector('blacklisted-name', None, None, plugins='dns', listed=('DNS_NAME',)),
    'dnstunnel_detection': Detector('dns-tunnel', 'SRC_IP', None, ('-E', '-', '-w', '60'), 'dns'),
    'haddrscan_detector': Detector('horizontal-scan', 'SRC_IP', 'DST_IP0'),
    'hoststatsnemea': Detector({'2': 'horizontal-scan', '10': 'flood', '15': 'amplification', '30': 'password-guessing'}, 'SRC_IP',
                               'DST_IP', ('-F',), strict=False),  # its thresholds are those of large networks
    'ipblacklistfilter': Detector('blacklisted-address', None, None, listed=('SRC_IP', 'DST_IP')),
    'miner_detector': Detector('mining', 'SRC_IP', 'DST_IP', ('--details', '--no-check'), 'idpcontent', True),
    'sip_bf_detector': Detector({'0': 'sip-guessing', '1': 'sip-guessing-by-many', '2': 'sip-user-scan'}, 'SBFD_SOURCE', 'SBFD_TARGET', plugins='sip',
                                first='SBFD_EVENT_TIME', last='SBFD_CEASE_TIME', type='SBFD_EVENT_TYPE'),
    'smtp_spam_detector': Detector('spam', 'SRC_IP', None, ('--unirec', '--log', '/dev/null'), 'smtp'),
    'voip_fraud_detection': Detector({'40': 'dial-plan-guessing'}, 'SRC_IP', None, ('-e', 'disabled'), 'sip', last='DETECTION_TIME'),
    'urlblacklistfilter': Detector('blacklisted-url', None, None, plugins='http', listed=('HTTP_REQUEST_HOST', 'HTTP_REQUEST_URL')),
    'vportscan_detector': Detector('vertical-scan', 'SRC_IP', 'DST_IP'),
    'waintrusion_detector': Detector('web-attack', 'SRC_IP', 'DST_IP', ('-ursrc', 'ipfixprobe'), 'http', first='EVENT_TIME', last='EVENT_TIME'),
}

# With --live. Detectors' own options are those of .live in their event.c.
LIVE_METER = '--early', '-t', '60:30', '--tunnels', 'inner', '--direction=tcp'
LIVE = {'amplification_detection': ('--early',), 'ddos_detector': ('--early',)}

# An attack of one kind explains an alert of the other, but need not cause one.
ALSO = {'amplification': 'flood'}

# Alerts on ordinary traffic that are right by the detector's rules: a request without the name of a browser, and one with a method made up for a test.
ACCEPTED = {('waintrusion_detector', 'request_protocol_enforcement', ''), ('waintrusion_detector', 'request_method_enforcement', 'INVALIDMETHOD')}

# Kinds are those of the detectors; a reflected flood is of two: what detectors of floods find, and what shows the reflection.
# via: who passed the attack on, and looks like its source from there on.
Attack = collections.namedtuple('Attack', 'kind source target begin end what small via', defaults=(*ALWAYS, '', False, None))

TRUTH = {  # of data/, by file name: from its README
    'nmap-syn-1000ports': [Attack('vertical-scan', '172.16.0.8', '64.13.134.52', what='nmap SYN scan, 1000 ports')],
    'ncsa-port_scan': [Attack('vertical-scan', '192.168.2.154', '192.168.2.22', what='10 ports', small=True)],
    'slips-vertical-conn': [Attack('vertical-scan', '192.168.1.9', '45.33.32.156', what='42 ports')],
    'iot-malware-telnet-sweep': [Attack('horizontal-scan', '192.168.2.16', '0.0.0.0/0',
                                        what='136 hosts on 23, 2323, 8080, 9527')],
    'slips-horizontal-conn': [Attack('horizontal-scan', '10.0.2.112', '0.0.0.0/0', what='10 unanswered SYNs', small=True)],
    'ncsa-445_scan': [Attack('horizontal-scan', '176.192.150.3', '0.0.0.0/0', what='9 hosts in 104 minutes', small=True)],
    'ncsa-multiport_scan': [Attack('horizontal-scan', '125.27.226.209', '0.0.0.0/0', what='6 hosts in 224 minutes', small=True)],
    'ncsa-zero_windows': [Attack('horizontal-scan', '10.0.0.1', '0.0.0.0/0', what='10 hosts', small=True)],
    'tcp-synflood-spoofed': [Attack('flood', None, '10.10.10.10', what='37841 SYNs from 37623 sources in 24 s')],
    'tcp-reflection-syn-ack-sameport': [Attack(kind, None, '10.10.10.10', what='896 packets of 60 sources in 818 s', small=True)
                                        for kind in ('flood', 'amplification')],
    'udp-snmp-amplification': [Attack(kind, None, '10.10.10.10', what='4276 SNMP reflectors') for kind in ('flood', 'amplification')],
    'ssh-guess': [Attack('password-guessing', '192.168.56.1', '192.168.56.103', what='11 SSH connections in 70 s')],
    'ssh-guess-38-connections': [Attack('password-guessing', '172.16.238.1', '172.16.238.136', what='38 SSH connections in 494 s')],
    'ftp-bruteforce': [Attack('password-guessing', '192.168.56.1', '192.168.56.101', what='30 FTP connections in 59 s')],
    'iodine-cname': [Attack('dns-tunnel', '192.168.117.128', None, what='iodine over CNAME, an hour')],
    'dnscat2-txt': [Attack('dns-tunnel', '192.168.68.62', None, what='dnscat2 over TXT, 18 minutes')],
    'iodine-short': [Attack('dns-tunnel', '10.0.2.30', None, what='iodine, 25 s')],
    'dns-exfiltration': [Attack('dns-tunnel', '192.168.220.56', None, what='dnscat2, 300 packets in 60 s')],
    'bitcoin-mining': [Attack('mining', '10.0.2.15', '74.84.128.158', what='Bitcoin, stratum'),
                       Attack('mining', '10.0.2.15', '113.21.199.11', what='Bitcoin, stratum, 5 packets')],
    'bitcoin-mining-in-progress': [Attack('mining', '10.0.2.15', None, what='Bitcoin, stratum, from the middle on')],
    'coinhive-stratum': [Attack('mining', '10.0.2.15', None, what='Coinhive, stratum')],
    'coinhive': [Attack('mining', '10.0.2.15', '0.0.0.0/0', what='Coinhive, websocket over TLS', small=True)],
    'ndpi-mining': [Attack('mining', '147.229.13.222', None, what='Ethereum'), Attack('mining', '192.168.2.92', None, what='Zcash'),
                    Attack('mining', '192.168.2.148', None, what='Ethereum, Monero')],
    'sql-injection': [Attack('web-attack', '172.16.0.1', '192.168.10.50', what='SQL injection by hand')],
    'icmpv6-dos-extension-headers': [Attack('flood', None, '2001:db8:1::1', what='39813 packets in 6 s from one host')],
}

# The original (libtrap 1.18.2, default options) on flows of one direction, from the README of the data: found, true
# and false alerts. It was not run on the files that are left out here; '-': it did not end.
ORIGINAL = {
    ('vportscan_detector', 'scan-vertical'): (1, 28, 0),
    ('vportscan_detector', 'mixed-labelled'): (6, 23, 0),
    ('ddos_detector', 'mixed-labelled'): (0, 0, 1),
    ('ddos_detector', 'benign-ndpi'): None,
    ('haddrscan_detector', 'scan-horizontal'): (0, 0, 0),
    ('ddos_detector', 'scan-horizontal'): '-',
    ('ddos_detector', 'ddos'): (0, '0 / 0, one did not end'),
    ('ddos_detector', 'malware'): '-',
    ('amplification_detection', 'benign-ndpi'): None,
    ('amplification_detection', 'dns-benign'): None,
    ('brute_force_detector', 'bruteforce'): (1, 1, 0),
    ('brute_force_detector', 'benign-ndpi'): None,
    ('brute_force_detector', 'dns-benign'): None,
}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '').ljust(19, '0')).replace(tzinfo=None)


def inside(address, network):
    if network is None:
        return True
    address, network = ipaddress.ip_address(address), ipaddress.ip_network(network)
    return address.version == network.version and address in network


def kinds(detector):
    kind = DETECTORS[detector].kind
    return set(kind.values()) if isinstance(kind, dict) else {kind}


def agrees(alert, field, network):
    """The end of an alert is inside the network of the attack, or one of them is not known."""
    return field is None or alert[field] == '0.0.0.0' or inside(alert[field], network)


def names_entry(alert, entry, fields):
    """Does the alert of a blacklist filter have what was listed?"""
    values = [alert[field].lower() for field in fields]
    if fields[0] == 'DNS_NAME':
        return values[0].endswith(entry[1:])  # entries are *.DOMAIN
    return ''.join(values) == entry if fields[0] == 'HTTP_REQUEST_HOST' else entry in values


def belongs(alert, attack, detector):
    d = DETECTORS[detector]
    if d.listed:
        return d.kind == attack.kind and names_entry(alert, attack.what, d.listed)
    kind = d.kind.get(alert[d.type]) if isinstance(d.kind, dict) else d.kind
    by_source = agrees(alert, d.source, attack.source) or (attack.via is not None and alert[d.source] == attack.via)
    return (kind in (attack.kind, ALSO.get(attack.kind)) and by_source and agrees(alert, d.target, attack.target) and
            (attack.begin == ALWAYS[0] or moment(alert[d.last]) >= attack.begin - MARGIN) and
            (attack.end == ALWAYS[1] or moment(alert[d.first]) <= attack.end + MARGIN))


def rows(text):
    """Records that logger -t printed, as dictionaries."""
    lines = list(csv.reader(text.splitlines()))
    names = [name.split()[-1] for name in lines[0]] if lines else []
    return [dict(zip(names, line)) for line in lines[1:]]


def labelled(path):
    """Attacks in a flow log with labels: pairs of an attacker and a target with many ports."""
    with open(path, encoding='utf-8') as flows, open(path.replace('.csv', '.labels.csv'), encoding='utf-8') as labels:
        ports = collections.defaultdict(set)
        reader = csv.reader(flows)
        names = [name.split()[-1] for name in next(reader)]
        next(labels)
        for line, label in zip(reader, labels):
            flow = dict(zip(names, line))
            probe = flow['TCP_FLAGS'] in ('2', '6') if flow['PROTOCOL'] == '6' else flow['PROTOCOL'] == '17'
            if label.startswith('Malicious') and probe:
                ports[flow['SRC_IP'], flow['DST_IP']].add(flow['DST_PORT'])
    return [Attack('vertical-scan', source, target, what=f'{len(seen)} ports in a day', small=len(seen) < SMALL_SCAN)
            for (source, target), seen in ports.items() if len(seen) >= LEAST_SCAN]


def lab_attack(entry):
    """SIP has a detector of its own; who is the source of what many send is not asked."""
    kind, source = entry['kind'], entry['source']
    if entry['protocol'] == 17 and entry.get('ports') == [5060] and kind in ('password-guessing', 'user-scan'):
        kind = 'sip-user-scan' if kind == 'user-scan' else 'sip-guessing-by-many' if '/' in source else 'sip-guessing'
    if kind in ('flood', 'amplification', 'sip-guessing-by-many'):
        source = None
    return Attack(kind, source, entry['target'], moment(entry['begin']), moment(entry['end']), f'{entry["method"]} by {entry["tool"]}', 'small' in entry,
                  entry.get('via'))


def lab_entries(entry):
    """What lists of bad addresses, names and URLs would have of an attack."""
    outside = [entry[end] for end in ('source', 'target') if '/' not in entry[end] and not entry[end].startswith('10.') and
               (end == 'source' or entry['kind'] == 'mining')]
    found = [('blacklisted-address', address) for address in outside]
    if 'domain' in entry:
        found.append(('blacklisted-name', '*.' + entry['domain']))
    if 'url' in entry:
        found.append(('blacklisted-url', entry['url']))
    return [Attack(kind, None, text, what=text) for kind, text in found]


def lab_truth(path):
    with open(path, encoding='utf-8') as file:
        attacks = json.load(file)['attacks']
    listed = {attack.what: attack for entry in attacks for attack in lab_entries(entry)}
    return [lab_attack(entry) for entry in attacks] + list(listed.values())


def unpacked(w, path):
    if not path.endswith('.zst'):
        return path
    target = w.file(os.path.basename(path)[:-4])
    subprocess.run(['zstd', '-dqf', path, '-o', target], check=True)
    return target


def plugin_streams():
    return sorted({d.plugins for d in DETECTORS.values()} - {''})


class Dataset:
    """Flows of one file and its known attacks; of many captures without attacks, whose packets are merged by time, it is the folder."""

    def __init__(self, group, path, truth, captures=None):
        self.group, self.path, self.truth, self.captures = group, path, truth, captures
        self.name = os.path.basename(path).split('.')[0] if '.conn' not in path else os.path.basename(path).split('.conn')[0]

    def flows(self, w, meter_options):
        path = unpacked(w, self.path)
        files = [word for capture in self.captures or [path] for word in ('-r', capture)]
        if path.endswith('.csv'):
            commands = [('logreplay', '-d', '-f', path, '-i', 'f:flows:w')]
        else:  # one run for each plugin: some of them end flows earlier
            commands = [('flow_meter', *meter_options, *files, '-p', stream or 'basic', '-i', f'f:flows{stream}:w')
                        for stream in [''] + plugin_streams()]
        for command in commands:
            status, _, err = w.run(*command)
            if status not in (0, 3):  # 3: the capture is damaged at its end
                raise RuntimeError(f'{self.path}: {err}')
        if callable(self.truth):
            self.truth = self.truth(w, self.path)


def recorded_truth(w, path):
    """Known attacks of a flow log, from its labels if it has any."""
    labels = path.replace('.csv.zst', '.labels.csv.zst')
    if 'ctu' not in path or not os.path.exists(labels):
        return TRUTH.get(os.path.basename(path).split('.')[0], [])
    unpacked(w, labels)
    return labelled(unpacked(w, path))


MERGED = 'benign-ndpi', 'exporter-inputs', 'bruteforce-benign'  # many small captures of ordinary traffic
HALVES = {'development': 'lab, development half', 'held-out': 'lab, held-out half'}  # by folder


def datasets(folders):
    found = []
    data = shared_data() or '/nonexistent'
    for group in MERGED:
        captures = sorted(glob.glob(os.path.join(data, group, '*.pcap*')))
        if captures:
            found.append(Dataset(group, os.path.join(data, group), [], captures))
    for path in sorted(glob.glob(os.path.join(data, '*', '*.pcap*'))):
        group = os.path.basename(os.path.dirname(path))
        if group in MERGED:
            continue
        found.append(Dataset(group, path, TRUTH.get(os.path.basename(path).split('.')[0], [])))
    logs = {'slips-vertical-conn': 'scan-vertical', 'slips-horizontal-conn': 'scan-horizontal',
            'ctu-normal-40-day1': 'mixed-labelled', 'ctu-normal-42-day2': 'mixed-labelled'}
    for path in sorted(glob.glob(os.path.join(data, 'unirec-csv', '*.csv*')) +
                       glob.glob(os.path.join(data, 'unirec-csv', 'malware', '*.csv*'))):
        if '.labels.' not in path:
            group = logs.get(os.path.basename(path).split('.')[0], 'malware')
            found.append(Dataset(group, path, recorded_truth))
    for folder in folders:
        for truth in sorted(glob.glob(os.path.join(folder, '*.json'))):
            for path in glob.glob(truth[:-len('.json')] + '.pcap*'):
                found.append(Dataset(HALVES.get(os.path.basename(folder), 'lab'), path, lab_truth(truth)))
    return found


Score = collections.namedtuple('Score', 'true false found attacks missed', defaults=(0, 0, 0, 0, ()))


def measure(dataset, bin_dir, live):
    """{detector: Score}, and lines about the false alerts."""
    scores, notes = {}, []
    with Workspace(bin_dir) as w:
        dataset.flows(w, LIVE_METER if live else ())
        for detector, d in DETECTORS.items():
            if not os.path.exists(os.path.join(bin_dir, detector)):
                continue
            flows = 'flows' + d.plugins if os.path.exists(w.file('flows' + d.plugins)) else 'flows'
            if flows == 'flows' and d.plugins and not d.plugins_optional:
                continue
            options = d.options + (LIVE.get(detector, ()) if live else ())
            if d.listed:
                entries = [attack.what for attack in dataset.truth if attack.kind == d.kind]
                if not entries:
                    continue
                options = '--blacklist', w.file('list', '\n'.join(entries + ['']).encode())
            status, _, err = w.run(detector, *options, '-i', f'f:{flows},f:alerts:w')
            if status != 0:
                raise RuntimeError(f'{detector} over {dataset.path}: {err}')
            alerts = rows(w.run('logger', '-t', '-i', 'f:alerts')[1])
            attacks = [attack for attack in dataset.truth if attack.kind in kinds(detector)]
            hits = [[attack for attack in dataset.truth if belongs(alert, attack, detector)] for alert in alerts]
            found = {attack for hit in hits for attack in hit if attack in attacks}
            wrong = [alert for alert, hit in zip(alerts, hits) if not hit]
            notes += [f'{detector}: {"accepted" if accepted(detector, alert) else "false"} alert in {dataset.name}: {",".join(alert.values())}' for alert in wrong]
            scores[detector] = Score(len(alerts) - len(wrong), len(wrong), len(found), len(attacks),
                                     tuple((dataset.name, attack) for attack in attacks if attack not in found))
    return scores, notes


def accepted(detector, alert):
    return (detector, alert.get('WAI_RULE'), alert.get('WAI_MALICIOUS_VALUE')) in ACCEPTED


def add(a, b):
    return Score(*(x + y for x, y in zip(a, b)))


def ratio(part, whole):
    return f'{100 * part / whole:.0f} %' if whole else ''


NOT_RUN = {'dnsblacklistfilter', 'ipblacklistfilter', 'urlblacklistfilter', 'dnstunnel_detection', 'hoststatsnemea', 'miner_detector', 'smtp_spam_detector', 'voip_fraud_detection', 'waintrusion_detector'}  # of the original, on none of the data


def original_text(detector, group):
    if detector in NOT_RUN:
        return '', 'not run'
    if group.startswith('lab') or group in ('exporter-inputs',):
        return '', ''
    known = ORIGINAL.get((detector, group), (0, 0, 0))
    if known is None:
        return '', 'not run'
    if known == '-':
        return '', 'did not end'
    return str(known[0]), known[1] if len(known) == 2 else f'{known[1]} / {known[2]}'


def table(totals, counts):
    """Lines of the table; data without an attack of the detector's kind and without any alert share one line."""
    title = ['detector', 'data', 'captures', 'attacks', 'found', 'alerts true / false', 'precision', 'recall', 'original: found',
             'original: true / false']
    lines = ['| ' + ' | '.join(title) + ' |', '|---' * len(title) + '|']
    quiet = collections.defaultdict(list)
    for (detector, group), score in sorted(totals.items()):
        found, alerts = original_text(detector, group)
        if not score.attacks and not score.false and alerts in ('', '0 / 0', 'not run'):
            quiet[detector].append(group)
            continue
        attacks, ours, theirs = (score.attacks, score.found, found) if score.attacks else ('', '', '')
        lines.append(f'| {detector} | {group} | {counts[group]} | {attacks} | {ours} | {score.true} / {score.false} | '
                     f'{ratio(score.true, score.true + score.false)} | {ratio(score.found, score.attacks)} | {theirs} | {alerts} |')
    for detector, groups in quiet.items():
        lines.append(f'| {detector} | {", ".join(groups)} | {sum(counts[group] for group in groups)} | | | 0 / 0 | | | | '
                     f'{"not run" if detector in NOT_RUN else "0 / 0"} |')
    return lines


def write(path, text):
    with open(path, encoding='utf-8') as file:
        page = file.read()
    before, rest = page.split(MARKS[0])
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}')


def main():
    parser = argparse.ArgumentParser(prog='detection.py', description='Measures detectors against known attacks.')
    parser.add_argument('bin_dir', metavar='BIN_DIR')
    parser.add_argument('--write', metavar='FILE', help='put the table into this page')
    parser.add_argument('--captures', metavar='DIR', action='append', help='captures with their truth (default: examples/captures)')
    parser.add_argument('--live', action='store_true', help='with the options of nemea analyze -i')
    parser.add_argument('--check', action='store_true', help='fail on false alerts and missed attacks')
    options = parser.parse_args()
    lab = os.path.join(ROOT, 'examples', 'captures')
    found = datasets(options.captures or [lab] + [os.path.join(lab, half) for half in HALVES])
    if not found:
        parser.error('no captures')
    totals, counts, notes = collections.defaultdict(Score), collections.Counter(), []
    for dataset in found:
        scores, remarks = measure(dataset, options.bin_dir, options.live)
        notes += remarks
        counts[dataset.group] += len(dataset.captures or [1])
        for detector, score in scores.items():
            totals[detector, dataset.group] = add(totals[detector, dataset.group], score)
    missed = [(detector, name, attack) for (detector, _), score in sorted(totals.items()) for name, attack in score.missed]
    text = '\n'.join(table(totals, counts) + [''] + [
        f'- missed by {detector}: {name}: {attack.source or "many sources"} to {attack.target} ({attack.what})'
        for detector, name, attack in missed] + [f'- {note}' for note in notes])
    print(text)
    if options.write:
        write(options.write, text)
    strict = [attack for detector, _, attack in missed if DETECTORS[detector].strict and not attack.small]
    false = [note for note in notes if ': false alert in ' in note]
    return 1 if options.check and (false or strict) else 0


if __name__ == '__main__':
    sys.exit(main())
