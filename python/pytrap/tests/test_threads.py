# SPDX-License-Identifier: BSD-3-Clause
"""Threads and signals: a call that waits lets others run, is ended by Ctrl-C, and outlives no context."""

import os
import signal
import subprocess
import sys
import threading
import unittest

import pytrap
from pytrap import UnirecTemplate
from support import Case

WAIT = ('import os, sys, signal, pytrap\n'
        'c = pytrap.TrapCtx()\nc.init(["a", "-i", "u:nobody"], service_ifcname="")\nc.setRequiredFmt(0)\n'
        't = pytrap.UnirecTemplate("")\n')
READY = '   print("ready", flush=True)\n'


class Signals(Case):
    def interrupted(self, statement, number=signal.SIGINT):
        """Runs a statement that waits, and sends signals until it has ended. Returns (output, exit status)."""
        code = WAIT + f'try:\n{READY}   {statement}\nexcept KeyboardInterrupt:\n   print("interrupted")\nc.finalize()\n'
        with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stdout.readline(), 'ready\n')
            process.send_signal(number)  # once: it must not be lost, whenever it comes
            out = process.stdout.read()
        return out, process.returncode

    def test_ctrl_c_ends_a_wait(self):
        for statement in ('c.recv()', 'c.recvBulk(t, 1000, -1)', 'list(c.records())'):
            self.assertEqual(self.interrupted(statement), ('interrupted\n', 0), statement)

    def test_terminate_in_a_handler(self):
        handler = 'signal.signal(signal.SIGTERM, lambda n, f: c.terminate())'
        code = WAIT + f'{handler}\ntry:\n{READY}   c.recv()\nexcept pytrap.Terminated as e:\n   print(e)\n'
        with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stdout.readline(), 'ready\n')
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.read(), 'IFC was terminated.\n')
        self.assertEqual(process.returncode, 0)

    def test_handlers_that_return_do_not_end_it(self):
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda n, f: (seen.append(n), len(seen) > 2 and c.terminate()))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        c = self.input(spec='u:nobody')
        stop = threading.Event()

        def send():
            while not stop.wait(0.001):
                os.kill(os.getpid(), signal.SIGUSR1)
        sender = threading.Thread(target=send)
        sender.start()
        self.assertRaises(pytrap.Terminated, c.recv)
        stop.set()
        sender.join()
        self.assertGreater(len(seen), 2)


class Threads(Case):
    def waiting(self, function):
        """Calls the function in a thread, and returns (thread, list for its result) when it is inside."""
        results, inside = [], threading.Event()

        def run():
            inside.set()
            try:
                results.append(function())
            except Exception as e:  # pylint: disable=broad-except
                results.append(e)
        thread = threading.Thread(target=run)
        thread.start()
        inside.wait()
        return thread, results

    def ended(self, function, end):
        """What the function, which waits, gives after something that ends it from another thread."""
        thread, results = self.waiting(function)
        end()  # this runs while the other one waits
        thread.join()
        return results[0]

    def test_terminate_and_finalize_end_a_wait(self):
        for name in ('terminate', 'finalize'):
            for method in ('recv', 'records'):
                c = self.input(spec='u:nobody')
                result = self.ended(c.recv if method == 'recv' else lambda: list(c.records()), getattr(c, name))
                if name == 'finalize':  # it may be over before the other thread is inside
                    self.assertTrue(result == [] or isinstance(result, pytrap.TrapError), result)
                else:
                    self.assertTrue(result == [] if method == 'records' else isinstance(result, pytrap.Terminated), result)
                c.finalize()

    def test_finalize_while_many_receive(self):
        c = self.input(spec='u:nobody')
        threads = [self.waiting(c.recv) for _ in range(5)]
        c.finalize()
        for thread, results in threads:
            thread.join()
            self.assertIsInstance(results[0], pytrap.TrapError)

    def test_threads_that_share_an_input(self):
        fields = 'uint32 N'
        with self.output(fields=fields) as out:
            out.sendBulk(UnirecTemplate(fields), [{'N': i} for i in range(4000)])
        c = self.input(fields=fields)
        got = [self.waiting(lambda: [bytes(m) for m in self.received(c)]) for _ in range(4)]
        seen = []
        for thread, results in got:
            thread.join()
            seen += results[0]
        self.assertEqual(sorted(seen), sorted(i.to_bytes(4, 'little') for i in range(4000)))

    def test_threads_that_share_an_output(self):
        with self.output(fmt=pytrap.FMT_RAW) as out:
            threads = [self.waiting(lambda n=n: [out.send(b'%d' % n * 100) for _ in range(500)]) for n in range(4)]
            for thread, _ in threads:
                thread.join()
        messages = self.received(self.input(fmt=pytrap.FMT_RAW))
        self.assertEqual(len(messages), 2000)
        self.assertEqual({bytes(m) for m in messages}, {b'%d' % n * 100 for n in range(4)})

    def test_a_message_that_is_sent_cannot_be_resized(self):
        out = self.output(fmt=pytrap.FMT_RAW)
        data = bytearray(60000)

        def resize():
            for size in (10, 60000) * 200:
                try:
                    data[:] = bytes(size)
                except BufferError:
                    pass
        thread, _ = self.waiting(resize)
        for _ in range(400):
            out.send(data)
        thread.join()
        out.finalize()
        self.assertEqual({len(m) for m in self.received(self.input(fmt=pytrap.FMT_RAW))} - {10, 60000}, set())

    def test_sockets(self):
        fields = 'uint32 N,string S'
        out = self.output(spec='u:flows', fields=fields)
        c = self.input(spec='u:flows')
        thread, results = self.waiting(lambda: [(r.N, r.S) for r in c.records()])
        rows = [{'N': i, 'S': 'x' * (i % 100)} for i in range(3000)]
        out.sendBulk(UnirecTemplate(fields), rows)
        out.send(b'\0')
        out.sendFlush()
        thread.join()
        self.assertEqual(results[0], [(r['N'], r['S']) for r in rows])

    def test_acknowledged_records_do_not_come_again(self):
        fields = 'uint32 N'
        out = self.output(spec='u:flows:min_clients=1:timeout=WAIT', fields=fields)
        first = self.input(spec='u:flows:resume=me', fields=fields)
        first.ack()  # nothing yet
        self.assertEqual(first.position(), (0, 0))
        sender, _ = self.waiting(lambda: (out.sendBulk(UnirecTemplate(fields), [{'N': i} for i in range(10)]), out.sendFlush()))
        rows = first.records()
        self.assertEqual([next(rows).N for _ in range(4)], [0, 1, 2, 3])
        first.ack()
        instance, number = first.position()
        self.assertNotEqual(instance, 0)
        self.assertEqual(next(rows).N, 4)  # not acknowledged, and the rest was fetched with it
        self.assertEqual(first.position(), (instance, number + 1))
        sender.join()
        first.finalize()
        second = self.input(spec='u:flows:resume=me', fields=fields)
        rows = second.records()
        self.assertEqual(next(rows).N, 4)
        self.assertEqual(second.position(), (instance, number + 1))  # it is known as the same message
        self.assertEqual([next(rows).N for _ in range(5)], [5, 6, 7, 8, 9])

    def test_a_format_with_another_type_is_refused(self):
        mine = UnirecTemplate('uint32 N')
        out = self.output(spec='u:flows', fields='string N')
        c = self.input(spec='u:flows')
        thread, results = self.waiting(lambda: [r.N for r in c.records()])
        # A sender with another format comes while the reader waits.
        message = bytes([0, 0, 1, 0]) + b'x'
        out.ifcctl(0, False, pytrap.CTL_TIMEOUT, pytrap.TIMEOUT_WAIT)
        out.send(message)
        out.sendFlush()
        out.setDataFmt(0, pytrap.FMT_UNIREC, 'uint32 N')
        out.send((5).to_bytes(4, 'little'))
        out.send(b'\0')
        out.sendFlush()
        thread.join()
        self.assertEqual((results[0], str(mine)), ([5], '(uint32 N)'))


if __name__ == '__main__':
    unittest.main()
