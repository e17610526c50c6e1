#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The pages of the documentation site that are for users: every link is good, and their commands run as they are shown.

usage: site_test.py BIN_DIR

A block "sh" of these pages is run here; those of a page one after the other in a directory of their own, which has capture.pcap and flows.csv. A block
"text" after a paragraph that begins with "prints" is what the block before it prints: all of it, or where the paragraph says "among", one
part; "..." stands for the rest of a line. A block "console" needs packages and root: packaging/try_packages.py runs it in a new Debian. There are no
other blocks. On all other pages, READMEs included, every command of ours names a program that there is, with options that its help has.
"""

import os
import re
import shlex
import subprocess
import sys
import unittest

from programs import ROOT, TIMEOUT, Workspace

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, 'docs', 'site')]
import site_pages as site  # noqa: E402  pylint: disable=wrong-import-position

BIN = None
PAGES = ('docs/site/index.md', 'docs/start.md', 'docs/packages.md', 'docs/replace.md', 'docs/routers.md', 'docs/tuning.md', 'docs/faq.md')
BLOCK = re.compile(r'^( *)```(\S*)\n(.*?)^ *```\n(?:\s*^(prints\b[^\n]*)\n\s*^```text\n(.*?)^```\n)?', re.M | re.S)
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n'
         '192.0.2.1,198.51.100.7,840,10,53,40000,17\n192.0.2.2,198.51.100.7,60,1,22,40001,6\n')

# A block of code, or code within a line.
CODE = re.compile(r'^```(?:sh|console|)\n(.*?)^```|(?:(?<=\n\n)|(?<=\n))((?: {4}.*\n(?: *\n(?= {4}))?)+)|`([^`\n]+)`', re.M | re.S)
# Words behind which a command of ours may stand.
BEFORE = {'sudo', 'nice', 'time', 'exec', 'env'}
SUBCOMMANDS = ('alerts', 'analyze', 'flows', 'run', 'new-module', 'help')


def commands_of(text):
    """The commands in the code of a page, as lists of words; what is said of a command behind it is left out."""
    for block in CODE.findall(text):
        code = ''.join(block).replace('\\\n', ' ')
        for line in code.splitlines():
            line = re.sub(r'(?<=\S) {2,}(?![-<>|&]).*| #.*', '', line.strip())
            for part in re.split(r'\|\|?|&&?|;(?!\w+=)|\$\(', re.sub(r"'[^']*'|\"[^\"]*\"", 'TEXT', line)):
                try:
                    words = shlex.split(part)
                except ValueError:
                    continue
                while words and (words[0] in BEFORE or re.match(r'\w+=', words[0])):
                    words = words[1:]
                if words:
                    yield words


def blocks(page):
    """(kind, commands, what is said of the output, output) of each block; kind {...} is the site's, not the reader's."""
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        return [found[1:] for found in BLOCK.findall(file.read()) if not found[1].startswith('{')]


class Site(unittest.TestCase):
    def test_no_dead_link(self):
        self.assertGreater(len(list(site.source_links())), 150)
        self.assertEqual(list(site.dead_source_links()), [])

    def test_every_block_is_run_somewhere(self):
        for page in PAGES:
            for kind, commands, *_ in blocks(page):
                self.assertIn(kind, ('sh', 'console'), f'{page}: a block that no test runs:\n{commands}')
            with open(os.path.join(ROOT, page), encoding='utf-8') as file:
                self.assertNotRegex(file.read(), r'\n\n {4}\S', f'{page}: an indented block, which no test runs')

    def help_of(self, w, program):
        """What a program says of its options."""
        if program not in self.helps:
            arguments = ['--help'] if len(program) > 1 or program[0] in ('nemea', 'nemeactl', 'supcli', 'supervisor', 'nemea_page') else ['-h']
            done = subprocess.run([os.path.join(w.bin_dir, program[0]), *program[1:], *arguments], cwd=w.path, env=w.env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, errors='replace', timeout=TIMEOUT, check=False)
            self.helps[program] = done.stdout + done.stderr
        return self.helps[program]

    def unknown(self, w, words):
        """Options of a command that the help of its program does not have."""
        program = (os.path.basename(words[0]),)
        if not os.path.isfile(os.path.join(w.bin_dir, program[0])):
            return []
        if program[0] in ('nemea', 'nemeactl') and len(words) > 1:
            if words[1] in SUBCOMMANDS:
                program = ('nemea', words[1])
            elif os.path.exists(os.path.join(w.bin_dir, words[1])):
                return self.unknown(w, words[1:])
            words = words[1:]
        text = self.help_of(w, program)
        options = [re.match(r'--?[\w-]+', word)[0] for word in words[1:] if re.match(r'--\w[\w-]*(=|$)|-[A-Za-z]', word)]

        def known(option): # -ab may be one option, or -a with its value
            return option in ('-h', '--help') or any(re.search(r'(?<![\w-])' + re.escape(form) + r'(?![\w-])', text)
                                                     for form in (option, option[:2] if option[1] != '-' else option))
        return [option for option in options if not known(option)]

    def test_commands_of_all_pages_have_options_that_there_are(self):
        self.helps, wrong, seen = {}, [], 0
        with Workspace(BIN) as w:
            for page in site.pages() + ['README.md']:
                if page == 'CHANGELOG.md':
                    continue
                with open(os.path.join(ROOT, page), encoding='utf-8') as file:
                    for words in commands_of(file.read()):
                        seen += os.path.isfile(os.path.join(w.bin_dir, os.path.basename(words[0])))
                        wrong += [f'{page}: {" ".join(words)}: {option}' for option in self.unknown(w, words)]
        self.assertEqual(wrong, [])
        self.assertGreater(seen, 300)

    def check_page(self, page):
        with Workspace(BIN) as w:
            os.symlink(os.path.join(ROOT, 'examples', 'captures', 'vertical-scans-ipv4.pcap.zst'), w.file('capture.pcap'))
            w.file('flows.csv', FLOWS)
            for kind, commands, says, output in blocks(page):
                if kind != 'sh':
                    continue
                done = subprocess.run(['bash', '-euo', 'pipefail', '-c', commands], cwd=w.path, env=w.env, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=TIMEOUT, check=False)
                self.assertEqual(done.returncode, 0, f'{commands}\n{done.stdout}\n{done.stderr}')
                self.assertTrue(done.stdout or not says, commands)
                if 'among' in says or '...' in output:
                    self.assertRegex(done.stdout, re.escape(output.rstrip('\n')).replace(re.escape('...'), '.*'))
                elif says:
                    self.assertEqual(done.stdout, output, commands)

    def test_first_five_minutes(self):
        self.check_page('docs/start.md')

    def test_flows_and_events(self):
        self.check_page('docs/flows.md')
        self.check_page('docs/analyze.md')

    def test_questions_and_answers(self):
        self.check_page('docs/faq.md')


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
