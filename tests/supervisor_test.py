#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The supervisor with real modules: life cycle, reload, take-over, signals, and its client supcli.

usage: supervisor_test.py BIN_DIR [TEST...]
"""

import contextlib
import glob
import json
import os
import pwd
import queue
import random
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

from programs import ROOT, facts
from supervised import ThreeModules, gone, interface, module, stat_of

BIN = None


def read_command(pid):
    """The words of a process. They are empty for a moment while its program begins."""
    with open(f'/proc/{pid}/cmdline', encoding='utf-8') as file:
        return file.read().split('\0')


class Supervisor(ThreeModules):
    def setUp(self):
        self.bin_dir = BIN
        super().setUp()

    def test_modules_start_and_stop_by_name(self):
        s = self.supervisor()
        self.wait_until_ready()
        self.cli('stop', 'log', '--wait')
        after = self.status()
        self.assertEqual((after['log']['state'], after['log']['pid'], after['repeater']['state']), ('stopped', 0, 'ready'))
        self.cli('status', 'log', status=3)
        self.cli('start', 'l?g', '--wait')
        self.assertEqual(self.status()['log']['state'], 'ready')
        pid = self.status()['log']['pid']
        self.cli('restart', 'log')
        self.wait_until(lambda x: x['log']['pid'] not in (0, pid) and x['log']['state'] == 'ready', 'the restart')
        self.cli('stop', 'profile:All', '--wait')
        self.assertEqual({m['state'] for m in self.status().values()}, {'stopped'})
        self.assertIn('no module matches "nobody"', self.cli('stop', 'nobody', 'log', status=1)[1])
        self.assertIn('unknown command "fly"', self.cli('fly', status=2)[1])
        code, _, err = self.w.end(s, signal.SIGTERM)
        self.assertEqual((code, err), (0, ''))
        self.assertFalse(os.path.exists(self.socket))
        self.assertIn('cannot reach the supervisor', self.cli('status', status=4)[1])

    def test_what_a_module_gets(self):
        s = self.supervisor()
        self.wait_until_ready()
        pid = self.status()['sleep']['pid']
        self.w.wait_for(lambda: os.readlink(f'/proc/{pid}/exe').endswith(('sleep', 'coreutils', 'busybox')), 'the program')
        self.w.wait_for(lambda: len(os.listdir(f'/proc/{pid}/fd')) == 3, 'the end of its loading, and no other descriptor than three')
        files = {name: os.readlink(f'/proc/{pid}/fd/{name}') for name in os.listdir(f'/proc/{pid}/fd')}
        logs = self.w.file('logs/modules_logs/sleep_')
        self.assertEqual(files, {'0': '/dev/null', '1': os.path.realpath(logs + 'stdout'), '2': os.path.realpath(logs + 'stderr')})
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            self.assertIn('Umask:\t0027', file.read())
        self.assertEqual(os.getsid(pid), pid)
        self.assertIn('[INFO] Supervisor - executed command: sleep   infinity   (null)\n', self.w.read('logs/modules_logs/sleep_stdout'))
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o660)
        self.assertEqual(stat.S_IMODE(os.stat(self.w.file('state')).st_mode), 0o700)
        self.w.end(s, signal.SIGTERM)

    def test_a_module_is_confined_as_its_kind_says(self):
        s = self.supervisor()
        self.wait_until_ready()
        status = self.status()
        self.assertEqual(status['repeater']['sandbox'], {'on': True, 'may': 'streams'})
        self.assertEqual(status['sleep']['sandbox'], {'on': False, 'why': 'it is not a program of NEMEA'})
        of_repeater = facts(status['repeater']['pid'])
        self.assertEqual(of_repeater['NoNewPrivs'], '1')
        warnings = ''.join(self.cli('check'))
        self.assertEqual(of_repeater['Seccomp'], '0' if 'system calls' in warnings else '2')
        if os.geteuid() == 0:
            self.assertFalse(int(of_repeater['CapBnd'], 16) >> 21 & 1, 'CAP_SYS_ADMIN')
        self.assertRegex(self.cli('status')[0], r'(?m)^repeater .* on\n.*^sleep .* off$|^sleep .* off\n(.*\n)*repeater .* on$')
        # The next supervisor knows it of processes that it takes over.
        self.w.end(s, signal.SIGINT)
        s = self.supervisor()
        self.assertEqual(self.status()['repeater']['sandbox'], {'on': True, 'may': 'streams'})
        self.w.end(s, signal.SIGTERM)
        s = self.supervisor('--sandbox=off')
        self.wait_until_ready()
        self.assertEqual(self.status()['repeater']['sandbox'], {'on': False, 'why': 'switched off by --sandbox=off'})
        self.assertIn('switched off', ''.join(self.cli('check')))
        self.w.end(s, signal.SIGTERM)
        code, _, err = self.w.run(self.program('supervisor'), '--sandbox=perhaps', '-T', 'x', '-L', 'y')
        self.assertEqual((code, err), (2, 'supervisor: --sandbox=perhaps: expected auto, require or off\n'))

    def test_a_module_that_hangs_is_killed_by_the_watchdog(self):
        s = self.supervisor('--watchdog=1')
        pid = self.wait_until_ready()['log']['pid']
        with contextlib.suppress(ProcessLookupError):  # on a slow machine it may have been killed before
            os.kill(pid, signal.SIGSTOP)
        self.wait_until(lambda x: x['log']['pid'] not in (0, pid) and x['log']['state'] == 'ready', 'a module that answers')
        self.assertEqual(self.status()['log']['last_exit']['signal'], signal.SIGKILL)
        self.assertIn(f'Module log (PID: {pid}) has not answered for 1 s, it is killed.', self.w.read('logs/modules_events'))
        self.w.end(s, signal.SIGTERM)
        code, _, err = self.w.run(self.program('supervisor'), '--watchdog=-1', '-T', 'x', '-L', 'y')
        self.assertEqual((code, err), (2, 'supervisor: --watchdog=-1: expected seconds, 0 to 86400\n'))

    def test_as_the_first_process_it_reaps_orphans(self):
        self.configure('sleep', module('sleep', '/bin/sh', '-c "(exec sleep 1234567 &amp;) ; exec sleep infinity"'))
        unshare = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc']
        if self.w.run(*unshare, 'true')[0] != 0:
            self.skipTest('no rights for a PID namespace')
        outer = self.w.start(*unshare, self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                             '--state-dir', self.w.file('state'))
        self.w.connect(self.socket).close()
        self.wait_until_ready()

        def children(pid):
            with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
                return [int(child) for child in file.read().split()]

        def orphans():
            found = []
            for child in children(first):
                with contextlib.suppress(OSError), open(f'/proc/{child}/cmdline', 'rb') as file:
                    if b'1234567' in file.read().split(b'\0')[1:2]:
                        found.append(child)
            return found

        first = children(outer.pid)[0]
        self.w.wait_for(orphans, 'an orphan')
        orphan = orphans()[0]
        os.kill(orphan, signal.SIGKILL)
        self.w.wait_for(lambda: not os.path.exists(f'/proc/{orphan}'), 'the orphan to be reaped')
        self.assertEqual({m['state'] for m in self.status().values()}, {'ready', 'running'})
        os.kill(first, signal.SIGTERM)
        self.assertEqual(self.w.end(outer)[0], 0)

    def test_systemd_is_told(self):
        told = queue.Queue()  # filled at once, as systemd does it: a socket keeps few messages, and the supervisor waits for no room
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(self.w.file('notify'))
            self.w.env['NOTIFY_SOCKET'] = self.w.file('notify')

            def read():
                while (word := notify.recv(100)) != b'end':
                    told.put(word)

            def say(word):
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
                    own.sendto(word, self.w.file('notify'))

            def until(word):
                words = [told.get(timeout=60)]
                while words[-1] != word:
                    words.append(told.get(timeout=60))
                return words

            reader = threading.Thread(target=read)
            reader.start()
            self.addCleanup(reader.join)
            with contextlib.ExitStack() as last:
                last.callback(say, b'end')
                s = self.supervisor()
                self.assertEqual(told.get(timeout=60), b'READY=1')
                for _ in range(2):
                    self.assertEqual(told.get(timeout=60), b'WATCHDOG=1')
                s.send_signal(signal.SIGHUP)
                self.assertEqual(until(b'READY=1')[-2], b'RELOADING=1')
                # A supervisor that is stopped says nothing, so systemd starts another one, which takes over.
                s.send_signal(signal.SIGSTOP)
                s.send_signal(signal.SIGKILL)
                s.wait()
                say(b'killed')
                until(b'killed')
                before = json.loads(self.w.read('state/state.json'))['modules']
                s = self.supervisor()
                self.assertEqual(told.get(timeout=60), b'READY=1')
                after = self.wait_until_ready()
                self.assertEqual({n: m['pid'] for n, m in after.items()}, {n: m['pid'] for n, m in before.items()})
                self.assertEqual(self.w.end(s, signal.SIGTERM)[0], 0)
                until(b'STOPPING=1')

    def test_a_killed_module_is_started_again_and_a_hopeless_one_given_up(self):
        # The one with an interface is never up: without one it would be until it has ended.
        self.configure('false', module('hopeless', '/bin/false', '', interface('IN', 'none'), restarts=0) + module('short', '/bin/true', restarts=0))
        s = self.supervisor()
        self.wait_until_ready()
        pid = self.status()['log']['pid']
        os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda x: [x[n]['state'] for n in ('log', 'hopeless', 'short')] == ['ready', 'failed', 'finished'] and
                        x['log']['restarts'] == 1, 'the restart')
        after = self.status()
        self.assertEqual(after['log']['last_exit']['signal'], 9)
        self.assertEqual((after['hopeless']['state'], after['hopeless']['last_exit']['status']), ('failed', 1))
        self.assertEqual((after['short']['state'], after['short']['last_exit']['status']), ('finished', 0))
        events = self.w.read('logs/modules_events')
        self.assertIn(f'[STOP] Module log (PID: {pid}) was ended by signal 9 (Killed).', events)
        self.assertIn('[RESTART] Restarting module log\n', events)
        self.assertIn('[RESTART] Module: hopeless was restarted 0 times per minute and it is down again. I set it disabled.', events)
        self.cli('start', 'hopeless', '--wait', status=1)
        self.w.end(s, signal.SIGTERM)

    def test_a_reload_restarts_only_what_changed(self):
        s = self.supervisor()
        self.wait_until_ready()
        before = self.status()
        self.configure('sleep', module('sleep', 'sleep', '1000000'))
        self.configure('new', module('new', 'sleep', 'infinity'))
        os.remove(self.w.file('modules/logger.sup'))
        out, _ = self.cli('diff')
        self.assertRegex(out, r'restart +sleep +params\n')
        out, _ = self.cli('reload')
        self.assertRegex(out, r'added +new\n')
        self.assertRegex(out, r'removed +log\n')
        self.assertRegex(out, r'restarted +sleep\n')
        self.assertIn('1 modules unchanged\n', out)
        self.wait_until(lambda x: 'log' not in x and x['sleep']['pid'] not in (0, before['sleep']['pid']) and x['new']['state'] == 'running',
                        'the reload')
        self.assertEqual(self.status()['repeater']['pid'], before['repeater']['pid'])
        self.w.end(s, signal.SIGTERM)

    def test_a_module_has_its_own_way_to_be_stopped(self):
        def stubborn(attributes):
            return module('stubborn', '/bin/sh', "-c 'trap \"echo interrupted\" INT; trap : TERM; sleep 100000 & echo ready; while :; do wait; done'").replace(
                '&', '&amp;').replace('"', '&quot;').replace('<module>', f'<module xmlns:s="urn:nemea:supervisor" plain="x" {attributes}>')

        self.configure('stubborn', stubborn('s:stop-timeout="1" s:stop-signal="INT"'))
        s = self.supervisor()
        log = 'logs/modules_logs/stubborn_stdout'
        times = 0

        def interrupted():
            nonlocal times
            times += 1
            self.cli('start', 'stubborn')
            self.w.wait_for(lambda: os.path.exists(self.w.file(log)) and self.w.read(log).count('ready\n') == times, 'the module')
            self.cli('stop', 'stubborn', '--wait')
            self.assertIn('Stopping module stubborn... sending SIGINT\n', self.w.read('logs/modules_events'))
            self.assertEqual(self.status()['stubborn']['last_exit']['signal'], 9)
            return 'interrupted\n' in self.w.read(log)

        self.w.wait_for(interrupted, 'a module that says so within its second')
        for attributes, said in (('s:stop-timeout="0"', 'stop-timeout "0": expected 1 to 3600 seconds'),
                                 ('s:stop-signal="KILL"', 'stop-signal "KILL": expected TERM'), ('s:color="red"', 'unexpected attribute "color"')):
            self.configure('stubborn', stubborn(attributes))
            self.assertIn(f'stubborn.sup:1: {said}', self.cli('reload', status=1)[1])
        self.configure('stubborn', stubborn('s:stop-timeout="2"'))
        self.assertRegex(self.cli('diff')[0], r'change +stubborn +stop-timeout or stop-signal\n')
        self.w.end(s, signal.SIGTERM)

    def test_a_module_gets_its_options(self):
        def shell(name, attributes, command, **more):
            return module(name, '/bin/sh', f"-c '{command}'", **more).replace('<module>', f'<module xmlns:s="urn:nemea:supervisor" {attributes}>')

        as_root = os.geteuid() == 0
        user = 's:user="games" ' if as_root else ''
        self.configure('options', shell('options', f's:cwd="/usr" s:nice="7" s:cpus="0" s:open-files="77" s:core="0" s:memory="32M" {user}'
                                        's:log-limit="20000x3" s:environment="WORD=one &quot;WORDS=two words&quot;"',
                                        'pwd; echo $WORD, $WORDS; nice; ulimit -n; ulimit -c; ulimit -d; id -un; echo end; sleep 1000000'))
        self.configure('first', shell('first', 's:after="repeater log"', 'echo; sleep 1000000'))
        s = self.supervisor()
        log = 'logs/modules_logs/options_stdout'
        self.w.wait_for(lambda: os.path.exists(self.w.file(log)) and 'end\n' in self.w.read(log), 'the module')
        name = 'games' if as_root else pwd.getpwuid(os.geteuid()).pw_name
        status = self.status()['options']
        data = {'rlimits': '32768', 'cgroup': 'unlimited'}[status['limits']]
        self.assertEqual(self.w.read(log).split('(null)\n')[1], f'/usr\none, two words\n7\n77\n0\n{data}\n{name}\nend\n')
        self.assertEqual(os.sched_getaffinity(status['pid']), {0})
        self.assertEqual((status['user'], status['options']['memory'], status['options']['environment']),
                         (name, '32M', 'WORD=one "WORDS=two words"'))
        # It was started when those before it were ready.
        self.wait_until(lambda x: x['first']['state'] == 'running', 'the module that waits')
        events = self.w.read('logs/modules_events')
        self.assertGreater(events.index('Starting module first.'), events.index('Connected to module log.'))
        self.assertGreater(events.index('Starting module first.'), events.index('Connected to module repeater.'))
        # A supervisor that takes over restarts what has other options now, and stops in the reverse order.
        self.w.end(s, signal.SIGINT)
        self.configure('first', shell('first', 's:after="repeater log" s:nice="3"', 'echo; sleep 1000000'))
        before, s = status['pid'], self.supervisor()

        def nice(pid):
            stat_ = stat_of(pid)
            return stat_ and int(stat_[16])

        self.wait_until(lambda x: x['first']['restarts'] == 0 and x['first']['state'] == 'running' and nice(x['first']['pid']) == 3, 'the new option')
        self.assertEqual(self.status()['options']['pid'], before)
        self.w.end(s, signal.SIGTERM)
        events = self.w.read('logs/modules_events')
        self.assertLess(events.rindex('Stopping module first...'), events.rindex('Stopping module log...'))

    def test_limits_that_are_not_in_force_are_named(self):
        self.configure('sleep', module('sleep', 'sleep', 'infinity', options='s:cpu-limit="30" s:tasks="9"'))
        s = self.supervisor()
        limits = self.wait_until_ready()['sleep']['limits']
        said = 'modules/sleep.sup:1: module "sleep" runs without its limit of processor time and tasks: '
        (self.assertIn if limits == 'rlimits' else self.assertNotIn)(said, self.cli('check')[1])
        self.w.end(s, signal.SIGTERM)

    def test_a_module_that_takes_more_memory_than_it_may_fails(self):
        self.configure('sleep', module('sleep', sys.executable, '-c "x = bytearray(200 * 2 ** 20)"', restarts=1).replace(
            '<module>', '<module xmlns:s="urn:nemea:supervisor" s:memory="100M">'))
        s = self.supervisor()
        self.wait_until(lambda x: x['sleep']['state'] == 'failed', 'its end')
        if 'setrlimit' not in self.w.read('logs/supervisor_log'):  # it has a control group, see there
            self.assertEqual(self.status()['sleep']['last_exit']['reason'], 'memory')
            self.w.end(s, signal.SIGTERM)
            return
        self.assertIn('MemoryError', self.w.read('logs/modules_logs/sleep_stderr'))
        self.assertEqual(self.status()['sleep']['oom_kills'], 0)
        self.assertRegex(self.w.read('logs/modules_events'), r'Module sleep \(PID: \d+\) has ended with status 1; it may have 104857600 bytes of memory')
        self.w.end(s, signal.SIGTERM)

    def control_group(self):
        """A group that nobody else uses, as systemd makes one for a unit with Delegate=."""
        root = '/sys/fs/cgroup'
        if not os.path.exists(f'{root}/cgroup.controllers'):
            self.skipTest(f'{root} is no hierarchy of control groups of version 2')
        with open('/proc/self/cgroup', encoding='utf-8') as file:
            above = root + next(line.rstrip('\n')[3:] for line in file if line.startswith('0::'))
        if os.path.exists('/run/systemd/system') and 'user.delegate' not in os.listxattr(above):
            self.skipTest(f'{above} is systemd\'s')
        group = f'{above}/nemea-test-{os.getpid()}'
        try:
            for name in ('memory', 'cpu', 'pids'):
                with open(f'{above}/cgroup.subtree_control', 'w', encoding='ascii') as file:
                    file.write(f'+{name}')
            os.mkdir(group)
        except OSError as reason:
            self.skipTest(f'control groups beneath {above}: {reason}')
        self.addCleanup(os.rmdir, group)
        return group

    def test_each_module_has_a_control_group(self):
        def limited(name, command, attributes, restarts=30):
            return module(name, *command, restarts=restarts).replace('<module>', f'<module xmlns:s="urn:nemea:supervisor" {attributes}>')

        group = self.control_group()
        os.mkdir(self.w.file('state'), 0o700)
        self.configure('eater', limited('eater', (sys.executable, f'{self.w.file("eat.py", "x = bytearray(200 * 2 ** 20)")}'), 's:memory="64M"', restarts=1))
        self.configure('parent', limited('parent', ('/bin/sh', '-c "setsid sleep 100000; true"'), 's:cpu-limit="30" s:tasks="9"'))
        start = ('sh', '-c', f'echo $$ >{group}/cgroup.procs || exit 219; exec "$0" "$@"', self.program('supervisor'), '-f', '-T', self.w.file('t.xml'),
                 '-L', self.w.file('logs'), '-s', self.socket, '--state-dir', self.w.file('state'))

        def supervisor():
            s = self.w.start(*start)
            self.w.connect(self.socket).close()
            return s

        def pids(name):
            with open(f'{group}/{name}/cgroup.procs', encoding='ascii') as file:
                return [int(line) for line in file]

        def values():
            read = {}
            for name in ('cpu.max', 'pids.max', 'memory.max'):
                with open(f'{group}/module-parent/{name}', encoding='ascii') as file:
                    read[name] = file.read().strip()
            return read

        s = supervisor()
        self.wait_until_ready()
        self.wait_until(lambda x: x['eater']['state'] == 'failed', 'the end of what takes too much memory')
        eater = self.status()['eater']
        self.assertEqual((eater['last_exit']['signal'], eater['last_exit']['reason'], eater['oom_kills']), (9, 'memory', 2))
        self.assertIn('the kernel killed it for want of memory; its limit is 64M\n', self.w.read('logs/modules_logs/eater_stderr'))
        self.assertIn('(Killed); the kernel killed it, for its control group may have 67108864 bytes of memory.', self.w.read('logs/modules_events'))
        self.assertIn('nemea_module_oom_kills_total{module="eater"} 2\n', self.cli('metrics')[0])
        limits = {'cpu.max': '30000 100000', 'pids.max': '9', 'memory.max': 'max'}
        self.w.wait_for(lambda: len(pids('module-parent')) == 2, 'what the module starts')
        self.assertEqual(values(), limits)
        self.assertEqual({m['limits'] for m in self.status().values() if m['pid'] != 0}, {'cgroup'})
        self.assertEqual((pids('supervisor'), pids('')), ([s.pid], []))
        # After a crash modules stay where they are, and the unit makes room for the next supervisor, as systemd does it.
        before = pids('module-parent')
        s.kill()
        s.wait()
        self.assertEqual(self.w.run(*start)[0], 219)
        os.mkdir(f'{group}/.control')
        code, _, err = self.w.run('sh', '-c', f'echo $$ >{group}/.control/cgroup.procs; exec "$0" --release-cgroup', self.program('supervisor'))
        self.assertEqual((code, err), (0, ''))
        os.rmdir(f'{group}/.control')
        s = supervisor()
        self.wait_until_ready()
        self.assertEqual((pids('module-parent'), values(), self.status()['parent']['limits']), (before, limits, 'cgroup'))
        # Nothing is left of a module that has ended.
        self.cli('stop', 'parent', '--wait')
        self.w.wait_for(lambda: not os.path.exists(f'{group}/module-parent'), 'the end of its group')
        self.assertFalse(os.path.exists(f'/proc/{before[1]}'))
        self.w.end(s, signal.SIGTERM)
        self.assertEqual([e.name for e in os.scandir(group) if e.is_dir()], [])

    def test_a_wrong_configuration_is_refused_and_nothing_changes(self):
        s = self.supervisor()
        self.wait_until_ready()
        before = self.status()
        self.configure('wrong', '\n<module><name>x</name></module>\n')
        _, err = self.cli('reload', status=1)
        self.assertIn(f'error: {self.w.path}/modules/wrong.sup:2: <module> has no <path>\n', err)
        s.send_signal(signal.SIGHUP)
        self.w.wait_for(lambda: self.w.read('logs/supervisor_log').count('was refused') == 2, 'the second refusal')
        self.assertEqual({n: m['pid'] for n, m in self.status().items()}, {n: m['pid'] for n, m in before.items()})
        self.w.end(s, signal.SIGTERM)
        code, _, err = self.w.run(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                                  '--state-dir', self.w.file('state'))
        self.assertEqual(code, 78)
        self.assertIn('wrong.sup:2: <module> has no <path>', err)

    def check(self):
        """What is said of the configuration, without what is said of each machine."""
        code, out, err = self.w.run(self.program('supervisor'), '--check', self.w.file('t.xml'))
        self.assertEqual(code, 0, out + err)
        return [line for line in (out + err).splitlines() if line.startswith('warning') and 'no enabled module sends' not in line]

    def test_it_says_which_formats_cannot_match(self):
        if not os.path.exists(os.path.join(os.path.dirname(BIN), 'supervisor/interfaces/interfaces.json')):
            self.skipTest('no interfaces.json: programs with a sanitizer are not run while they are built')
        def write(plugins, of_user=None):
            meter = module('meter', self.program('flow_meter'), f'-I lo -p {plugins}', interface('OUT', 'flows'))
            user = module('user', of_user or self.w.file('user'), '', interface('IN', 'flows') + interface('OUT', 'unknown'))
            readers = [('dns', 'dnstunnel_detection', 'repeated', 'tunnels'), ('ddos', 'ddos_detector', 'repeated', 'floods'),
                       ('scans', 'vportscan_aggregator', 'floods', 'json'), ('tunnel_log', 'logger', 'json', None), ('any', 'vportscan_aggregator', 'unknown', 'b')]
            text = meter + module('repeat', self.program('traffic_repeater'), '', interface('IN', 'flows') + interface('OUT', 'repeated')) + user
            for name, program, in_, out in readers:
                text += module(name, self.program(program), '', interface('IN', in_) + (interface('OUT', out) if out else ''))
            self.configure('all', text)
            return {name: next(i for i, line in enumerate(text.splitlines(), 1) if f'<name>{name}</name>' in line) for name, *_ in readers}

        for name in ('repeater', 'logger', 'sleep'):
            self.configure(name, '')
        self.w.file('user', '#!/bin/sh\n')
        os.chmod(self.w.file('user'), 0o755)
        lines = write('basic')
        file = self.w.file('modules/all.sup')
        first = f'warning: {file}:{lines["dns"]}: module "dns" requires fields that the records of module "repeat" on UNIX socket repeated do not have: '
        others = [f'warning: {file}:{lines["scans"]}: module "scans" requires fields that the records of module "ddos" on UNIX socket floods do not have: '
                  'ipaddr SRC_IP, uint32 PORT_CNT, uint8 EVENT_TYPE',
                  f'warning: {file}:{lines["tunnel_log"]}: module "tunnel_log" reads UniRec records from UNIX socket json, module "scans" sends JSON']
        said = self.check()
        self.assertTrue(said[0].startswith(first), said)
        self.assertIn('string DNS_NAME ("meter" sends it with "dns" in its params)', said[0])
        self.assertEqual(said[1:], others)
        write('basic,dns')  # what the user's program sends is not known, and nothing is said of it
        self.assertEqual(self.check(), others)
        # Neither is what an option names: merger sends the fields of -u, and without it those of its inputs.
        self.configure('more', module('merger', self.program('merger'), '-u "uint32 PORT_CNT"', interface('IN', 'floods') + interface('OUT', 'merged')) +
                       module('merged', self.program('vportscan_aggregator'), '', interface('IN', 'merged') + interface('OUT', 'c')))
        self.assertEqual(self.check(), others)
        self.configure('more', self.w.read('modules/more.sup').replace('-u "uint32 PORT_CNT"', ''))
        self.assertEqual(len(self.check()), 3)
        self.configure('more', '')
        write('basic', self.program('flow_archive'))  # as is what other options may do
        self.assertEqual(len(self.check()), 3)

    def test_modules_survive_the_supervisor_and_are_taken_over(self):
        s = self.supervisor()
        self.wait_until_ready()
        before = {n: m['pid'] for n, m in self.status().items()}
        for how in (signal.SIGINT, signal.SIGKILL):
            self.w.end(s, how)
            s = self.supervisor()
            self.wait_until_ready()
            self.assertEqual({n: m['pid'] for n, m in self.status().items()}, before)
        os.kill(before['sleep'], signal.SIGKILL)
        self.wait_until(lambda x: x['sleep']['pid'] not in (0, before['sleep']), 'the restart of a module that was taken over')
        self.w.end(s, signal.SIGINT)
        self.configure('sleep', module('sleep', 'sleep', '1000000'))  # changed while nobody looked
        os.remove(self.w.file('modules/logger.sup'))
        old = json.loads(self.w.read('state/state.json'))['modules']['sleep']['pid']
        s = self.supervisor()
        self.wait_until(lambda x: x['sleep']['pid'] not in (0, old) and 'log' not in x, 'the new command')
        self.assertEqual(self.status()['repeater']['pid'], before['repeater'])
        self.w.end(s, signal.SIGTERM)

    def test_modules_of_nemea_2_are_taken_over(self):
        left = {name: subprocess.Popen([name, *arguments], executable=shutil.which('sleep'), start_new_session=True, stdin=subprocess.DEVNULL)
                for name, arguments in (('sleep', ('infinity',)), ('other', ('1000',)), ('stranger', ('infinity',)))}
        for name, process in left.items():
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            self.w.wait_for(lambda: read_command(process.pid)[0] == name, 'its command line')  # noqa: B023
        self.configure('more', module('other', 'sleep', '2000') + module('killed', 'sleep', 'infinity') + module('off', 'sleep', 'infinity'))
        entry = '<module module_pid="{}"><name>{}</name><path>x</path><params/><enabled>{}</enabled></module>'
        text = ('<?xml version="1.0"?><nemea-supervisor xmlns="urn:cesnet:tmc:nemea:1.0" lock="" daemon="true" socket_path="x"><modules>'
                '<name>All</name><enabled>true</enabled>{}</modules></nemea-supervisor>')
        self.w.file('b.xml', text.format(''.join(entry.format(*e) for e in (
            (left['sleep'].pid, 'sleep', 'true'), (left['other'].pid, 'other', 'true'), (left['stranger'].pid, 'killed', 'false'), (0, 'off', 'false'),
            (1, 'log', 'true'), (0, 'gone', 'true')))))
        s = self.supervisor('--import-backup', self.w.file('b.xml'))
        self.wait_until(lambda x: x['other']['state'] == 'running' and x['other']['pid'] != left['other'].pid, 'the restart with other arguments')
        self.wait_until_ready()
        after = self.status()
        self.assertEqual(after['sleep']['pid'], left['sleep'].pid)
        self.assertEqual(left['other'].wait(timeout=60), -signal.SIGTERM)
        self.assertEqual([after[n]['state'] for n in ('killed', 'off')], ['stopped', 'stopped'])
        self.assertIsNone(left['stranger'].poll())
        log = self.w.read('logs/supervisor_log')
        self.assertIn(f"Process {left['stranger'].pid} of the backup is not module killed, it is left alone.", log)
        self.assertIn('Module gone of the backup is not in the configuration.', log)
        self.assertFalse(os.path.exists(self.w.file('b.xml')))
        self.w.end(s, signal.SIGTERM)
        self.assertEqual(left['sleep'].wait(timeout=60), -signal.SIGTERM)
        for content, said in ((None, 'No such file'), ('<x/>', 'expected an XML document'), (text.format(entry.format(-1, 'a', 'true')), 'module_pid'),
                              (text.format(entry.format(1, 'a', 'yes')), '<enabled> true or false')):
            if content:
                self.w.file('b.xml', content)
            code, _, err = self.w.run(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                                      '--state-dir', self.w.file('state'), '--import-backup', self.w.file('b.xml'))
            self.assertEqual(code, 1)
            self.assertIn('cannot import', err)
            self.assertIn(said, err)

    def test_one_supervisor_per_state_directory(self):
        s = self.supervisor()
        code, _, err = self.w.run(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.w.file('t.sock'),
                                  '--state-dir', self.w.file('state'))
        self.assertEqual(code, 1)
        self.assertIn('another supervisor runs with this state directory', err)
        self.w.end(s, signal.SIGTERM)

    def test_a_daemon_says_that_it_is_ready(self):
        code, out, err = self.w.run(self.program('supervisor'), '-d', '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                                    '--state-dir', self.w.file('state'))
        self.assertEqual((code, err), (0, ''))
        self.assertRegex(out, r'^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \[INFO\] PID of daemon process: \d+\.\n$')
        pid = int(out.split()[-1].rstrip('.'))
        self.wait_until_ready()
        os.kill(pid, signal.SIGTERM)
        self.w.wait_for(lambda: gone(pid), 'the end of the daemon')  # which still writes its state when the socket is gone
        self.assertFalse(os.path.exists(self.socket))

    def test_requests_that_a_busy_supervisor_reads_late(self):
        """A client has two seconds for its first request; those in which the supervisor does something else do not count."""
        s = self.supervisor()
        while True:
            clients = [self.w.connect(self.socket) for _ in range(4)]
            self.cli('status')  # so that they are accepted
            s.send_signal(signal.SIGSTOP)
            self.w.wait_for(lambda: stat_of(s.pid)[0] == 'T', 'the stop')
            if not select.select(clients, [], [], 0)[0]:
                break
            for client in clients:  # their two seconds were over before
                client.close()
            s.send_signal(signal.SIGCONT)
        for client in clients:
            client.sendall(b'{"command":"status"}\n')
        time.sleep(3)
        s.send_signal(signal.SIGCONT)
        for client in clients:
            with client, client.makefile() as answers:
                self.assertTrue(json.loads(answers.readline())['ok'])
        self.assertEqual(self.w.end(s, signal.SIGTERM)[0], 0)

    def test_what_it_says_of_modules(self):
        s = self.supervisor()
        self.wait_until_ready()
        self.w.file('in.csv', 'uint64 BYTES,string URL\n1,first\n')  # clients are counted when there is a format
        self.assertEqual(self.w.run('logreplay', '-n', '-f', self.w.file('in.csv'), '-i', 'u:a')[0], 0)
        self.wait_until(lambda x: x['log']['inputs'][0]['messages'] == 1, 'the first record')
        tap = self.w.start(self.program('supcli'), '-s', self.socket, 'tap', 'repeater', '0', '-n', '2', '--seconds', '30')
        self.wait_until(lambda x: x['repeater']['outputs'][0]['clients'] == 2, 'the tap beside log')
        self.w.file('in.csv', 'uint64 BYTES,string URL\n18446744073709551615,"a\u00e9"\n2,b\n3,c\n')
        self.assertEqual(self.w.run('logreplay', '-n', '-f', self.w.file('in.csv'), '-i', 'u:a')[0], 0)
        code, out, err = self.w.end(tap)
        self.assertEqual((code, [json.loads(line) for line in out.splitlines()]),
                         (0, [{'BYTES': 2.0 ** 64, 'URL': 'a\u00e9'}, {'BYTES': 2, 'URL': 'b'}]), err)
        self.wait_until(lambda x: x['log']['inputs'][0]['messages'] == 4, 'the counters')
        self.assertIn('"sleep" has 0 outputs', self.cli('tap', 'sleep', status=1)[1])

        graph = json.loads(self.cli('graph', '--json')[0])
        self.assertEqual([m['name'] for m in graph['modules']], ['log', 'repeater', 'sleep'])
        edges = {e['name']: e for e in graph['edges']}
        self.assertEqual((edges['a']['from'], edges['a']['to']), (None, {'module': 'repeater', 'input': 0}))
        self.assertEqual((edges['b']['from'], edges['b']['to']), ({'module': 'repeater', 'output': 0}, {'module': 'log', 'input': 0}))
        self.assertEqual((edges['b']['messages'], edges['b']['dropped'], edges['b']['connected']), (4, 0, True))
        self.w.wait_for(lambda: next(e for e in json.loads(self.cli('graph', '--json')[0])['edges'] if e['name'] == 'b')['queue_fill'] == 0,
                        'an empty queue')  # each module is asked at its own time
        self.assertGreater(edges['b']['queue_bytes'], 0)
        self.assertRegex(self.cli('graph')[0], r'repeater +-> log +b +[\d.]+/s, 0/s dropped, queue 0%\n')
        self.assertIn('"repeater" -> "log" [label="b\\n', self.cli('graph', '--format', 'dot')[0])
        self.assertIn('m1 -->|"b ', self.cli('graph', '--format', 'mermaid')[0])

        self.cli('restart', 'log', '--wait')
        events = json.loads(self.cli('events', 'log', '--json')[0])['events']
        self.assertEqual([e['event'] for e in events if e['event'] != 'ready'], ['start', 'stopping', 'exit', 'start'])
        self.assertEqual(events[-2]['status'] if events[-1]['event'] == 'start' else 0, 0)
        self.assertRegex(self.cli('events', '--lines', '1000')[0], r'(?m)^20\S+Z +exit +log +Module log \(PID: \d+\) has ended with status 0\.$')
        last = json.loads(self.cli('events', '--json')[0])['last']
        with open(self.w.file('logs/modules_logs/sleep_stderr'), 'ab') as file:
            file.write(b'one\n' * 20 + b'two \xff \x1b[31m\0\nthree')
        log = json.loads(self.cli('logs', 'sleep', '--lines', '3', '--json')[0])
        self.assertEqual(log['stderr'], {'lines': ['one', 'two \ufffd \x1b[31m\ufffd', 'three'], 'more': True})
        self.assertIn('two \ufffd \\x1b[31m\ufffd\nthree\n', self.cli('logs', 'sleep')[0])
        self.assertIn('The configuration was loaded: 3 modules.', self.cli('logs')[0])
        self.assertIn('no module is named "s*"', self.cli('logs', 's*', status=1)[1])
        out, err = self.cli('check')
        self.assertEqual(out, '3 modules, 0 errors, 1 warnings\n')
        self.assertIn('no enabled module sends what module "repeater" reads: UNIX socket a', err)
        self.cli('check', '--strict', status=1)
        self.assertEqual(self.cli('top', '-n', '2')[0].count('repeater'), 2)
        self.assertIn('expected a number', self.cli('top', '-n', 'x', status=2)[1])
        code, out, err = self.w.run(self.program('nemea'), 'status', '-s', self.socket, '--json')
        self.assertEqual([m['name'] for m in json.loads(out)], ['log', 'repeater', 'sleep'], err)

        follow = self.w.start(self.program('supcli'), '-s', self.socket, 'events', '--follow', '--json')
        self.assertEqual(json.loads(follow.stdout.readline())['number'], 1)
        self.w.end(s, signal.SIGKILL)
        self.assertEqual(self.w.end(follow)[0], 4)
        s = self.supervisor()  # it knows what the one before knew
        self.wait_until_ready()
        events = json.loads(self.cli('events', '--lines', '1000', '--json')[0])['events']
        self.assertEqual([e['number'] for e in events], list(range(1, len(events) + 1)))
        self.assertGreater(len(events), last)
        self.assertIn('adopted', [e['event'] for e in events[last:]])
        self.w.end(s, signal.SIGTERM)

    def test_a_killed_supervisor_leaves_no_module_that_the_next_does_not_know(self):
        for name in 'abcdefgh':
            self.configure(name, module(name, 'sleep', '987654'))
        delays = random.Random(1)
        for _ in range(8):
            s = self.w.start(self.program('supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.socket,
                             '--state-dir', self.w.file('state'))
            self.w.wait_for(lambda: os.path.exists(self.w.file('state/state.json')) or delays.random() < 0.1, 'some moment')
            self.w.end(s, signal.SIGKILL)
        s = self.supervisor()
        self.wait_until(lambda x: [x[n]['state'] for n in 'abcdefgh'] == ['running'] * 8, 'the modules')
        pids = {m['pid'] for m in self.status().values()}

        def others():
            found = []
            for path in glob.glob('/proc/[0-9]*/environ'):
                with contextlib.suppress(OSError):
                    with open(path, 'rb') as file, open(path.replace('environ', 'cmdline'), 'rb') as command:
                        mine = f'TRAP_SOCKET_DIR={self.w.path}\0'.encode() in file.read()
                        if mine and b'987654' in command.read() and int(path.split('/')[2]) not in pids:
                            found.append(path)
            return found

        self.w.wait_for(lambda: not others(), 'the end of processes that have not begun')
        self.w.end(s, signal.SIGTERM)

    def test_a_reload_on_trial_is_rolled_back_when_a_module_fails(self):
        s = self.supervisor()
        self.wait_until_ready()
        before = self.status()
        self.configure('sleep', module('sleep', '/bin/false'))
        self.configure('new', module('new', 'sleep', 'infinity'))
        _, err = self.cli('reload', '--rollback', '1000', status=1)
        self.assertIn('the configuration before is back', err)
        self.wait_until(lambda x: x['sleep']['state'] == 'running' and 'new' not in x, 'the configuration before')
        after = self.status()
        self.assertEqual(after['sleep']['path'], 'sleep')
        self.assertEqual([after[n]['pid'] for n in ('log', 'repeater')], [before[n]['pid'] for n in ('log', 'repeater')])
        self.assertIn('rollback', [e['event'] for e in json.loads(self.cli('events', '--json')[0])['events']])
        self.assertNotIn('/bin/false', self.w.read('state/supervisor_config_gener.xml'))
        self.configure('sleep', module('sleep', 'sleep', '1000000'))
        self.cli('reload', '--rollback', '2')
        self.assertRegex(self.cli('info')[0], r'trial +kept\n')
        self.assertEqual(self.status()['new']['state'], 'running')
        self.w.end(s, signal.SIGTERM)

    def test_metrics_and_what_is_made_of_them(self):
        s = self.supervisor()
        self.wait_until_ready()
        text = self.cli('metrics')[0]
        self.assertTrue(text.endswith('\n# EOF\n'))
        types, samples = {}, {}
        for line in text.splitlines()[:-1]:
            if line.startswith('# '):
                _, word, name, rest = line.split(' ', 3)
                self.assertTrue(name not in types if word == 'TYPE' else name in types and word == 'HELP', line)
                types.setdefault(name, rest)
                continue
            match = re.fullmatch(r'(\w+)(\{\w+="(?:[^"\\]|\\[\\n"])*"(?:,\w+="(?:[^"\\]|\\[\\n"])*")*\})? (\S+)', line)
            self.assertIsNotNone(match, line)
            family = list(types)[-1]
            self.assertEqual(match[1], family + {'counter': '_total', 'info': '_info'}.get(types[family], ''), line)
            self.assertNotIn(match[1] + (match[2] or ''), samples)
            samples[match[1] + (match[2] or '')] = float(match[3])
        self.assertEqual(samples['nemea_module_up{module="log"}'], 1)
        self.assertIn('nemea_ifc_connected{module="log",dir="in",index="0",type="u",id="b"}', samples)
        self.assertEqual(samples['nemea_supervisor_reloads_total{result="success"}'], 0)
        names = {re.sub(r'\{.*', '', s) for s in samples}
        folder = os.path.join(ROOT, 'supervisor', 'install')
        for name in ('nemea_rules.yml', 'nemea_dashboard.json'):
            with open(os.path.join(folder, name), encoding='ascii') as file:
                used = set(re.findall(r'\bnemea_(?:module|ifc|supervisor)_\w+', file.read()))
            self.assertTrue(used and used <= names, used - names)
        with open(os.path.join(folder, 'nemea_dashboard.json'), encoding='ascii') as file:
            self.assertEqual(len({p['id'] for p in json.load(file)['panels']}), 8)
        if shutil.which('yanglint'):
            self.assertEqual(self.w.run('yanglint', os.path.join(folder, 'nemea.yang')), (0, '', ''))
        if shutil.which('promtool'):
            self.assertEqual(self.w.run('promtool', 'check', 'rules', os.path.join(folder, 'nemea_rules.yml'))[0], 0)
        code, out, _ = self.w.run(self.program('nemea-modulesinfo'), 'log', env=dict(self.w.env, socket=self.socket))
        self.assertEqual((code, json.loads(out)['params']), (0, '-t'))
        self.assertEqual(self.w.run(self.program('nemea-modulesinfo'), 'nobody', env=dict(self.w.env, socket=self.socket))[0], 65)
        self.w.end(s, signal.SIGTERM)

    @unittest.skipIf(os.geteuid() != 0, 'becomes another user')
    def test_who_may_ask_for_what(self):
        nobody = pwd.getpwnam('nobody')

        def ask_as_nobody(*requests):
            """What nobody's requests give: None or the error."""
            with self.w.connect(self.socket) as probe:  # it listens
                probe.sendall(b'12\n')
            os.chmod(self.socket, 0o666)
            os.chmod(self.w.path, 0o755)
            code = ('import json, socket, sys\ns = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rw")\n'
                    'for line in sys.argv[2:]:\n f.write(line + "\\n"); f.flush(); print(json.dumps(json.loads(f.readline()).get("error")))')
            done = subprocess.run(['/usr/bin/python3', '-c', code, self.socket, *(json.dumps(r) for r in requests)], user=nobody.pw_uid,
                                  group=nobody.pw_gid, extra_groups=[], check=True, capture_output=True, text=True, timeout=60)
            return [json.loads(line) for line in done.stdout.splitlines()]

        for options, allowed in (((), False), (('--inspect-user=nobody',), True)):
            s = self.supervisor(*options)
            self.wait_until_ready()
            answers = ask_as_nobody(*({'command': c, 'names': ['sleep']} for c in ('status', 'graph', 'events', 'logs', 'tap', 'stop', 'reload')))
            self.assertEqual(answers[:3], [None, None, None])
            self.assertEqual([a is not None and 'root and the user' in a for a in answers[3:]], [not allowed, not allowed, True, True], answers)
            self.w.end(s, signal.SIGTERM)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
