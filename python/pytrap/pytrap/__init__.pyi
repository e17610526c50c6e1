# SPDX-License-Identifier: BSD-3-Clause
from pytrap.helpers import PytrapHelperLoad as PytrapHelperLoad, PytrapHelperStore as PytrapHelperStore, read_nemea as read_nemea
from pytrap.pytrap import *
