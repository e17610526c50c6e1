#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs recorded cases of programs: each case is a folder with a script cmd, its inputs, expected.out and expected.rc.

usage: golden.py BIN_DIR CASES_DIR...

A case passes when the standard output of "bash cmd", run in a fresh copy of its folder with BIN_DIR in front of PATH, and
its exit status are the recorded ones.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile


def cases_below(folder):
    return sorted(path for path, _, names in os.walk(folder) if 'cmd' in names)


def run_case(case, bin_dir):
    """Returns None, or the differences."""
    with tempfile.TemporaryDirectory() as work:
        for name in os.listdir(case):
            if name not in ('expected.out', 'expected.rc'):
                shutil.copy(os.path.join(case, name), work)
        env = dict(os.environ, PATH=bin_dir + os.pathsep + os.environ['PATH'], TRAP_SOCKET_DIR=work, LC_ALL='C', TZ='UTC')
        try:
            done = subprocess.run(['bash', 'cmd'], cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=60, check=False)
        except subprocess.TimeoutExpired as late:
            return f'no end after 60 s; stderr: {(late.stderr or b"").decode(errors="replace")}'
    with open(os.path.join(case, 'expected.out'), 'rb') as file:
        expected = file.read()
    with open(os.path.join(case, 'expected.rc'), encoding='ascii') as file:
        status = int(file.read())
    if done.stdout == expected and done.returncode == status:
        return None
    lines = difflib.unified_diff(expected.decode(errors='replace').splitlines(),
                                 done.stdout.decode(errors='replace').splitlines(), 'expected', 'got', lineterm='', n=1)
    return '\n'.join([f'status {done.returncode}, expected {status}', *list(lines)[:20],
                      done.stderr.decode(errors='replace')])


def run_all(cases, wanted, run):
    """Runs each case: run(case) gives None, or how it failed. wanted: what was asked for. Returns the exit status."""
    if not cases:
        print(f'no recorded cases of {" ".join(wanted)}')
        return 1
    failures = [failure for case in cases if (failure := run(case)) is not None]
    for failure in failures:
        print(f'FAILED {failure}')
    print(f'{len(cases) - len(failures)} passed, {len(failures)} failed')
    return 1 if failures else 0


def main(bin_dir, folders):
    def run(case):
        difference = run_case(case, bin_dir)
        return None if difference is None else f'{case}\n{difference}'
    return run_all([case for folder in folders for case in cases_below(folder)], folders, run)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
