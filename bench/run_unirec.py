#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Record access, copies, text and tables beside a packed C struct, memcpy and snprintf.

usage: run_unirec.py [--rounds N]

bench/unirec/unirec_bench.c does the work; all rows take turns within a round. A figure is the median over the rounds
in nanoseconds an operation, the best beside it; a ratio is to the named row of the same table. "NEMEA 2" is what the
library of NEMEA 2 took on another machine of two cores, to be read as a size.
"""

import argparse
import os
import statistics
import subprocess
import sys

PROGRAM = os.path.join(os.environ.get('NEMEA_BUILD', ''), 'bench', 'unirec_bench')

# title, rows of (key, what it is, the key that it is compared with, ns of NEMEA 2)
TABLES = [
    ('one fixed-length field, 64 records in turns; 14 fields of one record', [
        ('struct_get', 'read a member of a packed struct', None, None),
        ('ur_get', 'ur_get', 'struct_get', 0.56),
        ('struct_set', 'write a member', None, None),
        ('ur_set', 'ur_set', 'struct_set', 0.29),
        ('struct_get_14', 'read 14 members', None, None),
        ('ur_get_14', '14 ur_get', 'struct_get_14', None),
        ('struct_set_14', 'write 14 members', None, 1.4),
        ('ur_set_14', '14 ur_set', 'struct_set_14', 4.3)]),
    ('a record of 15 fixed and 6 variable-length fields, 675 bytes', [
        ('memcpy', 'memcpy of the record', None, None),
        ('copy_same_template', 'ur_copy_fields, the same template', 'memcpy', 25),
        ('copy_equal_fields', 'ur_copy_fields, another template of the same fields', 'memcpy', 105),
        ('copy_other_fields', 'ur_copy_fields to a template with one field more', 'memcpy', 203),
        ('set_var_equal', 'ur_set_var, the length stays', 'memcpy', 7.7),
        ('memmove', 'memmove of 520 bytes by a few', 'memcpy', None),
        ('set_var_changed', 'ur_set_var, the length changes, 520 bytes after', 'memmove', 27),
        ('clear_and_set_6', 'ur_clear_varlen and 6 ur_set_var', 'memcpy', 129),
        ('check_flow', 'ur_rec_check (on each receive), 14 fixed fields', 'memcpy', None),
        ('check_full', 'ur_rec_check, with the 6 variable-length ones', 'memcpy', None)]),
    ('a flow of 14 fields as a line of text', [
        ('snprintf_line', 'snprintf, strftime and inet_ntop', None, None),
        ('csv_line', 'urcsv_line', 'snprintf_line', None),
        ('csv_record', 'urcsv_record and free', 'snprintf_line', 1106),
        ('csv_parse', 'urcsv_parse', 'snprintf_line', None)]),
    ('fields found at run time', [
        ('define_1000', '1000 fields defined and put into a template', None, 5400000)]),
    ('196608 keys of 16 bytes in tables for 262144', [
        ('fht_insert', 'fast_hash_table, insert', None, 164),
        ('table_insert', 'nc_table, insert', 'fht_insert', None),
        ('fht_search', 'fast_hash_table, search', None, 80),
        ('table_search', 'nc_table, search', 'fht_search', None)]),
]


def measure():
    """Key -> figure of one run of the program."""
    done = subprocess.run([PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        sys.exit(f'{PROGRAM}: status {done.returncode}: {done.stderr}')
    return {key: float(value) for key, value in (line.split() for line in done.stdout.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--rounds', type=int, default=7, metavar='N', help='runs of every measurement (7)')
    runs = [measure() for _ in range(max(1, parser.parse_args().rounds))]
    median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    best = {key: min(run[key] for run in runs) for key in runs[0]}
    for title, rows in TABLES:
        print(f'{title}\n   {"":54}{"ns":>11}{"ratio":>7}{"best":>11}{"NEMEA 2":>11}')
        for key, what, base, before in rows:
            ratio = f'{median[key] / median[base]:7.2f}' if base else ' ' * 7
            old = f'{before:11.1f}' if before else ''
            print(f'   {what:54}{median[key]:11.2f}{ratio}{best[key]:11.2f}{old}'.rstrip())
        print()
    print(f'lost of the {3 * 262144 // 4} keys: fast_hash_table {median["fht_lost"]:.0f} (rows of four), '
          f'nc_table {median["table_lost"]:.0f}')


if __name__ == '__main__':
    main()
