#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a C source of the built-in rules: embed.py OUTPUT FILE..."""

import os
import sys


def main(output, paths):
    with open(output, 'w', encoding='ascii') as to:
        to.write('/* Made by embed.py. */\n#include "rules.h"\n\n#include <string.h>\n\n')
        names = []
        for i, path in enumerate(paths):
            with open(path, 'rb') as file:
                data = file.read()
            names.append('/'.join(path.split(os.sep)[-2:]))
            to.write(f'static const unsigned char file_{i}[] = {{{",".join(map(str, data))},0}};\n')
        to.write('\nstatic const struct {\n   const char *name;\n   const unsigned char *data;\n   size_t size;\n} files[] = {\n')
        for i, name in enumerate(names):
            to.write(f'    {{"{name}", file_{i}, sizeof(file_{i}) - 1}},\n')
        to.write('''};

const char *builtin_file(const char *name, size_t *size)
{
   for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
      if (strcmp(files[i].name, name) == 0) {
         *size = files[i].size;
         return (const char *) files[i].data;
      }
   }
   return NULL;
}
''')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
