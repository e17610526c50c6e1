#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The quick start: the installed template with all installed .sup files. All modules that are enabled in them become ready.

usage: quick_start_test.py SOURCE_DIR BUILD_DIR MODULE_DIR CONF_DIR
"""

import glob
import json
import os
import re
import signal
import sys
import unittest

from programs import Workspace

SOURCE = BUILD = MODULE_DIR = CONF_DIR = None


class QuickStart(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(os.path.join(BUILD, 'bin'))
        self.addCleanup(self.w.__exit__)
        self.ports = {}
        os.mkdir(self.w.file('logs'))

    def here(self, text):
        """Text of a configuration with the programs of the build, files below the workspace, and free ports."""
        text = text.replace(MODULE_DIR, os.path.join(BUILD, 'bin')).replace(CONF_DIR, self.w.file('etc')).replace('/data/', self.w.file('data/'))
        return re.sub(r'\b(1200\d|7600)\b', lambda m: str(self.ports.setdefault(m[1], self.w.free_port())), text)

    def copy_configuration(self):
        for path in (path for room in ('flow', 'modules', 'detectors')
                     for path in glob.glob(os.path.join(SOURCE, room, '**', 'supervisor', '*', '*'), recursive=True)):
            folder, name = os.path.split(path)
            if name.endswith('.mkdir'):
                with open(path, encoding='utf-8') as file:
                    for directory in file.read().split():
                        os.makedirs(self.here(directory + '/'), exist_ok=True)
            if name.endswith('.sup') and os.path.exists(os.path.join(BUILD, 'packaging', name)):
                to = self.w.file(os.path.join('etc', os.path.basename(folder)))
                os.makedirs(to, exist_ok=True)
                with open(os.path.join(BUILD, 'packaging', name), encoding='utf-8') as file:
                    self.w.file(os.path.join(to, name), self.here(file.read()))
        with open(os.path.join(BUILD, 'supervisor', 'supervisor_config_template.xml'), encoding='utf-8') as file:
            return self.w.file('template.xml', self.here(file.read()))

    def test_all_modules_run(self):
        template = self.copy_configuration()
        code, out, err = self.w.run(os.path.join(BUILD, 'bin', 'supervisor'), '--check', template)
        self.assertEqual(code, 0, out + err)
        for line in err.splitlines():  # the data source is not enabled, and there are no reporters
            self.assertRegex(line, 'warning: .*(no enabled module sends what .* reads: UNIX socket (flow|voip|smtp)_data_source|/reporters")')
        s = self.w.start(os.path.join(BUILD, 'bin', 'supervisor'), '-T', template, '-L', self.w.file('logs'), '-s', self.w.file('s.sock'),
                         '--state-dir', self.w.file('state'))
        self.w.connect(self.w.file('s.sock')).close()

        def status():
            _, out, _ = self.w.run(os.path.join(BUILD, 'bin', 'supcli'), '-s', self.w.file('s.sock'), 'status', '--json')
            return [m for m in json.loads(out) if m['enabled']]

        self.assertGreater(len(status()), 10)
        self.w.wait_for(lambda: all(m['state'] == 'ready' for m in status()), 'all modules')
        self.assertEqual({m['restarts'] for m in status()}, {0})
        code, _, err = self.w.end(s, signal.SIGTERM)
        self.assertEqual((code, err), (0, ''))
        self.assertEqual(glob.glob(self.w.file('trap-*')), [])


if __name__ == '__main__':
    SOURCE, BUILD, MODULE_DIR, CONF_DIR = (os.path.abspath(sys.argv.pop(1)) for _ in range(4))
    unittest.main()
