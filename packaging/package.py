#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds the Debian packages in a clean directory, build-package/, and checks them with lintian.

usage: package.py [--tests] [--source]     (./bootstrap.sh package)

   --tests   run the unit tests while the packages are built
   --source  make the source package, debian/changelog and tarball too, and build nothing

The version comes from meson.build, the date from the last commit (else from CHANGELOG.md). Exit status 1 when the build
failed or lintian found an error or warning.
"""

import argparse
import email.utils
import functools
import os
import re
import shutil
import subprocess
import sys

import spec as rpm_spec

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, 'build-package')


def version():
    return re.search(r"^  version: '([\d.]+)'", read('meson.build'), re.M)[1]


def git(*arguments):
    if shutil.which('git') is None: # a tarball needs none
        return ''
    done = subprocess.run(['git', '-c', f'safe.directory={ROOT}', *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 else ''


@functools.cache # each call runs git
def date():
    """Seconds since 1970 of the last change, the same for everybody who has this tree."""
    return int(os.environ.get('SOURCE_DATE_EPOCH') or git('log', '-1', '--format=%ct') or os.path.getmtime(os.path.join(ROOT, 'CHANGELOG.md')))


def files():
    """All files of the source tree: those that git knows, or in a tarball all but build directories."""
    listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard')
    if listed:
        return sorted(name for name in listed.split('\0') if name and os.path.lexists(os.path.join(ROOT, name)))
    return sorted(os.path.relpath(os.path.join(folder, name), ROOT) for folder, folders, names in os.walk(ROOT)
                  for name in names if not os.path.relpath(folder, ROOT).startswith('build'))


def maintainer():
    return re.search(r'^Maintainer: (.*)$', read('debian', 'control'), re.M)[1]


def changelog():
    """The revision is less than those of a distribution, whose package then replaces ours."""
    return (f'nemea ({version()}-0nemea1) unstable; urgency=medium\n\n  * NEMEA {version()}. What has changed is in CHANGELOG.md.\n\n'
            f' -- {maintainer()}  {email.utils.formatdate(date())}\n')


def read(*path):
    with open(os.path.join(ROOT, *path), encoding='utf-8') as file:
        return file.read()


def spec():
    """The spec file of the RPM packages."""
    return rpm_spec.spec(read('packaging', 'nemea.spec.in'), read('debian', 'control'), version(), date())


def tarball(folder, path):
    """A tarball that depends on nothing but the files: without owners, in the order of names, with one date."""
    with open(path, 'wb') as out:
        tar = ['tar', '--sort=name', f'--mtime=@{date()}', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar', '--mode=go=rX,u+rw,a-s',
               '--exclude=./debian', f'--transform=s,^[.],nemea-{version()},', '-c', '-C', folder, '.']
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as archive:
            subprocess.run(['xz', '-6', '-T1'], stdin=archive.stdout, stdout=out, check=True)
        if archive.returncode != 0:
            sys.exit(f'package.py: {path}: tar failed')


def copy_tree():
    """The tree in a directory of its own, with debian/changelog, beside its tarball."""
    shutil.rmtree(WORK, ignore_errors=True)
    folder = os.path.join(WORK, f'nemea-{version()}')
    for name in files():
        target = os.path.join(folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), target, follow_symlinks=False)
    with open(os.path.join(folder, 'debian', 'changelog'), 'w', encoding='utf-8') as file:
        file.write(changelog())
    tarball(folder, os.path.join(WORK, f'nemea_{version()}.orig.tar.xz'))
    return folder


def run(log, command, folder, **environment):
    """Runs a command whose output goes to a file; its end is shown when it fails."""
    with open(log, 'a', encoding='utf-8') as file:
        done = subprocess.run(command, cwd=folder, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
    if done.returncode != 0:
        with open(log, encoding='utf-8', errors='replace') as file:
            print(''.join(file.readlines()[-40:]), file=sys.stderr)
        print(f'package.py: {" ".join(command)} failed (full log: {log})', file=sys.stderr)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(prog='./bootstrap.sh package', description='Builds the Debian packages in build-package/ and runs lintian.')
    parser.add_argument('--tests', action='store_true', help='run the unit tests while the packages are built')
    parser.add_argument('--source', action='store_true', help='make the source package only')
    options = parser.parse_args()
    folder, log = copy_tree(), os.path.join(WORK, 'package.log')
    profile = os.environ.get('DEB_BUILD_OPTIONS', '') + ('' if options.tests else ' nocheck') + f' parallel={os.environ.get("JOBS") or os.cpu_count()}'
    profiles = os.environ.get('DEB_BUILD_PROFILES', '') + ('' if options.tests else ' nocheck')  # what only tests need is then not asked for
    build = ['dpkg-buildpackage', '-us', '-uc', '-F'] if not options.source else ['dpkg-buildpackage', '-us', '-uc', '-d', '-S']
    if not run(log, build, folder, DEB_BUILD_OPTIONS=profile.strip(), DEB_BUILD_PROFILES=profiles.strip(), SOURCE_DATE_EPOCH=str(date())):
        return 1
    changes = [name for name in sorted(os.listdir(WORK)) if name.endswith('.changes')]
    good = run(os.path.join(WORK, 'lintian.log'), ['lintian', '--fail-on', 'error,warning', '--info'] + changes, WORK)
    for name in sorted(os.listdir(WORK)):
        if name.endswith('.deb' if not options.source else '.dsc'):
            print(os.path.join('build-package', name))
    print(f'package.py: {"built, lintian has no error and no warning" if good else "lintian complains"}')
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
