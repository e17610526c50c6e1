#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The module kit with several inputs, real processes: stream time, merging, names of interfaces, counters for trap_stats.

usage: kit_test.py BIN_DIR KIT_PROGRAMS_DIR
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from programs import Workspace, line_with

BIN = KIT = None


def stamp(second):
    return f'2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000'


def records(seconds):
    return 'time TIME_LAST\n' + ''.join(stamp(s) + '\n' for s in seconds)


class Peer:
    """A sender on a UNIX socket of any format: each connection gets the next of its scripts, the last one stays open."""

    def __init__(self, path, scripts):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen(4)
        self.served = 0
        self.thread = threading.Thread(target=self.serve, args=(scripts,), daemon=True)
        self.thread.start()

    def serve(self, scripts):
        for script in scripts:
            connection = self.listening.accept()[0]
            connection.sendall(script)
            self.served += 1
            connection.recv(1)  # until the reader closes
            connection.close()
        self.listening.close()


def stream(fields, *messages):
    """The hello of a sender of UniRec records, and one block."""
    body = b''.join(struct.pack('>H', len(m)) + m for m in messages)
    return (struct.pack('>BxxxI', 2, len(fields)) + fields.encode() +
            struct.pack('>I', len(body)) + struct.pack('<QH', 0, len(messages)) + body)


class Inputs(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def make(self, name, seconds):
        """A capture with records of these seconds."""
        self.w.file(name + '.csv', records(seconds))
        self.ok(self.w.run('logreplay', '-f', name + '.csv', '-i', 'f:' + name))

    def kit(self, name):
        return os.path.join(KIT, name)

    def start(self, program, *inputs, options=()):
        return self.w.start(self.kit(program), *options, '-i', ','.join(inputs))

    def send(self, name, *options):
        return self.w.start('logreplay', *options, '-f', name + '.csv', '-i', 'u:' + name)

    def test_windows_of_two_files_have_all_their_records(self):
        self.make('a', range(0, 6000))
        self.make('b', range(1, 6000, 7))
        process = self.start('inputs', 'f:a', 'f:b')
        out = self.ok(self.w.end(process)).splitlines()
        self.assertEqual(out[-1], 'after 0')
        self.assertEqual(sum(int(line.split()[-1]) for line in out[:-1]), 6000 + 857)
        self.assertEqual(len(out), 101)
        self.assertEqual(self.ok(self.w.end(self.start('inputs', 'f:b', 'f:a'))).splitlines(), out)  # in any order

    def test_sockets_give_the_same_as_files(self):
        self.w.env['NEMEA_RECORDING'] = '1'
        self.make('a', range(0, 30000, 2))
        self.make('b', range(1, 30000, 3))
        files = self.ok(self.w.end(self.start('inputs', 'f:a', 'f:b')))
        for order in ('ab', 'ba'):
            process = self.start('inputs', 'u:a', 'u:b')
            senders = [self.send(name) for name in order]
            for sender in senders:
                self.ok(self.w.end(sender))
            self.assertEqual(self.ok(self.w.end(process)), files)

    def test_late_records_are_handed_over_and_counted(self):
        self.make('a', [0, 100, 90, 200])
        self.make('b', [0, 100, 94, 200])
        process = self.start('inputs', 'f:a', 'f:b', options=('-v', '--lateness', '5'))
        status, _, err = self.w.end(process)
        self.assertEqual(status, 0)
        self.assertIn('records 8, missed 0, late 1,', err)  # 94; when 90 was read, b had not got there

    def test_merged_records_come_in_the_order_of_their_times(self):
        self.make('a', range(0, 5000, 2))
        self.make('b', range(1, 5000, 2))
        self.make('c', [7, 7, 8, 4999, 6000])
        expected = sorted([(s, 0) for s in range(0, 5000, 2)] + [(s, 1) for s in range(1, 5000, 2)] +
                          [(s, 2) for s in (7, 7, 8, 4999, 6000)])
        base = 1767225600
        want = [f'{base + s} {i}' for s, i in expected]

        def listed(out):
            return [line for line in out.splitlines() if not line.startswith(('minute', 'after'))]

        self.assertEqual(listed(self.ok(self.w.end(self.start('inputs_merged', 'f:a', 'f:b', 'f:c')))), want)
        self.w.env['NEMEA_RECORDING'] = '1'  # sockets are waited for from the start
        process = self.start('inputs_merged', 'u:a', 'u:b', 'u:c')
        for sender in [self.send(name) for name in 'cba']:
            self.ok(self.w.end(sender))
        self.assertEqual(listed(self.ok(self.w.end(process))), want)

    def test_a_silent_input_is_left_out(self):
        self.w.file('a.csv', records([0, 10]))
        self.w.file('b.csv', records([0, 600]))
        process = self.start('inputs', 'u:a', 'u:b')
        self.ok(self.w.end(self.send('a', '-n')))  # no end of stream: it may come back
        self.ok(self.w.end(self.send('b', '-n')))
        self.assertEqual(process.stdout.readline(), 'minute 29453760: 3\n')  # without more of a
        self.w.file('a.csv', records([20]))
        self.w.file('b.csv', records([660]))
        self.ok(self.w.end(self.send('a')))
        self.ok(self.w.end(self.send('b')))
        self.assertIn('after 1', self.ok(self.w.end(process)))

    def test_a_format_that_contradicts_is_refused(self):
        self.make('a', [0, 10])
        time = struct.pack('<Q', 1767225600 << 32)
        # BYTES is a field of this program, of type uint64.
        bad = stream('time TIME_LAST,uint8 BYTES', time + b'\1', time + b'\2')
        good = stream('time TIME_LAST,uint64 BYTES', time + bytes(8), b'\0')
        for program in ('inputs', 'inputs_merged'):
            peer = Peer(os.path.join(self.w.env['TRAP_SOCKET_DIR'], 'trap-peer.sock'), [bad, bad, good])
            process = self.start(program, 'f:a', 'u:peer', options=('-v',))
            status, out, err = self.w.end(process)
            self.assertEqual((status, peer.served), (0, 3), err)
            self.assertEqual(sum(int(line.split()[-1]) for line in out.splitlines() if line.startswith('minute')), 3)
            self.assertEqual(err.count('another type'), 1, err)  # said once
            self.assertRegex(err, 'records 3, missed 0, late [01], bad 4,')
            peer.thread.join()
            os.unlink(os.path.join(self.w.env['TRAP_SOCKET_DIR'], 'trap-peer.sock'))

    def test_wrong_numbers_are_explained_by_names(self):
        status, _, err = self.w.run(self.kit('inputs'), '-i', 'u:a')
        self.assertEqual((status, err), (1, 'inputs: -i has 1 interface, expected 2 or more inputs (first, more (1 or more)) and then '
                                            '0 outputs.\n'))
        status, _, err = self.w.run('syn_counter', '-i', 'u:a')
        self.assertEqual((status, err), (1, 'syn_counter: -i has 1 interface, expected 1 input (flows) and then 1 output (alerts).\n'))

    def test_help_shows_the_interfaces(self):
        out = ' '.join(self.ok(self.w.run(self.kit('inputs'), '-h')).split())
        self.assertIn('Input first: time TIME_LAST Input more (1 or more): time TIME_LAST', out)

    def test_trap_stats_shows_the_counters_of_a_module(self):
        self.w.file('a.csv', 'ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST\n' + ''.join(
            f'10.0.0.{n},2,{stamp(n)},{stamp(n)}\n' for n in range(50)))
        process = self.w.start('syn_counter', '-i', 'u:a,u:alerts')
        self.ok(self.w.end(self.send('a', '-n')))
        self.w.wait_for(lambda: '\trecords: 50\n' in self.w.run('trap_stats', '-1', str(process.pid))[1], 'counters')
        self.assertIn('Counters of module syn_counter:\n', self.w.run('trap_stats', '-1', str(process.pid))[1])
        self.assertIn('\tsources: 50\n', self.w.run('trap_stats', '-1', str(process.pid))[1])
        self.assertEqual(self.w.end(process, signal.SIGTERM)[0], 0)

    def test_telemetry_has_the_counters_while_records_come_and_at_the_end(self):
        self.w.file('a.csv', 'ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST\n' + ''.join(
            f'10.0.0.{n},2,{stamp(n)},{stamp(n)}\n' for n in range(50)))
        process = self.w.start('syn_counter', '-i', 'u:a,b:', '--telemetry', 'numbers')

        def counters():
            path = os.path.join(self.w.path, 'numbers', 'module', 'stats')
            return dict(line.split(': ') for line in self.w.read(path).splitlines()) if os.path.exists(path) else {}

        self.ok(self.w.end(self.send('a', '-n')))
        self.w.wait_for(lambda: counters().get('records') == '50', 'counters')
        self.assertEqual((counters()['sources'], counters()['sources evicted']), ('50', '0'))
        self.ok(self.w.end(self.send('a')))
        self.assertEqual(self.w.end(process)[0], 0)
        self.assertEqual(counters()['records'], '100')
        self.assertEqual(os.listdir(os.path.join(self.w.path, 'numbers', 'module')), ['stats'])

    def test_telemetry_that_cannot_be_written_is_an_error(self):
        self.make('a', range(3))
        for directory, reason in (('/nowhere/t', 'cannot create directory /nowhere/t: No such file or directory'),
                                  ('/proc', 'cannot create directory /proc/module: No such file or directory')):
            self.assertEqual(self.w.end(self.start('inputs', 'f:a', 'f:a', options=('--telemetry', directory)))[::2],
                             (1, f'inputs: option --telemetry: telemetry: {reason}\n'))

    def one(self, second):
        """One record of this second."""
        self.w.file('one.csv', records([second]))
        self.ok(self.w.run('logreplay', '-n', '-f', 'one.csv', '-i', 'u:a'))

    def test_files_are_loaded_again_while_records_come(self):
        path = self.w.file('word', 'old\n')
        process = self.start('reload', 'u:a', options=('-w', path))
        self.one(1)
        self.assertEqual(process.stdout.readline(), 'old 1\n')
        os.remove(path)
        os.mkfifo(path)
        process.send_signal(signal.SIGHUP)
        with open(path, 'w', encoding='utf-8') as fifo:  # opened by both: it is being loaded now
            self.one(2)
            self.assertEqual(process.stdout.readline(), 'old 2\n')
            fifo.write('new\n')
        self.assertEqual(process.stdout.readline(), 'reloaded new\n')
        self.one(3)
        self.assertEqual(process.stdout.readline(), 'new 3\n')
        os.remove(path)
        self.w.file('word', '')
        process.send_signal(signal.SIGHUP)
        self.assertEqual(line_with(process.stderr, 'reload: '), f'reload: warning: reload: {path}: no word; what was loaded before stays\n')
        self.one(4)
        self.assertEqual(process.stdout.readline(), 'new 4\n')
        self.assertEqual(self.w.end(process, signal.SIGTERM)[0], 0)

    def test_a_load_that_does_not_end_does_not_keep_the_module(self):
        path = self.w.file('word', 'old\n')
        process = self.start('reload', 'u:a', options=('-w', path))
        self.one(1)
        self.assertEqual(process.stdout.readline(), 'old 1\n')
        os.remove(path)
        os.mkfifo(path)
        process.send_signal(signal.SIGHUP)
        with open(path, 'w', encoding='utf-8'):
            self.assertEqual(self.w.end(process, signal.SIGTERM)[0], 0)

    def stop_in_a_record(self, program, *inputs):
        """SIGTERM while the module is busy with its first record: its counters, as {name: number}, and the records it had."""
        process = self.w.start(self.kit(program), '-v', '-i', ','.join(inputs), stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), 'record 1\n')
        process.send_signal(signal.SIGTERM)
        process.stdin.write('go on\n')
        process.stdin.flush()
        status, out, err = self.w.end(process)
        self.assertEqual(status, 0, err)
        counters = {name: int(value) for name, value in re.findall(r'(\w+) (\d+)', err.splitlines()[-1].split(':', 1)[1])}
        return counters, int(out.splitlines()[0].split()[1])

    def test_a_signal_in_a_batch_loses_nothing_of_it(self):
        self.make('a', range(5000))
        counters, records = self.stop_in_a_record('signals', 'f:a')
        self.assertEqual((counters['records'], counters['unread']), (records, 0))  # the batch was handed over to its end
        self.assertTrue(1 < records < 5000, records)  # and no further one received

    def test_a_signal_loses_nothing_that_waits_to_be_merged(self):
        for name in 'ab':
            self.make(name, range(100))
        counters, records = self.stop_in_a_record('signals_merged', 'f:a', 'f:b')
        self.assertEqual((counters['records'], counters['unread']), (200, 0))
        self.assertEqual(records, 200)

    def test_a_timer_goes_off_until_it_is_stopped(self):
        process = self.start('timer', 'u:a')
        for n in (1, 2, 3):  # nothing is received meanwhile
            self.assertEqual(process.stdout.readline(), f'timer {n}\n')
        self.one(1)
        self.w.file('one.csv', records([2]))
        self.ok(self.w.run('logreplay', '-f', 'one.csv', '-i', 'u:a'))
        self.assertEqual(self.w.end(process)[:2], (0, 'records 2\ntimes 3\n'))


if __name__ == '__main__':
    BIN, KIT = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
