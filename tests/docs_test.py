#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The reference of the public headers is complete: Doxygen has no warnings, and each public function has a description.

usage: docs_test.py SOURCE_DIR
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET


def described(member):
    return any(''.join(member.find(part).itertext()).strip() for part in ('briefdescription', 'detaileddescription'))


def undocumented(folder):
    """Functions without a description, as "header: name". Private members, constructors and operators need none, overloads one."""
    for path in glob.glob(os.path.join(folder, 'xml', '*.xml')):
        members = [member for member in ET.parse(path).iter('memberdef') if member.get('kind') == 'function']
        told = {member.findtext('name') for member in members if described(member)}
        for member in members:
            name, file = member.findtext('name'), member.find('location').get('file')
            if name.endswith('_'):
                continue  # names that end with _ are internal
            if file.endswith('.hpp') and (name in told or member.get('prot') != 'public' or 'operator' in name or '~' in name or
                                          not member.findtext('type')):
                continue
            if not described(member):
                yield f'{os.path.basename(file)}: {name}'


def main(source):
    if shutil.which('doxygen') is None:
        print('skipped: doxygen is not installed')
        return 77
    with tempfile.TemporaryDirectory(prefix='nemea-docs-') as folder:
        with open(os.path.join(source, 'docs', 'Doxyfile'), encoding='utf-8') as file:
            configuration = file.read() + f'\nOUTPUT_DIRECTORY = {folder}\n'
        done = subprocess.run(['doxygen', '-'], input=configuration, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode != 0 or done.stderr:
            print(done.stderr)
            return 1
        missing = sorted(set(undocumented(folder)))
        functions = sum(1 for path in glob.glob(os.path.join(folder, 'xml', '*_8h.xml'))
                        for member in ET.parse(path).iter('memberdef') if member.get('kind') == 'function')
    for name in missing:
        print(f'without a description: {name}')
    print(f'{functions - len(missing)} of {functions} functions are described')
    return 1 if missing or functions < 200 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
