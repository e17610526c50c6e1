#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Collects what modules say of their interfaces, for the check of a configuration.

usage: mkinterfaces.py OUTPUT PROGRAM...

OUTPUT is an object of JSON: name of the program -> {"inputs": [...], "outputs": [...]}. Programs that are no modules are left out.
"""

import json
import os
import subprocess
import sys


def interfaces(program):
    """What a module says of its interfaces; None of other programs."""
    done = subprocess.run([program, '-h'], env=dict(os.environ, LIBTRAP_OUTPUT_FORMAT='interfaces', PAGER='cat'),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return None
    return said if done.returncode == 0 and isinstance(said, dict) and set(said) == {'inputs', 'outputs'} else None


def main():
    output, *programs = sys.argv[1:]
    found = {os.path.basename(program): interfaces(program) for program in programs}
    with open(output, 'w', encoding='ascii') as file:
        json.dump({name: said for name, said in sorted(found.items()) if said is not None}, file, indent=1)
        file.write('\n')


main()
