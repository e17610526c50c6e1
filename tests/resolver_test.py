#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of resolver with a real name server, dnsmasq.

usage: resolver_test.py BIN_DIR
"""

import ipaddress
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

from programs import Workspace

BIN = None


@unittest.skipUnless(shutil.which('dnsmasq'), 'dnsmasq is not installed')
class Resolver(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.port = self.w.free_port()
        lines = ''.join(f'{i % 200 + 1},10.1.{i % 5}.{i % 200 + 1},h{i % 5}-{i % 200 + 1}.example\n' for i in range(3000))
        self.w.file('flows.csv', 'uint32 N,ipaddr SRC_IP,string NAME\n' + lines)
        self.w.file('hosts', ''.join(f'10.1.{k}.{i} h{k}-{i}.example\n2001:db8:{k}::{i:x} h{k}-{i}.example\n' for k in range(4)
                                     for i in range(1, 201)))
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows')[0], 0)

    def serve(self):
        command = ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', f'--port={self.port}', '--listen-address=127.0.0.1',
                   '--bind-interfaces', '--no-resolv', '--no-hosts', f'--addn-hosts={self.w.file("hosts")}', '--pid-file=', '--user=',
                   '--dns-forward-max=1000', '--local-ttl=60', '--local=/example/', '--bogus-priv', '--log-facility=-']
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # pylint: disable=consider-using-with
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def listens():
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
                return s.connect_ex(('127.0.0.1', self.port)) == 0
        self.w.wait_for(listens, 'dnsmasq')

    def resolve(self, *options):
        status, _, err = self.w.run('resolver', '-v', '-u', 'ipaddr SRC_IP,string NAME', '-S', f'127.0.0.1:{self.port}', '-r', 'SRC_IP', 'dns_ptr',
                                    'HOST', '-r', 'NAME', 'dns_a', 'FOUR', '-r', 'NAME', 'dns_aaaa', 'SIX', '-i', 'f:flows,f:named', *options)
        self.assertEqual(status, 0, err)
        status, out, err = self.w.run('logger', '-t', '-i', 'f:named')
        self.assertEqual(status, 0, err)
        counters = dict(item.rsplit(' ', 1) for item in err.rsplit('resolver: ', 1)[-1].strip().split(', ') if ' ' in item)
        names, *rows = [line.split(',') for line in out.splitlines()]
        self.assertEqual(len(rows), 3000)
        return [dict(zip((re.sub('.* ', '', name) for name in names), row)) for row in rows], counters

    def test_records_get_what_a_name_server_knows(self):
        self.serve()
        rows, _ = self.resolve('-w', '60000', '--timeout', '30000')
        for i, row in enumerate(rows):
            k, host = i % 5, i % 200 + 1
            self.assertEqual(row['N'], str(host))  # the order
            known = k < 4
            self.assertEqual(row['HOST'].strip('"'), f'h{k}-{host}.example' if known else 'n/a')
            self.assertEqual(row['FOUR'], f'10.1.{k}.{host}' if known else '0.0.0.0')
            self.assertEqual(row['SIX'], str(ipaddress.ip_address(f'2001:db8:{k}::{host:x}')) if known else '::')

    def test_a_server_that_is_away_does_not_stop_the_stream(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:  # it takes questions and never answers
            silent.bind(('127.0.0.1', self.port))
            rows, _ = self.resolve('-w', '0')
        self.assertTrue(all(row['HOST'].strip('"') == 'n/a' for row in rows))


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
