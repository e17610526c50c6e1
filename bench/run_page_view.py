#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The page in Chromium: how long a store of many events takes to show, and what a minute of the live pipeline costs the browser.

usage: run_page_view.py [--events N] [--modules N] [--seconds N]

bench/flows/make_alerts.c puts --events events (100000) into alert_store. Then Chromium opens the page: from the click to the first rows of the list of
alerts, of 20 times "Next", and of the list sorted by a column (every event is looked at); with the CPU time that the store, the
page and the browser took, for machines that others use, and the memory before (about:blank) and after. After that a supervisor runs
--modules modules (40, between which flow records are repeated), and the view of the pipeline is open for --seconds seconds (60): CPU time of all of
Chromium's processes and of nemea_page.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get('NEMEA_BUILD', 'build'))
sys.path[:0] = [os.path.join(ROOT, 'tests')]
import browser  # noqa: E402  pylint: disable=wrong-import-position
from programs import Workspace  # noqa: E402  pylint: disable=wrong-import-position
from supervised import DOCUMENT, interface, module  # noqa: E402  pylint: disable=wrong-import-position

ALERTS = 'miner_detector' # as make_alerts.c makes them
TICKS = os.sysconf('SC_CLK_TCK')


def processes(pid):
    """A process and all that it has started."""
    children = subprocess.run(['pgrep', '-P', str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [pid] + [below for child in children for below in processes(int(child))]


def cpu(pid):
    """CPU seconds of a process, those below it included."""
    total = 0
    for one in processes(pid):
        try:
            with open(f'/proc/{one}/stat', encoding='ascii') as file:
                fields = file.read().rpartition(')')[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident(pid):
    """MB, what is shared counted in part."""
    total = 0
    for one in processes(pid):
        try:
            with open(f'/proc/{one}/smaps_rollup', encoding='ascii') as file:
                total += int(re.search(r'Pss:\s+(\d+)', file.read())[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1024


class Measurement:
    def __init__(self, w, arguments):
        self.w, self.arguments, self.notes = w, arguments, []

    def program(self, name):
        return os.path.join(BUILD, 'bin', name)

    def store(self):
        self.pids = [self.w.start(self.program('alert_store'), '-d', 'events.db', '-i', f'u:{ALERTS}:resume=store', '--max-age', '36500').pid]
        sender = self.w.start(os.path.join(BUILD, 'bench', 'flows', 'make_alerts'), '-r', str(self.arguments.events), '-i', f'u:{ALERTS}:min_clients=1')
        while self.stored() < self.arguments.events:
            if sender.poll() not in (None, 0):
                sys.exit(f'make_alerts: {sender.stderr.read()}')
            time.sleep(0.1)

    def stored(self):
        with self.w.connect(self.w.file('trap-alert_store.sock')) as s:
            s.sendall(b'{"op":"stats"}\n')
            s.shutdown(socket.SHUT_WR)
            with s.makefile('r') as answer:
                return json.loads(answer.readline())['events'] or 0

    def deployment(self):
        os.mkdir(self.w.file('modules'))
        os.mkdir(self.w.file('logs'))
        self.w.file('t.xml', DOCUMENT.format(self.w.path))
        n = self.arguments.modules
        text = module('repeater', self.program('traffic_repeater'), '', interface('IN', 'flows') + interface('OUT', 'm0'))
        for i in range(1, n // 2):
            text += module(f'repeater{i}', self.program('traffic_repeater'), '', interface('IN', f'm{(i - 1) // 3}') + interface('OUT', f'm{i}'))
        for i in range(n - n // 2):
            text += module(f'counter{i}', self.program('flowcounter'), '', interface('IN', f'm{i % (n // 2)}'))
        self.w.file('modules/all.sup', text)
        self.w.start(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.w.file('s.sock'), '--state-dir', self.w.file('state'))
        self.w.connect(self.w.file('s.sock')).close()

    def used(self):
        return sum(map(cpu, self.pids))

    def row(self, b, what, action, condition, times=1):
        """Does something so many times, each time until it is shown."""
        begin, used = time.monotonic(), self.used()
        for i in range(times):
            b.eval(action)
            b.wait(condition.format(i + 1))
        print(f'| {what} | {(time.monotonic() - begin) * 1000:.0f} | {(self.used() - used) * 1000:.0f} |', flush=True)

    def memory(self, b, what, page=None):
        b.call('HeapProfiler.collectGarbage')
        metrics = {m['name']: m['value'] for m in b.call('Performance.getMetrics')['metrics']}
        text = f'memory, {what}: JavaScript {metrics["JSHeapUsedSize"] / 1e6:.1f} MB, {metrics["Nodes"]:.0f} nodes, Chromium {resident(b.process.pid):.0f} MB'
        self.notes.append(text + (f', nemea_page {resident(page.pid):.1f} MB' if page else ''))

    def alerts(self, b, page):
        rows = 'document.querySelectorAll("#alerts tbody tr").length'
        print('| what | ms | CPU ms |\n|---|---|---|')
        self.row(b, f'the list of {self.arguments.events} events', 'location.hash = "#/alerts"', rows + ' === 50')
        self.memory(b, 'the first page', page)
        self.row(b, '20 times "Next"', 'document.getElementById("next").click()',
                 f'document.getElementById("summary").textContent.startsWith(`${{{{50 * {{}} + 1}}}} to`) && {rows} === 50', 20)
        self.memory(b, 'after 20 times "Next"', page)
        print('| sorted by | ms | CPU ms |\n|---|---|---|')
        for column, name in ((3, 'target'), (5, 'confidence')):
            mark = f'document.querySelectorAll("#alerts th")[{column}].getAttribute("aria-sort") === "descending"'
            self.row(b, name, f'document.querySelectorAll("#alerts th button")[{column}].click()', mark)
        print('', *self.notes, '', sep='\n')

    def pipeline(self, b, page):
        b.eval('location.hash = "#/pipeline"')
        b.wait(f'document.querySelectorAll(".node").length === {self.arguments.modules}')
        before = cpu(b.process.pid), cpu(page.pid)
        time.sleep(self.arguments.seconds)
        after = cpu(b.process.pid), cpu(page.pid)
        used = [100 * (y - x) / self.arguments.seconds for x, y in zip(before, after)]
        print(f'{self.arguments.modules} modules for {self.arguments.seconds} s, shown each second: Chromium {used[0]:.1f} % of a CPU, nemea_page {used[1]:.2f} %')

    def run(self):
        self.store()
        self.deployment()
        page = self.w.start(self.program('nemea_page'), '--listen', '127.0.0.1:0', '--token', 'token', '--supervisor', self.w.file('s.sock'), '--archive', self.w.file('none'))
        b = browser.Browser(browser.find(), self.w.file('chromium'))
        self.pids += [page.pid, b.process.pid]
        try:
            b.call('Performance.enable')
            b.size(1280, 860)
            self.memory(b, 'about:blank')
            b.go(page.stdout.readline().strip())
            b.wait('document.getElementById("connection").textContent === "live"')
            self.alerts(b, page)
            self.pipeline(b, page)
        finally:
            b.close()
            self.w.run(self.program('supcli'), '-s', self.w.file('s.sock'), 'stop', '*')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--events', type=int, default=100000)
    parser.add_argument('--modules', type=int, default=40)
    parser.add_argument('--seconds', type=int, default=60)
    arguments = parser.parse_args()
    if browser.find() is None:
        sys.exit('run_page_view.py: there is no Chromium here')
    with Workspace(os.path.join(BUILD, 'bin')) as w:
        Measurement(w, arguments).run()


if __name__ == '__main__':
    main()
