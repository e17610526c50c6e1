#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The live page's promises of security, with real requests. Threads and requests meet here: it also runs under ThreadSanitizer.

usage: page_requests_test.py BIN_DIR
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

from programs import ROOT, Workspace
from supervised import DOCUMENT, interface, module


class Page(unittest.TestCase):
    bin = None

    def setUp(self):
        self.w = Workspace(self.bin)
        self.addCleanup(self.w.__exit__)

    def start(self, *options, port=0):
        """port: one of free_port() where the page is to be started again on the same"""
        self.page = self.w.start(os.path.join(self.bin, 'nemea_page'), '--listen', f'127.0.0.1:{port}', '--token', 'token', '--supervisor', self.w.file('s.sock'),
                                 '--archive', self.w.file('archive'), *options)
        self.address = self.page.stdout.readline().strip()
        found = re.fullmatch(r'https?://127\.0\.0\.1:(\d+)/\?token=([0-9a-f]{32})', self.address)
        self.assertTrue(found, self.address)
        self.port, self.token = int(found.group(1)), found.group(2)
        self.cookie = None

    def ask(self, path, method='GET', body=None, **headers):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection('127.0.0.1', self.port)
        fields = {'Cookie': self.cookie} if self.cookie else {}
        fields.update({name.replace('_', '-'): value for name, value in headers.items()})
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), data

    def log_in(self):
        with open(self.w.file('token'), encoding='ascii') as file:
            status, headers, _ = self.ask('/?token=' + file.read().strip())
        self.assertEqual(status, 303)
        self.assertRegex(headers['Set-Cookie'], r'^nemea-\d+=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict; Max-Age=\d+$')
        self.cookie = headers['Set-Cookie'].split(';')[0]


class Security(Page):
    def test_nothing_without_a_session(self):
        self.start(port=self.w.free_port())
        for path in ('/', '/main.js', '/style.css', '/api/v1/alerts', '/api/v1/system', '/api/v1/live', '/api/v1/nothing', '/metrics', '/nothing',
                     '/?token=' + '0' * 32, '/?token='):
            status, headers, body = self.ask(path)
            self.assertEqual(status, 401, path)
            self.assertNotIn(b'alert_store', body)
            self.assertNotIn('Set-Cookie', headers)
        self.assertEqual(self.ask('/healthz')[0], 200)
        self.assertEqual(json.loads(self.ask('/readyz')[2]), {'ready': False})
        self.assertEqual(os.stat(self.w.file('token')).st_mode & 0o777, 0o600)
        first = self.token
        self.log_in()
        cookie, self.cookie = self.cookie, None
        self.assertEqual(self.ask('/?token=' + first)[0], 401, 'a token works once')
        self.cookie = cookie
        status, headers, body = self.ask('/')
        self.assertEqual(status, 200)
        self.assertIn("require-trusted-types-for 'script'", headers['Content-Security-Policy'])
        self.assertIn("default-src 'none'", headers['Content-Security-Policy'])
        self.assertEqual(headers['X-Content-Type-Options'], 'nosniff')
        # A restart ends no session; logging out does.
        self.assertEqual(self.w.end(self.page, signal.SIGTERM), (0, '', ''))
        cookie = self.cookie
        self.page = self.w.start(os.path.join(self.bin, 'nemea_page'), '-l', f'127.0.0.1:{self.port}', '-t', 'token')
        self.page.stdout.readline()
        self.cookie = cookie
        self.assertEqual(self.ask('/')[0], 200)
        self.assertEqual(self.ask('/api/v1/logout', 'POST', '{}', Origin=f'http://127.0.0.1:{self.port}')[0], 200)
        self.assertEqual(self.ask('/')[0], 401)

    def test_other_pages_and_names_are_refused(self):
        self.start()
        self.log_in()
        good = f'http://127.0.0.1:{self.port}'
        for host in ('evil.example', f'evil.example:{self.port}', '127.0.0.1', f'127.0.0.1:{self.port}.evil.example', ''):
            self.assertIn(self.ask('/', Host=host)[0], (400, 421), host)
        self.assertEqual(self.ask('/', Host=f'localhost:{self.port}')[0], 200)
        for origin in ('http://evil.example', f'https://127.0.0.1:{self.port}', 'null', good + '.evil.example'):
            self.assertEqual(self.ask('/api/v1/alerts', Origin=origin)[0], 403, origin)
        self.assertEqual(self.ask('/api/v1/alerts', Origin=good, Sec_Fetch_Site='cross-site')[0], 403)
        mark = json.dumps({'state': 'seen'})
        path = '/api/v1/alerts/0123456789abcdef'
        kind = {'Content_Type': 'application/json'}
        self.assertEqual(self.ask(path, 'POST', mark, **kind)[0], 403, 'a change needs an Origin')
        self.assertEqual(self.ask(path, 'POST', mark, Origin=good, Content_Type='text/plain')[0], 415)
        self.assertEqual(self.ask(path, 'POST', mark, Origin=good, **kind)[0], 503, 'there is no store')
        self.assertEqual(self.ask(path, 'POST', '{"state":"seen","id":"1"}', Origin=good, **kind)[0], 400)
        self.assertEqual(self.ask('/api/v1/alerts', 'POST', mark, Origin=good, **kind)[0], 405)
        self.assertEqual(self.ask(path, 'DELETE', Origin=good)[0], 405)
        for query in ('since=yesterday', 'host=nobody', 'limit=1001', 'limit=1&limit=2', 'kind=%27', 'unknown=1', 'before=-1'):
            status, _, body = self.ask('/api/v1/alerts?' + query)
            self.assertEqual((status, 'error' in json.loads(body)), (400, True), query)

    def test_what_is_too_large_too_slow_or_too_much(self):
        self.start('--metrics-token', self.w.file('metrics', 'a token of 16 bytes and more\n'))
        self.log_in()
        self.assertEqual(self.ask('/api/v1/logout', 'POST', 'x' * 5000, Origin=f'http://127.0.0.1:{self.port}')[0], 413)
        with contextlib.suppress(ConnectionError): # it need not read the rest of it
            self.assertIn(self.ask('/', X_Long='x' * 100000)[0], (400, 413, 431))
        # More connections than there is room for, all of them silent: a browser is served, and the oldest are closed.
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(('127.0.0.1', self.port))) for _ in range(400)]
            silent[0].settimeout(60)
            self.assertEqual(silent[0].recv(1), b'')
            self.assertEqual(self.ask('/api/v1/system')[0], 200)
        cookie, self.cookie = self.cookie, None
        self.assertEqual(self.ask('/metrics', Authorization='Bearer something else')[0], 401)
        status, headers, body = self.ask('/metrics', Authorization='Bearer a token of 16 bytes and more')
        self.assertEqual(status, 200)
        self.assertTrue(body.endswith(b'# EOF\n'))
        self.assertIn(b'nemea_page_connections_closed_total{reason="many"} ', body)
        self.cookie = cookie
        for path in ('alerts', 'traffic', 'modules', 'hosts/192.0.2.1', 'flows?host=192.0.2.1'):
            status, _, body = self.ask('/api/v1/' + path)
            self.assertEqual((status, 'source' in json.loads(body)), (503, True), path)

    def test_what_monitoring_reads_from_a_real_supervisor(self):
        os.mkdir(self.w.file('modules'))
        os.mkdir(self.w.file('logs'))
        self.w.file('t.xml', DOCUMENT.format(self.w.path))
        self.w.file('modules/all.sup', module('repeater', os.path.join(self.bin, 'traffic_repeater'), '', interface('IN', 'a') + interface('OUT', 'b')) +
                    module('sleep', 'sleep', 'infinity') + module('parked', 'sleep', '1', enabled='false'))
        s = self.w.start(os.path.join(self.bin, 'supervisor'), '-T', self.w.file('t.xml'), '-L', self.w.file('logs'), '-s', self.w.file('s.sock'),
                         '--state-dir', self.w.file('state'))
        self.w.connect(self.w.file('s.sock')).close()
        self.start('--metrics-token', self.w.file('metrics', 'a token of 16 bytes and more\n'))
        token = {'Authorization': 'Bearer a token of 16 bytes and more'}
        self.w.wait_for(lambda: json.loads(self.ask('/readyz', **token)[2]) == {'ready': True, 'modules': []}, 'the modules')
        status, headers, body = self.ask('/metrics', **token)
        self.assertEqual((status, headers['Content-Type']), (200, 'application/openmetrics-text; version=1.0.0; charset=utf-8'))
        text = body.decode()
        self.assertTrue(text.endswith('\n# EOF\n'))
        self.assertEqual(text.count('# EOF'), 1)
        for line in ('nemea_module_up{module="sleep"} 1', 'nemea_module_up{module="parked"} 0', 'nemea_page_supervisor_up 1',
                     'nemea_ifc_messages_total{module="repeater",dir="in",index="0",type="u",id="a"} 0'):
            self.assertIn('\n' + line + '\n', '\n' + text)
        types = re.findall(r'(?m)^# TYPE (\S+) (\S+)$', text)
        self.assertEqual(len(types), len(dict(types)))
        if shutil.which('promtool'):  # of Debian's package prometheus; it reads the older text format, where families have the names of their samples
            suffixes = {name: {'counter': '_total', 'info': '_info'}.get(kind, '') for name, kind in types}
            older = re.sub(r'(?m)^# (?:TYPE|HELP) (\S+)', lambda m: m[0] + suffixes[m[1]], text).replace('# EOF\n', '')
            older = re.sub(r'(?m)^(# TYPE \S+) info$', r'\1 gauge', older)
            checked = subprocess.run(['promtool', 'check', 'metrics'], input=older, capture_output=True, text=True, timeout=60, check=False)
            self.assertNotIn('error', checked.stderr.lower())
            self.assertNotEqual(checked.returncode, 1, checked.stderr)
        self.assertEqual(self.ask('/_stats')[0], 401)
        self.w.wait_for(lambda: json.loads(self.ask('/_stats', **token)[2])['stats']['repeater_mem'] > 100, 'the memory of a module that just began')
        status, headers, body = self.ask('/_stats', **token)
        self.assertEqual((status, headers['Content-Type']), (200, 'application/json'))
        stats = json.loads(body)['stats']
        self.assertEqual(set(stats), {'repeater_INIFC0', 'repeater_OUTIFC0', 'repeater_OUTIFC0_dropped', 'repeater_cpu', 'repeater_mem', 'sleep_cpu',
                                      'sleep_mem'})
        self.assertEqual([stats['repeater_INIFC0'], stats['repeater_OUTIFC0_dropped']], [0, 0])
        self.assertEqual(body.decode(), json.dumps({'stats': stats}, sort_keys=True, separators=(',', ':')) + '\n')
        with open(os.path.join(ROOT, 'tests/golden/supervisor/status/stats.json'), 'rb') as file:
            golden = json.load(file)['stats']
        self.assertLessEqual({k: type(v) for k, v in stats.items() if k.startswith('repeater')}.items(),
                             {k: type(v) for k, v in golden.items()}.items())
        self.w.end(s, signal.SIGTERM)
        self.assertEqual(self.ask('/_stats', **token)[0], 503)
        self.assertIn(b'\nnemea_page_supervisor_up 0\n', self.ask('/metrics', **token)[2])

    def test_its_end_amid_requests(self):
        """Browsers go on asking while it ends: what it has begun to take down is not asked any more."""
        for _ in range(10):
            self.start()
            self.log_in()
            answered = threading.Semaphore(0)

            def browse(path):
                request = f'GET /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n\r\n'.encode() * 50
                with contextlib.suppress(ConnectionError), socket.create_connection(('127.0.0.1', self.port)) as connection:
                    connection.sendall(request)
                    while connection.recv(65536):
                        answered.release()
                        connection.sendall(request)

            browsers = [threading.Thread(target=browse, args=[path]) for path in ('alerts', 'system', 'modules', 'live') * 2]
            for browser_ in browsers:
                browser_.start()
            for _ in browsers:
                self.assertTrue(answered.acquire(timeout=60))
            self.assertEqual(self.w.end(self.page, signal.SIGTERM), (0, '', ''))
            for browser_ in browsers:
                browser_.join()

    def test_command_lines(self):
        for options, said in [(['-l', '0.0.0.0:8080'], '--tls-cert and --tls-key are needed'), (['-l', 'somewhere'], 'expected ADDRESS:PORT'),
                              (['--tls-cert', 'x'], 'belong together'), (['x'], 'unexpected argument x'), (['--networks', 'none', '-l', '127.0.0.1:0'], 'none'),
                              (['--networks', self.w.file('n', '192.0.2.0/24\n'), '-l', '127.0.0.1:0'], 'line 1: expected PREFIX LABEL')]:
            code, out, err = self.w.run(os.path.join(self.bin, 'nemea_page'), *options)
            self.assertIn(said, err)
            self.assertIn(code, (1, 2))
            self.assertEqual(out, '')


if __name__ == '__main__':
    Page.bin = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1], verbosity=1)
