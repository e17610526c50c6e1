# SPDX-License-Identifier: BSD-3-Clause
"""Builds the package nemea-pytrap with setuptools, against an installed libtrap and libunirec (pkg-config).

The extension is declared here, not in pyproject.toml: setuptools of Debian 12 does not know it there.
"""

import glob
import os
import shlex
import subprocess

from setuptools import Extension, setup


def pkg_config(*arguments):
    try:
        return shlex.split(subprocess.run(['pkg-config', *arguments, 'unirec', 'libtrap'], check=True, stdout=subprocess.PIPE,
                                          text=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f'pytrap needs libtrap and libunirec with their headers, where pkg-config finds them: {error}') from error


os.chdir(os.path.dirname(os.path.abspath(__file__)))
setup(
    name='nemea-pytrap',
    version='0.17.0',  # of the package of NEMEA 2 whose interface this is
    description='NEMEA from Python: TRAP interfaces and UniRec records',
    long_description=open('README.md', encoding='utf-8').read(),
    long_description_content_type='text/markdown',
    license='BSD-3-Clause',
    python_requires='>=3.9',
    extras_require={'columns': ['numpy'], 'pandas': ['pandas', 'numpy'], 'arrow': ['pyarrow', 'numpy']},
    packages=['pytrap'],
    package_data={'pytrap': ['*.pyi', 'py.typed']},
    ext_modules=[Extension('pytrap.pytrap', sorted(glob.glob('src/*.c')),
                           depends=sorted(glob.glob('src/*.h')),
                           extra_compile_args=['-std=gnu17', '-D_GNU_SOURCE', '-fvisibility=hidden', '-fno-strict-aliasing',
                                               '-Wno-missing-field-initializers'] + pkg_config('--cflags'),
                           extra_link_args=pkg_config('--libs'))],
)
