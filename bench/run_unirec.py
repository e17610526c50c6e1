#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UniRec records and the common hash tables beside packed C structs, memcpy and each other.

usage: run_unirec.py [--rounds N]

Nanoseconds an operation, the best of N rounds in one process. The record of the copies has 15 fixed and 6 variable-length
fields (645 bytes); the flow of the text forms has 14 fields.
"""

import argparse
import os
import subprocess

PROGRAM = os.path.join(os.environ.get('NEMEA_BUILD', ''), 'bench', 'unirec', 'unirec_bench')

# what it is, its figure, the figure it is compared with
ROWS = [
    ('packed struct: read one field of a record', 'get one struct', None),
    ('ur_get: the same', 'get one unirec', 'get one struct'),
    ('packed struct: write one field of a record', 'set one struct', None),
    ('ur_set: the same', 'set one unirec', 'set one struct'),
    ('packed struct: read a field, 14 of a record', 'get struct', None),
    ('ur_get: the same', 'get unirec', 'get struct'),
    ('packed struct: write a field, 14 of a record', 'set struct', None),
    ('ur_set: the same', 'set unirec', 'set struct'),
    ('memcpy of a record', 'copy bytes', None),
    ('ur_copy_fields, same template', 'copy same', 'copy bytes'),
    ('ur_copy_fields, another template', 'copy other', 'copy bytes'),
    ('ur_set_var, same length', 'set_var equal', None),
    ('ur_set_var, another length, 500 bytes behind it', 'set_var changed', None),
    ('ur_rec_check, 14 fixed fields', 'check flow', None),
    ('ur_rec_check, 15 fixed and 6 variable-length fields', 'check full', None),
    ('a flow to a line of CSV', 'csv write', None),
    ('a line of CSV to a flow', 'csv read', None),
    ('1000 run-time fields defined and put into a template', 'thousand fields', None),
    ('nc_table, 16-byte keys, insert up to 75 %', 'table insert', None),
    ('nc_table, search', 'table search', None),
    ('fast_hash_table of the old API, insert up to 75 %', 'old insert', None),
    ('fast_hash_table, search', 'old search', None),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=30)
    options = parser.parse_args()
    out = subprocess.run([PROGRAM, str(options.rounds)], check=True, capture_output=True, text=True).stdout
    figures = {name: float(value) for name, value in (line.split('\t') for line in out.splitlines())}
    print(f'{"ns an operation":60}{"":>10}{"ratio":>8}')
    for text, name, base in ROWS:
        ratio = f'{figures[name] / figures[base]:8.2f}' if base else ''
        print(f'   {text:57}{figures[name]:10.2f}{ratio}')
    for text, name in (('nc_table', 'table missing'), ('fast_hash_table', 'old missing')):
        print(f'   {text}: {figures[name]:.0f} of 196608 keys were lost below the capacity')


if __name__ == '__main__':
    main()
