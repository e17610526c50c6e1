#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the models of device_classifier from captures whose hosts are known, and judges them on other captures.

usage: train.py [--bin DIR] learn MODELS CAPTURE...    examples from the captures, added to MODELS/db.svm, then the models
       train.py [--bin DIR] judge MODELS CAPTURE...    how often the labels are right

CAPTURE is a capture of the lab (./bootstrap.sh lab), beside which CAPTURE.json tells the roles of its hosts; ROLES says which labels a
role has, and a role of capital letters, as "SERVER,HTTP", is its labels itself. Each minute of a capture gives an example of each host. MODELS is a
directory with models.list, as the shipped one in DATADIR/nemea/device_classifier. DIR has flow_meter and device_classifier (default: PATH).
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

ROLES = {'name server (dnsmasq)': 'SERVER,DNS', 'resolver (dnsmasq)': 'SERVER,DNS', 'web server (nginx)': 'SERVER,HTTP',
         'web server of a shop': 'SERVER,HTTP', 'file server (sshd)': 'SERVER,SSH', 'server: ssh': 'SERVER,SSH', 'server: ssh3': 'SERVER,SSH',
         'server: ftp': 'SERVER,FTP', 'server: rdp': 'SERVER,RDP', 'server: telnet': 'SERVER', 'telephone exchange (kamailio)': 'SERVER,SIP',
         'mail server and mailing lists (postfix)': 'SERVER,MAIL', 'user': 'CLIENT', 'writes mail': 'CLIENT', 'browses': 'CLIENT',
         'ordinary: admin': 'CLIENT', 'ordinary: backup': 'CLIENT', 'ordinary: user': 'CLIENT',
         'works at a terminal': 'CLIENT', 'backup: fetches large files': 'CLIENT'}


def hosts(capture):
    """Address -> labels of the hosts whose role is known."""
    with open(re.sub(r'\.pcap(ng)?(\.zst)?$', '', capture) + '.json', encoding='utf-8') as file:
        truth = json.load(file)
    known = {}
    for host in truth['ordinary_hosts']:
        role = host['role']
        labels = role if re.fullmatch(r'[A-Z]+(,[A-Z]+)*', role) else ROLES.get(role)
        if labels:
            for address in host['ipv4'], host['ipv6']:
                known[address] = labels.split(',')
    return known


class Tools:
    def __init__(self, directory, work):
        self.directory, self.work = directory, work

    def run(self, name, *arguments):
        path = os.path.join(self.directory, name) if self.directory else name
        done = subprocess.run([path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f'train.py: {name}: exit status {done.returncode}')
        return done.stdout

    def flows(self, capture):
        path = os.path.join(self.work, 'flows')
        self.run('flow_meter', '-r', capture, '-i', f'f:{path}:w')
        return f'f:{path}'


def learn(tools, models, captures):
    for capture in captures:
        lessons = os.path.join(tools.work, 'lessons')
        with open(lessons, 'w', encoding='ascii') as file:
            for address, labels in hosts(capture).items():
                file.writelines(f'{address} {label}\n' for label in labels)
        tools.run('device_classifier', '-M', models, '-t', lessons, '-m', '1', '-i', tools.flows(capture))
    print(tools.run('device_classifier', '-M', models, '--build'), end='')


def judge(tools, models, captures):
    right, wrong, missing = collections.Counter(), collections.Counter(), collections.Counter()
    for capture in captures:
        known = hosts(capture)
        lines = tools.run('device_classifier', '-M', models, '-i', tools.flows(capture)).splitlines()[1:]
        for address, text in (line.split('\t') for line in lines):
            if address in known:
                found, expected = set(text.split(',')) - {''}, set(known[address])
                right.update(found & expected)
                wrong.update(found - expected)
                missing.update(expected - found)
                if found != expected:
                    print(f'{os.path.basename(capture)}: {address}: {text}, expected {",".join(known[address])}')
    print(f'{"label":10} {"right":>6} {"wrong":>6} {"missing":>8}')
    for label in sorted(right | wrong | missing):
        print(f'{label:10} {right[label]:6} {wrong[label]:6} {missing[label]:8}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--bin', metavar='DIR', help='directory of flow_meter and device_classifier (default: those of PATH)')
    parser.add_argument('command', choices=('learn', 'judge'))
    parser.add_argument('models', metavar='MODELS')
    parser.add_argument('captures', metavar='CAPTURE', nargs='+')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='nemea-train-') as work:
        (learn if arguments.command == 'learn' else judge)(Tools(arguments.bin, work), arguments.models, arguments.captures)


if __name__ == '__main__':
    main()
