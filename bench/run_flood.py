#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A flood of ten million spoofed sources through every detector: memory is that of one million, and an attack in it is found.

usage: run_flood.py [--records N] [NAME...]

bench/flows/make_traffic.c makes records that have a source of their own each, at 100000 a second of stream time; one of 64 belongs to an
attack (tests/floods.py says what fills the tables of which detector). Each detector reads a tenth of them, then all. "RSS" is the
greatest of each run, never shown below that of the Python that starts the program. Exits non-zero when memory grew by more than 5 %
and 2 MiB, when records are missing or when no alert names the attack. NAME: only detectors whose name has this word.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from run_modules import Row, program, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'tests'))
import floods  # noqa: E402 pylint: disable=wrong-import-position


def measure(flood, folder, records):
    """Row of a run, and what its alerts name."""
    command = flood.command(flood.options(many=True), folder, f'f:{folder}/{flood.kind}-{records}', f'f:{folder}/alerts:w')
    row = Row(flood.detector, records, None, *command)
    row.measure()
    # Line by line: what this process takes once is in the RSS of all programs that it starts afterwards.
    with subprocess.Popen([program('logger'), '-i', f'f:{folder}/alerts'], stdout=subprocess.PIPE, text=True) as logger:
        found = sum(flood.found in line for line in logger.stdout) > 0
    return row, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--records', type=int, default=10000000, metavar='N', help='records, each of another source (10000000)')
    parser.add_argument('names', nargs='*', metavar='NAME', help='only detectors whose name has this word')
    arguments = parser.parse_args()
    few, many = arguments.records // 10, arguments.records
    failed = False
    wanted = [flood for flood in floods.FLOODS if not arguments.names or any(name in flood.detector for name in arguments.names)]
    print(f'{many} sources, and an attack among them\n   {"":34}{"M/CPU s":>9}{"RSS MiB":>9}{"a tenth":>9}  attack')
    with tempfile.TemporaryDirectory(prefix='nemea-bench-') as folder:
        floods.write_lists(folder)
        for kind in sorted({flood.kind for flood in wanted}):
            for records in (few, many):
                run('make_traffic', *floods.traffic(kind, records, f'f:{folder}/{kind}-{records}:w'))
            for flood in [flood for flood in wanted if flood.kind == kind]:
                small, found_small = measure(flood, folder, few)
                large, found_large = measure(flood, folder, many)
                grew = large.rss > 1.05 * small.rss + 2
                failed |= grew or not found_small or not found_large
                print(f'   {flood.detector:34}{large.rate():9.2f}{large.rss:9.0f}{small.rss:9.0f}'
                      f'  {"found" if found_small and found_large else "NOT FOUND"}{", MEMORY GREW" if grew else ""}', flush=True)
            for records in (few, many):
                os.unlink(f'{folder}/{kind}-{records}')
    sys.exit(failed)


if __name__ == '__main__':
    main()
