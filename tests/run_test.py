#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""nemea run: a capture replayed through a whole deployment until its attacks are in the store; a second run; wrong requests.

usage: run_test.py BIN_DIR CAPTURE.zst [TEST...]
"""

import glob
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import unittest

from programs import Workspace, facts

BIN = CAPTURE = None
USER = pwd.getpwuid(os.geteuid()).pw_name  # root stays root, whatever users this machine has
# Detectors that a test of one does without.
OTHERS = ('amplification_detection', 'ddos_detector', 'dnstunnel_detection', 'haddrscan_detector', 'hoststatsnemea', 'miner_detector',
          'sip_bf_detector', 'smtp_spam_detector', 'voip_fraud_detection', 'vportscan_detector', 'waintrusion_detector')


class Run(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env.pop('TRAP_SOCKET_DIR')
        self.state = self.w.file('state')
        self.addCleanup(self.kill_modules)

    def kill_modules(self):
        """Those that a failed test has left."""
        for entry in glob.glob('/proc/[0-9]*/environ'):
            pid = int(entry.split('/')[2])
            try:
                with open(entry, 'rb') as file:
                    ours = f'TRAP_SOCKET_DIR={self.state}/run'.encode() in file.read().split(b'\0')
                if ours:
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def nemea(self, *words):
        return self.w.run(os.path.join(BIN, 'nemea'), *words)

    def modules(self):
        code, out, _ = self.w.run(os.path.join(BIN, 'supcli'), '-s', self.state + '/run/supervisor.sock', 'status', '--json')
        return {m['name']: m for m in json.loads(out)} if code == 0 else {}

    def events(self):
        code, out, _ = self.nemea('alerts', '--json', '--state-dir', self.state)
        return {event['id']: event['kind'] for event in map(json.loads, out.splitlines())} if code == 0 else {}

    def left(self):
        """Processes with the sockets of the deployment, and its sockets."""
        found = glob.glob(self.state + '/run/*')
        for entry in glob.glob('/proc/[0-9]*/environ'):
            try:
                with open(entry, 'rb') as file:
                    if f'TRAP_SOCKET_DIR={self.state}/run'.encode() in file.read().split(b'\0'):
                        found.append(entry)
            except OSError:
                pass
        return found

    def wait_for_rights(self, name, pid, rights, sets=('CapEff', 'CapPrm', 'CapAmb')):
        """A module without interfaces counts as running before its program begins."""
        self.w.wait_for(lambda: {int(facts(pid)[which], 16) for which in sets} == {rights}, f'the rights of {name}')

    def start(self, *options):
        return self.w.start(os.path.join(BIN, 'nemea'), 'run', '--user', USER, '--state-dir', self.state, *options)

    def test_a_replay_fills_the_store_and_the_next_run_goes_on(self):
        capture = self.w.file('v.pcap', subprocess.run(['zstd', '-dqc', CAPTURE], stdout=subprocess.PIPE, check=True).stdout)
        page = f'page: {{listen: "127.0.0.1:{self.w.free_port()}"}}\n'
        run = self.start('-c', self.w.file('first.yaml', page + f'sources: [{{replay: {capture}, speed: 100}}]\n'))
        self.w.wait_for(lambda: 'vertical-scan' in self.events().values(), 'the scans')
        self.assertEqual(stat.S_IMODE(os.stat(self.state).st_mode), 0o700)
        self.w.wait_for(lambda: self.modules()['flow_meter']['state'] == 'finished', 'the end of the capture')
        code, out, err = self.nemea('run', '--user', USER, '--state-dir', self.state, '--replay', capture)
        self.assertEqual((code, out), (5, ''), err)
        self.assertIn('another nemea run has this state directory', err)

        for words in (('--state-dir', self.state), (f'--state-dir={self.state}',)):
            code, out, err = self.nemea('status', *words, '--json')
            self.assertEqual({m['name'] for m in json.loads(out)}, set(self.modules()), err)
        self.assertIn('--state-dir needs an argument', self.nemea('status', '--state-dir')[2])

        # The supervisor is killed: its modules go on, the replay is not repeated, and a killed module comes back.
        before = self.modules()
        supervisor = int(subprocess.run(['ps', '-o', 'pid=', '--ppid', str(run.pid)], stdout=subprocess.PIPE, text=True, check=True)
                         .stdout.split()[0])
        os.kill(supervisor, signal.SIGKILL)
        os.kill(before['alert_store']['pid'], signal.SIGKILL)
        self.w.wait_for(lambda: (lambda m: m and m['alert_store']['state'] == 'ready' and m['alert_store']['pid'] != before['alert_store']['pid']
                                 and all(x['state'] in ('ready', 'running', 'finished') for x in m.values()))(self.modules()), 'the modules')
        after = self.modules()
        self.assertEqual(after['vportscan_detector']['pid'], before['vportscan_detector']['pid'])
        self.assertEqual((after['flow_meter']['state'], after['flow_meter']['pid']), ('finished', 0))
        self.assertEqual([o['rate'] for o in before['flow_meter']['outputs']], [0] * len(before['flow_meter']['outputs']))  # not the last one of its life

        code, out, err = self.w.end(run, signal.SIGINT)
        self.assertEqual((code, err), (0, ''), out)
        self.assertIn('the supervisor was ended by signal 9', out)
        self.assertEqual(self.left(), [])

        # The next run has the events of the first, and the archive its flows.
        self.w.file('nemea.yaml', page + 'sources: [{interface: lo}]\ndetectors: {hoststatsnemea: {enabled: false}}\nretention: {logs: 10kBx2}\n')
        with open(self.state + '/logs/modules_logs/alert_store_stderr', 'a', encoding='ascii') as log:
            log.write('long ago\n' * 2000)
        run = self.start('-c', self.w.file('nemea.yaml'))
        self.w.wait_for(lambda: 'vertical-scan' in self.events().values(), 'the events of the first run')
        self.w.wait_for(self.modules, 'the supervisor')
        self.assertNotIn('hoststatsnemea', self.modules())
        code, out, err = self.nemea('flows', '--archive', '--state-dir', self.state, '--limit', '1', '--csv')
        self.assertEqual((code, len(out.splitlines())), (0, 2), err)
        self.w.wait_for(lambda: os.path.exists(self.state + '/logs/modules_logs/alert_store_stderr.1'), 'the log to be cut')
        self.w.file('nemea.yaml', page + 'sources: [{interface: lo}]\n')
        run.send_signal(signal.SIGHUP)
        self.w.wait_for(lambda: 'hoststatsnemea' in self.modules(), 'the module that the file has now')
        code, out, err = self.w.end(run, signal.SIGTERM)
        self.assertEqual((code, err), (0, ''), out)
        self.assertEqual(self.left(), [])

    def reporters(self):
        """Puts the reporters where nemea run finds them."""
        os.mkdir(self.w.file('bin'))
        for program in glob.glob(os.environ['REPORTER_PROGRAMS'] + '/*2idea.py'):  # an installation has them beside nemea
            with open(program, encoding='utf-8') as file:
                python = file.readline()[2:].strip()
            os.chmod(self.w.file('bin/' + os.path.basename(program), f'#!/bin/sh\nexec {python} {program} "$@"\n'), 0o755)
        self.w.env.update(NEMEA_BIN=self.w.file('bin'), NEMEA_SPOOL_DIR=self.w.file('spool'))

    @unittest.skipUnless('REPORTER_PROGRAMS' in os.environ, 'reporters are not built, or only with a sanitizer')
    def test_reporters_apply_the_rules(self):
        """Guessed passwords become IDEA messages in a file, each once, though the reporter was killed."""
        self.reporters()
        alerts = self.w.file('alerts.idea')
        self.w.file('rules.yaml', f'namespace: com.example\ncustom_actions:\n- id: f\n  file: {{path: {alerts}}}\n'
                    'rules:\n- {id: 1, actions: [f]}\n')  # without a condition: all alerts
        capture = os.path.join(os.path.dirname(CAPTURE), 'development', 'logins.pcap.zst')
        self.w.file('logins.pcap', subprocess.run(['zstd', '-dqc', capture], stdout=subprocess.PIPE, check=True).stdout)
        others = ''.join(f'  {name}: {{enabled: false}}\n' for name in OTHERS)
        self.w.file('nemea.yaml', f'sources: [{{replay: {self.w.file("logins.pcap")}, speed: 1000}}]\nreporting: {self.w.file("rules.yaml")}\n'
                    f'page: {{listen: "127.0.0.1:{self.w.free_port()}"}}\ndetectors:\n{others}')
        run = self.start('-c', self.w.file('nemea.yaml'))

        def messages():
            return self.w.read('alerts.idea').splitlines() if os.path.exists(alerts) else []
        def ready(other_than=0):
            module = self.modules().get('bruteforce2idea', {'state': ''})
            connected = module['state'] == 'ready' and all(i['connected'] for i in module['inputs'])
            return connected and module['pid'] != other_than and module
        self.w.wait_for(ready, 'the reporter')  # whose name the detector knows by now, and keeps alerts for it
        reporter = ready()
        os.kill(reporter['pid'], signal.SIGKILL)
        self.w.wait_for(lambda: ready(reporter['pid']), 'the reporter again')
        self.w.wait_for(lambda: self.modules()['flow_meter']['state'] == 'finished', 'the end of the capture')
        code, out, err = self.w.end(run, signal.SIGINT)
        self.assertEqual((code, err), (0, ''), out)
        found = [json.loads(line) for line in messages()]
        self.assertEqual({m['Node'][0]['Name'] for m in found}, {'com.example.bruteforce'}, found[0])
        self.assertEqual({m['Category'][0] for m in found}, {'Attempt.Login'})
        self.assertEqual(len({(m['Source'][0].get('IP4', m['Source'][0].get('IP6'))[0], m['DetectTime'], str(m['Target'])) for m in found}), len(found))

    def test_wrong_requests_are_refused_before_anything_starts(self):
        capture = self.w.file('empty.pcap', b'\xd4\xc3\xb2\xa1\x02\x00\x04\x00' + bytes(8) + b'\xff\xff\x00\x00\x01\x00\x00\x00')
        for text, expected in (('sources:\n- interface: eth0\n  interfaces: 2\n', 'nemea.yaml:3: sources: unknown key "interfaces"'),
                               ('sources: [{collect: 70000}]', 'nemea.yaml:1: sources.collect: "70000" (expected a port'),
                               ('sources: [{interface: lo}]\nretention:\n  flows: 24\n', 'nemea.yaml:3: retention.flows: "24" (expected age/size'),
                               ('sources: [{interface: lo}]\nnetworks: {office: [192.0.2.0/33]}', 'nemea.yaml:2: networks: "192.0.2.0/33" (expected a prefix'),
                               ('sources: [{interface: lo}]\ndetectors: {nothing: {}}', 'nemea.yaml:2: detectors: unknown detector "nothing"'),
                               ('sources: [{interface: lo, plugins: [nothing]}]', 'unknown plugin "nothing"'),
                               ('resolver: off\nresolver: on\n', 'nemea.yaml:2: second key resolver'),
                               ('state: here', 'nemea.yaml:1: state: "here" (expected a path that begins with /)'),
                               ('state: /var/lib/x\nuser: no-such-user\n', 'nemea.yaml:2: user: there is no user "no-such-user" (expected the name of a user'),
                               ('user: [root]', 'nemea.yaml:1: user: '),
                               ('page: {tls_cert: /a}', 'nemea.yaml:1: page: tls_cert and tls_key belong together'),
                               ('', 'no source')):
            code, out, err = self.nemea('run', '--user', USER, '--state-dir', self.state, '-c', self.w.file('nemea.yaml', text))
            self.assertEqual((code, out, os.path.exists(self.state)), (2, '', False), err)
            self.assertIn(expected, err)
        for words, code, expected in ((['--replay', self.w.file('none')], 3, 'cannot read the capture'),
                                      (['--replay', self.w.file('nemea.yaml')], 3, 'expected a capture file'),
                                      (['--replay', capture, '--speed', '0'], 2, 'option --speed: "0"'),
                                      (['-i', 'lo', '--speed', '2'], 2, 'expected --replay with it'),
                                      (['-i', 'lo', '--state-dir', '/tmp/' + 'x' * 70], 2, 'at most 63 bytes'),
                                      (['-i', 'lo', 'more'], 2, '"more": expected options only')):
            done, out, err = self.nemea('run', '--user', USER, '--state-dir', self.state, *words)
            self.assertEqual((done, out), (code, ''), err)
            self.assertIn(expected, err)

    def test_a_state_directory_of_others_is_left_alone(self):
        path = self.w.file('file', '')
        os.mkdir(self.state, 0o700)
        os.chmod(self.state, 0o770)
        cases = [(self.state, 'has mode 0770: expected a directory of this user'), (path, 'is no directory')]
        if os.geteuid() == 0:
            foreign = self.w.file('foreign')
            os.mkdir(foreign, 0o750)
            os.chown(foreign, 65534, 65534)
            cases.append((foreign, 'belongs to user 65534 and has mode 0750: expected a directory of this user (0)'))
        for state, expected in cases:
            code, out, err = self.nemea('run', '--user', USER, '--state-dir', state, '-i', 'lo')
            self.assertEqual((code, out), (5, ''), err)
            self.assertIn(expected, err)
            self.assertIn('--state-dir DIR names another', err)
            self.assertFalse(os.path.isdir(state) and os.listdir(state))

    def test_root_has_a_directory_beside_that_of_the_services(self):
        code, out, _ = self.nemea('run', '--help')
        self.assertEqual(code, 0)
        self.assertIn('/var/lib/nemea-run', out)

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become another user')
    def test_root_becomes_a_user_without_rights(self):
        nobody = pwd.getpwnam('nobody')
        if subprocess.run(['test', '-x', os.path.join(BIN, 'nemea')], user=nobody.pw_uid, check=False).returncode != 0:
            self.skipTest(f'others than root cannot reach {BIN}')
        os.chmod(self.w.path, 0o755)
        page = f'page: {{listen: "127.0.0.1:{self.w.free_port()}"}}\n'
        config = self.w.file('nemea.yaml', page + 'sources: [{interface: lo}]\nuser: nobody\n')
        os.mkdir(self.state)
        self.w.file('state/mine', '')
        code, out, err = self.nemea('run', '--state-dir', self.state, '-c', config)
        self.assertEqual((code, out), (5, ''), err)
        self.assertIn(f'belongs to user 0, and nemea run becomes nobody: give it to that user (chown -R nobody {self.state})', err)
        os.unlink(self.state + '/mine')

        run = self.w.start(os.path.join(BIN, 'nemea'), 'run', '--state-dir', self.state, '-c', config)
        self.w.wait_for(lambda: (lambda m: m and all(x['state'] in ('ready', 'running') for x in m.values()))(self.modules()), 'the modules')
        modules = {name: m['pid'] for name, m in self.modules().items()}
        for name, pid in {**modules, 'nemea run': run.pid}.items():
            raw = 1 << 13 if name.startswith('flow_meter') or name == 'nemea run' else 0  # CAP_NET_RAW
            self.wait_for_rights(name, pid, raw)
            status = facts(pid)
            self.assertEqual(set(status['Uid'].split()), {str(nobody.pw_uid)}, name)
            self.assertEqual(status['Groups'].split(), [str(nobody.pw_gid)], name)
            self.assertEqual(status['NoNewPrivs'], '1', name)
        self.assertEqual(os.stat(self.state + '/alerts').st_uid, nobody.pw_uid)
        code, out, err = self.w.end(run, signal.SIGINT)
        self.assertEqual((code, err), (0, ''), out)
        self.assertEqual(self.left(), [])

    @unittest.skipUnless(os.geteuid() == 0, 'only root can become another user')
    @unittest.skipUnless('REPORTER_PROGRAMS' in os.environ, 'reporters are not built, or only with a sanitizer')
    def test_only_the_meter_has_the_right_to_capture(self):
        """Reporters are scripts, which no filter confines."""
        nobody = pwd.getpwnam('nobody')
        if subprocess.run(['test', '-x', os.path.join(BIN, 'nemea')], user=nobody.pw_uid, check=False).returncode != 0:
            self.skipTest(f'others than root cannot reach {BIN}')
        self.reporters()
        os.chmod(self.w.path, 0o755)
        others = ''.join(f'  {name}: {{enabled: false}}\n' for name in OTHERS)
        self.w.file('rules.yaml', f'namespace: com.example\ncustom_actions:\n- id: f\n  file: {{path: {self.state}/idea}}\nrules:\n- {{id: 1, actions: [f]}}\n')
        config = self.w.file('nemea.yaml', f'page: {{listen: "127.0.0.1:{self.w.free_port()}"}}\nsources: [{{interface: lo}}]\nreporting: {self.w.file("rules.yaml")}\n'
                             f'detectors:\n{others}')
        run = self.w.start(os.path.join(BIN, 'nemea'), 'run', '--user', 'nobody', '--state-dir', self.state, '-c', config)
        self.w.wait_for(lambda: (lambda m: m and all(x['state'] in ('ready', 'running') for x in m.values()))(self.modules()), 'the modules')
        modules = {name: m['pid'] for name, m in self.modules().items()}
        self.assertIn('bruteforce2idea', modules)
        for name, pid in modules.items():
            raw = 1 << 13 if name.startswith('flow_meter') else 0  # CAP_NET_RAW
            self.wait_for_rights(name, pid, raw, ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))
        code, out, err = self.w.end(run, signal.SIGINT)
        self.assertEqual((code, err), (0, ''), out)

    def test_a_user_that_cannot_be_is_named(self):
        code, out, err = self.nemea('run', '--user', 'no-such-user', '--state-dir', self.state, '-i', 'lo')
        self.assertEqual((code, out), (2, ''), err)
        self.assertIn('option --user: there is no user no-such-user', err)
        if os.geteuid() == 0 and subprocess.run(['test', '-x', os.path.join(BIN, 'nemea')], user=65534, check=False).returncode == 0:
            os.chmod(self.w.path, 0o755)
            os.mkdir(self.state, 0o700)
            os.chown(self.state, 65534, 65534)
            done = subprocess.run([os.path.join(BIN, 'nemea'), 'run', '--user', 'root', '--state-dir', self.state, '-i', 'lo'], user=65534, group=65534,
                                  extra_groups=[], env=self.w.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
            self.assertIn('option --user: only root can become another user (root)', done.stderr)
            config = self.w.file('nemea.yaml', 'sources: [{interface: lo}]\nuser: root\n')
            done = subprocess.run([os.path.join(BIN, 'nemea'), 'run', '--state-dir', self.state, '-c', config], user=65534, group=65534,
                                  extra_groups=[], env=self.w.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
            self.assertIn(f'{config}: user: only root can become another user (root)', done.stderr)

    def test_export_is_configuration_that_the_supervisor_accepts(self):
        self.w.file('nemea.yaml', 'sources:\n- {interface: lo, plugins: [tls, dns]}\nnetworks: {office: [192.0.2.0/24]}\n'
                    'retention: {flows: 7d/1TB, events: 30d/1GB, logs: 100kB×3}\n')
        code, out, err = self.nemea('run', '-c', self.w.file('nemea.yaml'), '--state-dir', '/var/lib/x', '--export', self.w.file('export'))
        self.assertEqual((code, err), (0, ''))
        self.assertIn('modules are in ' + self.w.file('export'), out)
        code, out, err = self.w.run(os.path.join(BIN, 'supervisor'), '--check', self.w.file('export/supervisor_config_template.xml'))
        self.assertEqual(code, 0, err)
        for line in err.splitlines():
            self.assertIn('reporters', line)  # there is no such module
        self.assertIn('-d /var/lib/x/flows -r 7d/1TB', self.w.read('export/stores/flow_archive.sup'))
        self.assertIn('<params>archive-plugins:resume=flow_archive</params>', self.w.read('export/stores/flow_archive.sup'))
        self.assertIn('--max-age 30 --max-size 1000', self.w.read('export/stores/alert_store.sup'))
        self.assertEqual(self.w.read('export/networks.txt'), '192.0.2.0/24 office\n')
        self.assertFalse(os.path.exists('/var/lib/x'))
        self.assertNotIn('--user', out)
        self.assertIn('s:capabilities="none"', self.w.read('export/stores/alert_store.sup'))
        self.assertNotIn('capabilities', self.w.read('export/data-sources/flow_meter.sup'))
        # Several sources of different kinds are merged.
        self.w.file('nemea.yaml', 'sources: [{interface: lo}, {collect: 4739}]\n')
        code, out, err = self.nemea('run', '-c', self.w.file('nemea.yaml'), '--state-dir', '/var/lib/x', '--export', self.w.file('export'))
        self.assertEqual((code, out), (5, ''), err)
        self.assertIn('is not empty', err)
        code, out, err = self.nemea('run', '-c', self.w.file('nemea.yaml'), '--state-dir', '/var/lib/x', '--export', self.w.file('second'))
        self.assertEqual((code, err), (0, ''))
        code, out, err = self.w.run(os.path.join(BIN, 'supervisor'), '--check', self.w.file('second/supervisor_config_template.xml'))
        self.assertEqual((code, [line for line in err.splitlines() if 'reporters' not in line and 'TCP port' not in line]), (0, []))


if __name__ == '__main__':
    BIN, CAPTURE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main()
