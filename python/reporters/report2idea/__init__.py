# SPDX-License-Identifier: BSD-3-Clause
"""Reporters: alerts of detectors as IDEA messages, through the rules of a configuration, to files, e-mail, databases and other systems.

A reporter of one's own is a function and a call:

    from report2idea import *

    def convert_to_idea(rec, opts):
        idea = {"Format": "IDEA0", "ID": getRandomId(), "CreateTime": getIDEAtime(), "DetectTime": getIDEAtime(rec.TIME_LAST),
                "Category": ["Recon.Scanning"], "Source": [{}], "Node": [{"Name": "undefined", "SW": ["Nemea", "my_detector"]}]}
        setAddr(idea["Source"][0], rec.SRC_IP)
        return idea                          # None: this alert is not reported

    if __name__ == "__main__":
        Run(module_name="my_detector", module_desc="What it reports.", req_type=pytrap.FMT_UNIREC,
            req_format="ipaddr SRC_IP,time TIME_LAST", conv_func=convert_to_idea)
"""

# Programs of others rely on "from report2idea import *" to bring these modules, too.
import argparse
import json
import logging
import re
import signal
import sys
from datetime import datetime, timedelta
from uuid import uuid4

import pytrap

from report2idea.configuration import Config, ConfigError, DropMsg
from report2idea.idea import (DEFAULT_NODE_NAME, check_valid_timestamps, getIDEAtime, getRandomId, parseRFCtime, setAddr)

trap = pytrap.TrapCtx()
config = None  # the Config in use

from report2idea.run import Run  # pylint: disable=wrong-import-position  # it uses the two above

__all__ = ['Run', 'getRandomId', 'getIDEAtime', 'setAddr', 'parseRFCtime', 'check_valid_timestamps', 'DEFAULT_NODE_NAME', 'pytrap', 'argparse',
           'json', 'sys', 'logging', 're', 'datetime', 'timedelta', 'uuid4', 'signal', 'Config', 'ConfigError', 'DropMsg', 'trap', 'config']
