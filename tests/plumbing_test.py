#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of the modules that carry records unchanged, with real processes: merger, mux,
demux, endiverter, debug_sender. And what programs that are services tell systemd.

usage: plumbing_test.py BIN_DIR
"""

import os
import signal
import socket
import sys
import unittest

from modules_test import ALL_TYPES
from programs import TIMEOUT, Workspace

BIN = None


class Plumbing(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def capture(self, name, text):
        self.ok(self.w.run('logreplay', '-f', self.w.file(name + '.csv', text), '-i', f'f:{name}:w'))

    def shown(self, name):
        return self.ok(self.w.run('logger', '-t', '-i', f'f:{name}'))

    def test_byte_order_twice_gives_the_original(self):
        self.capture('in', ALL_TYPES)
        self.ok(self.w.run('endiverter', '-i', 'f:in,f:once:w'))
        self.ok(self.w.run('endiverter', '-i', 'f:once,f:twice:w'))
        self.assertEqual(self.w.read_bytes('twice'), self.w.read_bytes('in'))
        self.assertNotEqual(self.w.read_bytes('once'), self.w.read_bytes('in'))

    def test_demux_gives_what_mux_got(self):
        texts = [ALL_TYPES, 'uint8 ID\n1\n0\n', 'uint32 N,string TEXT\n' + ''.join(f'{i},"x"\n' for i in range(5000))]
        for i, text in enumerate(texts):
            self.capture(f'in{i}', text)
        outputs = ','.join(f'f:out{i}:w' for i in range(3))
        demux = self.w.start('demux', '-n', '3', '-i', f'u:link,{outputs}')
        self.ok(self.w.run('mux', '-n', '3', '-i', 'f:in0,f:in1,f:in2,u:link:timeout=WAIT'))
        self.ok(self.w.end(demux))
        for i, text in enumerate(texts):
            self.assertEqual(self.shown(f'out{i}'), text)

    def test_formats_of_a_link_change(self):
        text = 'uint32 N\n1\nstring TEXT\n"a"\n'
        self.capture('in', text)
        self.ok(self.w.run('mux', '-i', 'f:in*,f:link:w'))
        self.ok(self.w.run('demux', '-i', 'f:link,f:out:w'))
        self.assertEqual(self.ok(self.w.run('logger', '-t', '-i', 'f:out*')), text)

    def test_debug_sender_by_its_old_name(self):
        commands = self.w.file('commands', 'edit\n!+1\n"a"\nsend 3\n')
        with open(commands, encoding='ascii') as lines:
            out = self.ok(self.w.run('debug_sender.py', '-i', 'f:out:w', 'uint16 N,string TEXT', stdin=lines))
        self.assertIn('Sending 3 records ... done', out)
        self.assertEqual(self.shown('out'), 'uint16 N,string TEXT\n' + ''.join(f'{n},"""a"""\n' for n in (1, 2, 3)))

    def test_merger_can_outlast_its_inputs(self):
        path = self.w.file('in.csv', 'uint32 N\n1\n2\n')
        merger = self.w.start('merger', '-I', '-i', 'u:in,u:out')
        logger = self.w.start('logger', '-c', '4', '-i', 'u:out')
        for _ in range(2):
            self.ok(self.w.run('logreplay', '-f', path, '-i', 'u:in'))
        self.assertEqual(self.ok(self.w.end(logger)), '1\n2\n1\n2\n')
        self.ok(self.w.end(merger, signal.SIGTERM))

    def test_merger_waits_for_the_formats_of_all_inputs(self):
        first = self.w.start('logreplay', '-f', self.w.file('1.csv', 'uint32 N\n1\n'), '-i', 'u:one')
        merger = self.w.start('merger', '-i', 'u:one,u:two,u:out')
        logger = self.w.start('logger', '-t', '-i', 'u:out')
        self.ok(self.w.end(first))
        second = self.w.start('logreplay', '-f', self.w.file('2.csv', 'string TEXT\n"a"\n'), '-i', 'u:two')
        for process in (second, merger):
            self.ok(self.w.end(process))
        self.assertEqual(self.ok(self.w.end(logger)), 'uint32 N,string TEXT\n1,""\n0,"a"\n')


class Services(unittest.TestCase):
    """Programs that have a unit of Type=notify say when they are ready, and then that they still work."""

    def check(self, *command, path=None, pid=True, times=1):
        if not os.path.exists(os.path.join(BIN, command[0])):
            self.skipTest(f'{command[0]} is not built')
        with Workspace(BIN) as w, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path or w.file('notify'))
            s.settimeout(TIMEOUT)
            w.env.update(NOTIFY_SOCKET=path.replace(chr(0), '@') if path else w.file('notify'), WATCHDOG_USEC='2000')
            if not pid:
                w.env['WATCHDOG_PID'] = '1'
            program = w.start(os.path.join(BIN, command[0]), *command[1:])
            told = [s.recv(100) for _ in range(1 + times if pid else 1)]
            self.assertEqual(told, [b'READY=1', b'WATCHDOG=1', b'WATCHDOG=1'][:len(told)])
            self.assertEqual(w.end(program, signal.SIGTERM)[0], 0)
            if not pid:
                s.setblocking(False)
                self.assertRaises(BlockingIOError, s.recv, 100)

    def test_reader_of_a_stream(self):
        self.check('logger', '-t', '-i', 'u:nobody', times=2)

    def test_socket_without_a_path(self):
        self.check('logger', '-t', '-i', 'u:nobody', path=chr(0) + f'nemea-test-{os.getpid()}')

    def test_watchdog_of_another_process(self):
        self.check('logger', '-t', '-i', 'u:nobody', pid=False)

    def test_collector(self):
        port = Workspace.free_port()
        self.check('flow_collector', '-u', f'127.0.0.1:{port}', '-i', 'u:out:timeout=NO_WAIT')

    def test_store(self):
        self.check('alert_store', '-d', 'alerts.db', '-i', 'u:nobody')

    def test_page(self):
        self.check('nemea_page', '--listen', '127.0.0.1:0', '--token', 'token')


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
