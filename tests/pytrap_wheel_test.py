#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The packages nemea-pytrap and nemea-events are built with setuptools alone, without a network, into wheels that work.

usage: pytrap_wheel_test.py BUILD_DIR SOURCE_ROOT PACKAGE      (run by the Python that the wheel is for)
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

# Package -> what it needs of the source tree, its wheel, files in it, and a program that prints "wheel".
PACKAGES = {
    'pytrap': (['python/pytrap'], 'nemea_pytrap-0.17.0-cp*.whl', ['__init__.py', 'helpers.py', 'columns.py', 'py.typed', '__init__.pyi', 'pytrap.pyi'],
               'import pytrap; t = pytrap.UnirecTemplate("string S,uint8 A"); t.createMessage(); t.S = "wheel"; '
               'print(t.S, pytrap.getTrapVersion()[0], pytrap.__file__)'),
    'nemea_events': (['python/nemea_events', 'alerts', 'detectors'], 'nemea_events-3.0.0-cp39-abi3-*.whl',
                     ['__init__.py', 'py.typed', '__init__.pyi', 'events.pyi'],
                     'import nemea_events; m = nemea_events.idea("dgadetection", {"DNS_Q_NAME": "wheel"}); '
                     'print(m["Source"][1]["Hostname"][0], nemea_events.event("venom", {})["kind"], nemea_events.__file__)'),
}


def main(build, source, package):
    folders, wheel_name, files, check = PACKAGES[package]
    for name in ('setuptools', 'wheel'):
        if subprocess.run([sys.executable, '-c', f'import {name}'], check=False, capture_output=True).returncode != 0:
            print(f'the Python module {name} is not installed')
            return 77
    with tempfile.TemporaryDirectory(prefix='pytrap-wheel-') as folder:
        for name in folders:
            shutil.copytree(os.path.join(source, name), os.path.join(folder, 'tree', name), ignore=shutil.ignore_patterns('build', '*.egg-info'))
        work = os.path.join(folder, 'tree', folders[0])
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(build, 'meson-uninstalled'), CFLAGS='-O0 -Werror', no_proxy='*',
                   http_proxy='http://127.0.0.1:9', https_proxy='http://127.0.0.1:9')
        subprocess.run([sys.executable, 'setup.py', '-q', 'bdist_wheel'], cwd=work, env=env, check=True)
        wheels = glob.glob(os.path.join(work, 'dist', wheel_name))
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = wheel.namelist()
            wheel.extractall(os.path.join(folder, 'site'))
        for name in files:
            if f'{package}/{name}' not in names:
                print(f'the wheel has no {package}/{name}: {names}')
                return 1
        libraries = os.pathsep.join(os.path.join(build, name) for name in ('libtrap', 'unirec', 'common'))
        out = subprocess.run([sys.executable, '-c', check], cwd=folder, check=True, stdout=subprocess.PIPE, text=True,
                             env=dict(env, PYTHONPATH=os.path.join(folder, 'site'), LD_LIBRARY_PATH=libraries)).stdout
        print(out, end='')
        return 0 if out.startswith('wheel ') and folder in out else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
