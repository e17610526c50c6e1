# SPDX-License-Identifier: BSD-3-Clause
"""A supervisor with a configuration of its own, and what tests ask of it."""

import contextlib
import json
import os
import signal
import unittest

from programs import Workspace

DOCUMENT = '''<?xml version="1.0"?>
<nemea-supervisor>
<modules><name>All</name><enabled>true</enabled>
<!-- include {0}/modules -->
</modules>
</nemea-supervisor>
'''


def interface(direction, name):
    return f'<interface><type>UNIXSOCKET</type><direction>{direction}</direction><params>{name}</params></interface>'


def module(name, path, params='', interfaces='', enabled='true', restarts=30, options=''):
    """A module as in a .sup file. options: attributes with the prefix s:"""
    begin = f'<module xmlns:s="urn:nemea:supervisor" {options}>' if options else '<module>'
    return (f'{begin}<name>{name}</name><enabled>{enabled}</enabled><path>{path}</path><params>{params}</params>'
            f'<module-restarts>{restarts}</module-restarts><trapinterfaces>{interfaces}</trapinterfaces></module>\n')


def stat_of(pid):
    """Fields of /proc/PID/stat from the third on; None: it has ended, and who reaps it is the business of the machine."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            fields = file.read().rpartition(')')[2].split()
            return fields if fields[0] not in 'ZX' else None
    except (FileNotFoundError, ProcessLookupError):
        return None


def gone(pid):
    return stat_of(pid) is None


def kill_modules(w):
    """Those that a failed test has left; another process may have the number by now, or in this namespace."""
    with contextlib.suppress(OSError, ValueError):
        for entry in json.loads(w.read('state/state.json'))['modules'].values():
            stat = stat_of(entry['pid'])
            if stat and int(stat[19]) == entry['start']:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(entry['pid'], signal.SIGKILL)


class Supervised(unittest.TestCase):
    """self.w: the workspace, with t.xml, modules/, logs/ and state/; self.socket: of the supervisor, which setUp() does not start."""

    bin_dir = None

    def setUp(self):
        self.w = Workspace(self.bin_dir)
        self.addCleanup(self.w.__exit__)
        self.addCleanup(kill_modules, self.w)
        os.mkdir(self.w.file('modules'))
        os.mkdir(self.w.file('logs'))
        self.w.file('t.xml', DOCUMENT.format(self.w.path))
        self.socket = self.w.file('s.sock')

    def program(self, name):
        return os.path.join(self.w.bin_dir, name)

    def configure(self, name, text):
        self.w.file(f'modules/{name}.sup', text)

    def command(self, *options):
        return (self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                '--state-dir', self.w.file('state'), *options)

    def supervisor(self, *options):
        s = self.w.start(*self.command(*options))
        self.w.connect(self.socket).close()
        return s

    def cli(self, *words, status=0):
        code, out, err = self.w.run(self.program('supcli'), '-s', self.socket, *words)
        self.assertEqual(code, status, out + err)
        return out, err

    def status(self):
        return {m['name']: m for m in json.loads(self.cli('status', '--json')[0])}

    def wait_until(self, condition, what):
        """The status for which the condition holds."""
        seen = []

        def holds():
            seen[:] = [self.status()]
            return condition(seen[0])

        self.w.wait_for(holds, what)
        return seen[0]

    def wait_until_ready(self):
        return self.wait_until(lambda s: (s['repeater']['state'], s['log']['state'], s['sleep']['state']) == ('ready', 'ready', 'running'), 'modules')


class ThreeModules(Supervised):
    """A repeater, log, which reads from it, and sleep, which is no module of NEMEA: those that wait_until_ready() waits for."""

    def setUp(self):
        super().setUp()
        self.configure('repeater', module('repeater', self.program('traffic_repeater'), '', interface('IN', 'a') + interface('OUT', 'b')))
        self.configure('logger', module('log', self.program('logger'), '-t', interface('IN', 'b')))
        self.configure('sleep', module('sleep', 'sleep', 'infinity'))
