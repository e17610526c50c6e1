#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""No descriptor is inherited by programs that are started (osqueryi, a pager, the processes of nemea): every call that makes one says
so with its flag, and descriptors of libraries get it afterwards.

usage: descriptors_test.py SOURCE_ROOT
"""
import pathlib
import re
import sys

ROOMS = ('common', 'libtrap', 'unirec', 'module', 'flow', 'modules', 'detectors', 'alerts', 'cli', 'supervisor', 'sandbox', 'web', 'examples')
FLAGS = re.compile(r'\b(open|openat|open64|socket|socketpair|accept4|pipe2|dup3|epoll_create1|eventfd|memfd_create|timerfd_create|signalfd'
                   r'|inotify_init1|mkostemp|pidfd_open|userfaultfd|fanotify_init|recvmsg)\(')
MODES = re.compile(r'\b(fopen|freopen|popen|fdopen)\(')
NEVER = re.compile(r'\b(accept|pipe|epoll_create|inotify_init|mkstemp|creat|tmpfile|F_DUPFD)\s*[(,]')


def call(text, start):
    """The text of a call from its name to its closing bracket."""
    depth, i = 0, text.index('(', start)
    for i in range(i, len(text)):
        depth += (text[i] == '(') - (text[i] == ')')
        if depth == 0:
            break
    return ' '.join(text[start:i + 1].split())


def without_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*', lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text, flags=re.S)


def violations(text):
    text = without_comments(text)
    for match in FLAGS.finditer(text):
        if 'CLOEXEC' not in (found := call(text, match.start())):
            yield match.start(), found
    for match in MODES.finditer(text):
        found = call(text, match.start())
        if not re.search(r'"[rwa][^"]*e[^"]*"', found) and match.group(1) != 'fdopen':
            yield match.start(), found
    for match in NEVER.finditer(text):
        yield match.start(), match.group(0) + '...'


def main():
    root, failures, files = pathlib.Path(sys.argv[1]), [], 0
    for room in ROOMS:
        for path in sorted((root / room).rglob('*.[ch]')):
            if {'tests', 'fuzz'} & set(path.relative_to(root).parts):
                continue
            files += 1
            text = path.read_text()
            failures += [f'{path}:{text.count(chr(10), 0, at) + 1}: {found} makes a descriptor without its close-on-exec flag'
                         for at, found in violations(text)]
    print('\n'.join(failures) or f'{files} files: all descriptors are closed when another program is started')
    return 1 if failures or files < 100 else 0


if __name__ == '__main__':
    sys.exit(main())
