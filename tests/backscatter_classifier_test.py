#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""backscatter_classifier: the vectors that its model has not seen, and events that go to a real server over HTTP.

usage: backscatter_classifier_test.py BIN_DIR
"""

import base64
import csv
import http.server
import json
import os
import subprocess
import sys
import threading
import unittest

from geo_database import database
from programs import Workspace

BIN = None
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRAINING = os.path.join(ROOT, 'detectors/backscatter_classifier/training')
TYPES = {'PROTOCOL': 'uint8', 'EXPORT': 'uint8', 'POSIX_START': 'uint32', 'POSIX_END': 'uint32', 'SRC_IP': 'ipaddr',
         'SRC_PORT_1': 'uint16', 'SRC_PORT_2': 'uint16', 'SRC_PORT_3': 'uint16',
         'PPF_AVG': 'float', 'PPF_STD': 'float', 'BYTES_AVG': 'float', 'BYTES_STD': 'float'}
FLOOD = {'SRC_IP': '192.0.2.7', 'PROTOCOL': 6, 'POSIX_START': 1700000000, 'POSIX_END': 1700000060, 'FLOW_COUNT': 600, 'PACKET_COUNT': 600,
         'BYTES': 24000, 'UNIQUE_DST_IPS': 600, 'UNIQUE_DST_PORTS': 595, 'UNIQUE_SRC_PORTS': 1, 'UNIQUE_DST_24_SUBNETS': 500, 'SRC_PORT_1': 443,
         'SRC_PORT_1_COUNT': 600, 'PPF_AVG': 1, 'PPF_STD': 0, 'BYTES_AVG': 40, 'BYTES_STD': 0, 'RST': 0, 'ACKSYN': 600, 'MAX_FPM': 60,
         'SRC_PORT_2_COUNT': 0, 'SRC_PORT_3_COUNT': 0}


class Server(http.server.ThreadingHTTPServer):
    """Takes events; answers[] are the statuses of the first answers, 200 follows; -1: never answers."""

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(('127.0.0.1', 0), Handler)
        self.answers, self.requests, self.hold = list(answers), [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *error):
        self.hold.set()
        self.shutdown()
        super().__exit__(*error)

    def url(self):
        return f'http://127.0.0.1:{self.server_port}'


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.requests.append((self.path, dict(self.headers), body))
        if status < 0:
            self.server.hold.wait()
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"message": "no"}')

    def log_message(self, *arguments):
        pass


class Classifier(unittest.TestCase):
    """Runs the program."""

    def setUp(self):
        self.w = Workspace(BIN)
        self.w.__enter__()
        self.addCleanup(self.w.__exit__, None, None, None)

    def write(self, name, data, mode=0o600):
        path = os.path.join(self.w.path, name)
        with open(path, 'wb') as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def vectors(self, rows):
        names = list(rows[0])
        self.write('in.csv', '\n'.join([','.join(f'{TYPES.get(name, "uint64")} {name}' for name in names)] +
                                       [','.join(str(row[name]) for name in names) for row in rows]) + '\n')
        self.assertEqual(self.w.run('logreplay', '-d', '-f', 'in.csv', '-i', 'f:vectors:w')[0], 0)

    def classify(self, *options, out=True):
        return self.w.run('backscatter_classifier', '-v', '--logfile', 'log', '-i', 'f:vectors' + (',f:alerts:w' if out else ''), *options)

    def test_vectors_that_the_model_has_not_seen(self):
        with open(os.path.join(TRAINING, 'held-out.csv'), encoding='ascii', newline='') as file:
            rows = list(csv.DictReader(file))
        labels = {}
        for number, row in enumerate(rows):
            row['SRC_IP'] = f'11.0.{number // 256}.{number % 256}'
            labels[row['SRC_IP']] = row.pop('LABEL')
            del row['SERVER']
        self.vectors(rows)
        self.assertEqual(self.classify('--max_duration', '100000', '--min_duration', '0')[0], 0)
        found = [line.split(',')[0] for line in self.w.run('logger', '-i', 'f:alerts')[1].splitlines()]
        hits = [labels[address] for address in found]
        self.assertEqual(hits.count('0'), 0)
        self.assertGreater(hits.count('1'), 0.9 * list(labels.values()).count('1'))

    def test_training_gives_the_model(self):
        made = subprocess.run([sys.executable, os.path.join(TRAINING, 'train.py'), os.path.join(TRAINING, 'training.csv')], check=True,
                              stdout=subprocess.PIPE).stdout
        with open(os.path.join(TRAINING, '../backscatter.model'), 'rb') as file:
            self.assertEqual(made, file.read())

    def test_event_arrives_after_an_error(self):
        self.write('key', 'secret\n')
        self.write('as.mmdb', database({'autonomous_system_number': 64500, 'autonomous_system_organization': 'Example "Net"'}))
        self.write('city.mmdb', database({'city': {'names': {'en': 'Brno'}}, 'country': {'names': {'en': 'Czechia'}}}))
        self.vectors([FLOOD])
        databases = ['--agp', 'as.mmdb', '--cgp', 'city.mmdb']
        if 'built without libmaxminddb' in self.classify(*databases, out=False)[2]:
            databases = []
        with Server(503) as server:
            status, _, err = self.classify('--export_to', 'misp', '--url', server.url(), '--key_file', 'key', *databases, out=False)
            self.assertEqual(status, 0, err)
            self.assertEqual([path for path, _, _ in server.requests], ['/events/add'] * 2)
            _, headers, body = server.requests[1]
        self.assertEqual((headers['Authorization'], headers['Content-Type']), ('secret', 'application/json'))
        event = json.loads(body)['Event']
        self.assertEqual((event['date'], event['info']), ('2023-11-14', 'DDoS attack with forged sources on 192.0.2.7'))
        ddos, *more = ({a['object_relation']: a['value'] for a in one['Attribute']} for one in event['Object'])
        self.assertEqual((ddos['ip-dst'], ddos['dst-port'], ddos['protocol'], ddos['first-seen']), ('192.0.2.7', '443', 'TCP', '2023-11-14T22:13:20+00:00'))
        self.assertGreater(int(ddos['total-pps']), 10000)
        self.assertEqual(more, [{'name': 'Example "Net"', 'role': 'Victim', 'alias': 'AS64500', 'address': 'Brno, Czechia'}] if databases else [])
        self.assertRegex(err, 'status 503; it is tried again')
        with open(os.path.join(self.w.path, 'log'), encoding='utf-8') as file:
            self.assertIn('192.0.2.7 protocol 6 port 443: 600 flows in 60 s', file.read())

    def test_templates_of_a_directory(self):
        for name, version in ('ddos', 9), ('organization', 8):
            os.makedirs(os.path.join(self.w.path, 'templates', name))
            self.write(f'templates/{name}/definition.json', json.dumps({'uuid': f'{name}-id', 'meta-category': 'network', 'version': version}))
        self.write('key', 'k')
        self.vectors([FLOOD])
        with Server() as server:
            self.assertEqual(self.classify('--export_to', 'misp', '--url', server.url() + '/', '--key_file', 'key', '--misp_templates_dir', 'templates')[0], 0)
            event = json.loads(server.requests[0][2])['Event']
        self.assertEqual((event['Object'][0]['template_uuid'], event['Object'][0]['template_version']), ('ddos-id', '9'))

    def test_refused_events_are_not_sent_again(self):
        self.write('key', 'k')
        self.vectors([FLOOD, dict(FLOOD, SRC_IP='192.0.2.8')])
        with Server(403) as server:
            status, _, err = self.classify('--export_to', 'misp', '--url', server.url(), '--key_file', 'key')
            self.assertEqual((status, len(server.requests)), (0, 2), err)
        self.assertRegex(err, 'refuses a report with status 403')

    def test_spool_keeps_events_for_the_next_run(self):
        self.write('key', 'k')
        os.mkdir(os.path.join(self.w.path, 'spool'))
        self.vectors([FLOOD])
        options = '--export_to', 'misp', '--key_file', 'key', '--spool', 'spool', '--last', '0'
        status, _, err = self.classify(*options, '--url', f'http://127.0.0.1:{self.w.free_port()}')
        self.assertEqual(status, 0, err)
        kept = os.listdir(os.path.join(self.w.path, 'spool'))
        self.assertEqual(len(kept), 1, err)
        self.vectors([dict(FLOOD, FLOW_COUNT=1)])
        with Server() as server:
            self.classify(*options[:-1], '30', '--url', server.url())
            self.assertEqual(len(server.requests), 1)
            self.assertIn('192.0.2.7', server.requests[0][2].decode())
        self.assertEqual(os.listdir(os.path.join(self.w.path, 'spool')), [])

    def test_silent_server_does_not_hold_up_the_end(self):
        self.write('key', 'k')
        self.vectors([FLOOD])
        with Server(-1) as server:
            status, _, err = self.classify('--export_to', 'misp', '--url', server.url(), '--key_file', 'key', '--last', '1')
        self.assertEqual(status, 0)
        self.assertRegex(err, '1 reports were not sent')

    def test_c3isp_and_misp(self):
        self.vectors([FLOOD])
        with Server() as portal, Server() as misp:
            self.write('servers.ini', f'[DEFAULT]\nserver_uri = {portal.url()}/up\nportal_user = u\nportal_pass = p\ndsa = DSA-7\nmisp_key = mk\n')
            status, _, err = self.classify('--export_to', 'c3isp-misp', '--url', misp.url())
            self.assertEqual(status, 0, err)
            path, headers, body = portal.requests[0]
            self.assertEqual((path, headers['Authorization']), ('/up', 'Basic ' + base64.b64encode(b'u:p').decode()))
            self.assertIn(b'DSA-7', body)
            self.assertIn(b'"ip-dst"', body)
            self.assertEqual(misp.requests[0][1]['Authorization'], 'mk')

    def test_secrets_that_others_can_read_are_refused(self):
        self.write('key', 'k', 0o644)
        self.vectors([FLOOD])
        status, _, err = self.classify('--export_to', 'misp', '--url', 'http://127.0.0.1:9', '--key_file', 'key')
        self.assertEqual(status, 3)
        self.assertIn('mode 0644', err)

    def test_pickles_are_refused(self):
        self.write('old.pickle', b'\x80\x04\x95\x10')
        self.vectors([FLOOD])
        status, _, err = self.classify('--model', 'old.pickle')
        self.assertEqual(status, 3)
        self.assertIn('old.pickle: a Python pickle', err)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
