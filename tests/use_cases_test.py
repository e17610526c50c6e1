#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The scripts in use-cases print what they should.

usage: use_cases_test.py BIN_DIR USE_CASES_DIR
"""

import os
import shutil
import socket
import subprocess
import sys
import unittest

from programs import Workspace, without_waiting

BIN = None
SCRIPTS = None
NOBODY = 65534

GENERATED = '''ipaddr DST_IP,ipaddr SRC_IP,uint16 DST_PORT,uint16 SRC_PORT
192.168.0.1,192.168.0.2,80,1234
192.168.0.2,192.168.0.1,1234,80
1.2.3.4,8.8.8.8,53,6853
'''
FLOW_FIELDS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,'
               'uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL')


def flow(port):
    return f'192.0.2.1,198.51.100.1,100,1,2020-01-01T00:00:00.000,2020-01-01T00:00:01.000,2,{port},40000,0,6,27,0,64'


class UseCases(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def script(self, name, *arguments):
        status, out, err = self.w.run(os.path.join(SCRIPTS, name), *arguments)
        return status, out, without_waiting(err)

    def nothing_left(self):
        """No directory of a script is left behind."""
        self.assertEqual([name for name in os.listdir(self.w.path) if name.startswith('nemea-use-case')], [])

    def nfdump_file(self, name, lines):
        self.w.file('flows.csv', '\n'.join([FLOW_FIELDS, *lines]) + '\n')
        writer = self.w.start('nfwriter', '-i', 'u:made', '-f', name)
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'u:made')[0], 0)
        status, _, err = self.w.end(writer)
        self.assertEqual(status, 0, err)

    def test_without_arguments_they_say_what_they_do(self):
        for name, status in (('logger-repeater.sh', 0), ('basic_modules.sh', 0), ('traffic-filtering-stats.sh', 0), ('flow_meter.sh', 2)):
            got, out, err = self.script(name)
            self.assertEqual((got, err), (status, ''))
            self.assertIn(f'usage: {name}', out)

    def test_records_are_repeated(self):
        self.assertEqual(self.script('logger-repeater.sh', 'generate'), (0, GENERATED, ''))
        self.w.file('own file.csv', 'uint32 N\n1\n2\n')
        self.assertEqual(self.script('logger-repeater.sh', 'own file.csv'), (0, 'uint32 N\n1\n2\n', ''))
        self.nothing_left()

    def test_a_file_that_is_not_there_is_named(self):
        for name in ('logger-repeater.sh', 'basic_modules.sh', 'traffic-filtering-stats.sh'):
            self.assertEqual(self.script(name, 'missing'), (1, 'File "missing" cannot be opened. Exiting...\n', ''), name)
        self.nothing_left()

    def test_a_program_that_fails_ends_the_script(self):
        self.w.file('bad.csv', 'no title\n')
        status, out, err = self.script('logger-repeater.sh', 'bad.csv')
        self.assertNotEqual(status, 0)
        self.assertIn('bad.csv, line 1', err)
        self.nothing_left()

    def test_three_readers_one_log(self):
        status, out, err = self.script('basic_modules.sh', 'default')
        self.assertEqual(status, 0, err)
        lines = out.splitlines()
        self.assertEqual(lines[:6], ['>>> Starting 3 nfreaders, merger and logger...', '>Nfreaders sent:', *['6000 flow records sent'] * 3,
                                     '>>> Starting logreplay and flowcounter...'])
        self.assertEqual(lines[6], '>Flowcounter received:')
        self.assertEqual(lines[7].split(), ['Flows:', '18000'])
        self.assertEqual(len(self.w.read('logger_test_out').splitlines()), 18001)
        self.nothing_left()

    def test_flows_of_services(self):
        self.nfdump_file('flows.nf', [flow(25)] * 15 + [flow(80)] * 43 + [flow(22)] * 31 + [flow(443)] * 411)
        status, out, err = self.script('traffic-filtering-stats.sh', 'flows.nf')
        self.assertEqual(status, 0, err)
        self.assertEqual(out, 'Running, wait a moment please...\nssh: 31\nweb: 43\nsmtp: 15\nother: 411\nTotal: 500\n')
        self.nothing_left()

    def test_flows_of_an_interface(self):
        if os.getuid() != 0 or subprocess.run(['unshare', '-n', 'true'], capture_output=True, check=False).returncode != 0:
            self.skipTest('needs root and network namespaces')
        script = self.w.start('unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', '_', sys.executable, __file__, '--send',
                              os.path.join(SCRIPTS, 'flow_meter.sh'))
        status, out, err = self.w.end(script)
        self.assertEqual(status, 0, err)
        title, *rows = out.splitlines()
        self.assertIn('ipaddr SRC_IP', title)
        self.assertTrue(rows and all('127.0.0.1' in row for row in rows), out)

    def test_only_root_may_capture(self):
        folder = self.w.file('scripts')
        shutil.copytree(SCRIPTS, folder)
        os.chmod(self.w.path, 0o755)
        user = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []} if os.getuid() == 0 else {}
        self.assertEqual(self.w.run(os.path.join(folder, 'flow_meter.sh'), 'lo', **user), (1, 'You should run this script as root.\n', ''))


def send_until_it_ends(script):
    """Runs the script on lo and sends datagrams as long as it runs."""
    running = subprocess.Popen([script, 'lo'])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        while running.poll() is None:
            s.sendto(b'hello', receiver.getsockname())
    return running.returncode


if __name__ == '__main__':
    if sys.argv[1] == '--send':
        sys.exit(send_until_it_ends(sys.argv[2]))
    BIN, SCRIPTS = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
