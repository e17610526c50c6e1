#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""miner_detector asks servers: real servers on the loopback interface that speak the protocols of mining pools, or misbehave.

usage: miner_test.py BIN_DIR PROBE_SERVERS
"""

import json
import os
import re
import socket
import sys
import threading
import time
import unittest

from programs import Workspace

BIN = None
PROBE = None

ANSWERS = {  # method -> lines of the pool that knows it
    'bitcoin': {'mining.subscribe': [{'id': 1, 'result': [[['mining.notify', '1']], '00', 4], 'error': None}]},
    'monero': {'login': [{'id': 1, 'jsonrpc': '2.0', 'result': {'id': 'x', 'job': {'blob': '07', 'job_id': '1', 'target': 'ff'}}}]},
    'ethereum': {'eth_submitLogin': [{'id': 1, 'jsonrpc': '2.0', 'result': True}]},
    'zcash': {'mining.subscribe': [{'id': 1, 'result': [None, '00'], 'error': None},
                                   {'id': None, 'method': 'mining.set_target', 'params': ['00ff']}]},
}


class Server:
    """A server on a port of its own. kind: a pool of ANSWERS, or how it misbehaves: 'silent', 'closes', 'garbage', 'endless', 'web'."""

    def __init__(self, kind, family=socket.AF_INET):
        self.kind, self.clients, self.requests = kind, [], []
        self.stopped = threading.Event()
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind(('127.0.0.1' if family == socket.AF_INET else '::1', 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.name = f'127.0.0.1:{self.port}' if family == socket.AF_INET else f'[::1]:{self.port}'
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def run(self):
        while not self.stopped.is_set():
            try:
                connection, client = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            with connection:
                try:
                    self.serve(connection)
                except OSError:
                    pass  # the other end has gone

    def serve(self, c):
        if self.kind == 'closes':
            return
        if self.kind == 'silent':
            c.recv(4096)
            while c.recv(4096):
                pass
        elif self.kind == 'endless':
            while not self.stopped.wait(0.01):
                c.sendall(b'x')
        elif self.kind == 'garbage':
            c.recv(4096)
            c.sendall(bytes(range(256)) * 64)
        elif self.kind == 'web':
            c.recv(4096)
            c.sendall(b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
        else:
            request = json.loads(c.makefile().readline())
            self.requests.append(request['method'])
            c.sendall(b''.join(json.dumps(line).encode() + b'\n' for line in ANSWERS[self.kind].get(request['method'], [])))
            if request['method'] in ANSWERS[self.kind]:
                c.recv(4096)  # until the other end closes


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def server(self, kind, family=socket.AF_INET):
        server = Server(kind, family)
        self.addCleanup(server.stop)
        return server

    def ask(self, servers, read_ms, interval_ms=0):
        status, out, err = self.w.run(PROBE, '60000', str(read_ms), str(interval_ms), *[s.name for s in servers])
        self.assertEqual(status, 0, err)
        return dict(line.split() for line in out.splitlines())


class Servers(Case):
    """The checks alone."""

    def test_each_protocol_of_pools_is_known(self):
        servers = [self.server(kind) for kind in ANSWERS]
        if socket.has_ipv6 and os.path.exists('/proc/net/if_inet6'):
            servers.append(self.server('monero', socket.AF_INET6))
        self.assertEqual(self.ask(servers, 60000), {str(s.port): 'pool' for s in servers})
        self.assertEqual(servers[2].requests, ['mining.subscribe', 'login', 'eth_submitLogin'])

    def test_others_are_none_and_hold_nobody_up(self):
        servers = [self.server(kind) for kind in ('closes', 'garbage', 'web')]
        self.assertEqual(self.ask(servers, 60000), {str(s.port): 'other' for s in servers})
        self.assertEqual(len(servers[0].clients), 4)

    def test_who_is_silent_or_endless_holds_nobody_up(self):
        servers = [self.server(kind) for kind in ('silent', 'endless')]
        self.assertEqual(self.ask(servers, 200), {str(s.port): 'other' for s in servers})
        with self.w.connect(servers[0].port) as last:  # connections are accepted in their order
            self.w.wait_for(lambda: last.getsockname() in servers[0].clients, 'the server')
        self.assertEqual(len(servers[0].clients), 2)  # who is silent once is not asked in another language

    def test_a_port_that_is_closed(self):
        port = self.w.free_port()
        status, out, _ = self.w.run(PROBE, '60000', '60000', '0', f'127.0.0.1:{port}')
        self.assertEqual((status, out), (0, f'{port} other\n'))

    def test_connections_keep_their_distance(self):
        server = self.server('closes')
        begin = time.monotonic()
        self.ask([server], 60000, interval_ms=200)
        self.assertEqual(len(server.clients), 4)
        self.assertGreaterEqual(time.monotonic() - begin, 0.6)  # a busy machine makes it longer only


CONFIG = {'blacklist_file': '-', 'whitelist_file': '-', 'store_blacklist_file': 'black', 'store_whitelist_file': 'white', 'conn_timeout': 600,
          'read_timeout': 600, 'timeout_active': 3600, 'timeout_inactive': 3600, 'check_period': 10, 'stratum_check': 'true',
          'score_treshold': 7, 'suspect_db_size': 1024, 'suspect_db_stash_size': 0, 'blacklist_db_size': 16,
          'blacklist_db_stash_size': 0, 'whitelist_db_size': 16, 'whitelist_db_stash_size': 0}
TITLE = ('ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 SRC_PORT,uint16 DST_PORT,'
         'uint8 PROTOCOL,uint8 TCP_FLAGS\n')


def flows(port, begin):
    """Flows of a client whose statistics are those of a miner."""
    lines = []
    for i in range(20):
        when = f'2020-01-01T00:{(begin + 10 * i) // 60:02}:{(begin + 10 * i) % 60:02}'
        lines.append(f'10.0.0.1,127.0.0.1,320,{when},{when},4,{80 if i % 4 == 0 else 40000},{port},6,24\n')
    return ''.join(lines)


class Detector(Case):
    """The program as it runs."""

    def setUp(self):
        super().setUp()
        elements = ''.join(f'<element name="{name}">{self.w.file(str(value)) if name.startswith("store") else value}</element>'
                           for name, value in CONFIG.items())
        self.config = self.w.file('m.xml', f'<configuration><struct name="main struct">{elements}</struct></configuration>')

    def counter(self, name):
        try:
            found = re.search(rf'^{name}: (\d+)$', self.w.read('t/module/stats'), re.MULTILINE)
        except OSError:
            return 0
        return int(found.group(1)) if found else 0

    def alerts(self, name):
        return self.w.run('logger', '-i', f'f:{self.w.file(name)}')[1].splitlines()

    def test_a_live_stream(self):
        pool, closed = self.server('bitcoin'), self.w.free_port()
        detector = self.w.start('miner_detector', '-i', f'u:flows,f:{self.w.file("alerts")}:w', '-u', self.config, '--allow-private',
                                '--telemetry', self.w.file('t'))
        os.mkfifo(self.w.file('csv'))
        replay = self.w.start('logreplay', '-f', self.w.file('csv'), '-i', 'u:flows')
        with open(self.w.file('csv'), 'w', encoding='ascii') as csv:
            csv.write(TITLE + flows(pool.port, 0) + flows(closed, 200))
            csv.flush()
            self.w.wait_for(lambda: self.counter('checks that found a pool') == 1 and self.counter('checks that found none') == 1,
                            'results of the checks')
            csv.write(flows(pool.port, 400) + flows(closed, 400))
        self.assertEqual(self.w.end(replay)[0], 0)
        status, _, err = self.w.end(detector)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.alerts('alerts'),
                         [f'127.0.0.1,10.0.0.1,2020-01-01T00:00:00.000000,2020-01-01T00:09:50.000000,160,{pool.port}'])
        self.assertEqual(self.w.read('black'), f'{pool.name}\n')
        self.assertEqual(self.w.read('white'), f'127.0.0.1:{closed}\n')
        self.assertEqual(len(pool.clients), 1)

    def test_the_end_does_not_wait_for_a_check(self):
        silent = self.server('silent')
        detector = self.w.start('miner_detector', '-i', f'u:flows,f:{self.w.file("alerts")}:w', '-u', self.config, '--allow-private')
        self.w.file('csv', TITLE + flows(silent.port, 0))
        self.assertEqual(self.w.run('logreplay', '-f', self.w.file('csv'), '-i', 'u:flows')[0], 0)
        status, _, err = self.w.end(detector)  # read_timeout is ten minutes
        self.assertEqual(status, 0, err)

    def test_files_are_no_reason_to_ask(self):
        pool = self.server('bitcoin')
        self.w.file('csv', TITLE + flows(pool.port, 0))
        self.w.run('logreplay', '-d', '-f', self.w.file('csv'), '-i', f'f:{self.w.file("flows")}:w')
        status, _, err = self.w.run('miner_detector', '-i', f'f:{self.w.file("flows")},f:{self.w.file("alerts")}:w', '-u', self.config,
                                    '--allow-private')
        self.assertEqual((status, pool.clients), (0, []), err)
        self.assertEqual(self.alerts('alerts'), [])

    def test_nemea_analyze(self):
        request, answer = '{"method":"mining.subscribe"', '{"result":['
        self.w.file('csv', TITLE.strip() + ',uint32 PACKETS_REV,uint64 BYTES_REV,uint8 TCP_FLAGS_REV,bytes IDP_CONTENT,bytes IDP_CONTENT_REV\n'
                    f'10.0.0.1,192.0.2.1,500,2020-01-01T00:00:00,2020-01-01T00:00:09,5,40000,3333,6,27,6,600,27,{request.encode().hex()},'
                    f'{answer.encode().hex()}\n')
        self.w.run('logreplay', '-d', '-f', self.w.file('csv'), '-i', f'f:{self.w.file("flows.trapcap")}:w')
        status, out, err = self.w.run('nemea', 'analyze', '--json', self.w.file('flows.trapcap'))
        self.assertEqual(status, 0, err)
        event, = json.loads(out)['events']
        self.assertEqual((event['kind'], event['detector'], event['attack'], event['ports'], event['packets'], event['bytes'], event['flows']),
                         ('mining', 'miner_detector', ['T1496'], [3333], 5, 500, 1), event)
        self.assertIn('10.0.0.1 sent 5 packets in 1 flow to port 3333 of 192.0.2.1', event['reason'])
        self.assertIn('both speak the protocol of mining pools', event['reason'])


if __name__ == '__main__':
    BIN, PROBE = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
