#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of proto_traffic and link_traffic, their munin plugins and link_traff2json, with real processes.

usage: munin_test.py BIN_DIR
"""

import json
import os
import signal
import socket
import sys
import unittest

from programs import Workspace, facts

BIN = None

LINKS = '# number,name,field,color\n1,nix2,LINK1,ff0000\n2,geant,LINK2,00ff00\n'
LINK_FLOWS = ('uint64 BYTES,uint64 LINK_BIT_FIELD,uint32 PACKETS,uint8 DIR_BIT_FIELD\n'
              '100,1,2,0\n50,1,1,0\n7,1,3,1\n1000,2,5,1\n5,3,1,0\n')
FLOWS = 'uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL\n100,2,6\n50,1,17\n300,3,6\n7,1,99\n'


class Munin(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.path = self.w.file('counters')
        self.w.env.update({'socket': self.path, 'config': self.w.file('none.cfg')})

    def plugin(self, what, *command, module='proto_traffic'):
        return self.w.run(f'{module}_{what}', *command)

    def values(self, what, **options):
        status, out, err = self.plugin(what, **options)
        self.assertEqual(status, 0, err)
        return dict(line.split('.value ') for line in out.splitlines())

    def wait_for_flows(self, text, **options):
        """Until the counters of flows have this line; the socket's name is there a little before the module listens."""
        self.w.wait_for(lambda: text in self.plugin('flows', **options)[1].splitlines(), f'the counters of all flows: {text}')

    def test_counters_reach_the_plugin(self):
        module = self.w.start('proto_traffic', '-s', self.path, '-i', 'u:flows')
        replay = self.w.start('logreplay', '-n', '-f', self.w.file('in.csv', FLOWS), '-i', 'u:flows')
        self.assertEqual(self.w.end(replay)[0], 0)
        self.wait_for_flows('others.value 1')
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
        for module in ('proto_traffic', 'link_traffic'):
            self.assertEqual(self.plugin('bytes', 'autoconf', module=module)[:2], (0, 'yes\n'))
            self.assertEqual(self.plugin('bytes', 'suggest', module=module)[:2], (0, 'packets\nflows\nbytes\n'))
            status, out, err = self.plugin('bytes', module=module)
            self.assertEqual((status, out), (1, ''))
            self.assertIn(f'socket {self.path}: No such file', err)

    def link_traffic(self, *options):
        """Starts link_traffic and gives it flows; 1157 bytes in three directions of links."""
        module = self.w.start('link_traffic', '-c', self.w.file('links.cfg', LINKS), '-s', self.path, '-i', 'u:flows', *options)
        replay = self.w.start('logreplay', '-n', '-f', self.w.file('in.csv', LINK_FLOWS), '-i', 'u:flows')
        self.assertEqual(self.w.end(replay)[0], 0)
        self.wait_for_flows('Totalin.value 2' if '-d' in options else 'Totalout.value 2', module='link_traffic')  # those out come last
        return module

    def test_links_reach_the_plugin(self):
        module = self.link_traffic()
        self.assertEqual(self.plugin('bytes', module='link_traffic')[1],
                         'geantin.value 0\ngeantout.value 1000\nnix2in.value 150\nnix2out.value 7\nTotalin.value 150\nTotalout.value 1007\n')
        self.assertEqual(self.plugin('packets', 'config', module='link_traffic')[:2], (
            0, 'graph_title Link traffic - packets\ngraph_args -l 0\ngraph_category traffic-monitoring\n'
            'graph_vlabel packets out (-)/in (+) per sec.\n'
            'graph_info The number of packets per second specified with link number in 5 minute interval.\n'
            'graph_order geantin geantout nix2in nix2out Total\n'
            'geantin.label geant\ngeantin.graph no\ngeantin.type DERIVE\ngeantin.min 0\n'
            'geantout.label geant\ngeantout.negative geantin\ngeantout.type DERIVE\ngeantout.min 0\n'
            'nix2in.label nix2\nnix2in.graph no\nnix2in.type DERIVE\nnix2in.min 0\n'
            'nix2out.label nix2\nnix2out.negative nix2in\nnix2out.type DERIVE\nnix2out.min 0\n\n'))
        self.w.env['config'] = self.w.file('colors.cfg', '1,nix2,LINK1,#ff00\n3,other,LINK3,1\n')
        config = self.plugin('packets', 'config', module='link_traffic')[1]
        self.assertIn('nix2in.min 0\nnix2in.colour 00ff00\nnix2out.label nix2\n', config)
        self.assertIn('nix2out.min 0\nnix2out.colour 00ff00\n\n', config)
        self.assertEqual(config.count('colour'), 2)
        self.w.file('colors.cfg', '1,nix2,LINK1,red\n')
        status, config, err = self.plugin('packets', 'config', module='link_traffic')
        self.assertEqual((status, config.count('colour')), (0, 0))
        self.assertIn('colors.cfg, line 1: "red" is not a color', err)
        status, out, err = self.w.end(module, signal.SIGTERM)
        self.assertEqual((status, out), (0, f'Accessing config file {self.w.file("links.cfg")}.\n>Configuration success.\n'), err)
        self.assertFalse(os.path.exists(self.path))

    def test_links_without_directions(self):
        module = self.link_traffic('-d')
        self.assertEqual(self.plugin('bytes', module='link_traffic')[1], 'geantin.value 0\nnix2in.value 150\nTotalin.value 150\n')
        self.assertIn('\ngraph_order geantin nix2in Total\ngeantin.label geant\ngeantin.type DERIVE\n',
                      self.plugin('bytes', 'config', module='link_traffic')[1])
        self.assertEqual(self.w.end(module, signal.SIGTERM)[0], 0)

    def json(self, status=0):
        got, out, err = self.w.run('link_traff2json.py', '-s', self.path, '-c', 'links.cfg', '-o', 'last')
        self.assertEqual(got, status, err)
        if status != 0:
            return err
        head, body = out.split('\n\n', 1)
        self.assertEqual(head, 'Content-type:application/json')
        return json.loads(body)

    def test_json(self):
        module = self.link_traffic()
        first = self.json()
        self.assertEqual(first['data']['1'], {'link': 1, 'link name': 'nix2', 'bytes in': 0, 'flows in': 0, 'packets in': 0, 'bytes out': 0,
                                              'flows out': 0, 'packets out': 0})
        self.assertEqual(first['time']['difference'], 0)
        time, names, values = self.w.read('last').splitlines()
        # As if 20 seconds ago nix2 had had less, and geant more: the module was started again.
        columns = dict(zip(names.split(','), values.split(',')))
        columns.update({'nix2-in-bytes': '30', 'nix2-out-packets': '1', 'geant-out-bytes': '99999'})
        self.w.file('last', f'{int(time) - 20}\n{",".join(columns)}\n{",".join(columns.values())}\n')
        second = self.json()
        self.assertEqual(second['data'], {
            '1': {'link': 1, 'link name': 'nix2', 'bytes in': 120, 'flows in': 0, 'packets in': 0, 'bytes out': 0, 'flows out': 0, 'packets out': 2},
            '2': {'link': 2, 'link name': 'geant', 'bytes in': 0, 'flows in': 0, 'packets in': 0, 'bytes out': 1000, 'flows out': 0, 'packets out': 0}})
        self.assertGreaterEqual(second['time']['difference'], 20)
        self.w.file('last', 'no counters')
        self.assertEqual(self.json()['time']['difference'], 0)
        self.assertEqual(self.w.end(module, signal.SIGTERM)[0], 0)
        self.assertIn(f'link_traff2json: socket {self.path}: No such file', self.json(status=1))

    def test_a_wrong_configuration(self):
        status, out, err = self.w.run('link_traffic', '-c', self.w.file('links.cfg', '1,a\n'), '-s', self.path, '-i', 'u:flows')
        self.assertEqual((status, out), (0, f'Accessing config file {self.w.file("links.cfg")}.\n'))
        self.assertIn('line 1: expected number,name,field,color', err)

    def test_a_plugin_that_was_stopped_reads_on(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.path)
            server.listen()
            plugin = self.w.start('proto_traffic_bytes')
            client, _ = server.accept()
            with client:
                for stop, state in ((None, 'SZ'), (signal.SIGSTOP, 'T'), (signal.SIGCONT, 'SZ')):  # S: it waits for the answer
                    if stop is not None:
                        plugin.send_signal(stop)
                    self.w.wait_for(lambda s=state: facts(plugin.pid)['State'][0] in s, f'state {state}')
                client.sendall(b'tcp-bytes\n7\n')
            self.assertEqual(self.w.end(plugin), (0, 'tcp.value 7\n', ''))

    def test_answers_of_another_form_are_an_error(self):
        answers = ('', 'a-bytes', 'a-bytes\n', 'a-bytes\nx\n', 'a\n1\n', 'a-bytes,b-bytes\n1\n', 'a-bytes\n1,2\n', 'a-flows\n1\n', 'x' * 2**21)
        cases = [('proto_traffic', answer) for answer in answers]
        cases += [('link_traffic', answer) for answer in answers + ('a-bytes\n1\n', 'a-up-bytes\n1\n')]
        for module, answer in cases:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(self.path)
                server.listen()
                plugin = self.w.start(module + '_bytes')
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
