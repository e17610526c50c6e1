# SPDX-License-Identifier: BSD-3-Clause
"""Receivers: a real Redis and a real syslog daemon (rsyslog). MongoDB and Warden, which Debian does not have, are stand-ins that speak
their wire protocols (OP_MSG with BSON; HTTPS with certificates of both sides). All are killed and started again."""

import collections
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import unittest

from report2idea import warden
from support import Case, alert, free_port, server, tell, wait_for
from test_mail import certificate

os.environ['PATH'] += os.pathsep + '/usr/sbin'
# Servers that were not built here run without a sanitizer's library.
PLAIN = {key: value for key, value in os.environ.items() if key not in ('LD_PRELOAD', 'LD_LIBRARY_PATH')}
RULES = '- {id: 1, condition: true, actions: [a]}\n'
QUICK = '{retry: 0.01, retry_max: 0.05, finish: 60}'
COUNT = int(os.environ.get('RECEIVERS_ALERTS', '1000'))  # of a test in which the receiver is killed


def importable(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False


class Killed(Case):
    def through_a_kill(self, config, kill, restart, got):
        """COUNT alerts, in the middle of which the receiver is killed and comes back."""
        for i in range(1, COUNT + 1):
            config.match(alert(i))
            if i == COUNT // 3:
                wait_for(lambda: config.counters()['a']['sent'] > 0, 'the first alerts: ' + self.logged.getvalue()[-300:])
                kill()
            if i == COUNT * 2 // 3:
                wait_for(lambda: config.counters()['a']['failures'], 'a failure')
                restart()
        wait_for(lambda: config.counters()['a']['sent'] == COUNT, 'all alerts')
        self.assertEqual({key: config.counters()['a'][key] for key in ('waiting', 'lost', 'rejected')}, {'waiting': 0, 'lost': 0, 'rejected': 0})
        wait_for(lambda: len(set(got())) == COUNT, 'all alerts at the receiver')
        tell(self, COUNT, len(got()) - COUNT)
        return got()


@unittest.skipUnless(shutil.which('rsyslogd'), 'needs rsyslog')
class Rsyslog(Killed):
    def start_daemon(self):
        conf = self.write('rsyslog.conf', f'''global(workDirectory="{self.dir}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{self.path('log')}" RateLimit.Interval="0" UseSpecialParser="off" ParseHostname="off")
template(name="all" type="string" string="%syslogpriority-text%|%syslogfacility-text%|%syslogtag%|%msg%\\n")
$MaxMessageSize 64k
action(type="omfile" file="{self.path('messages')}" template="all")
''')
        if os.path.exists(self.path('log')):
            os.unlink(self.path('log'))
        process = subprocess.Popen(['rsyslogd', '-n', '-f', conf, '-i', self.path('pid')], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=PLAIN)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_for(lambda: os.path.exists(self.path('log')), 'rsyslog')
        return process

    def messages(self):
        return self.read('messages').splitlines() if os.path.exists(self.path('messages')) else []

    def test_contents_and_kill(self):
        process = [self.start_daemon()]
        config = self.config(f'- {{id: a, syslog: {{socket: {self.path("log")}, identifier: reports, logoption: LOG_PID, facility: LOG_LOCAL3, '
                             'priority: LOG_WARNING}}\n', RULES, delivery=QUICK)

        def kill():
            process[0].terminate()  # in order: what rsyslog has read and not written is its own matter
            process[0].wait()
        self.through_a_kill(config, kill, lambda: process.append(self.start_daemon()), self.messages)
        # It may have read some of a batch before it ended; those come again.
        self.assertLess(len(self.messages()), COUNT + 9)
        for line in self.messages():
            priority, facility, tag, text = line.split('|', 3)
            self.assertEqual((priority, facility, tag), ('warning', 'local3', f'reports[{os.getpid()}]:'))
            json.loads(text)

    def test_no_line_of_ones_own(self):
        self.start_daemon()
        config = self.config(f'- {{id: a, syslog: {{socket: {self.path("log")}}}}}\n', RULES, delivery=QUICK)
        config.match(alert(1, Note='a\n<0>Jan  1 00:00:00 host kernel: panic\r\n\0é\u2028'))
        config.match(alert(2, Note='x' * 10**6))  # more than the socket takes
        config.match(alert(3))
        wait_for(lambda: len(self.messages()) == 2, 'two lines')
        self.assertEqual(json.loads(self.messages()[0].split('|', 3)[3])['Note'], 'a\n<0>Jan  1 00:00:00 host kernel: panic\r\n\0é\u2028')
        wait_for(lambda: config.counters()['a']['rejected'] == 1, 'the refusal')


@unittest.skipUnless(shutil.which('redis-server') and importable('redis'), 'needs redis-server and python3-redis')
class Redis(Case):
    def start_server(self, port, *options):
        import redis
        process = subprocess.Popen(['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--dir', self.dir, *options],
                                   stdout=subprocess.DEVNULL, env=PLAIN)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        client = redis.Redis('127.0.0.1', port)

        def ready():
            try:
                return client.ping()
            except redis.RedisError:
                return False
        return process, client, ready

    def test_counters(self):
        port = free_port()
        process, client, ready = self.start_server(port)
        with server(process, ready, 'redis'):
            client.set('nemea|test|old|True|x|file', 5)
            client.set('nemea|other|1|True|x|file', 7)
            config = self.config(f'- {{id: f, file: {{path: {self.path("out")}}}}}\n',
                                 '- {id: 1, condition: Category, actions: [f], elseactions: [drop]}\n- {id: 2, condition: Ref, elseactions: [f, drop]}\n',
                                 statistics=f'{{redis: {{host: 127.0.0.1, port: {port}, interval: 0.05}}}}')
            for i in range(3):
                config.match(alert(i))
            config.match(alert(9, Category=[]))
            expected = {b'nemea|test|1|True|f|file': b'3', b'nemea|test|1|False|drop|drop': b'1', b'nemea|test|2|False|f|file': b'3',
                        b'nemea|test|2|False|drop|drop': b'3', b'nemea|other|1|True|x|file': b'7'}
            wait_for(lambda: {key: client.get(key) for key in client.keys()} == expected, 'the counters')
        for i in range(4):
            config.match(alert(i))  # nobody waits for the server
        wait_for(lambda: 'Could not update statistics' in self.logged.getvalue(), 'the warning')
        process, client, ready = self.start_server(port)
        with server(process, ready, 'redis'):
            wait_for(lambda: client.get('nemea|test|1|True|f|file') == b'4', 'what was counted meanwhile')
            config.close()


    def test_killed_in_the_middle(self):
        """Reporting goes on, and what was counted meanwhile is added when the server is back; twice only what it was writing when it was killed."""
        port = free_port()
        process, client, ready = self.start_server(port, '--appendonly', 'yes', '--appendfsync', 'always')
        wait_for(ready, 'redis')
        config = self.config(f'- {{id: f, file: {{path: {self.path("out")}}}}}\n', '- {id: 1, condition: true, actions: [f]}\n',
                             statistics=f'{{redis: {{host: 127.0.0.1, port: {port}, interval: 0.05}}}}')
        for i in range(1, COUNT + 1):
            config.match(alert(i))
            if i == COUNT // 3:
                wait_for(lambda: client.get('nemea|test|1|True|f|file'), 'the first counts')
                process.kill()
                process.wait()
            if i == COUNT * 2 // 3:
                wait_for(lambda: 'Could not update statistics' in self.logged.getvalue(), 'the warning')
                process, client, ready = self.start_server(port, '--appendonly', 'yes', '--appendfsync', 'always')
        with server(process, ready, 'redis'):
            wait_for(lambda: int(client.get('nemea|test|1|True|f|file') or 0) >= COUNT, 'all counts')
            config.close()
            counted = int(client.get('nemea|test|1|True|f|file'))
        self.assertLess(counted, 2 * COUNT)
        tell(self, COUNT, counted - COUNT)
        self.assertEqual(len(self.lines()), COUNT)


class MongoHandler(socketserver.BaseRequestHandler):
    """Speaks the wire protocol of MongoDB 4.4: the hello (OP_QUERY and OP_MSG) and insert, with unique _id."""

    def exactly(self, size):
        data = b''
        while len(data) < size:
            part = self.request.recv(size - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def handle(self):
        import bson
        with self.server.lock:
            self.server.connections.append(self.request)
        try:
            while True:
                size, number, _, code = struct.unpack('<iiii', self.exactly(16))
                body = self.exactly(size - 16)
                if code == 2004:  # OP_QUERY
                    place = body.index(b'\0', 4) + 9
                    length = struct.unpack_from('<i', body, place)[0]
                    answer = bson.BSON.encode(self.answer(bson.BSON(body[place:place + length]).decode(), []))
                    reply = struct.pack('<iqii', 8, 0, 0, 1) + answer
                    self.request.sendall(struct.pack('<iiii', 16 + len(reply), 1, number, 1) + reply)
                else:
                    command, documents = self.sections(bson, body)
                    reply = struct.pack('<iB', 0, 0) + bson.BSON.encode(self.answer(command, documents))
                    self.request.sendall(struct.pack('<iiii', 16 + len(reply), 1, number, 2013) + reply)
        except (ConnectionError, OSError):
            pass

    @staticmethod
    def sections(bson, body):
        command, documents, place = {}, [], 4
        while place < len(body):
            kind, size = struct.unpack_from('<Bi', body, place)
            if kind == 0:
                command = bson.BSON(body[place + 1:place + 1 + size]).decode()
            else:
                inner = body.index(b'\0', place + 5) + 1
                documents += bson.decode_all(body[inner:place + 1 + size])
            place += 1 + size
        return command, documents + command.get('documents', [])

    def answer(self, command, documents):
        if 'insert' not in command:
            return {'ismaster': True, 'isWritablePrimary': True, 'maxBsonObjectSize': 16 << 20, 'maxMessageSizeBytes': 48000000,
                    'maxWriteBatchSize': 100000, 'minWireVersion': 0, 'maxWireVersion': 9, 'ok': 1.0}
        errors = []
        with self.server.lock:
            if not self.server.alive:
                raise ConnectionError
            for i, document in enumerate(documents):
                if document['_id'] in self.server.documents:
                    errors.append({'index': i, 'code': 11000, 'errmsg': 'duplicate key'})
                else:
                    self.server.documents[document['_id']] = document
            self.server.answers += 1
            if self.server.answers == 2:  # once the answer to a successful insert is lost
                raise ConnectionError
        return {'n': len(documents) - len(errors), 'ok': 1.0, **({'writeErrors': errors} if errors else {})}


class StandIn(socketserver.ThreadingTCPServer):
    """A server that can be killed: its port refuses, its connections end."""
    allow_reuse_address, daemon_threads = True, True

    def __init__(self, handler, port, documents=None, answers=0):
        super().__init__(('127.0.0.1', port), handler)
        self.lock, self.connections, self.alive = threading.Lock(), [], True
        self.documents, self.answers = documents if documents is not None else {}, answers
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def kill(self):
        with self.lock:
            self.alive = False
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@unittest.skipUnless(importable('pymongo'), 'needs python3-pymongo')
class Mongo(Killed):
    def test_documents_and_kill(self):
        first = StandIn(MongoHandler, free_port())
        port, servers = first.server_address[1], [first]
        config = self.config(f'- {{id: a, mongo: {{host: 127.0.0.1, port: {port}}}}}\n', RULES, delivery=QUICK)
        found = self.through_a_kill(config, first.kill, lambda: servers.append(StandIn(MongoHandler, port, first.documents, 9)),
                                    lambda: [document['ID'] for document in list(first.documents.values())])
        self.assertEqual(len(found), COUNT)  # once each, although an answer was lost
        document = next(iter(first.documents.values()))
        self.assertEqual(document['DetectTime'].isoformat(), '2026-03-01T10:05:00')
        config.match(alert(5000, **{'$set': {'a.b': 2**80}, 'DetectTime': 'never'}))
        wait_for(lambda: config.counters()['a']['sent'] == COUNT + 1, 'one with hostile keys')
        document = list(first.documents.values())[-1]
        self.assertEqual(document['\uff04set'], {'a\uff0eb': str(2**80)})
        servers[-1].kill()

    def test_without_pymongo(self):
        import sys
        saved = sys.modules.get('pymongo')
        sys.modules['pymongo'] = None
        try:
            config = self.config('- {id: a, mongo: }\n', RULES)
        finally:
            sys.modules['pymongo'] = saved
        self.assertTrue(config.match(alert()))
        self.assertEqual(self.logged.getvalue().count('Skipping mongo action, pymongo is not initialized.'), 1)


class WardenHandler(http.server.BaseHTTPRequestHandler):
    """Speaks Warden 3: POST /warden3/sendEvents."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def setup(self):
        self.request.do_handshake()
        super().setup()
        self.server.connections.append(self.request)

    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.server.requests[self.path] += 1
        bad = [i for i, event in enumerate(events) if event.get('Note') == 'bad']
        if self.server.refuse:
            status, answer = 403, {'errors': [{'error': 403, 'message': 'I\'m watching.'}]}
        elif bad:
            status, answer = 460, {'errors': [{'error': 460, 'message': 'Validation error', 'events': bad}]}
        else:
            status, answer = 200, {'saved': len(events)}
        if not self.server.refuse:
            for i, event in enumerate(events):
                if i not in bad:
                    self.server.documents[object()] = event  # of whichever server: one that was killed may still be at it
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Warden(Killed):
    def start_server(self, port, documents=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path('server.pem'), self.path('server.key'))
        context.load_verify_locations(self.path('client.pem'))
        context.verify_mode = ssl.CERT_REQUIRED

        class Server(StandIn):
            refuse = False
            requests = collections.Counter()

            def get_request(self):
                connection, address = self.socket.accept()
                return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address
        return Server(WardenHandler, port, documents)

    def test_events_and_kill(self):
        certificate(self.path('server'))
        certificate(self.path('client'))
        first = self.start_server(free_port())  # while it is away, no client gets its port, not even the one that asks for it
        port, servers = first.server_address[1], [first]
        path = self.write('warden.cfg', '# comment\n' + json.dumps({
            'url': f'https://localhost:{port}/warden3', 'certfile': self.path('client.pem'), 'keyfile': self.path('client.key'),
            'cafile': self.path('server.pem'), 'timeout': 60, 'name': 'org.example.test', 'errlog': {'level': 'debug'}}))
        config = self.config('- {id: a, warden: }\n', RULES, warden=warden.Client(path), delivery=QUICK)
        found = self.through_a_kill(config, first.kill, lambda: servers.append(self.start_server(port, first.documents)),
                                    lambda: [event['ID'] for event in list(first.documents.values())])
        # A request whose answer was lost comes again; Warden recognizes events by their IDs.
        self.assertLess(len(found), COUNT + 101)
        self.assertIn('/warden3/sendEvents?client=org.example.test', first.requests)
        servers[-1].refuse = True
        config.match(alert(5001))
        wait_for(lambda: "I'm watching" in self.logged.getvalue(), 'the refusal')
        servers[-1].refuse = False
        config.match(alert(5002, Note='bad'))
        config.match(alert(5003))
        wait_for(lambda: config.counters()['a']['rejected'] == 1 and config.counters()['a']['sent'] == COUNT + 2, 'one bad event among good ones')
        self.assertRegex(self.logged.getvalue(), '000000005002 is refused for good: 460: Validation error')
        servers[-1].kill()

    def test_configuration(self):
        for values in ({}, {'url': 'http://localhost'}, {'url': 'https://localhost', 'timeout': 0}, {'url': 'https://localhost', 'cafile': '/nowhere'}, []):
            self.assertRaises(warden.WardenError, warden.Client, self.write('w', json.dumps(values)))
        os.chmod(self.write('w', json.dumps({'url': 'https://localhost', 'secret': 'x'})), 0o644)
        self.assertRaisesRegex(warden.WardenError, '0600', warden.Client, self.path('w'))
        os.chmod(self.path('w'), 0o600)
        warden.Client(self.path('w'))
        self.assertRaises(warden.WardenError, warden.Client, self.path('none'))


if __name__ == '__main__':
    unittest.main()
