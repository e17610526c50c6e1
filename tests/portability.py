#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds, installs and runs the tree in new roots of releases of Debian (needs root and a network).

usage: portability.py [SUITE...]        (default: bookworm trixie)

In each root, build-portability/SUITE, which is kept: the packages that bootstrap.sh names are enough, everything builds without a
warning, and three installations work, are moved, and leave nothing behind when they are removed: the default one, the layout of NEMEA 2
(/usr/bin/nemea), and that of an ordinary user with bootstrap.sh. Exit status 1 when anything failed; logs are beside the roots.
"""

import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, 'build-portability')
MIRROR = 'http://deb.debian.org/debian'
SUITES = ('bookworm', 'trixie')
SOURCE, USER_SOURCE = '/nemea', '/home/user/nemea-source'

MOUNT = '''set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
cp /etc/resolv.conf "$1/etc/resolv.conf"
root=$1
shift
exec chroot "$root" "$@"'''

# What is done in each root: title, command.
STEPS = (
    ('packages', f'cd {SOURCE} && apt-get -q update && ./bootstrap.sh deps build && '
     'DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends install g++ libcmocka-dev </dev/null'),
    ('build of everything, warnings are errors',
     f'cd {SOURCE} && meson setup build -Dwerror=true -Dfuzz=true -Dbench=true && ninja -C build'),
    ('default installation', f'cd {SOURCE} && python3 tests/install_test.py --here build Install.test_below_destdir_and_moved '
     'Install.test_in_its_place Install.test_layout_of_nemea_2'),
    ('the same as an ordinary user', f'cd {SOURCE} && python3 tests/install_test.py build Install.test_as_an_ordinary_user'),
    ('layout of NEMEA 2, build',
     f'cd {SOURCE} && meson setup build-2 -Dwerror=true --prefix=/usr -Dmoduledir=/usr/bin/nemea -Dtests=false && ninja -C build-2'),
    ('layout of NEMEA 2', f'cd {SOURCE} && python3 tests/install_test.py --here build-2 Install.test_in_its_place'),
    ('bootstrap.sh of an ordinary user', 'id user >/dev/null 2>&1 || useradd -m user; '
     f'rm -rf {USER_SOURCE} /home/user/nemea && mkdir -p {USER_SOURCE} && cp -a {SOURCE}/. {USER_SOURCE} && rm -rf {USER_SOURCE}/build* && '
     f'chown -R user {USER_SOURCE} && cd {USER_SOURCE} && setpriv --reuid user --regid user --init-groups env -i HOME=/home/user '
     'PATH=/usr/bin:/bin sh -ec "./bootstrap.sh install --prefix ~/nemea; ./bootstrap.sh install --prefix ~/nemea; '
     '~/nemea/bin/nemea logger -h >/dev/null; '
     '~/nemea/bin/nemea analyze examples/captures/vertical-scans-ipv4.pcap.zst | grep \'vertical port scan\'; '
     './bootstrap.sh uninstall; test ! -e ~/nemea"'),
)


def copy_source(root):
    """The files that git knows, as they are now."""
    target = root + SOURCE
    shutil.rmtree(target, ignore_errors=True)
    names = subprocess.run(['git', '-c', f'safe.directory={ROOT}', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                           cwd=ROOT, check=True, capture_output=True).stdout.decode().split('\0')
    for name in filter(None, names):
        if os.path.lexists(os.path.join(ROOT, name)):
            os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), os.path.join(target, name), follow_symlinks=False)


def run(log, command):
    """Runs a command; gives whether it succeeded and skipped nothing."""
    log.write(f'\n$ {" ".join(command)}\n')
    log.flush()
    begin = os.path.getsize(log.name)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                          env={'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'})
    with open(log.name, encoding='utf-8', errors='replace') as file:
        file.seek(begin)
        return done.returncode == 0 and '(skipped=' not in file.read()


def make_root(log, suite, root):
    complete = root + '.complete'
    if not os.path.exists(complete):
        shutil.rmtree(root, ignore_errors=True)
        if not run(log, ['debootstrap', '--variant=minbase', suite, root, MIRROR]):
            return False
        with open(complete, 'w', encoding='ascii'):
            pass
    copy_source(root)
    return True


def check(suite):
    """All steps in the root of a suite; gives how many of them failed."""
    root, failed = os.path.join(WORK, suite), 0
    with open(root + '.log', 'w', encoding='utf-8') as log:
        begin = time.monotonic()
        if not make_root(log, suite, root):
            print(f'{suite}: FAILED debootstrap (see {root}.log)')
            return 1
        for title, command in STEPS:
            good = run(log, ['unshare', '-m', '--propagation', 'private', 'sh', '-c', MOUNT, '_', root, 'sh', '-c', command])
            print(f'{suite}: {"ok" if good else "FAILED"} {title}, {time.monotonic() - begin:.0f} s', flush=True)
            begin = time.monotonic()
            failed += not good
    if failed:
        print(f'{suite}: see {root}.log')
    return failed


def main(suites):
    if os.getuid() != 0:
        print('portability.py: only root can make other roots', file=sys.stderr)
        return 2
    os.makedirs(WORK, exist_ok=True)
    failed = sum(check(suite) for suite in suites or SUITES)
    print(f'{failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
