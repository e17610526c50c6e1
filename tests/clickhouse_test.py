#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of clickhouse with a stand-in for ClickHouse's HTTP interface, which decodes the rows that it gets, and with the server
of Debian (18.16), whose table has FixedString(16) and Int64 in the places of IPv6 and DateTime64(9).

usage: clickhouse_test.py BIN_DIR
"""

import glob
import http.server
import ipaddress
import os
import signal
import struct
import sys
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from programs import Workspace

BIN = None
CONFIG = '''connection:
  endpoints:
    - host: 127.0.0.1
      port: 9000
      httpPort: {first}
    - host: 127.0.0.1
      httpPort: {second}
  username: writer
  password: "secret word"
  database: nemea
  table: flows
inserterThreads: 8
blocks: {blocks}
blockInsertThreshold: {rows}
blockInsertMaxDelaySecs: {delay}
columns: [ipaddr SRC_IP, uint64 BYTES, time TIME_LAST, string NAME, macaddr MAC, bytes DATA, uint16* PORTS, double X, int8 I]
{more}'''
FORMAT = 'ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,string NAME,macaddr MAC,bytes DATA,uint16* PORTS,double X,int8 I'
COLUMNS = {'SRC_IP': 'IPv6', 'BYTES': 'UInt64', 'TIME_LAST': 'DateTime64(9)', 'NAME': 'String', 'MAC': 'Array(UInt8)', 'DATA': 'Array(UInt8)',
           'PORTS': 'Array(UInt16)', 'X': 'Float64', 'I': 'Int8', 'OTHER': 'String'}


class Rows:
    """Reads RowBinary."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        self.at += n
        assert self.at <= len(self.data)
        return self.data[self.at - n:self.at]

    def number(self, form):
        return struct.unpack('<' + form, self.take(struct.calcsize('<' + form)))[0]

    def length(self):
        n = shift = 0
        while True:
            byte = self.number('B')
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n

    def row(self):
        return (str(ipaddress.IPv6Address(self.take(16)).ipv4_mapped or ipaddress.IPv6Address(self.data[self.at - 16:self.at])), self.number('Q'),
                self.number('q'), self.take(self.length()).decode(), self.take(self.length()), self.take(self.length()),
                [self.number('H') for _ in range(self.length())], self.number('d'), self.number('b'))

    def all(self):
        rows = []
        while self.at < len(self.data):
            rows.append(self.row())
        return rows


class Server:
    """A server that has the table; busy: it answers INSERTs with 503."""

    def __init__(self, port, columns=None, busy=False):
        self.rows, self.blocks, self.columns, self.busy, self.users, self.changed = [], 0, columns or COLUMNS, busy, set(), threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers['Content-Length']))
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get('query', [''])[0]
                status, text = outer.answer(query, body, self.headers['Authorization'])
                self.send_response(status)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, query, body, user):
        with self.changed:
            self.users.add(user)
            if not query:
                assert body.decode() == ("SELECT name, type FROM system.columns WHERE database = 'nemea' AND table = 'flows' "
                                         'FORMAT TabSeparatedRaw'), body
                return 200, ''.join(f'{name}\t{kind}\n' for name, kind in self.columns.items())
            assert query == 'INSERT INTO nemea.flows (SRC_IP,BYTES,TIME_LAST,NAME,MAC,DATA,PORTS,X,I) FORMAT RowBinary', query
            if self.busy:
                return 503, 'Code: 202. DB::Exception: Too many simultaneous queries\n'
            self.rows += Rows(body).all()
            self.blocks += 1
            self.changed.notify_all()
            return 200, ''

    def close(self):
        self.server.shutdown()
        self.server.server_close()


SERVER = '/usr/sbin/clickhouse-server'
SERVER_CONFIG = '''<?xml version="1.0"?>
<yandex>
   <logger><level>warning</level><log>{path}/log</log><errorlog>{path}/errors</errorlog></logger>
   <http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
   <path>{path}/data/</path><tmp_path>{path}/tmp/</tmp_path><users_config>{path}/users.xml</users_config>
   <default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>67108864</mark_cache_size>
</yandex>
'''
USERS = '''<?xml version="1.0"?>
<yandex>
   <profiles><default/></profiles>
   <users><writer><password>secret word</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></writer></users>
   <quotas><default/></quotas>
</yandex>
'''


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.ports = [self.w.free_port(), self.w.free_port()]
        values = [f'10.0.0.{i},{i},2024-01-01T00:00:00.5,"n{i}",01:02:03:04:05:06,00ff,[80|443],1.5,-7' for i in range(100)]
        values[7] = values[7].replace('10.0.0.7', '2001:db8::7').replace('"n7"', '"' + 'y' * 300 + '"')
        self.w.file('flows.csv', '\n'.join([FORMAT] + values) + '\n')
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows')[0], 0)
        self.expected = [(f'10.0.0.{i}', i, 1704067200500000000, f'n{i}', bytes(range(1, 7)), b'\0\xff', [80, 443], 1.5, -7) for i in range(100)]
        self.expected[7] = ('2001:db8::7', 7, 1704067200500000000, 'y' * 300) + self.expected[7][4:]

    def config(self, rows=30, blocks=64, delay=86400, more=''):
        self.w.file('c.yaml', CONFIG.format(first=self.ports[0], second=self.ports[1], rows=rows, blocks=blocks, delay=delay, more=more))


class StandIn(Case):
    def serve(self, which=0, **options):
        server = Server(self.ports[which], **options)
        self.addCleanup(server.close)
        return server

    def test_rows_of_all_types_in_blocks(self):
        server = self.serve()
        self.config()
        status, _, err = self.w.run('clickhouse', '-v', '-c', 'c.yaml', '-i', 'f:flows')
        self.assertEqual(status, 0, err)
        self.assertEqual(sorted(server.rows, key=lambda row: row[1]), self.expected)
        self.assertEqual(server.blocks, 4)
        self.assertEqual(server.users, {'Basic d3JpdGVyOnNlY3JldCB3b3Jk'})
        self.assertRegex(err, 'rows 100, blocks 4, blocks inserted 4, attempts failed 0, blocks rejected 0, blocks waiting 0, blocks lost 0')

    def test_the_next_server_takes_what_one_refuses(self):
        busy, other = self.serve(0, busy=True), self.serve(1)
        self.config(rows=1000)
        status, _, err = self.w.run('clickhouse', '-v', '-c', 'c.yaml', '-i', 'f:flows')
        self.assertEqual(status, 0, err)
        self.assertEqual((busy.rows, len(other.rows)), ([], 100))
        self.assertIn('the server answered with status 503: Code: 202. DB::Exception: Too many', err)

    def test_blocks_wait_in_the_spool_for_a_server(self):
        self.config(more='spool: waiting\nspoolSizeMB: 10')
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')
        self.w.wait_for(lambda: len(glob.glob(self.w.file('waiting/*.upload'))) == 4, 'the blocks of the file')
        process.send_signal(signal.SIGKILL)
        process.wait()
        server = self.serve()
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'u:nobody')
        self.w.wait_for(lambda: not glob.glob(self.w.file('waiting/*.upload')), 'the spool to be empty')
        self.w.end(process, signal.SIGTERM)
        self.assertEqual(sorted(server.rows, key=lambda row: row[1]), self.expected)

    def test_the_rest_is_sent_at_sigterm(self):
        server = self.serve()
        self.config(rows=1000000, more='spool: waiting')
        self.w.start('traffic_repeater', '-n', '-i', 'f:flows,u:sent')
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'u:sent', '--telemetry', 't')
        stats = self.w.file('t/module/stats')
        self.w.wait_for(lambda: os.path.exists(stats) and 'rows: 100\n' in self.w.read(stats), 'the rows')
        self.assertEqual(server.rows, [])
        status, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(status, 0, err)
        self.assertEqual(len(server.rows), 100)

    def test_a_block_that_is_not_full_does_not_wait_for_long(self):
        server = self.serve()
        self.config(rows=1000000, delay=1)
        self.w.start('traffic_repeater', '-n', '-i', 'f:flows,u:sent:autoflush=1000')
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'u:sent')
        self.w.wait_for(lambda: len(server.rows) == 100, 'the rows')
        self.assertEqual(self.w.end(process, signal.SIGTERM)[0], 0)

    def test_a_table_that_does_not_fit_is_told(self):
        self.config()
        server = self.serve(columns={**COLUMNS, 'BYTES': 'UInt32'})
        status, _, err = self.w.run('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')
        self.assertEqual(status, 1)
        self.assertIn('table nemea.flows: column BYTES: expected UInt64, it is UInt32; --print-table prints', err)
        server.columns = {'NAME': 'String'}
        self.assertIn('column SRC_IP: expected IPv6, it is missing', self.w.run('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')[2])
        status, out, _ = self.w.run('clickhouse', '-c', 'c.yaml', '-p')
        self.assertEqual(status, 0)
        self.assertRegex(out, r'CREATE TABLE nemea.flows\n\(\n    SRC_IP IPv6,\n(.*\n)*    I Int8\n\)\nENGINE = MergeTree\nPARTITION BY toDate\(TIME_LAST\)')

    def test_configurations_that_are_wrong(self):
        self.config()
        good = self.w.read('c.yaml')
        for old, new, message in (('blocks: 64', 'blocks: 0', 'line 13: blocks: expected a number from 1 to 65536'),
                                  ('table: flows', 'table: "a b"', 'line 11: table: "a b": expected letters, digits and _'),
                                  ('  table: flows', '', 'connection.table is missing'),
                                  ('inserterThreads', 'threads', 'line 12: unknown key "threads"'),
                                  ('uint64 BYTES', 'uint63 BYTES', 'columns: "uint63 BYTES": expected a type of UniRec and a name'),
                                  ('int8 I', 'int8 X', 'columns: X is there twice'),
                                  ('host: 127.0.0.1', 'host: "a/b"', 'line 3: host: "a/b" is no name and no address'),
                                  ('connection:', 'connection: [', 'line ')):
            self.w.file('c.yaml', good.replace(old, new, 1))
            status, _, err = self.w.run('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')
            self.assertEqual(status, 1)
            self.assertIn(message, err)


@unittest.skipUnless(os.path.exists(SERVER), 'there is no clickhouse-server')
class RealServer(Case):
    def setUp(self):
        super().setUp()
        os.makedirs(self.w.file('data'))
        self.w.file('users.xml', USERS)
        self.w.file('server.xml', SERVER_CONFIG.format(path=self.w.path, http=self.ports[0], tcp=self.ports[1]))
        self.serve()
        self.ask('CREATE DATABASE nemea')
        old = {'IPv6': 'FixedString(16)', 'DateTime64(9)': 'Int64'}
        columns = ', '.join(f'{name} {old.get(kind, kind)}' for name, kind in COLUMNS.items())
        self.ask(f'CREATE TABLE nemea.flows ({columns}) ENGINE = MergeTree ORDER BY TIME_LAST')

    def ask(self, query):
        request = urllib.request.Request(f'http://127.0.0.1:{self.ports[0]}/', query.encode(), {'Authorization': 'Basic d3JpdGVyOnNlY3JldCB3b3Jk'})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def is_there(self):
        try:
            return self.ask('SELECT 1') == '1\n'
        except (urllib.error.URLError, ConnectionError):
            self.assertIsNone(self.server.poll(), self.server.poll() and self.server.stderr.read())
            return False

    def serve(self):
        self.server = self.w.start(SERVER, f'--config-file={self.w.file("server.xml")}')
        self.w.wait_for(self.is_there, 'clickhouse-server')

    def rows(self):
        return self.ask('SELECT IPv6NumToString(SRC_IP), BYTES, TIME_LAST, NAME, MAC, DATA, PORTS, X, I FROM nemea.flows ORDER BY BYTES').splitlines()

    def stored(self):
        return ['\t'.join(map(str, (ip if ':' in ip else f'::ffff:{ip}', number, time, name, list(mac), list(data), ports, x, i))).replace(', ', ',')
                for ip, number, time, name, mac, data, ports, x, i in self.expected]

    def test_rows_arrive_as_they_were(self):
        self.config()
        status, _, err = self.w.run('clickhouse', '-v', '-c', 'c.yaml', '-i', 'f:flows')
        self.assertEqual(status, 0, err)
        self.assertRegex(err, 'rows 100, blocks 4, blocks inserted 4, attempts failed 0')
        self.assertEqual(self.rows(), self.stored())
        self.w.file('c.yaml', self.w.read('c.yaml').replace('uint64 BYTES', 'uint32 BYTES'))
        status, _, err = self.w.run('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')
        self.assertEqual(status, 1)
        self.assertIn('column BYTES: expected UInt32, it is UInt64', err)

    def test_a_server_that_is_killed_loses_nothing(self):
        self.config(rows=10, more='spool: waiting')
        self.server.kill()
        self.server.wait()
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'f:flows')
        self.w.wait_for(lambda: len(glob.glob(self.w.file('waiting/*.upload'))) == 10, 'blocks in the spool')
        process.kill()
        process.wait()
        self.serve()
        process = self.w.start('clickhouse', '-c', 'c.yaml', '-i', 'u:nobody')
        self.w.wait_for(lambda: not glob.glob(self.w.file('waiting/*.upload')), 'the spool to be empty')
        self.w.end(process, signal.SIGTERM)
        self.assertEqual(self.rows(), self.stored())


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
