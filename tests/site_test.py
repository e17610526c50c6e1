#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The pages of the documentation site that are for users: every link is good, and their commands run as they are shown.

usage: site_test.py BIN_DIR

A block "sh" of these pages is run here; those of a page one after the other in a directory of their own, which has capture.pcap and flows.csv. A block
"text" after a paragraph that begins with "prints" is what the block before it prints: all of it, or where the paragraph says "among", one
part; "..." stands for the rest of a line. A block "console" needs packages and root: packaging/try_packages.py runs it in a new Debian. There are no
other blocks.
"""

import os
import re
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

    def test_questions_and_answers(self):
        self.check_page('docs/faq.md')


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
