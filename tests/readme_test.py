#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The examples in the READMEs of modules run as they are shown.

usage: readme_test.py BIN_DIR MODULES_DIR [optional]

An example is a block of commands, a paragraph that begins with "prints", and a block of what is printed: all of it, or where the
paragraph says "among", one part; "..." stands for the rest of a line. The examples of a README run one after the other in a directory
of their own, in which "examples" is that of the source tree; directories in /tmp are in it, and ".../" is the source tree. A README
without an example fails the test, unless examples are optional.
"""

import glob
import os
import re
import subprocess
import sys
import unittest

from programs import ROOT, TIMEOUT, Workspace

BIN = None
MODULES = None
EXAMPLE = re.compile(r'\n\n((?: {4}.*\n|\n)+?)\n(prints\b[^\n]*)\n\n((?: {4}.*\n|\n)+)')


def block(text):
    return ''.join(line[4:] or '\n' for line in text.strip('\n').splitlines(keepends=True)) + '\n'


def examples(readme):
    """(commands, is the output only a part, output) of each example."""
    with open(readme, encoding='utf-8') as file:
        found = EXAMPLE.findall(file.read())
    return [(block(commands), 'among' in says, block(output)) for commands, says, output in found]


class Readme(unittest.TestCase):
    def check(self, name):
        found = examples(os.path.join(MODULES, name, 'README.md'))
        self.assertTrue(found, f'{name}/README.md shows no example: commands, a paragraph "prints", and what they print')
        with Workspace(BIN) as w:
            os.symlink(os.path.join(ROOT, 'examples'), w.file('examples'))
            for commands, part, output in found:
                commands = commands.replace('/tmp/', w.path + '/').replace('.../', ROOT + '/')  # ROOT may be below /tmp
                done = subprocess.run(['bash', '-euo', 'pipefail', '-c', commands], cwd=w.path, env=w.env, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=TIMEOUT, check=False)
                self.assertEqual(done.returncode, 0, f'{commands}\n{done.stdout}\n{done.stderr}')
                if part or '...' in output:
                    self.assertRegex(done.stdout, re.escape(output.rstrip('\n')).replace(re.escape('...'), '.*'))
                else:
                    self.assertEqual(done.stdout, output, commands)


def is_module(path):
    with open(path, encoding='utf-8') as file:
        return re.search(r'^NM_MODULE\(', file.read(), re.MULTILINE) is not None


def add_tests(optional):
    """A test for each folder with a program; others hold what modules share."""
    for name in sorted(os.listdir(MODULES)):
        if (any(is_module(source) for source in glob.glob(os.path.join(MODULES, name, '*.c'))) and
                (not optional or examples(os.path.join(MODULES, name, 'README.md')))):
            setattr(Readme, f'test_{name}', lambda self, name=name: self.check(name))


if __name__ == '__main__':
    BIN, MODULES = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    add_tests('optional' in sys.argv and sys.argv.pop() == 'optional')
    unittest.main(verbosity=2)
