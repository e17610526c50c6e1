#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Paths between the directories of an installation, for meson.build.

usage: layout.py PREFIX BINDIR LIBDIR MODULEDIR      (all absolute)

Prints a line each: the way from MODULEDIR to LIBDIR, from BINDIR to MODULEDIR, from MODULEDIR to PREFIX; how the dynamic linker finds
LIBDIR: "default" (built into it), "configured" (in /etc/ld.so.conf), "foreign" (it does not look there); MODULEDIR for pkg-config.
"""

import glob
import os
import re
import subprocess
import sys


def built_in():
    """Directories that are built into the dynamic linker. It says so since glibc 2.33."""
    found = {'/lib', '/usr/lib'}
    for loader in glob.glob('/lib*/ld-linux*.so.*'):
        done = subprocess.run([loader, '--help'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        found.update(re.findall(r'^ *(/\S+) \(system search path\)', done.stdout, re.M))
    return found


def configured(path='/etc/ld.so.conf'):
    """Directories of the linker's configuration file and of those it includes."""
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            lines = [line.split('#')[0].strip() for line in file]
    except OSError:
        return
    for line in lines:
        if line.startswith('include'):
            for pattern in line.split()[1:]:
                for name in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))):
                    yield from configured(name)
        elif line:
            yield os.path.normpath(line)


def main(prefix, bindir, libdir, moduledir):
    print(os.path.relpath(libdir, moduledir))
    print(os.path.relpath(moduledir, bindir))
    print(os.path.relpath(prefix, moduledir))
    libdir = os.path.normpath(libdir)
    print('default' if libdir in built_in() else 'configured' if libdir in configured() else 'foreign')
    inside = os.path.relpath(moduledir, prefix)
    print(moduledir if inside.startswith('..') else '${prefix}/' + inside)


if __name__ == '__main__':
    main(*sys.argv[1:])
