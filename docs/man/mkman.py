#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a man page of what a program says of itself, so that there is one text of each option.

usage: mkman.py [--section N] [--module] VERSION NAME SUMMARY OUTPUT -- PROGRAM [ARGUMENT...]

With --module the help of PROGRAM is read as JSON. Otherwise the text that it prints is laid out.
"""

import argparse
import json
import os
import re
import subprocess
import sys

MODULE_COMMON = r'''.SS Common to all modules
.TP
.BI \-i " IFC_SPEC"
The interfaces, inputs first, then outputs; see
.BR nemea-interfaces (7).
.TP
.B \-h \fR[\fBtrap\fR]
Help, or the manual of IFC_SPEC.
.TP
.BR \-v ", " \-vv ", " \-vvv
Say more; with
.B \-v
counters are shown at the end.
.SH EXIT STATUS
0, or 1 when something is wrong; the reason is one line on standard error.
.SH SIGNALS
SIGINT and SIGTERM end it in order; SIGUSR1 shows its counters on standard error.
.SH ENVIRONMENT
.TP
.B TRAP_SOCKET_DIR
Directory of UNIX sockets.
.TP
.B TRAP_SOCKET_MODE
Octal mode of UNIX sockets, 0660 by default. 0666 admits all users, and readers then do not check whose a socket is.
.TP
.B LIBTRAP_OUTPUT_FORMAT
.B json
makes
.B \-h
print JSON, and
.B interfaces
what its inputs require and its outputs send.
.TP
.B PAGER
The help is shown through it.
'''


def escape(text):
    """Text as troff takes it."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"^(?=[.'])", r'\\&', text, flags=re.M)


def page(name, section, version, summary, body, see):
    return (f'.TH "{name.upper()}" {section} "" "NEMEA {version}" "NEMEA"\n.SH NAME\n{escape(name)} \\- {escape(summary)}\n'
            f'{body}.SH SEE ALSO\n{see}\n')


def module_page(info, name):
    """Body of a module's page from its help in JSON."""
    synopsis = f'.SH SYNOPSIS\n.B {escape(name.replace("nemea-", "nemea ", 1))}\n\\fB\\-i\\fR \\fIIFC_SPEC\\fR'
    options = ''
    for p in info['params']:
        argument = ' ' + p['argument_type'].upper() if p['mandatory_argument'] and p['argument_type'] else ''
        names = [f'\\fB\\-{escape(p["short_opt"])}\\fR'] if p['short_opt'] not in ('', '\0') else []
        if p['long_opt']:
            names.append(f'\\fB\\-\\-{escape(p["long_opt"])}\\fR')
        options += f'.TP\n{", ".join(names)}\\fI{escape(argument)}\\fR\n{escape(p["description"])}\n'
    number = {-1: 'any number of', 4294967295: 'any number of'}
    count = [f'{number.get(info[k], info[k])} {text}{"" if info[k] == 1 else "s"}'
             for k, text in (('num_ifc_in', 'input'), ('num_ifc_out', 'output'))]
    return (f'{synopsis}\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n{escape(info["description"])}\n.PP\n'
            f'It has {count[0]} and {count[1]}.\n.SH OPTIONS\n{options}{MODULE_COMMON}')


def without_modules(text):
    """The help of nemea without its list of modules, which is another one in each installation."""
    return re.sub(r'\nModules:\n( .*\n)*', '\n', text)


def text_body(text):
    """Body of a page from help text: usage lines, paragraphs, options, and lines that stay as they are."""
    lines = text.rstrip().splitlines()
    usage = []
    first = next((i for i, line in enumerate(lines) if re.match(r'usage: ', line, re.I)), 0)
    while len(lines) > first and (re.match(r'usage: ', lines[first], re.I) or (usage and lines[first].startswith('       '))):
        usage.append(re.sub(r'^usage: ', '', lines.pop(first), flags=re.I).strip())
    body = '.SH SYNOPSIS\n.nf\n' + ''.join(f'.B {escape(line)}\n' for line in usage) + '.fi\n.SH DESCRIPTION\n'
    state = 'text'
    for line in lines:
        option = re.match(r'  +((?:-\S|--)[^\n]*?)(?:  +(\S.*))?$', line)
        if option:
            state = 'option'
            body += f'.TP\n.B {escape(option.group(1))}\n' + (escape(option.group(2)) + '\n' if option.group(2) else '')
        elif state == 'option' and re.match(r' {8,}\S', line):
            body += escape(line.strip()) + '\n'
        elif not line.strip():
            body += '.PP\n' if state != 'text' else '.PP\n'
            state = 'text'
        elif line.startswith('  '):
            body += ('.nf\n' if state != 'verbatim' else '') + escape(line) + '\n'
            body += '.fi\n'
            state = 'text'
        else:
            body += escape(line) + '\n'
    return re.sub(r'(\.PP\n)+', '.PP\n', re.sub(r'\.fi\n\.nf\n', '', body)).removesuffix('.PP\n')


def main():
    parser = argparse.ArgumentParser(prog='mkman.py', description='Makes a man page of a program\'s help.')
    parser.add_argument('--section', type=int, default=1)
    parser.add_argument('--module', action='store_true')
    parser.add_argument('version')
    parser.add_argument('name')
    parser.add_argument('summary')
    parser.add_argument('output')
    parser.add_argument('program', nargs='+')
    options = parser.parse_args()
    module = options.module
    env = dict(os.environ, LC_ALL='C', PAGER='', **({'LIBTRAP_OUTPUT_FORMAT': 'json'} if module else {}))
    done = subprocess.run(options.program, env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=False)
    if not done.stdout:
        sys.exit(f'mkman.py: {" ".join(options.program)} printed nothing (status {done.returncode})')
    see = '.BR nemea (1),\n.BR nemea-interfaces (7)'
    body = module_page(json.loads(done.stdout), options.name) if module else text_body(without_modules(done.stdout))
    summary = options.summary
    if module and not summary:
        summary = re.split(r'(?<=[a-z)])[.:] ', json.loads(done.stdout)['description'])[0].rstrip('.')
        summary = summary[0].lower() + summary[1:]
    with open(options.output, 'w', encoding='utf-8') as file:
        file.write(page(options.name, options.section, options.version, summary, body, see))


if __name__ == '__main__':
    main()
