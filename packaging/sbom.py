#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints a software bill of materials (SPDX 2.3, JSON) of this tree, or of a build, then with the versions of the libraries.

usage: sbom.py [BUILD]

The same tree gives the same bytes. What is in the tree but not ours is listed in BUNDLED.
"""

import hashlib
import json
import os
import re
import subprocess
import sys

from package import ROOT, date, version

# Libraries that meson looks for by another way than pkg-config have no name there.
LICENSES = {'bz2': 'bzip2-1.0.6', 'libhs': 'BSD-3-Clause', 'jansson': 'MIT', 'libpcre2-8': 'BSD-3-Clause', 'openssl': 'Apache-2.0', 'libzstd': 'BSD-3-Clause',
            'liblz4': 'BSD-2-Clause', 'lzo2': 'GPL-2.0-or-later', 'zlib': 'Zlib', 'liblzma': 'NOASSERTION', 'yaml-0.1': 'MIT', 'fuse3': 'LGPL-2.1-only',
            'libpcap': 'BSD-3-Clause', 'libxml-2.0': 'MIT', 'libcurl': 'curl', 'libidn2': 'LGPL-3.0-or-later OR GPL-2.0-or-later', 'libmaxminddb': 'Apache-2.0', 'libseccomp': 'LGPL-2.1-only',
            'sqlite3': 'blessing', 'python3': 'PSF-2.0'}
BUNDLED = (('owasp-crs', '3.3.4', 'Apache-2.0', 'rules and data of detectors/waintrusion_detector'),)
# For tests and benchmarks, or part of the C library.
NOT_LISTED = {'threads', 'm', 'dl', 'cmocka', 'libzmq', 'nng', ''}


def dependencies(build):
    """(name, version or '', is it required) of the libraries that are looked for, or were found."""
    if build:
        out = subprocess.run(['meson', 'introspect', build, '--dependencies'], check=True, capture_output=True, text=True).stdout
        found = [(d['name'], d['version'] if re.match(r'[\d.]', d['version']) else '', True) for d in json.loads(out)]
    else:
        out = subprocess.run(['meson', 'introspect', '--scan-dependencies', os.path.join(ROOT, 'meson.build')], check=True, capture_output=True, text=True).stdout
        found = [(d['name'], '', d['required']) for d in json.loads(out)]
    return sorted({entry for entry in found if entry[0] not in NOT_LISTED})


def package(name, number, license_, **more):
    entry = {'SPDXID': 'SPDXRef-' + re.sub(r'[^A-Za-z0-9.-]', '-', name), 'name': name, 'downloadLocation': 'NOASSERTION', 'filesAnalyzed': False,
             'licenseConcluded': license_, 'licenseDeclared': license_, 'copyrightText': 'NOASSERTION'}
    return dict(entry, **({'versionInfo': number} if number else {}), **more)


def bill(build):
    seconds = subprocess.run(['date', '-u', '-d', f'@{date()}', '+%Y-%m-%dT%H:%M:%SZ'], check=True, capture_output=True, text=True).stdout.strip()
    packages = [package('nemea', version(), 'BSD-3-Clause')]
    relations = [('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-nemea')]
    for name, number, license_, what in BUNDLED:
        packages.append(package(name, number, license_, comment=what))
        relations.append(('SPDXRef-nemea', 'CONTAINS', packages[-1]['SPDXID']))
    for name, number, required in dependencies(build):
        packages.append(package(name, number, LICENSES.get(name, 'NOASSERTION')))
        relations.append((('SPDXRef-nemea', 'DEPENDS_ON', packages[-1]['SPDXID']) if required else
                          (packages[-1]['SPDXID'], 'OPTIONAL_DEPENDENCY_OF', 'SPDXRef-nemea')))
    document = {'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT', 'name': f'nemea-{version()}',
                'creationInfo': {'created': seconds, 'creators': ['Tool: packaging/sbom.py']}, 'packages': packages,
                'relationships': [dict(zip(('spdxElementId', 'relationshipType', 'relatedSpdxElement'), r)) for r in relations]}
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return dict(document, documentNamespace=f'https://spdx.org/spdxdocs/nemea-{version()}-{digest[:32]}')


def main(arguments):
    if len(arguments) > 1 or arguments[:1] in (['-h'], ['--help']):
        print(__doc__.split('\n\n')[1], file=sys.stderr)
        return 2
    print(json.dumps(bill(arguments[0] if arguments else None), indent=1))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
