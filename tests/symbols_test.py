#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""debian/PACKAGE.symbols lists what each library exports, no more and no less: what is missing there would get a version that Debian refuses.

usage: symbols_test.py SOURCE_DIR LIBRARY...
"""

import os
import re
import subprocess
import sys


def listed(path):
    """Name of the library, and its symbols with their versions."""
    with open(path, encoding='utf-8') as file:
        first, *rest = file.read().splitlines()
    return first.split()[0], {line.split()[0] for line in rest if line.startswith(' ')}


def exported(library):
    out = subprocess.run(['nm', '-D', '--defined-only', '--with-symbol-versions', library], check=True, capture_output=True, text=True).stdout
    return {re.sub('@+', '@', line.split()[2]) for line in out.splitlines()}


def soname(library):
    out = subprocess.run(['objdump', '-p', library], check=True, capture_output=True, text=True).stdout
    return re.search(r'SONAME +(\S+)', out)[1]


def main(source, *libraries):
    files = {}
    for name in os.listdir(os.path.join(source, 'debian')):
        if name.endswith('.symbols'):
            library, symbols = listed(os.path.join(source, 'debian', name))
            files[library] = name, symbols
    wrong = 0
    for library in libraries:
        name, symbols = files.pop(soname(library))
        names = exported(library)
        # The version itself is a symbol to dpkg-gensymbols ("NEMEA_COMMON_3@NEMEA_COMMON_3"), and nm leaves its own version out.
        names = {symbol if '@' in symbol else f'{symbol}@{symbol}' if f'{symbol}@{symbol}' in symbols else f'{symbol}@Base' for symbol in names}
        for symbol in sorted(names ^ symbols):
            print(f'debian/{name}: {symbol} is {"missing: the library has it" if symbol in names else "not in the library"}', file=sys.stderr)
            wrong += 1
    for name, _ in files.values():
        print(f'debian/{name}: of no library that was named', file=sys.stderr)
    return 1 if wrong or files else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
