#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end test of the ways to a module of one's own, against an installed NEMEA, with the commands of the tutorial.

usage: tutorial_test.py BUILD_DIR

Installs the build into a temporary prefix. Steps with autotools skip where autoreconf or make are missing; all of it is skipped for
builds with a sanitizer, whose libraries programs built outside cannot load.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from installation import Installation, build_options, install

BUILD = None
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n'
         '192.0.2.1,198.51.100.7,840,10,53,40000,17\n')


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='nemea-tutorial-')
        cls.prefix = os.path.join(cls.folder.name, 'nemea')
        install(BUILD, os.path.join(cls.folder.name, 'stage'))
        os.rename(os.path.join(cls.folder.name, 'stage') + build_options(BUILD)['prefix'], cls.prefix)
        it = Installation(BUILD, prefix=cls.prefix)
        cls.env = dict(os.environ, PATH=f'{it.bin}:{it.modules}:{os.environ["PATH"]}', PKG_CONFIG_PATH=os.path.join(it.lib, 'pkgconfig'),
                       LC_ALL='C', TZ='UTC')

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.dir = tempfile.mkdtemp(dir=self.folder.name)
        self.env['TRAP_SOCKET_DIR'] = self.dir

    def run_in(self, where, *command, status=0, **options):
        done = subprocess.run(command, cwd=os.path.join(self.dir, where), env=self.env, capture_output=True, text=True, timeout=300,
                              check=False, **options)
        self.assertEqual(done.returncode, status, f'{command}:\n{done.stdout}\n{done.stderr}')
        return done.stdout + done.stderr

    def need(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                self.skipTest(f'{program} is not installed')

    def through(self, program, title, *arguments, text=None):
        """The output of a module for records given as CSV."""
        with open(os.path.join(self.dir, 'in.csv'), 'w', encoding='utf-8') as file:
            file.write(text)
        self.run_in('.', 'logreplay', '-f', 'in.csv', '-i', 'f:in.trapcap')
        self.run_in('.', program, *arguments, '-i', 'f:in.trapcap,f:out.trapcap')
        out = self.run_in('.', 'logger', '-t', '-i', 'f:out.trapcap').splitlines()
        self.assertEqual(out[0], title)
        return out[1:]

    def check_example(self, program):
        title = 'uint32 BAR,uint32 BAZ,uint32 FOO'
        self.assertEqual(self.through(program, title, '-m', '3', text='uint32 FOO,uint32 BAR\n1,2\n10,20\n'),
                         ['2,9,1', '20,90,10'])
        self.assertIn('The sum is multiplied', self.run_in('.', program, '-h'))
        self.assertIn('Invalid arguments.', self.run_in('.', program, '-i', 'g:4:abcd,b:', '--nope', status=255))

    def copy_example(self, name):
        examples = os.path.join(self.prefix, 'share', 'nemea-framework', 'examples')
        shutil.copytree(os.path.join(examples, 'c', 'module'), os.path.join(self.dir, name))

    def test_create_your_own_module_in_c(self):
        """The tutorial: copy the example, rename it in two files, autoreconf, configure, make, make install."""
        self.need('autoreconf', 'make')
        self.copy_example('mighty-module')
        for name in ('configure.ac', 'Makefile.am'):
            path = os.path.join(self.dir, 'mighty-module', name)
            with open(path, encoding='utf-8') as file:
                text = file.read()
            self.assertIn('example_module', text)
            text = text.replace('example_module', 'mighty_module').replace('traffic-analysis@cesnet.cz', 'you@example.org')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        os.rename(os.path.join(self.dir, 'mighty-module', 'example_module.c'),
                  os.path.join(self.dir, 'mighty-module', 'mighty_module.c'))
        self.run_in('mighty-module', 'autoreconf', '-i')
        self.run_in('mighty-module', './configure', f'--prefix={self.dir}/installed', 'CFLAGS=-O2 -Wall -Wextra -Werror')
        self.run_in('mighty-module', 'make')
        self.run_in('mighty-module', 'make', 'install')
        self.check_example(os.path.join(self.dir, 'installed', 'bin', 'mighty_module'))

    def test_the_example_with_meson(self):
        self.copy_example('example')
        self.run_in('example', 'meson', 'setup', 'build', '-Dwerror=true')
        self.run_in('example', 'ninja', '-C', 'build')
        self.check_example(os.path.join(self.dir, 'example', 'build', 'example_module'))

    def test_new_module_builds_and_passes_its_test(self):
        out = self.run_in('.', 'nemea', 'new-module', '--description', 'Finds large flows.', '--author', 'A. Person', 'large_flows')
        self.assertIn('cd large_flows', out)
        self.run_in('large_flows', 'meson', 'setup', 'build', '-Dwerror=true')
        self.run_in('large_flows', 'meson', 'test', '-C', 'build')
        self.assertIn('Finds large flows.', self.run_in('large_flows', 'build/large_flows', '-h'))
        with open(os.path.join(self.dir, 'large_flows', 'README.md'), encoding='utf-8') as file:
            readme = file.read()
        self.assertIn('A. Person', readme)
        self.assertNotIn('@', readme.replace('you@example.org', ''))
        self.need('make')
        self.assertIn('1 passed, 0 failed', self.run_in('large_flows', 'make', 'test'))

    def python_env(self):
        """Where pytrap is in the prefix; skips the test where it was not built."""
        found = glob.glob(os.path.join(self.prefix, 'lib', 'python3*', '*-packages'))
        packages = [path for path in found if os.path.isdir(os.path.join(path, 'pytrap'))]
        if not packages:
            self.skipTest('pytrap was not built')
        with open(os.path.join(BUILD, 'python', 'pytrap', 'pytrap', 'python.txt'), encoding='utf-8') as file:
            return dict(self.env, PYTHONPATH=packages[0]), file.read().strip()

    def test_new_module_in_python(self):
        env, python = self.python_env()
        out = self.run_in('.', 'nemea', 'new-module', '--python', '--description', 'Finds large flows.', '--author', 'A. Person', 'large_py')
        self.assertIn('cd large_py && tests/run.sh ./large_py.py', out)
        self.env = dict(env, PATH=f'{self.dir}/with:{env["PATH"]}')
        os.mkdir(os.path.join(self.dir, 'with'))
        os.symlink(python, os.path.join(self.dir, 'with', 'python3'))
        self.assertIn('1 passed, 0 failed', self.run_in('large_py', 'tests/run.sh', './large_py.py'))
        self.assertIn('0 passed, 1 failed', self.run_in('large_py', 'tests/run.sh', './large_py.py', '-l', '1', status=1))
        self.assertIn('Finds large flows.', self.run_in('large_py', './large_py.py', '-h'))
        self.run_in('.', 'nemea', 'new-module', '--python', '--classic', 'both', status=2)
        with open(os.path.join(self.dir, 'in.csv'), 'w', encoding='utf-8') as file:
            file.write('uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint8 PROTOCOL\n100,2,443,6\n50,1,53,17\n7,1,443,6\n')
        self.run_in('.', 'logreplay', '-f', 'in.csv', '-i', 'f:flows.trapcap')
        examples = os.path.join(self.prefix, 'share', 'nemea-framework', 'examples', 'python')
        self.assertEqual(self.run_in('.', os.path.join(examples, 'protocol_aggr.py'), '-i', 'f:flows.trapcap'),
                         'protocol,flows,packets,bytes\n6,2,3,107\n17,1,1,50\n')
        if subprocess.run([python, '-c', 'import numpy'], check=False, capture_output=True).returncode == 0:
            self.assertEqual(self.run_in('.', os.path.join(examples, 'port_columns.py'), '-i', 'f:flows.trapcap'),
                             'port,bytes\n443,107\n53,50\n')

    def test_a_test_of_a_new_module_can_fail(self):
        self.run_in('.', 'nemea', 'new-module', 'broken')
        path = os.path.join(self.dir, 'broken', 'broken.c')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace('< self->limit', '>= self->limit'))
        self.run_in('broken', 'meson', 'setup', 'build')
        self.run_in('broken', 'meson', 'test', '-C', 'build', status=1)

    def test_classic_modules_of_every_shape(self):
        self.need('autoreconf', 'make')
        for inputs, outputs in ((1, 1), (1, 0), (0, 1), (2, 3)):
            name = f'm{inputs}{outputs}'
            self.run_in('.', 'nemea', 'new-module', '--classic', '--inputs', str(inputs), '--outputs', str(outputs), name)
            self.run_in(name, 'autoreconf', '-i')
            self.run_in(name, './configure', '-q', 'CFLAGS=-O1 -Wall -Wextra -Werror')
            self.run_in(name, 'make')
            self.assertIn(f'Inputs: {inputs}', self.run_in(name, f'./{name}', '-h'))
        title = FLOWS.splitlines()[0]
        self.assertEqual(self.through(os.path.join(self.dir, 'm11', 'm11'), title, text=FLOWS), FLOWS.splitlines()[1:])

    def test_create_module_wizard(self):
        self.need('autoreconf', 'make')
        os.mkdir(os.path.join(self.dir, 'taken'))
        answers = 'taken\nwizard\nDoes a thing; safely & well.\nN\n\n1\nA. Person\na@example.org\nY\n'
        out = self.run_in('.', 'create_module.sh', input=answers)
        self.assertIn("'taken' exists already", out)
        self.assertIn('Module wizard has been created successfully at wizard.', out)
        self.assertIn('Does a thing; safely & well.', self.run_in('wizard', './wizard', '-h'))

    def test_other_examples_build_and_run(self):
        examples = os.path.join(self.prefix, 'share', 'nemea-framework', 'examples')
        self.need('make')
        for folder in ('c/detector', 'munin', 'libtrap', 'syn_counter'):
            target = os.path.join(self.dir, os.path.basename(folder))
            shutil.copytree(os.path.join(examples, folder), target)
            self.run_in(target, 'make', 'CFLAGS=-O1 -Wall -Wextra -Werror')
        self.assertIn('-a, --address <ipaddr> (needs an argument)', self.run_in('libtrap', './module_info_example'))
        title = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,'
                 'uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL')
        rest = ',10,1,2026-01-01T00:00:00.000000,2026-01-01T00:00:01.000000,1,{},5,0,6,2,0,64'
        lines = ['192.0.2.1,192.0.2.9' + rest.format(80), '192.0.2.2,192.0.2.9' + rest.format(6666),
                 '192.0.2.3,192.0.2.9' + rest.format(80)]
        detector = os.path.join(self.dir, 'detector', 'detection_example')
        self.assertEqual(self.through(detector, title, '-p', '6666', '-a', '192.0.2.3', text='\n'.join([title] + lines) + '\n'),
                         lines[1:])
        self.assertEqual(self.through(detector, title, '-p', '6666', text='\n'.join([title] + lines) + '\n'), lines[1:2])
        self.munin()

    def munin(self):
        path = os.path.join(self.dir, 'munin.sock')
        with open(os.path.join(self.dir, 'p.csv'), 'w', encoding='utf-8') as file:
            file.write('uint8 PROTOCOL\n6\n6\n17\n1\n')
        counter = subprocess.Popen([os.path.join(self.dir, 'munin', 'prot_flows'), '-s', path, '-i', 'u:p'], env=self.env)
        self.addCleanup(counter.wait)
        self.addCleanup(counter.kill)
        self.run_in('.', 'logreplay', '-n', '-f', 'p.csv', '-i', 'u:p')
        self.env['PROT_FLOWS_SOCKET'] = path
        expected = 'icmp.value 1\ntcp.value 2\nudp.value 1\nsctp.value 0\nother.value 0\n'
        deadline = time.monotonic() + 60
        while (out := self.run_in('munin', './munin_prot_flows')) != expected and time.monotonic() < deadline:
            pass
        self.assertEqual(out, expected)
        counter.terminate()
        self.assertEqual(counter.wait(timeout=60), 0)
        self.assertFalse(os.path.exists(path))

    def test_mistakes(self):
        for arguments, text in (((), 'expected one name'), (('a', 'b'), 'expected one name'), (('9lives',), 'is no name for a module'),
                                (('a/b',), 'is no name for a module'), (('--nope', 'x'), 'unknown option'),
                                (('--inputs', 'many', 'x'), 'is not a number from 0 to 32'),
                                (('--inputs', '2', 'x'), 'are for --classic modules'),
                                (('--description', 'say "hi"', 'x'), 'contains one of')):
            self.assertIn(text, self.run_in('.', 'nemea', 'new-module', *arguments, status=2))
        os.mkdir(os.path.join(self.dir, 'there'))
        self.assertIn('exists already', self.run_in('.', 'nemea', 'new-module', 'there', status=2))
        self.assertIn('new-module', self.run_in('.', 'nemea', '--help'))
        self.env['NEMEA_PREFIX'] = '/nonexistent'
        try:
            self.assertIn('cannot read the templates', self.run_in('.', 'nemea', 'new-module', 'x', status=3))
        finally:
            del self.env['NEMEA_PREFIX']


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    if build_options(BUILD)['b_sanitize'] != 'none':
        print('skipped: the build has a sanitizer')
        sys.exit(77)
    unittest.main()
