#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A program that uses all of a library compiles without a warning as C and C++ and runs clean with sanitizers and valgrind.

usage: everything_test.py LIBRARY SOURCE_ROOT BUILD_ROOT SANITIZERS CC CXX
LIBRARY is unirec or common; SANITIZERS are those of the build; "" for CXX: C only.
"""
import os
import shutil
import subprocess
import sys
import tempfile

C, CPP = ['-std=gnu17', '-x', 'c'], ['-std=gnu++17', '-x', 'c++']


def run(what, command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', check=False,
                          timeout=100, **options)
    if done.returncode != 0:
        sys.exit(f'{what}: status {done.returncode}\n{done.stdout}')


def uses(directory):
    """Linker options for a library and its dependencies: directory -> name."""
    return {'unirec': {'unirec': 'unirec', 'libtrap': 'trap'}, 'common': {'common': 'nemea-common'}}[directory]


def has_configurator(build):
    with open(os.path.join(build, 'common', 'libnemea-common.so'), 'rb') as library:
        return b'loadConfiguration' in library.read()


def build_and_run(compiler, language, library, source, build, sanitizers, work):
    what = ' '.join(compiler + language) + (f' with {sanitizers}' if sanitizers else ' under valgrind')
    checks = [f'-fsanitize={sanitizers}', '-fno-sanitize-recover=undefined', '-g', '-O1'] if sanitizers else \
        ['-gdwarf-4', '-O0', '-DUR_DEBUG']
    if sanitizers and language is CPP:
        checks.append('-fno-sanitize=alignment')  # C++ has no type for an object that is not aligned
    strict = ['-Wall', '-Wextra', '-Werror']
    parts = uses(library)
    includes = [f'-I{work}'] + [f'-I{source}/{part}/include' for part in parts]
    if library == 'common' and has_configurator(build):
        includes.append('-DHAVE_CONFIGURATOR')
    objects = [f'{work}/program.o']
    run(what, compiler + language + strict + checks + includes +
        ['-c', os.path.join(source, library, 'tests/everything/everything.c'), '-o', objects[0]])
    if os.path.exists(f'{work}/fields.c'):
        # A module's fields.c is made for C; C++ modules compile it with the C compiler or, as here, as C++.
        objects.append(f'{work}/fields.o')
        run(what, compiler + language + strict + ['-Wno-write-strings'] + checks + includes +
            ['-c', f'{work}/fields.c', '-o', objects[1]])
    paths = [os.path.join(build, part) for part in parts]
    run(what, compiler + checks + objects + ['-o', f'{work}/program'] + [f'-L{path}' for path in paths] +
        [f'-l{name}' for name in parts.values()] + ['-Wl,-rpath,' + ':'.join(paths)])
    fixed = ['setarch', '-R'] if shutil.which('setarch') else []
    environment = dict(os.environ, TRAP_SOCKET_DIR=work)
    environment.pop('LD_LIBRARY_PATH', None)
    environment.pop('LD_PRELOAD', None)
    valgrind = [] if sanitizers else ['valgrind', '-q', '--error-exitcode=9', '--leak-check=full']
    run(what, (fixed if sanitizers else valgrind) + [f'{work}/program'], cwd=work, env=environment)
    print('good:', what)


def main():
    library, source, build, sanitizers, cc, cxx = sys.argv[1:7]
    pairs = [(cc.split(), cxx.split())]
    valgrind = sanitizers == 'none' and shutil.which('valgrind')
    if sanitizers == 'none':
        sanitizers = 'address,undefined'
        pairs += [(['clang'], ['clang++'])] if shutil.which('clang') and shutil.which('clang++') else []
    with tempfile.TemporaryDirectory(prefix='nemea-everything-') as work:
        if library == 'unirec':
            run('ur_processor.sh', [os.path.join(source, 'unirec/tools/ur_processor.sh'), '-o', work, '-i',
                                    os.path.join(source, 'unirec/tests/everything')])
        for c, cpp in pairs:
            build_and_run(c, C, library, source, build, sanitizers, work)
            if cpp:
                build_and_run(cpp, CPP, library, source, build, sanitizers, work)
            else:
                print('no C++ compiler: compiled as C only')
            if valgrind:  # reads of uninitialized memory, which the sanitizers do not detect
                build_and_run(c, C, library, source, build, '', work)
        if not valgrind:
            print('no run under valgrind: not installed, or the libraries have sanitizers')


if __name__ == '__main__':
    main()
