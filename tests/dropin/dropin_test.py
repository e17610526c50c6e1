#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sources in the manner of NEMEA 2 modules compile unchanged against the headers of this project alone.

usage: dropin_test.py BUILD_DIR SANITIZERS C_COMPILER CXX_COMPILER [TEST...]    "" for CXX_COMPILER: C only; a test: Includes.test_unirec

Each source is compiled with -Wall -Werror as C (gnu99) and as C++11 and C++17.
"""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests'))

from programs import Workspace  # pylint: disable=wrong-import-position

BUILD, SANITIZERS = None, 'none'
INCLUDES = [flag for folder in ('common/include', 'libtrap/include', 'unirec/include', 'unirec/cpp/include', 'module/urfilter')
            for flag in ('-I', os.path.join(ROOT, folder))]
LANGUAGES = {}  # name: compiler and options

# What a source does with a header that it did not include itself.
USES = {
    'arpa/inet': 'struct in_addr a; return inet_aton("192.0.2.1", &a) + (int) ntohl(1);',
    'getopt': 'static const struct option o[] = {{0, 0, 0, 0}}; char *v[] = {0}; return getopt_long(0, v, "", o, 0) + optind;',
    'inttypes': 'static const char format[] = "%" PRIu64 "%" SCNx32; return format[0];',
    'netinet/in': 'struct sockaddr_in s; s.sin_port = 1; return (int) s.sin_port + IPPROTO_TCP;',
    'stdint': 'uint64_t n = (uint64_t) INT32_MAX; uint8_t m = 1; return (int) (n + m);',
    'stdio': 'FILE *f = stderr; return fprintf(f, "%d", 1);',
    'stdlib': 'void *p = malloc(1); free(p); return p == NULL ? EXIT_FAILURE : abs(-1);',
    'string': 'char to[4]; memset(to, 0, sizeof(to)); return (int) strlen(to) + strcmp(to, "x");',
    'strings': 'return strcasecmp("a", "A");',
    'sys/socket': 'return socket(AF_INET, SOCK_STREAM, 0);',
    'sys/stat': 'struct stat s; return stat(".", &s) + mkdir("x", 0700);',
    'sys/time': 'struct timeval t; return gettimeofday(&t, 0);',
    'sys/types': 'ssize_t n = -1; pid_t p = 1; off_t o = 2; return (int) (n + p + o);',
    'time': 'time_t t = time(0); struct tm *tm = gmtime(&t); return tm != 0;',
}
BASE = ('inttypes', 'stdint', 'stdlib', 'string', 'strings', 'sys/types')
UNIREC = ('arpa/inet', 'inttypes', 'netinet/in', 'stdint', 'stdio', 'stdlib', 'string', 'strings', 'sys/socket', 'sys/types')
BROUGHT_IN = {
    'libtrap/trap.h': ('stdint', 'stdio', 'stdlib', 'sys/types'),
    'libtrap/jansson.h': ('stdint', 'stdio', 'stdlib', 'sys/types'),
    'nemea-common/nemea-common.h': BASE,
    'nemea-common/fast_hash_table.h': BASE,
    'nemea-common/fast_hash_filter.h': BASE,
    'nemea-common/prefix_tree.h': BASE + ('getopt', 'stdio', 'sys/stat', 'time'),
    'nemea-common/super_fast_hash.h': ('stdint', 'stdlib', 'sys/types'),
    'nemea-common/real_time_sending.h': ('sys/time',),
    'unirec/unirec.h': UNIREC,
    'liburfilter.h': UNIREC,
    'unirec/macaddr.h': ('inttypes', 'stdint', 'stdio', 'string', 'strings'),
}

# Names that modules define themselves, with unusual spellings.
OWN_NAMES = {'TCP_FIN': '(1 << 0)', 'TCP_SYN': '(1 << 1)', 'TCP_RST': '(1 << 2)', 'TCP_PSH': '(1 << 3)', 'TCP_ACK': '(1 << 4)',
             'TCP_URG': '(1 << 5)', 'DIR_FLAG_REQ': '(1 << 3)', 'DIR_FLAG_RSP': '(1 << 2)', 'DIR_FLAG_SF': '(1 << 1)',
             'DIR_FLAG_NRC': '(1 << 0)'}


class Compiled(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='nemea-dropin-')
        self.addCleanup(self.folder.cleanup)

    def compile(self, text, languages=None):
        path = os.path.join(self.folder.name, 'old_module.c')
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        for language in languages or LANGUAGES:
            done = subprocess.run([*LANGUAGES[language], '-Wall', '-Werror', *INCLUDES, '-c', path, '-o', '/dev/null'],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', check=False)
            self.assertEqual(done.returncode, 0, f'as {language}:\n{done.stdout}')


class Includes(Compiled):
    """Headers bring in what sources rely on."""

    def brings(self, header):
        functions = [f'int use_{name.replace("/", "_")}(void);\nint use_{name.replace("/", "_")}(void)\n{{\n   {USES[name]}\n}}\n'
                     for name in BROUGHT_IN[header]]
        self.compile(f'#include <{header}>\n' + '\n'.join(functions))


def brought_in(header):
    return lambda self: self.brings(header)


for _header in BROUGHT_IN:
    setattr(Includes, 'test_' + os.path.basename(_header)[:-2].replace('-', '_'), brought_in(_header))


class Layout(Compiled):
    def test_prefix_tree(self):
        with open(os.path.join(HERE, 'prefix_tree_layout.c'), encoding='ascii') as file:
            self.compile(file.read(), ['C'])


CPP_HEADERS = ('bidirectionalInterface', 'inputInterface', 'outputInterface', 'interfaceStats', 'ipAddress', 'macAddress', 'urTime',
               'trapModuleInfo', 'unirec', 'unirecArray', 'unirecException', 'unirecRecord', 'unirecRecordView', 'unirecTypeTraits',
               'unirecTypes')
ARRAYS = """
#include <unirec++/unirecRecord.hpp>
uint32_t sum(Nemea::UnirecRecord &record, ur_field_id_t id);
uint32_t sum(Nemea::UnirecRecord &record, ur_field_id_t id)
{
   auto a = record.reserveUnirecArray<uint32_t>(3, id);
   for (auto &e : a) {
      e = 1;
   }
   uint32_t *first = &a[0];
   const auto &view = a;
   const uint32_t &last = view.at(2);
   return *first + last;
}
"""


class Cpp(Compiled):
    def setUp(self):
        super().setUp()
        if 'C++17' not in LANGUAGES:
            self.skipTest('no C++ compiler')

    def test_headers_alone(self):
        for header in CPP_HEADERS:
            self.compile(f'#include <unirec++/{header}.hpp>\nint nothing;\n', ['C++17'])

    def test_elements_of_arrays_are_references(self):
        self.compile(ARRAYS, ['C++17'])


class Behaviour(Compiled):
    """A module compiled as it is, linked and run."""

    def setUp(self):
        super().setUp()
        self.w = Workspace(os.path.join(BUILD, 'bin'))
        self.addCleanup(self.w.__exit__)
        self.module = self.w.file('old_detector')
        libraries = [flag for floor, name in (('libtrap', 'trap'), ('unirec', 'unirec'), ('common', 'nemea-common'))
                     for flag in ('-L' + os.path.join(BUILD, floor), '-l' + name, '-Wl,-rpath,' + os.path.join(BUILD, floor))]
        sanitized = [f'-fsanitize={SANITIZERS}'] if SANITIZERS != 'none' else []
        done = subprocess.run([*LANGUAGES['C'], '-Wall', '-Werror', *sanitized, *INCLUDES, os.path.join(HERE, 'old_detector.c'), '-o',
                               self.module, *libraries], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.w.file('flows.csv', 'ipaddr SRC_IP,uint64 BYTES\n10.0.0.1,40\n10.0.0.2,50\n')

    def test_what_is_received_can_be_written(self):
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows:w')[0], 0)
        for interface in ('f:flows', 'u:flows'):
            sender = self.w.start('logreplay', '-f', 'flows.csv', '-i', 'u:flows:timeout=WAIT') if interface[0] == 'u' else None
            status, out, err = self.w.run(self.module, '-i', interface)
            self.assertEqual((status, out.splitlines()[1:]), (0, ['flow 1', 'flow 2']), err)
            if sender:
                self.assertEqual(self.w.end(sender)[0], 0)

    def test_names_of_sockets_follow_the_directory(self):
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows:w')[0], 0)
        out = self.w.run(self.module, '-i', 'f:flows')[1]
        self.assertEqual(out.splitlines()[0], self.w.file('trap-flows.sock'))

    def test_output_reaches_a_pipe_while_the_module_waits(self):
        sender = self.w.start('logreplay', '-f', '-', '-i', 'u:flows:timeout=WAIT:buffer=off', stdin=subprocess.PIPE)
        module = self.w.start(self.module, '-i', 'u:flows')
        sender.stdin.write('ipaddr SRC_IP,uint64 BYTES\n10.0.0.1,40\n')
        sender.stdin.flush()
        self.assertEqual(module.stdout.readline(), self.w.file('trap-flows.sock') + '\n')
        self.assertEqual(module.stdout.readline(), 'flow 1\n')
        self.assertEqual(self.w.end(sender)[0], 0)
        self.assertEqual(self.w.end(module)[0], 0)


class Macros(Compiled):
    def test_own_names_before_and_after_the_headers(self):
        headers = ''.join(f'#include <{header}>\n' for header in BROUGHT_IN)
        own = ''.join(f'#define {name} {value}\n' for name, value in OWN_NAMES.items())
        use = f'int use(void);\nint use(void)\n{{\n   return {" | ".join(OWN_NAMES)};\n}}\n'
        self.compile(own + headers + use)
        self.compile(headers + own + use)


def main():
    global BUILD, SANITIZERS
    BUILD, SANITIZERS, c, cxx = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3].split(), sys.argv[4].split()
    LANGUAGES['C'] = [*c, '-std=gnu99', '-x', 'c']
    if cxx:
        LANGUAGES['C++11'] = [*cxx, '-std=c++11', '-x', 'c++']
        LANGUAGES['C++17'] = [*cxx, '-std=c++17', '-x', 'c++']
    else:
        print('no C++ compiler: sources are compiled as C only')
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main()
