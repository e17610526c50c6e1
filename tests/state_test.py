#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Modules that keep what they received: their memory, and what is left of it after a signal.

usage: state_test.py BIN_DIR
"""

import os
import re
import signal
import subprocess
import sys
import unittest

from programs import Workspace

BIN = None
FIELDS = 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,' \
         'uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS\n'
SUMS = '<aggregator><id name="sums"><field><name>SRC_IP</name><type>KEY</type></field>' \
       '<field><name>BYTES</name><type>SUM</type></field></id></aggregator>'
FEW, MANY = 3000, 30000  # distinct flows


def flows(first, last):
    """Flows of 100 bytes with distinct addresses and ports, a millisecond apart."""
    for i in range(first, last):
        time = f'2026-01-01T00:{i // 60000 % 60:02}:{i // 1000 % 60:02}.{i % 1000:03}'
        host = f'{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}'
        yield f'192.{host},10.{host},100,1,{time},{time},1,{i & 65535},{i * 7 & 65535},17,0\n'


class State(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.file('sums.xml', SUMS)
        self.w.file('rules.csv', 'ipaddr SRC_IP\n10.0.0.0/25\n')

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def start(self, name, *command):
        """A module, and what sends it flows: what is written to the standard input of the second."""
        name, file = f'u:{name}', f'f:{name}.out:w'
        module = self.w.start(*[word.replace('INPUT', name).replace('OUTPUT', file) for word in command])
        return module, self.w.start('logreplay', '-n', '-f', '-', '-i', name + ':timeout=WAIT:autoflush=1000', stdin=subprocess.PIPE)

    def send(self, started, rows):
        """Sends all modules of started the same, until they have read it."""
        text = ''.join(rows)
        for name, (_, source) in started.items():
            source.stdin.write(text)
            source.stdin.flush()
            self.w.wait_until_connected(name)  # a module without its sender sleeps, too
        for pair in started.values():  # one after the other: each wakes up once a second, and all of them are never asleep for long
            self.w.wait_until_blocked(*pair)

    def stop(self, started):
        """Name -> standard output, standard error; after SIGTERM for the modules."""
        results = {}
        for name, (module, _) in started.items():
            status, out, err = self.w.end(module, signal.SIGTERM)
            self.assertEqual(status, 0, f'{name}: {err}')
            results[name] = out, err
        for _, source in started.values():
            self.w.end(source, signal.SIGTERM)
        return results

    def rows(self, name):
        """Records that a module sent, as dictionaries."""
        title, *lines = self.ok(self.w.run('logger', '-t', '-i', f'f:{name}.out')).splitlines()
        columns = [column.split()[1] for column in title.split(',')]
        return [dict(zip(columns, line.split(','))) for line in lines]

    def sum(self, name, column):
        return sum(int(row[column]) for row in self.rows(name))

    @staticmethod
    def counter(err, name):
        return int(re.search(f'{name} ([0-9]+)', err).group(1))

    @staticmethod
    def memory(process):
        """Bytes of memory that are a process's own."""
        with open(f'/proc/{process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'RssAnon:\s*([0-9]+) kB', file.read()).group(1)) << 10

    def test_memory_is_bounded(self):
        """Ten times as many keys, which is thirty times as many as there is room for, take no more memory."""
        started = {name: self.start(name, *command) for name, command in {
            'agg': ('agg', '-v', '-t', 'g:3600', '--capacity', '1000', '-k', 'SRC_IP', '-s', 'BYTES', '-i', 'INPUT,OUTPUT'),
            'biflow_aggregator': ('biflow_aggregator', '-v', '-s', '10', '-a', '3600', '-p', '3600', '-c', 'sums.xml', '-n', 'sums',
                                  '-i', 'INPUT,OUTPUT'),
            'deduplicator': ('deduplicator', '-v', '-s', '10', '-i', 'INPUT,OUTPUT'),
            'listdetector': ('listdetector', '-v', '-r', 'rules.csv', '-i', 'INPUT,OUTPUT'),
            'scalar_agg': ('scalar_agg', '-v', '--flush', '--capacity', '1000', '-t', '3600', '-d', '3600', '-r', 'HOSTS:COUNT_UNIQ(SRC_IP)',
                           '-r', 'FLOWS:COUNT(BYTES)', '-i', 'INPUT,OUTPUT'),
            'topn': ('topn', '-v', '-n', '3', '-l', '3600', '-c', '1000', '-i', 'INPUT')}.items() if os.path.exists(os.path.join(BIN, name))}
        self.send(started, [FIELDS, *flows(0, FEW)])
        before = {name: self.memory(module) for name, (module, _) in started.items()}
        self.send(started, flows(FEW, FEW + MANY))
        after = {name: self.memory(module) for name, (module, _) in started.items()}
        results = self.stop(started)
        with open(os.path.join(BIN, 'agg'), 'rb') as program:
            if b'__asan_init' not in program.read():  # which keeps what was freed
                for name in started:
                    self.assertLess(after[name] - before[name], 512 << 10, name)
        # What had no room was sent early, estimated or counted; nothing is missing.
        self.assertEqual(self.sum('agg', 'BYTES'), (FEW + MANY) * 100)
        self.assertEqual(self.counter(results['agg'][1], 'sent early'), FEW + MANY - 1000)
        if 'biflow_aggregator' in started:
            self.assertEqual(self.sum('biflow_aggregator', 'BYTES'), (FEW + MANY) * 100)
            self.assertGreaterEqual(self.counter(results['biflow_aggregator'][1], 'sent early'), FEW + MANY - 2 * 1024)
        self.assertEqual(len(self.rows('deduplicator')), FEW + MANY)
        self.assertGreaterEqual(self.counter(results['deduplicator'][1], 'replacedCount'), FEW + MANY - 2 * 1024)
        self.assertEqual(len(self.rows('listdetector')), FEW + MANY - 128)
        self.assertEqual(self.counter(results['listdetector'][1], 'totalMatchedCount'), 128)
        series = [row for row in self.rows('scalar_agg') if row['FLOWS'] != '0']
        self.assertEqual([row['FLOWS'] for row in series], [str(FEW + MANY)])
        self.assertAlmostEqual(int(series[0]['HOSTS']), FEW + MANY, delta=(FEW + MANY) * 0.1)  # six times the standard error
        self.assertGreaterEqual(self.counter(results['scalar_agg'][1], 'estimated results'), 1)
        self.assertGreaterEqual(self.counter(results['topn'][1], 'addresses evicted'), FEW + MANY - 2000)

    def test_a_signal_loses_nothing_that_was_read(self):
        n = 2000
        started = {name: self.start(name, *command) for name, command in {
            'agg': ('agg', '-t', 'g:3600', '-k', 'DST_PORT', '-s', 'BYTES', '-i', 'INPUT,OUTPUT'),
            'biflow_aggregator': ('biflow_aggregator', '-a', '3600', '-p', '3600', '-c', 'sums.xml', '-n', 'sums', '-i', 'INPUT,OUTPUT'),
            'deduplicator': ('deduplicator', '-i', 'INPUT,OUTPUT'),
            'flowcounter': ('flowcounter', '-i', 'INPUT'),
            'listdetector': ('listdetector', '-r', 'rules.csv', '-lm', 'wl', '-i', 'INPUT,OUTPUT'),
            'logger': ('logger', '-w', 'flows.csv', '-i', 'INPUT'),
            'merger': ('merger', '-i', 'INPUT,OUTPUT'),
            'nfwriter': ('nfwriter', '-f', 'flows.nf', '-i', 'INPUT'),
            'scalar_agg': ('scalar_agg', '--flush', '--exact', '-t', '1', '-r', 'FLOWS:SUM(PACKETS)', '-i', 'INPUT,OUTPUT'),
            'topn': ('topn', '-n', '1', '-l', '3600', '-i', 'INPUT'),
            'unirecfilter': ('unirecfilter', '-F', 'PROTOCOL == 17', '-i', 'INPUT,OUTPUT')}.items() if os.path.exists(os.path.join(BIN, name))}
        self.send(started, [FIELDS, *flows(0, n)])
        out = {name: text[0] for name, text in self.stop(started).items()}
        for name in ('agg', 'biflow_aggregator', 'deduplicator', 'merger', 'unirecfilter'):
            if name in started:
                self.assertEqual(self.sum(name, 'BYTES'), n * 100, name)
        self.assertEqual(len(self.rows('listdetector')), n - 128)
        self.assertIn(f'Flows:   {n:20}\n', out['flowcounter'])
        self.assertEqual([line.split(',')[:3] for line in self.w.read('flows.csv').splitlines()], [row.split(',')[:3] for row in flows(0, n)])
        self.assertEqual(out['nfwriter'], f'nfwriter: {n} flows written to file\n')
        self.assertEqual(self.ok(self.w.run('nfreader', '-i', 'b:', 'flows.nf')), f'{n} flow records sent\n')
        self.assertEqual(round(sum(float(row['FLOWS']) for row in self.rows('scalar_agg'))), n)
        self.assertIn('Top ports based on transferred flows', out['topn'])

    def test_nfwriter_killed(self):
        """Blocks that were written can be read, and the file is said to be incomplete."""
        n = 25000  # more than two blocks
        started = {'nfwriter': self.start('nfwriter', 'nfwriter', '-f', 'flows.nf', '-i', 'INPUT')}
        self.send(started, [FIELDS, *flows(0, n)])
        self.w.end(started['nfwriter'][0], signal.SIGKILL)
        status, out, err = self.w.run('nfreader', '-i', 'f:back.out:w', 'flows.nf')
        self.assertEqual(status, 0, err)
        self.assertIn('flows.nf: the file is incomplete', err)
        read = int(out.split()[0])
        self.assertTrue(20000 < read < n, read)
        self.assertEqual([row['SRC_PORT'] for row in self.rows('back')], [str(i * 7 & 65535) for i in range(read)])
        # It was killed while it wrote.
        content = self.w.read_bytes('flows.nf')
        self.w.file('cut.nf', content[:-1000])
        status, out, err = self.w.run('nfreader', '-i', 'b:', 'cut.nf')
        self.assertEqual(status, 3)
        self.assertIn('cut.nf: byte', err)
        self.assertIn('the file ends in a block', err)
        self.assertTrue(read - 20 < int(out.split()[0]) < read, out)
        # What comes later is not added to it.
        status, _, err = self.w.run('nfwriter', '-a', '-f', 'flows.nf', '-i', 'f:back.out')
        self.assertEqual(status, 1)
        self.assertIn('it is not complete', err)
        self.assertEqual(self.w.read_bytes('flows.nf'), content)


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
