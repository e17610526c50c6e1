#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a C source of the files of the page.

usage: embed.py OUTPUT LOGIN_PAGE PATH=FILE...
"""

import base64
import hashlib
import re
import sys

TYPES = {'html': 'text/html; charset=utf-8', 'css': 'text/css; charset=utf-8', 'js': 'text/javascript; charset=utf-8', 'svg': 'image/svg+xml'}


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def array(name, data):
    rows = (', '.join(map(str, data[i:i + 32])) for i in range(0, len(data), 32))
    return f'static const unsigned char {name}[] = {{\n' + ',\n'.join(rows) + '};\n'


def entry(path, name, data):
    kind = TYPES[path.rsplit('.', 1)[1]]
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f'{{"{path}", "{kind}", "\\"{digest}\\"", {name}, {len(data)}}}'


def main(output, login, *files):
    text, entries = ['/* Made by embed.py. */\n#include "assets.h"\n'], []
    for i, item in enumerate(files):
        path, file = item.split('=', 1)
        data = read(file)
        text.append(array(f'file_{i}', data))
        entries.append(entry(path, f'file_{i}', data))
    page = read(login)
    style = re.search(rb'<style>(.*?)</style>', page, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    text.append(array('login', page))
    text.append('const struct asset assets[] = {' + ',\n'.join(entries) + '};\n')
    text.append('const size_t n_assets = sizeof(assets) / sizeof(assets[0]);\n')
    text.append('const struct asset login_page = ' + entry('/login.html', 'login', page) + ';\n')
    text.append(f'const char login_style_hash[] = "sha256-{digest}";\n')
    with open(output, 'w', encoding='ascii') as file:
        file.writelines(text)


main(*sys.argv[1:])
