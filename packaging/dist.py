#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Completes the tree of a release tarball; "meson dist" runs it. Adds the software bill of materials, the changelog of the Debian packages
and the spec file, all with the version of meson.build, and gives all files one date and common modes, so that the same commit gives the same bytes."""

import os
import shutil
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import package  # noqa: E402  pylint: disable=wrong-import-position
import sbom  # noqa: E402  pylint: disable=wrong-import-position


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def main(top):
    write(os.path.join(top, 'nemea.spdx.json'), sbom.json.dumps(sbom.bill(None), indent=1) + '\n')
    write(os.path.join(top, 'debian', 'changelog'), package.changelog())
    write(os.path.join(top, 'nemea.spec'), package.spec())
    for folder, folders, names in os.walk(top, topdown=False):
        if '__pycache__' in folders:
            shutil.rmtree(os.path.join(folder, '__pycache__'))
        for path in [os.path.join(folder, name) for name in names] + [folder]:
            if not os.path.islink(path) and os.path.exists(path):
                os.chmod(path, 0o755 if os.access(path, os.X_OK) else 0o644)
                os.utime(path, (package.date(), package.date()))


if __name__ == '__main__':
    sys.dont_write_bytecode = True
    main(os.environ['MESON_DIST_ROOT'])
