# SPDX-License-Identifier: BSD-3-Clause
"""Whole reporters: those of NEMEA on the recorded alerts of NEMEA 2, and one as users write them, in all that can happen to it."""

import json
import os
import signal
import threading
import unittest

import nemea_events
import pytrap
from report2idea import shipped
from report2idea.backlog import Backlog
from support import PROGRAMS, SCAN, Case, alert, wait_for

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'tests', 'golden', 'idea')
OWN_TIMES = 'from report2idea import *\nRun("own", "x", pytrap.FMT_JSON, "IDEA", lambda rec, opts: rec)\n'
FAILING = ('from report2idea import *\ndef convert(rec, opts):\n   n = int(str(rec.SRC_IP).split(".")[3])\n   if n == 1: return None\n'
           '   if n == 2: raise KeyError(58)\n   if n == 3: return 5\n   if n == 4: return {"ID": object()}\n   if n == 5: return {"ID": "../x"}\n'
           '   return {"ID": "a%d" % n}\n'
           'Run("own", "x", pytrap.FMT_UNIREC, "' + SCAN + '", convert)\n')


class Golden(Case):
    """The contents are those of the C library, which has a test of its own; this is about the programs around it."""

    def cases(self):
        for name in sorted(os.listdir(GOLDEN)):
            if name.endswith('.input.json'):
                with open(os.path.join(GOLDEN, name), encoding='utf-8') as file:
                    yield name[:-len('.input.json')], json.load(file)

    def expected(self, name):
        with open(os.path.join(GOLDEN, name + '.idea.jsonl'), encoding='utf-8') as file:
            return [self.normal(name, line) for line in file]

    @staticmethod
    def normal(name, line):
        """A line without what differs from run to run; all else byte by byte."""
        message = json.loads(line)
        changing = {'CreateTime'} | ({'ID'} if name != 'idea2idea' else set()) | ({'DetectTime'} if name in ('hoststats', 'sipbruteforce') else set())
        return json.dumps({key: '' if key in changing else value for key, value in message.items()})

    def arguments(self, case):
        return [os.path.join(GOLDEN, word) if word.endswith(('.xml', '.json')) else word for word in case['extra_args']]

    def records(self, case):
        template = pytrap.UnirecTemplate(case['input_spec']) if case['input_type'] == 'UniRec' else None
        for record in case['records']:
            if template is None:
                yield record
                continue
            template.createMessage(4096)
            for key, value in record.items():
                setattr(template, key, value)
            yield template

    def test_every_reporter(self):
        names = []
        for name, case in self.cases():
            names.append(name)
            reporter = shipped.Shipped(case['reporter'].replace('2idea.py', ''))
            reporter.prepare(shipped.make_parser(reporter.name).parse_args(self.arguments(case)))
            got = []
            for record in self.records(case):
                message = reporter.convert_to_idea(record, None)
                if message is not None:
                    message['Node'][0]['Name'] = f'org.example.nemea.{reporter.reporter.module}'
                    got.append(self.normal(name, json.dumps(message)))
            self.assertEqual(got, self.expected(name), name)
        self.assertEqual(len(names), 16)
        self.assertEqual(set(shipped.DESCRIPTIONS), set(nemea_events.REPORTERS))

    def test_programs(self):
        for name in ('haddrscan', 'blacklist', 'idea2idea'):
            case = dict(self.cases())[name]
            if case['input_type'] == 'UniRec':
                self.flows(len(case['records']), fields=case['input_spec'], values=case['records'])
            else:
                self.messages(case['records'], fmt=case['input_spec'])
            self.write('config.yaml', self.config_text('- {id: f, file: {path: /dev/stdout}}\n', '- {id: 1, condition: true, actions: [f]}\n'))
            out, _ = self.report('-i', f'f:{self.path("in")}', '-D', *self.arguments(case), program=case['reporter'])
            self.assertEqual([self.normal(name, line) for line in out.splitlines()], self.expected(name))

    def test_waintrusion(self):
        """NEMEA 2 asked for a format with blanks, which no sender has."""
        self.assertNotIn(' ,', nemea_events.Reporter('waintrusion_detector').fields.replace(', ', ' ,'))
        self.flows(1, fields=nemea_events.Reporter('waintrusion_detector').fields,
                   values=[{'SRC_IP': '192.0.2.1', 'DST_IP': '192.0.2.2', 'DST_PORT': 80, 'EVENT_TIME': '2026-03-01T10:00:00', 'WAI_RULE': 'r'}])
        self.write('config.yaml', self.file_config())
        self.report('-i', f'f:{self.path("in")}', '-D', program='waintrusion_detector2idea.py')
        self.assertEqual(self.lines()[0]['Category'], ['Recon.Scanning', 'Attempt.Exploit'])

    def test_every_program_is_there(self):
        names = set(os.listdir(PROGRAMS))
        for name in nemea_events.REPORTERS:
            self.assertIn(f'{name}2idea.py', names)

    def test_blacklists_and_prefixes(self):
        path = self.write('bl.xml', '<a><array type="IP"><struct><element name="id">1</element></struct><struct><element name="id">2</element>'
                          '<element name="name">n</element><element name="category">c</element><element name="source">s:</element></struct>'
                          '</array><array type="other"><struct/></array></a>')
        self.assertEqual(shipped.read_blacklists(path), [(False, 2, 'n', 'c', 's:')])
        self.assertRaises(ValueError, shipped.read_blacklists, self.path('none'))
        self.assertRaises(ValueError, shipped.read_blacklists, self.write('x', '<a'))
        self.assertEqual(shipped.read_prefixes(self.write('p', '[{"ip_prefix": "192.0.2.1/24"}]')), ['192.0.2.0/24'])
        for text in ('', '{}x', '[1]', '[{}]', '[{"ip_prefix": "x"}]'):
            self.assertRaises(ValueError, shipped.read_prefixes, self.write('p', text))


class Own(Case):
    def setUp(self):
        super().setUp()
        self.write('config.yaml', self.file_config())

    def test_reports_all_and_ends(self):
        self.flows(50)
        out, err = self.report('-i', f'f:{self.path("in")}', '-a', '1', '--extra', 'y')  # NEMEA 2 never ended with -a
        self.assertEqual((out, err), ('', ''))
        found = self.lines()
        self.assertEqual([a['Source'][0]['IP4'] for a in found], [[f'10.0.0.{i}'] for i in range(50)])
        self.assertEqual({a['Node'][0]['Name'] for a in found}, {'org.example.nemea.own'})
        self.assertEqual(os.listdir(self.path('spool')), [])

    def test_bad_alerts_stop_nothing(self):
        self.flows(9)
        _, err = self.report('-i', f'f:{self.path("in")}', '-v', '2', source=FAILING)
        self.assertEqual([a['ID'] for a in self.lines()], ['a0', 'a6', 'a7', 'a8'])
        self.assertRegex(err, r'KeyError: 58: .*10\.0\.0\.2')
        self.assertIn('9 received, 0 overload, 4 bad, 0 invalid_times, 0 repeated, 1 skipped, 0 dropped, 4 reported', err)

    def test_malformed_json(self):
        self.messages([alert(1), '{"', '[]', '55', '"x"', b'\xff\xfe\xfd', '[' * 50000, json.dumps(alert(2)).replace('Scanning', 'Scan\\u0000 ning'),
                       alert(3, Source=[{'IP4': ['999.1.2.3']}]), alert(4)])
        _, err = self.report('-i', f'f:{self.path("in")}', '-v', '2', program='idea2idea.py')
        self.assertEqual([a['ID'][-1] for a in self.lines()], ['1', '4'])
        self.assertIn('10 received, 0 overload, 8 bad', err)

    def test_times(self):
        created = '2026-03-01T10:05:00Z'
        self.messages([alert(i, CreateTime=created, DetectTime=time, EventTime=created, CeaseTime=created)
                       for i, time in enumerate(('2026-03-01T10:05:01Z', '2026-03-01T10:06:30Z', '2026-02-28T10:04:59Z', created))])
        out, err = self.report('-i', f'f:{self.path("in")}', source=OWN_TIMES)
        self.assertEqual(([a['ID'][-1] for a in self.lines()], out), (['0', '3'], ''))  # a clock that is a second ahead loses no alert
        self.assertEqual(err.count('Invalid timestamps in skipped message'), 2)
        self.assertIn('2 invalid_times', err)
        os.unlink(self.path('out'))
        self.report('-i', f'f:{self.path("in")}', '-D', source=OWN_TIMES)
        self.assertEqual(len(self.lines()), 4)

    def test_output(self):
        """With -T alerts go to the output through the action, and the end of the stream is passed on."""
        self.flows(20)
        self.write('config.yaml', self.config_text('- {id: t, trap: }\n', '- {id: 1, condition: true, actions: [t]}\n'))
        _, err = self.report('-i', f'f:{self.path("in")},f:{self.path("sent")}:w', '-T')
        self.assertEqual(err, '')
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', f'f:{self.path("sent")}'], 1, 0, service_ifcname='')
        self.addCleanup(ctx.finalize)
        ctx.setRequiredFmt(0, pytrap.FMT_JSON, 'IDEA')
        messages = []
        while True:
            try:
                data = ctx.recv()
            except pytrap.FormatChanged as change:
                data = change.data
            if len(data) <= 1:
                break
            messages.append(json.loads(data.decode()))
        self.assertEqual([m['Source'][0]['IP4'][0] for m in messages], [f'10.0.0.{i}' for i in range(20)])
        _, err = self.report('-i', f'f:{self.path("in")}')
        self.assertIn('without -T the action trap does nothing', err)

    def test_command_line(self):
        out, _ = self.report(status=1)
        self.assertIn('error: the following arguments are required: -i', out)
        out, _ = self.report('-h')
        for text in ('Name: own2idea', 'Inputs: 1', SCAN, '--extra', '-W'):
            self.assertIn(text, out)
        out, _ = self.report('-d', '-n', 'org.example.other')
        self.assertIn('Namespace: org.example.nemea', out)
        out, _ = self.report('--version')
        self.assertIn('3.0.0', out)
        self.flows(1)
        self.report('-i', f'f:{self.path("in")}', '-n', 'org.example.other')
        self.assertEqual(self.lines()[0]['Node'][0]['Name'], 'org.example.other')

    def test_what_ends_it_at_the_start(self):
        self.flows(1)
        for text, expected, verbose in (('rules: [', 'line 1', '3'), ('', 'empty', '5'), ('a: b', 'at least one rule', '0')):
            _, err = self.report('-i', f'f:{self.path("in")}', '-c', self.write('bad.yaml', text), '-v', verbose, status=1)
            self.assertIn(expected, err)
            self.assertNotIn('Traceback', err)
        _, err = self.report('-i', f'f:{self.path("in")}', '-c', 'none.yaml', status=1)
        self.assertIn('No such file', err)
        self.flows(1, fields='uint8 OTHER', values=[{'OTHER': 1}])
        _, err = self.report('-i', f'f:{self.path("in")}', status=1)  # NEMEA 2 ended with 0
        self.assertIn('format', err)

    def test_verbosity_0_is_silence(self):
        self.flows(9)
        self.assertEqual(self.report('-i', f'f:{self.path("in")}', '-v', '0', source=FAILING), ('', ''))


class Live(Case):
    """A reporter behind a socket."""

    def sender(self):
        ctx = pytrap.TrapCtx()
        ctx.init(['test', '-i', 'u:alerts:timeout=WAIT:min_clients=1:autoflush=1000'], 0, 1, service_ifcname='')
        ctx.setDataFmt(0, pytrap.FMT_JSON, 'IDEA')
        self.addCleanup(ctx.finalize)
        return ctx

    def test_signals(self):
        self.write('config.yaml', self.file_config())
        ctx = self.sender()
        process = self.start('-i', 'u:alerts', '-D', program='idea2idea.py')
        ctx.send(json.dumps(alert(1)))
        ctx.sendFlush(0)
        wait_for(lambda: len(self.lines()) == 1, 'the first alert')
        os.rename(self.path('config.yaml'), self.path('saved'))
        process.send_signal(signal.SIGUSR1)  # the file is not there
        self.assertIn('the configuration before stays in use', process.stderr.readline())
        self.write('config.yaml', self.file_config('false'))
        process.send_signal(signal.SIGUSR1)
        self.assertIn('Success: New configuration loaded', process.stderr.readline())
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(process.stdout.readline(), '----------------\n')
        while not process.stdout.readline().startswith('1 received'):
            pass
        ctx.send(json.dumps(alert(2)))
        ctx.sendFlush(0)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual((process.returncode, len(self.lines())), (0, 1))

    def test_autoreload(self):
        self.write('config.yaml', self.file_config('false'))
        self.sender()
        process = self.start('-i', 'u:alerts', '-a', '1', program='idea2idea.py')
        wait_for(lambda: os.path.exists(self.path('spool')), 'the start')
        self.write('new', self.file_config())
        os.rename(self.path('new'), self.path('config.yaml'))
        self.assertIn('Success', process.stderr.readline())
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 0)

    def test_killed_with_its_spool(self):
        """What was handed to an action that cannot deliver survives a kill of the reporter."""
        self.write('config.yaml', self.config_text(f'- {{id: f, file: {{path: {self.path("later/out")}}}}}\n',
                                                   '- {id: 1, condition: true, actions: [f]}\n'))
        ctx = self.sender()
        process = self.start('-i', 'u:alerts', '-D', '-v', '0', program='idea2idea.py')
        for i in range(1000):
            ctx.send(json.dumps(alert(i)))
        ctx.sendFlush(0)
        spool = 'spool/idea2idea.f.00000001'
        wait_for(lambda: os.path.exists(self.path(spool)) and self.read(spool).count('\n') == 1000, 'the spool')
        process.kill()
        process.wait()
        os.mkdir(self.path('later'))
        self.messages([alert(5000)])
        self.report('-i', f'f:{self.path("in")}', '-D', '-v', '0', program='idea2idea.py')
        self.assertEqual([int(a['ID'][-4:]) for a in self.lines('later/out')], [*range(1000), 5000])


    def test_killed_in_the_middle_of_its_input(self):
        """With resume= no alert is lost by kill -9, and none comes twice but the one that each kill met between its delivery and the note of it."""
        count, kills = 3000, (300, 1200)
        self.write('config.yaml', self.file_config())
        ctx = self.sender()

        def send(begin, end):
            for i in range(begin, end):
                ctx.send(json.dumps(alert(i)))
                if i % 100 == 0:
                    ctx.sendFlush(0)
            ctx.sendFlush(0)
        thread = threading.Thread(target=send, args=(0, count - 1), daemon=True)
        thread.start()
        for lines in kills:
            process = self.start('-i', 'u:alerts:resume=me', '-D', '-v', '0', program='idea2idea.py')
            wait_for(lambda: os.path.exists(self.path('out')) and self.read('out').count('\n') >= lines, 'some alerts')
            process.kill()
            process.wait()
        process = self.start('-i', 'u:alerts:resume=me', '-D', '-v', '2', program='idea2idea.py')
        thread.join()
        send(count - 1, count)  # which only this one can report: it catches signals by then
        last = alert(count - 1)['ID']
        wait_for(lambda: last in self.read('out'), 'the last alert')
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
        self.assertIn(' repeated, ', err)
        numbers = [int(a['ID'][-12:]) for a in self.lines()]
        self.assertEqual(sorted(set(numbers)), [*range(count)])
        self.assertLessEqual(len(numbers), count + len(kills))

    def test_an_input_has_one_reporter_at_a_time(self):
        self.write('config.yaml', self.file_config())
        self.sender()
        first = self.start('-i', 'u:alerts:resume=me', '-D', program='idea2idea.py')
        wait_for(lambda: any(n.endswith('.place') for n in os.listdir(self.path('spool'))) if os.path.exists(self.path('spool')) else False, 'the first')
        second = self.start('-i', 'u:alerts:resume=me', '-D', program='idea2idea.py')
        self.assertIn('another process reports this input', second.stderr.readline())
        for process in (first, second):
            process.kill()


class Storm(unittest.TestCase):
    """The rules do not keep up with a live input: memory is bounded, the sender does not wait, what is left out is counted."""

    class Endless:
        def __init__(self, count):
            self.left = count

        def recv(self, _):
            self.left -= 1
            return bytearray(1) if self.left < 0 else bytearray(1000)

    def test_live_input_drops(self):
        backlog = Backlog(self.Endless(5000), 'u:x', 1000000)
        backlog.start()
        backlog.join()  # although nobody takes anything
        self.assertEqual(backlog.received, 5000)
        self.assertLessEqual(backlog.highest, 1000000)
        taken = []
        while not taken or taken[-1]:
            taken.append(backlog.take(0))
        self.assertEqual(sum(map(len, taken)) - 1 + backlog.dropped, 5000)  # one is the End

    def test_file_waits(self):
        backlog = Backlog(self.Endless(5000), 'f:x', 100000)
        backlog.start()
        count = 0
        while count < 5001:
            count += len(backlog.take(1))
        self.assertEqual((backlog.dropped, backlog.highest <= 100000), (0, True))
        backlog.join()


if __name__ == '__main__':
    unittest.main()
