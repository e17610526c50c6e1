#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes text files as C strings, so that a program has them without finding files.

usage: embed.py OUTPUT.c NAME=FILE...
"""
import json
import sys

with open(sys.argv[1], "w", encoding="ascii") as out:
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        with open(path, encoding="ascii") as text:
            lines = [json.dumps(line) for line in text]
        out.write(f"extern const char {name}[];\nconst char {name}[] =\n   " + "\n   ".join(lines) + ";\n")
