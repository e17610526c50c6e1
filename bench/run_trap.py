#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TRAP interfaces beside a bare shared-memory ring, raw sockets and ZeroMQ.

usage: run_trap.py [--rounds N] [--seconds S] [--sizes 100,...] [--readers 1,2,4]

One process sends, 1, 2 or 4 processes read every message and look at it. All ways of a table take turns within a
round; a figure is the median over the rounds, in million messages a second. Ratios are within the table.
"""

import argparse
import os
import statistics
import subprocess
import sys

PROGRAM = os.path.join(os.environ.get('NEMEA_BUILD', ''), 'bench', 'trap_bench')

# way, what it is, the way it is compared with
LOCAL = [('ring', 'bare shared-memory ring', 'ring'),
         ('raw_unix', 'raw UNIX stream, 64 KiB writes', 'ring'),
         ('trap_u', 'u: buffered, batches', 'ring'),
         ('trap_u_one', 'u: buffered, one by one', 'ring'),
         ('trap_u_stream', 'u: buffered, to a reader without shared memory', 'ring'),
         ('trap_u_nobuf', 'u: buffer=off', 'ring'),
         ('zmq_ipc', 'ZeroMQ PUB/SUB, ipc', 'ring')]
TCP = [('raw_tcp', 'raw TCP stream, 64 KiB writes', 'raw_tcp'),
       ('trap_t', 't: buffered', 'raw_tcp'),
       ('trap_t_nobuf', 't: buffer=off', 'raw_tcp'),
       ('zmq_tcp', 'ZeroMQ PUB/SUB, tcp', 'raw_tcp')]


def measure(way, size, readers, messages):
    """Million messages a second, or None when this way was not built."""
    done = subprocess.run([PROGRAM, way, str(size), str(readers), str(messages)], capture_output=True, text=True,
                          check=False, timeout=300)
    if done.returncode == 2:
        return None
    if done.returncode != 0:
        sys.exit(f'{way}: {done.stderr}')
    return float(done.stdout.split()[0])


def table(ways, size, readers, options):
    counts = {}
    for way, _, _ in ways:
        first = measure(way, size, readers[0], 200000)
        if first is not None:
            counts[way] = max(200000, int(first * 1e6 * options.seconds))
    figures = {(way, r): [] for way in counts for r in readers}
    for _ in range(options.rounds):
        for r in readers:
            for way, count in counts.items():
                figures[way, r].append(measure(way, size, r, count // (1 if r == 1 else r // 2 + 1)))
    median = {key: statistics.median(values) for key, values in figures.items()}
    print(f'{size}-byte messages, million a second (ratio to the first row)')
    print(f'   {"readers":48}' + ''.join(f'{r:>16}' for r in readers))
    for way, text, base in ways:
        if way in counts:
            cells = ''.join(f'{median[way, r]:9.2f} ({median[way, r] / median[base, r]:4.2f})' for r in readers)
            print(f'   {text:48}{cells}')
    print(flush=True)


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


if __name__ == '__main__':
    main()
