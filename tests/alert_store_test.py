#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of alert_store and nemea alerts with real processes.

usage: alert_store_test.py BIN_DIR
"""

import csv
import hashlib
import io
import json
import os
import random
import re
import select
import shlex
import signal
import socket
import sqlite3
import sys
import unittest

import event_schema
from programs import ROOT, Workspace

BIN = None
HEADER = 'ipaddr DST_IP,ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint32 PORT_CNT,uint8 PROTOCOL\n'
SOCKET = 'trap-alert_store.sock'
RUN_PARTS = 1024


def alert(target, source='192.0.2.1', minute=0, ports=60):
    begin = f'2026-01-01T{minute // 60 % 24:02}:{minute % 60:02}'
    return f'{target},{source},{begin}:00,{begin}:30,{ports},6\n'


class AlertStore(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def store(self, *options, name='vportscan_detector'):
        process = self.w.start('alert_store', '-v', '-d', 'events.db', '-i', f'u:{name}:resume=store', *options)
        self.w.connect(self.w.file(SOCKET)).close()
        return process

    def sender(self, text, name='vportscan_detector', params='timeout=WAIT'):
        """Sends alerts, and keeps them until its input is closed."""
        process = self.w.start('logreplay', '-n', '-f', '-', '-i', f'u:{name}:{params}', stdin=-1)
        process.stdin.write(HEADER + text)
        process.stdin.flush()
        return process

    def nemea(self, *arguments, status=0):
        result = self.w.run('nemea', 'alerts', *arguments)
        self.assertEqual(result[0], status, result)
        return result[1] if status == 0 else result[2]

    def events(self, *arguments):
        return [json.loads(line) for line in self.nemea('--json', *arguments).splitlines()]

    def wait_for_host(self, address):
        """Until an event of this host is stored, as its socket tells."""
        request = json.dumps({'op': 'list', 'host': address, 'limit': 2}).encode() + b'\n'
        self.w.wait_for(lambda: len(self.ask(request)) == 2, f'an event of {address}')  # the event and the end of the list

    def wait_for_alerts(self, n):
        self.w.wait_for(lambda: self.count_alerts() == n, f'{n} alerts in the store')

    def count_alerts(self):
        """What is committed, as the store itself tells."""
        return sum(event['alerts'] for event in self.events('-n', '1000'))

    def some(self):
        self.store()
        self.sender(''.join([alert('10.0.0.1'), alert('10.0.0.1', minute=2, ports=70), alert('2001:db8::1', minute=60),
                             alert('10.0.1.1', '198.51.100.7', minute=120)]))
        self.wait_for_alerts(4)

    def test_events_are_listed_and_filtered(self):
        self.some()
        events = self.events()
        self.assertEqual([e['targets'][0]['ip'] for e in events], ['10.0.0.1', '2001:db8::1', '10.0.1.1'])
        self.assertEqual([e['alerts'] for e in events], [2, 1, 1])
        self.assertEqual(events[0]['end'], '2026-01-01T00:02:30.000000Z')
        for arguments, expected in [(['--host', '10.0.0.0/23'], 2), (['--host', '10.0.0.1'], 1), (['--host', '192.0.2.1'], 2),
                                    (['--host', '2001:db8::/32'], 1), (['--host', '::/0'], 1), (['--since', '2026-01-01T01:00'], 2),
                                    (['--until', '2026-01-01'], 1), (['--since', '1h'], 0), (['--kind', 'vertical-scan'], 3),
                                    (['--kind', 'flood'], 0), (['--state', 'seen'], 0), (['--detector', 'ddos_detector'], 0),
                                    (['--confidence', 'low'], 3), (['--limit', '2'], 2)]:
            self.assertEqual(len(self.events(*arguments)), expected, arguments)
        self.assertIn('no event matches', self.nemea('--kind', 'flood'))
        text = self.nemea()
        self.assertIn('10.0.1.1', text.splitlines()[-1])

    def test_an_event_is_shown_and_marked(self):
        self.some()
        event = self.events('--host', '10.0.0.1')[0]
        shown = self.nemea('show', event['id'][:8])
        self.assertIn(event['reason'], shown)
        self.assertIn(event['id'], shown)
        self.nemea('mark', event['id'], 'false', 'our own scanner; \x1b[31m')
        self.assertEqual(self.events('--state', 'false')[0]['id'], event['id'])
        shown = self.nemea('show', event['id'])
        self.assertIn('our own scanner', shown)
        self.assertNotIn('\x1b', shown)
        rows = list(csv.DictReader(io.StringIO(self.nemea('export', '--format', 'csv'))))
        self.assertEqual(len(rows), 3)
        self.assertEqual({row['state'] for row in rows}, {'new', 'false'})
        ideas = [json.loads(line) for line in self.nemea('export', '-f', 'idea').splitlines()]
        self.assertEqual([idea['Format'] for idea in ideas], ['IDEA0'] * 3)
        # Alerts that come later change neither the mark nor the note.
        self.w.started[1].stdin.write(alert('10.0.0.1', minute=4))
        self.w.started[1].stdin.flush()
        self.wait_for_alerts(5)
        self.assertEqual(self.events('--state', 'false')[0]['alerts'], 3)

    def test_an_event_is_shown_with_its_flows(self):
        self.some()
        event = self.events('--host', '10.0.0.1')[0]
        self.assertIn('there is no archive (nowhere', self.nemea('show', event['id'], '--archive', 'nowhere'))
        title = 'ipaddr DST_IP,ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL\n'
        times = '2026-01-01T00:00:00,2026-01-01T00:00:10'
        self.w.file('flows.csv', title + f'10.0.0.1,192.0.2.1,{times},77,5000,6\n192.0.2.1,10.0.0.1,{times},5000,78,6\n' +
                    f'10.0.0.2,192.0.2.1,{times},79,5000,6\n10.0.0.1,192.0.2.1,{times},80,5000,17\n' +
                    '10.0.0.1,192.0.2.1,2026-01-01T05:00:00,2026-01-01T05:00:01,81,5000,6\n')
        self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows.trapcap')
        self.assertEqual(self.w.run('flow_archive', '-d', 'archive', '-i', 'f:flows.trapcap')[0], 0)
        shown = self.nemea('show', event['id'], '--archive', 'archive')
        self.assertEqual([port for port in (77, 78, 79, 80, 81) if f':{port} ' in shown], [77, 78], shown)
        self.assertIn('The first 1 flows', self.nemea('show', event['id'], '--archive', 'archive', '--limit', '1'))
        shown = json.loads(self.nemea('show', event['id'], '--archive', 'archive', '--json'))
        event_schema.check(shown)
        self.assertEqual([(flow['SRC_IP'], flow['DST_PORT']) for flow in shown['flow_records']], [('192.0.2.1', 77), ('10.0.0.1', 5000)])
        self.assertEqual(len(json.loads(self.nemea('show', event['id'], '--archive', 'archive', '--json', '--limit', '1'))['flow_records']), 1)
        self.assertIsNone(json.loads(self.nemea('show', event['id'], '--archive', 'nowhere', '--json'))['flow_records'])
        other = self.events('--host', '10.0.1.1')[0]
        self.assertIn('No flows of it are in the archive', self.nemea('show', other['id'], '--archive', 'archive'))

    def test_examples_of_the_documentation(self):
        """Each command of docs/alerts.md as it stands there, but for the place of the database and the id."""
        with open(os.path.join(ROOT, 'docs', 'alerts.md'), encoding='utf-8') as file:
            lines = re.findall(r'^    ((?:nemea|alert_store) .*)$', file.read(), re.M)
        commands = [shlex.split(re.split(r' {2,}', line)[0]) for line in lines]
        store = next(c for c in commands if c[0] == 'alert_store')
        self.w.start(*[word.replace('/var/lib/nemea/', self.w.file('')) for word in store])
        self.w.connect(self.w.file(SOCKET)).close()
        self.sender(alert('10.0.0.1') + alert('192.0.2.7', '198.51.100.9', minute=2))
        self.wait_for_alerts(2)
        an_id = self.events()[0]['id']
        asked = [[word.replace('3f9a1c', an_id[:6]) for word in c] for c in commands if c[0] == 'nemea']
        self.assertGreater(len(asked), 6)
        for command in asked:
            with self.subTest(' '.join(command)):
                process = self.w.start(*command)
                if 'follow' in command:
                    self.w.wait_until_blocked(process)
                    status, out, err = self.w.end(process, signal.SIGINT)
                    self.assertIn(status, (0, -signal.SIGINT))
                else:
                    status, out, err = self.w.end(process)
                    self.assertEqual(status, 0, err)
        self.assertEqual([e['state'] for e in self.events()], ['false', 'new'])

    def test_errors_name_what_is_wrong(self):
        self.assertIn('no store of alerts answers', self.nemea('list', status=3))
        self.some()
        for arguments, status, text in [(['show', 'abcdef'], 1, 'no event of this id'), (['show', 'xyz'], 1, 'digits'),
                                        (['--kind', 'flod'], 1, 'flod'), (['--host', '10.0.0.0/33'], 1, '10.0.0.0/33'),
                                        (['--since', 'yesterday'], 2, 'yesterday'), (['show'], 2, 'expected ID'),
                                        (['--limit', '0'], 2, '"0"'), (['shw', 'x'], 2, 'shw'), (['--nothing'], 2, '--nothing'),
                                        (['mark', 'abcdef', 'wrong'], 1, 'wrong'), (['--format', 'xml'], 2, 'xml')]:
            self.assertIn(text, self.nemea(*arguments, status=status))

    def ask(self, line):
        with self.w.connect(self.w.file(SOCKET)) as s:
            s.sendall(line)
            s.shutdown(socket.SHUT_WR)
            with s.makefile('r') as answer:
                return [json.loads(text) for text in answer]

    def test_invalid_requests_are_refused(self):
        self.some()
        for line, text in [(b'[]\n', 'object'), (b'{"op":"list","op":"list"}\n', 'duplicate'), (b'{"op":"drop"}\n', 'op'),
                           (b'{"op":"list","limit":1001}\n', 'limit'), (b'{"op":"list","limit":"1"}\n', 'limit'),
                           (b'{"op":"list","who":1}\n', 'who'), (b'{"op":"list","since":"yesterday"}\n', 'since'), (b'{"op":"mark","id":"abcdef"}\n', 'state'),
                           (b'{"op":"list","kind":7}\n', 'kind'), (b'{"op":"list","kind":"' + b'x' * 20000, '16384')]:
            answer = self.ask(line)
            self.assertEqual(len(answer), 1, line)
            self.assertIn(text, answer[0]['error'])
        self.assertEqual(self.ask(b'{"op":"list","limit":1}\n{"op":"stats"}\n')[-1]['events'], 3)
        for since, expected in ((b'"2026-01-01T01:00:30Z"', 2), (b'1767229230.5', 1)):
            self.assertEqual(len(self.ask(b'{"op":"list","since":' + since + b'}\n')) - 1, expected)
        self.assertEqual(self.ask(b'{"op":"list","limit":1'), [])

    def test_lists_are_sorted_over_all_pages(self):
        self.some()
        orders = {'arrival': ['10.0.0.1', '2001:db8::1', '10.0.1.1'][::-1], 'begin': ['10.0.1.1', '2001:db8::1', '10.0.0.1'],
                  'target': ['2001:db8::1', '10.0.1.1', '10.0.0.1'], 'source': ['10.0.1.1', '2001:db8::1', '10.0.0.1'],
                  'kind': ['10.0.1.1', '2001:db8::1', '10.0.0.1'], 'state': ['10.0.1.1', '2001:db8::1', '10.0.0.1']}
        for sort, expected in orders.items():
            for order in ('descending', 'ascending')[:1 if sort == 'arrival' else 2]:
                found, request, more = [], {'op': 'list', 'sort': sort, 'order': order, 'limit': 1}, True
                while more and len(found) < 4:
                    *rows, end = self.ask(json.dumps(request).encode() + b'\n')
                    self.assertEqual(len(rows), 1, (request, end))
                    found.append(rows[0]['event']['targets'][0]['ip'])
                    request['before'], more = end['before'], end['more']
                self.assertEqual(found, expected if order == 'descending' else expected[::-1], (sort, order))
        self.assertEqual(len(self.ask(b'{"op":"list","sort":"target","host":"10.0.0.0/8"}\n')), 3)
        self.assertEqual(len(self.ask(b'{"op":"list","sort":"target","kind":"flood"}\n')), 1)
        for line, text in ((b'{"op":"list","sort":"size"}', 'flows'), (b'{"op":"list","sort":"kind","order":"up"}', 'ascending'),
                           (b'{"op":"list","order":"ascending"}', 'sort'), (b'{"op":"list","sort":"kind","before":99}', 'no longer stored')):
            self.assertIn(text, self.ask(line + b'\n')[-1]['error'])

    def test_events_are_followed(self):
        self.store()
        follower = self.w.start('nemea', 'alerts', 'follow', '--json', '--host', '10.0.0.0/8')
        sender = self.sender('')
        sent = 0

        def told():
            nonlocal sent
            sender.stdin.write(alert('192.0.2.77', '198.51.100.1') + alert('10.0.0.1', minute=sent % 200))
            sender.stdin.flush()
            sent += 1
            return select.select([follower.stdout], [], [], 0.2)[0]

        self.w.wait_for(told, 'an event that is followed')
        first = json.loads(follower.stdout.readline())
        self.assertEqual(first['targets'][0]['ip'], '10.0.0.1')
        sender.stdin.write(alert('10.0.0.2', minute=1))
        sender.stdin.flush()
        run = next(e for e in iter(lambda: json.loads(follower.stdout.readline()), None) if {'ip': '10.0.0.2', 'count': 1} in e['targets'])
        self.assertNotIn('parts', run)  # of a run, which is told again and again, the whole is
        self.w.end(self.w.started[0], signal.SIGTERM)
        self.assertEqual(self.w.end(follower)[0], 3)

    def test_scans_of_one_source_are_one_event(self):
        self.store()
        sender = self.sender(''.join([alert('10.0.0.1'), alert('10.0.0.2', minute=2, ports=70), alert('10.0.0.9', '192.0.2.2', minute=1)]))
        self.wait_for_alerts(3)
        run, other = sorted(self.events(), key=lambda e: e['sources'][0]['ip'])
        self.assertEqual((run['kind'], run['flows'], run['alerts'], {host['ip'] for host in run['targets']}),
                         ('block-scan', 130, 2, {'10.0.0.1', '10.0.0.2'}))
        self.assertEqual(run['id'], hashlib.sha256(b'vportscan_detector run-of-vertical-scan 192.0.2.1 10.0.0.1 0 6 2026-01-01T00:00:00.000000Z').hexdigest()[:32])
        self.assertEqual([part['flows'] for part in run['parts']], [60, 70])
        self.assertEqual(other['kind'], 'vertical-scan')
        self.nemea('mark', run['parts'][1]['id'], 'seen', 'a part')
        self.assertIn('part of      ' + run['id'], self.nemea('show', run['parts'][1]['id']))
        sender.stdin.write(alert('10.0.0.3', minute=9) + alert('10.0.0.4', minute=11))  # another run, too late for the first one
        sender.stdin.flush()
        self.wait_for_alerts(5)
        late = next(e for e in self.events() if e['begin'].startswith('2026-01-01T00:09'))
        self.assertEqual((len(self.events()), len(late['parts'])), (3, 2))
        self.nemea('mark', late['id'], 'false', 'our own')
        self.w.end(self.w.started[0], signal.SIGTERM)  # what it knows of runs is in the database
        process = self.store()
        sender.stdin.write(alert('10.0.0.1', minute=3, ports=20) + alert('10.0.0.5', minute=6))  # one more of a part; between the runs
        sender.stdin.flush()
        self.wait_for_alerts(7)
        joined = next(e for e in self.events() if e['kind'] == 'block-scan')
        self.assertEqual((joined['id'], joined['flows'], joined['alerts'], joined['state'], len(joined['parts']), len(self.events())),
                         (run['id'], 330, 7 - 1, 'false', 5, 2))
        for n in range(1, 6):
            self.assertEqual([e['id'] for e in self.events('--host', f'10.0.0.{n}')], [run['id']])
        self.assertEqual(sum(line['events'] for line in self.ask(b'{"op":"count","step":3600}\n')[:-1]), 2)
        self.assertIn('joined of 5 scans', self.nemea('show', run['id']))
        self.nemea('show', late['id'], status=1)  # it is no event any more
        self.w.end(process, signal.SIGTERM)
        self.check_database()
        with sqlite3.connect(self.w.file('events.db')) as db:
            self.assertEqual(db.execute('SELECT count(*) FROM host WHERE no NOT IN (SELECT no FROM event)').fetchone(), (0,))

    def test_parts_outlive_their_run(self):
        """The size of the database is bounded: a run that is deleted leaves its later parts as events of their own."""
        process = self.store('--max-size', '8')
        sender = self.sender('')
        for i in range(30):  # a scan of the source that stays, then others that push it out
            sender.stdin.write(alert(f'10.99.0.{i}', '192.0.2.99', minute=i) +
                               ''.join(alert(f'10.{i}.{k >> 8}.{k & 255}', f'172.{i}.{k >> 8}.{k & 255}', minute=i) for k in range(1500)))
            sender.stdin.flush()
            if i % 5 == 4:
                self.wait_for_host(f'10.{i}.{1499 >> 8}.{1499 & 255}')
        self.assertEqual(len(self.events('--host', '10.99.0.29')), 1)
        self.w.wait_for(lambda: self.events('--host', '10.99.0.0') == [], 'the first scan to be deleted')
        self.w.end(process, signal.SIGTERM)
        self.check_database()

    def check_database(self):
        with sqlite3.connect(self.w.file('events.db')) as db:
            self.assertEqual(db.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
            self.assertEqual(db.execute('SELECT count(*) FROM event').fetchone(), db.execute('SELECT sum(events) FROM block').fetchone())
            ids = db.execute('SELECT count(*), count(DISTINCT id) FROM event').fetchone()
            self.assertEqual(ids[0], ids[1])
            self.assertEqual(db.execute('SELECT count(*) FROM event WHERE run > 0 AND run NOT IN (SELECT no FROM event WHERE run < 0)').fetchone(), (0,))
            self.assertLessEqual(db.execute('SELECT coalesce(max(n), 0) FROM (SELECT count(*) n FROM event WHERE run > 0 GROUP BY run)').fetchone()[0], RUN_PARTS)

    def test_kills_lose_and_double_nothing(self):
        """Killed again and again at any moment, it has each alert once."""
        chance = random.Random(5)
        n, pieces = 4000, 8
        process = self.store('--open-events', '64')
        sender = self.sender('')
        for piece in range(pieces):
            for i in range(piece * n // pieces, (piece + 1) * n // pieces):
                sender.stdin.write(alert(f'10.0.{i % 600 // 200}.{i % 200}', minute=i % 60, ports=50))
            sender.stdin.flush()
            if piece == 0: # before the store has said its name, the sender keeps nothing for it
                self.w.wait_for(lambda: self.count_alerts() > 0, 'the first alerts')
            if piece % 2 == 0:
                self.w.wait_until_read(sender)
            for _ in range(chance.randrange(3)):
                self.w.run('true') # some time, which depends on the machine
            process.kill()
            process.wait()
            process = self.store('--open-events', '64')
        self.w.wait_for(lambda: self.count_alerts() >= n, 'all alerts')
        events = self.events('-n', '1000')
        self.assertEqual(sum(e['alerts'] for e in events), n)
        self.assertEqual(sum(e['flows'] for e in events), 50 * n)
        self.w.end(process, signal.SIGTERM)
        self.check_database()

    def test_a_storm_holds_up_no_sender(self):
        """The sender does not wait: what it had to drop is counted, and everything else is stored."""
        self.store()
        n = 30000
        sender = self.sender('', params='timeout=NO_WAIT:min_clients=1:buffer_count=100')
        sender.stdin.write(''.join(alert(f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}', minute=i % 60) for i in range(n)))
        sender.stdin.flush()
        self.w.wait_until_read(sender)
        self.w.wait_for(lambda: self.ask(b'{"op":"stats"}\n')[0]['events'] > 0, 'what is stored of it')
        self.w.end(sender)  # it has sent everything, whether somebody read it or not
        status, _, err = self.w.end(self.w.started[0], signal.SIGTERM)
        self.assertEqual(status, 0)
        counts = dict(item.rsplit(' ', 1) for item in err.rsplit('alert_store: ', 1)[1].strip().split(', '))
        self.assertLessEqual(int(counts['alerts']) + int(counts['missed']), n)
        with sqlite3.connect(self.w.file('events.db')) as db:
            self.assertEqual(db.execute('SELECT count(*) FROM event WHERE run >= 0').fetchone()[0], int(counts['alerts']))
            # all of one source within an hour: runs of as many parts as fit
            self.assertLessEqual(db.execute('SELECT count(*) FROM event WHERE run < 0').fetchone()[0], 2 * int(counts['alerts']) // RUN_PARTS + 2)
            self.assertGreater(int(counts['alerts']), 0)
        self.check_database()

    def test_size_is_bounded(self):
        self.store('--max-size', '8')
        n, piece, sender = 45000, 5000, self.sender('')
        for begin in range(0, n, piece):
            hosts = [f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}' for i in range(begin, begin + piece)]
            sender.stdin.write(''.join(alert(host, f'172.{(begin + k) // 3000}.0.1', minute=(begin + k) % 60) for k, host in enumerate(hosts[:-1])) +
                               alert(hosts[-1]))  # of another source: a run of earlier scans may have a later number
            sender.stdin.flush()
            self.wait_for_host(hosts[-1])
        sender.stdin.write(alert('192.0.2.200', '192.0.2.2'))
        sender.stdin.flush()
        self.w.wait_for(lambda: self.ask(b'{"op":"stats"}\n')[0]['events'] < n, 'events to be deleted')
        self.w.wait_for(lambda: len(self.events('--host', '192.0.2.200')) == 1, 'the newest event')
        self.w.end(self.w.started[0], signal.SIGTERM)
        self.check_database()

    def test_databases_of_others_are_left_alone(self):
        with sqlite3.connect(self.w.file('events.db')) as db:
            db.execute('CREATE TABLE other(x)')
        status, _, err = self.w.run('alert_store', '-d', 'events.db', '-i', 'u:vportscan_detector')
        self.assertEqual(status, 1)
        self.assertIn('something else', err)
        with sqlite3.connect(self.w.file('new.db')) as db:
            db.execute('PRAGMA user_version = 99')
        status, _, err = self.w.run('alert_store', '-d', 'new.db', '-i', 'u:vportscan_detector')
        self.assertEqual(status, 1)
        self.assertIn('version 99', err)

    def test_a_database_of_the_first_version_is_migrated(self):
        self.some()
        self.w.end(self.w.started[0], signal.SIGTERM)
        with sqlite3.connect(self.w.file('events.db')) as db:  # as that version would have it: segments of 262144 events
            for row in db.execute('SELECT no FROM event WHERE no > 2').fetchall():
                for table, column in (('event', 'no'), ('host', 'no'), ('event_id', 'no')):
                    db.execute(f'UPDATE {table} SET {column} = ? WHERE {column} = ?', (row[0] + 100000, row[0]))
            db.execute('DELETE FROM segment')
            db.execute('INSERT INTO segment SELECT 0, min(begin), max(end) FROM event')
            db.execute('UPDATE event_id SET segment = 0')
            db.execute('UPDATE host SET segment = 0')
            db.execute('DROP TABLE block')
            for index in ('event_scanner', 'event_run'):
                db.execute(f'DROP INDEX {index}')
            for column in ('run', 'scanner'):
                db.execute(f'ALTER TABLE event DROP COLUMN {column}')
            db.execute('PRAGMA user_version = 1')
        self.store()
        self.assertEqual(self.ask(b'{"op":"stats"}\n')[0]['schema'], 4)
        self.assertEqual([e['targets'][0]['ip'] for e in self.events()], ['10.0.0.1', '2001:db8::1', '10.0.1.1'])
        for host in ('10.0.0.1', '2001:db8::1', '10.0.1.1'):
            event = self.events('--host', host)[0]
            self.assertIn(event['reason'], self.nemea('show', event['id']))
        self.w.started[1].stdin.write(alert('10.0.1.1', '198.51.100.7', minute=122))
        self.w.started[1].stdin.flush()
        self.wait_for_alerts(5)
        self.assertEqual(len(self.events()), 3)  # it was found, and joined to
        self.w.end(self.w.started[0], signal.SIGTERM)
        self.check_database()

    def test_whose_alerts_come_is_told_by_the_format_or_the_user(self):
        self.w.file('alerts.csv', HEADER + alert('10.0.0.1'))
        self.w.run('logreplay', '-f', 'alerts.csv', '-i', 'f:alerts')
        status, _, err = self.w.run('alert_store', '-v', '-d', 'a.db', '-D', 'vportscan_detector', '-i', 'f:alerts')
        self.assertEqual(status, 0, err)
        self.assertIn('events created 1', err)
        status, _, err = self.w.run('alert_store', '-d', 'a.db', '-D', 'nobody', '-i', 'f:alerts')
        self.assertEqual(status, 1)
        self.assertIn('nobody', err)
        self.w.file('flows.csv', 'ipaddr SRC_IP,uint32 X\n10.0.0.1,1\n')
        self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows')
        status, _, err = self.w.run('alert_store', '-d', 'a.db', '-i', 'f:flows')
        self.assertEqual(status, 1)
        self.assertIn('--detectors', err)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
