#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Changes the source in one place after the other and says which changes no test notices.

usage: mutate.py [-n NUMBER] [--seed SEED] [--tests PATTERN,...] [--then PATTERN,...] [--work DIR] [--only LINE[:KIND]] FILE...

Places are chosen at random, as many in each file as its size allows: a relational or logical operator is exchanged, a number changed by
one, an assignment or a call removed. The work is done in a git work tree of its own of the last commit (DIR, by default
under /tmp), with a build directory of its own that stays for the next run; the tree you are in is not touched.

  -n NUMBER        changes to try (40)
  --seed SEED      another choice of places (1)
  --tests LIST     tests that run first; patterns of their names (default: all of the suite quick)
  --then LIST      tests that run when the first ones have noticed nothing, such as golden_flow_meter,probe_line
  --only LINE:KIND the one change of this line and kind, as a report names it
  --list           print the places and end

Exit status: 0 all changes were noticed, 1 some survived (they are listed), 2 the unchanged tree does not pass.
"""
import argparse
import fnmatch
import pathlib
import random
import re
import resource
import subprocess
import sys

EXCHANGE = {'>=': '>', '<=': '<', '>': '>=', '<': '<=', '==': '!=', '!=': '==', '&&': '||', '||': '&&', '+=': '-=', '-=': '+='}
OPERATOR = re.compile(r'(?<=[\w)\]] )(>=|<=|==|!=|&&|\|\||\+=|-=|<|>)(?= [\w(*&!\-])')
NUMBER = re.compile(r'(?<=[-+*/<>=(,\[] )(\d+)(?=[;), \]])|(?<=[(\[])(\d+)(?=[,)\]])')
STATEMENT = re.compile(r'\s+(?!return|break|continue|case|default|goto|else|static|const|struct|enum|unsigned|int|char|bool|size_t|u?int\d+_t'
                       r'|void|uint|typedef|extern|assert)[\w>.*\[\]-]+(\(.*\)| ?(=|\+=|-=|\|=|&=) .*|\+\+|--);$')


def code_only(text):
    """The text with comments, strings and preprocessor lines blanked out, of the same length."""
    blank = lambda m: re.sub(r'[^\n]', ' ', m.group(0))
    text = re.sub(r'/\*.*?\*/', blank, text, flags=re.S)
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', blank, text)
    return re.sub(r'^\s*#.*?(?<!\\)$', blank, text, flags=re.S | re.M)


def places(path):
    """Changes of a file: (line number, kind, line before, line after)."""
    original = path.read_text()
    inside = False
    for number, (line, code) in enumerate(zip(original.splitlines(), code_only(original).splitlines()), 1):
        if line.startswith('{'):
            inside = True
        elif line.startswith('}'):
            inside = False
        if not inside:
            continue
        for match in OPERATOR.finditer(code):
            yield number, match.group(1), line, line[:match.start()] + EXCHANGE[match.group(1)] + line[match.end():]
        for match in NUMBER.finditer(code):
            yield number, 'number', line, line[:match.start()] + str(int(match.group(0)) + 1) + line[match.end():]
        if STATEMENT.fullmatch(code):
            yield number, 'removed', line, re.match(r'\s*', line).group(0) + ';'


# Builds programs with AddressSanitizer, which reserves more addresses than limits() allows.
NOT_LIMITED = {'unirec_everything', 'common_everything'}


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (32 << 30, 32 << 30))


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=limits, check=False)


class Tree:
    """A work tree with a build directory."""

    def __init__(self, root, where):
        self.path = where
        head = run('git', 'rev-parse', 'HEAD', cwd=root).stdout.strip()
        if where.exists():
            run('git', 'checkout', '-qf', '--detach', head, cwd=where)
        elif run('git', 'worktree', 'add', '-f', '--detach', where, head, cwd=root).returncode != 0:
            sys.exit(f'mutate.py: cannot make a work tree in {where}')
        if not (where / 'build/build.ninja').exists():
            done = run('meson', 'setup', 'build', '-Dwerror=false', '--buildtype=debugoptimized', cwd=where)
            if done.returncode != 0:
                sys.exit(f'mutate.py: meson failed\n{done.stdout}')

    def names(self, patterns, suite):
        out = run('meson', 'test', '-C', 'build', '--list', *(['--suite', suite] if suite else []), cwd=self.path).stdout
        all_names = [line.split(' / ', 1)[1] for line in out.splitlines() if ' / ' in line]
        return [name for name in all_names if name not in NOT_LIMITED and any(fnmatch.fnmatch(name, p) for p in patterns)]

    def passes(self, names):
        """True: all pass; False: one fails; None: it does not compile."""
        if not names:
            return True
        done = run('nice', 'meson', 'test', '-C', 'build', '--maxfail', '1', '--num-processes', '2', *names, cwd=self.path)
        if done.returncode == 0:
            return True
        return None if 'ninja: build stopped' in done.stdout or 'FAILED: ' in done.stdout else False


def choose(files, n, seed, root):
    everything = {file: list(places(root / file)) for file in files}
    pick = random.Random(seed)
    for changes in everything.values():
        pick.shuffle(changes)
    total = sum(len(changes) for changes in everything.values())
    for file, changes in everything.items():  # spares, for those that do not compile
        share = max(1, round(n * len(changes) / max(total, 1)))
        for i, change in enumerate(changes):
            yield i >= share, file, change


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('-n', type=int, default=40)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--tests', default='')
    parser.add_argument('--then', default='')
    parser.add_argument('--work', type=pathlib.Path, default=pathlib.Path('/tmp/nemea-mutate'))
    parser.add_argument('--only', default='')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('files', nargs='+', type=pathlib.Path)
    o = parser.parse_args()
    root = pathlib.Path(run('git', 'rev-parse', '--show-toplevel', cwd='.').stdout.strip())
    files = [file.resolve().relative_to(root) for file in o.files]
    if o.list:
        for file in files:
            for number, kind, before, after in places(root / file):
                print(f'{file}:{number}:{kind}\n   - {before.strip()}\n   + {after.strip()}')
        return 0
    tree = Tree(root, o.work)
    first = tree.names(o.tests.split(',') if o.tests else ['*'], None if o.tests else 'quick')
    then = tree.names(o.then.split(','), None) if o.then else []
    if not tree.passes(first) or not tree.passes(then):
        print('mutate.py: the unchanged tree does not pass its tests')
        return 2
    planned = sorted(choose(files, o.n, o.seed, tree.path), key=lambda p: p[0])
    if o.only:
        planned = [p for p in planned if f'{p[2][0]}:{p[2][1]}'.startswith(o.only)]
    tried, survivors = 0, []
    for _, file, (number, kind, before, after) in planned:
        if tried == o.n:
            break
        path, text = tree.path / file, (tree.path / file).read_text()
        lines = text.split('\n')
        assert lines[number - 1] == before
        lines[number - 1] = after
        path.write_text('\n'.join(lines))
        result = tree.passes(first)
        if result:
            result = tree.passes(then)
        path.write_text(text)
        if result is None:
            continue
        tried += 1
        print(f'{tried:3} {"SURVIVED" if result else "noticed "} {file}:{number}:{kind}   {before.strip()}   ->   {after.strip()}', flush=True)
        if result:
            survivors.append(f'{file}:{number}:{kind}\n   - {before.strip()}\n   + {after.strip()}')
    print(f'\n{tried - len(survivors)} of {tried} changes were noticed' + ''.join('\n' + s for s in survivors))
    return 1 if survivors else 0


if __name__ == '__main__':
    sys.exit(main())
