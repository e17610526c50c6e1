# SPDX-License-Identifier: BSD-3-Clause
"""The program nemea_warden_filer: starts Warden's filer with the name that the configuration of the reporters gives it."""

import argparse
import os
import re
import shutil
import sys
import tempfile

from report2idea.idea import check_name

FILER = 'warden_filer.py'
PATHS = '/usr/bin/nemea'
_NAME = re.compile(r'^(\s*"[nN]ame"\s*:\s*)"(?:[^"\\]|\\.)*"', re.M)


class _Parser(argparse.ArgumentParser):
    def exit(self, status=0, message=None):  # as the script of NEMEA 2, also for the help
        super().exit(1, message)


def namespace_of(path):
    """The value of namespace: at the beginning of a line."""
    with open(path, encoding='utf-8') as file:
        found = re.search(r'^namespace:[ \t]*["\']?([^"\'#\s]*)', file.read(), re.M)
    if not found or not check_name(found.group(1)):
        raise ValueError(f'{path}: expected a line "namespace: NAME" with words of a-z, 0-9 and "_", joined by dots')
    return found.group(1)


def set_name(path, name, dry):
    """Sets the names in a configuration of Warden; the file is replaced as a whole."""
    with open(path, encoding='utf-8') as file:
        old = file.read()
    new = _NAME.sub(lambda found: f'{found.group(1)}"{name}"', old)
    if dry:
        print(new, end='')
        return
    if new != old:
        mode = os.stat(path)
        with tempfile.NamedTemporaryFile('w', dir=os.path.dirname(os.path.abspath(path)), delete=False, encoding='utf-8') as file:
            file.write(new)
        os.chmod(file.name, mode.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(file.name, mode.st_uid, mode.st_gid)
        os.rename(file.name, os.path.realpath(path))


def main():
    parser = _Parser(description='Sets the name of this node in the configuration of Warden, and starts "warden_filer.py sender".')
    parser.add_argument('-w', metavar='FILE', required=True, help='configuration of Warden (warden.cfg), which is changed')
    parser.add_argument('-c', metavar='FILE', required=True, help='configuration of the reporters, whose namespace is used')
    parser.add_argument('-n', metavar='NAME', default='filer', help='last part of the name; default: filer')
    parser.add_argument('-v', action='store_true', help='say what is done')
    parser.add_argument('-d', action='store_true', help='only print what would be done')
    args = parser.parse_args()
    try:
        name = f'{namespace_of(args.c)}.{args.n}'
        if not check_name(name):
            raise ValueError(f'-n {args.n}: expected a word of a-z, 0-9 and "_"')
        set_name(args.w, name, args.d)
    except (OSError, ValueError) as e:
        print(f'nemea_warden_filer: {e}', file=sys.stderr)
        return 1
    command = shutil.which(FILER, path=os.pathsep.join([os.environ.get('PATH', os.defpath), PATHS]))
    line = [command or FILER, '-c', args.w, 'sender']
    if args.v or args.d:
        print(' '.join(line), flush=True)
    if args.d:
        return 0
    if command is None:
        print(f'nemea_warden_filer: {FILER}: not found in PATH and {PATHS}', file=sys.stderr)
        return 1
    os.execv(command, line)
    return 1
