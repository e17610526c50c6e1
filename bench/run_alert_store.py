#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""alert_store: events a second while the database grows, and how long a client waits for the events of a host and a day.

usage: run_alert_store.py [--events N] [--days N] [--hosts N] [--queries N] [--folder DIR]

bench/flows/make_alerts.c sends --events alerts (10 million), each of which is an event of its own, as fast as alert_store takes them; one of a
hundred is of the same host, the others are of --hosts (100000); they are spread over --days days (10). Every commit is synchronized
to the disk (synchronous=FULL). The database needs about 300 bytes an event below --folder (/var/tmp), and is deleted at the end.

The first table has the rate between the points where so many events were stored. Then a client asks for --queries (50) hosts and one day each,
from the file out of the page cache and once more. Exits non-zero when an event is missing.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
FIRST_DAY = 1600041600  # of make_alerts.c
DAY = 86400
POLL = 0.05     # seconds
NAME = 'miner_detector'
LEAST, MOST_MS = 20000, 50  # asked for: events a second, milliseconds of a query
SHOWN = 10      # rows of the first table


class Client:
    """A connection to the store's socket."""

    def __init__(self, path, process):
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit('run_alert_store.py: alert_store has ended')
                time.sleep(POLL)
        self.answers = self.socket.makefile('r')

    def ask(self, **request):
        """Returns the lines of the answer and the milliseconds that it took."""
        began = time.monotonic()
        self.socket.sendall(json.dumps(request).encode() + b'\n')
        lines = []
        while not lines or not {'ok', 'error'} & set(lines[-1]):
            lines.append(json.loads(self.answers.readline()))
        if 'error' in lines[-1]:
            sys.exit(f'run_alert_store.py: {request}: {lines[-1]["error"]}')
        return lines, (time.monotonic() - began) * 1000


def store(folder):
    with open(os.path.join(folder, 'log'), 'ab') as log:
        return subprocess.Popen([os.path.join(BUILD, 'bin', 'alert_store'), '-v', '-d', os.path.join(folder, 'events.db'),  # pylint: disable=consider-using-with
                                 '-i', f'u:{NAME}:resume=store'], stderr=log)


def end(process, folder):
    process.send_signal(signal.SIGTERM)
    process.wait()
    with open(os.path.join(folder, 'log'), encoding='utf-8') as file:
        text = file.read()
    if process.returncode != 0:
        sys.exit(f'run_alert_store.py: alert_store: status {process.returncode}: {text}')
    return text


def peak(pid):
    """The largest memory of a process so far, in MB."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return int(re.search(r'VmHWM:\s+(\d+)', file.read()).group(1)) / 1024


def grow(folder, args):
    process = store(folder)
    client = Client(os.path.join(folder, 'trap-alert_store.sock'), process)
    sender = subprocess.Popen([os.path.join(BUILD, 'bench', 'flows', 'make_alerts'), '-r', str(args.events), '--days', str(args.days),  # pylint: disable=consider-using-with
                               '--hosts', str(args.hosts), '-i', f'u:{NAME}:min_clients=1'], stderr=subprocess.DEVNULL)
    print(f'{"events":>12}{"events/s":>12}{"MB":>8}')
    before, stored, step = (time.monotonic(), 0), 0, max(1, args.events // SHOWN)
    began = before[0]
    while stored < args.events:
        time.sleep(POLL)
        answer = client.ask(op='stats')[0][0]
        stored, now = answer['events'], time.monotonic()
        if stored >= before[1] + step or stored == args.events:
            print(f'{stored:12}{(stored - before[1]) / (now - before[0]):12.0f}{answer["bytes"] / 1e6:8.0f}', flush=True)
            before = now, stored
        elif process.poll() is not None or sender.poll() not in (None, 0):
            sys.exit('run_alert_store.py: alert_store or make_alerts has ended')
    rate = args.events / (time.monotonic() - began)
    memory = peak(process.pid)
    sender.wait()
    slowest = re.findall(r'slowest acknowledgement ms (\d+)', end(process, folder))[-1]
    print(f'all: {rate:.0f} events/s ({LEAST} are asked for); memory at most {memory:.0f} MB; slowest acknowledgement after {slowest} ms')


def forget(path):
    """Takes a file out of the page cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def queries(folder, args):
    chance = random.Random(1)
    forget(os.path.join(folder, 'events.db'))
    began = time.monotonic()
    process = store(folder)
    client = Client(os.path.join(folder, 'trap-alert_store.sock'), process)
    client.ask(op='stats')
    print(f'start with this database: {time.monotonic() - began:.2f} s')
    print(f'{"":50}{"median ms":>12}{"highest ms":>12}{"events":>10}')
    others = [10 << 24 | chance.randrange(1, args.hosts) for _ in range(args.queries)]
    for name, hosts in (('a host', others), ('the host of 1 % of the events', [10 << 24] * args.days)):
        asked = [(str_ip(host), i % args.days if len(set(hosts)) == 1 else chance.randrange(args.days)) for i, host in enumerate(hosts)]
        forget(os.path.join(folder, 'events.db'))
        for when in ('file not in memory', 'again'):
            took, found = [], 0
            for host, day in asked:
                lines, ms = client.ask(op='list', host=host, since=FIRST_DAY + day * DAY, until=FIRST_DAY + (day + 1) * DAY - 1)
                took.append(ms)
                found += len(lines) - 1
            print(f'{name + ", " + when:50}{statistics.median(took):12.1f}{max(took):12.1f}{found / len(asked):10.1f}')
    print(f'({MOST_MS} ms are asked for)')
    end(process, folder)


def str_ip(number):
    return socket.inet_ntoa(number.to_bytes(4, 'big'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--events', type=int, default=10000000)
    parser.add_argument('--days', type=int, default=10)
    parser.add_argument('--hosts', type=int, default=100000)
    parser.add_argument('--queries', type=int, default=50)
    parser.add_argument('--folder', default='/var/tmp')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='alert-store-bench-', dir=args.folder) as folder:
        os.environ.update(TRAP_SOCKET_DIR=folder, NEMEA_RECORDING='1')
        grow(folder, args)
        queries(folder, args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
