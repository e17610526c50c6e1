#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs of this build against recorded bytes of NEMEA 2: files, streams and the service interface.

usage: recordings_test.py BIN_DIR [TEST...]    a test: Recordings.test_files_are_read
"""

import json
import os
import socket
import sys
import threading
import unittest

from programs import ROOT, Workspace

BIN = None
RECORDED = os.path.join(ROOT, 'tests', 'golden', 'trap')
SHORT_TITLE = 'ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES'


def recorded(name):
    with open(os.path.join(RECORDED, name), 'rb') as file:
        return file.read()


NO_FORMAT_YET = bytes(8)  # hello of a sender that does not know its format: a reader connects again


def everything(connection):
    """All that the other side sends until it closes."""
    with connection:
        return b''.join(iter(lambda: connection.recv(65536), b''))


def stream(connect):
    """All of a stream from its first hello with a format."""
    while True:
        got = everything(connect())
        if got != NO_FORMAT_YET:
            return got


class Recordings(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.flows = recorded('file-unirec.logger.csv').decode()
        rows = [line.split(',')[:3] for line in self.flows.splitlines()[1:]]
        self.short = SHORT_TITLE + '\n' + ''.join(','.join(row) + '\n' for row in rows)

    def replay(self, text, interface):
        """Sends lines of CSV to an interface."""
        self.w.file('in.csv', text)
        status, _, err = self.w.run('logreplay', '-f', 'in.csv', '-i', interface)
        self.assertEqual(status, 0, err)

    def test_files_are_read(self):
        path = os.path.join(RECORDED, 'file-unirec.trapcap')
        self.assertEqual(self.w.run('logger', '-t', '-i', f'f:{path}')[:2], (0, self.flows))
        path = os.path.join(RECORDED, 'file-change.trapcap.00001')
        self.assertEqual(self.w.run('logger', '-t', '-i', f'f:{path}')[:2], (0, self.short))

    def test_files_are_written(self):
        self.replay(self.flows, 'f:o.trapcap:w')
        self.assertEqual(self.w.read_bytes('o.trapcap'), recorded('file-unirec.trapcap'))
        self.replay(''.join(self.short.splitlines(True)[:2]), 'f:o.trapcap:w')
        self.assertEqual(self.w.read_bytes('o.trapcap'), recorded('file-logreplay.trapcap'))

    def test_a_change_of_format_begins_another_file(self):
        self.replay(self.flows + self.short, 'f:o.trapcap:a')
        self.assertEqual(self.w.read_bytes('o.trapcap.00000'), recorded('file-change.trapcap.00000'))
        self.assertEqual(self.w.read_bytes('o.trapcap.00001'), recorded('file-change.trapcap.00001'))

    def test_streams_are_the_recorded_bytes(self):
        """As a client sees them that sends nothing and knows no shared memory."""
        self.w.file('in.csv', self.flows)
        sender = self.w.start('logreplay', '-f', 'in.csv', '-i', 'u:flows:timeout=WAIT')
        path = self.w.file('trap-flows.sock')
        self.assertEqual(stream(lambda: self.w.connect(path)), recorded('unix-unirec.bin'))
        self.assertEqual(self.w.end(sender)[0], 0)
        port = self.w.free_port()
        sender = self.w.start('logreplay', '-f', 'in.csv', '-i', f't:{port}:timeout=WAIT')
        self.assertEqual(stream(lambda: self.w.connect(port)), recorded('tcp-unirec.bin'))
        self.assertEqual(self.w.end(sender)[0], 0)

    def test_a_recorded_sender_is_understood(self):
        """A sender that knows the stream only, to a reader that would take shared memory."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.w.file('trap-old.sock'))
            server.listen(1)
            reader = self.w.start('logger', '-t', '-i', 'u:old')
            connection, _ = server.accept()
            with connection:
                connection.sendall(recorded('unix-unirec.bin'))
                self.assertEqual(self.w.end(reader)[:2], (0, self.flows))

    def test_trap_stats_asks_and_shows_as_recorded(self):
        asked = []

        def serve(server):
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(8, socket.MSG_WAITALL))
                connection.sendall(recorded('service-reply-input-module.bin'))
                connection.recv(1)

        path = self.w.file('service.sock')
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(1)
            thread = threading.Thread(target=serve, args=(server,))
            thread.start()
            status, out, err = self.w.run('trap_stats', '-1', path)
            thread.join()
        self.assertEqual(status, 0, err)
        self.assertEqual(asked, [recorded('service-request.bin')])
        self.assertEqual(out, recorded('trap_stats-input-module.txt').decode())


    def test_service_replies_as_recorded(self):
        """The keys, and the types of their values; there may be more of them."""
        self.w.file('in.csv', self.flows)
        sender = self.w.start('logreplay', '-f', 'in.csv', '-i', 'u:svc1:timeout=WAIT')
        with self.w.connect(self.w.file(f'trap-service_{sender.pid}.sock')) as client:
            client.sendall(recorded('service-request.bin'))
            head = client.recv(8, socket.MSG_WAITALL)
            got = head + client.recv(int.from_bytes(head[4:], 'little'), socket.MSG_WAITALL)
        want = recorded('service-reply-output-module.bin')
        self.assertEqual(got[:4], want[:4])
        self.assertEqual(got[-1], 0)
        want, got = (json.loads(reply[8:-1]) for reply in (want, got))

        def types(value):
            return {key: type(item).__name__ for key, item in value.items()}

        self.assertLessEqual(types(want).items(), types(got).items())
        self.assertLessEqual(types(want['out'][0]).items(), types(got['out'][0]).items())
        stream(lambda: self.w.connect(self.w.file('trap-svc1.sock')))
        self.assertEqual(self.w.end(sender)[0], 0)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BIN = sys.argv.pop(1)
    unittest.main()
