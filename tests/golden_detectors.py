#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the recorded cases of detectors: each case is a folder with input.csv, cmd and expected.csv.

usage: golden_detectors.py BIN_DIR [--classic] PROGRAM[/CASE]...

The cases lie in tests/golden/detectors/PROGRAM/; a program without recorded cases has none to pass.
input*.csv is sent by logreplay, the output is printed by logger; rows are compared without regard to their order. Output in JSON is
compared with expected.json, messages and the elements of their lists in any order. Cases named robust_* may have no expected output: the
program must end by itself. A case whose
recorded result is a known weakness of the original has what is right instead in expected_fixed.csv, or in
detectors/PROGRAM/tests/CASE.csv (with --classic, if there is one, in CASE.classic.csv). Files log/DIR/NAME that the program must write are in expected_log_DIR_NAME. With --classic the
programs get that option.
"""

import csv
import glob
import json
import os
import re
import shutil
import sys

from golden import run_all
from programs import Workspace

TESTS = os.path.dirname(os.path.abspath(__file__))
DETECTORS = os.path.join(os.path.dirname(TESTS), 'detectors')
NOT_COPIED = re.compile(r'(input\d*\.csv|expected.*|cmd|note\.txt)$')


def rows(text, ignored):
    """Title and sorted rows without the ignored fields."""
    lines = list(csv.reader(text.splitlines()))
    if len(lines) < 2:  # a title without rows, or nothing: no alerts
        return [], []
    keep = [i for i, name in enumerate(lines[0]) if name.split()[-1] not in ignored]
    return [[line[i] for i in keep] for line in lines[:1]], sorted([line[i] for i in keep] for line in lines[1:])


def messages(text):
    """JSON messages, one a line, in a form that has no order."""
    def unordered(value):
        if isinstance(value, dict):
            return {key: unordered(item) for key, item in sorted(value.items())}
        if isinstance(value, list):
            return sorted((unordered(item) for item in value), key=json.dumps)
        return value
    return sorted(json.dumps(unordered(json.loads(line))) for line in text.splitlines())


def make_classic(w, program):
    """Makes a wrapper that calls the program in BIN_DIR with --classic."""
    os.mkdir(w.file('classic'))
    path = w.file(f'classic/{program}', f'#!/bin/sh\nexec {w.bin_dir}/{program} "$@" --classic\n')
    os.chmod(path, 0o755)
    w.env['PATH'] = w.file('classic') + os.pathsep + w.env['PATH']


def wrong_log(w, case):
    """The difference in the first log file that is not as recorded, or None."""
    for path in glob.glob(os.path.join(case, 'expected_log_*')):
        name = os.path.basename(path)[len('expected_log_'):].replace('BIG_', 'BIG/')
        with open(path, encoding='utf-8') as file:
            expected = file.read()
        if not os.path.exists(w.file(f'log/{name}')):
            return f'log/{name} is missing'
        with open(w.file(f'log/{name}'), encoding='utf-8') as file:
            if file.read() != expected:
                return f'log/{name} is not as recorded'
    return None


def run_case(case, bin_dir, deviation, classic):
    """Returns None, or the differences."""
    with Workspace(bin_dir) as w:
        if classic:
            make_classic(w, case.split(os.sep)[-2])
        for name in os.listdir(case):
            if not NOT_COPIED.match(name):
                shutil.copy(os.path.join(case, name), w.path)
        with open(os.path.join(case, 'note.txt'), encoding='utf-8') as file:
            hidden = re.search(r'fields not to compare[^:]*: (.*)', file.read())
        ignored = {name.split()[0] for name in hidden.group(1).split(',')} if hidden else set()
        if glob.glob(os.path.join(case, 'expected_log_*')):
            os.makedirs(w.file('log/BIG'))
        for path in glob.glob(os.path.join(case, 'input*.csv')):
            target = os.path.basename(path).replace('input', 'in').replace('.csv', '.trapcap')
            w.run('logreplay', '-d', '-f', path, '-i', f'f:{w.file(target)}:w')
        status, _, err = w.run('sh', os.path.join(case, 'cmd'))
        if status < 0 or 125 < status < 193:  # 126, 127: not started; above, from the shell: killed by a signal
            return f'could not run, or was killed: status {status}\n{err}'
        if os.path.exists(os.path.join(case, 'expected.json')):
            got = w.run('json_dump', '-i', f'f:{w.file("out.trapcap")}')[1]
            with open(os.path.join(case, 'expected.json'), encoding='utf-8') as file:
                return None if messages(file.read()) == messages(got) else f'expected expected.json, got\n{got}{err}'
        got = ''
        if os.path.exists(w.file('out.trapcap')) and os.path.getsize(w.file('out.trapcap')) > 0:
            got = w.run('logger', '-t', '-i', f'f:{w.file("out.trapcap")}')[1]
        fixed = [name for name in (deviation, os.path.join(case, 'expected_fixed.csv')) if os.path.exists(name)]
        names = fixed[:1] or glob.glob(os.path.join(case, 'expected*.csv'))
        if not names and os.path.basename(case).startswith('robust_'):
            return None
        for name in names:
            with open(name, encoding='utf-8') as file:
                if rows(file.read(), ignored) == rows(got, ignored):
                    return wrong_log(w, case)
        return f'expected {names[0]}, got\n{got}{err}'


def main(bin_dir, programs):
    classic = '--classic' in programs
    programs = [name for name in programs if name != '--classic']
    cases = [path for program in programs
             for path in sorted(glob.glob(os.path.join(TESTS, 'golden', 'detectors', program if '/' in program else program + '/*')))]

    def run(case):
        program, name = case.split(os.sep)[-2:]
        deviation = os.path.join(DETECTORS, program, 'tests', name)
        in_classic = classic and os.path.exists(deviation + '.classic.csv')
        difference = run_case(case, bin_dir, deviation + ('.classic.csv' if in_classic else '.csv'), classic)
        return None if difference is None else f'{program}/{name}: {difference}'
    return run_all(cases, programs, run)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
