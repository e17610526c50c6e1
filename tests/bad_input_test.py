#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input of the flow-processing modules: the error names the file or option, the place and the reason; the exit status is the
one that is documented; and what was read before is delivered.

usage: bad_input_test.py BIN_DIR
"""

import os
import sys
import unittest

from programs import Workspace

BIN = None
FLOWS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,'
         'uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS\n'
         '192.0.2.1,10.0.0.1,100,1,2026-01-01T00:00:00,2026-01-01T00:00:01,1,80,40000,0,6,2\n'
         '192.0.2.2,10.0.0.2,200,1,2026-01-01T00:00:02,2026-01-01T00:00:03,2,443,40001,0,6,2\n')
# Modules with an input of records: the options that they need, whether they have an output, and a field that they need.
MODULES = {
    'agg': (('-k', 'SRC_IP', '-s', 'BYTES'), True, 'TIME_FIRST'),
    'anonymizer': ((), True, None),
    'biflow_aggregator': (('-e', '-c', 'biflow.xml', '-n', 'x'), True, 'TIME_FIRST'),
    'deduplicator': ((), True, 'LINK_BIT_FIELD'),
    'endiverter': ((), True, None),
    'flow_age_stats': ((), False, 'TIME_FIRST'),
    'flowcounter': ((), False, 'PACKETS'),
    'link_traffic': (('-s', './munin.sock', '-c', 'links.cfg'), False, 'LINK_BIT_FIELD'),
    'listdetector': (('-r', 'rules.csv'), True, 'SRC_IP'),
    'logger': ((), False, None),
    'merger': ((), True, None),
    'nfwriter': (('-f', 'out.nf'), False, 'SRC_IP'),
    'prefix_tags': (('-c', 'networks.json'), True, 'SRC_IP'),
    'proto_traffic': (('-s', './munin.sock'), False, 'PROTOCOL'),
    'sampler': (('-r', '1'), True, None),
    'scalar_agg': (('--flush', '-r', 'flows:COUNT(BYTES)'), True, 'TIME_FIRST'),
    'telemetry_stats': (('-o', 'stdout'), True, None),
    'topn': (('-n', '1', '-l', '60'), False, 'PROTOCOL'),
    'traffic_repeater': ((), True, None),
    'unirec2json': ((), True, None),
    'unirecfilter': (('-F', 'DST_PORT > 0'), True, None),
}
FILES = {
    'biflow.xml': '<?xml version="1.0"?><aggregator><id name="x"><field><name>SRC_IP</name><type>KEY</type></field></id></aggregator>',
    'links.cfg': '1,one,LINK_BIT_FIELD,FFFFFF\n',
    'networks.json': '[{"id": 1, "ip_prefix": "10.0.0.0/8"}]',
    'rules.csv': 'ipaddr SRC_IP\n192.0.2.77\n',
}
# Command lines with a file or an expression that is wrong: name and contents of the file, command, status, what stands in the error.
WRONG = [
    ('x.json', '[{"id": 1,\n "ip_prefix": "10.0.0.0/8"\n "id": 2}]', ('prefix_tags', '-c', 'x.json', '-i', 'f:flows,b:'), 255, ('x.json', '3')),
    ('x.json', '[{"id": 1, "ip_prefix": "10.0.0.0/33"}]', ('prefix_tags', '-c', 'x.json', '-i', 'f:flows,b:'), 255, ('x.json', '10.0.0.0/33')),
    ('x.json', '{"match": 5}', ('unirec2json', '-M', 'x.json', '-i', 'f:flows,b:'), 1, ('x.json', 'match')),
    ('x.json', '{"match": [', ('unirec2json', '-M', 'x.json', '-i', 'f:flows,b:'), 1, ('x.json',)),
    ('rules', 'uint32 N: N == 1;\n: N = = 2;\n', ('unirecfilter', '-f', 'rules', '--strict', '-i', 'f:flows,b:,b:'), 1, ('N = = 2', 'byte')),
    ('rules', 'uint99 N: N == 1;\n', ('unirecfilter', '-f', 'rules', '-i', 'f:flows,b:'), 254, ('uint99 N',)),
    ('none', '', ('unirecfilter', '-F', 'DST_PORT ==', '--strict', '-i', 'f:flows,b:'), 1, ('DST_PORT ==', 'byte 11')),
    ('none', '', ('logger', '-F', 'NO_SUCH == 1', '-i', 'f:flows'), 1, ('NO_SUCH', 'byte 0')),
    ('none', '', ('agg', '-k', 'NO_SUCH', '-i', 'f:flows,b:'), 1, ('NO_SUCH',)),
    ('key', 'short\n', ('anonymizer', '-f', 'key', '-i', 'f:flows,b:'), 2, ('size: 5', '32 char')),
    ('none', '', ('anonymizer', '-f', 'missing', '-i', 'f:flows,b:'), 2, ('missing', 'No such file')),
    ('x.csv', 'uint32 N,word M\n', ('logreplay', '-f', 'x.csv', '-i', 'b:'), 1, ('x.csv, line 1', 'word M')),
    ('x.csv', '', ('logreplay', '-f', 'x.csv', '-i', 'b:'), 1, ('x.csv', 'empty')),
    ('none', '', ('logreplay', '-f', 'missing', '-i', 'b:'), 4, ('missing', 'No such file')),
    ('none', '', ('json_replay', '-i', 'b:', 'missing'), 1, ('missing', 'No such file')),
    ('none', '', ('merger', '-u', 'uint99 N', '-i', 'f:flows,b:'), 254, ('uint99 N',)),
    ('none', '', ('topn', '-n', '1', '-l', '60', '-p', '70000', '-i', 'f:flows'), 1, ('-p', '70000')),
    ('none', '', ('flowcounter', '-o', '0', '-i', 'f:flows,b:'), 1, ('-o',)),
    ('none', '', ('debug_sender', '-i', 'b:', 'uint99 N'), 1, ('uint99 N',)),
    ('rules', 'ipaddr SRC_IP,uint16 DST_PORT\n192.0.2.1,x\n', ('listdetector', '-r', 'rules', '-i', 'f:flows,b:'), 1, ('rules', '2')),
    ('none', '', ('scalar_agg', '-r', 'a:SUM(BYTES):BYTES==', '-i', 'f:flows,b:'), 1, ('rule a', 'byte 8')),
    ('x.xml', '<aggregator>\n<id name="x">\n<field></id>', ('biflow_aggregator', '-c', 'x.xml', '-n', 'x', '-i', 'f:flows,b:'), 1, ('x.xml',)),
    ('x.nf', 'no file of nfdump', ('nfdump_reader', '-i', 'b:', 'x.nf'), 3, ('x.nf',)),
    ('none', '', ('nfdump_reader', '-f', 'proto nonsense', '-i', 'b:', 'x.nf'), 3, ('nonsense',)),
]


def here(name):
    return os.path.exists(os.path.join(BIN, name))


class BadInput(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        for name, text in FILES.items():
            self.w.file(name, text)
        self.w.file('flows.csv', FLOWS)
        self.assertEqual(self.w.run('logreplay', '-f', 'flows.csv', '-i', 'f:flows:w')[0], 0)

    def modules(self):
        return [(name, *MODULES[name]) for name in sorted(MODULES) if here(name)]

    def test_files_that_end_in_a_record(self):
        title, first, _ = FLOWS.splitlines()
        self.w.file('many.csv', '\n'.join([title, *[first] * 3000]) + '\n')  # several blocks of the file
        self.assertEqual(self.w.run('logreplay', '-f', 'many.csv', '-i', 'f:many:w')[0], 0)
        whole = self.w.read_bytes('many')
        self.w.file('cut', whole[:-5])
        for name, options, output, _ in self.modules():
            with self.subTest(name):
                status, out, err = self.w.run(name, *options, '-i', 'f:cut,f:out:w' if output else 'f:cut')
                self.assertEqual(status, 1, err)
                self.assertRegex(err, r'File \S*cut\b.*it ends at byte ' + str(len(whole) - 5))
                if name == 'logger':
                    self.assertGreater(out.count('\n'), 1000)  # what stands in front of the damage
                elif output and name not in ('unirec2json', 'endiverter', 'listdetector'):
                    self.assertGreater(self.w.run('logger', '-i', 'f:out')[1].count('\n'), 0)

    def test_files_that_are_none(self):
        self.w.file('text', 'not a recording of records\n')
        for name, options, output, _ in self.modules():
            with self.subTest(name):
                status, _, err = self.w.run(name, *options, '-i', 'f:text,b:' if output else 'f:text')
                self.assertEqual(status, 1, err)
                self.assertRegex(err, r'File \S*text\b.*not a trapcap file')

    def test_records_without_a_field_that_is_needed(self):
        self.w.file('other.csv', 'uint32 OTHER\n1\n')
        self.assertEqual(self.w.run('logreplay', '-f', 'other.csv', '-i', 'f:other:w')[0], 0)
        for name, options, output, field in self.modules():
            if field is None:
                continue
            with self.subTest(name):
                _, _, err = self.w.run(name, *options, '-i', 'f:other,b:' if output else 'f:other')
                self.assertRegex(err, r"the sender does not have the required field '\w+ \w+'|the input has no field \"\w+ \w+\"")

    def test_fields_of_another_type(self):
        for name, options, output, field in self.modules():
            if field is None:
                continue
            with self.subTest(name):
                title, *rows = FLOWS.splitlines()
                names = [column.split()[1] for column in title.split(',')]
                at = names.index(field)
                wrong = ['string ' + field if i == at else column for i, column in enumerate(title.split(','))]
                self.w.file('wrong.csv', ','.join(wrong) + '\n' + '\n'.join(rows) + '\n')
                self.assertEqual(self.w.run('logreplay', '-f', 'wrong.csv', '-i', 'f:wrong:w')[0], 0)
                _, _, err = self.w.run(name, *options, '-i', 'f:wrong,b:' if output else 'f:wrong')
                self.assertIn(field, err)

    def test_wrong_files_and_expressions(self):
        for name, text, command, status, parts in WRONG:
            if not here(command[0]):
                continue
            with self.subTest(command=' '.join(command)):
                self.w.file(name, text)
                got, out, err = self.w.run(*command)
                self.assertEqual(got, status, out + err)
                for part in parts:
                    self.assertIn(part, err)

    def test_wrong_lines_are_named_and_the_others_sent(self):
        self.w.file('x.csv', 'ipaddr IP,uint16 PORT\n10.0.0.1,1\n10.0.0,2\n10.0.0.3,"3\n10.0.0.4,4\n')
        status, _, err = self.w.run('logreplay', '-f', 'x.csv', '-i', 'f:x:w')
        self.assertEqual(status, 0, err)
        self.assertIn('x.csv, line 3: invalid field IP', err)
        self.assertIn('x.csv, line 4: invalid field PORT', err)
        self.assertEqual(self.w.run('logger', '-i', 'f:x')[1], '10.0.0.1,1\n10.0.0.4,4\n')
        self.w.file('x.json', '{"a": 1}\n{"a": }\n{"a": 2}\n')
        status, _, err = self.w.run('json_replay', '-i', 'f:y:w', 'x.json')
        self.assertEqual(status, 0, err)
        self.assertIn("'x.json' line 2", err)
        self.assertEqual(self.w.run('json_dump', '-i', 'f:y')[1], '{"a": 1}\n{"a": 2}\n')

    def test_messages_that_are_no_json(self):
        self.w.file('x.json', '{"a": 1}\n')
        self.assertEqual(self.w.run('json_replay', '-i', 'f:y:w', 'x.json')[0], 0)
        self.w.file('y', self.w.read_bytes('y').replace(b'{"a": 1}', b'{"a"; 1}'))
        status, out, err = self.w.run('json_dump', '-i', 'f:y')
        self.assertEqual((status, out), (0, ''))
        self.assertIn('ERROR: Received invalid JSON (message skipped): byte 4', err)


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
