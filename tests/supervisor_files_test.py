#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The .sup and .mkdir files that are installed for the supervisor: programs, options and interfaces in them exist and fit together.

usage: supervisor_files_test.py SOURCE_DIR BUILD_DIR MODULE_DIR
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

SOURCE = BUILD = MODULE_DIR = None
CLASSES = {'backscatter', 'data-sources', 'detectors', 'loggers', 'munin', 'others', 'reporters'}
# Outputs of the data source: which flow records they have depends on its plugins.
SOURCES = {'flow_data_source', 'voip_data_source', 'smtp_data_source', 'http_data_source', 'ipv6tunnel_data_source', 'dns_data_source'}
# element -> (how often, at least and at most, in its parent; the values that it may have)
MODULE = {'name': (1, 1, '[A-Za-z0-9_][A-Za-z0-9_.+-]*'), 'enabled': (1, 1, 'true|false'), 'path': (1, 1, '/.+'), 'params': (0, 1, '.+'),
          'module-restarts': (0, 1, '[12]?[0-9]|30'), 'trapinterfaces': (0, 1, None)}
INTERFACE = {'note': (0, 1, '.+'), 'type': (1, 1, 'TCP|UNIXSOCKET|FILE|BLACKHOLE|TLS'), 'direction': (1, 1, 'IN|OUT'), 'params': (1, 1, '.+')}


REPORTERS = os.path.join('python', 'reporters')


def find(ending):
    """Those of the programs that are built; reporters need packages of Python."""
    rooms = ['flow', 'modules', 'detectors'] + [REPORTERS] * os.path.isdir(os.path.join(BUILD, REPORTERS, 'programs'))
    return sorted(path for room in rooms
                  for path in glob.glob(os.path.join(SOURCE, room, '**', 'supervisor', '*', '*' + ending), recursive=True))


class SupervisorFiles(unittest.TestCase):
    def setUp(self):
        # 'modules/link_traffic/supervisor/munin/link_traffic.sup': its class and the module elements of it as installed
        self.files = {}
        for path in find('.sup'):
            with open(os.path.join(BUILD, 'packaging', os.path.basename(path)), encoding='utf-8') as file:
                self.files[path] = ElementTree.fromstring('<modules>' + file.read() + '</modules>')
        self.modules = [module for file in self.files.values() for module in file]
        self.assertGreater(len(self.modules), 15)

    def check_children(self, element, allowed):
        for child in element:
            self.assertIn(child.tag, allowed)
        for name, (least, most, pattern) in allowed.items():
            found = element.findall(name)
            self.assertTrue(least <= len(found) <= most, f'{len(found)} times <{name}>')
            for child in found:
                if pattern is not None:
                    self.assertRegex(child.text or '', f'^({pattern})$')

    @staticmethod
    def interfaces(module, direction):
        return [(i.findtext('type'), i.findtext('params')) for i in module.iter('interface') if i.findtext('direction') == direction]

    def test_their_form(self):
        for path, file in self.files.items():
            with self.subTest(path):
                self.assertIn(path.split('/')[-2], CLASSES)
                self.assertNotIn('@', ElementTree.tostring(file, encoding='unicode'))
                self.assertGreater(len(file), 0)
                for module in file:
                    self.assertEqual(module.tag, 'module')
                    self.check_children(module, MODULE)
                    for interface in module.iter('interface'):
                        self.check_children(interface, INTERFACE)
                        if interface.findtext('type') == 'TCP':
                            self.assertTrue(0 < int(interface.findtext('params').split(':')[0]) < 65536)

    def test_all_can_be_copied_into_one_configuration(self):
        names = [os.path.basename(path) for path in self.files]
        self.assertEqual(len(set(names)), len(names))
        names = [module.findtext('name') for module in self.modules]
        self.assertEqual(len(set(names)), len(names), names)

    def test_every_detector_has_one(self):
        described = {os.path.basename(module.findtext('path')).removesuffix('.py') for module in self.modules}
        programs = {os.path.basename(folder) for folder in glob.glob(os.path.join(SOURCE, 'detectors', '*'))}
        programs &= set(os.listdir(os.path.join(BUILD, 'bin')))
        self.assertGreater(len(programs), 20)
        self.assertEqual(programs - described, set())

    def check_reporter(self, module, program):
        """Alerts from one input, rules from the file that is installed as an example; what is not acknowledged is kept under its own name."""
        self.assertTrue(os.path.exists(os.path.join(BUILD, REPORTERS, 'programs', program)), program)
        self.assertEqual(module.findtext('params'), '-c /etc/nemea/reporters/config.yaml')
        self.assertEqual(self.interfaces(module, 'OUT'), [])
        (kind, params), = self.interfaces(module, 'IN')
        self.assertTrue(kind == 'TCP' or params.endswith(':resume=' + module.findtext('name')), params)

    def test_programs_take_these_options_and_interfaces(self):
        for module in self.modules:
            with self.subTest(module.findtext('name')):
                folder, program = os.path.split(module.findtext('path'))
                self.assertEqual(folder, MODULE_DIR)
                if program.endswith('2idea.py'):
                    self.check_reporter(module, program)
                    continue
                if program == 'bl_downloader':  # no module: it has no interfaces
                    self.assertEqual(module.findall('trapinterfaces'), [])
                    self.assertTrue(os.path.exists(os.path.join(BUILD, 'bin', program)))
                    continue
                command = os.path.join(BUILD, 'bin', program)
                help_text = subprocess.run([command, '-h'], env=dict(os.environ, LIBTRAP_OUTPUT_FORMAT='json'), check=True, timeout=60,
                                           capture_output=True, text=True).stdout
                described = json.loads(help_text)
                for direction, key in (('IN', 'num_ifc_in'), ('OUT', 'num_ifc_out')):
                    self.assertIn(described[key], (len(self.interfaces(module, direction)), -1), direction)
                takes_value = {}
                for option in described['params']:
                    takes_value['-' + option['short_opt']] = takes_value['--' + option['long_opt']] = option['mandatory_argument'] == 1
                words = (module.findtext('params') or '').split()
                while words:
                    option = words.pop(0)
                    self.assertIn(option, takes_value)
                    if takes_value[option]:
                        self.assertFalse(words.pop(0).startswith('-'))

    def test_every_input_has_a_sender(self):
        sent = [(kind, params.split(':')[0]) for module in self.modules for kind, params in self.interfaces(module, 'OUT')]
        for module in self.modules:
            for kind, params in self.interfaces(module, 'IN'):
                address = params.split(':')[0]  # parameters follow
                if (kind, params) != ('TCP', '7600'):  # another host
                    self.assertTrue((kind, address) in sent or params in SOURCES, f'{module.findtext("name")}: {kind} {params}')
        alerts = [address for address in sent if address[1] not in SOURCES]
        self.assertEqual(len(set(alerts)), len(alerts))

    def test_no_format_is_in_doubt(self):
        """What the shipped files connect has the fields that its readers require: nothing is said of formats."""
        if not os.path.exists(os.path.join(BUILD, 'supervisor/interfaces/interfaces.json')):
            self.skipTest('no interfaces.json: programs with a sanitizer are not run while they are built')
        known = 0
        for module in self.modules:
            program = os.path.join(BUILD, 'bin', os.path.basename(module.findtext('path')))
            known += os.path.exists(program)
            module.find('path').text = program
            module.find('enabled').text = 'true'
        self.assertGreater(known, 15)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 't.xml')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('<nemea-supervisor><modules><name>all</name><enabled>true</enabled>' +
                           ''.join(ElementTree.tostring(module, encoding='unicode') for module in self.modules) + '</modules></nemea-supervisor>')
            done = subprocess.run([os.path.join(BUILD, 'bin', 'supervisor'), '--check', path], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line for line in (done.stdout + done.stderr).splitlines() if 'requires fields' in line or ', module "' in line], [])

    def test_directories_are_listed(self):
        listed = set()
        for path in find('.mkdir'):
            with open(path, encoding='utf-8') as file:
                listed.update(folder.rstrip('/') for folder in file.read().split())
        for module in self.modules:
            for path in re.findall(r'/data/\S+', module.findtext('params') or ''):
                folder = path.rstrip('/') if path.endswith('/') else os.path.dirname(path)
                self.assertIn(folder, listed, module.findtext('name'))


class Unit(unittest.TestCase):
    def allowed(self, name):
        """Calls of a name of SystemCallFilter=, as the systemd of this machine knows it."""
        if not name.startswith('@'):
            return {name}
        done = subprocess.run(['systemd-analyze', 'syscall-filter', name], check=True, capture_output=True, text=True)
        members = [line.strip() for line in done.stdout.splitlines()[1:] if line.startswith(' ') and not line.strip().startswith('#')]
        return set().union(*(self.allowed(member) for member in members))

    @unittest.skipIf(shutil.which('systemd-analyze') is None, 'systemd-analyze is not installed')
    def test_the_supervisor_may_make_the_calls_of_its_sandbox(self):
        with open(os.path.join(SOURCE, 'supervisor', 'install', 'nemea-supervisor.service'), encoding='utf-8') as file:
            names = ' '.join(re.findall(r'^SystemCallFilter=(.*)$', file.read(), re.M)).split()
        self.assertIn('@system-service', names)
        called = set()
        for path in glob.glob(os.path.join(SOURCE, 'sandbox', 'src', '*.c')):
            with open(path, encoding='utf-8') as file:
                called.update(re.findall(r'\bSYS_(\w+)', file.read()))
        self.assertIn('landlock_restrict_self', called)
        self.assertEqual(sorted(called - set().union(*map(self.allowed, names))), [])


if __name__ == '__main__':
    SOURCE, BUILD, MODULE_DIR = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
    unittest.main()
