#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Build directories of bootstrap.sh, check and bench after a failure, and an installation where the user may not write.

usage: bootstrap_test.py
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOBODY = '65534'

# Configuring it fails as long as there is a file "broken".
PROJECT = '''project('tiny')
if import('fs').exists('broken')
  error('broken')
endif
'''
OPTIONS = '''option('bench', type: 'boolean', value: false)
option('tests', type: 'boolean', value: true)
'''


def load(path):
    """A script of this tree as a module."""
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-len('.py')], os.path.join(ROOT, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='nemea-bootstrap-')
        self.addCleanup(folder.cleanup)
        self.work = folder.name


class FailedConfiguration(Case):
    """The first configuration of a build directory fails; the second one, with the cause removed, works."""

    def setUp(self):
        super().setUp()
        for name, text in (('meson.build', PROJECT), ('meson_options.txt', OPTIONS), ('broken', '')):
            with open(os.path.join(self.work, name), 'w', encoding='ascii') as file:
                file.write(text)
        before = os.getcwd()
        os.chdir(self.work)
        self.addCleanup(os.chdir, before)

    def try_twice(self, build):
        self.assertFalse(build())
        self.assertTrue(os.path.isdir('build'))
        os.unlink('broken')
        self.assertTrue(build())
        self.assertTrue(build())  # and again, as a reconfiguration

    def test_bench(self):
        bench = load('bench/bench.py')
        bench.ROOT, bench.BUILD = self.work, os.path.join(self.work, 'build')

        def build():
            try:
                bench.build()
            except SystemExit:
                return False
            return True
        self.try_twice(build)

    def test_check(self):
        check = load('tests/check.py')
        check.WORK = self.work
        check.run.__defaults__ = (self.work,)  # commands run in the tiny project

        class Results:
            def ok(self):
                pass

            def fail(self, _name, _out):
                pass
        self.try_twice(lambda: check.build(Results(), 'build', 'cc', []) is not None)

    def test_bootstrap(self):
        with open(os.path.join(ROOT, 'bootstrap.sh'), encoding='utf-8') as file:
            text = file.read()
        functions = ''.join(text[text.index(f'\n{name}() {{'):].split('\n}\n', 1)[0] + '\n}\n' for name in ('die', 'build'))
        script = f'set -eu\n{functions}\nbuild build -Dbench=true'
        self.try_twice(lambda: subprocess.run(['bash', '-c', script], stderr=subprocess.DEVNULL, check=False).returncode == 0)


class NotWritable(Case):
    def install(self, *arguments):
        """An installation by a user without privileges and without sudo; it must end before anything is built."""
        tools = os.path.join(self.work, 'bin')
        os.mkdir(tools)
        for name in ('bash', 'dirname', 'id', 'realpath'):
            os.symlink(shutil.which(name), os.path.join(tools, name))
        script = shutil.copy(os.path.join(ROOT, 'bootstrap.sh'), self.work)  # the tree may be where that user cannot go
        command = [shutil.which('bash'), script, 'install', *arguments]
        if os.getuid() == 0:
            if shutil.which('setpriv') is None:
                self.skipTest('no setpriv here')
            command = [shutil.which('setpriv'), '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', *command]
        return subprocess.run(command, env={'PATH': tools}, capture_output=True, text=True, check=False)

    def test_the_prefix_is_named(self):
        os.chmod(self.work, 0o755)
        closed = os.path.join(self.work, 'closed')
        os.mkdir(closed, mode=0o555)
        done = self.install('--prefix', os.path.join(closed, 'a/b'))
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, '', f'bootstrap.sh: {closed} is not writable for this user, and there is no sudo: '
                          'name another directory with --prefix DIR\n'))
        self.assertEqual(os.listdir(closed), [])


class BuildDependencies(unittest.TestCase):
    """A library that is optional would be left out of the packages without a word if they did not ask for it."""

    # What every build has.
    ALWAYS = {'python3', 'gcc', 'libc6-dev', 'pkg-config', 'ninja-build', 'meson'}

    def test_packages_ask_for_what_the_build_can_use(self):
        def read(*path):
            with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
                return file.read()
        group = re.search(r"^   build\) cat <<'END' ;;\n(.*?)^END$", read('bootstrap.sh'), re.M | re.S)[1]
        wanted = [line.split()[1:] for line in group.splitlines()]
        self.assertGreater(len(wanted), 20)
        debian = set(re.findall(r'^ ([\w.+-]+)', read('debian', 'control').split('\nPackage:')[0], re.M))
        fedora = set(re.findall(r'^BuildRequires: +([\w.+-]+)', read('packaging', 'nemea.spec.in'), re.M)) | {'-'}
        self.assertEqual([deb for deb, _ in wanted if deb not in debian | self.ALWAYS], [], 'missing in debian/control')
        self.assertEqual([rpm for deb, rpm in wanted if rpm not in fedora and deb not in self.ALWAYS], [], 'missing in packaging/nemea.spec.in')


if __name__ == '__main__':
    for program in ('meson', 'ninja', 'bash'):
        if shutil.which(program) is None:
            print(f'skipped: no {program}')
            sys.exit(77)
    unittest.main()
