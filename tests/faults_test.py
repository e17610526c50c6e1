#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every system call and allocation of libtrap and of the file formats fails once in turn: no crash, no hang, no silent loss.

usage: faults_test.py BIN_DIR FAULTS_LIBRARY [TEST...]

Environment: NEMEA_FAULTS, how many calls of each kind fail at most, each in a run of its own (default 12).
"""

import collections
import contextlib
import errno
import os
import re
import select
import subprocess
import sys
import unittest

import programs
from programs import Workspace, line_with

BIN, LIBRARY = None, None
programs.TIMEOUT = 60
EACH = int(os.environ.get('NEMEA_FAULTS', '12'))  # maximum number of faults of a kind, spread over all calls of that kind
ERRORS = {'write': (errno.ENOSPC, errno.EIO), 'read': (errno.EIO,), 'open': (errno.EMFILE, errno.EACCES),
          'malloc': (errno.ENOMEM,), 'calloc': (errno.ENOMEM,), 'realloc': (errno.ENOMEM,), 'strdup': (errno.ENOMEM,),
          'mmap': (errno.ENOMEM,), 'accept4': (errno.EMFILE, errno.ECONNABORTED), 'recv': (errno.ECONNRESET,),
          'recvmsg': (errno.ECONNRESET,), 'sendmsg': (errno.EPIPE, errno.ENOBUFS), 'send': (errno.EPIPE,),
          'connect': (errno.ECONNREFUSED,), 'socket': (errno.EMFILE,), 'bind': (errno.EADDRINUSE,), 'close': (errno.EIO,)}
LINES = [f'{i},"{"abcdefgh" * 8}"' for i in range(4000)]  # three blocks of a file
TITLE = 'uint32 N,string S'


def spread(count):
    """Numbers of the calls that are to fail: all, or the first and last ones and some between."""
    if count <= EACH:
        return range(1, count + 1)
    third = max(EACH // 3, 1)
    step = (count - 2 * third) // third or 1
    return sorted({*range(1, third + 1), *range(third, count - third, step), *range(count - third + 1, count + 1)})


class Faults:
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.file('in.csv', '\n'.join([TITLE, *LINES, '']))
        self.ran = collections.Counter()

    def start_with(self, command, **variables):
        saved = dict(self.w.env)
        self.w.env.update(LD_PRELOAD=LIBRARY, **{name.upper(): str(value) for name, value in variables.items()})
        try:
            return self.w.start(*command)
        finally:
            self.w.env = saved

    def end(self, command, fault):
        """Runs the program with a fault to its end, which must not be that of a signal."""
        with self.subTest(fault=fault):
            result = self.w.end(self.start_with(command, **fault))
            self.assertGreaterEqual(result[0], 0, result)
            return result
        return 1, '', 'failed'

    def remove(self, *names):
        for name in os.listdir(self.w.path):
            if any(name.startswith(prefix) for prefix in names):
                os.unlink(self.w.file(name))

    def counts(self):
        totals = {}
        with open(self.w.file('counts'), encoding='ascii') as file:
            for line in file:
                name, count = line.split()
                totals[name] = max(totals.get(name, 0), int(count))
        os.unlink(self.w.file('counts'))
        return totals

    def faults(self, totals, calls=None):
        for name, count in totals.items():
            if calls is None or name in calls:
                for number in spread(count):
                    for code in ERRORS.get(name, (errno.EINVAL,)):
                        for short in (('1',) if name == 'write' else ()) + ('',):
                            self.ran[name] += 1
                            yield dict(fault_call=name, fault_at=number, fault_errno=code, **({'fault_short': short} if short else {}))

    def assert_prefix(self, lines, what):
        self.assertEqual(lines, LINES[:len(lines)], what)

    def lines_of(self, name):
        if not os.path.exists(self.w.file(name)):
            return []
        lines = self.w.read(name).split('\n')
        return lines[1 if lines[0] == TITLE else 0:-1]  # text after the last newline is a partial line


class Files(Faults, unittest.TestCase):
    def check_writer(self, parameters):
        command = ('logreplay', '-d', '-n', '-f', 'in.csv', '-i', f'f:x{parameters}')
        self.assertEqual(self.w.end(self.start_with(command, fault_counts='counts'))[0], 0)
        for fault in self.faults(self.counts()):
            self.remove('x', 'out.csv')
            status, _, err = self.end(command, fault)
            files = [name for name in os.listdir(self.w.path) if name.startswith('x')]
            read, _, complaint = self.w.run('logger', '-i', 'f:x*', '-w', 'out.csv') if files else (0, '', '')
            lines = self.lines_of('out.csv')
            self.assert_prefix(lines, fault)
            if status == 0:
                self.assertEqual((read, len(lines)), (0, len(LINES)), (fault, err, complaint))
            else:
                self.assertNotEqual(err, '', fault)
                self.assertGreaterEqual(read, 0, (fault, complaint))

    def test_writing_a_file(self):
        self.check_writer(':w')

    def test_writing_a_compressed_file(self):
        self.check_writer(':w:compress=zstd')

    def test_writing_numbered_files(self):
        self.check_writer(':a:buffer=off')

    def test_reading_files(self):
        for parameters in (':w', ':w:compress=zstd'):
            self.assertEqual(self.w.run('logreplay', '-d', '-n', '-f', 'in.csv', '-i', f'f:x{parameters}')[0], 0)
            command = ('logger', '-t', '-w', 'out.csv', '-i', 'f:x')
            self.assertEqual(self.w.end(self.start_with(command, fault_counts='counts'))[0], 0)
            for fault in self.faults(self.counts()):
                self.remove('out.csv')
                status, _, err = self.end(command, fault)
                lines = self.lines_of('out.csv')
                self.assert_prefix(lines, fault)
                if status == 0:
                    self.assertEqual(len(lines), len(LINES), (fault, err))
                else:
                    self.assertNotEqual(err, '', fault)


class Sockets(Faults, unittest.TestCase):
    def run_pair(self, sender, reader, fault_in_reader, **fault):
        """Runs both; \\return statuses (None: it was still waiting), what both said, the lines that arrived"""
        self.remove('out.csv')
        one = self.w.start(*sender) if fault_in_reader else self.start_with(sender, **fault)
        two = self.start_with(reader, **fault) if fault_in_reader else self.w.start(*reader)
        self.w.wait_for(lambda: one.poll() is not None or two.poll() is not None, f'{fault}')
        other = two if one.poll() is not None else one
        ended = one if other is two else two
        # The other one may wait for the next peer. After one that failed it does so; else a reader says so after a second, and a sender sleeps.
        if ended.returncode == 0:
            if other is two:
                select.select([other.stderr], [], [], programs.TIMEOUT)
            try:
                self.w.wait_until_blocked(other)
            except AssertionError:
                self.assertIsNotNone(other.poll(), fault)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                other.wait(timeout=0.1)
        status = {ended: ended.returncode, other: other.poll()}
        other.kill()
        texts = [self.w.end(process)[2] for process in (one, two)]
        return status[one], status[two], *texts, self.lines_of('out.csv')

    def check_pair(self, spec_out, spec_in, fault_in_reader, calls):
        sender = ('logreplay', '-v', '-d', '-f', 'in.csv', '-i', spec_out)
        reader = ('logger', '-v', '-w', 'out.csv', '-i', spec_in)
        first = self.run_pair(sender, reader, fault_in_reader, fault_counts='counts')
        self.assertEqual((first[:2], len(first[4])), ((0, 0), len(LINES)))
        for fault in self.faults(self.counts(), calls):
            sent, read, said, heard, lines = self.run_pair(sender, reader, fault_in_reader, **fault)
            what = (spec_out, fault, sent, read, len(lines), said, heard)
            self.assertGreaterEqual(sent or 0, 0, what)
            self.assertGreaterEqual(read or 0, 0, what)
            self.assertEqual([line for line in lines if line not in EXPECTED], [], what)
            self.assertEqual(sorted(set(lines), key=EXPECTED.get), lines, what)
            if len(lines) < len(LINES):
                missed = sum(int(n) for n in re.findall(r'missed (\d+)', heard))
                dropped = sum(int(n) for n in re.findall(r'dropped (\d+)', said))
                told = re.sub(r'\w+: records .*', '', said + heard).strip() != ''
                # A connection that ends before a byte of the sender is tried again without a word, as at the end of a sender; what the sender
                # sent meanwhile is what a reader does not get that comes later.
                later = fault['fault_call'] == 'recvmsg' and lines and lines == LINES[-len(lines):]
                self.assertTrue(told or missed or dropped or later, what)


    def test_a_reader_says_that_its_connection_broke(self):
        """The sender of a shared log is still there: what it sends until the reader has connected again is lost."""
        os.mkfifo(self.w.file('fifo'))
        sender = self.w.start('logreplay', '-d', '-f', 'fifo', '-i', 'u:s')
        with open(self.w.file('fifo'), 'w', encoding='ascii') as fifo:
            with open(self.w.file('in.csv'), encoding='ascii') as lines:
                fifo.write(lines.readline() + lines.readline())
                fifo.flush()
                reader = self.start_with(('logger', '-w', 'out.csv', '-i', 'u:s'), fault_call='recv', fault_at=2, fault_errno=errno.ECONNRESET)
                self.assertTrue(select.select([reader.stderr], [], [], programs.TIMEOUT)[0], 'it said nothing')
                self.assertIn('the connection broke: Connection reset by peer', reader.stderr.readline())
                fifo.write(lines.read())
        self.assertEqual((self.w.end(reader)[0], self.w.end(sender)[0]), (0, 0))


EXPECTED = {line: i for i, line in enumerate(LINES)}
SENDING = ('accept4', 'bind', 'epoll_create1', 'epoll_ctl', 'eventfd', 'fcntl', 'listen', 'memfd_create', 'mmap', 'send', 'sendmsg',
           'setsockopt', 'socket', 'write', 'malloc', 'calloc', 'realloc')
RECEIVING = ('connect', 'fcntl', 'mmap', 'poll', 'read', 'recv', 'recvmsg', 'send', 'setsockopt', 'socket', 'malloc', 'calloc', 'realloc')


def pair_test(shared, fault_in_reader):
    def test(self):
        if not shared:
            self.w.env['TRAP_NO_SHM'] = '1'
        self.check_pair('u:s', 'u:s', fault_in_reader, RECEIVING if fault_in_reader else SENDING)
    return test


for _name, _shared in (('shared_log', True), ('stream', False)):
    for _reader in (False, True):
        setattr(Sockets, f'test_{"reader" if _reader else "sender"}_of_a_{_name}', pair_test(_shared, _reader))


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    LIBRARY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
