#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Installs a build as a new user would, runs it with an empty environment, moves it, and takes it away again.

usage: install_test.py [--here | --user] BUILD_DIR

A build whose prefix is a directory of its own is installed there. One for a directory of the system is installed below DESTDIR, and once
more in its place: in a mount namespace whose /usr/local and /etc are copies, which needs root (--here: the namespace is there; or the
root is a throw-away one). As root, all of it is done once more as an ordinary user (--user).
Skipped for builds with a sanitizer, whose libraries programs built outside cannot load.
"""

import concurrent.futures
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

from installation import Installation, build_options, install, introspect, uninstall, TIMEOUT

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CAPTURE = os.path.join(ROOT, 'examples', 'captures', 'vertical-scans-ipv4.pcap.zst')
BUILD = None
HERE = False
NOBODY = 65534
# Names that may be in a directory on every user's PATH.
COMMANDS = {'nemea', 'nemeactl', 'trap_stats', 'ipfixprobe', 'ipfixprobed', 'flow_collector', 'ur_processor.sh', 'ur_values.sh', 'trap2man.sh',
            'create_module.sh', 'supcli'}
# Programs in Python, which are there when pytrap and PyYAML are.
REPORTERS = {name + '2idea.py' for name in (
    'amplification', 'blacklist', 'bruteforce', 'ddos_detector', 'dgadetection', 'dnstunnel', 'haddrscan', 'hoststats', 'idea', 'minerdetector', 'sipbf',
    'smashedblacklist', 'sshbruteforceml', 'venom', 'voipfraud', 'vportscan', 'waintrusion_detector')} | {'email_reporter.py', 'nemea_warden_filer'}
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n'
         '192.0.2.1,198.51.100.7,840,10,53,40000,17\n')
C_PLUS_PLUS = '''#include <cstdio>
#include <libtrap/trap.h>
#include <unirec/unirec.h>
#include <unirec++/unirec.hpp>
int main()
{
   ur_define_set_of_fields("ipaddr SRC_IP,uint64 BYTES");
   ur_template_t *tmplt = ur_create_template("SRC_IP,BYTES", nullptr);
   if (tmplt == nullptr) {
      return 1;
   }
   std::printf("%d bytes, libtrap %s\\n", (int) ur_rec_fixlen_size(tmplt), trap_version);
   ur_free_template(tmplt);
   ur_finalize();
   return 0;
}
'''
C_PLUS_PLUS_MODULE = '''#include <cstdint>
#include <nemea/module.h>
static int record(nm_module_t *m, const void *)
{
   ++*static_cast<std::uint64_t *>(nm_self(m));
   return NM_OK;
}
int main(int argc, char **argv)
{
   nm_input_def_t inputs[2] = {};
   inputs[0].name = "flows";
   nm_module_def_t def = {};
   def.name = "plus";
   def.summary = "Counts flows.";
   def.in = inputs;
   def.state_size = sizeof(std::uint64_t);
   def.record = record;
   return nm_main(&def, argc, argv);
}
'''


def tree(directory):
    """All that is below a directory."""
    return sorted(os.path.relpath(os.path.join(folder, name), directory)
                  for folder, folders, files in os.walk(directory) for name in folders + files)


def within(path, directory):
    return os.path.realpath(path).startswith(os.path.realpath(directory) + '/')


def system_prefix(prefix):
    return prefix == '/usr' or prefix.startswith('/usr/')


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='nemea-install-')
        self.addCleanup(self.folder.cleanup)
        self.work = self.folder.name

    def run_in(self, env, *command, status=0, **options):
        done = subprocess.run(command, cwd=self.work, env=env, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                              check=False, **options)
        self.assertEqual(done.returncode, status, f'{command}:\n{done.stdout}\n{done.stderr}')
        return done.stdout + done.stderr

    # ---------------------------------------------------------------- what an installation has to do

    def check_names(self, it):
        own = {name for name in os.listdir(it.bin) if os.path.realpath(os.path.join(it.bin, name)) !=
               os.path.realpath(it.modules) and within(os.path.join(it.bin, name), it.modules)}
        self.assertEqual(own, COMMANDS - ({'nemea'} if os.path.join(it.bin, 'nemea') == it.modules else set()))
        self.assertEqual({name for folder, name in self.installed() if folder == 'bin'} - COMMANDS, set())
        self.assertTrue({'logger', 'flow_meter', 'vportscan_detector', 'nemea', 'nemeactl', 'csv2nf.sh'} | COMMANDS
                        <= set(os.listdir(it.modules)))
        self.assertFalse(os.path.exists(os.path.join(it.share, 'man', 'man1', 'logger.1')))

    @staticmethod
    def installed():
        for target in introspect(BUILD, '--installed').values():
            yield os.path.basename(os.path.dirname(target)), os.path.basename(target)

    def run_all(self, env, commands):
        """Runs commands side by side; all of them end with status 0. Returns what each printed."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda command: self.run_in(env, *command), commands))

    def check_every_program(self, it):
        env = it.env(self.work)
        modules = os.listdir(it.modules)
        paths = [os.path.join(directory, name) for directory in (it.modules, it.bin) for name in os.listdir(directory)
                 if name in modules and name not in ('csv2nf.sh', 'nemea_warden_filer')]
        commands = [(path, '-h') for path in paths if os.path.isfile(path)]
        listed = self.run_in(env, it.command, '--help').split('Modules:')[1].split()
        self.assertIn('logger', listed)
        commands += [(it.command, name, '-h') for name in listed]
        for command, out in zip(commands, self.run_all(env, commands)):
            self.assertRegex(out, '(?i)usage|module', command)
        self.run_all(env, [(it.command, 'help', name) for name in listed])
        for name in {'csv2nf.sh', 'nemea_warden_filer'} & set(modules):  # as those of NEMEA 2
            self.assertRegex(self.run_in(env, os.path.join(it.modules, name), '-h', status=1), '(?i)usage')

    def check_pipeline(self, it):
        env = it.env(self.work)
        with open(os.path.join(self.work, 'in.csv'), 'w', encoding='utf-8') as file:
            file.write(FLOWS)
        with subprocess.Popen([it.command, 'logger', '-t', '-i', 'u:flows'], env=env, cwd=self.work, stdout=subprocess.PIPE,
                              text=True) as logger:
            self.run_in(env, it.command, 'logreplay', '-d', '-f', 'in.csv', '-i', 'u:flows:min_clients=1:timeout=WAIT')
            self.assertEqual(logger.communicate(timeout=TIMEOUT)[0], FLOWS)
            self.assertEqual(logger.returncode, 0)

    def check_analysis(self, it):
        self.assertIn('vertical port scan', self.run_in(it.env(self.work), it.command, 'analyze', CAPTURE))
        self.assertIn('vertical port scan', self.run_in(it.env(self.work), os.path.join(it.bin, 'nemeactl'), 'analyze', CAPTURE))

    def check_compiling(self, it):
        """Modules compiled with pkg-config run, without a word of where the libraries are."""
        env = it.compiler_env(self.work)
        for name, source, packages in (('example', 'c/module/example_module.c', 'libtrap unirec'),
                                       ('counter', 'syn_counter/syn_counter.c', 'nemea-module nemea-common')):
            folder = os.path.join(self.work, name)
            os.mkdir(folder)
            shutil.copy(os.path.join(it.share, 'nemea-framework', 'examples', source), os.path.join(folder, name + '.c'))
            self.run_in(env, 'ur_processor.sh', '-i', folder, '-o', folder)
            self.run_in(env, 'sh', '-c', f'cc -O2 -Wall -Wextra -Werror -o {name}/{name} {name}/*.c $(pkg-config --cflags --libs {packages})')
            self.run_in(it.env(self.work), os.path.join(folder, name), '-h')
            shutil.rmtree(folder)
        if shutil.which('c++') is None:
            return
        for source, packages, expected in ((C_PLUS_PLUS, 'unirec++', 'libtrap'), (C_PLUS_PLUS_MODULE, 'nemea-module', 'Counts flows.')):
            with open(os.path.join(self.work, 'plus.cpp'), 'w', encoding='utf-8') as file:
                file.write(source)
            self.run_in(env, 'sh', '-c', f'c++ -std=c++17 -O2 -Wall -Wextra -Werror -o plus plus.cpp $(pkg-config --cflags --libs {packages})')
            self.assertIn(expected, self.run_in(it.env(self.work), os.path.join(self.work, 'plus'), '-h'))
        self.assertEqual(os.path.realpath(self.run_in(env, 'pkg-config', '--variable=moduledir', 'nemea-module').strip()),
                         os.path.realpath(it.modules))

    def check_new_module(self, it):
        self.run_in(it.env(self.work), it.command, 'new-module', 'fresh')
        self.assertTrue(os.path.exists(os.path.join(self.work, 'fresh', 'fresh.c')))
        shutil.rmtree(os.path.join(self.work, 'fresh'))

    def check_hardening(self, it):
        """Position independent, relocations read-only at start, stack protector, checked functions, and a RUNPATH that is relative."""
        if shutil.which('readelf') is None:
            return
        packages = self.run_in(it.compiler_env(self.work), 'pkg-config', '--libs', 'libtrap')
        runpath = build_options(BUILD)['prefix'] != '/usr' or '-rpath' in packages
        paths = list(self.binaries(it))
        headers = self.run_all(it.env(self.work), [('readelf', '-hldW', '--dyn-syms', path) for path in paths])
        for path, out in zip(paths, headers):
            for pattern, expected in ((r'Type:\s+DYN', True), ('GNU_RELRO', True), (r'\(FLAGS.*NOW', True),
                                      (r'GNU_STACK\s+0x0+ 0x0+ 0x0+ 0x0+ 0x0+ RW ', True), (r'\(RPATH\)', False),
                                      (r'\(RUNPATH\).*\[\$ORIGIN[./\w-]*\]', runpath), (r'\(RUNPATH\)', runpath)):
                self.assertEqual(re.search(pattern, out) is not None, expected, f'{path}: {pattern}')
        whole = ''.join(headers)
        self.assertIn('__stack_chk_fail', whole)
        if build_options(BUILD)['optimization'] not in ('0', 'plain'):
            self.assertRegex(whole, r'__(memcpy|snprintf|vsnprintf|fprintf)_chk')

    @staticmethod
    def binaries(it):
        """Paths of the programs and libraries that were compiled here."""
        ours = {installed for _, installed in Case.installed()}
        for directory in (it.modules, it.lib):
            for name in os.listdir(directory):
                path = os.path.join(directory, name)
                if os.path.islink(path) or not os.path.isfile(path) or not ('.so.' in name or directory == it.modules):
                    continue
                with open(path, 'rb') as file:
                    if file.read(4) == b'\x7fELF' and (name in ours or any(name.startswith(library + '.') for library in ours)):
                        yield path

    def check_shortly(self, it):
        self.check_pipeline(it)
        self.check_analysis(it)
        self.check_compiling(it)

    def check_fully(self, it):
        self.check_names(it)
        self.check_every_program(it)
        self.check_hardening(it)
        self.check_new_module(it)
        self.check_shortly(it)


class Install(Case):
    def test_below_destdir_and_moved(self):
        """DESTDIR/usr/local is a prefix that was moved already; so is where it goes next."""
        stage = os.path.join(self.work, 'stage')
        install(BUILD, stage)
        self.assertEqual(set(os.listdir(stage)), {build_options(BUILD)['prefix'].split('/')[1]})
        it = Installation(BUILD, root=stage)
        if build_options(BUILD)['prefix'] == '/usr':
            self.skipTest('the libraries may be for a directory that is built into the dynamic linker')
        self.check_fully(it)
        moved = os.path.join(self.work, 'moved')
        os.rename(it.prefix, moved)
        self.check_shortly(Installation(BUILD, prefix=moved))
        os.rename(moved, it.prefix)
        uninstall(BUILD)
        self.assertFalse(os.path.exists(stage), tree(stage))

    def test_in_its_place(self):
        prefix = build_options(BUILD)['prefix']
        if system_prefix(prefix) and not HERE:
            self.in_namespace()
            return
        if not os.access(existing(prefix), os.W_OK):
            self.skipTest(f'{prefix} is not writable for this user')
        before = tree(prefix)
        install(BUILD)
        self.addCleanup(subprocess.run, ['meson', '--internal', 'uninstall'], cwd=BUILD, capture_output=True, check=False)
        it = Installation(BUILD)
        self.check_fully(it)
        if not system_prefix(prefix):
            os.rename(prefix, prefix + '-moved')
            self.check_shortly(Installation(BUILD, prefix=prefix + '-moved'))
            os.rename(prefix + '-moved', prefix)
        self.run_in(dict(os.environ), 'ninja', '-C', BUILD, 'uninstall')
        self.assertEqual([path for path in tree(prefix) if path not in before and '__pycache__' not in path], [])

    def in_namespace(self):
        """Once more in a mount namespace: what is installed goes with it."""
        prefix = build_options(BUILD)['prefix']
        if os.getuid() != 0:
            self.skipTest('only root can make a throw-away root')
        if prefix != '/usr/local':
            self.skipTest(f'{prefix} cannot be replaced while programs of it run')
        mounts = ('set -e; mount -t tmpfs tmpfs "$1"; mkdir "$1/etc"; cp -a /etc/. "$1/etc"; mount --bind "$1/etc" /etc; '
                  'mount -t tmpfs -o mode=755 tmpfs /usr/local; shift; exec "$@"')
        space = os.path.join(self.work, 'space')
        os.mkdir(space)
        if subprocess.run(['unshare', '-m', 'true'], capture_output=True, check=False).returncode != 0:
            self.skipTest('no mount namespaces here')
        out = self.run_in(dict(os.environ), 'unshare', '-m', '--propagation', 'private', 'sh', '-c', mounts, '_', space, sys.executable,
                          os.path.abspath(__file__), '--here', BUILD, 'Install.test_in_its_place')
        self.assertNotIn('skipped', out)

    def test_as_an_ordinary_user(self):
        if os.getuid() != 0 or HERE:
            self.skipTest('the user is an ordinary one already')
        if shutil.which('setpriv') is None or subprocess.run(['unshare', '-m', 'true'], capture_output=True, check=False).returncode != 0:
            self.skipTest('no setpriv or no mount namespaces here')
        # The build directory belongs to another user; the user owns only the files that the installation writes.
        script = ('set -e; for d in meson-logs meson-private; do cp -a "$1/$d" "$2/$d"; chown -R 65534 "$2/$d"; '
                  'mount --bind "$2/$d" "$1/$d"; done; shift 2; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"')
        space = os.path.join(self.work, 'space')
        os.mkdir(space)
        os.chmod(self.work, 0o755)
        if not readable_by_all(BUILD) or not readable_by_all(ROOT):
            self.skipTest(f'{BUILD} is not readable for other users')
        out = self.run_in(dict(os.environ, HOME='/tmp'), 'unshare', '-m', '--propagation', 'private', 'sh', '-c', script, '_', BUILD,
                          space, sys.executable, os.path.abspath(__file__), '--user', BUILD, 'Install.test_below_destdir_and_moved')
        self.assertNotIn('skipped', out)

    def test_layout_of_nemea_2(self):
        """Configurations name /usr/bin/nemea/logger: the directory is there, and the command is nemeactl."""
        build = os.path.join(self.work, 'build')
        self.run_in(dict(os.environ), 'meson', 'setup', build, ROOT, '--prefix=/usr', '--libdir=lib', '-Dmoduledir=/usr/bin/nemea', '-Dtests=false')
        there = set(introspect(build, '--installed').values())
        for name in {'logger', 'csv2nf.sh'} | COMMANDS - {'nemeactl', 'ipfixprobe'}: # of links, introspect shows one of a name
            self.assertIn(f'/usr/bin/nemea/{name}', there)
        self.assertEqual({path for path in there if os.path.dirname(path) == '/usr/bin'},
                         {f'/usr/bin/{name}' for name in COMMANDS - {'nemea'}})
        with open(os.path.join(build, 'meson-private', 'unirec.pc'), encoding='utf-8') as file:
            self.assertNotIn('rpath', file.read())
        out = self.run_in(dict(os.environ), 'meson', 'setup', '--wipe', build, ROOT, '-Dmoduledir=bin', status=1)
        self.assertIn('expected a directory of its own', out)


def existing(path):
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def readable_by_all(path):
    while path != '/':
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        path = os.path.dirname(path)
    return True


if __name__ == '__main__':
    while sys.argv[1].startswith('--'):
        HERE |= sys.argv.pop(1) == '--here'
    BUILD = os.path.abspath(sys.argv.pop(1))
    OPTION = build_options(BUILD)
    if os.path.exists(os.path.join(BUILD, 'python', 'reporters', 'programs', 'idea2idea.py')):
        COMMANDS |= REPORTERS
    if OPTION['b_sanitize'] != 'none':
        print('skipped: the build has a sanitizer')
        sys.exit(77)
    if not OPTION['pkgconfig.relocatable']:
        sys.exit(f'{BUILD} has options of an older tree: meson setup --wipe {BUILD}')
    unittest.main()
