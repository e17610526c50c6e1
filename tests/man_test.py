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
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = None
OLD_MODULE = r'''
#include <libtrap/trap.h>
trap_module_info_t *module_info = NULL;
#define MODULE_BASIC_INFO(BASIC) \
  BASIC("old", "Old module that says \"hello, " "world\" (twice).\n" \
        "More of it, in a second line.", -1, 2)
#define MODULE_PARAMS(PARAM) \
  PARAM('n', "number", "How many; 0, none.", required_argument, "uint32") \
  PARAM('p', "plain", ".hidden is no request", no_argument, "none") \
  PARAM(0, "only-long", "", optional_argument, "string")
'''
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
        targets = introspect('--installed').values()
        commands = {os.path.basename(target) for target in targets if os.path.basename(os.path.dirname(target)) == 'bin'}
        modules = {os.path.basename(target) for target in targets if '/libexec/nemea/' in target}
        self.assertTrue(len(commands) > 7 and len(modules) > 12)
        for name in commands - {'nemeactl'}: # another name of nemea
            self.assertIn(name + '.1', self.pages())
        for name in modules - commands - {'nemeactl'}:
            if name.startswith(('proto_traffic_', 'link_traffic_')): # plugins of Munin, which has its own way to describe them
                continue
            link = os.path.join(BUILD, 'bin', name)
            if os.path.islink(link) and '/' not in os.readlink(link): # an old name has the page of the new one
                name = os.readlink(link)
            self.assertIn(f'{name}.1' if name in commands else f'nemea-{name}.1', self.pages())

    def test_every_option_is_named(self):
        for name, path in self.pages().items():
            with open(path, encoding='utf-8') as file:
                text = re.sub(r'\\f[BIR]', '', file.read()).replace('\\-', '-').replace('\\e', '\\')
            program = os.path.join(BUILD, 'bin', name[:-2].split('-')[0])
            if not os.path.exists(program) or name.endswith('.sh.1') or name == 'nemea-interfaces.7':
                continue
            arguments = ['help', name[6:-2]] if name.startswith('nemea-') else ['--help']
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

    def test_trap2man(self):
        """A page of the macros in an old module's sources, with the version of the configure.ac above them."""
        script = os.path.join(ROOT, 'libtrap', 'tools', 'trap2man.sh')
        with tempfile.TemporaryDirectory(prefix='nemea-man-') as folder:
            os.mkdir(os.path.join(folder, 'src'))
            source = os.path.join(folder, 'src', 'old.c')
            with open(source, 'w', encoding='utf-8') as file:
                file.write(OLD_MODULE)
            with open(os.path.join(folder, 'configure.ac'), 'w', encoding='utf-8') as file:
                file.write('AC_PREREQ([2.63])\nAC_INIT([old], [2.7.1], [you@example.org])\n')
            done = run(script, source, os.path.join(ROOT, 'common', 'src', 'nc_hash.c'))
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            for text in ('.TH "OLD" 1 "" "old 2.7.1" "NEMEA"', 'old \\- Old module that says "hello, world" (twice)', 'Number of input IFCs: variable.',
                         'Number of output IFCs: 2.', '\\fB\\-n\\fR, \\fB\\-\\-number\\fR \\fIuint32\\fR\nHow many; 0, none.',
                         '\\fB\\-p\\fR, \\fB\\-\\-plain\\fR\n\\&.hidden is no request', '\\fB\\-\\-only\\-long\\fR [\\fIstring\\fR]'):
                self.assertIn(text, done.stdout)
            for section in ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'ENVIRONMENT VARIABLES', 'BUGS'):
                self.assertIn(f'.SH {section}\n', done.stdout)
            if shutil.which('groff') is not None:
                page = os.path.join(folder, 'old.1')
                with open(page, 'w', encoding='utf-8') as file:
                    file.write(done.stdout)
                done = run('groff', '-man', '-Tutf8', '-ww', page)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
            for arguments, status in (((), 0), (('-h',), 0), ((folder,), 1), ((source, '/nonexistent'), 1),
                                      ((os.path.join(ROOT, 'common', 'src', 'nc_hash.c'),), 2)):
                self.assertEqual(run(script, *arguments).returncode, status, arguments)

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
