# SPDX-License-Identifier: BSD-3-Clause
"""Sets pandas.read_nemea when pandas is imported, without importing it: that takes a second, and few modules need it."""

import importlib.util
import sys


class _Finder:
    """Finds pandas as everybody does, and adds a name to it when it has been loaded."""

    def __init__(self, function):
        self.function = function

    def find_spec(self, name, path=None, target=None):
        if name != 'pandas' or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)  # it may be installed later
            return spec
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.read_nemea = self.function

        spec.loader.exec_module = exec_module
        return spec


def hook(modules, function):
    """pandas.read_nemea is function, now or when pandas is imported."""
    if 'pandas' in modules:
        modules['pandas'].read_nemea = function
    else:
        sys.meta_path.insert(0, _Finder(function))
