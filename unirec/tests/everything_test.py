#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A program that uses all of UniRec compiles without a warning as C and C++ and runs clean with sanitizers and valgrind.

usage: everything_test.py SOURCE_ROOT BUILD_ROOT SANITIZERS CC CXX    SANITIZERS of the build; "" for CXX: C only
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


def build_and_run(compiler, language, source, build, sanitizers, work):
    what = ' '.join(compiler + language) + (f' with {sanitizers}' if sanitizers else ' under valgrind')
    checks = [f'-fsanitize={sanitizers}', '-fno-sanitize-recover=undefined', '-g', '-O1'] if sanitizers else ['-gdwarf-4', '-O0', '-DUR_DEBUG']
    if sanitizers and language is CPP:
        checks.append('-fno-sanitize=alignment')  # C++ has no type for an object that is not aligned
    includes = [f'-I{work}', f'-I{source}/unirec/include', f'-I{source}/libtrap/include']
    strict = ['-Wall', '-Wextra', '-Werror']
    program = os.path.join(source, 'unirec/tests/everything/everything.c')
    run(what, compiler + language + strict + checks + includes + ['-c', program, '-o', f'{work}/program.o'])
    # A module's fields.c is made for C; C++ modules compile it with the C compiler or, as here, as C++.
    run(what, compiler + language + strict + ['-Wno-write-strings'] + checks + includes +
        ['-c', f'{work}/fields.c', '-o', f'{work}/fields.o'])
    libraries = [os.path.join(build, name) for name in ('unirec', 'libtrap')]
    run(what, compiler + checks + [f'{work}/program.o', f'{work}/fields.o', '-o', f'{work}/program'] +
        [f'-L{path}' for path in libraries] + ['-lunirec', '-ltrap', '-Wl,-rpath,' + ':'.join(libraries)])
    fixed = ['setarch', '-R'] if shutil.which('setarch') else []
    environment = dict(os.environ, TRAP_SOCKET_DIR=work)
    environment.pop('LD_LIBRARY_PATH', None)
    environment.pop('LD_PRELOAD', None)
    valgrind = [] if sanitizers else ['valgrind', '-q', '--error-exitcode=9', '--leak-check=full']
    run(what, (fixed if sanitizers else valgrind) + [f'{work}/program'], cwd=work, env=environment)
    print('good:', what)


def main():
    source, build, sanitizers, cc, cxx = sys.argv[1:6]
    pairs = [(cc.split(), cxx.split())]
    valgrind = sanitizers == 'none' and shutil.which('valgrind')
    if sanitizers == 'none':
        sanitizers = 'address,undefined'
        pairs += [(['clang'], ['clang++'])] if shutil.which('clang') and shutil.which('clang++') else []
    with tempfile.TemporaryDirectory(prefix='nemea-everything-') as work:
        run('ur_processor.sh', [os.path.join(source, 'unirec/tools/ur_processor.sh'), '-o', work, '-i',
                                os.path.join(source, 'unirec/tests/everything')])
        for c, cpp in pairs:
            build_and_run(c, C, source, build, sanitizers, work)
            if cpp:
                build_and_run(cpp, CPP, source, build, sanitizers, work)
            else:
                print('no C++ compiler: compiled as C only')
            if valgrind:  # reads of memory that was never written, which the sanitizers do not see
                build_and_run(c, C, source, build, '', work)
        if not valgrind:
            print('no run under valgrind: not installed, or the libraries have sanitizers')


if __name__ == '__main__':
    main()
