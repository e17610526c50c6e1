#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds the RPM packages from the tarball of build-release, also on Debian (packages rpm and rpmlint), and tries them (not part of check).

usage: rpm.py     (after ./bootstrap.sh release)

rpmbuild makes the packages in build-rpm; where there are no packages of Fedora to ask for, their names are not looked up (--nodeps), and the macros of
meson, systemd and Python are defined here. Then rpmlint looks at them, all are installed in an empty directory, verified and erased. Exit status 1
when one of these steps fails.
"""

import glob
import os
import shutil
import subprocess
import sys

from package import ROOT, version

WORK = os.path.join(ROOT, 'build-rpm')
# What the macros of Fedora stand for, in short; scripts of packages do not run here.
MACROS = '''%_topdir {work}
%_libdir %{{_prefix}}/lib64
%_vpath_builddir redhat-linux-build
%_unitdir %{{_prefix}}/lib/systemd/system
%python3 /usr/bin/python3
%dist .try
%meson /usr/bin/meson setup %{{_vpath_builddir}} --buildtype=plain --prefix=%{{_prefix}} --libdir=%{{_libdir}} --sysconfdir=%{{_sysconfdir}} --localstatedir=%{{_localstatedir}} --wrap-mode=nodownload
%meson_build /usr/bin/ninja -C %{{_vpath_builddir}} -j{jobs}
%meson_install DESTDIR=%{{buildroot}} /usr/bin/meson install -C %{{_vpath_builddir}} --no-rebuild
%tmpfiles_create() systemd-tmpfiles --create %*
%systemd_post() true %*
%systemd_preun() true %*
%systemd_postun_with_restart() true %*
'''


def run(title, *command, **options):
    """Runs a command whose output goes to build-rpm/TITLE.log; its end is shown when it fails."""
    log = os.path.join(WORK, title.replace(' ', '-') + '.log')
    with open(log, 'w', encoding='utf-8') as file:
        good = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False, **options).returncode == 0
    print(f'rpm.py: {"ok" if good else "FAILED"} {title}', flush=True)
    if not good:
        with open(log, encoding='utf-8', errors='replace') as file:
            print(''.join(file.readlines()[-30:]))
    return good


def built():
    return sorted(glob.glob(os.path.join(WORK, 'RPMS', '*', '*.rpm')))


def build(tarball):
    macros = os.path.join(WORK, 'macros')
    native = os.path.exists('/usr/lib/rpm/redhat')
    with open(macros, 'w', encoding='utf-8') as file:
        file.write('%_topdir ' + WORK + '\n' if native else MACROS.format(work=WORK, jobs=os.environ.get('JOBS') or os.cpu_count()))
    options = ['--load', macros] + ([] if native else ['--nodeps'])
    return run('build', 'rpmbuild', '-tb', *options, tarball)


def install(packages):
    """All together in an empty directory: no file is in two packages, and nothing is left behind when they are erased."""
    root = os.path.join(WORK, 'root')
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    rpm = ['rpm', '--root', root, '--dbpath', '/var/lib/rpm', '--nodeps', '--noscripts']
    names = [subprocess.run(['rpm', '-qp', '--qf', '%{NAME}', path], check=True, capture_output=True, text=True).stdout for path in packages]
    good = run('install', *rpm, '-i', *packages)
    good = run('verify', 'rpm', '--root', root, '--dbpath', '/var/lib/rpm', '-V', '--nodeps', '--nouser', '--nogroup', *names) and good
    good = run('erase', *rpm, '-e', *names) and good
    left = [os.path.join(folder, name) for folder, _, found in os.walk(root) for name in found if '/var/lib/rpm' not in folder]
    print('\n'.join(left), end='\n' if left else '')
    return good and not left


def main():
    tarball = os.path.join(ROOT, 'build-release', f'nemea-{version()}.tar.xz')
    if not os.path.exists(tarball):
        print(f'rpm.py: no {tarball}: ./bootstrap.sh release', file=sys.stderr)
        return 2
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    if not build(tarball):
        return 1
    lint = run('rpmlint', 'rpmlint', '-c', os.path.join(ROOT, 'packaging', 'rpmlint.toml'), os.path.join(ROOT, 'build-release', 'nemea.spec'), *built())
    installed = install(built())
    print('\n'.join(os.path.relpath(path, ROOT) for path in built()))
    return 0 if lint and installed else 1


if __name__ == '__main__':
    sys.exit(main())
