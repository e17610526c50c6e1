#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The detectors, file to file, beside a loop that only reads the file and two modules that do little.

usage: run_detectors.py [--rounds N] [--records N] [NAME...]

bench/flows/make_traffic.c makes --records records (1 million; five times as many for ipblacklistfilter) of each kind: ordinary
flows of 15 minutes between 60000 clients and servers (22 % DNS, 7 % scans; a record for each direction), SYNs only, DNS, HTTP and SIP
messages, SMTP flows. Everything is read from the page cache on one core, alerts are written to a file; all files are removed at the end. The
programs of a table take turns within a round.

Columns as of run_modules.py: million records by the CPU seconds of the run that took the fewest, start and end included;
"least" is what is asked for; "loop" the share of a loop that only reads the same file. Reading of blacklists is not in the
figures: the time of a run without records is taken off ("nan": it varies by more than the records take). "NEMEA 2" is what its
detector did on another machine of two cores (million records by wall-clock second, MB of RSS), to be read as a size. NAME: only
rows whose name has one of these words.
"""

import argparse
import os
import random
import socket
import tempfile

from run_modules import Row, run, show

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

ENTRIES = 50000
MANY = 2000000
TABLE = 2097152


class Detector(Row):
    """before: what NEMEA 2 did. empty: a file without records, to take off the time that starting takes."""

    def __init__(self, name, least, before, loop, flows, *command, empty=None):
        super().__init__(name, loop.records, least, *command, '-i', f'f:{flows},f:{os.path.dirname(flows)}/alerts:w', loop=loop)
        self.before = before
        self.start = Row(name, 0, None, *command, '-i', f'f:{empty},b:') if empty else None

    def measure(self):
        super().measure()
        if self.start is not None:
            self.start.measure()

    def rate(self):
        start = self.start.cpu if self.start is not None else 0
        measurable = self.cpu > 1.02 * start  # else what else the machine does hides it
        return self.records / max(self.cpu - start, 1e-9) / 1e6 if measurable else float('nan')

    def text(self):
        return f'{super().text():83}{self.before}'.rstrip()


class Traffic:
    """A file of records and the rows that read it."""

    def __init__(self, folder, records, name, *options):
        self.file, self.name = f'{folder}/{name}.trapcap', name
        run('make_traffic', '-r', str(records), *options, '-i', f'f:{self.file}:w')
        self.loop = Row('loop that only reads', records, None, 'read_flows', '-i', f'f:{self.file}')
        self.rows = [self.loop]

    def add(self, name, least, before, *command, empty=None):
        self.rows.append(Detector(name, least, before, self.loop, self.file, *command, empty=empty))


def write_lists(folder):
    """Blacklists of addresses, networks, names and URLs, of which few are in the traffic."""
    r = random.Random(1)

    def v4():
        return socket.inet_ntoa((r.getrandbits(32) | 1 << 31).to_bytes(4, 'big'))

    def v6():
        return socket.inet_ntop(socket.AF_INET6, (0x2001 << 112 | r.getrandbits(112)).to_bytes(16, 'big'))

    def write(name, lines):
        with open(f'{folder}/{name}', 'w', encoding='ascii') as file:
            file.writelines(f'{line}\n' for line in lines)

    for name, make, length in (('v4', v4, 24), ('v6', v6, 48)):
        for n in (ENTRIES, MANY):
            write(f'{name}-{n}', (make() if i % 8 else f'{make()}/{length}' for i in range(n)))
    write('names', (f'host{i}.bad{i % 997}.example' for i in range(ENTRIES)))
    write('urls', (f'host{i}.bad{i % 997}.example/path/{i}.exe' for i in range(ENTRIES)))
    for name, size in (('hoststats', 131072), ('hoststats-large', TABLE)):
        write(f'{name}.conf', [f'table-size = {size}', 'port-flowdir = 1', 'rules-generic = 1', 'rules-ssh = 1', 'rules-dns = 1'])


def flow_rows(t, folder):
    f = f'f:{t.file}'
    t.rows += [Row('traffic_repeater', t.loop.records, None, 'traffic_repeater', '-i', f'{f},f:{folder}/copy:w', loop=t.loop),
               Row('flowcounter', t.loop.records, None, 'flowcounter', '-i', f, loop=t.loop)]
    t.add('vportscan_detector', 20, '4.3, 20 MB', 'vportscan_detector')
    t.add('vportscan_detector --classic', 20, '4.3, 20 MB', 'vportscan_detector', '--classic')
    t.add('haddrscan_detector', 20, '5.0, 15 MB', 'haddrscan_detector')
    t.add('haddrscan_detector --classic', 20, '5.0, 15 MB', 'haddrscan_detector', '--classic')
    t.add('ddos_detector', 8, '2.0, 14 MB', 'ddos_detector')
    t.add('amplification_detection', 4, '1.6, 54 MB', 'amplification_detection')
    t.add('amplification_detection -w 120', 4, '0.48, 54 MB', 'amplification_detection', '-w', '120', '-s', '60')
    t.add('hoststatsnemea -F', 3, '0.62, 38 MB', 'hoststatsnemea', '-F', '-c', f'{folder}/hoststats.conf')
    t.add('hoststatsnemea -F, 2 M hosts', 3, '0.21, 337 MB', 'hoststatsnemea', '-F', '-c', f'{folder}/hoststats-large.conf')
    t.add('brute_force_detector -S -R -T', 10, '2.8, 18 MB', 'brute_force_detector', '-S', '-R', '-T')
    t.add('miner_detector', None, '1.7, 322 MB', 'miner_detector')


def blacklist_rows(t, folder, family):
    for n, least, before in ((ENTRIES, 10, '2.0, 17 MB'), (MANY, 5, '')):
        t.add(f'ipblacklistfilter, {n} {family}', least, before, 'ipblacklistfilter', '--blacklist', f'{folder}/{family}-{n}',
              empty=f'{folder}/empty.trapcap')


def syn_rows(t):
    t.add('vportscan_detector', 5, '0.66, 128 MB', 'vportscan_detector')
    t.add('vportscan_detector --classic', 5, '0.66, 128 MB', 'vportscan_detector', '--classic')
    t.add('haddrscan_detector', 5, '0.60, 178 MB', 'haddrscan_detector')
    t.add('haddrscan_detector --classic', 5, '0.60, 178 MB', 'haddrscan_detector', '--classic')


VECTOR_TYPES = {'PROTOCOL': 'uint8', 'EXPORT': 'uint8', 'POSIX_START': 'uint32', 'POSIX_END': 'uint32', 'SRC_PORT_1': 'uint16', 'SRC_PORT_2': 'uint16',
                'SRC_PORT_3': 'uint16', 'PPF_AVG': 'float', 'PPF_STD': 'float', 'BYTES_AVG': 'float', 'BYTES_STD': 'float'}


def measure_vectors(folder, records, rounds, names):
    """backscatter_classifier, with the vectors of its lab again and again."""
    with open(os.path.join(ROOT, 'detectors/backscatter_classifier/training/held-out.csv'), encoding='ascii') as file:
        columns, *vectors = [line.rstrip('\n').split(',')[2:] for line in file]
    with open(f'{folder}/vectors.csv', 'w', encoding='ascii') as file:
        file.write(','.join(f'{VECTOR_TYPES.get(name, "uint64")} {name}' for name in columns) + ',ipaddr SRC_IP\n')
        file.writelines(','.join(vectors[i % len(vectors)]) + f',10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n' for i in range(records))
    t = Traffic(folder, 0, 'vectors')
    run('logreplay', '-d', '-f', f'{folder}/vectors.csv', '-i', f'f:{t.file}:w')
    t.loop.records = records
    t.add('backscatter_classifier', None, '', 'backscatter_classifier', '--logfile', '/dev/null')
    show(f'{records} vectors of victims; last column: NEMEA 2', t.rows, rounds, names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='runs of every program (5)')
    parser.add_argument('--records', type=int, default=1000000, metavar='N', help='records of each kind (1000000)')
    parser.add_argument('names', nargs='*', metavar='NAME', help='only rows whose name has this word')
    arguments = parser.parse_args()
    n, rounds, names = arguments.records, arguments.rounds, arguments.names
    print(f'load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n')
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix='nemea-bench-') as folder:
        write_lists(folder)

        def measure(title, name, options, add, *more, times=1):
            t = Traffic(folder, times * n, name, *options)
            add(t, *more)
            show(f'{t.loop.records} {title}; last column: NEMEA 2', t.rows, rounds, names)
            os.unlink(t.file)

        Traffic(folder, 0, 'empty')
        measure('ordinary flows', 'flows', (), flow_rows, folder)
        # Reading two million entries takes longer than looking for the addresses of a million records.
        measure('ordinary flows', 'flows4', (), blacklist_rows, folder, 'v4', times=5)
        measure('ordinary flows over IPv6', 'flows6', ('--v6', '100'), blacklist_rows, folder, 'v6', times=5)
        measure('SYNs over IPv6, each of another source', 'syns6', ('--v6', '100', '-k', 'syns', '--spoofed'), blacklist_rows,
                folder, 'v6', times=5)
        measure('SYNs of 60000 clients', 'syns', ('-k', 'syns'), syn_rows)
        measure('SYNs, each of another source', 'spoofed', ('-k', 'syns', '--spoofed'), syn_rows)

        def dns(t):
            t.add(f'dnsblacklistfilter, {ENTRIES} names', 6, '2.5, 32 MB', 'dnsblacklistfilter', '--blacklist', f'{folder}/names',
                  empty=f'{folder}/empty-dns.trapcap')
            t.add('dnstunnel_detection', 3, '0.82, 148 MB', 'dnstunnel_detection', '-E', '-')

        def http(t):
            t.add(f'urlblacklistfilter, {ENTRIES} URLs', 4, '1.2, 41 MB', 'urlblacklistfilter', '--blacklist', f'{folder}/urls',
                  empty=f'{folder}/empty-http.trapcap')
            for engine in ('pcre2', 'auto'):
                t.add(f'waintrusion_detector, {engine}', None, '', 'waintrusion_detector', '-ursrc', 'ipfixprobe', '--engine', engine)

        def sip(t):
            t.add('sip_bf_detector', 4, '0.57, 50 MB', 'sip_bf_detector')
            t.add('voip_fraud_detection', 3, '0.11, 354 MB', 'voip_fraud_detection', '-e', 'disabled')

        def smtp(t):
            t.add('smtp_spam_detector', None, '', 'smtp_spam_detector', '-L', '/dev/null')

        Traffic(folder, 0, 'empty-dns', '-k', 'dns')
        Traffic(folder, 0, 'empty-http', '-k', 'http')
        measure('DNS messages', 'dns', ('-k', 'dns'), dns)
        measure('HTTP requests', 'http', ('-k', 'http'), http)
        measure('SIP messages', 'sip', ('-k', 'sip'), sip)
        measure('SIP messages, each of another client and user', 'sip-spoofed', ('-k', 'sip', '--spoofed'), sip)
        measure('SMTP flows', 'smtp', ('-k', 'smtp'), smtp)
        measure_vectors(folder, n, rounds, names)


if __name__ == '__main__':
    main()
