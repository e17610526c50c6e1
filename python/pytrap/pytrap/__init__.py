# SPDX-License-Identifier: BSD-3-Clause
"""NEMEA from Python: TRAP interfaces, UniRec records, and what belongs to them.

A module receives with TrapCtx.recv() or goes through TrapCtx.records(), reads fields as attributes of an UnirecTemplate, and sends
with TrapCtx.send().
"""

import sys

from pytrap.helpers import *
from pytrap.pytrap import *
from pytrap import _pandas

_pandas.hook(sys.modules, read_nemea)
