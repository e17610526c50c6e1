# SPDX-License-Identifier: BSD-3-Clause
"""The type stubs name what is there: every class, method and constant, with the same parameters.

usage: test_stubs.py PACKAGE_SOURCE
"""

import ast
import importlib
import inspect
import os
import sys
import unittest

import pytrap
from support import Case

SOURCE = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..', 'pytrap')


def public(names):
    return {name for name in names if not name.startswith('_')}


def names_of(node):
    """Names that the body of a stub defines -> node."""
    found = {}
    for item in node.body:
        if isinstance(item, (ast.ClassDef, ast.FunctionDef)):
            found[item.name] = item
        elif isinstance(item, ast.AnnAssign):
            found[item.target.id] = item
    return found


class Stubs(Case):
    def stub(self, name):
        with open(os.path.join(SOURCE, name + '.pyi'), encoding='utf-8') as file:
            return ast.parse(file.read())

    def same_parameters(self, where, function, node):
        try:
            has = [name for name in inspect.signature(function).parameters if name not in ('self', 'exception', 'args', 'kwargs')]
        except ValueError:
            return
        stated = [a.arg.lstrip('_') for a in node.args.args if a.arg not in ('self', 'cls')]
        self.assertEqual(has, stated, where)

    def check(self, module, stub):
        names = names_of(stub)
        there = public(n for n in vars(module) if not inspect.ismodule(getattr(module, n)))
        own = {n for n in there if module.__name__ == 'pytrap.pytrap' or getattr(getattr(module, n), '__module__', '') == module.__name__}
        self.assertEqual(own - set(names), set(), module.__name__)
        for name, node in names.items():
            if name == 'RecordIterator' or name.startswith('_'):
                continue
            thing = getattr(module, name)
            if isinstance(node, ast.FunctionDef):
                self.same_parameters(name, thing, node)
            elif isinstance(node, ast.ClassDef) and not issubclass(thing, Exception):
                members = names_of(node)
                has = public(n for n in vars(thing))
                self.assertEqual(has - set(members), set(), name)
                for member, item in members.items():
                    if isinstance(item, ast.FunctionDef) and not member.startswith('__'):
                        self.same_parameters(f'{name}.{member}', getattr(thing, member), item)

    def test_extension(self):
        self.check(importlib.import_module('pytrap.pytrap'), self.stub('pytrap'))

    def test_helpers(self):
        self.check(importlib.import_module('pytrap.helpers'), self.stub('helpers'))

    def test_columns(self):
        try:
            self.check(importlib.import_module('pytrap.columns'), self.stub('columns'))
        except ModuleNotFoundError as error:
            self.skipTest(str(error))

    def test_all_files_have_one(self):
        for name in os.listdir(SOURCE):
            if name.endswith('.py') and not name.startswith('_p'):
                self.assertTrue(os.path.exists(os.path.join(SOURCE, name + 'i')), name)
        self.assertTrue(pytrap.TrapCtx)


if __name__ == '__main__':
    unittest.main()
