# SPDX-License-Identifier: BSD-3-Clause
"""A build installed somewhere, and programs run from there with nothing in the environment that could help them."""

import json
import os
import subprocess
import sys

TIMEOUT = 300


def introspect(build, what):
    out = subprocess.run(['meson', 'introspect', build, what], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def build_options(build):
    return {option['name']: option['value'] for option in introspect(build, '--buildoptions')}


def install(build, destination=None, environment=None):
    """Installs a build in its prefix, or below another root. Without ninja, so that nothing is built."""
    command = ['meson', 'install', '-C', build, '--no-rebuild'] + (['--destdir', destination] if destination else [])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)} failed:\n{done.stdout}{done.stderr}')


def uninstall(build):
    """What ninja uninstall does, but also for ordinary users in a build directory of another user."""
    done = subprocess.run(['meson', '--internal', 'uninstall'], cwd=build, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        sys.exit(f'uninstall failed:\n{done.stdout}{done.stderr}')


class Installation:
    """An installed build below a root ('' or that of DESTDIR), or moved to another prefix."""

    def __init__(self, build, root='', prefix=None):
        option = build_options(build)
        self.configured = option['prefix']
        self.prefix = prefix or root + option['prefix']

        def place(path):
            path = os.path.join(option['prefix'], path)
            inside = os.path.relpath(path, option['prefix'])
            return root + path if inside.startswith('..') else os.path.normpath(os.path.join(self.prefix, inside))

        self.bin = place(option['bindir'])
        self.lib = place(option['libdir'])
        self.modules = place(option['moduledir'] or os.path.join(option['libexecdir'], 'nemea'))
        self.share = place(option['datadir'])
        self.include = place(option['includedir'])
        # The directory of the modules may have the name of the command.
        self.command = os.path.join(self.bin, 'nemeactl' if os.path.isdir(os.path.join(self.bin, 'nemea')) else 'nemea')

    def env(self, work):
        """The environment of its programs: nothing but a directory for sockets."""
        return {'PATH': '/usr/bin:/bin', 'LC_ALL': 'C', 'TZ': 'UTC', 'HOME': work, 'TRAP_SOCKET_DIR': work}

    def compiler_env(self, work):
        """The same, with what compiling a module needs."""
        return dict(self.env(work), PATH=f'{self.bin}:/usr/bin:/bin', PKG_CONFIG_PATH=os.path.join(self.lib, 'pkgconfig'))
