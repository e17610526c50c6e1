#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of the blacklist suite: real processes, files that change while they are used.

usage: blacklist_test.py BIN_DIR
"""

import json
import os
import re
import sys
import unittest

import demo
from programs import Workspace

BIN = None
OFFICE = os.path.join(demo.CAPTURES, 'ordinary-office.pcapng.zst')
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,'
         'uint16 SRC_PORT,uint8 PROTOCOL\n')
FLOW = '10.99.0.1,{},100,2020-01-01T00:00:00.000,2020-01-01T00:00:00.500,3,80,4444,6\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def replace(self, name, content):
        """As downloaders do it: readers see the old file or the new one."""
        self.w.file(name + '.new', content)
        os.rename(self.w.file(name + '.new'), self.w.file(name))

    def counter(self, name):
        """A counter of a module with --telemetry t; None: not known yet."""
        try:
            found = re.search(rf'^{name}: (\d+)$', self.w.read('t/module/stats'), re.MULTILINE)
        except OSError:
            return None
        return int(found.group(1)) if found else None


class Analyze(Case):
    """nemea analyze --blacklist"""

    def events(self, *arguments):
        status, out, err = self.w.run('nemea', 'analyze', '--json', *arguments, OFFICE)
        self.assertEqual(status, 0, err)
        return json.loads(out)['events']

    def test_contacts_with_what_a_list_has_are_events(self):
        path = self.w.file('list', '# bad\n198.18.1.10\nwww9.example\nhttp://www14.example/0.html\n')
        self.assertEqual(self.events(), [])
        events = self.events('--blacklist', path)
        self.assertEqual({event['kind'] for event in events},
                         {'blacklisted-address', 'blacklisted-name', 'blacklisted-url'})
        self.assertEqual({event['source'] for event in events if event['kind'] == 'blacklisted-address'}, {'198.18.1.10'})
        reasons = '\n'.join(event['reason'] for event in events)
        self.assertRegex(reasons, r'looked up blacklisted names \d+ times in .*, first "www9.example"')
        self.assertRegex(reasons, r'requested blacklisted URLs \d+ times in .*, first "www14.example/0.html"')
        self.assertRegex(reasons, r'198.18.1.10, which is on a blacklist, and 10\.\S+ exchanged \d+ flows with')

    def test_a_list_that_cannot_be_read_is_an_error_in_the_input(self):
        status, _, err = self.w.run('nemea', 'analyze', '--blacklist', self.w.file('none'), OFFICE)
        self.assertEqual(status, 3)
        self.assertIn('cannot read the blacklist', err)


class Watch(Case):
    """Lists that change while a filter runs."""

    def send(self, address, *options):
        path = self.w.file('flows.csv', FLOWS + FLOW.format(address))
        self.assertEqual(self.w.run('logreplay', '-f', path, '-i', 'u:flows:min_clients=1:timeout=WAIT', *options)[0], 0)

    def test_a_list_that_is_replaced_is_used_without_a_signal(self):
        self.w.file('list', '192.0.2.1\n')
        module = self.w.start('ipblacklistfilter', '-i', 'u:flows,f:alerts.trapcap:w', '--blacklist', 'list',
                              '--telemetry', 't')
        self.send('192.0.2.1', '-n')
        self.w.wait_for(lambda: self.counter('hits') == 1, 'the filter')
        self.replace('list', '192.0.2.2\n192.0.2.3\n')
        self.w.wait_for(lambda: self.counter('entries') == 2, 'the filter')
        os.unlink(self.w.file('list'))  # nothing to read: what there is stays
        self.send('192.0.2.1', '-n')
        self.send('192.0.2.2')
        self.assertEqual(self.w.end(module)[0], 0)
        rows = self.w.run('logger', '-i', 'f:alerts.trapcap')[1].splitlines()
        self.assertEqual([row.split(',')[1] for row in rows], ['192.0.2.1', '192.0.2.2'])


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
