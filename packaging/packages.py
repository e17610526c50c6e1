#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Divides an installed build into packages, by the folder of the source tree that a file comes from.

usage: packages.py debian BUILD DESTDIR     writes debian/PACKAGE.install for dh_install
       packages.py rpm BUILD DESTDIR OUT    writes OUT/PACKAGE.files for %files -f

Before that, what modules write below /data in the tree is moved to /var/lib/nemea, and its directories go to tmpfiles.d. A file that
belongs nowhere is an error, so none can be lost: a new module or detector needs no change here, a new top-level folder a line.
"""

import fnmatch
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = 'usr/bin/nemea/'

# Where a file is installed. The first pattern that matches decides; SO and DEV are the two packages of a library.
LIBRARIES = {'libtrap': ('libtrap1', 'libtrap-dev'), 'libunirec++': ('libunirec++0', 'libunirec++-dev'),
             'libunirec': ('libunirec3', 'libunirec-dev'), 'libnemea-common': ('libnemea-common3', 'libnemea-common-dev'),
             'libnemea-module': ('libnemea-module3', 'libnemea-module-dev'), 'liburfilter': ('liburfilter0', 'liburfilter-dev')}
HEADERS = {'libtrap': 'libtrap-dev', 'unirec': 'libunirec-dev', 'unirec++': 'libunirec++-dev', 'nemea-common': 'libnemea-common-dev',
           'nemea': 'libnemea-module-dev', 'liburfilter': 'liburfilter-dev', 'liburfilter.h': 'liburfilter-dev'}
PKGCONFIG = {'libtrap': 'libtrap-dev', 'unirec': 'libunirec-dev', 'unirec++': 'libunirec++-dev', 'nemea-common': 'libnemea-common-dev',
             'nemea-module': 'libnemea-module-dev', 'liburfilter': 'liburfilter-dev'}
PLACES = (
    ('usr/lib/python3*/*-packages/pytrap/*', 'python3-pytrap'), ('usr/lib64/python3*/*-packages/pytrap/*', 'python3-pytrap'),
    ('usr/lib/python3*/*', 'python3-nemea-pycommon'), ('usr/lib64/python3*/*', 'python3-nemea-pycommon'),
    ('usr/share/nemea-supervisor/*', 'nemea-supervisor'), ('etc/nemea/supervisor_config_template.xml', 'nemea-supervisor'),
    ('usr/lib/tmpfiles.d/nemea-modules.conf', 'nemea-supervisor'),
    ('usr/lib/tmpfiles.d/*', 'nemea-base'), ('usr/lib/sysusers.d/*', 'nemea-base'), ('etc/profile.d/*', 'nemea-base'),
    ('usr/share/nemea-framework/use-cases/*', 'nemea'), ('usr/share/nemea-framework/examples/*', 'libnemea-module-dev'),
    ('*/systemd/system/nemea-flow-*', 'nemea-flow'), ('*/systemd/system/*', 'nemea-supervisor'),
    # The manual page of something that is no program.
    ('*/man7/nemea-interfaces.7', 'nemea-base'), ('*/man1/nemea*analyze.1', 'nemea'), ('*/man1/nemea-flows.1', 'nemea'),
    ('*/man1/nemea-alerts.1', 'nemea'), ('*/man1/nemea-new-module.1', 'nemea'), ('*/man1/nemea-run.1', 'nemea'),
)
# Which folder of the source (or build) tree a file comes from. The longest that matches decides.
FOLDERS = {
    'alerts': 'nemea', 'cli': 'nemea', 'detectors': 'nemea-detectors', 'examples': 'libnemea-module-dev', 'flow': 'nemea-flow',
    'libtrap': 'nemea-modules', 'libtrap/tools': 'libtrap-dev', 'modules': 'nemea-modules', 'modules/alert_store': 'nemea-supervisor',
    'packaging': 'nemea-base', 'python/nemea_events': 'python3-nemea-pycommon', 'python/pytrap': 'python3-pytrap',
    'python/reporters': 'python3-nemea-pycommon', 'supervisor': 'nemea-supervisor', 'unirec': 'libunirec-dev', 'use-cases': 'nemea',
    'web': 'nemea-supervisor',
}

# What lintian may say of packages with such files, and why that is right.
OVERRIDES = {
    MODULES + '*': '# Configurations, scripts and modules of NEMEA 2 name /usr/bin/nemea/PROGRAM, and some modules have names that commands\n'
                   '# of the system have, such as logger.\nsubdir-in-usr-bin [usr/bin/nemea/]\n',
    'etc/nemea/supervisor_config_template.xml': '# It takes files away from the unprivileged user, and gives it none.\n'
                                                'recursive-privilege-change * [postinst:*]\n',
    'usr/share/nemea/templates/*': '# A template, from which "nemea new-module --python" makes a module.\n'
                                   'python3-script-but-no-python3-dep * [usr/share/nemea/templates/*]\n',
    'usr/share/nemea-framework/examples/*': '# Examples, to be read and copied.\n'
                                            'python3-script-but-no-python3-dep * [usr/share/nemea-framework/examples/*]\n',
}


def introspect(build, what):
    return json.loads(subprocess.run(['meson', 'introspect', build, what], check=True, capture_output=True, text=True).stdout)


def origins(build):
    """Installed path (without the first /) -> folder of the source tree. A directory that is installed as a whole stands for all below it."""
    found = {}
    for source, path in introspect(build, '--installed').items():
        for tree in (os.path.abspath(build), ROOT):
            if source.startswith(tree + os.sep):
                found[path.lstrip('/')] = os.path.relpath(source, tree)
                break
    return found


def tree(top):
    """Everything below a directory that is not a directory itself."""
    return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, folders, names in os.walk(top)
                  for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))])


class Division:
    def __init__(self, build, top):
        self.top = top
        self.origin = origins(build)
        self.files = tree(top)

    def of_library(self, path):
        name = os.path.basename(path)
        found = re.match(r'(lib[\w+-]+)\.(so\.|so$|a$)', name)
        if found and found[1] in LIBRARIES and path.count('/') <= 3:
            return LIBRARIES[found[1]][found[2] != 'so.']
        if name.endswith('.pc'):
            return PKGCONFIG.get(name[:-3])
        if path.startswith('usr/include/'):
            return HEADERS.get(path.split('/')[2])
        return None

    def of_origin(self, path):
        while path:
            source = self.origin.get(path)
            if source is not None:
                found = [folder for folder in FOLDERS if source == folder or source.startswith(folder + '/')]
                return FOLDERS[max(found, key=len)] if found else None
            path = os.path.dirname(path)
        return None

    def of_man_page(self, path):
        """The package of the program that it is about."""
        name = re.sub(r'\.[17](\.gz)?$', '', os.path.basename(path))
        for program in (name, name.replace('nemea-', '', 1)):
            if MODULES + program in self.files:
                return self.of(MODULES + program)
        return None

    def of_link(self, path):
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(os.path.join(self.top, path))))
        return self.of(target) if target in self.files else None

    def of(self, path):
        for pattern, package in PLACES:
            if fnmatch.fnmatchcase(path, pattern):
                return package
        package = self.of_library(path)
        if package is None and os.path.islink(os.path.join(self.top, path)):
            return self.of_link(path)
        if package is None and '/man/man' in path:
            return self.of_man_page(path)
        return package or self.of_origin(path)


def move_state(top):
    """What modules write is in /var/lib/nemea, and tmpfiles.d makes the directories, since no package has /data."""
    made = set()
    for path in glob.glob(os.path.join(top, 'usr/share/nemea-supervisor/*/*')):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        moved = re.sub(r'(?<![\w/])/data(?=/)', '/var/lib/nemea', text)
        if moved != text:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(moved)
        if path.endswith('.mkdir'):
            made.update(word.rstrip('/') for word in moved.split())
    with open(os.path.join(top, 'usr/lib/tmpfiles.d/nemea-modules.conf'), 'w', encoding='utf-8') as file:
        file.write('# Directories that modules of the supervisor\'s configuration write to.\n')
        file.writelines(f'd {path} 0750 nemead nemead -\n' for path in sorted(made))


def divide(build, top):
    """{package: [path]} of all files."""
    division, packages, lost = Division(build, top), {}, []
    for path in division.files:
        package = division.of(path)
        if package is None:
            lost.append(path)
        packages.setdefault(package, []).append(path)
    if lost:
        sys.exit('packages.py: these files belong to no package (see PLACES and FOLDERS):\n' +
                 '\n'.join(f'   {path} (from {division.origin.get(path, "?")})' for path in lost))
    return packages


def write_debian(packages):
    for package, paths in packages.items():
        with open(os.path.join(ROOT, 'debian', package + '.install'), 'w', encoding='utf-8') as file:
            file.writelines(f'{path} {os.path.dirname(path)}\n' for path in paths)
        overrides = [OVERRIDES[key] for key in OVERRIDES if any(fnmatch.fnmatchcase(path, key) for path in paths)]
        if overrides:
            with open(os.path.join(ROOT, 'debian', package + '.lintian-overrides'), 'w', encoding='utf-8') as file:
                file.write('\n'.join(overrides))


def write_rpm(packages, out):
    """Lists for %files -f, with the directories that are ours."""
    os.makedirs(out, exist_ok=True)
    for package, paths in packages.items():
        lines = set()
        for path in paths:
            page = '/man/man' in path
            lines.add(('%config(noreplace) ' if path.startswith('etc/') else '%doc ' if page else '') + '/' + path + ('*' if page else ''))
            parent = os.path.dirname(path)
            while os.path.basename(parent) not in ('usr', 'bin', 'lib', 'lib64', 'share', 'include', 'etc', 'system', 'pkgconfig', 'man1', 'man7', 'profile.d',
                                                   'tmpfiles.d', 'sysusers.d', 'site-packages', 'dist-packages', ''):
                lines.add('%dir /' + parent)
                parent = os.path.dirname(parent)
        with open(os.path.join(out, package + '.files'), 'w', encoding='utf-8') as file:
            file.writelines(line + '\n' for line in sorted(lines))


def main(arguments):
    if len(arguments) < 3 or arguments[0] not in ('debian', 'rpm') or len(arguments) != 3 + (arguments[0] == 'rpm'):
        print(__doc__.split('\n\n')[1], file=sys.stderr)
        return 2
    build, top = os.path.abspath(arguments[1]), os.path.abspath(arguments[2])
    move_state(top)
    packages = divide(build, top)
    if arguments[0] == 'debian':
        write_debian(packages)
    else:
        write_rpm(packages, arguments[3])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
