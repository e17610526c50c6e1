#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of nemea analyze: real processes on the captures of the lab.

usage: analyze_test.py BIN_DIR
"""

import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import sys
import unittest

import captures
import demo
from geo_database import database
from programs import TIMEOUT, Workspace

BIN = None
SCANS = os.path.join(demo.CAPTURES, 'vertical-scans-ipv4.pcap.zst')
SWEEPS = os.path.join(demo.CAPTURES, 'horizontal-sweeps.pcap.zst')


def replace_module(w, name, text):
    """Replaces a module by a script."""
    stub = os.path.join(w.path, 'bin')
    os.makedirs(stub, exist_ok=True)
    path = os.path.join(stub, name)
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)
    os.chmod(path, 0o755)
    w.env['NEMEA_BIN'] = stub


class Analyze(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def analyze(self, *arguments, status=0, **options):
        result = self.w.run('nemea', 'analyze', *arguments, **options)
        self.assertEqual(result[0], status, result)
        self.assertEqual(glob.glob(self.w.file('nemea-*')), [], 'a private directory was left behind')
        return result[1], result[2]

    def events(self, *arguments, **options):
        return json.loads(self.analyze('--json', *arguments, **options)[0])['events']

    def test_every_attack_of_the_lab_and_nothing_else(self):
        known = list(demo.captures([]))
        self.assertGreaterEqual(len(known), 8)
        for name, path, truth in known:
            found, attacks, false = demo.judge(self.events(path), truth)
            self.assertEqual((found, false), (attacks, []), name)

    def test_events_have_a_kind_and_a_reason(self):
        self.assertIn(('horizontal-scan', '10.10.5.201 probed TCP port 23 of 256 hosts in 5 s (0 % refused, 0 % open); 50 hosts without an ordinary answer are a scan'),
                      [(event['kind'], event['reason']) for event in self.events(SWEEPS)])

    def test_ten_runs_give_the_same_bytes(self):
        outputs = {self.analyze('--json', SWEEPS)[0] for _ in range(10)}
        self.assertEqual(len(outputs), 1)

    def test_speed_changes_nothing(self):
        expected = self.events(SWEEPS)
        data = captures.load(SWEEPS)
        process = self.w.start('nemea', 'analyze', '--json', '-', stdin=subprocess.PIPE)
        raw = process.stdin.buffer
        for i in range(0, len(data), len(data) // 20):
            raw.write(data[i:i + len(data) // 20])
            self.w.wait_until_read(process)
        raw.close()
        process.stdin = None
        status, out, err = self.w.end(process)
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)['events'], expected)

    def test_a_capture_in_two_files(self):
        expected = json.loads(self.analyze('--json', SCANS)[0])
        data = captures.load(SCANS)
        cut = 24  # a classic pcap file: its header, then packets
        while cut < len(data) // 2:
            cut += 16 + int.from_bytes(data[cut + 8:cut + 12], 'little')
        halves = [self.w.file('1.pcap', data[:cut]), self.w.file('2.pcap', data[:24] + data[cut:])]
        got = json.loads(self.analyze('--json', *halves)[0])
        self.assertEqual(got['events'], expected['events'])
        self.assertEqual(got['traffic'], expected['traffic'])

    def test_captures_of_one_time_in_any_order(self):
        names = ['udp-flood-ipv4.pcap.zst', 'syn-flood-ipv4.pcap.zst', 'vertical-scans-ipv4.pcap.zst']
        paths = [os.path.join(demo.CAPTURES, name) for name in names]
        events = self.events(*paths)
        alone = [event for path in paths for event in self.events(path)]
        self.assertEqual(len(events), len(alone))
        self.assertEqual(self.events(*reversed(paths)), events)

    def test_damage_of_one_capture_leaves_the_others(self):
        cut = self.w.file('cut.pcap', captures.load(SWEEPS)[:20000])
        out, _ = self.analyze(cut, SCANS)
        self.assertIn('cut.pcap: damaged after packet', out)
        self.assertIn('vertical port scan', out)

    def test_truncated_capture_is_analysed_up_to_the_damage(self):
        data = captures.load(SCANS)
        path = self.w.file('cut.pcap', data[:len(data) // 2])
        out, _ = self.analyze(path)
        self.assertIn('truncated packet; what comes before it was analysed', out)
        self.assertIn('vertical port scan', out)

    def test_nonsense_in_a_capture_is_reported_with_its_place(self):
        data = captures.load(SCANS)
        at = 24
        for _ in range(5000):
            at += 16 + int.from_bytes(data[at + 8:at + 12], 'little')
        out, _ = self.analyze(self.w.file('bad.pcap', data[:at] + b'\xff' * 5000))
        self.assertIn(f'damaged after packet 5000, at byte {at}', out)

    def test_killed_module_is_named_and_nothing_hangs(self):
        for victim in ('haddrscan_detector', 'flow_meter'):
            process = self.w.start('nemea', 'analyze', '-', stdin=subprocess.PIPE)
            process.stdin.buffer.write(captures.load(SCANS)[:100000])
            process.stdin.buffer.flush()
            os.kill(self.w.wait_for(lambda process=process, victim=victim: self.w.child(process, victim), victim), signal.SIGKILL)
            process.wait(TIMEOUT)
            err = process.stderr.read()
            self.assertEqual(process.returncode, 4, err)
            self.assertIn(f'{victim}: was killed by signal 9', err)
            self.assertEqual(glob.glob(self.w.file('nemea-*')), [])

    def test_interrupt_reports_what_there_is(self):
        process = self.w.start('nemea', 'analyze', '-', stdin=subprocess.PIPE)
        process.stdin.buffer.write(captures.load(SCANS))
        self.w.wait_until_read(process)
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT)
        out = process.stdout.read()
        self.assertEqual(process.returncode, 0, process.stderr.read())
        self.assertIn('interrupted: the rest of the input was not analysed', out)
        self.assertIn('vertical port scan', out)

    def test_flow_files_give_the_same_events_as_the_capture(self):
        expected = self.events(SWEEPS)
        self.analyze('--csv', 'csv', SWEEPS)
        self.assertEqual(self.events('csv/flows.csv'), expected)
        self.assertEqual(self.w.run('logreplay', '-f', 'csv/flows.csv', '-i', 'f:flows.trapcap')[0], 0)
        self.assertEqual(self.events('flows.trapcap'), expected)
        with open(self.w.file('csv/alerts.csv'), encoding='utf-8') as file:
            self.assertEqual(len(file.readlines()), len(expected) + 1)

    def write_flows(self, name, lines):
        self.w.file(name, 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,'
                    'uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS\n' + ''.join(lines))

    def test_guesses_of_passwords(self):
        """Eleven log-ins that the server refused late; both directions, each a record."""
        lines = []
        for n in range(11):
            times = f'2026-01-01T00:{n // 10:02}:{n % 10 * 6:02},2026-01-01T00:{n // 10:02}:{n % 10 * 6 + 4:02}'
            lines += [f'10.0.0.1,192.0.2.7,4249,{times},26,22,{50000 + n},6,27\n', f'192.0.2.7,10.0.0.1,3444,{times},19,{50000 + n},22,6,27\n']
        self.write_flows('guesses.csv', lines)
        self.assertEqual([(event['kind'], event['sources'], event['targets'], event['ports'], event['flows'])
                          for event in self.events('guesses.csv')],
                         [('password-guessing', [{'ip': '192.0.2.7', 'count': 1}], [{'ip': '10.0.0.1', 'count': 1}], [22], 11)])

    def test_guesses_of_prefixes(self):
        """A caller that tries thirty prefixes before one number, and an exchange whose calls are answered."""
        def message(first, user, call):
            return (f'{first}\r\nVia: SIP/2.0/UDP x\r\nFrom: <sip:me@x>;tag=1\r\nTo: <sip:{user}@10.0.0.5>\r\nCall-ID: {call}\r\n'
                    f'CSeq: 1 INVITE\r\nUser-Agent: phone\r\nContent-Length: 0\r\n\r\n').encode()

        packets = []
        for n in range(30):
            user = f'{n * 37}420234567890'
            packets.append(captures.udp_packet(1700000000 + n, '192.0.2.7', '10.0.0.5', 5060, 5060,
                                               message(f'INVITE sip:{user}@10.0.0.5 SIP/2.0', user, f'guess-{n}')))
            user = f'{234000000 + n * 77777}'
            packets.append(captures.udp_packet(1700000000.1 + n, '192.0.2.8', '10.0.0.5', 5060, 5060,
                                               message(f'INVITE sip:{user}@10.0.0.5 SIP/2.0', user, f'call-{n}')))
            if n % 3 > 0:
                packets.append(captures.udp_packet(1700000000.2 + n, '10.0.0.5', '192.0.2.8', 5060, 5060,
                                                   message('SIP/2.0 200 OK', user, f'call-{n}')))
        captures.write_pcap(self.w.file('calls.pcap'), packets)
        events = self.events('calls.pcap')
        self.assertEqual([(event['kind'], event['sources']) for event in events],
                         [('dial-plan-guessing', [{'ip': '192.0.2.7', 'count': 1}])], events)
        self.assertIn('dialled 11 numbers that end alike', events[0]['reason'])

    def test_spam(self):
        """Forty servers of which half refuse the mail, and a mail server that is accepted."""
        def mail(answer):
            return [(False, b'220 mx ESMTP\r\n'), (True, b'EHLO pc.example\r\n'), (False, b'250 mx\r\n'),
                    (True, b'MAIL FROM:<a@example.com>\r\n'), (False, b'250 ok\r\n'), (True, b'RCPT TO:<b@example.org>\r\n'),
                    (False, answer), (True, b'QUIT\r\n'), (False, b'221 bye\r\n')]

        packets = []
        for n in range(40):
            packets += captures.tcp_dialogue(1700000000 + n, '192.0.2.7', f'10.0.{n}.25', 40000 + n, 25,
                                             mail(b'550 no such user\r\n' if n % 2 == 0 else b'250 ok\r\n'))
            packets += captures.tcp_dialogue(1700000000.5 + n, '192.0.2.8', f'10.0.{n}.25', 40000 + n, 25, mail(b'250 ok\r\n'))
        captures.write_pcap(self.w.file('mail.pcap'), packets)
        events = self.events('mail.pcap')
        self.assertEqual([(event['kind'], event['sources'], event['flows']) for event in events],
                         [('spam', [{'ip': '192.0.2.7', 'count': 1}], 40)], events)
        self.assertIn('50 of 100 refused', events[0]['reason'])

    def test_one_attack_is_one_event(self):
        """A reflected flood is seen by two detectors."""
        lines = [f'10.0.0.9,20.{n % 250}.{n // 250}.7,1400,2026-01-01T00:10:{n // 400:02},2026-01-01T00:10:{n // 400:02},'
                 f'1,{40000 + n % 3},161,17,0\n' for n in range(20000)]
        ordinary = [f'10.0.0.{n % 8},192.0.2.1,900,2026-01-01T00:0{n // 60}:{n % 60:02},2026-01-01T00:0{n // 60}:{n % 60:02},9,80,{50000 + n},6,27\n'
                    for n in range(540)]
        self.write_flows('reflected.csv', ordinary + lines)
        events = self.events('reflected.csv')
        self.assertEqual([(event['kind'], event['targets']) for event in events], [('amplification', [{'ip': '10.0.0.9', 'count': 1}])], events)
        self.assertGreaterEqual(events[0]['alerts'], 2)

    def test_page_stands_alone(self):
        self.analyze('--html', 'r.html', SWEEPS)
        page = self.w.read('r.html')
        self.assertIsNone(re.search(r'(src|href)\s*=|url\(|@import|<script|https?://', page))
        self.assertIn('10.10.5.201', page)
        self.assertEqual(page.count('<svg'), 3)

    def test_page_says_why_and_lists_the_flows(self):
        self.analyze('--html', 'r.html', SCANS)
        page = self.w.read('r.html')
        events = self.events(SCANS)
        for event in events:
            self.assertIn(event['reason'], page)
            self.assertIn(event['confidence_reason'], page)
        self.assertEqual(page.count('<div class="event">'), len(events))
        self.assertEqual(page.count('and 990 more'), 2)  # of the two scans of 1000 ports
        first = page.split('<pre>')[1].split('</pre>')[0].splitlines()
        self.assertEqual(len(first), 11)
        self.assertRegex(first[0], r'^2026-11-24 13:16:33\.\d{3}  TCP +203\.0\.113\.11:\d+ +&gt; 10\.10\.3\.80:\d+ ')
        self.assertEqual(glob.glob(self.w.file('nemea-flows-*')), [])

    def test_page_of_many_events(self):
        """Flows are those of their event only, and a page grows by little more than a kilobyte for an event."""
        lines = [f'10.1.{n}.9,192.0.2.{n},40,2026-01-01T00:{n // 60:02}:{n % 60:02},2026-01-01T00:{n // 60:02}:{n % 60:02},1,{port},40000,6,2\n'
                 for n in range(150) for port in range(1, 61)]
        self.write_flows('scans.csv', lines)
        self.analyze('--html', 'r.html', 'scans.csv')
        page = self.w.read('r.html')
        self.assertEqual(page.count('<div class="event">'), 150)
        self.assertEqual(page.count('and 50 more'), 150)
        self.assertLess(len(page), 150 * 2500)
        for event in page.split('<div class="event">')[1:]:
            source = re.search(r'data-k="Who">([^<]+)<', event)[1]
            flows = event.split('<pre>')[1].split('</pre>')[0].splitlines()[:-1]
            self.assertEqual({line.split()[3].rsplit(':', 1)[0] for line in flows}, {source})

    def test_ports_have_names(self):
        self.assertIn('port 23 (telnet) of', self.analyze(SWEEPS)[0])
        self.assertIn('port     22 (ssh)', self.analyze('--details', SWEEPS)[0])
        self.analyze('--html', 'r.html', SWEEPS)
        self.assertIn('port 445 (smb)', self.w.read('r.html'))

    def test_country_and_network_of_addresses(self):
        self.w.file('as.mmdb', database({'autonomous_system_number': 64500, 'autonomous_system_organization': '<b>Net\x1b[31m'}))
        self.w.file('country.mmdb', database({'country': {'iso_code': 'CZ'}}))
        options = '--geoip', 'as.mmdb', '--geoip', 'country.mmdb'
        status, out, err = self.w.run('nemea', 'analyze', *options, '--details', '--html', 'r.html', SWEEPS)
        if 'built without libmaxminddb' in err:
            self.skipTest('built without libmaxminddb')
        self.assertEqual(status, 0, err)
        self.assertIn('10.10.5.201 (CZ)', out)
        self.assertIn('source   10.10.5.201: CZ, AS64500 <b>Net\\x1b[31m', out)
        self.assertIn('<small>CZ, AS64500 &lt;b&gt;Net\\x1b[31m</small>', self.w.read('r.html'))
        report = json.loads(self.analyze('--json', *options, SWEEPS)[0])
        self.assertEqual(report['addresses']['10.10.5.201'], {'country': 'CZ', 'as': 64500, 'as_name': '<b>Net\\x1b[31m'})
        self.w.file('broken.mmdb', self.w.read_bytes('as.mmdb')[:60])
        for name in ('broken.mmdb', 'missing.mmdb'):
            self.assertIn(f'{name}: ', self.analyze('--geoip', name, SWEEPS, status=3)[1])

    def test_names_of_files_cannot_break_out(self):
        path = self.w.file('<b>x\x1b[31m.pcap', captures.load(SWEEPS)[:20000])
        out, _ = self.analyze('--html', 'r.html', path)
        self.assertNotIn('\x1b', out)
        self.assertIn('&lt;b&gt;x', self.w.read('r.html'))
        self.assertNotIn('<b>x', self.w.read('r.html'))

    def test_mistakes(self):
        self.w.file('empty.pcap', b'')
        self.w.file('text.txt', 'Hello.\n')
        for arguments, status, text in (
                ((), 2, 'expected a file, -i INTERFACE or --collect PORT'),
                (('--nope',), 2, 'unknown option --nope'),
                (('-i', 'lo', 'x.pcap'), 2, 'one of them only'),
                (('missing.pcap',), 3, 'missing.pcap: No such file'),
                (('empty.pcap',), 3, 'the file is empty'),
                (('text.txt',), 3, 'neither a capture nor flow records'),
                (('-i', 'nosuch0'), 3, 'nosuch0'),
                (('--html', '/nonexistent/r.html', SWEEPS), 5, 'cannot write /nonexistent/r.html')):
            _, err = self.analyze(*arguments, status=status)
            self.assertIn(text, err)

    def test_report_that_cannot_be_written_is_said(self):
        os.mkdir(self.w.file('csv'))
        os.symlink('/dev/full', self.w.file('csv/flows.csv'))
        self.assertIn('cannot write csv/flows.csv: No space left on device', self.analyze('--csv', 'csv', SWEEPS, status=5)[1])
        os.remove(self.w.file('csv/flows.csv'))
        os.symlink('/dev/full', self.w.file('csv/alerts.csv.full'))
        os.replace(self.w.file('csv/alerts.csv.full'), self.w.file('csv/alerts.csv'))
        self.assertIn('cannot write csv/alerts.csv: No space left on device', self.analyze('--csv', 'csv', SWEEPS, status=5)[1])
        self.assertIn('cannot write /dev/full: No space left on device', self.analyze('--html', '/dev/full', SWEEPS, status=5)[1])
        for arguments in (f'analyze {SWEEPS}', f'analyze --json {SWEEPS}', '--help', '--version', 'analyze --help'):
            status, _, err = self.w.run('sh', '-c', f'nemea {arguments} > /dev/full')
            self.assertEqual(status, 5, arguments)
            self.assertRegex(err, '^nemea: cannot write .* standard output: No space left on device\n$')

    def test_name_that_is_no_text(self):
        path = os.path.join(self.w.path.encode(), b'\xff\xfe.pcap')
        with open(path, 'wb') as file:
            file.write(captures.load(SWEEPS)[:20000])
        out, _ = self.analyze('--json', path)
        self.assertTrue(json.loads(out)['inputs'][0].endswith('/\\xff\\xfe.pcap'), out)

    def test_help(self):
        self.assertIn('Exit status', self.w.run('nemea', 'analyze', '--help')[1])
        self.assertIn('analyze', self.w.run('nemea', '--help')[1])
        self.assertEqual(self.w.run('nemea', 'bogus')[0], 2)

    def test_module_that_cannot_start_is_an_error_and_no_result(self):
        for name in ('flow_meter', 'vportscan_detector'):
            for text, reason in (('#!/nonexistent/interpreter\n', 'No such file'), ('#!/bin/sh\necho missing library >&2; exit 127\n', 'missing library')):
                replace_module(self.w, name, text)
                for options in ((), ('--html', 'page.html')):
                    status, out, err = self.w.run('nemea', 'analyze', *options, SCANS)
                    self.assertIn(status, (3, 4))
                    self.assertIn(name, err)
                    self.assertIn(reason, err)
                    self.assertNotIn('No attacks', out)
                    self.assertIn('not known whether', out)
                self.assertNotIn('No attacks', self.w.read('page.html'))
            os.remove(os.path.join(self.w.path, 'bin', name))

    def test_modules_are_run_by_name(self):
        for arguments in (('logger', '-h'), ('help', 'logger')):
            status, out, _ = self.w.run('nemea', *arguments)
            self.assertEqual(status, 0)
            self.assertIn('Name: logger', out)
        self.assertEqual(self.w.run('nemeactl', 'logger'), self.w.run('logger'))
        for name, near in (('loger', 'did you mean logger?'), ('vportscan_d', 'did you mean vportscan_detector?'), ('analyse', 'did you mean analyze?'),
                           ('sh', '"sh" (nemea'), ('../bin/logger', '"../bin/logger" (nemea')):
            status, _, err = self.w.run('nemea', name)
            self.assertEqual(status, 2)
            self.assertIn(near, err)
        replace_module(self.w, 'my_detector', '#!/bin/sh\necho "mine $1"\n')
        self.assertEqual(self.w.run('nemea', 'my_detector', 'x')[:2], (0, 'mine x\n'))
        self.assertIn('my_detector', self.w.run('nemea', '--help')[1].split('Modules:')[1])

    def test_source_that_cannot_tell_its_end_hangs_nobody(self):
        replace_module(self.w, 'flow_meter', f'#!/bin/sh\nexec {self.w.bin_dir}/flow_meter "$@" -n\n')  # no end of stream
        out, _ = self.analyze(SCANS)
        self.assertIn('vertical port scan', out)
        self.assertIn('the stream of flow records broke off', out)


SCANNER = """
import socket, sys
for port in range(2000, 2300):
    with socket.socket() as s:
        s.connect_ex(('127.0.0.1', port))
"""


class Live(unittest.TestCase):
    """An interface of a network namespace of our own."""

    METERS = 2  # that capture: one for the flows of all detectors, and one with plugins

    def setUp(self):
        if os.geteuid() != 0 or subprocess.run(['unshare', '-n', 'true'], check=False, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest('needs the right to make network namespaces')
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path
        self.prepare()
        self.nemea = self.w.start('unshare', '-n', 'sh', '-c', 'ip link set lo up && exec nemea analyze -i lo')
        self.w.wait_for(self.capturing, 'flow_meter to capture')

    def prepare(self):
        """What a test needs before nemea is started."""

    def capturing(self):
        """Have the meters mapped their rings of packets? Packets are captured from then on."""
        with open(f'/proc/{self.nemea.pid}/task/{self.nemea.pid}/children', encoding='ascii') as file:
            children = file.read().split()
        rings = 0
        for pid in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                with open(f'/proc/{pid}/maps', encoding='utf-8') as file:
                    rings += 'socket:[' in file.read()
        return rings == self.METERS

    def stop(self):
        """Sends two signals that count as one request, as those of timeout(1); nemea sees them at one moment."""
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            self.nemea.send_signal(number)
        out, err = self.nemea.communicate(timeout=TIMEOUT)
        self.assertEqual(self.nemea.returncode, 0, err)
        self.assertEqual(glob.glob(self.w.file('nemea-*')), [])
        return out

    def test_scan_is_reported(self):
        self.w.env['PATH'] += ':/usr/sbin:/sbin'
        status, _, err = self.w.run('nsenter', '-t', str(self.nemea.pid), '-n', sys.executable, '-c', SCANNER)
        self.assertEqual(status, 0, err)
        shown = self.nemea.stdout.readline()  # printed when the flows of the scan are over
        self.assertIn('#1 vertical port scan, TCP: 127.0.0.1 against 127.0.0.1', shown)
        self.assertIn('vertical port scan, TCP  127.0.0.1  127.0.0.1', self.stop())

    def test_silent_line_ends_at_once(self):
        out = self.stop()
        self.assertIn('No attacks found.', out)
        self.assertNotIn('broke off', out)


class Beginning(Live):
    """The meter with the plugins is asked to end before it can handle the signal."""

    SLOW, OTHER = 'exec sleep 1000', ''
    METERS = 1

    def prepare(self):
        replace_module(self.w, 'flow_meter',
                       f'#!/bin/sh\ncase "$*" in *dns*) {self.SLOW} ;; *) {self.OTHER} ;; esac\nexec {self.w.bin_dir}/flow_meter "$@"\n')

    test_scan_is_reported = None


class BeginningOfFlows(Beginning):
    """The meter without plugins is the slow one."""

    SLOW, OTHER = Beginning.OTHER, Beginning.SLOW


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
