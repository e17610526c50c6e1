#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""All detectors at once on the streams of one flow_meter, each its own process, on two cores.

usage: run_system.py [--flows N]

A sender for each stream, by the names of the shipped configuration: flow_data_source, dns_data_source, http_data_source, voip_data_source,
smtp_data_source (bench/flows/make_traffic.c, records of both directions as flow_meter sends them). The detectors read the senders' logs
in shared memory; nothing is dropped, since the senders wait for them. Of --flows flows (10 million) 70 % are flows without payload,
20 % DNS, 8 % HTTP, 1 % SIP, 1 % SMTP.

"flows a second" counts all flows of all streams by the time of the clock, from the start of the senders to the end of the last
detector, and, for machines that others use, by the CPU seconds of all processes on two cores. The table says what each
process took. Exits non-zero when a detector missed a record.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

from run_modules import program

ASKED = 0.8  # million flows a second

# stream: kind of make_traffic, share of all flows in %, readers
STREAMS = {
    'flow_data_source': ('flows', 70, [['vportscan_detector'], ['haddrscan_detector'], ['ddos_detector'], ['amplification_detection'],
                                       ['brute_force_detector', '-S', '-R', '-T'], ['hoststatsnemea', '-c', '{}/hoststats.conf'],
                                       ['ipblacklistfilter', '--blacklist', '{}/addresses'], ['miner_detector']]),
    'dns_data_source': ('dns', 20, [['dnsblacklistfilter', '--blacklist', '{}/names'], ['dnstunnel_detection', '-E', '-']]),
    'http_data_source': ('http', 8, [['urlblacklistfilter', '--blacklist', '{}/urls'], ['waintrusion_detector', '-ursrc', 'ipfixprobe']]),
    'voip_data_source': ('sip', 1, [['sip_bf_detector'], ['voip_fraud_detection', '-e', 'disabled']]),
    'smtp_data_source': ('smtp', 1, [['smtp_spam_detector'], ['flowcounter']]),
}


class Process:
    """A process of the system; records: what it said that it received."""

    def __init__(self, name, command, folder, received):
        self.name, self.received = name, received
        self.err = open(f'{folder}/{name}.err', 'w+', encoding='utf-8', errors='replace')  # pylint: disable=consider-using-with
        env = dict(os.environ, TRAP_SOCKET_DIR=folder, NEMEA_RECORDING='1')
        self.popen = subprocess.Popen([program(command[0]), *command[1:]], env=env, stdin=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                                      stdout=subprocess.DEVNULL, stderr=self.err)
        self.cpu = self.rss = 0

    def end(self):
        _, status, usage = os.wait4(self.popen.pid, 0)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        self.cpu, self.rss = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        self.err.seek(0)
        text = self.err.read()
        self.err.close()
        if self.popen.returncode != 0:
            sys.exit(f'{self.name}: status {self.popen.returncode}: {text}')
        if self.received is not None:
            records, missed = re.search(r'records (\d+), missed (\d+)', text).groups()
            if (int(records), int(missed)) != (self.received, 0):
                sys.exit(f'{self.name}: {records} records, {missed} missed, expected {self.received}')


def start(folder, flows):
    """Readers first; each sender waits for all of its own. Gives the processes, time of start and number of flows."""
    processes, senders, total = [], [], 0
    for stream, (kind, share, readers) in STREAMS.items():
        n = flows * share // 100
        readers = [reader for reader in readers if program(reader[0])]
        for reader in readers:
            outputs = '' if reader[0] == 'flowcounter' else f',f:{folder}/{reader[0]}.alerts:w'
            command = [word.replace('{}', folder) for word in reader]
            processes.append(Process(reader[0], [*command, '-v', '-i', f'u:{stream}{outputs}'], folder, n))
        senders.append((stream, ['make_traffic', '-k', kind, '--biflow', '--attacks', '-s', '100000', '-r', str(n), '-i',
                                 f'u:{stream}:min_clients={len(readers)}']))
        total += n
    began = time.monotonic()
    processes += [Process(f'sender of {stream}', command, folder, None) for stream, command in senders]
    return processes, began, total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--flows', type=int, default=10000000, metavar='N', help='flows of all streams (10000000)')
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    print(f'load of the machine: {os.getloadavg()[0]:.1f}; cores {", ".join(map(str, cores))}\n')
    with tempfile.TemporaryDirectory(prefix='nemea-bench-') as folder:
        for name, text in (('hoststats.conf', 'table-size = 131072\nport-flowdir = 1\nrules-generic = 1\nrules-ssh = 1\nrules-dns = 1\n'), ('addresses', '203.0.113.6\n'),
                           ('names', 'bad.example\n'), ('urls', 'bad.example/listed\n')):
            with open(f'{folder}/{name}', 'w', encoding='ascii') as file:
                file.write(text)
        processes, began, total = start(folder, arguments.flows)
        for process in processes:
            process.end()
        wall = time.monotonic() - began
    cpu = sum(process.cpu for process in processes)
    print(f'{total} flows, nothing dropped; million flows a second: {total / wall / 1e6:.2f} by the clock, '
          f'{2 * total / cpu / 1e6:.2f} by CPU seconds of two cores (asked: {ASKED})\n')
    print(f'   {"":34}{"share":>8}{"CPU s":>8}{"RSS MiB":>9}')
    for process in sorted(processes, key=lambda process: -process.cpu):
        print(f'   {process.name:34}{100 * process.cpu / cpu:7.1f}%{process.cpu:8.2f}{process.rss:9.0f}')


if __name__ == '__main__':
    main()
