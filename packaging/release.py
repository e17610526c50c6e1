#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the tarball of a release twice, from a clean commit, and compares the bytes.

usage: release.py [--try]     (./bootstrap.sh release)

   --try   then build the tarball and run its quick tests where there is no network: in a network namespace with nothing but lo

The tarball, its checksum and the bill of materials are in build-release/. Exit status 1 when the two tarballs differ, or what was tried failed.
"""

import glob
import os
import shutil
import subprocess
import sys

from package import ROOT, version

WORK = os.path.join(ROOT, 'build-release')


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def tarball(number):
    run('meson', 'dist', '-C', os.path.join(WORK, 'build'), '--no-tests', '--formats', 'xztar')
    path = os.path.join(WORK, f'{number}.tar.xz')
    os.rename(os.path.join(WORK, 'build', 'meson-dist', f'nemea-{version()}.tar.xz'), path)
    with open(path, 'rb') as file:
        return path, file.read()


def try_offline():
    """The tarball builds with what is installed, and nothing else: in a network namespace of its own, in a new directory."""
    top = os.path.join(WORK, 'try')
    log = os.path.join(WORK, 'try.log')
    os.makedirs(top)
    script = ('ip link set lo up; if ip route get 192.0.2.1 2>/dev/null; then exit 1; fi; tar -xf "$1" --strip-components=1 && meson setup build --buildtype=plain --wrap-mode=nodownload '
              '&& ninja -C build && meson test -C build --no-rebuild --suite quick --timeout-multiplier 10')
    command = ['unshare', '-n'] if os.getuid() == 0 else ['unshare', '-r', '-n']
    with open(log, 'w', encoding='utf-8') as file:
        done = subprocess.run(command + ['sh', '-euc', script, '_', os.path.join(WORK, f'nemea-{version()}.tar.xz')], cwd=top, stdin=subprocess.DEVNULL, stdout=file,
                              stderr=file, check=False)
    if done.returncode != 0:
        with open(log, encoding='utf-8', errors='replace') as file:
            print(''.join(file.readlines()[-40:]), file=sys.stderr)
        print(f'release.py: the tarball does not build without a network (full log: {log})', file=sys.stderr)
        return False
    shutil.rmtree(top)
    print('release.py: builds and passes its quick tests without a network')
    return True


def main(arguments):
    if arguments not in ([], ['--try']):
        print(__doc__.split('\n\n')[1], file=sys.stderr)
        return 2
    if run('git', 'status', '--porcelain', '--untracked-files=no'):
        print('release.py: there are changes that are not committed', file=sys.stderr)
        return 1
    shutil.rmtree(WORK, ignore_errors=True)
    run('meson', 'setup', os.path.join(WORK, 'build'), '-Dtests=false')
    (first, one), (second, two) = tarball(1), tarball(2)
    if one != two:
        print(f'release.py: {first} and {second} differ', file=sys.stderr)
        return 1
    os.unlink(second)
    name = f'nemea-{version()}.tar.xz'
    os.rename(first, os.path.join(WORK, name))
    run('tar', '-C', WORK, '-xf', os.path.join(WORK, name), '--strip-components=1', f'nemea-{version()}/nemea.spdx.json', f'nemea-{version()}/nemea.spec')
    with open(os.path.join(WORK, 'SHA256SUMS'), 'w', encoding='ascii') as file:
        file.write(subprocess.run(['sha256sum', name, 'nemea.spdx.json', 'nemea.spec'], cwd=WORK, check=True, stdout=subprocess.PIPE, text=True).stdout)
    shutil.rmtree(os.path.join(WORK, 'build'))
    for path in sorted(glob.glob(os.path.join(WORK, '*'))):
        print(os.path.relpath(path, ROOT))
    print('release.py: made twice, the same bytes')
    return 0 if not arguments or try_offline() else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
