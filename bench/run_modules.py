#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The flow-processing modules, file to blackhole, beside a loop that only reads the file and the nearest nfdump commands.

usage: run_modules.py [--rounds N] [--records N] [--keys N] [--text N] [NAME...]

bench/flows/make_flows.c makes --records flow records of 77 bytes (20 million), in which few hosts have most flows; and for modules that
keep state, --keys records with as many distinct sources, targets and pairs (10 million). CSV and JSON are of --text records
(2 million), also what nfdump writes as CSV. All files are read from the page cache and removed at the end. The programs of a table take turns within a round.

A figure is million records by the CPU seconds (user and system) of the run that took the fewest, start and end of the process
included; "wall" is the same by the time of the clock, which says little when others use the machine: its load is printed.
"loop" is the share of what a loop that only reads the same file does by CPU second. RSS is the greatest of all rounds, and never
shown below that of the Python that starts the program. "least" is what a
module has to do, by CPU second; a figure below it, and below 80 % of the loop, is marked with "<". NAME: only rows whose name has one of these words.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
BIN = os.path.join(BUILD, 'bin')
BENCH = os.path.join(BUILD, 'bench', 'flows')
FILTER_OF_NETWORK = '[{"id": 1, "api_url": "http://127.0.0.1:9/", "bloom_entries": 1000000, "bloom_fp_error_rate": 0.01}]'
NETWORK = '[{"id": 1, "ip_prefix": "10.0.0.0/8"}]'
BIFLOW = ('<?xml version="1.0"?><aggregator><id name="source"><field><name>SRC_IP</name><type>KEY</type></field><field><name>BYTES</name>'
          '<type>SUM</type></field><field><name>PACKETS</name><type>SUM</type></field></id></aggregator>')
LINKS = '1,first,LINK1,ff0000\n2,second,LINK2,00ff00\n'
RULES = 'ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL\n10.0.1.0/24,53,17\n10.0.2.0/24,,6\n10.0.3.4,443,\n'
MOST_BZ2 = 200000  # records, for which bzip2 needs seconds
FILTER = 'DST_PORT == 53 && PROTOCOL == 17 && BYTES > 500'


def program(name):
    """Path of a program of this build or of the system; None: there is none."""
    for folder in (BIN, BENCH):
        if os.path.exists(os.path.join(folder, name)):
            return os.path.join(folder, name)
    return shutil.which(name)


class Row:
    """A program that reads a file of records. least: million records by CPU second, None: none is asked for."""

    def __init__(self, name, records, least, *command, loop=None):
        self.name, self.records, self.least, self.command, self.loop = name, records, least, list(command), loop
        self.cpu, self.wall, self.rss = None, None, 0

    def measure(self):
        start = time.monotonic()
        with tempfile.TemporaryFile() as err, subprocess.Popen([program(self.command[0]), *self.command[1:]], stdin=subprocess.DEVNULL,
                                                               stdout=subprocess.DEVNULL, stderr=err) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            err.seek(0)
            if process.returncode != 0:
                sys.exit(f'{" ".join(self.command)}: status {process.returncode}: {err.read().decode(errors="replace")}')
        wall, cpu = time.monotonic() - start, usage.ru_utime + usage.ru_stime
        if self.cpu is None or cpu < self.cpu:
            self.cpu, self.wall = cpu, wall
        self.rss = max(self.rss, usage.ru_maxrss / 1024)

    def rate(self):
        return self.records / max(self.cpu, 1e-9) / 1e6

    def text(self):
        share = self.rate() / self.loop.rate() if self.loop else None
        least = f'{self.least:8.1f}' if self.least else ' ' * 8
        mark = ' <' if self.least and self.rate() < self.least and (share is None or share < 0.8) else ''
        percent = f'{100 * share:7.0f}%' if share else ' ' * 8
        return f'   {self.name:34}{self.rate():9.2f}{least}{self.records / self.wall / 1e6:9.2f}{percent}{self.rss:9.0f}{mark}'


def run(*command):
    done = subprocess.run([program(command[0]), *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: status {done.returncode}: {done.stderr}')


def flow_rows(flows, records, folder):
    f, out = f'f:{flows}', 'b:'
    loop = Row('loop that only reads', records, None, 'read_flows', '-i', f)

    def row(name, least, *command, twice=1):
        return Row(name, records * twice, least, *command, loop=loop)

    return [loop,
            row('traffic_repeater', 30, 'traffic_repeater', '-i', f'{f},{out}'),
            row('flowcounter', 30, 'flowcounter', '-i', f),
            row('unirecfilter, 3 terms', 25, 'unirecfilter', '-i', f'{f},{out}', '-F', FILTER),
            row('merger, 2 inputs', 15, 'merger', '-i', f'{f},{f},{out}', twice=2),
            row('prefix_tags, a prefix', 12, 'prefix_tags', '-c', f'{folder}/networks.json', '-i', f'{f},{out}'),
            row('sampler, 1 of 10', None, 'sampler', '-r', '10', '-i', f'{f},{out}'),
            row('anonymizer, AES', 3, 'anonymizer', '-i', f'{f},{out}'),
            row('anonymizer, hash', 5, 'anonymizer', '-M', '-i', f'{f},{out}'),
            row('agg by SRC_IP, 2 sums', 8, 'agg', '-k', 'SRC_IP', '-s', 'BYTES', '-s', 'PACKETS', '-i', f'{f},{out}'),
            row('scalar_agg, 2 rules', 12, 'scalar_agg', '-r', 'flows:COUNT(BYTES)', '-r', 'bytes:SUM(BYTES)', '-i', f'{f},{out}'),
            row('biflow_aggregator by SRC_IP, 2 sums', 3, 'biflow_aggregator', '-e', '-c', f'{folder}/biflow.xml', '-n', 'source', '-i',
                f'{f},{out}'),
            row('backscatter', 3, 'backscatter', '-N', f'{folder}/networks.txt', '-i', f'{f},{out}'),
            row('ipv6stats', 8, 'ipv6stats', '-d', folder, '-i', f),
            # Flows of the LAN, none of which finds its other half: those of the second input are not of the router.
            row('natpair, 1 M halves wait', 3, 'natpair', '-r', '192.0.2.1', '-N', f'{folder}/lan.txt', '--capacity', '1048576', '-f', '3600',
                '-i', f'{f},{f},{out}'),
            row('topn, 10', 10, 'topn', '-n', '10', '-l', '300', '-i', f),
            row('luamodule, empty hook', 2, 'luamodule', '-l', f'{folder}/empty.lua', '-i', f'{f},{out}'),
            row('device_classifier', None, 'device_classifier', '-i', f),
            row('bloom_history, a prefix', None, 'bloom_history', '-c', f'{folder}/bloom.json', '--spool', f'{folder}/filters', '--wait', '0', '-i',
                f'f:{folder}/tagged.trapcap'),
            row('resolver, ports (warm cache)', 5, 'resolver', '-u', 'uint16 DST_PORT,uint8 PROTOCOL', '-r', 'DST_PORT/PROTOCOL', 'ent_services', 'NAME',
                '-i', f'{f},{out}'),
            row('resolver, nobody answers', None, 'resolver', '-w', '0', '-S', '127.0.0.1:9', '-u', 'ipaddr SRC_IP', '-r', 'SRC_IP', 'dns_ptr', 'NAME', '-i',
                f'{f},{out}'),
            row('traffic_stats', 3, 'traffic_stats', '-d', f'{folder}/traffic', '-i', f),
            row('deduplicator', 8, 'deduplicator', '-i', f'{f},{out}'),
            row('listdetector, 3 rules', None, 'listdetector', '-r', f'{folder}/rules.csv', '-i', f'{f},{out}'),
            row('telemetry_stats', None, 'telemetry_stats', '-o', 'stdout', '-i', f'{f},{out}'),
            row('link_traffic, 2 links', None, 'link_traffic', '-c', f'{folder}/links.cfg', '-s', f'{folder}/links.sock', '-i', f),
            row('flow_archive', None, 'flow_archive', '-d', f'{folder}/archive', '-i', f),
            row('nemea flows, a host in the archive', None, 'nemea', 'flows', '--archive', f'{folder}/archive', '--host', '10.255.255.7'),
            row('nfwriter', None, 'nfwriter', '-f', f'{folder}/out.nf', '-i', f)]


def state_rows(flows, records, folder):
    f, out = f'f:{flows}', 'b:'
    loop = Row('loop that only reads', records, None, 'read_flows', '-i', f)

    def row(name, *command):
        return Row(name, records, None, *command, loop=loop)

    return [loop,
            row('anonymizer, AES', 'anonymizer', '-i', f'{f},{out}'),
            row('anonymizer, hash', 'anonymizer', '-M', '-i', f'{f},{out}'),
            row('agg by SRC_IP, 2 sums', 'agg', '-t', 'g:3600', '-k', 'SRC_IP', '-s', 'BYTES', '-s', 'PACKETS', '-i', f'{f},{out}'),
            row('scalar_agg, COUNT_UNIQ', 'scalar_agg', '-r', 'sources:COUNT_UNIQ(SRC_IP)', '-i', f'{f},{out}'),
            row('biflow_aggregator by SRC_IP, 2 sums', 'biflow_aggregator', '-e', '-c', f'{folder}/biflow.xml', '-n', 'source', '-i', f'{f},{out}'),
            row('topn, 10', 'topn', '-n', '10', '-l', '3600', '-i', f),
            row('traffic_stats', 'traffic_stats', '-d', f'{folder}/traffic', '-i', f),
            row('device_classifier', 'device_classifier', '-i', f),
            row('resolver, nobody answers', 'resolver', '-w', '0', '-S', '127.0.0.1:9', '-u', 'ipaddr SRC_IP', '-r', 'SRC_IP', 'dns_ptr', 'NAME', '-i', f'{f},{out}'),
            row('deduplicator', 'deduplicator', '-i', f'{f},{out}')]


def text_rows(folder, records):
    flows = f'f:{folder}/text.trapcap'
    csv = Row('wc -l of the CSV', records, None, 'wc', '-l', f'{folder}/flows.csv')
    json = Row('wc -l of the JSON', records, None, 'wc', '-l', f'{folder}/flows.json')
    return [csv, json,
            Row('logger, CSV to /dev/null', records, 5, 'logger', '-i', flows, '-w', '/dev/null'),
            Row('logreplay, CSV', records, 4, 'logreplay', '-f', f'{folder}/flows.csv', '-i', 'b:'),
            Row('unirec2json', records, 1.5, 'unirec2json', '-i', f'{flows},b:'),
            Row('json_dump', records, 1.5, 'json_dump', '-i', f'f:{folder}/json.trapcap', '-w', '/dev/null'),
            Row('json_replay', records, 1.5, 'json_replay', '-i', 'b:', f'{folder}/flows.json')]


def nfdump_rows(folder, records, text):
    file = f'{folder}/flows.nf'
    text = min(records, text)  # nfdump needs minutes for the CSV of 20 million
    return [Row('nfreader', records, 3, 'nfdump_reader', '-i', 'b:', file),
            Row('nfdump to CSV', text, None, 'nfdump', '-q', '-c', str(text), '-r', file, '-o', 'csv'),
            Row('nfdump, reads only', records, None, 'nfdump', '-q', '-r', file, '-o', 'null'),
            Row('nfdump, 3 terms', records, None, 'nfdump', '-q', '-r', file, '-o', 'null', 'dst port 53 and proto udp and bytes > 500'),
            Row('nfdump -A srcip', records, None, 'nfdump', '-q', '-r', file, '-A', 'srcip', '-o', 'null'),
            Row('nfdump -s srcip/bytes -n 10', records, None, 'nfdump', '-q', '-r', file, '-s', 'srcip/bytes', '-n', '10')]


def bz2_rows(folder, records):
    file = f'{folder}/bz2.nf'
    loop = Row('loop of libbz2 alone', records, None, 'unpack_blocks', file)
    return [loop, Row('nfreader, bzip2', records, 3, 'nfdump_reader', '-i', 'b:', file, loop=loop),
            Row('nfdump, reads only, bzip2', records, None, 'nfdump', '-q', '-r', file, '-o', 'null', loop=loop)]


def show(title, rows, rounds, words):
    rows = [row for row in rows if row.name.startswith(('loop', 'wc')) or not words or any(word in row.name for word in words)]
    missing = sorted({row.command[0] for row in rows if program(row.command[0]) is None})
    rows = [row for row in rows if row.command[0] not in missing]
    if all(row.loop is None and row.name.startswith(('loop', 'wc')) for row in rows):
        return
    print(f'{title}\n   {"":34}{"M/CPU s":>9}{"least":>8}{"M/s wall":>9}{"loop":>8}{"RSS MiB":>9}', flush=True)
    for _ in range(rounds):
        for row in rows:
            row.measure()
    for row in rows:
        print(row.text())
    for name in missing:
        print(f'   there is no program {name}')
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--rounds', type=int, default=3, metavar='N', help='runs of every program (3)')
    parser.add_argument('--records', type=int, default=20000000, metavar='N', help='flow records (20000000)')
    parser.add_argument('--keys', type=int, default=10000000, metavar='N', help='records with keys of their own (10000000)')
    parser.add_argument('--text', type=int, default=2000000, metavar='N', help='records of CSV and JSON (2000000)')
    parser.add_argument('names', nargs='*', metavar='NAME', help='only rows whose name has this word')
    arguments = parser.parse_args()
    print(f'load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n')
    with tempfile.TemporaryDirectory(prefix='nemea-bench-') as folder:
        for name, text in (('networks.json', NETWORK), ('bloom.json', FILTER_OF_NETWORK), ('networks.txt', '0.0.0.0/0\n::/0\n'), ('lan.txt', '10.0.0.0/8\n'), ('biflow.xml', BIFLOW),
                           ('links.cfg', LINKS), ('rules.csv', RULES), ('empty.lua', 'function on_record_recv() end\n')):
            with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
                file.write(text)
        flows = f'{folder}/flows.trapcap'
        run('make_flows', '-r', str(arguments.records), '-i', f'f:{flows}:w')
        run('prefix_tags', '-c', f'{folder}/networks.json', '-i', f'f:{flows},f:{folder}/tagged.trapcap:w')
        show(f'{arguments.records} flow records', flow_rows(flows, arguments.records, folder), arguments.rounds, arguments.names)
        if program('nfdump') and program('nfwriter'):
            run('nfwriter', '-f', f'{folder}/flows.nf', '-i', f'f:{flows}')
            show('the same flows in a file of nfdump', nfdump_rows(folder, arguments.records, arguments.text), arguments.rounds, arguments.names)
            os.unlink(f'{folder}/flows.nf')
        os.unlink(flows)
        os.unlink(f'{folder}/tagged.trapcap')
        run('make_flows', '-r', str(arguments.keys), '-k', str(arguments.keys), '-i', f'f:{flows}:w')
        show(f'{arguments.keys} flow records, each with other addresses', state_rows(flows, arguments.keys, folder), arguments.rounds,
             arguments.names)
        os.unlink(flows)
        run('make_flows', '-r', str(arguments.text), '-i', f'f:{folder}/text.trapcap:w')
        if program('nfwriter') and program('unpack_blocks'):
            packed = min(arguments.text, MOST_BZ2)
            run('make_flows', '-r', str(packed), '-i', f'f:{flows}:w')
            run('nfwriter', '-b', '-f', f'{folder}/bz2.nf', '-i', f'f:{flows}')
            show(f'{packed} flow records in a file of nfdump that bzip2 compressed', bz2_rows(folder, packed), arguments.rounds,
                 arguments.names)
            os.unlink(flows)
        run('logger', '-t', '-i', f'f:{folder}/text.trapcap', '-w', f'{folder}/flows.csv')
        run('unirec2json', '-i', f'f:{folder}/text.trapcap,f:{folder}/json.trapcap:w')
        run('json_dump', '-i', f'f:{folder}/json.trapcap', '-w', f'{folder}/flows.json')
        show(f'{arguments.text} records as text', text_rows(folder, arguments.text), arguments.rounds, arguments.names)


if __name__ == '__main__':
    main()
