#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""pytrap: sending, receiving, dictionaries and columns, beside loops in C and pandas' CSV reader.

usage: run_pytrap.py [--records N] [--rounds N]

Records of 10 fields, one of them a string, go to and come from a file. Figures are of processor time (user and system) of one core, the
median over the rounds; all rows take turns within a round. "NEMEA 2" is what its pytrap took on another machine of two cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')


def restart():
    """The Python that pytrap was built for runs the rest."""
    package = os.path.join(BUILD, 'python', 'pytrap')
    with open(os.path.join(package, 'pytrap', 'python.txt'), encoding='utf-8') as file:
        python = file.read().strip()
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([package, os.path.join(BUILD, 'bench')]), PYTRAP_BENCH='1')
    return subprocess.run([python, *sys.argv], env=env, check=False).returncode


class Bench:
    """The rows: each is a function that returns the number of records it handled, and takes its own processor time."""

    def __init__(self, folder, n):
        import pytrap
        import pytrap_loops
        self.pytrap, self.loops, self.n = pytrap, pytrap_loops, n
        self.fields = pytrap_loops.FIELDS
        self.file = os.path.join(folder, 'flows.trapcap')
        self.csv = os.path.join(folder, 'flows.csv')
        self.sample = None
        self.columns = None

    def output(self):
        ctx = self.pytrap.TrapCtx()
        ctx.init(['bench', '-i', f'f:{self.file}'], 0, 1, service_ifcname='')
        ctx.setDataFmt(0, self.pytrap.FMT_UNIREC, self.fields)
        return ctx

    def input(self):
        ctx = self.pytrap.TrapCtx()
        ctx.init(['bench', '-i', f'f:{self.file}'], 1, 0, service_ifcname='')
        ctx.setRequiredFmt(0, self.pytrap.FMT_UNIREC, self.fields)
        return ctx

    def template(self):
        rec = self.pytrap.UnirecTemplate(self.fields)
        rec.createMessage(64)
        rec.setFromDict({'DST_IP': '192.0.2.1', 'SRC_IP': '2001:db8::7', 'BYTES': 123456, 'TIME_FIRST': '2020-01-01T00:00:00',
                         'TIME_LAST': '2020-01-01T00:00:09', 'PACKETS': 77, 'DST_PORT': 443, 'SRC_PORT': 50123, 'PROTOCOL': 6,
                         'NOTE': 'www.example.com'})
        return rec

    def send(self):
        ctx, rec = self.output(), self.template()
        for i in range(self.n):
            rec.PACKETS = i
            ctx.send(rec.getData())
        ctx.finalize()
        return self.n

    def receive(self):
        ctx, rec, seen = self.input(), self.pytrap.UnirecTemplate(self.fields), 0
        while True:
            data = ctx.recv()
            if len(data) <= 1:
                break
            rec.setData(data)
            seen += rec.DST_PORT == 443
        ctx.finalize()
        return seen

    def records(self):
        seen = 0
        with self.input() as ctx:
            for rec in ctx.records():
                seen += rec.DST_PORT == 443
        return seen

    def bulk(self):
        with self.input() as ctx:
            got = ctx.recvBulk(self.pytrap.UnirecTemplate(self.fields), 1000, -1)
        self.sample = got[0]
        return len(got)

    def dicts(self):
        return len(self.loops.dicts(self.sample, self.n))

    def columnar(self):
        with self.input() as ctx:
            self.columns = ctx.recvColumns()
        return len(self.columns)

    def columns_in_c(self):
        return self.loops.columns(f'f:{self.file}')

    def send_columns(self):
        with self.output() as ctx:
            ctx.sendColumns(self.pytrap.UnirecTemplate(self.fields), self.columns)
        return len(self.columns)

    def frame(self):
        with self.input() as ctx:
            return len(ctx.recvColumns().to_pandas())

    def read_csv(self):
        import pandas
        if not os.path.exists(self.csv):
            before = time.process_time()
            self.columns.to_pandas().to_csv(self.csv, index=False)
            self.lost = time.process_time() - before
        return len(pandas.read_csv(self.csv, parse_dates=['TIME_FIRST', 'TIME_LAST']))


# Name of the function; what it is; NEMEA 2 in millions a second; the row that it is compared with
ROWS = [('send', 'attribute = value, getData, send', 2.4, None),
        ('receive', 'recv, setData, one attribute', 1.9, None),
        ('records', 'for rec in ctx.records(), one attribute', None, None),
        ('bulk', 'recvBulk: dictionaries', 0.76, 'dicts'),
        ('dicts', '   a loop in C that only builds them', None, None),
        ('columnar', 'recvColumns', None, 'columns_in_c'),
        ('columns_in_c', '   a loop in C that only fills them', None, None),
        ('send_columns', 'sendColumns', None, None),
        ('frame', 'recvColumns and to_pandas', None, 'read_csv'),
        ('read_csv', '   pandas.read_csv of the same flows', None, None)]


def measure(bench, rounds):
    """Name -> millions of records a second, of each round."""
    import gc
    found = {name: [] for name, *_ in ROWS}
    for round_ in range(rounds + 1):
        for name, *_ in ROWS:
            try:
                gc.collect()
                gc.disable()
                bench.lost = 0
                before = time.process_time()
                n = getattr(bench, name)()
                taken = time.process_time() - before - bench.lost
            except ModuleNotFoundError as error:
                print(f'{name}: {error}', file=sys.stderr)
                continue
            finally:
                gc.enable()
            if n != bench.n:
                raise SystemExit(f'{name}: {n} records instead of {bench.n}')
            if round_ > 0:  # the first one warms up
                found[name].append(n / taken / 1e6)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--records', type=int, default=200000)
    parser.add_argument('--rounds', type=int, default=7)
    options = parser.parse_args()
    if not os.environ.get('PYTRAP_BENCH'):
        return restart()
    with tempfile.TemporaryDirectory(prefix='pytrap-bench-') as folder:
        found = measure(Bench(folder, options.records), options.rounds)
    medians = {name: statistics.median(values) for name, values in found.items() if values}
    print(f'Python {sys.version.split()[0]}, {options.records} records, {options.rounds} rounds\n')
    print(f'{"":42}{"M/s":>8}{"best":>8}{"NEMEA 2":>9}{"of C, CSV":>11}')
    for name, what, before, other in ROWS:
        if name in medians:
            ratio = f'{medians[name] / medians[other] * 100:.0f} %' if other in medians else ''
            print(f'{what:42}{medians[name]:8.2f}{max(found[name]):8.2f}{before or "":>9}{ratio:>11}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
