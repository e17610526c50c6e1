#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The supervisor that root has started: only its spawner stays root, and does what a configuration says that only root can change.

usage: spawner_test.py BIN_DIR [TEST...]
"""

import array
import contextlib
import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import unittest

from programs import ROOT, facts
from supervised import Supervised, gone, interface, module, stat_of

BIN = None
SERVICE, OTHER = 'nobody', 'games'
MAGIC, LOAD, START, SIGNAL, ANSWER, ENDED = 0x4e535031, 1, 2, 3, 4, 5


def fingerprint(text):
    h = 0xcbf29ce484222325
    for byte in text:
        h = (h ^ byte) * 0x100000001b3 % 2 ** 64
    return h


def start_time(pid):
    return int(stat_of(pid)[19])


def removed(group):
    """A control group, which is busy while a process is in it."""
    with contextlib.suppress(OSError):
        os.rmdir(group)
    return not os.path.exists(group)


class Spawner(Supervised):
    def setUp(self):
        self.bin_dir = BIN
        super().setUp()
        os.chmod(self.w.path, 0o755)
        for name in ('sockets', 'run'):
            os.mkdir(self.w.file(name))
        os.mkdir(self.w.file('state'), 0o700)
        service = pwd.getpwnam(SERVICE)
        for name in ('logs', 'state', 'run'):
            os.chown(self.w.file(name), service.pw_uid, service.pw_gid)
        os.chown(self.w.file('sockets'), 0, service.pw_gid)
        os.chmod(self.w.file('sockets'), 0o2775)
        self.w.env['TRAP_SOCKET_DIR'] = self.w.file('sockets')
        self.socket = self.w.file('run/s.sock')
        self.configure('repeater', module('repeater', self.program('traffic_repeater'), '', interface('IN', 'a') + interface('OUT', 'b')))
        self.configure('log', module('log', self.program('logger'), '-t', interface('IN', 'b'), options=f's:user="{OTHER}"'))
        self.configure('sleep', module('sleep', 'sleep', 'infinity'))

    def configure(self, name, text):
        super().configure(name, text)
        os.chmod(self.w.file(f'modules/{name}.sup'), 0o644)

    def command(self, *options):
        with open(os.path.join(ROOT, 'supervisor/install/nemea-supervisor.service'), encoding='utf-8') as file:
            bounds = re.search(r'^CapabilityBoundingSet=(.*)$', file.read(), re.M).group(1).lower().replace('cap_', '+').split()
        return ('setpriv', '--bounding-set', ','.join(['-all', *bounds]), *super().command('--user', SERVICE, *options))

    def wait_until_ready(self):
        super().wait_until_ready()
        return self.wait_until(lambda s: s['log']['user'] == OTHER and s['sleep']['user'] == SERVICE, 'their users')

    def spawner_of(self, pid):
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return int(file.read().split()[0])

    def test_nothing_but_the_spawner_is_root(self):
        s = self.supervisor()
        status = self.wait_until_ready()
        service, other = pwd.getpwnam(SERVICE), pwd.getpwnam(OTHER)
        self.w.wait_for(lambda: facts(status['sleep']['pid'])['Name'] == 'sleep', 'the program')
        self.assertEqual(facts(s.pid)['Uid'].split(), [str(service.pw_uid)] * 4)
        self.assertEqual((facts(s.pid)['CapEff'], facts(s.pid)['NoNewPrivs']), ('0' * 16, '1'))
        spawner = self.spawner_of(s.pid)
        self.assertEqual(facts(spawner)['Uid'].split(), ['0'] * 4)
        self.assertFalse(int(facts(spawner)['CapPrm'], 16) >> 21 & 1, 'CAP_SYS_ADMIN')
        for name, uid in (('repeater', service.pw_uid), ('sleep', service.pw_uid), ('log', other.pw_uid)):
            of = facts(status[name]['pid'])
            self.assertEqual(of['Uid'].split(), [str(uid)] * 4, name)
            self.assertEqual((of['CapPrm'], of['CapAmb'], of['CapBnd'], of['NoNewPrivs']), ('0' * 16, '0' * 16, '0' * 16, '1'), name)
            self.assertNotIn('0', of['Groups'].split() + of['Gid'].split())
            self.assertIn(str(service.pw_gid), of['Groups'].split() + of['Gid'].split())
            files = sorted(os.listdir(f'/proc/{status[name]["pid"]}/fd'), key=int)[:3]
            self.assertEqual(files, ['0', '1', '2'])
        self.w.wait_for(lambda: set(os.listdir(f'/proc/{status["sleep"]["pid"]}/fd')) == {'0', '1', '2'}, 'no other descriptors, once it is loaded')
        self.assertEqual(os.stat(self.w.file('logs/modules_logs/log_stdout')).st_uid, service.pw_uid)
        pid = status['log']['pid']
        self.cli('restart', 'log')
        self.wait_until(lambda x: x['log']['pid'] not in (0, pid) and x['log']['state'] == 'ready', 'the restart')
        os.kill(status['repeater']['pid'], signal.SIGKILL)
        self.wait_until(lambda x: x['repeater']['pid'] not in (0, status['repeater']['pid']), 'a module that was killed')
        self.assertEqual(self.status()['repeater']['last_exit']['signal'], 9)
        modules = [m['pid'] for m in self.status().values()]
        self.assertEqual(self.w.end(s, signal.SIGTERM)[0], 0)
        for pid in [spawner, *modules]:
            self.w.wait_for(lambda: gone(pid), f'the end of {pid}')  # noqa: B023

    def test_a_source_gets_the_capability_of_its_kind(self):
        self.configure('source', module('source', self.program('flow_meter'), '-I lo', interface('OUT', 'c')))
        self.configure('own', module('own', '/bin/sh', "-c 'sleep 1000000'", options='s:capabilities="NET_BIND_SERVICE"'))
        s = self.supervisor()
        self.wait_until(lambda x: x['source']['state'] == 'ready' and x['own']['state'] == 'running', 'the source')
        self.assertEqual(int(facts(self.status()['source']['pid'])['CapEff'], 16), 1 << 13)
        self.w.wait_for(lambda: int(facts(self.status()['own']['pid'])['CapBnd'], 16) == 1 << 10, 'the capability')
        self.w.end(s, signal.SIGTERM)

    def test_a_module_cannot_become_root(self):
        self.configure('climber', module('climber', '/bin/sh', "-c 'id -u; su root -c id; setpriv --reuid 0 id; cat /etc/shadow; kill -9 $PPID; echo end; sleep 1000000'"))
        s = self.supervisor()
        log = self.w.file('logs/modules_logs/climber_stdout')
        self.w.wait_for(lambda: os.path.exists(log) and 'end\n' in self.w.read(log), 'its end')
        said = self.w.read(log).partition('(null)\n')[2]
        self.assertEqual(said, f'{pwd.getpwnam(SERVICE).pw_uid}\nend\n')
        self.assertTrue(os.path.exists(f'/proc/{self.spawner_of(s.pid)}'))
        self.w.end(s, signal.SIGTERM)

    def test_modules_survive_and_are_taken_over(self):
        s = self.supervisor()
        self.wait_until_ready()
        before = {n: m['pid'] for n, m in self.status().items()}
        spawner = self.spawner_of(s.pid)
        for how in (signal.SIGKILL, signal.SIGINT):
            self.w.end(s, how)
            self.w.wait_for(lambda: gone(spawner), 'the end of the spawner')  # noqa: B023
            s = self.supervisor()
            self.wait_until_ready()
            self.assertEqual({n: m['pid'] for n, m in self.status().items()}, before)
            spawner = self.spawner_of(s.pid)
        # It stops and restarts what it has taken over, of the other user, too.
        self.cli('stop', 'log', '--wait')
        self.assertTrue(gone(before['log']))
        self.cli('start', 'log', '--wait')
        # Without its spawner it can do nothing, so it ends, and the next one takes over.
        os.kill(spawner, signal.SIGKILL)
        self.assertEqual(s.wait(timeout=60), 1)
        self.assertIn('nemea_spawner has ended', self.w.read('logs/supervisor_log'))
        now = json.loads(self.w.read('state/state.json'))['modules']
        s = self.supervisor()
        self.wait_until_ready()
        self.assertEqual({n: m['pid'] for n, m in self.status().items()}, {n: m['pid'] for n, m in now.items()})
        self.w.end(s, signal.SIGTERM)
        self.assertFalse([n for n, m in now.items() if not gone(m['pid'])])

    def test_only_roots_configuration_is_loaded(self):
        for name, change, said in (('t.xml', lambda p: os.chmod(p, 0o666), 'can be written by others than root'),
                                   ('modules/sleep.sup', lambda p: os.chown(p, pwd.getpwnam(SERVICE).pw_uid, 0), 'expected root'),
                                   ('modules', lambda p: os.chmod(p, 0o777), 'can be written by others than root')):
            path, mode = self.w.file(name), os.stat(self.w.file(name)).st_mode
            change(path)
            code, _, err = self.w.run(*self.command())
            self.assertEqual(code, 78, err)
            self.assertIn(said, err)
            os.chown(path, 0, 0)
            os.chmod(path, mode & 0o7777)
        s = self.supervisor()
        self.wait_until_ready()
        before = {n: m['pid'] for n, m in self.status().items()}
        self.configure('new', module('new', 'sleep', 'infinity'))
        os.chmod(self.w.file('modules/new.sup'), 0o664)
        self.assertIn('modules/new.sup can be written by others than root (mode 0664, expected 0644)', self.cli('reload', status=1)[1])
        self.assertEqual({n: m['pid'] for n, m in self.status().items()}, before)
        os.chmod(self.w.file('modules/new.sup'), 0o644)
        self.cli('reload')
        self.wait_until(lambda x: x['new']['state'] == 'running', 'the new module')
        # A program that others can change does not run either.
        self.configure('new', module('new', self.w.file('run/program'), 'infinity'))
        with open('/bin/sleep', 'rb') as file, open(self.w.file('run/program'), 'wb') as copy:
            copy.write(file.read())
        os.chmod(self.w.file('run/program'), 0o755)
        self.cli('reload')
        self.wait_until(lambda x: x['new']['state'] == 'backoff', 'the refusal')
        self.assertRegex(self.w.read('logs/modules_events'), r'Module new cannot be started: .*/run belongs to user \d+, expected root')
        self.w.end(s, signal.SIGTERM)

    def test_check_says_what_the_spawner_would_refuse(self):
        template, folder, sleep = self.w.file('t.xml'), self.w.file('modules'), self.w.file('modules/sleep.sup')
        self.configure('copy', module('copy', self.w.file('run/program'), 'infinity'))
        shutil.copy('/bin/sleep', self.w.file('run/program'))

        def check(*options):
            code, out, err = self.w.run(self.program('supervisor'), '--check', *options, template)
            return code, [line for line in err.splitlines() if re.search('root|other', line)], out + err

        owner = rf'{self.w.path}/run belongs to user \d+, expected root'
        program = rf'warning: {folder}/copy\.sup:1: program of module "copy" will not be started: {owner}'
        code, said, all_ = check(f'--user={SERVICE}')
        self.assertEqual((code, len(said)), (0, 1), all_)
        self.assertRegex(said[0], program)
        self.assertEqual(check(f'--user={SERVICE}', '--strict')[0], 78)
        s = self.supervisor()
        self.wait_until_ready()
        self.assertRegex(''.join(self.cli('check')), owner)
        for path, mode in ((template, 0o664), (folder, 0o777)):
            os.chmod(path, mode)
        os.chown(sleep, pwd.getpwnam(SERVICE).pw_uid, 0)
        expected = [f'error: {template}:1: {template} can be written by others than root (mode 0664, expected 0644)',
                    f'error: {folder}/copy.sup:1: {folder} can be written by others than root (mode 0777, expected 0755)']
        code, said, all_ = check(f'--user={SERVICE}')
        self.assertEqual((code, said[:2], len(said)), (78, expected, 3), all_)
        self.assertEqual(check()[:2], (0, []), 'a configuration without a spawner')
        out = ''.join(self.cli('check', status=1))
        for line in expected:
            self.assertIn(line.partition(': ')[2], out)
        os.chmod(folder, 0o755)
        foreign = f'{sleep}:1: {sleep} belongs to user {pwd.getpwnam(SERVICE).pw_uid}, expected root'
        self.assertIn(foreign, ''.join(self.cli('check', status=1)))
        self.assertIn('error: ' + foreign, check(f'--user={SERVICE}')[1])
        self.assertEqual(check('--user=no-such-user')[0], 1)
        self.w.end(s, signal.SIGTERM)

    def test_a_control_group_is_given_only_where_nobody_else_is(self):
        """Who owns a group could move, and so end, every process beneath it."""
        if os.path.isdir('/run/systemd/system'):
            self.skipTest('systemd gives groups here')
        mounted = self.w.file('cgroup')
        os.mkdir(mounted)
        if subprocess.run(['mount', '-t', 'cgroup2', 'none', mounted], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest('control groups of version 2 cannot be mounted here')
        self.addCleanup(subprocess.run, ['umount', mounted], check=True)
        root = os.stat(mounted).st_uid
        for others in (True, False):
            name = f'nemea-test-{os.getpid()}-{others}'
            group = os.path.join(mounted, name)
            os.mkdir(group)
            stranger = subprocess.Popen(['sleep', 'infinity'])
            if others:
                with open(f'{group}/cgroup.procs', 'w', encoding='ascii') as file:
                    file.write(str(stranger.pid))
            s = self.w.start('unshare', '-m', 'sh', '-c',
                             f'mount -t cgroup2 none /sys/fs/cgroup && echo $$ >/sys/fs/cgroup/{name}/cgroup.procs && exec "$0" "$@"',
                             *super().command('--user', SERVICE))
            self.w.connect(self.socket).close()
            owner = os.stat(group).st_uid
            status = self.w.end(s, signal.SIGTERM)
            stranger.kill()
            stranger.wait()
            self.w.wait_for(lambda: removed(group), 'the end of the spawner')
            self.assertEqual((status[0], owner), (0, 0 if others else pwd.getpwnam(SERVICE).pw_uid), status)
        self.assertEqual(os.stat(mounted).st_uid, root)

    def test_a_deployment_that_nemea_run_has_exported(self):
        """The commands that it prints."""
        config = self.w.file('nemea.yaml', f'sources: [{{interface: lo}}]\nuser: {SERVICE}\npage: {{listen: "127.0.0.1:{self.w.free_port()}"}}\n')
        state = self.w.file('deployment')
        code, out, err = self.w.run(self.program('nemea'), 'run', '-c', config, '--state-dir', state, '--export', self.w.file('export'))
        self.assertEqual((code, err), (0, ''))
        make, start = (line.strip() for line in out.splitlines()[1:])
        self.assertEqual(self.w.run('sh', '-c', make)[0], 0, make)
        self.w.env['PATH'] = BIN + ':' + os.environ['PATH']
        self.w.env['TRAP_SOCKET_DIR'] = state + '/run'
        s = self.w.start('sh', '-c', 'exec env ' + start)
        self.socket = state + '/run/supervisor.sock'
        self.w.connect(self.socket).close()
        modules = self.wait_until(lambda m: all(x['state'] in ('ready', 'running') and x['user'] == SERVICE for x in m.values()), 'the modules')
        for name, m in modules.items():
            rights = 1 << 13 if name.startswith('flow_meter') else 0
            self.w.wait_for(lambda: int(facts(m['pid'])['CapEff'], 16) == rights, f'the rights of {name}')  # noqa: B023
        self.assertEqual(self.w.end(s, signal.SIGTERM)[0], 0)

    def test_reload_and_rollback(self):
        s = self.supervisor()
        self.wait_until_ready()
        self.configure('sleep', module('sleep', 'sleep', 'never'))
        self.cli('reload', '--rollback', '30', status=1)

        def argument():
            with contextlib.suppress(OSError, IndexError), open(f'/proc/{self.status()["sleep"]["pid"]}/cmdline', 'rb') as file:
                return file.read().split(b'\0')[1]

        self.w.wait_for(lambda: argument() == b'infinity', 'the configuration before')
        self.w.end(s, signal.SIGTERM)

    # ------------------------------------------------------------- a supervisor that was taken over

    def spawner(self):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen([self.program('nemea_spawner'), self.w.file('t.xml'), SERVICE, 'on'], env=self.w.env,
                                   preexec_fn=lambda: os.dup2(its.fileno(), 3), close_fds=False)
        its.close()
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(ours.close)
        ours.settimeout(60)
        return ours

    @staticmethod
    def ask(s, kind, print_=0, start=0, pid=0, number=0, name=b'', fds=(), raw=None):
        packet = raw if raw is not None else struct.pack('=IIQQii256s', MAGIC, kind, print_, start, pid, number, name)
        s.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])
        while True:
            data, control, _, _ = s.recvmsg(4096, 256)
            for _, _, bytes_ in control:
                for fd in struct.unpack(f'{len(bytes_) // 4}i', bytes_):
                    os.close(fd)
            magic, got, pid, status, why = struct.unpack('=IIii512s', data)
            if (magic, got) == (MAGIC, ANSWER):
                return pid, status, why.partition(b'\0')[0].decode()

    def text_of_configuration(self):
        s = self.supervisor()
        self.w.end(s, signal.SIGTERM)
        with open(self.w.file('state/supervisor_config_gener.xml'), 'rb') as file:
            return file.read()

    def log_files(self):
        out = os.open(self.w.file('out'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        gate = os.pipe()
        self.addCleanup(os.close, out)
        self.addCleanup(os.close, gate[0])
        self.addCleanup(os.close, gate[1])
        return out, gate

    def test_a_supervisor_that_was_taken_over_gets_no_more_than_its_modules(self):
        text = self.text_of_configuration()
        s = self.spawner()
        out, gate = self.log_files()
        fds = (out, out, gate[0])
        self.assertEqual(self.ask(s, START, name=b'sleep', fds=fds)[1], -1, 'before a configuration')
        self.assertIn('changed while it was read', self.ask(s, LOAD, print_=1)[2])
        self.assertEqual(self.ask(s, LOAD, print_=fingerprint(text))[1:], (0, ''))
        for name in (b'nobody', b'../../../bin/sh', b'/bin/sh', b'sleep\0; sh'):
            self.assertEqual(self.ask(s, START, name=name, fds=fds)[1], -1, name)
        # Other descriptors than logs and a gate: nothing that a program could read, no device.
        null, readable = os.open('/dev/null', os.O_WRONLY), os.open(self.w.file('out'), os.O_RDONLY)
        for wrong in ((null, out, gate[0]), (readable, out, gate[0]), (out, out, gate[1]), (out, out, out), (out, out), (out, out, gate[0], out)):
            self.assertEqual(self.ask(s, START, name=b'sleep', fds=wrong)[1], -1)
        os.close(null)
        os.close(readable)
        for raw in (b'x', b'', b'\0' * 288, os.urandom(288), struct.pack('=II', MAGIC, START) + b'\xff' * 280, b'\0' * 60000):
            if raw:
                self.assertEqual(self.ask(s, 0, raw=raw)[2], 'that is no request')
        pid, status, why = self.ask(s, START, name=b'sleep', fds=fds)
        self.assertEqual((status, why), (0, ''))
        self.assertEqual(self.ask(s, START, name=b'sleep', fds=fds)[2], 'it runs already')
        os.write(gate[1], b'x')
        self.w.wait_for(lambda: facts(pid)['Name'] == 'sleep', 'the program')
        self.assertEqual(facts(pid)['Uid'].split(), [str(pwd.getpwnam(SERVICE).pw_uid)] * 4)
        # Processes that are no modules: root's, and those of the service's user that no spawner has started.
        foreign = subprocess.Popen(['sleep', 'infinity'], user=SERVICE, group=grp.getgrgid(pwd.getpwnam(SERVICE).pw_gid).gr_name,
                                   extra_groups=[], start_new_session=True)
        self.addCleanup(foreign.wait)
        self.addCleanup(foreign.kill)
        for victim in (os.getpid(), foreign.pid, 1):
            self.assertEqual(self.ask(s, SIGNAL, pid=victim, start=start_time(victim) or 1, number=signal.SIGKILL)[1], -1, victim)
        self.assertIsNone(foreign.poll())
        self.assertEqual(self.ask(s, SIGNAL, pid=pid, start=start_time(pid) + 1, number=signal.SIGTERM)[2], 'there is no such process')
        self.assertEqual(self.ask(s, SIGNAL, pid=pid, start=start_time(pid), number=signal.SIGSTOP)[2], 'that is no request')
        self.assertEqual(self.ask(s, SIGNAL, pid=pid, start=start_time(pid), number=signal.SIGTERM)[1:], (0, ''))
        data = s.recv(4096)
        self.assertEqual(struct.unpack('=IIii', data[:16]), (MAGIC, ENDED, pid, signal.SIGTERM))

    def test_what_it_had_loaded_holds_when_the_files_are_foreign_later(self):
        text = self.text_of_configuration()
        s = self.spawner()
        self.assertEqual(self.ask(s, LOAD, print_=fingerprint(text))[1:], (0, ''))
        self.configure('evil', module('evil', '/bin/sh', '-c id'))
        os.chown(self.w.file('modules/evil.sup'), pwd.getpwnam(SERVICE).pw_uid, 0)
        changed = text.replace(b'infinity', b'1')
        self.assertIn('expected root', self.ask(s, LOAD, print_=fingerprint(changed))[2])
        out, gate = self.log_files()
        self.assertIn('no module of that name', self.ask(s, START, name=b'evil', fds=(out, out, gate[0]))[2])

    def test_wrong_users_are_refused(self):
        for user, said in (('root', 'expected a user without root'), ('no-such-user', 'no such user')):
            arguments = [user if a == SERVICE else a for a in self.command()]
            code, _, err = self.w.run(*arguments)
            self.assertEqual(code, 1)
            self.assertIn(f'supervisor: --user={user}: {said}', err)


def roots_alone(path):
    while path != '/':
        st = os.lstat(path)
        if st.st_uid != 0 or st.st_mode & 0o022 or not st.st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


if __name__ == '__main__':
    BIN = os.path.realpath(sys.argv[1])
    if os.geteuid() != 0:
        print('not run: only root can start a supervisor as another user')
        sys.exit(77)
    if not roots_alone(BIN):
        print(f'not run: {BIN} is not in directories that only root can change and all can pass')
        sys.exit(77)
    if os.environ.get('SPAWNER_TEST') != '1':  # a /run of its own, which is root's, unlike /tmp
        if subprocess.run(['unshare', '--mount', 'true'], check=False).returncode != 0:
            print('not run: no rights for a mount namespace')
            sys.exit(77)
        os.environ['SPAWNER_TEST'] = '1'
        os.execvp('unshare', ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"', 'sh', sys.executable, *sys.argv])
    os.environ['TMPDIR'] = '/run'
    del sys.argv[1]
    unittest.main()
