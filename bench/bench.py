#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs one benchmark on an optimised build.

usage: bench.py [NAME [ARG...]]

A benchmark is bench/run_NAME.py: it gets the build directory in the environment variable NEMEA_BUILD, prints a
table that says what was measured, and exits non-zero when it could not measure. Its docstring's first line is the
description shown in the list. Machine, date and command are printed first, so that a table can be kept as it is.
"""

import ast
import datetime
import os
import platform
import subprocess
import sys

BENCH = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(BENCH)
BUILD = os.path.join(ROOT, 'build-bench')


def benchmarks():
    """Name -> description of every benchmark in the tree."""
    found = {}
    for name in sorted(os.listdir(BENCH)):
        if name.startswith('run_') and name.endswith('.py'):
            with open(os.path.join(BENCH, name), encoding='utf-8') as source:
                text = ast.get_docstring(ast.parse(source.read())) or ''
            found[name[len('run_'):-len('.py')]] = text.split('\n', 1)[0]
    return found


def build():
    """An optimised build with the benchmark programs."""
    command = ['meson', 'setup', BUILD, '--buildtype=release', '-Dbench=true', '-Dtests=false']
    if os.path.exists(os.path.join(BUILD, 'meson-private', 'coredata.dat')):  # missing after a first configuration that failed
        command.insert(2, '--reconfigure')
    for step in (command, ['ninja', '-C', BUILD]):
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, check=False)
        if done.returncode != 0:
            sys.exit(f'{done.stdout}\nbench.py: the build in {BUILD} failed')


def processor():
    """The processor's own name."""
    with open('/proc/cpuinfo', encoding='utf-8') as lines:
        for line in lines:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def describe(name, arguments):
    """The lines without which a figure means nothing."""
    commit = subprocess.run(['git', 'describe', '--always', '--dirty'], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    print(f'machine  {processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}')
    print(f'date     {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit or "unknown"}')
    print(f'command  ./bootstrap.sh bench {" ".join([name] + arguments)}\n', flush=True)


def main(arguments):
    known = benchmarks()
    if not arguments:
        for name, text in known.items():
            print(f'{name:20} {text}')
        return 0
    name = arguments[0]
    if name not in known:
        print(f'bench.py: no benchmark \'{name}\' (expected {", ".join(known) or "none"})',
              file=sys.stderr)
        return 2
    build()
    describe(name, arguments[1:])
    command = [sys.executable, os.path.join(BENCH, f'run_{name}.py')] + arguments[1:]
    return subprocess.run(command, env=dict(os.environ, NEMEA_BUILD=BUILD), check=False).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
