#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end test of proto_traffic and its munin plugin, with real processes.

usage: munin_test.py BIN_DIR
"""

import os
import signal
import socket
import sys
import unittest

from programs import Workspace

BIN = None

FLOWS = 'uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL\n100,2,6\n50,1,17\n300,3,6\n7,1,99\n'


class Munin(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.path = self.w.file('counters')
        self.w.env['socket'] = self.path

    def plugin(self, what, *command):
        return self.w.run(f'proto_traffic_{what}', *command)

    def values(self, what):
        status, out, err = self.plugin(what)
        self.assertEqual(status, 0, err)
        return dict(line.split('.value ') for line in out.splitlines())

    def test_counters_reach_the_plugin(self):
        module = self.w.start('proto_traffic', '-s', self.path, '-i', 'u:flows')
        replay = self.w.start('logreplay', '-n', '-f', self.w.file('in.csv', FLOWS), '-i', 'u:flows')
        self.assertEqual(self.w.end(replay)[0], 0)
        self.w.wait_for(lambda: os.path.exists(self.path) and self.values('flows')['others'] == '1', 'the counters of all flows')
        self.assertEqual(self.values('bytes'), {'esp': '0', 'gre': '0', 'icmp': '0', 'icmp6': '0', 'others': '7', 'sctp': '0',
                                                'tcp': '400', 'udp': '50'})
        self.assertEqual(list(self.values('packets')), ['esp', 'gre', 'icmp', 'icmp6', 'others', 'sctp', 'tcp', 'udp'])
        status, out, _ = self.plugin('flows', 'config')
        self.assertEqual(status, 0)
        self.assertTrue(out.startswith('graph_title Traffic L4 protocol - flows\ngraph_args -l 0\n'
                                       'graph_category traffic-monitoring\ngraph_vlabel flows/second\n'
                                       'graph_info The number of flows per second per L4 protocol.\n'), out)
        self.assertIn('tcp.label tcp\ntcp.type DERIVE\ntcp.draw AREASTACK\ntcp.min 0\n', out)
        self.assertEqual(self.w.end(module, signal.SIGTERM)[0], 0)
        self.assertFalse(os.path.exists(self.path))

    def test_what_needs_no_module(self):
        self.assertEqual(self.plugin('bytes', 'autoconf')[:2], (0, 'yes\n'))
        self.assertEqual(self.plugin('bytes', 'suggest')[:2], (0, 'packets\nflows\nbytes\n'))
        status, out, err = self.plugin('bytes')
        self.assertEqual((status, out), (1, ''))
        self.assertIn(f'socket {self.path}: No such file', err)

    def test_answers_of_another_form_are_an_error(self):
        for answer in ('', 'a-bytes', 'a-bytes\n', 'a-bytes\nx\n', 'a\n1\n', 'a-bytes,b-bytes\n1\n', 'a-bytes\n1,2\n', 'a-flows\n1\n', 'x' * 70000):
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(self.path)
                server.listen()
                plugin = self.w.start('proto_traffic_bytes')
                client, _ = server.accept()
                with client:
                    try:
                        client.sendall(answer.encode())
                    except (BrokenPipeError, ConnectionResetError):
                        pass  # it has read enough
                status, out, err = self.w.end(plugin)
            self.assertEqual((status, out), (1, ''), answer[:50])
            self.assertIn('the answer is', err)
            os.unlink(self.path)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
