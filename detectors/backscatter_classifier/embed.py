#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a C source of the model: embed.py MODEL OUTPUT"""

import sys

with open(sys.argv[1], 'rb') as model, open(sys.argv[2], 'w', encoding='ascii') as to:
    data = model.read()
    to.write(f'/* Made by embed.py. */\n#include "model.h"\n\nconst unsigned char model_builtin[] = {{{",".join(map(str, data))}}};\n')
    to.write('const size_t model_builtin_size = sizeof(model_builtin);\n')
