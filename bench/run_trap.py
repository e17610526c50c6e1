#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TRAP interfaces beside a bare shared-memory ring, raw sockets, ZeroMQ and nng; latency, a stopped reader, idleness.

usage: run_trap.py [--rounds N] [--seconds S] [--sizes 100,...] [--readers 1,2,4]

One process sends, 1, 2 or 4 processes read every message and look at it. All ways of a table take turns within a
round; a figure is the median over the rounds, in million messages a second. Ratios are within the table.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.join(os.environ.get('NEMEA_BUILD', ''), 'bench')

# way, what it is, the way it is compared with
LOCAL = [('ring', 'bare shared-memory ring', 'ring'),
         ('raw_unix', 'raw UNIX stream, 64 KiB writes', 'ring'),
         ('trap_u', 'u: buffered, batches', 'ring'),
         ('trap_u_reserve', 'u: buffered, batches, written in place', 'ring'),
         ('trap_u_one', 'u: buffered, one by one', 'ring'),
         ('trap_u_stream', 'u: buffered, to a reader without shared memory', 'ring'),
         ('trap_u_nobuf', 'u: buffer=off', 'ring'),
         ('zmq_ipc', 'ZeroMQ PUB/SUB, ipc', 'ring'),
         ('nng_ipc', 'nng PUSH/PULL, ipc', 'ring')]
TCP = [('raw_tcp', 'raw TCP stream, 64 KiB writes', 'raw_tcp'),
       ('trap_t', 't: buffered', 'raw_tcp'),
       ('trap_t_nobuf', 't: buffer=off', 'raw_tcp'),
       ('zmq_tcp', 'ZeroMQ PUB/SUB, tcp', 'raw_tcp'),
       ('nng_tcp', 'nng PUSH/PULL, tcp', 'raw_tcp')]
LATENCY = [('pipe', 0, 'two pipes, at once'), ('spin_ring', 0, 'a word in shared memory that both watch, at once'),
           ('trap_spin', 0, 'u: buffer=off, readers ask without waiting, at once'),
           ('trap_wait', 0, 'u: buffer=off, readers wait, at once'), ('pipe', 300, 'two pipes, after 300 us of silence'),
           ('trap_spin', 300, 'u: buffer=off, readers ask without waiting, after 300 us of silence'),
           ('trap_wait', 300, 'u: buffer=off, readers wait, after 300 us of silence')]


def bench_program(name, *arguments):
    """What a program of the benchmark printed, or None when it does not know that way."""
    done = subprocess.run([os.path.join(BIN, name), *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=300)
    if done.returncode == 2:
        return None
    if done.returncode != 0:
        sys.exit(f'{name} {arguments}: {done.stderr}')
    return done


def measure(way, size, readers, messages):
    """(million messages a second, CPU nanoseconds a message of the sender, of one reader), or None when there is no such way."""
    done = bench_program('trap_bench', way, size, readers, messages)
    if done is None:
        return None
    rate, sender, reader = map(float, done.stdout.split())
    return rate, sender * 1e9 / messages, reader * 1e9 / messages / readers


def table(ways, size, readers, options):
    counts = {}
    for way, _, _ in ways:
        first = measure(way, size, readers[0], 20000)
        if first is not None and first[0] > 0.5:  # most of a short run is starting
            first = measure(way, size, readers[0], 5000000)
        if first is not None:
            counts[way] = max(20000, int(first[0] * 1e6 * options.seconds))
    figures = {(way, r): [] for way in counts for r in readers}
    for _ in range(options.rounds):
        for r in readers:
            for way, count in counts.items():
                figures[way, r].append(measure(way, size, r, count // (1 if r == 1 else r // 2 + 1)))
    median = {key: [statistics.median(v[i] for v in values) for i in range(3)] for key, values in figures.items()}
    print(f'{size}-byte messages, million a second (ratio to the first row); CPU: ns a message of the sender / of each reader, '
          f'with {readers[0]}')
    print(f'   {"readers":48}' + ''.join(f'{r:>16}' for r in readers) + f'{"CPU":>16}')
    for way, text, base in ways:
        if way in counts:
            cells = ''.join(f'{median[way, r][0]:9.2f} ({median[way, r][0] / median[base, r][0]:4.2f})' for r in readers)
            print(f'   {text:48}{cells}{median[way, readers[0]][1]:9.1f} / {median[way, readers[0]][2]:4.1f}')
    print(flush=True)


def latency(options):
    print('latency of a 100-byte message to another process, us (half of a round trip)')
    print(f'   {"":70}{"median":>9}{"99.9 %":>9}')
    for way, pause, text in LATENCY:
        rounds = [list(map(float, bench_program('trap_latency', way, 3000 if pause else 50000, pause).stdout.split()))
                  for _ in range(min(options.rounds, 3))]
        median, tail = (statistics.median(r[i] for r in rounds) for i in range(2))
        print(f'   {text:70}{median:9.2f}{tail:9.2f}')
    print(flush=True)


def stalled():
    print('u:, NO_WAIT, two readers, 2 million messages a second offered; the other reader must miss nothing')
    for way, text in (('trap_u_paced', 'both read'), ('trap_u_stopped', 'the first one is stopped by SIGSTOP meanwhile')):
        done = bench_program('trap_bench', way, 100, 2, 4000000)
        got = sorted(line for line in done.stderr.splitlines() if line.startswith('reader'))
        print(f'   {text:48}{float(done.stdout.split()[0]):9.2f}   ' + '; '.join(got))
    print('   (what is not received is counted as missed, to the message, or the run fails)\n', flush=True)


def status(pid, key, task=None):
    path = f'/proc/{pid}/status' if task is None else f'/proc/{pid}/task/{task}/status'
    with open(path, encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))


def wakeups(pid):
    return sum(status(pid, 'voluntary_ctxt_switches', task) for task in os.listdir(f'/proc/{pid}/task'))


def idle(seconds=5):
    """A sender with nothing to send and four readers that wait for it."""
    with tempfile.TemporaryDirectory(prefix='trap-bench-') as folder:
        env = dict(os.environ, TRAP_SOCKET_DIR=folder)
        start = functools.partial(subprocess.Popen, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        programs = os.path.join(os.path.dirname(BIN), 'bin')
        processes = [start([os.path.join(programs, 'flow_meter'), '-r', '-', '-i', 'u:idle'])]
        processes += [start([os.path.join(programs, 'logger'), '-t', '-i', 'u:idle']) for _ in range(4)]
        time.sleep(2)
        before = [wakeups(p.pid) for p in processes]
        time.sleep(seconds)
        after = [wakeups(p.pid) for p in processes]
        rates = [(b - a) / seconds for a, b in zip(before, after)]
        print(f'idle, a flow_meter whose capture does not go on and four loggers, default buffers:\n'
              f'   wake-ups a second: sender {rates[0]:.1f}, readers {max(rates[1:]):.1f} at most; '
              f'resident: sender {status(processes[0].pid, "VmRSS") / 1024:.1f} MB, '
              f'reader {status(processes[1].pid, "VmRSS") / 1024:.1f} MB\n', flush=True)
        for p in processes:
            p.kill()
            p.wait()


def numbers(text):
    return [int(n) for n in text.split(',')]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=0.7, help='length of a measurement with one reader')
    parser.add_argument('--sizes', type=numbers, default=[100])
    parser.add_argument('--readers', type=numbers, default=[1, 2, 4])
    options = parser.parse_args()
    for size in options.sizes:
        table(LOCAL, size, options.readers, options)
        table(TCP, size, options.readers, options)
    latency(options)
    stalled()
    idle()


if __name__ == '__main__':
    main()
