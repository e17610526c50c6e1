#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A supervisor with many modules: how long until all are ready, and what that costs.

usage: run_supervisor.py [--modules N] [--rounds N] [--seconds N] [--build DIR]... [-- OPTION...]

Of --modules modules (500) of `traffic_repeater` each reads what another one sends, four from each. From the start of `supervisor` to the last "Connected to module" in its
log of events, and the CPU time, user and system, of the modules and of the supervisor until then, for machines that others use. The modules take turns with
everything else on two cores, so the CPU time of all, divided by two, is the least that the clock can show. Then, for --seconds seconds (10), what the running supervisor takes
of a core. With several builds they are measured in turns, --rounds times (3), and the best round of each counts. OPTION is passed on to supervisor: --sandbox=off.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, 'tests')]
from programs import Workspace  # noqa: E402  pylint: disable=wrong-import-position
from supervised import DOCUMENT, interface, module  # noqa: E402  pylint: disable=wrong-import-position

def precise(pid):
    """Seconds that a process ran, user and system, by the scheduler, whose clock is finer than the ticks of /proc/PID/stat."""
    with open(f'/proc/{pid}/schedstat', encoding='ascii') as file:
        return int(file.read().split()[0]) / 1e9


def count(path):
    with contextlib.suppress(FileNotFoundError):
        with open(path, 'rb') as file:
            return file.read().count(b'Connected to module')
    return 0


def measure(build, n, options, seconds):
    """(wall until all are ready, CPU seconds of the modules and of the supervisor until then, share of a core afterwards)"""
    with Workspace(os.path.join(build, 'bin')) as w:
        os.mkdir(w.file('modules'))
        os.mkdir(w.file('logs'))
        w.file('t.xml', DOCUMENT.format(w.path))
        repeater = os.path.join(build, 'bin', 'traffic_repeater')
        w.file('modules/all.sup', ''.join(module(f'm{i}', repeater, '', interface('IN', f'f{i // 4}' if i >= 4 else 'flows') + interface('OUT', f'f{i + 1}')) for i in range(n)))
        began = time.monotonic()
        s = w.start(os.path.join(build, 'bin', 'supervisor'), '-T', w.file('t.xml'), '-L', w.file('logs'), '-s', w.file('s.sock'), '--state-dir', w.file('state'), *options)
        while count(w.file('logs/modules_events')) < n:
            if s.poll() is not None or time.monotonic() - began > 120:
                sys.exit(f'supervisor: {s.stderr.read() if s.poll() is not None else "the modules are not ready after 120 s"}')
            time.sleep(0.02)
        wall, own = time.monotonic() - began, precise(s.pid)
        pids = [entry['pid'] for entry in json.loads(w.read('state/state.json'))['modules'].values()]
        modules = sum(map(precise, pids))
        time.sleep(1)
        before = precise(s.pid)
        time.sleep(seconds)
        share = (precise(s.pid) - before) / seconds
        w.end(s, signal.SIGTERM)
    return wall, modules, own, share


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--modules', type=int, default=500)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('--build', action='append')
    parser.add_argument('options', nargs='*')
    arguments = parser.parse_args()
    builds = [os.path.abspath(build) for build in arguments.build or [os.environ.get('NEMEA_BUILD', 'build')]]
    n, results = arguments.modules, {}
    print(f'load of the machine: {os.getloadavg()[0]:.1f}; {n} modules')
    for _ in range(arguments.rounds):
        for build in builds:
            results.setdefault(build, []).append(measure(build, n, arguments.options, arguments.seconds))
    for build in builds:
        wall, modules, own, share = (min(column) for column in zip(*results[build]))
        print(f'{build}: all ready after {wall:.2f} s; CPU of a module {1000 * modules / n:.2f} ms, of the supervisor {own:.2f} s, '
              f'both on two cores {(modules + own) / 2:.2f} s; afterwards {100 * share:.1f} % of a core')


if __name__ == '__main__':
    main()
