# SPDX-License-Identifier: BSD-3-Clause
"""Prints the directory for Python packages of a prefix, for meson.build: one below it that this Python looks into by itself, else
PREFIX/lib/pythonX.Y/site-packages; and the way from the package in it to LIBDIR.

usage: python_dir.py PREFIX LIBDIR PACKAGE      (run by the Python that the package is for)
"""

import os
import site
import sys


def main(prefix, libdir, package):
    found = os.path.join(prefix, 'lib', 'python%d.%d' % sys.version_info[:2], 'site-packages')
    if prefix != '/':
        # The distribution's own packages have a place among them that needs no version, which is later in the list.
        own = [path for path in site.getsitepackages() if os.path.commonpath([path, prefix]) == prefix]
        if prefix == '/usr':
            own = [path for path in own if not path.startswith('/usr/local/')]
        found = own[0] if own else found
    print(found)
    print(os.path.relpath(libdir, os.path.join(found, package)))


if __name__ == '__main__':
    main(*sys.argv[1:])
