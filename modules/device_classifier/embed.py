#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a C source of the shipped labels and models: embed.py OUTPUT FILE..."""

import os
import sys

with open(sys.argv[1], 'w', encoding='ascii') as to:
    to.write('/* Made by embed.py. */\n#include "classifier.h"\n\n')
    for number, path in enumerate(sys.argv[2:]):
        with open(path, 'rb') as file:
            to.write(f'static const unsigned char file{number}[] = {{{",".join(map(str, file.read()))}}};\n')
    to.write('\nconst struct builtin_file builtin_files[] = {\n')
    for number, path in enumerate(sys.argv[2:]):
        to.write(f'    {{"{os.path.basename(path)}", file{number}, sizeof(file{number})}},\n')
    to.write('    {NULL, NULL, 0},\n};\n')
