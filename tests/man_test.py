#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every program that is installed has a man page that names each of its options, and that troff reads without a warning.

usage: man_test.py BUILD_DIR
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

BUILD = None
NOT_INSTALLED = {'syn_counter'}


def introspect(what):
    return json.loads(subprocess.run(['meson', 'introspect', BUILD, what], check=True, capture_output=True, text=True).stdout)


def run(*command):
    env = dict(os.environ, LC_ALL='C', PAGER='')
    return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


class ManPages(unittest.TestCase):
    def pages(self):
        return {os.path.basename(path): path for path in glob.glob(os.path.join(BUILD, 'docs', 'man', '*.[17]'))}

    def test_every_installed_program_has_one(self):
        installed = {os.path.basename(target): source for source, target in introspect('--installed').items()
                     if os.path.basename(os.path.dirname(target)) == 'bin'}
        self.assertGreater(len(installed), 8)
        for name in installed:
            self.assertIn(name + '.1', self.pages())

    def test_every_option_is_named(self):
        for name, path in self.pages().items():
            with open(path, encoding='utf-8') as file:
                text = re.sub(r'\\f[BIR]', '', file.read()).replace('\\-', '-').replace('\\e', '\\')
            program = os.path.join(BUILD, 'bin', name[:-2].split('-')[0])
            if not os.path.exists(program):
                continue
            arguments = ['help', name[6:-2]] if name.startswith('nemea-') else ['--help']
            if name == 'nemea-interfaces.7':
                continue
            shown = run(program, *arguments).stdout
            options = set(re.findall(r'(?<![\w-])--[a-z][\w-]+', shown)) | set(re.findall(r'^ +(-\w)\b', shown, re.M))
            self.assertTrue(options, name)
            for option in options - {'--help'}:
                self.assertIn(option, text, name)

    def test_interfaces_page_has_every_parameter(self):
        with open(self.pages()['nemea-interfaces.7'], encoding='utf-8') as file:
            text = file.read()
        for word in ('max_clients', 'maxstall', 'autoflush', 'HALF_WAIT', 'compress=zstd', 'group=', 'bind='):
            self.assertIn(word, text)

    def test_troff_has_nothing_to_say(self):
        if shutil.which('groff') is None:
            self.skipTest('groff is not installed')
        for path in self.pages().values():
            done = run('groff', '-man', '-Tutf8', '-ww', '-Kutf8', path)
            self.assertEqual((done.returncode, done.stderr), (0, ''), path)
            self.assertIn('SEE ALSO', re.sub(r'\x1b\[[\d;]*m|.\x08', '', done.stdout))


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    unittest.main()
