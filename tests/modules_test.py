#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of the module kit with real processes: logger, logreplay, syn_counter.

usage: modules_test.py BIN_DIR
"""

import fcntl
import os
import re
import resource
import signal
import subprocess
import sys
import termios
import unittest

from programs import Workspace, line_with

BIN = None

ALL_TYPES = '''\
ipaddr DST_IP,ipaddr SRC_IP,double D,int64 I64,time T,uint64 U64,macaddr MAC,float FL,int32 I32,uint32 U32,\
int16 I16,uint16 U16,char CH,int8 I8,uint8 U8,uint8* AU8,bytes BY,string STR,int16* AI16,int32* AI,macaddr* AMAC,\
double* AD,time* ATM,ipaddr* AIP
10.0.0.1,2001:db8::1,1.500000,-9223372036854775808,2020-01-02T03:04:05.123456,18446744073709551615,00:11:22:aa:bb:cc,\
0.250000,-2147483648,4294967295,-32768,65535,x,-128,255,[1|2|3],00ff41,"hello, ""world"" \\",[-1|7],[0|-5],\
[00:00:00:00:00:01|ff:ff:ff:ff:ff:ff],[1.500000|-2.250000],[2020-01-01T00:00:00.000000],[1.2.3.4|::1]
::,0.0.0.0,0.000000,0,1970-01-01T00:00:00.000000,0,00:00:00:00:00:00,0.000000,0,0,0,0,,0,0,[],,"",[],[],[],[],[],[]
'''.replace('\\\n', '')

FLOWS = 'ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS\n'


def flow(source, second, flags=2):
    t = f'2026-01-01T00:{second // 60:02}:{second % 60:02}.500000'
    return f'{source},{t},{t},{flags}\n'


def catches(process, number):
    """Has the program set a handler for the signal?"""
    with open(f'/proc/{process.pid}/status', encoding='ascii') as file:
        return int(file.read().split('SigCgt:')[1].split()[0], 16) >> (number - 1) & 1


def waiting_bytes(pipe):
    """Unread bytes in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


class Modules(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def ok(self, result):
        self.assertEqual(result[0], 0, result[2])
        return result[1]

    def pipe(self, spec_out, spec_in, text):
        """Text through logreplay, an interface and logger."""
        source = self.w.start('logreplay', '-d', '-f', self.w.file('in.csv', text), '-i', spec_out)
        if spec_out.startswith('f:'):
            self.ok(self.w.end(source))
        out = self.ok(self.w.run('logger', '-t', '-i', spec_in))
        if not spec_out.startswith('f:'):
            self.ok(self.w.end(source))
        return out

    def test_text_comes_back_bit_for_bit_over_every_interface(self):
        port = self.w.free_port()
        for spec_out, spec_in in (('u:flows', 'u:flows'), (f't:{port}', f't:127.0.0.1:{port}'), ('f:x', 'f:x'),
                                  ('u:one:buffer=off', 'u:one')):
            self.assertEqual(self.pipe(spec_out, spec_in, ALL_TYPES), ALL_TYPES, spec_out)

    def test_many_records_in_order(self):
        text = 'uint32 N,string S\n' + ''.join(f'{i},"{"x" * (i % 97)}"\n' for i in range(50000))
        self.assertEqual(self.pipe('u:flows', 'u:flows', text), text)

    def test_last_line_without_newline_and_dos_line_ends(self):
        self.assertEqual(self.pipe('f:a', 'f:a', 'uint32 N,string S\r\n1,a\r\n2,"b"'), 'uint32 N,string S\n1,"a"\n2,"b"\n')

    def test_long_strings_are_not_cut(self):
        text = 'string S\n"' + '""' * 60000 + '"\n'
        self.assertEqual(self.pipe('f:a', 'f:a', text), text)

    def test_records_of_one_byte_have_no_extra_row(self):
        self.assertEqual(self.pipe('f:a', 'f:a', 'uint8 ID\n1\n0\n'), 'uint8 ID\n1\n0\n')

    def test_two_inputs_in_one_file_after_another(self):
        self.pipe('f:a', 'f:a', 'uint32 N\n1\n')
        self.assertEqual(self.pipe('f:a:a', 'f:a*', 'string S\n"x"\n'), 'uint32 N\n1\n')

    def test_damage_is_one_line_that_names_the_file(self):
        self.pipe('f:a', 'f:a', 'uint32 N\n1\n2\n')
        path = os.path.join(self.w.path, 'a')
        with open(path, 'rb') as file:
            whole = file.read()
        for content, reason in ((whole[:-1], f'it ends at byte {len(whole) - 1}'), (b'root:x:0:0:root', 'not a trapcap file'),
                                (b'', 'is empty'), (b'\2\0\0\0\0\0\0\10\33[2Jxxxx' + b'\0' * 8, 'a')):
            with open(path, 'wb') as file:
                file.write(content)
            status, _, err = self.w.run('logger', '-i', 'f:a')
            self.assertEqual((status, err.count('\n')), (1, 1), err)
            self.assertRegex(err, r'^logger: input 0: File \S*a\b')
            self.assertIn(reason, err)

    def test_titles_in_the_middle_change_the_columns(self):
        text = 'uint32 N,string S\n1,"a"\n2,"uint8 X"\nuint16 PORT\n80\n443\nuint32 N,string S\n3,"b"\n'
        for spec_out, spec_in in (('u:flows', 'u:flows'), ('f:a', 'f:a*')):
            self.assertEqual(self.pipe(spec_out, spec_in, text), text)
        repeated = 'uint32 N\n1\nuint32 N\n2\n'
        self.assertEqual(self.pipe('f:b', 'f:b', repeated), 'uint32 N\n1\n2\n')

    def test_lines_of_any_length_take_bounded_memory(self):
        def limit():
            # AddressSanitizer reserves terabytes of addresses.
            with open(os.path.join(BIN, 'logreplay'), 'rb') as program:
                if b'__asan_init' not in program.read():
                    resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))

        path = self.w.file('long.csv', b'uint32 N\n1\n')
        with open(path, 'r+b') as file:
            file.seek(3 << 30)  # a hole: a line of three gigabytes
            file.write(b'\n2\n')
        source = self.w.start('logreplay', '-n', '-f', 'long.csv', '-i', 'f:x', preexec_fn=limit)
        status, _, err = self.w.end(source)
        self.assertEqual(status, 0)
        self.assertIn('long.csv, line 3: longer than 4194304 bytes, skipped', err)
        self.assertEqual(self.ok(self.w.run('logger', '-i', 'f:x')), '1\n2\n')
        self.w.file('title.csv', b'uint32 N' + b',uint8 X' * (1 << 20))
        status, _, err = self.w.run('logreplay', '-f', 'title.csv', '-i', 'f:x')
        self.assertEqual(status, 1)
        self.assertIn('title.csv: the first line is longer than', err)

    def test_an_endless_line_is_left_on_sigterm(self):
        source = self.w.start('logreplay', '-n', '-f', '-', '-i', 'f:x', stdin=subprocess.PIPE)
        source.stdin.write('uint32 N\n1\n' + 'x' * (1 << 16))  # more than a pipe holds: it takes two reads
        source.stdin.flush()
        self.w.wait_for(lambda: waiting_bytes(source.stdin) == 0, 'the second read, after the record')
        self.ok(self.w.end(source, signal.SIGTERM))
        self.assertEqual(self.ok(self.w.run('logger', '-i', 'f:x')), '1\n')

    def test_bad_columns_of_a_title_are_named(self):
        for title, text in (('uint32 N,uint33 M', 'line 1: column "uint33 M": it has no known type, expected "type NAME"'),
                            ('uint32 N,uint32 1M', 'line 1: column "uint32 1M": the name must be'),
                            ('uint32 N,uint8 N', 'line 1: column "uint8 N": the field has another type')):
            status, _, err = self.w.run('logreplay', '-f', self.w.file('t.csv', title + '\n1,2\n'), '-i', 'f:x')
            self.assertEqual(status, 1)
            self.assertIn(text, err)

    def test_csv2nf(self):
        title = ('time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,uint16 SRC_PORT,string NAME,ipaddr DST_IP,uint16 DST_PORT,'
                 'uint8 PROTOCOL,uint8 TCP_FLAGS,uint32 PACKETS,uint64 BYTES\n')
        row = '2020-01-02T03:04:05.000006,2020-01-02T03:04:06.5,10.0.0.1,1234,"a,""b",192.168.100.200,80,6,27,5,400\n'
        other = '2020-01-02T03:04:05.0,2020-01-02T03:04:06.0,192.168.100.200,53,x,10.0.0.1,9,89,0,1,40\n'
        paths = [self.w.file('1.csv', title + row + title + other), self.w.file('2.csv', title + row)]
        script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'modules', 'logger', 'csv2nf.sh')
        lines = self.ok(self.w.run('sh', script, *paths)).splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn('TCPFLG', lines[0])
        hosts = '10.0.0.1 : 1234'.rjust(24) + '  ->  ' + '192.168.100.200 : 80'.rjust(24)
        self.assertEqual(lines[1], f'2020-01-02T03:04:05\t2020-01-02T03:04:06\t{hosts}\tTCP\t.AP.SF\t  5\t  400')
        self.assertEqual(lines[2].split('\t')[3:5], ['89', '......'])
        self.w.env['SHORT_IP_ONLY'] = 'yes'
        self.assertEqual(len(self.ok(self.w.run('sh', script, *paths)).splitlines()), 3)
        status, _, err = self.w.run('sh', script, paths[0], self.w.file('3.csv', 'uint8 X\n1\n'))
        self.assertEqual(status, 1)
        self.assertIn('mismatching header', err)

    def test_sigterm_ends_with_last_words_and_end_of_stream(self):
        source = self.w.start('logreplay', '-n', '-f', self.w.file('in.csv', FLOWS + flow('10.0.0.1', 1)), '-i', 'u:flows')
        counter = self.w.start('syn_counter', '-v', '-l', '1', '-i', 'u:flows,u:alerts')
        reader = self.w.start('logger', '-i', 'u:alerts')
        self.ok(self.w.end(source))

        def ready():  # after the signal nobody is waited for, and nothing more is read
            shown = self.w.run('trap_stats', '-1', str(counter.pid))[1]
            return 'NUM_CLI: 1,' in shown and '\trecords: 1\n' in shown

        self.w.wait_for(ready, 'the record and the reader of alerts')
        status, _, err = self.w.end(counter, signal.SIGTERM)
        self.assertEqual(status, 0)
        self.assertIn('syn_counter: records ', err)
        self.assertEqual(self.ok(self.w.end(reader)).count('10.0.0.1,'), 1)

    def test_module_waiting_for_nobody_ends_on_sigint(self):
        for name, spec in (('logger', 'u:nobody'), ('syn_counter', 'u:nobody,u:alerts')):
            process = self.w.start(name, '-i', spec)
            self.w.wait_for(lambda p=process: catches(p, signal.SIGINT), 'handlers')
            self.assertEqual(self.w.end(process, signal.SIGINT)[0], 0)

    def test_records_that_nobody_takes_are_counted(self):
        self.ok(self.w.run('logreplay', '-d', '-f', self.w.file('in.csv', FLOWS + 1000 * flow('10.0.0.1', 1)), '-i', 'f:in'))
        status, _, err = self.w.run('traffic_repeater', '-i', 'f:in,u:nobody:timeout=1:min_clients=1')
        self.assertEqual(status, 0, err)
        self.assertRegex(err, r'Flows received: +1000\n')
        self.assertRegex(err, r'Flows sent: +0\n')
        self.assertRegex(err, r'Timeouts: +1000\n')

    def test_records_in_hand_when_it_is_stopped_are_counted(self):
        self.ok(self.w.run('logreplay', '-d', '-f', self.w.file('in.csv', FLOWS + 1000 * flow('10.0.0.1', 1)), '-i', 'f:in'))
        process = self.w.start('traffic_repeater', '-v', '-i', 'f:in,u:nobody')
        self.w.wait_until_blocked(process)
        status, _, err = self.w.end(process, signal.SIGINT)
        self.assertEqual(status, 0, err)
        records, sent, dropped = map(int, re.search(r'records (\d+),.* sent (\d+), dropped (\d+)\n', err).groups())
        self.assertGreater(records, 0)
        self.assertEqual((sent, dropped), (0, records))

    def test_sigusr1_shows_counters(self):
        process = self.w.start('logger', '-i', 'u:nobody')
        self.w.wait_for(lambda: catches(process, signal.SIGUSR1), 'handlers')
        process.send_signal(signal.SIGUSR1)
        self.assertIn('records 0, missed 0', line_with(process.stderr, 'logger: '))

    def test_reader_goes_on_with_a_new_sender_and_its_format(self):
        reader = self.w.start('logger', '-t', '-i', 'u:flows')
        self.ok(self.w.run('logreplay', '-n', '-f', self.w.file('1.csv', 'uint32 N\n1\n'), '-i', 'u:flows'))
        self.ok(self.w.run('logreplay', '-f', self.w.file('2.csv', 'string S\n"x"\n'), '-i', 'u:flows'))
        self.assertEqual(self.ok(self.w.end(reader)), 'uint32 N\n1\nstring S\n"x"\n')

    def test_counts_are_a_matter_of_stream_time(self):
        text = FLOWS + ''.join(flow(f'10.0.0.{i % 2}', i) for i in range(118)) + flow('10.0.0.9', 300)
        self.w.file('in.csv', text)
        self.ok(self.w.run('logreplay', '-f', 'in.csv', '-i', 'f:flows'))
        self.ok(self.w.run('syn_counter', '-l', '30', '-i', 'f:flows,f:alerts'))
        # The first minute has 30 flows per source, the second 29.
        rows = self.ok(self.w.run('logger', '-i', 'f:alerts')).splitlines()
        self.assertEqual([r.split(',')[0] for r in rows], ['10.0.0.0', '10.0.0.1'])
        self.assertTrue(all(r.endswith(',30') for r in rows))

    def test_stream_time_also_counts_with_exactly_the_required_fields(self):
        self.w.file('in.csv', FLOWS + flow('10.0.0.1', 1) + flow('10.0.0.1', 61) + flow('10.0.0.1', 62))
        self.ok(self.w.run('logreplay', '-f', 'in.csv', '-i', 'f:flows'))
        self.ok(self.w.run('syn_counter', '-l', '2', '-i', 'f:flows,f:alerts'))
        self.assertIn('00:01:02', self.ok(self.w.run('logger', '-i', 'f:alerts')))

    def test_full_table_forgets_and_counts(self):
        text = FLOWS + ''.join(flow(f'10.0.{i // 250}.{i % 250}', 1) for i in range(1000))
        self.w.file('in.csv', text)
        self.ok(self.w.run('logreplay', '-f', 'in.csv', '-i', 'f:flows'))
        status, _, err = self.w.run('syn_counter', '-v', '-c', '10', '-i', 'f:flows,b:')
        self.assertEqual(status, 0)
        self.assertIn('records 1000', err)
        self.assertIn('sources evicted 990', err)

    def test_field_of_another_type_is_named(self):
        self.w.file('in.csv', 'uint32 SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST\n1,2,3,4\n')
        self.ok(self.w.run('logreplay', '-f', 'in.csv', '-i', 'f:flows'))
        status, _, err = self.w.run('syn_counter', '-i', 'f:flows,b:')
        self.assertEqual(status, 1)
        self.assertIn('syn_counter: input flows:', err)
        self.assertIn('mismatch', err)

    def test_mistakes_on_the_command_line(self):
        for command, status, text in (
                (('logger',), 2, 'logger: ERROR in parsing of parameters for TRAP:'),
                (('logger', '-i', 'u:a,u:b'), 2, '-i has 2 interfaces, expected 1 input and then 0 outputs.'),
                (('logger', '-i', 'q:a'), 2, 'q'),
                (('logger', '-c', 'x', '-i', 'b:'), 1, '-c: "x" is not a number'),
                (('logger', '-w', '/nonexistent/x', '-i', 'u:a'), 3, "can't open output file: \"/nonexistent/x\""),
                (('logreplay', '-i', 'b:'), 1, 'Missing parameter -f'),
                (('logreplay', '-f', '/nonexistent', '-i', 'b:'), 4, 'Cannot open file "/nonexistent"'),
                (('syn_counter', '-l', '0', '-i', 'u:a,b:'), 1, '"0" is not a number from 1 to 4294967295')):
            result = self.w.run(*command)
            self.assertEqual(result[0], status, f'{command}: {result}')
            self.assertIn(text, result[2])

    def test_a_query_needs_no_interface(self):
        program = 'device_classifier'
        if not os.path.exists(os.path.join(BIN, program)):
            self.skipTest(f'{program} is not built: it needs libsvm')
        labels = self.ok(self.w.run(program, '-l'))
        self.assertIn('SERVER\n', labels)
        for more in (('-v', '--list'), ('--list', '-i', 'u:nobody')):
            self.assertEqual(self.ok(self.w.run(program, *more)), labels)
        for words, message in (((), 'option -i with the interfaces (IFC_SPEC) is missing'), (('-l', 'x'), 'unexpected argument "x"'),
                               (('-v',), 'option -i with the interfaces'), (('-B',), '--build needs --models DIR'), (('-l', '-i'), 'option -i has no argument')):
            status, out, err = self.w.run(program, *words)
            self.assertEqual((status, out), (1, ''), words)
            self.assertIn(message, err)
        self.assertIn('Print the labels, and end. Needs no -i.', ' '.join(self.ok(self.w.run(program, '-h')).split()))

    def test_help_is_text_or_json(self):
        self.assertIn('--limit <uint32>', self.ok(self.w.run('syn_counter', '--help')))
        self.w.env['LIBTRAP_OUTPUT_FORMAT'] = 'json'
        self.assertIn('"syn_counter"', self.ok(self.w.run('syn_counter', '-h')))


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
