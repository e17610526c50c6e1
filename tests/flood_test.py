#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Floods of spoofed sources through every detector: its tables keep to their capacity, and an attack in the flood is found.

usage: flood_test.py BIN_DIR MAKE_TRAFFIC [DETECTOR...]

./bootstrap.sh bench flood does the same with ten million sources and the usual tables, and compares memory.
"""

import sys

import floods
from programs import Workspace

RECORDS = 200000


def check(workspace, flood):
    """What is wrong, or None."""
    command = flood.command(flood.options(many=False), workspace.path, f'f:{flood.kind}', 'f:alerts:w')
    status, _, err = workspace.run(*command, '-v')
    if status != 0:
        return f'status {status}: {err}'
    if f'records {RECORDS},' not in err:
        return f'not all of {RECORDS} records: {err}'
    for table in flood.full:
        before, found, after = err.partition(f', {table} evicted ')
        if not found or int(after.split(',')[0]) == 0:
            return f'the flood did not fill the table of {table}: {before}{found}{after}'
    _, alerts, _ = workspace.run('logger', '-i', 'f:alerts')
    if flood.found not in alerts:
        return f'no alert names {flood.found}: {alerts[:2000]}'
    return None


def main(bin_dir, make_traffic, *names):
    failed = False
    with Workspace(bin_dir) as workspace:
        floods.write_lists(workspace.path)
        wanted = [flood for flood in floods.FLOODS if not names or flood.detector in names]
        for kind in sorted({flood.kind for flood in wanted}):
            status, _, err = workspace.run(make_traffic, *floods.traffic(kind, RECORDS, f'f:{kind}:w'))
            if status != 0:
                sys.exit(f'make_traffic: {err}')
        for flood in wanted:
            wrong = check(workspace, flood)
            print(f'{flood.detector}: {wrong or "ok"}')
            failed |= wrong is not None
    sys.exit(failed)


if __name__ == '__main__':
    main(*sys.argv[1:])
