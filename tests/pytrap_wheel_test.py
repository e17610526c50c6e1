#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The package nemea-pytrap is built with setuptools alone, without a network, into a wheel that works.

usage: pytrap_wheel_test.py BUILD_DIR SOURCE_DIR      (run by the Python that the wheel is for)
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

CHECK = ('import pytrap; t = pytrap.UnirecTemplate("string S,uint8 A"); t.createMessage(); t.S = "wheel"; '
         'print(t.S, pytrap.getTrapVersion()[0], pytrap.__file__)')


def main(build, source):
    for name in ('setuptools', 'wheel'):
        if subprocess.run([sys.executable, '-c', f'import {name}'], check=False, capture_output=True).returncode != 0:
            print(f'the Python module {name} is not installed')
            return 77
    with tempfile.TemporaryDirectory(prefix='pytrap-wheel-') as folder:
        work = os.path.join(folder, 'pytrap')
        shutil.copytree(source, work, ignore=shutil.ignore_patterns('build', '*.egg-info'))
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(build, 'meson-uninstalled'), CFLAGS='-O0 -Werror', no_proxy='*',
                   http_proxy='http://127.0.0.1:9', https_proxy='http://127.0.0.1:9')
        subprocess.run([sys.executable, 'setup.py', '-q', 'bdist_wheel'], cwd=work, env=env, check=True)
        wheels = glob.glob(os.path.join(work, 'dist', 'nemea_pytrap-0.17.0-cp*.whl'))
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = wheel.namelist()
            wheel.extractall(os.path.join(folder, 'site'))
        for name in ('__init__.py', 'helpers.py', 'columns.py', 'py.typed', '__init__.pyi', 'pytrap.pyi'):
            if f'pytrap/{name}' not in names:
                print(f'the wheel has no pytrap/{name}: {names}')
                return 1
        libraries = os.pathsep.join(os.path.join(build, name) for name in ('libtrap', 'unirec'))
        out = subprocess.run([sys.executable, '-c', CHECK], cwd=folder, check=True, stdout=subprocess.PIPE, text=True,
                             env=dict(env, PYTHONPATH=os.path.join(folder, 'site'), LD_LIBRARY_PATH=libraries)).stdout
        print(out, end='')
        return 0 if out.startswith('wheel ') and folder in out else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
