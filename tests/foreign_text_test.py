#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Text from peers and files cannot control a terminal, adds no line to a CSV file, and no formula if that is requested.

usage: foreign_text_test.py BIN_DIR
"""

import json
import os
import socket
import struct
import sys
import threading
import unittest

from programs import Workspace

BIN = None
TITLE = '\x1b]0;owned\x07\x1b[2J'  # sets the title of a terminal and clears it


def capture(spec, messages):
    """Bytes of a capture file of UniRec records."""
    body = b''.join(struct.pack('>H', len(m)) + m for m in messages)
    return b'\2\0\0\0' + struct.pack('>I', len(spec)) + spec + struct.pack('>I', len(body)) + body


class ForeignText(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)

    def assert_plain(self, text):
        self.assertEqual([c for c in text if c != '\n' and not c.isprintable()], [], text)

    def test_characters_stay_in_their_column_and_come_back(self):
        names = ','.join(f'char C{i:02}' for i in range(8))
        self.w.file('chars', capture(names.encode(), [b'a\n\x1b,"\xff\\\0', b'=+-@ x\t|']))
        status, out, _ = self.w.run('logger', '-t', '-i', 'f:chars')
        self.assertEqual(status, 0)
        self.assertEqual(out.splitlines(), [names, r'a,"\x0a","\x1b",",","""","\xff",\,', r'=,+,-,@, ,x,"\x09",|'])
        self.w.file('chars.csv', out)
        self.assertEqual(self.w.run('logreplay', '-n', '-f', 'chars.csv', '-i', 'f:again')[0], 0)
        with open(self.w.file('chars'), 'rb') as a, open(self.w.file('again'), 'rb') as b:
            self.assertEqual(a.read(), b.read())
        self.assertEqual(self.w.run('logger', '-d', '|', '-i', 'f:chars')[1].splitlines()[1], r'=|+|-|@| |x|"\x09"|"|"')

    def test_formulas_are_guarded_when_asked_for(self):
        formula = b'=cmd|calc!A0'
        self.w.file('x', capture(b'char C,string NAME', [b'-' + struct.pack('<HH', 0, len(formula)) + formula]))
        self.assertEqual(self.w.run('logger', '-i', 'f:x')[1], '-,"=cmd|calc!A0"\n')
        self.assertEqual(self.w.run('logger', '-s', '-i', 'f:x')[1], "'-,\"'=cmd|calc!A0\"\n")

    def test_formats_are_shown_as_text(self):
        for name, spec in (('front', TITLE.encode() + b' uint8 X'), ('back', b'uint8 X\x1b[31;1mRED'),
                           ('c1', b'uint8 X\xc2\x9b2J'), ('lines', b'uint8 X\nERROR: forged')):
            self.w.file(name, capture(spec, [b'a']))
            for program, interfaces in (('logger', f'f:{name}'), ('syn_counter', f'f:{name},b:')):
                status, out, err = self.w.run(program, '-i', interfaces)
                self.assertNotEqual(status, 0)
                self.assert_plain(out + err)
                self.assertNotIn('\nERROR: forged', err)

    def test_bad_lines_of_csv_are_shown_as_text(self):
        self.w.file('x.csv', f'uint32 N\n1\n{TITLE}\n2\n')
        status, _, err = self.w.run('logreplay', '-f', 'x.csv', '-i', 'f:x')
        self.assertEqual(status, 0)
        self.assertIn(r'\x1b]0;owned', err)
        self.assert_plain(err)
        self.w.file('y.csv', f'uint32 N{TITLE}\n1\n')
        status, _, err = self.w.run('logreplay', '-f', 'y.csv', '-i', 'f:y')
        self.assertEqual(status, 1)
        self.assert_plain(err)

    def test_file_names_in_messages_are_shown_as_text(self):
        name = f'x{TITLE}.csv'
        for command in (('logger', '-i', f'f:{name}'), ('logreplay', '-f', name, '-i', 'b:'),
                        ('nemea', 'analyze', name), ('nemea', TITLE)):
            status, out, err = self.w.run(*command)
            self.assertNotEqual(status, 0)
            self.assert_plain(out + err)

    def test_reply_of_a_service_is_shown_as_text(self):
        client = {'id': 1, 'sent_containers': 1, 'sent_messages': 1, 'skipped_messages': 0, 'skipped_percentage': 0.0,
                  'transport': TITLE}
        reply = {'in_cnt': 1, 'out_cnt': 1,
                 'in': [{'ifc_id': TITLE, 'ifc_type': 27, 'ifc_state': 1, 'messages': 1, 'buffers': 1, 'delay_last': 0,
                         'delay_total': 0}],
                 'out': [{'ifc_id': TITLE, 'ifc_type': 155, 'num_clients': 1, 'sent-messages': 1, 'dropped-messages': 0,
                          'buffers': 1, 'autoflushes': 0, 'client_stats_arr': [dict(client, id=TITLE), client]}]}
        text = json.dumps(reply).encode() + b'\0'
        path = os.path.join(self.w.path, 'service.sock')
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(2)

            def answer():
                while True:
                    try:
                        peer, _ = server.accept()
                    except OSError:
                        return
                    with peer:
                        while peer.recv(8):
                            peer.sendall(struct.pack('=B3xI', 12, len(text)) + text)

            thread = threading.Thread(target=answer)
            thread.start()
            try:
                status, out, err = self.w.run('trap_stats', '-1', path)
                self.assertEqual((status, err), (0, ''))
                self.assertIn(r'ID: \x1b]0;owned\x07\x1b[2J, TYPE: ?', out)
                self.assert_plain(out.replace('\t', ''))
                watching = self.w.start('trap_stats', '-w0.1', path)
                lines = [watching.stdout.readline() for _ in range(12)]
                self.w.end(watching, 15)
                self.assert_plain(''.join(lines))
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
