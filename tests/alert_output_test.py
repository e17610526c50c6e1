#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""alert_output: every format against its schema, and receivers that refuse, are killed, and come back.

usage: alert_output_test.py BIN_DIR [TEST]
"""

import contextlib
import glob
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

import event_schema
from event_schema import jsonschema
from programs import ROOT, Workspace

BIN = os.path.abspath(sys.argv.pop(1))
SCHEMAS = os.path.join(ROOT, 'modules', 'alert_output', 'schemas')
RECEIVERS = os.path.join(ROOT, 'tests', 'alert_receivers.py')
RSYSLOGD = shutil.which('rsyslogd', path=os.environ['PATH'] + ':/usr/sbin')
GUESSING = ('ipaddr DST_IP,ipaddr SRC_IP,time DETECTION_TIME,time TIME_FIRST,time TIME_LAST,uint32 EVENT_SCALE,uint16 DST_PORT,'
            'uint8 PROTOCOL,uint8 WARDEN_TYPE')
DDOS = ('ipaddr DST_IP,uint64 BYTES,uint32 EVENT_ID,time TIME_FIRST,time TIME_LAST\n'
        '198.51.100.7,123456,1,2026-03-01T10:00:00,2026-03-01T10:05:00\n')
MANY = int(os.environ.get('RECEIVERS_ALERTS', '2000'))  # alerts of a test in which something is killed
KILLS = 4
OSSL = glob.glob('/usr/lib/*/rsyslog/lmnsd_ossl.so') + glob.glob('/usr/lib64/rsyslog/lmnsd_ossl.so')
ONCE = ('--drain', '60000', '--attempts', '1')  # fails once
SETTLE = ('--settle', '6000', '--drain', '60000')  # longer than a receiver that is killed can have had messages in its memory
FAST = ('--retry-min', '20', '--retry-max', '100')


def validator(name):
    with open(os.path.join(SCHEMAS, name + '.schema.json'), encoding='utf-8') as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def address(i):
    return f'203.{i >> 16}.{i >> 8 & 255}.{i & 255}'


def rows(n):
    return ''.join(f'198.51.100.7,{address(i)},2026-03-01T10:00:13,2026-03-01T10:00:00,2026-03-01T10:00:13,67,22,6,2\n' for i in range(n))


class Case(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.place = self.found = 0  # of arrived()
        self.addCleanup(self.w.__exit__, None, None, None)

    def alerts(self, n, name='brute_force_detector'):
        """A file of n alerts, each another event."""
        csv = self.w.file(name + '.csv', GUESSING + '\n' + rows(n))
        status, out, err = self.w.run('logreplay', '-f', csv, '-i', f'f:{name}.trapcap')
        self.assertEqual(status, 0, out + err)
        return f'f:{name}.trapcap'

    def output(self, spec, *options, status=0):
        code, out, err = self.w.run('alert_output', '-i', spec, '-v', *options)
        self.assertEqual(code, status, err)
        return out, err

    def counters(self, text):
        return {name.strip(): int(value) for name, value in re.findall(r'([a-z][a-z, ]+?):? +(\d+)\b', text)}

    def receiver(self, kind, port, *files):
        process = self.w.start(sys.executable, RECEIVERS, kind, str(port), self.w.file('received'), *files)
        self.w.connect(port).close()
        return process

    def lines(self, name='received'):
        path = self.w.file(name)
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return file.read().splitlines()

    def arrived(self):
        """How many messages are there; reads only what is new."""
        path = self.w.file('received')
        if os.path.exists(path):
            with open(path, 'rb') as file:
                file.seek(self.place)
                new = file.read()
            self.place += len(new)
            self.found += new.count(b'\n')
        return self.found

    def wait_for_all(self):
        """Every alert, once or more."""
        wanted = {address(i) for i in range(MANY)}  # a receiver that is killed may leave a piece of a line, so there may be others
        self.w.wait_for(lambda: self.arrived() >= MANY and set(self.sources()) >= wanted, 'all messages')
        if 'RECEIVERS_ALERTS' in os.environ:
            print(f'{self.id()}: {MANY} alerts arrived, {len(self.sources()) - MANY} of them twice')

    def sources(self, name='received'):
        return re.findall(r'(?:src_ip\W+|src=)(203[0-9.]+)', '\n'.join(self.lines(name)))

    def certificates(self):
        """A CA, and a certificate of localhost that it has signed."""
        script = ('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2 && '
                  'openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out a.csr -subj /CN=localhost && '
                  'printf "subjectAltName=DNS:localhost" >a.ext && '
                  'openssl x509 -req -in a.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile a.ext -out cert.pem')
        subprocess.run(['sh', '-c', script], cwd=self.w.path, check=True, capture_output=True)
        return self.w.file('cert.pem'), self.w.file('key.pem')


class Formats(Case):
    def all_kinds(self, form):
        """The recorded alerts of the reporters whose input is JSON, and of detectors, in a format."""
        found = []
        for i, (detector, alert) in enumerate(ALERTS):
            text = json.dumps(alert)
            status, _, err = self.w.run('json_replay', '-i', f'f:{detector}-{i}.trapcap', '-f', 'alerts', self.w.file(f'{i}.json', text + '\n'))
            self.assertEqual(status, 0, err)
            out, _ = self.output(f'f:{detector}-{i}.trapcap', '-D', detector, '-f', form)
            found += out.splitlines()
        self.assertEqual(len(found), len(ALERTS))
        return found

    def test_eve(self):
        check = validator('eve')
        for line in self.all_kinds('eve'):
            event = json.loads(line)
            check.validate(event)
            event_schema.check(event['nemea'])

    def test_ocsf(self):
        check = validator('ocsf')
        for line in self.all_kinds('ocsf'):
            finding = json.loads(line)
            check.validate(finding)
            event_schema.check(finding['unmapped'])
            techniques = [a.get('sub_technique', a['technique'])['uid'] for a in finding['finding_info']['attacks']]
            self.assertEqual(techniques, finding['unmapped']['attack'])

    def test_event_and_idea(self):
        events, messages = self.all_kinds('event'), self.all_kinds('idea')
        for event, message in zip(map(json.loads, events), map(json.loads, messages)):
            event_schema.check(event)
            self.assertEqual(message['ID'].replace('-', ''), event['id'])

    def test_cef(self):
        for line in self.all_kinds('cef'):
            header = re.split(r'(?<!\\)\|', line)
            self.assertEqual((header[0], len(header) >= 8, header[1:3]), ('CEF:0', True, ['CESNET', 'NEMEA']))
            self.assertIn(int(header[6]), (3, 6, 9))
            pairs = dict(re.findall(r'(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*)(?= [A-Za-z0-9]+=|$)', '|'.join(header[7:])))
            self.assertRegex(pairs['externalId'], '^[0-9a-f]{32}$')
            self.assertTrue({'rt', 'start', 'end', 'msg', 'cs2Label'} <= set(pairs), pairs)

    def test_leef(self):
        for line in self.all_kinds('leef'):
            header = line.split('|', 6)
            self.assertEqual((header[0], header[5]), ('LEEF:2.0', 'x09'))
            pairs = dict(pair.split('=', 1) for pair in header[6].split('\t'))
            self.assertRegex(pairs['eventId'], '^[0-9a-f]{32}$')
            self.assertTrue({'devTime', 'devTimeFormat', 'cat', 'sev', 'msg'} <= set(pairs), pairs)


SCAN = {'SRC_IP': '203.0.113.9', 'DST_PORT': 23, 'PROTOCOL': 6, 'ADDR_CNT': 50, 'DST_IP0': '192.0.2.1', 'DST_IP1': '2001:db8::1',
        'TIME_FIRST': '2026-03-01T10:00:00.25', 'TIME_LAST': '2026-03-01T10:00:05'}
ALERTS = [
    ('haddrscan_detector', SCAN),
    ('ddos_detector', {'DST_IP': '198.51.100.7', 'BYTES': 12345, 'EVENT_ID': 1, 'TIME_FIRST': '2026-03-01T10:00:00', 'TIME_LAST': '2026-03-01T10:05:00'}),
    ('venom', {'SRC_IP': '2001:db8::1', 'DST_IP': '2001:db8::2', 'VENOM': 255, 'SRC_PORT': 4444, 'DST_PORT': 22, 'PROTOCOL': 6, 'TIME_FIRST': 5, 'TIME_LAST': 6}),
    ('idea2idea', {'Format': 'IDEA0', 'ID': 'x', 'DetectTime': '2016-06-21T13:08:27Z', 'Category': ['Recon.Scanning'], 'Description': 'a|b=c\\d\ne\tf',
                   'Node': [{'Name': 'evil|=\\\r\n\tsrc=1.2.3.4'}], 'Source': [{'IP4': ['203.0.113.9']}]}),
]


class Webhook(Case):
    def test_each_message_arrives_once(self):
        port = self.w.free_port()
        self.receiver('http', port)
        _, err = self.output(self.alerts(200), '-t', f'http://127.0.0.1:{port}/')
        self.assertEqual(self.sources(), [address(i) for i in range(200)])
        self.assertRegex(err, r'delivered\D+200\b')

    def test_several_in_a_request(self):
        port = self.w.free_port()
        self.receiver('http', port)
        self.output(self.alerts(250), '-t', f'http://127.0.0.1:{port}/', '-b', '100', '-f', 'ocsf')
        self.assertEqual(len(self.lines()), 250)

    def test_server_is_killed_and_comes_back(self):
        port, spec = self.w.free_port(), self.alerts(MANY)
        server = self.receiver('http', port)
        process = self.w.start('alert_output', '-i', spec, '-v', '-s', 'spool', '-t', f'http://127.0.0.1:{port}/', '--drain', '60000', *FAST)
        self.w.wait_for(lambda: self.arrived() > MANY // 10, 'some messages')
        self.w.end(server, signal.SIGKILL)
        self.receiver('http', port)
        code, _, err = self.w.end(process)
        self.assertEqual(code, 0, err)
        self.wait_for_all()
        self.assertLessEqual(len(self.sources()), MANY + 1)  # that which was answered by a kill

    def test_what_waits_is_in_the_spool_and_is_sent_later(self):
        port, spec = self.w.free_port(), self.alerts(300)
        _, err = self.output(spec, '-s', 'spool', '-t', f'http://127.0.0.1:{port}/', '--drain', '0')
        self.assertIn('300 messages wait in spool', err)
        self.receiver('http', port)
        self.output(self.alerts(0, 'empty_alerts'), '-D', 'brute_force_detector', '-s', 'spool', '-t', f'http://127.0.0.1:{port}/', *FAST)
        self.assertEqual(self.sources(), [address(i) for i in range(300)])

    def test_killed_it_loses_nothing_that_it_took(self):
        port, spec = self.w.free_port(), self.alerts(500)
        process = self.w.start('alert_output', '-i', spec, '-s', 'spool', '-t', f'http://127.0.0.1:{port}/', '--drain', '600000', '--retry-min', '600000', '--retry-max', '600000')
        self.w.wait_until_blocked(process)
        self.w.end(process, signal.SIGKILL)
        self.receiver('http', port)
        self.output(self.alerts(0, 'empty_alerts'), '-D', 'brute_force_detector', '-s', 'spool', '-t', f'http://127.0.0.1:{port}/', *FAST)
        self.assertEqual(set(self.sources()), {address(i) for i in range(500)})

    def test_full_spool_drops_and_counts(self):
        spec = self.alerts(MANY)
        _, err = self.output(spec, '-s', 'spool', '--spool-size', '1', '-t', f'http://127.0.0.1:{self.w.free_port()}/', '--drain', '0')
        waiting, dropped = (int(re.search(name + r'\D+(\d+)', err).group(1)) for name in (r'(?m)^.*\bwaiting\b', 'dropped, spool full'))
        self.assertGreater(dropped, 0)
        self.assertEqual(waiting + dropped, MANY)
        self.assertEqual(os.path.getsize(self.w.file('spool')), (1 << 20) + 4096)

    def test_answers(self):
        port, spec = self.w.free_port(), self.alerts(3)
        self.receiver('http', port)
        _, err = self.output(spec, '-t', f'http://127.0.0.1:{port}/redirect', *ONCE, status=1)
        self.assertIn('status 302, and redirects are not followed', err)
        _, err = self.output(spec, '-t', f'http://127.0.0.1:{port}/busy', *ONCE, status=1)
        self.assertIn('status 503; 3 messages were not delivered', err)
        _, err = self.output(spec, '-t', f'http://127.0.0.1:{port}/refused', *FAST)
        self.assertRegex(err, r'rejected by the receiver\D+3\b')
        self.assertEqual(self.lines(), [])

    def test_one_of_a_batch_is_refused(self):
        port = self.w.free_port()
        self.receiver('http', port)
        spec = self.alerts(20)
        os.remove(self.w.file('brute_force_detector.trapcap'))
        csv = self.w.read('brute_force_detector.csv').replace(',203.0.0.7,', ',203.0.113.13,')
        self.w.run('logreplay', '-f', self.w.file('other.csv', csv), '-i', spec)
        _, err = self.output(spec, '-t', f'http://127.0.0.1:{port}/refuse-some', '-b', '10')
        self.assertEqual(sorted(self.sources()), sorted(address(i) for i in range(20) if i != 7))
        self.assertRegex(err, r'rejected by the receiver\D+1\b')

    def test_tls_and_secrets(self):
        cert, key = self.certificates()
        port, spec = self.w.free_port(), self.alerts(2)
        self.receiver('http', port, cert, key)
        url = f'https://localhost:{port}/token'
        headers = self.w.file('headers', 'Authorization: Bearer secret\n')
        os.chmod(headers, 0o644)
        _, err = self.output(spec, '-t', url, '--ca', 'ca.crt', '--header-file', headers, status=1)
        self.assertIn('mode 0600, not 0644', err)
        os.chmod(headers, 0o600)
        self.output(spec, '-t', url, '--ca', 'ca.crt', '--header-file', headers)
        self.assertEqual((len(self.lines()), self.lines('received.token')), (2, ['Bearer secret'] * 2))
        _, err = self.output(spec, '-t', url, *ONCE, status=1)
        self.assertIn('certificate', err)
        _, err = self.output(spec, '-t', f'https://127.0.0.1:{port}/', '--ca', 'ca.crt', *ONCE, status=1)
        self.assertIn('127.0.0.1', err)
        _, err = self.output(spec, '-t', f'http://127.0.0.1:{port}/', '--header-file', headers, status=1)
        self.assertIn('https:// only', err)
        self.assertEqual(len(self.lines()), 2)


class Syslog(Case):
    def rsyslog(self, port, tls=False):
        driver = f'''global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{self.w.file('ca.crt')}"
       defaultNetstreamDriverCertFile="{self.w.file('cert.pem')}" defaultNetstreamDriverKeyFile="{self.w.file('key.pem')}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")'''
        config = self.w.file('rsyslog.conf', f'''
{driver if tls else 'module(load="imtcp")'}
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="line" type="string" string="%msg%\\n")
action(type="omfile" file="{self.w.file('received')}" template="line" flushOnTXEnd="on")
''')
        process = self.w.start(RSYSLOGD, '-n', '-f', config, '-i', self.w.file('rsyslog.pid'))
        self.w.connect(port).close()
        return process

    def through_a_stop(self, tls, how, url, *options):
        """rsyslog is stopped or killed in the middle; what it had not taken, or may have had in its memory, comes again."""
        spec = self.alerts(MANY)
        server = self.rsyslog(self.port, tls)
        process = self.w.start('alert_output', '-i', spec, '-v', '-s', 'spool', '-f', 'cef', '-t', url, *SETTLE, *FAST, *options)
        self.w.wait_for(lambda: self.arrived() > 0, 'some messages')
        self.w.end(server, how)
        self.rsyslog(self.port, tls)
        code, _, err = self.w.end(process)
        self.assertEqual(code, 0, err)
        self.wait_for_all()

    @unittest.skipUnless(RSYSLOGD, 'rsyslogd is not installed')
    def test_rsyslog_is_stopped_and_comes_back(self):
        self.port = self.w.free_port()
        self.through_a_stop(False, signal.SIGTERM, f'syslog+tcp://127.0.0.1:{self.port}')

    @unittest.skipUnless(RSYSLOGD, 'rsyslogd is not installed')
    def test_rsyslog_is_killed_and_comes_back(self):
        self.port = self.w.free_port()
        self.through_a_stop(False, signal.SIGKILL, f'syslog+tcp://127.0.0.1:{self.port}')

    @unittest.skipUnless(RSYSLOGD and OSSL, 'rsyslogd with its TLS driver (rsyslog-openssl) is not installed')
    def test_rsyslog_over_tls_is_killed_and_comes_back(self):
        self.certificates()
        self.port = self.w.free_port()
        self.through_a_stop(True, signal.SIGKILL, f'syslog+tls://localhost:{self.port}', '--ca', 'ca.crt')

    def connections(self, port, read):
        """A server in this process: read(connection, which) is called for one connection after another."""
        listener = socket.create_server(('127.0.0.1', port))
        self.addCleanup(listener.close)

        def serve():
            for which in itertools.count():
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed
                    return
                with connection:
                    read(connection, which)

        threading.Thread(target=serve, daemon=True).start()

    def test_at_the_end_too_messages_settle(self):
        """The first connection ends as that of a receiver which is killed after it has read all and stored nothing."""
        port, n, found = self.w.free_port(), 20, [b'', b'']

        def read(connection, which):
            connection.settimeout(1 if which == 0 else None)
            with contextlib.suppress(socket.timeout):
                while part := connection.recv(65536):
                    found[which] += part

        self.connections(port, read)
        _, err = self.output(self.alerts(n), '-s', 'spool', '-f', 'cef', '-t', f'syslog+tcp://127.0.0.1:{port}', '--settle', '3000', *FAST)
        self.assertRegex(err, r'delivered\D+20\b')
        self.assertRegex(err, r'attempts failed\D+1\b')
        self.assertEqual([len(re.findall(rb'src=203', text)) for text in found], [n, n])

    def test_without_time_to_settle_the_end_of_the_connection_confirms(self):
        port, n, found = self.w.free_port(), 20, []

        def read(connection, _):
            while part := connection.recv(65536):
                found.append(part)

        self.connections(port, read)
        _, err = self.output(self.alerts(n), '-s', 'spool', '-f', 'cef', '-t', f'syslog+tcp://127.0.0.1:{port}', '--settle', '3600000',
                             '--drain', '1500', *FAST)
        self.assertRegex(err, r'delivered\D+20\b')
        self.assertRegex(err, r'waiting\D+0\b')
        self.assertEqual(len(re.findall(rb'src=203', b''.join(found))), n)

    def test_octet_counting_and_tls(self):
        cert, key = self.certificates()
        port, spec = self.w.free_port(), self.alerts(500)
        self.receiver('syslog', port, cert, key)
        self.output(spec, '-f', 'leef', '-t', f'syslog+tls://localhost:{port}', '--ca', 'ca.crt', '--host', 'sensor', '--facility', '4')
        self.w.wait_for(lambda: len(self.lines()) == 500, 'all messages')
        self.assertEqual(self.sources(), [address(i) for i in range(500)])
        self.assertRegex(self.lines()[0], r'^<36>1 20\d\d-\d\d-\d\dT[0-9:.]+Z sensor nemea - password-guessing - LEEF:2\.0\|')
        for url, options, text in ((f'syslog+tls://localhost:{port}', (), 'TLS: '),
                                   (f'syslog+tls://127.0.0.1:{port}', ('--ca', 'ca.crt'), 'mismatch')):
            _, err = self.output(spec, '-t', url, *options, *ONCE, status=1)
            self.assertIn(text, err)
        self.assertEqual(len(self.lines()), 500)

    def test_receiver_is_killed_and_comes_back(self):
        port, spec = self.w.free_port(), self.alerts(MANY)
        server = self.receiver('syslog', port)
        process = self.w.start('alert_output', '-i', spec, '-v', '-s', 'spool', '-f', 'cef', '-t', f'syslog+tcp://127.0.0.1:{port}',
                               *SETTLE, *FAST)
        self.w.wait_for(lambda: self.arrived() > 0, 'some messages')
        self.w.end(server, signal.SIGKILL)
        self.receiver('syslog', port)
        code, _, err = self.w.end(process)
        self.assertEqual(code, 0, err)
        self.wait_for_all()


class Resumed(Case):
    """alert_output itself is killed, again and again; its input has resume=."""

    def through_kills(self, *options):
        port = self.w.free_port()
        self.receiver('http', port)
        sender = self.w.start('logreplay', '-n', '-f', '-', '-i', 'u:brute_force_detector:timeout=WAIT', stdin=subprocess.PIPE)
        sender.stdin.write(GUESSING + '\n')
        threading.Thread(target=lambda: sender.stdin.write(rows(MANY)) and sender.stdin.flush(), daemon=True).start()
        command = ('alert_output', '-v', '-i', 'u:brute_force_detector:resume=siem', '-t', f'http://127.0.0.1:{port}/', *FAST, *options)
        for i in range(KILLS):
            process = self.w.start(*command)
            self.w.wait_for(lambda i=i: self.arrived() >= (i + 1) * MANY // (KILLS + 1), 'some messages')
            self.w.end(process, signal.SIGKILL)
        process = self.w.start(*command)
        self.wait_for_all()
        status, _, err = self.w.end(process, signal.SIGTERM)
        self.assertEqual(status, 0, err)
        return self.sources(), err

    def test_with_a_spool_file_only_what_was_on_its_way_comes_twice(self):
        found, _ = self.through_kills('-s', 'spool')
        self.assertEqual(set(found), {address(i) for i in range(MANY)})
        self.assertLessEqual(len(found), MANY + KILLS)  # one request each

    def test_without_one_what_was_delivered_is_acknowledged_soon(self):
        """Of 300 messages that were delivered before the receiver hung and alert_output was killed, only the last few come again."""
        port, n, delivered = self.w.free_port(), 500, 300
        server = self.receiver('http', port)
        sender = self.w.start('logreplay', '-n', '-f', '-', '-i', 'u:brute_force_detector:timeout=WAIT', stdin=subprocess.PIPE)
        sender.stdin.write(GUESSING + '\n' + rows(n))
        sender.stdin.flush()
        command = ('alert_output', '-i', 'u:brute_force_detector:resume=siem', *FAST, '-t')
        process = self.w.start(*command, f'http://127.0.0.1:{port}/hold-{delivered}')
        self.w.wait_for(lambda: self.arrived() == delivered, 'the messages before the receiver hangs')
        awake = self.w.switches(process)
        self.w.wait_for(lambda: self.w.switches(process) > awake + 10, 'some looks at what was delivered')
        self.w.end(process, signal.SIGKILL)
        self.w.end(server, signal.SIGKILL)
        self.receiver('http', port)
        process = self.w.start(*command, f'http://127.0.0.1:{port}/')
        self.w.wait_for(lambda: self.arrived() >= n and len(set(self.sources())) == n, 'all messages')
        self.w.end(process, signal.SIGTERM)
        self.assertLessEqual(len(self.sources()), n + 8)  # MARK_EVERY

    def test_without_one_nothing_is_lost(self):
        found, _ = self.through_kills()
        self.assertEqual(set(found), {address(i) for i in range(MANY)})


class Documentation(Case):
    """The commands of docs/siem.md, against receivers of this test in place of those that they name."""

    def commands(self):
        with open(os.path.join(ROOT, 'docs', 'siem.md'), encoding='utf-8') as file:
            text = file.read()
        return text, [shlex.split(line) for line in re.findall(r'^    (nemea .*?)(?: &)?$', text.replace('\\\n', ''), re.M)]

    def test_options_of_the_table_deliver_to_such_receivers(self):
        """Format and destination of each row: a file, an HTTPS server with a token, syslog over TCP and TLS."""
        cert, key = self.certificates()
        text, _ = self.commands()
        rows = re.findall(r'^\|[^|]+\| `(-f [^`]+)`', text, re.M)
        self.assertGreater(len(rows), 5)
        os.chmod(self.w.file('siem.headers', 'Authorization: Bearer secret\n'), 0o600)
        ports = {kind: self.w.free_port() for kind in ('https', 'syslog+tls', 'syslog+tcp')}
        self.receiver('http', ports['https'], cert, key)
        self.receiver('syslog', ports['syslog+tls'], cert, key)
        self.receiver('syslog', ports['syslog+tcp'])
        spec, arrived = self.alerts(3), 0
        for row in rows:
            with self.subTest(row):
                words = shlex.split(row)
                for i, word in enumerate(words):
                    words[i] = re.sub(r'^(https|syslog\+tls|syslog\+tcp)://[^/]*', lambda m: f'{m.group(1)}://localhost:{ports[m.group(1)]}', word)
                    words[i] = re.sub(r'^/(var/log|etc)/nemea/(siem-)?', self.w.file(''), words[i])
                    words[i] = words[i].replace(self.w.file('headers'), self.w.file('siem.headers'))
                    words[i] = words[i].replace(self.w.file('ca.pem'), self.w.file('ca.crt'))
                to_file = '-t' not in words or '://' not in words[words.index('-t') + 1]
                if '-t' in words and words[words.index('-t') + 1].startswith('https'):
                    words += ['--ca', 'ca.crt']
                before = len(self.lines('eve.json'))
                out, _ = self.output(spec, *words)
                if to_file:
                    self.assertEqual(len(out.splitlines()) + len(self.lines('eve.json')) - before, 3)
                else:
                    arrived += 3
                    self.w.wait_for(lambda n=arrived: self.arrived() == n, 'the messages')  # n: of this row

    def test_commands(self):
        """Detectors and alert_output as they are started there; what alert_output gets is in the file."""
        port = self.w.free_port()
        self.receiver('http', port)
        _, commands = self.commands()
        outputs = [c[1:] for c in commands if c[1] == 'alert_output']
        self.assertEqual([c[1] for c in commands if c[1] != 'alert_output'], ['vportscan_detector', 'ddos_detector'])
        self.assertEqual(len(outputs), 2)
        for words in outputs:
            with self.subTest(' '.join(words)):
                words = [re.sub(r'/var/(log|lib)/nemea/', self.w.file(''), re.sub(r'^https://[^/]*', f'http://127.0.0.1:{port}', word)) for word in words]
                if '--header-file' in words:  # https:// only, see Webhook.test_tls_and_secrets
                    del words[words.index('--header-file'):words.index('--header-file') + 2]
                process = self.w.start(*words)
                sender = self.w.start('logreplay', '-n', '-f', '-', '-i', 'u:ddos_detector:timeout=WAIT', stdin=subprocess.PIPE)
                sender.stdin.write(DDOS)
                sender.stdin.flush()
                self.w.wait_for(lambda: len(self.lines('eve.json')) + self.arrived() > 0, 'an alert')
                self.assertEqual(self.w.end(process, signal.SIGTERM)[0], 0)
                self.w.end(sender, signal.SIGKILL)
                self.w.file('eve.json', '')


class Rest(Case):
    def test_several_inputs_of_any_kind_to_a_file(self):
        self.w.file('idea.json', json.dumps(ALERTS[3][1]) + '\n')
        self.w.run('json_replay', '-i', 'f:idea.trapcap', '-f', 'IDEA', self.w.file('idea.json'))
        self.output(self.alerts(3) + ',f:idea.trapcap', '-t', 'out', '-f', 'event')
        self.assertEqual(sorted(json.loads(line)['detector'] for line in self.lines('out')), ['brute_force_detector'] * 3 + ['idea2idea'])

    def test_detectors_do_not_wait_for_a_receiver(self):
        """A receiver that takes nothing: the sender of alerts ends all the same, though it waits for its readers."""
        port = self.w.free_port()
        with self.w_listening(port):
            output = self.w.start('alert_output', '-i', 'u:brute_force_detector', '-D', 'brute_force_detector', '-e', '--spool-size', '1', '--drain', '0',
                                  '-t', f'http://127.0.0.1:{port}/')
            self.alerts(MANY)
            code, _, err = self.w.run('logreplay', '-f', 'brute_force_detector.csv', '-i', 'u:brute_force_detector:timeout=WAIT')
            self.assertEqual(code, 0, err)
            self.w.end(output, signal.SIGTERM)

    def w_listening(self, port):
        """A socket that accepts connections and reads nothing."""
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', port))
        s.listen(16)
        return s

    def test_clear_errors(self):
        spec = self.alerts(1)
        for options, text in ((('-t', 'ftp://x'), 'expected a file, http://'), (('-t', 'syslog+tcp://x'), 'expected HOST:PORT'),
                              (('-t', '/nowhere/x'), 'No such file'), (('-D', 'nobody'), '"nobody" is no detector'),
                              (('-D', 'venom,venom'), '2 names for 1 inputs'), (('--key', 'x'), 'expected both'),
                              (('-s', '/nowhere/x'), 'spool /nowhere/x: open: No such file'), (('-f', 'xml'), 'xml')):
            _, err = self.output(spec, *options, status=1)
            self.assertIn(text, err)
        self.w.file('other.csv', 'ipaddr A\n192.0.2.1\n')
        self.w.run('logreplay', '-f', 'other.csv', '-i', 'f:other.trapcap')
        _, err = self.output('f:other.trapcap', status=1)
        self.assertIn('name the detectors of all inputs with --detectors', err)


if __name__ == '__main__':
    unittest.main()
