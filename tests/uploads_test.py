#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of modules that send what they collect to web servers: bloom_history through nginx, with servers that fail.

usage: uploads_test.py BIN_DIR
"""

import glob
import http.server
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from programs import Workspace

BIN = None


def murmur(data, seed):
    """MurmurHash2 of 32 bits."""
    m, mask = 0x5bd1e995, 0xffffffff
    h = seed ^ len(data)
    while len(data) >= 4:
        k = int.from_bytes(data[:4], 'little') * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
        data = data[4:]
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def contains(body, hashes, bits, address):
    key = socket.inet_pton(socket.AF_INET6 if ':' in address else socket.AF_INET, address)
    a = murmur(key, 0x9747b28c)
    b = murmur(key, a)
    places = [(a + i * b & 0xffffffff) % bits for i in range(hashes)]
    return all(body[16 + place // 8] >> place % 8 & 1 for place in places)


class Server:
    """A web server that keeps the bodies that it gets; fails: how many requests it refuses first."""

    def __init__(self, fails=0):
        self.got, self.fails, self.changed = {}, fails, threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers['Content-Length']))
                with outer.changed:
                    failing = outer.fails > 0
                    outer.fails -= failing
                    if not failing:
                        outer.got[self.path] = (self.headers['Content-Type'], body)
                    outer.changed.notify_all()
                self.send_response(503 if failing else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, path):
        with self.changed:
            assert self.changed.wait_for(lambda: path in self.got, 120), f'{path} is not in {list(self.got)}'
            return self.got[path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class BloomHistory(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.file('flows.csv', 'ipaddr DST_IP,time TIME_LAST,uint32 PREFIX_TAG\n192.0.2.1,2024-01-01T12:00:05,1\n'
                    '2001:db8::1,2024-01-01T12:00:06,1\n192.0.2.7,2024-01-01T12:00:07,2\n')
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows')[0], 0)

    def server(self, fails=0):
        server = Server(fails)
        self.addCleanup(server.close)
        return server

    def config(self, port):
        entry = '{"id": %d, "api_url": "http://127.0.0.1:%d/net%d/", "bloom_entries": 1000, "bloom_fp_error_rate": 0.01}'
        self.w.file('config.json', f'[{entry % (1, port, 1)}, {entry % (2, port, 2)}]')

    def check(self, server):
        kind, body = server.wait_for('/net1/1704110405/1704110408/')
        self.assertEqual(kind, 'application/octet-stream')
        self.assertEqual(struct.unpack('>II', body[:8]) + struct.unpack('<d', body[8:16]), (len(body), 1000, 0.01))
        self.assertTrue(all(contains(body, 7, 9585, address) for address in ('192.0.2.1', '2001:db8::1')))
        self.assertFalse(contains(body, 7, 9585, '192.0.2.7'))
        self.assertTrue(contains(server.wait_for('/net2/1704110405/1704110408/')[1], 7, 9585, '192.0.2.7'))

    def test_a_server_that_fails_at_first(self):
        server = self.server(fails=1)
        self.config(server.port)
        status, _, err = self.w.run('bloom_history', '-v', '-c', 'config.json', '-i', 'f:flows', '--wait', '120')
        self.assertEqual(status, 0, err)
        self.assertRegex(err, 'warning: sending a filter: http://127.0.0.1:[0-9]+: the server answered with status 503')
        self.assertRegex(err, 'filters sent 2, attempts failed 1, filters rejected 0, filters dropped 0, filters waiting 0')
        self.check(server)

    def test_what_no_server_has_taken_is_sent_by_the_next_process(self):
        port = self.w.free_port()
        self.config(port)
        status, _, err = self.w.run('bloom_history', '-v', '-c', 'config.json', '-i', 'f:flows', '--spool', 'spool', '--wait', '0')
        self.assertEqual(status, 0, err)
        self.assertEqual(len(glob.glob(self.w.file('spool/*.upload'))), 2)
        process = self.w.start('bloom_history', '-c', 'config.json', '-i', 'u:nobody', '--spool', 'spool')
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertEqual(len(glob.glob(self.w.file('spool/*.upload'))), 2)
        server = self.server()
        # The addresses are in the files: nothing listens on the old port, so they are told to go to this server.
        for path in glob.glob(self.w.file('spool/*.upload')):
            with open(path, 'rb') as file:
                text = file.read().replace(b'127.0.0.1:%d/' % port, b'127.0.0.1:%d/' % server.port, 1)
            with open(path, 'wb') as file:
                file.write(text)
        process = self.w.start('bloom_history', '-c', 'config.json', '-i', 'u:nobody', '--spool', 'spool')
        self.check(server)
        self.w.wait_for(lambda: not glob.glob(self.w.file('spool/*.upload')), 'the spool to be empty')
        self.w.end(process, signal.SIGTERM)

    @unittest.skipUnless(shutil.which('nginx'), 'nginx is not installed')
    def test_through_nginx_that_is_started_later(self):
        server = self.server()
        port = self.w.free_port()
        self.config(port)
        process = self.w.start('bloom_history', '-c', 'config.json', '-i', 'f:flows', '--wait', '120')
        folder = self.w.file('nginx')
        os.mkdir(folder)
        self.w.file('nginx.conf', f'daemon off; error_log {folder}/error; pid {folder}/pid; events {{}} http {{ access_log off; '
                    + ''.join(f'{kind}_temp_path {folder}/{kind};' for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
                    + f' server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{server.port}; }} }} }}')
        with subprocess.Popen(['nginx', '-c', self.w.file('nginx.conf'), '-p', folder, '-e', 'stderr'], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as nginx:
            try:
                self.check(server)
                self.assertEqual(process.wait(120), 0)
            finally:
                nginx.terminate()


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
