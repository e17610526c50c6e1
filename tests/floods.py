# SPDX-License-Identifier: BSD-3-Clause
"""Every detector, the traffic that fills its tables, and the attack that is hidden in it.

The traffic is that of bench/flows/make_traffic.c with --spoofed and --attacks: each record has a source of its own, one of 64 belongs
to an attack.
"""

import os

RATE = 100000  # records of a second of stream time

HOSTSTATS = 'table-size = {}\nport-flowdir = 1\nrules-generic = 1\nrules-ssh = 1\nrules-dns = 1\n'
MINER = """<configuration><struct name="main struct">
<element name="blacklist_file">{{}}/pools</element><element name="whitelist_file">-</element>
<element name="store_blacklist_file">-</element><element name="store_whitelist_file">-</element>
<element name="conn_timeout">10</element><element name="read_timeout">10</element>
<element name="timeout_active">300</element><element name="timeout_inactive">60</element>
<element name="check_period">60</element><element name="stratum_check">false</element>
<element name="score_treshold">7</element>
<element name="suspect_db_size">{}</element><element name="suspect_db_stash_size">4</element>
<element name="blacklist_db_size">1024</element><element name="blacklist_db_stash_size">4</element>
<element name="whitelist_db_size">1024</element><element name="whitelist_db_stash_size">4</element>
</struct></configuration>
"""
LISTS = {'pools': '198.51.100.6:443\n', 'small.xml': MINER.format(1020), 'usual.xml': MINER.format(262140),
         'addresses': '203.0.113.6\n', 'names': 'bad.example\n', 'urls': 'bad.example/listed\n',
         'small.conf': HOSTSTATS.format(65536) + 'syn-scan-ips = 500\n', 'usual.conf': HOSTSTATS.format(131072)}


class Flood:
    """small: options for few records, with tables that they fill; usual: options for many, with the usual tables. full: tables whose
    entries are evicted in the small run, as its counters name them. found: the address that alerts must name; {} in options is the
    folder of LISTS."""

    def __init__(self, detector, kind, found, usual='', small='', full=()):
        self.detector, self.kind, self.found, self.full = detector, kind, found, full
        self.usual, self.small = usual, f'{usual} {small}'

    def command(self, options, folder, *interfaces):
        return [self.detector, *options.replace('{}', folder).split(), '-i', ','.join(interfaces)]

    def options(self, many):
        return self.usual if many else self.small


FLOODS = [
    Flood('vportscan_detector', 'syns', '203.0.113.1', small='-c 1024', full=['pairs of source and target']),
    Flood('haddrscan_detector', 'syns', '203.0.113.2', small='-c 1024', full=['pairs of source and port']),
    Flood('ddos_detector', 'syns', '198.51.100.3', small='--capacity 1024 --sources 16384 --flood_flows 100',
          full=['destinations', 'source networks']),
    Flood('hoststatsnemea', 'syns', '203.0.113.2', usual='-F -c {}/usual.conf', small='-c {}/small.conf', full=['hosts']),
    Flood('ipblacklistfilter', 'syns', '203.0.113.6', usual='--blacklist {}/addresses'),
    Flood('amplification_detection', 'answers', '198.51.100.4', small='--capacity 1024 --victims 1024 --sources 16384 --flows 4096',
          full=['victims', 'servers of victims']),
    Flood('brute_force_detector', 'logins', '203.0.113.5', usual='-S', small='--capacity 1024 --flows 8192', full=['hosts']),
    Flood('miner_detector', 'parts', '203.0.113.6', usual='-u {}/usual.xml', small='-u {}/small.xml', full=['suspects']),
    Flood('dnsblacklistfilter', 'dns', '203.0.113.7', usual='--blacklist {}/names'),
    Flood('dnstunnel_detection', 'dns', '203.0.113.7', usual='-E - --names 8192', small='--capacity 1024',
          full=['clients']),
    Flood('urlblacklistfilter', 'http', '203.0.113.7', usual='--blacklist {}/urls'),
    Flood('waintrusion_detector', 'http', '203.0.113.7', usual='-ursrc ipfixprobe --engine pcre2'),
    Flood('smtp_spam_detector', 'smtp', '203.0.113.7', usual='--unirec -L /dev/null',
          small='--senders 4096 --destinations 16384 --names 512',
          full=['senders and receivers', 'destinations', 'senders with names']),
    Flood('sip_bf_detector', 'sip', '203.0.113.7', small='--users 1024 --clients 1024 --pairs 1024',
          full=['users']),
    Flood('voip_fraud_detection', 'calls', '203.0.113.7', usual='-e disabled -s 1', small='--callers 1024 --targets 4096',
          full=['callers']),
    Flood('backscatter_classifier', 'vectors', '203.0.113.7', usual='--logfile /dev/null'),
]


def write_lists(folder):
    for name, text in LISTS.items():
        with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
            file.write(text.replace('{}', folder))


def traffic(kind, records, spec):
    """Options of make_traffic."""
    return ['-k', kind, '-r', str(records), '-s', str(RATE), '--spoofed', '--attacks', '-i', spec]
