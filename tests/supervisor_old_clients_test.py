#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What clients of NEMEA 2 get from the supervisor: statistics, the menu, and the plugins of Munin, compared with what was recorded of it.

usage: supervisor_old_clients_test.py BIN_DIR [TEST...]
"""

import contextlib
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import unittest

from programs import ROOT
from supervised import ThreeModules

BIN = None


class OldClients(ThreeModules):
    def setUp(self):
        self.bin_dir = BIN
        super().setUp()

    def read_prompt(self, read, prompt=b'Your choice: \x1b[0m'):
        """What comes until a prompt."""
        got = b''
        while not got.endswith(prompt):
            part = read()
            self.assertTrue(part, got)
            got += part
        return got

    def golden(self, name):
        with open(os.path.join(ROOT, 'tests', 'golden', 'supervisor', name), 'rb') as file:
            return file.read()

    def test_old_clients_get_their_statistics(self):
        s = self.supervisor()
        self.wait_until_ready()
        running = json.loads(self.cli('-x')[0])
        self.assertEqual(set(running), {'repeater', 'log', 'sleep'})
        self.assertEqual(set(running['repeater']), {'CPU-u', 'CPU-s', 'MEM-vms', 'MEM-rss', 'inputs', 'outputs'})
        self.assertEqual(set(running['repeater']['inputs'][0]), {'type', 'ID', 'is-conn', 'messages', 'buffers'})
        self.assertEqual(set(running['repeater']['outputs'][0]), {'type', 'ID', 'cli-num', 'sent-msg', 'drop-msg', 'buffers', 'autoflush'})
        self.assertEqual(running['repeater']['outputs'][0]['ID'], 'b')
        everything = json.loads(self.cli('-i')[0])
        self.assertEqual(everything['log']['params'], '-t')
        self.assertEqual({m['status'] for m in everything.values()}, {'running'})
        for request in (b'12\n', b'x\n', b'9' * 200 + b'\n', b'{' + b'x' * 70000):
            with self.w.connect(self.socket) as c:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    c.sendall(request)
                    self.assertEqual(c.recv(100), b'', request[:20])
        with self.w.connect(self.socket) as c: # requests in one piece are answered one after the other
            c.sendall(b'{"id": 1, "command": "info"}\n{"id": 2}\n{"id": 3, "command": "status", "names": ["log"]}\n')
            answers = b''
            while answers.count(b'\n') < 3:
                answers += c.recv(65536)
            answers = [json.loads(line) for line in answers.splitlines()]
            self.assertEqual([(a['id'], a['ok']) for a in answers], [(1, True), (2, False), (3, True)])
        silent = [self.w.connect(self.socket) for _ in range(70)]
        self.addCleanup(lambda: [c.close() for c in silent])
        for c in silent:
            self.assertEqual(c.recv(1), b'')  # who says nothing is closed
        self.wait_until_ready()
        self.w.end(s, signal.SIGTERM)

    def test_the_menu_of_old_clients(self):
        s = self.supervisor()
        self.wait_until_ready()
        menu = self.golden('wire/config-00-config-789123.reply')
        with self.w.connect(self.socket) as c:
            def ask(line, prompt=b'Your choice: \x1b[0m'):
                c.sendall(line)
                return self.read_prompt(lambda: c.recv(65536), prompt)

            self.assertEqual(ask(b' +789123 menu\n'), menu)
            with self.w.connect(self.socket) as second:
                second.sendall(b'789123\n')
                answer = b''
                while part := second.recv(1000):
                    answer += part
                self.assertEqual(answer, b'\x1b[38;5;196m[WARNING] Another client is connected to supervisor in configuration mode, '
                                         b'you have to wait.\n\x1b[0m')
            pids = {n: m['pid'] for n, m in self.status().items()}
            width = max(3, *(len(str(pid)) for pid in pids.values()))
            shown = ask(b'4\n').decode()
            for i, name in enumerate(('log', 'repeater', 'sleep')):
                self.assertIn(f'{i:4} | {name:8} |  \x1b[38;5;40;1mtrue\x1b[0m   | \x1b[38;5;40;1mrunning\x1b[0m | {pids[name]:<{width}} |\n', shown)
            self.assertIn('      IFC service: \x1b[1mconnected\x1b[0m\n      IFC 0:  IN; u; a; \x1b[1mnot connected\x1b[0m\n', ask(b'5\n').decode())
            self.assertIn(b'   2 | sleep\n\n', ask(b'2\n', b'"2,4-6,13"): \x1b[0m'))
            os.kill(pids['log'], signal.SIGKILL)  # an open prompt blocks nothing
            self.wait_until(lambda x: x['log']['state'] == 'ready' and x['log']['pid'] != pids['log'], 'the restart')
            self.assertEqual(ask(b'2\n'), menu)
            self.wait_until(lambda x: x['sleep']['state'] == 'stopped', 'the stop')
            self.assertIn(b'   2 | sleep\n\n', ask(b'1\n', b'"2,4-6,13"): \x1b[0m'))
            self.assertEqual(ask(b'0-2,9\n'), b'\x1b[38;5;196m[WARNING] Number 9 is not in range <0,3>!\n\x1b[0m' + menu)
            self.assertIn(b'   0 | log\n', ask(b'3\n', b'"2,4-6,13"): \x1b[0m'))
            ask(b'1\n')
            self.wait_until(lambda x: x['sleep']['state'] == 'running' and x['repeater']['pid'] not in (0, pids['repeater']), 'the restart')
            self.assertIn(b'Unmodified modules:\t3\n', ask(b'7\n'))
            self.assertTrue(ask(b'9' * 98 + b'\n').startswith(b'\x1b[38;5;196m[WARNING] Too long and wrong input!\n'))
            self.assertEqual(ask(b'0\n0\n0\n'), self.golden('wire/config-16-0-three-in-one-write.reply'))  # does not end it
        done = subprocess.run([self.program('supcli'), '-s', self.socket], input=b'4\n8\nx\nCquit\n', capture_output=True, env=self.w.env, timeout=60)
        self.assertEqual((done.returncode, done.stderr, done.stdout.count(menu)), (0, b'', 4), done)
        self.assertIn(b'[WARNING] Wrong input!\n', done.stdout)
        before = {n: m['pid'] for n, m in self.status().items()}
        done = subprocess.run([self.program('supcli'), '-s', self.socket], input=b'Dstop\n', capture_output=True, env=self.w.env, timeout=60)
        self.assertEqual((done.returncode, done.stderr),
                         (0, b"\x1b[38;5;196m[WARNING] Supervisor has disconnected, I'm done!\x1b[0m\n"), done)
        self.assertEqual(self.w.end(s)[0], 0)
        s = self.supervisor()  # the modules went on
        self.wait_until_ready()
        self.assertEqual({n: m['pid'] for n, m in self.status().items()}, before)
        self.w.end(s, signal.SIGTERM)

    def test_the_recorded_end(self):
        """Dstop of a client, SIGTERM while a prompt is open, and a reload that nobody hears of, as recorded of NEMEA 2."""
        s = self.supervisor()
        self.wait_until_ready()
        with self.w.connect(self.socket) as c:
            c.sendall(b'115599\n')
            self.assertEqual(c.recv(1000), self.golden('wire/reload-115599.reply'))
        shown = self.golden('transcripts/12-dstop.raw').replace(b'\r\n', b'\n')
        before, _, rest = shown.partition(b'Your choice: \x1b[0m0\n')
        between, _, last = rest.partition(b'Your choice: \x1b[0mDstop\n')
        prompt = b'Your choice: \x1b[0m'
        done = subprocess.run([self.program('supcli'), '-s', self.socket], input=b'0\nDstop\n', capture_output=True, env=self.w.env, timeout=60)
        expected = before + prompt + between + prompt
        self.assertEqual(done.stdout[:len(expected)], expected)
        # Dstop is three zeros, each within half a second; where the machine was slower, they are wrong input, and sent once more.
        self.assertEqual(done.stdout[len(expected):].replace(between + prompt, b''), b'')
        self.assertEqual((done.stderr + b'\n[exit status %d]\n' % done.returncode), last)
        self.assertEqual(self.w.end(s)[0], 0)
        s = self.supervisor()
        self.wait_until_ready()
        with self.w.connect(self.socket) as c:
            c.sendall(b'789123\n')
            self.read_prompt(lambda: c.recv(65536))
            c.sendall(b'2\n')
            self.read_prompt(lambda: c.recv(65536), b'"2,4-6,13"): \x1b[0m')
            self.assertEqual(self.w.end(s, signal.SIGTERM)[0], 0)  # that of NEMEA 2 waited for the answer
            self.assertEqual(c.recv(1000), b'')

    def test_the_menu_on_a_terminal(self):
        command = [self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket, '--state-dir',
                   self.w.file('state')]
        for ending in (b'0\n', b'\x04'):
            pid, terminal = pty.fork()
            if pid == 0:
                with contextlib.suppress(OSError):
                    os.execve(command[0], command, self.w.env)
                os._exit(127)
            self.addCleanup(os.close, terminal)
            shown = self.read_prompt(lambda fd=terminal: os.read(fd, 65536))
            self.assertTrue(shown.startswith(b'[INIT LOADING CONFIGURATION]\r\n- - -\r\n[RELOAD] Generating'), shown)
            self.assertIn(b'Inserted modules:\t3\r\n', shown)
            self.assertIn(b'0. STOP SUPERVISOR\r\n', shown)
            self.wait_until_ready()
            os.write(terminal, b'4\n')
            self.assertIn(b'sleep', self.read_prompt(lambda fd=terminal: os.read(fd, 65536)))
            os.write(terminal, ending)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
            self.assertEqual(len(json.loads(self.w.read('state/state.json'))['modules']), 3)  # they go on

    def test_the_plugin_of_munin_prints_what_that_of_nemea_2_printed(self):
        folder = os.path.join(ROOT, 'tests', 'golden', 'supervisor', 'munin')
        with open(os.path.join(folder, 'input.json'), 'rb') as file:
            answer = file.read()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.socket)
            server.listen()
            for what in ('config', 'values'):
                plugin = self.w.start(self.program('nemea_supervisor'), *([what] if what == 'config' else []), env=dict(self.w.env, socket=self.socket))
                client, _ = server.accept()
                with client:
                    self.assertEqual(client.recv(100), b'456987\n')
                    client.sendall(answer)
                with open(os.path.join(folder, f'nemea_supervisor-{what}.txt'), encoding='ascii') as file:
                    self.assertEqual(self.w.end(plugin), (0, file.read(), ''))
        self.assertEqual(self.w.run(self.program('nemea_supervisor'), 'autoconf'), (0, 'yes\n', ''))

    def test_the_plugin_of_munin_for_ipfixcol2(self):
        path = self.w.file('trap-ipfixcol2_1.sock')
        plugin = ('nemea_ipfixcol2',)
        code, out, err = self.w.run(*plugin)
        self.assertEqual((code, out), (1, ''))
        self.assertIn('there is no socket trap-ipfixcol2_*.sock', err)
        outputs = [{'ifc_id': 'flow:1', 'num_clients': 2, 'sent-messages': 10, 'dropped-messages': 1, 'buffers': 3, 'autoflushes': 4}]
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            for words, answer, expected in (
                    ((), json.dumps({'out': outputs}), (0, 'multigraph ipfixcol2_flow_1\nsent.value 10\ndrop.value 1\nsb.value 3\naf.value 4\n'
                                                           'numcli.value 2\n\n')),
                    (('config',), json.dumps({'out': outputs}), (0, None)), ((), '[' * 100, (1, '')), ((), None, (1, ''))):
                process = self.w.start(*plugin, *words)
                client, _ = server.accept()
                with client:
                    self.assertEqual(client.recv(100)[0], 10)
                    if answer is not None:
                        body = answer.encode() + b'\0'
                        client.sendall(struct.pack('=B3xI', 12, len(body)) + body)
                code, out, err = self.w.end(process)
                self.assertEqual(code, expected[0], err)
                if expected[1] is None:
                    self.assertIn('multigraph ipfixcol2_flow_1\ngraph_title ipfixcol2 output flow_1\n', out)
                    self.assertIn('numcli.label clients\nnumcli.type GAUGE\nnumcli.min 0\n', out)
                else:
                    self.assertEqual(out, expected[1])
        self.assertEqual(self.w.run(*plugin, 'autoconf'), (0, 'yes\n', ''))


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
