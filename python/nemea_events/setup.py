# SPDX-License-Identifier: BSD-3-Clause
"""Builds the package nemea-events with setuptools, from a source tree of NEMEA and against an installed libunirec (pkg-config).

What alerts mean is described in the folders of the detectors, whose files become part of the extension.
"""

import glob
import os
import shlex
import subprocess

from setuptools import Extension, setup

TREE = os.path.join('..', '..')
LISTED = 'list.c'  # of all descriptions; made here


def pkg_config(*arguments):
    try:
        return shlex.split(subprocess.run(['pkg-config', *arguments, 'unirec', 'nemea-common', 'jansson'], check=True,
                                          stdout=subprocess.PIPE, text=True).stdout)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f'nemea_events needs libunirec, libnemea-common and jansson with their headers, where pkg-config finds them: '
                         f'{error}') from error


def write_list(own, foreign):
    with open(os.path.join(TREE, 'alerts', 'src', 'list.c.in'), encoding='utf-8') as file:
        text = file.read()
    declarations = ''.join(f'extern const struct event_description event_of_{name};\n' for name in own + foreign)
    for key, value in {'DECLARATIONS': declarations, 'ENTRIES': ' '.join(f'&event_of_{name},' for name in own),
                       'FOREIGN': ' '.join(f'&event_of_{name},' for name in foreign)}.items():
        text = text.replace(f'@{key}@', value)
    os.makedirs('build', exist_ok=True)
    path = os.path.join('build', LISTED)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


os.chdir(os.path.dirname(os.path.abspath(__file__)))
detectors = sorted(glob.glob(os.path.join(TREE, 'detectors', '*', 'event.c')))
kinds = sorted(glob.glob(os.path.join(TREE, 'alerts', 'kinds', '*.c')))
if not detectors:
    raise SystemExit('nemea_events is built in a source tree of NEMEA: there are no detectors in ../../detectors')
sources = sorted(glob.glob('src/*.c')) + sorted(glob.glob(os.path.join(TREE, 'alerts', 'src', '*.c'))) + detectors + kinds
sources.append(write_list([os.path.basename(os.path.dirname(path)) for path in detectors],
                          [os.path.basename(path)[:-2] for path in kinds]))
setup(
    name='nemea-events',
    version='3.0.0',
    description='Alerts of NEMEA as events and as IDEA messages',
    long_description=open('README.md', encoding='utf-8').read(),
    long_description_content_type='text/markdown',
    license='BSD-3-Clause',
    python_requires='>=3.9',
    packages=['nemea_events'],
    package_data={'nemea_events': ['*.pyi', 'py.typed']},
    ext_modules=[Extension('nemea_events.events', sources, py_limited_api=True,
                           include_dirs=[os.path.join(TREE, 'alerts', 'include'), os.path.join(TREE, 'alerts', 'src')],
                           extra_compile_args=['-std=gnu17', '-D_GNU_SOURCE', '-fvisibility=hidden', '-fno-strict-aliasing',
                                               '-Wno-missing-field-initializers'] + pkg_config('--cflags'),
                           extra_link_args=pkg_config('--libs'))],
    options={'bdist_wheel': {'py_limited_api': 'cp39'}},
)
