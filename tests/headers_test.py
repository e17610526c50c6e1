#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each public header compiles alone, first and twice, as C and as C++, without a warning.

usage: headers_test.py C_COMPILER CXX_COMPILER INCLUDE_DIR...    "" for CXX_COMPILER: C only
"""
import glob
import os
import subprocess
import sys
import tempfile


def public_headers(directory):
    names = [name for end in ('h', 'hpp') for name in glob.glob(os.path.join(directory, '**', f'*.{end}'), recursive=True)]
    return sorted(os.path.relpath(name, directory) for name in names)


def compiles(command, directories, source):
    command = command + ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']
    command += [flag for directory in directories for flag in ('-I', directory)] + [source]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace', check=False)
    return done.returncode == 0, done.stdout


def main():
    c, cxx, directories = sys.argv[1].split(), sys.argv[2].split(), sys.argv[3:]
    languages = [('C', c + ['-std=gnu17', '-x', 'c'])]
    if cxx:
        languages.append(('C++', cxx + ['-std=gnu++17', '-x', 'c++']))
    else:
        print('no C++ compiler: headers are compiled as C only')
    bad = count = 0
    with tempfile.TemporaryDirectory(prefix='nemea-headers-') as work:
        source = os.path.join(work, 'alone.c')
        for directory in directories:
            for header in public_headers(directory):
                with open(source, 'w', encoding='utf-8') as out:
                    out.write(f'#include <{header}>\n#include <{header}>\nint nothing;\n')
                for language, command in languages:
                    if language == 'C' and header.endswith('.hpp'):
                        continue
                    good, text = compiles(command, directories, source)
                    count += 1
                    if not good:
                        bad += 1
                        print(f'{header} as {language}:\n{text}')
    print(f'{count} compiled, {bad} failed')
    return 1 if bad or not count else 0


if __name__ == '__main__':
    sys.exit(main())
