# SPDX-License-Identifier: BSD-3-Clause
"""Man pages of docs/man/mkman.py as Markdown: the macros and escapes that it writes, and no others."""

import re


def plain(text):
    return re.sub(r'\\f[A-Z]', '', text).replace('\\e', '\\').replace('\\-', '-').replace('\\&', '')


def escaped(text):
    """Text of which nothing is read as Markdown."""
    return re.sub(r'([\\`*_{}\[\]<>#|$~])', r'\\\1', plain(text))


def words(arguments):
    return ''.join(quoted if quoted else word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', arguments))


class Writer:
    def __init__(self):
        self.out = []
        self.term = False  # what comes next is the term of an option
        self.indent = None  # of what explains an option
        self.verbatim = False

    def macro(self, name, arguments):
        if name in ('SH', 'SS'):
            self.indent = None
        if name == 'SH':
            self.out.append(f'\n## {arguments.strip().capitalize()}\n')
        elif name == 'SS':
            self.out.append(f'\n### {escaped(arguments)}\n')
        elif name == 'nf':
            self.out.append('\n```')
            self.verbatim = True
        elif name == 'fi':
            self.out.append('```\n')
            self.verbatim = False
        elif name in ('PP', 'TP'):
            self.out.append('')
            self.term = name == 'TP'
            self.indent = None
        elif name in ('B', 'BI', 'BR'):
            self.text(words(arguments) if name != 'B' else arguments, name == 'B')
        elif name != 'TH':
            raise ValueError(f'a macro that mkman.py does not write: .{name}')

    def text(self, text, bold=False):
        if self.verbatim:
            self.out.append(plain(text))
        elif self.term:
            self.out.append(f'`{plain(text)}`')
            self.term, self.indent = False, ': '
        else:
            self.out.append((self.indent or '') + (f'**{escaped(text)}**' if bold and text else escaped(text)))
            self.indent = self.indent and '  '


def to_markdown(page):
    writer, title = Writer(), ''
    for line in page.splitlines():
        found = re.match(r'\.([A-Z]{1,2}|nf|fi)(?: (.*))?$', line)
        if found:
            writer.macro(found[1], found[2] or '')
        else:
            writer.text(line)
    lines = '\n'.join(writer.out)
    found = re.search(r'\n## Name\n\n?(.*)\n', lines)
    if found:
        title = plain(found[1]).replace('\\', '').split(' - ', 1)[0]
        lines = lines.replace(found[0], f'\n{found[1].split(" - ", 1)[-1]}\n', 1)
    return f'# {title}\n{lines}\n'
