# SPDX-License-Identifier: BSD-3-Clause
"""The reporters of NEMEA. What their alerts contain is in the library of events (alerts/), in C; this is their command lines."""

import argparse
import ipaddress
import json
import sys
import xml.etree.ElementTree as ElementTree

import nemea_events
import pytrap

from report2idea.run import Run

BLACKLISTS = '/etc/nemea/blacklistfilter/bl_downloader_config.xml'
ARRAYS = {'IP': False, 'URL/DNS': True}  # do they list names?

DESCRIPTIONS = {
    'amplification': 'amplification_detection: servers that are misused to flood others',
    'blacklist': 'the aggregator of the blacklist filters: traffic of hosts that are on blacklists',
    'smashedblacklist': 'the aggregator of the blacklist filters: traffic with mining pools of the list of SMASHED',
    'bruteforce': 'brute_force_detector: guessing of passwords',
    'ddos_detector': 'ddos_detector: hosts that are flooded',
    'dgadetection': 'DGA detector: hosts that look for the server of a botnet',
    'dnstunnel': 'dnstunnel_detection: communication hidden in DNS',
    'haddrscan': 'haddrscan_detector: horizontal scans',
    'hoststats': 'hoststatsnemea: scans, floods and guessing of SSH passwords',
    'idea': 'a module that sends IDEA: the rules are used on its messages',
    'minerdetector': 'miner_detector: hosts that mine a cryptocurrency',
    'sipbf': 'sip_bf_detector: guessing of SIP passwords and users',
    'sshbruteforceml': 'the SSH brute-force detector of the machine-learning kind',
    'venom': 'venom_detector: the rootkit VENOM',
    'voipfraud': 'voip_fraud_detection: guessing of dial plans',
    'vportscan': 'vportscan_detector and its aggregator: vertical and block scans',
    'waintrusion_detector': 'waintrusion_detector: requests that look for weaknesses of web applications',
}


def read_blacklists(path):
    """The blacklists of a configuration of bl_downloader, as (names, id, name, category, source)."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as e:
        raise ValueError(f'--blacklist-config {path}: {e}') from None
    found = []
    for array in root.iter('array'):
        if array.get('type') not in ARRAYS:
            continue
        for struct in array.iter('struct'):
            values = {element.get('name'): (element.text or '').strip() for element in struct.iter('element')}
            try:
                found.append((ARRAYS[array.get('type')], int(values['id']), values['name'], values['category'], values['source']))
            except (KeyError, ValueError) as e:
                print(f'{path}: a blacklist of type {array.get("type")} is left out, {e} is missing or wrong: {values}', file=sys.stderr)
    return found


def read_prefixes(path):
    """The networks of a JSON array of objects with ip_prefix."""
    try:
        with open(path, encoding='utf-8') as file:
            found = [item['ip_prefix'] for item in json.load(file)]
        return [str(ipaddress.ip_network(text, strict=False)) for text in found]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ValueError(f'--prefixes {path}: {e}: expected an array of objects with ip_prefix') from None


def make_parser(name):
    """The options of a reporter beside the common ones."""
    parser = argparse.ArgumentParser()
    if name in ('haddrscan', 'vportscan'):
        parser.add_argument('--aggrwin', metavar='HH:MM:SS', default='00:05:00', help='text for Node.AggrWin; default: 00:05:00')
    if name in ('blacklist', 'smashedblacklist'):
        parser.add_argument('--blacklist-config', metavar='FILE', default=BLACKLISTS,
                            help=('list of blacklists (XML); default: ' + BLACKLISTS) if name == 'blacklist' else 'ignored')
    if name == 'smashedblacklist':
        parser.add_argument('--prefixes', metavar='FILE', help='JSON array of objects with ip_prefix: networks whose pools are reported as sources')
    return parser


class Shipped:
    """A reporter of the library of events."""

    def __init__(self, name):
        self.name = name
        self.reporter = nemea_events.Reporter(name)

    def prepare(self, args):
        options = {}
        if hasattr(args, 'aggrwin'):
            options['window'] = args.aggrwin
        if self.name == 'blacklist':
            options['blacklists'] = read_blacklists(args.blacklist_config)
        if getattr(args, 'prefixes', None):
            options['prefixes'] = read_prefixes(args.prefixes)
        self.reporter = nemea_events.Reporter(self.name, **options)

    def convert_to_idea(self, rec, args):
        """conv_func of Run()."""
        return self.reporter.idea(rec)

    def run(self):
        """The whole program."""
        reporter = self.reporter
        Run(reporter.module, f'Reports alerts of {DESCRIPTIONS[self.name]}.', pytrap.FMT_UNIREC if reporter.fields else pytrap.FMT_JSON,
            reporter.fields or reporter.json, self.convert_to_idea, make_parser(self.name), prepare=self.prepare)


def main(name):
    """What the program NAME2idea.py is."""
    Shipped(name).run()
