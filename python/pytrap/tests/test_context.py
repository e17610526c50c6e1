# SPDX-License-Identifier: BSD-3-Clause
"""Contexts: init, sending and receiving, in bulk, by iteration and with the helpers."""

import os
import subprocess
import sys
import unittest

import pytrap
from pytrap import UnirecIPAddr as IP, UnirecTemplate
from support import Case, MALFORMED, MALFORMED_FORMAT, described

FIELDS = 'ipaddr IP,uint32 N,string S'


class Module(Case):
    def test_constants(self):
        self.assertEqual([pytrap.FMT_RAW, pytrap.FMT_UNIREC, pytrap.FMT_JSON], [1, 2, 3])
        self.assertEqual([pytrap.FMTS_WAITING, pytrap.FMTS_OK, pytrap.FMTS_MISMATCH, pytrap.FMTS_CHANGED], [0, 1, 2, 3])
        self.assertEqual([pytrap.CTL_AUTOFLUSH, pytrap.CTL_BUFFERSWITCH, pytrap.CTL_TIMEOUT], [1, 2, 3])
        self.assertEqual([pytrap.TIMEOUT_WAIT, pytrap.TIMEOUT_NOWAIT, pytrap.TIMEOUT_HALFWAIT, pytrap.TIMEOUT_NOAUTOFLUSH],
                         [-1, 0, -2, -1])
        self.assertEqual([pytrap.VERB_ERRORS, pytrap.VERB_WARNINGS, pytrap.VERB_NOTICES, pytrap.VERB_VERBOSE, pytrap.VERB_VERBOSE2,
                          pytrap.VERB_VERBOSE3], [-3, -2, -1, 0, 1, 2])
        for name in ('TimeoutError', 'FormatChanged', 'FormatMismatch', 'Terminated'):
            self.assertEqual(getattr(pytrap, name).__bases__, (pytrap.TrapError,))
        self.assertEqual((pytrap.TrapError.__bases__, pytrap.TrapHelp.__bases__), ((Exception,), (Exception,)))
        version = pytrap.getTrapVersion()
        self.assertEqual((len(version), type(version[0]), type(version[1])), (2, str, str))

    def test_everything_is_documented(self):
        for name in dir(pytrap):
            thing = getattr(pytrap, name)
            if name.startswith('_') or isinstance(thing, int):
                continue
            self.assertTrue(thing.__doc__, name)
            for member in vars(thing) if isinstance(thing, type) else ():
                if not member.startswith('_'):
                    self.assertTrue(getattr(thing, member).__doc__, f'{name}.{member}')

    def test_pandas_is_not_imported(self):
        code = 'import sys, pytrap; assert "pandas" not in sys.modules and "numpy" not in sys.modules'
        subprocess.run([sys.executable, '-c', code], check=True)

    def test_pandas_gets_read_nemea(self):
        with open(self.path('pandas.py'), 'w', encoding='utf-8') as file:
            file.write('DataFrame = list\n')  # a stand-in: the real one is slow
        for code in ('import pytrap, pandas', 'import pandas, pytrap'):
            code += '; assert pandas.read_nemea is pytrap.read_nemea; assert pandas.DataFrame is list'
            subprocess.run([sys.executable, '-c', f'import sys; sys.path.insert(0, {self.dir!r}); {code}'], check=True)


class Init(Case):
    def test_arguments(self):
        c = pytrap.TrapCtx()
        self.raises(TypeError, 'argument 1 must be list, not tuple', c.init, ('a', '-i', 'b:'))
        self.raises(pytrap.TrapError, 'argv list must not be empty.', c.init, [])
        self.raises(pytrap.TrapError, 'argv must contain string.', c.init, ['a', 5])
        self.raises(pytrap.TrapError, 'Missing -i argument.', c.init, ['a', '-v', '-i'])
        for spec in ('u:a,u:b', 'z:', 'f:/nowhere/at/all'):
            self.raises(pytrap.TrapError, 'Initialization failed', c.init, ['a', '-i', spec])
        for wrong in (-2, 33, 2**40):
            self.assertRaises((ValueError, OverflowError), c.init, ['a', '-i', 'b:'], wrong, 1)
        self.assertRaises(TypeError, pytrap.TrapCtx, 1, 2)
        self.assertRaises(AttributeError, setattr, c, 'x', 1)

    def test_last_specification_wins_and_others_are_ignored(self):
        c = pytrap.TrapCtx()
        argv = ['a', '-i', 'z:', '--mine', '-v', '-i', 'b:', 'rest']
        c.init(argv, 0, 1, module_name='m', module_desc='d', service_ifcname='')
        self.assertEqual(argv, ['a', '-i', 'z:', '--mine', '-v', '-i', 'b:', 'rest'])
        c.finalize()

    def test_messages_of_libtrap(self):
        code = 'import pytrap; pytrap.TrapCtx().init(["a", "-i", "u:a,u:b"])'
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr.count('ERROR: '), 1)
        self.assertIn('expected 1 input and then 0 outputs', done.stderr)
        self.assertIn('pytrap.TrapError: Initialization failed', done.stderr)

    def help(self, *argv):
        code = ('import sys, pytrap\nprint("before")\n'
                'try:\n   pytrap.TrapCtx().init(sys.argv, 1, 2, "name", "what it does")\n'
                'except pytrap.TrapHelp as e:\n   print(e)\n')
        path = self.path('module.py')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(code)
        return subprocess.run([sys.executable, path, *argv], capture_output=True, text=True, check=True).stdout

    def test_help(self):
        for argv in (['-h'], ['--help'], ['-x', '-help', '-i', 'u:a']):
            text = self.help(*argv)
            self.assertTrue(text.startswith('before\nTRAP module, libtrap version: '), text)
            self.assertIn('Name: name\nInputs: 1\nOutputs: 2\nDescription:\n  what it does\n', text)
            self.assertIn('Usage:  module.py [COMMON]...', text)
            self.assertTrue(text.endswith('Printed help, skipped initialization.\n'), text)
        for argv in (['-h1'], ['--help=trap'], ['-h', 'trap'], ['--help', '1'], ['-htrap']):
            text = self.help(*argv)
            self.assertNotIn('Name: name', text)
            self.assertIn('IFC_SPEC', text)

    def test_uninitialized(self):
        c = pytrap.TrapCtx()
        t = UnirecTemplate('uint8 A')
        for call in (c.recv, lambda: c.send(b'x'), lambda: c.recvBulk(t, 1, 1), lambda: c.sendBulk(t, []),
                     lambda: c.setRequiredFmt(0), lambda: c.setDataFmt(0), c.getDataFmt, lambda: c.getInIFCState(0),
                     lambda: c.ifcctl(0, True, 1, 1), c.records, c.ack, c.position):
            self.raises(pytrap.TrapError, 'TrapCtx is not initialized.', call)
        for call in (c.sendFlush, c.terminate, c.finalize, c.finalize):
            self.assertIsNone(call())
        self.assertRaises(TypeError, c.send)

    def test_second_init_replaces_the_first(self):
        c = pytrap.TrapCtx()
        c.init(['a', '-i', f'f:{self.path()}'], 0, 1, service_ifcname='')
        c.setDataFmt(0, pytrap.FMT_RAW)
        c.send(b'message')
        c.init(['a', '-i', f'f:{self.path()}'], 1, 0, service_ifcname='')
        c.setRequiredFmt(0, pytrap.FMT_RAW)
        self.assertEqual(self.received(c), [b'message'])
        c.finalize()

    def test_dropped_contexts_leave_nothing(self):
        for last in ('del c', 'c = None', 'c.init(["a", "-i", "b:"], 0, 1, service_ifcname="")', 'c.finalize()', 'pass'):
            code = ('import gc, os, time, pytrap\n'
                    'c = pytrap.TrapCtx()\nc.init(["a", "-i", "u:sock"], 0, 1)\n'
                    'before = os.listdir(os.environ["TRAP_SOCKET_DIR"])\nassert len(before) == 2, before\n' + last + '\n'
                    + ('' if last == 'pass' else 'left = os.listdir(os.environ["TRAP_SOCKET_DIR"]); assert left == [], left\n'
                       # The kernel lists a thread for a moment after it was joined.
                       'while len(os.listdir("/proc/self/task")) != 1: time.sleep(0.01)\n'))
            subprocess.run([sys.executable, '-c', code], check=True, timeout=60)
            self.assertEqual(os.listdir(self.dir), [])

    def test_service_interface(self):
        for name, files in (('x', 1), ('', 0), (None, 1)):
            c = pytrap.TrapCtx()
            c.init(['a', '-i', 'b:'], 0, 1, service_ifcname=name)
            self.assertEqual(len(os.listdir(self.dir)), files)
            if name is None:
                self.assertIn(f'service_{os.getpid()}', os.listdir(self.dir)[0])
            c.finalize()


class Messages(Case):
    def test_store_and_load(self):
        t = UnirecTemplate(FIELDS)
        with self.output(fields=FIELDS) as out:
            t.createMessage(50)
            for i in range(1000):
                t.IP, t.N, t.S = IP('10.0.0.1'), i, f'text {i}'
                self.assertIsNone(out.send(t.getData()))
            out.sendFlush(0)
        seen = 0
        c = self.input(fields=FIELDS)
        self.assertEqual(c.getDataFmt(), (0, ''))
        while True:
            data = c.recv()
            if len(data) <= 1:
                break
            self.assertIs(type(data), bytearray)
            t.setData(data)
            self.assertEqual((t.IP, t.N, t.S), (IP('10.0.0.1'), seen, f'text {seen}'))
            seen += 1
        self.assertEqual((seen, c.getDataFmt(0), c.getDataFmt(ifcidx=0)[0]), (1000, (2, FIELDS), 2))
        self.assertEqual((c.recv(), c.recv(ifcidx=0), c.getInIFCState(0)), (b'', b'', pytrap.FMTS_OK))
        self.raises(pytrap.TrapError, 'Bad index of IFC.', c.recv, 5)
        c.finalize()
        self.raises(pytrap.TrapError, 'not initialized', c.recv)

    def test_format_changed(self):
        self.write(FIELDS, [UnirecTemplate(FIELDS).createMessage(0)])
        c = self.input()
        self.assertFalse(hasattr(pytrap.FormatChanged, 'data'))
        with self.assertRaises(pytrap.FormatChanged) as raised:
            c.recv()
        self.assertEqual(str(raised.exception), 'Format changed.')
        self.assertEqual((len(raised.exception.data), type(raised.exception.data)), (24, bytearray))
        self.assertEqual(c.getDataFmt(0), (2, FIELDS))
        self.assertFalse(hasattr(pytrap.FormatChanged, 'data'))

    def test_mismatch(self):
        self.write(FIELDS, [b'x' * 30])
        c = self.input(fields='uint8 LACKING')
        self.raises(pytrap.FormatMismatch, 'Format mismatch, incompatible data format of sender and receiver.', c.recv)
        c = self.input(fields='uint8 LACKING')
        self.raises(pytrap.TrapError, 'Connection to incompatible IFC - format mismatch.', c.recvBulk, UnirecTemplate(''), 5, 5)

    def test_kinds_of_data(self):
        self.write('', [b'bytes', bytearray(b'array'), '{"json": "ž"}', b'', b'1'], fmt=pytrap.FMT_JSON)
        c = self.input(fmt=pytrap.FMT_JSON)
        self.assertEqual(self.received(c), [b'bytes', b'array', '{"json": "ž"}'.encode()])
        self.raises(pytrap.TrapError, 'not UniRec records', list, self.unread(pytrap.FMT_JSON).records())

    def unread(self, fmt):
        return self.input(fmt=fmt)

    def test_send_arguments(self):
        c = self.output(fmt=pytrap.FMT_RAW)
        c.send(bytes(65535))
        c.send(data=b'x', ifcidx=0)
        c.send(b'x', 0)
        self.raises(pytrap.TrapError, 'Data length is out of range (0-65535)', c.send, bytes(65536))
        for wrong in (5, None, [1], memoryview(b'x')):
            self.raises(TypeError, 'Argument data must be of bytes or bytearray type.', c.send, wrong)
        for index in (1, -1, 2**32, 2**70):
            self.raises(pytrap.TrapError, 'Bad index of IFC.', c.send, b'x', index)
        self.assertRaises(TypeError, c.send, 0, b'x')
        self.assertRaises(TypeError, c.send, b'x', 0, 0)
        self.assertRaises(TypeError, c.send, b'x', data=b'x')
        self.assertRaises(TypeError, c.send, b'x', other=0)
        self.assertRaises(UnicodeEncodeError, c.send, '\ud800')
        self.assertIsNone(c.sendFlush(7))
        c.terminate()
        self.raises(pytrap.Terminated, 'IFC was terminated.', c.send, b'x')

    def test_sending_without_a_format_fails(self):
        c = pytrap.TrapCtx()
        c.init(['a', '-i', f'f:{self.path()}'], 0, 1, service_ifcname='')
        self.assertRaises(pytrap.TrapError, c.send, b'x')

    def test_bad_indexes(self):
        c = self.input(spec='u:nobody')
        out = self.output(spec='b:')
        t = UnirecTemplate('')
        for call in (lambda: c.recv(1), lambda: c.recv(-1), lambda: c.setRequiredFmt(1), lambda: c.getDataFmt(1), lambda: c.getInIFCState(9),
                     lambda: c.ifcctl(1, True, pytrap.CTL_TIMEOUT, 1), lambda: c.ifcctl(0, False, pytrap.CTL_TIMEOUT, 1),
                     lambda: c.setDataFmt(0), lambda: out.setDataFmt(1), lambda: c.recvBulk(t, 1, 1, 1), lambda: out.sendBulk(t, [{}], 1),
                     lambda: c.records(3), lambda: c.ack(3), lambda: c.position(3)):
            self.raises(pytrap.TrapError, 'Bad index of IFC.', call)
        for call in (lambda: c.recv('0'), lambda: c.recv(None), lambda: c.recv(0, 0), lambda: c.recv(other=0), lambda: c.getInIFCState(0.0)):
            self.assertRaises(TypeError, call)
        self.assertRaises(pytrap.TrapError, c.setRequiredFmt, 0, 9)
        self.assertRaises(pytrap.TrapError, out.setDataFmt, 0, 0)
        self.assertRaises(pytrap.TrapError, c.setRequiredFmt, 0, pytrap.FMT_UNIREC, 'no template')

    def test_control(self):
        c = self.input(spec='u:nobody')
        for value in (pytrap.TIMEOUT_NOWAIT, pytrap.TIMEOUT_HALFWAIT, 1000):
            c.ifcctl(0, True, pytrap.CTL_TIMEOUT, value)
            self.raises(pytrap.TimeoutError, 'Timeout', c.recv)
        c.ifcctl(ifcidx=0, dir_in=True, request=pytrap.CTL_TIMEOUT, value=pytrap.TIMEOUT_WAIT)
        self.raises(TypeError, '', c.ifcctl, 0, 1, pytrap.CTL_TIMEOUT, 0)
        self.assertRaises(pytrap.TrapError, c.ifcctl, 0, True, 77, 0)
        self.assertRaises(OverflowError, c.ifcctl, 0, True, pytrap.CTL_TIMEOUT, 2**40)
        out = self.output(spec='b:')
        out.ifcctl(0, False, pytrap.CTL_AUTOFLUSH, pytrap.TIMEOUT_NOAUTOFLUSH)
        out.ifcctl(0, False, pytrap.CTL_BUFFERSWITCH, 0)
        self.assertEqual(out.getVerboseLevel(), -1)
        out.setVerboseLevel(level=pytrap.VERB_WARNINGS)
        self.assertEqual(pytrap.TrapCtx().getVerboseLevel(), -2)
        out.setVerboseLevel(-1)

    def test_timeout_of_the_specification(self):
        c = self.input(spec='u:nobody:timeout=1000')
        self.raises(pytrap.TimeoutError, 'Timeout', c.recv)

    def test_damaged_files(self):
        for content in (b'', b'\0', b'no trapcap file at all'):
            with open(self.path('bad'), 'wb') as file:
                file.write(content)
            c = self.input(spec=f'f:{self.path("bad")}')
            for _ in range(2):
                self.assertRaises(pytrap.TrapError, c.recv)
            self.assertRaises(pytrap.TrapError, list, self.input(spec=f'f:{self.path("bad")}').records())
            self.assertRaises(pytrap.TrapError, pytrap.read_nemea, f'f:{self.path("bad")}', array=True)


class Bulk(Case):
    def fill(self, n):
        t = UnirecTemplate(FIELDS)
        t.createMessage(0)
        messages = []
        for i in range(n):
            t.N, t.S = i, 'x' * (i % 50)
            messages.append(t.getData())
        self.write(FIELDS, messages)
        return messages

    def test_recv_bulk_gives_what_recv_gives(self):
        t = UnirecTemplate(FIELDS)
        want = []
        for message in self.fill(5000):
            t.setData(message)
            want.append(t.getDict())
        c = self.input(fields=FIELDS)
        got = c.recvBulk(t, time=60, count=10)
        self.assertEqual(len(got), 10)
        got += c.recvBulk(t, 60, -1, ifcidx=0)
        self.assertEqual(got, want)
        self.assertEqual((c.recvBulk(t, 60, -1), c.recvBulk(t, 60, 0)), ([], []))
        self.assertRaises(TypeError, c.recvBulk, t)
        self.assertRaises(TypeError, c.recvBulk, None, 1, 1)
        self.assertRaises(TypeError, c.recvBulk, t, 'x', 1)

    def test_template_follows_the_format(self):
        self.fill(3)
        for template in (UnirecTemplate(''), UnirecTemplate('uint32 N'), UnirecTemplate('string OTHER,ipaddr IP')):
            self.assertEqual([r['N'] for r in self.input().recvBulk(template, 60, -1)], [0, 1, 2])
            self.assertEqual(str(template), f'({FIELDS})')
            self.raises(pytrap.TrapError, 'Data was not set yet.', lambda t=template: t.N)

    def test_malformed_records_are_skipped(self):
        self.write(MALFORMED_FORMAT, [MALFORMED, described(0, 9), described(500, 1, b'x'), b'\1\2', described(0, 1, b'y')])
        code = ('import sys, pytrap\nc = pytrap.TrapCtx()\nc.init(["a", "-i", sys.argv[1]], 1, 0, service_ifcname="")\n'
                'c.setRequiredFmt(0)\nprint(ascii([r["TEXT"] for r in c.recvBulk(pytrap.UnirecTemplate(""), 9, -1)]))\n')
        done = subprocess.run([sys.executable, '-c', code, f'f:{self.path()}'], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "['\\ufffd', 'y']\n")
        self.assertIn('TrapError: The record is malformed', done.stderr)
        self.assertIn('3 records could not be read', done.stderr)
        rows = self.input().records()
        self.assertEqual(([r.TEXT for r in rows], rows.skipped), (['\ufffd', 'y'], 3))

    def test_time_is_a_limit(self):
        c = self.input(spec='u:nobody')  # without a timeout of its own
        self.assertEqual(c.recvBulk(UnirecTemplate(''), 0, -1), [])
        self.assertEqual(c.recvBulk(UnirecTemplate(''), 0.01, -1), [])
        c.terminate()
        self.assertEqual(c.recvBulk(UnirecTemplate(''), 1000, -1), [])

    def test_send_bulk(self):
        t = UnirecTemplate(FIELDS)
        rows = [{'IP': IP('10.0.0.1'), 'N': i, 'S': 'x' * i} for i in range(2000)]
        with self.output(fields=FIELDS) as out:
            out.sendBulk(t, rows)
            out.sendBulk(t, [])
            out.sendBulk(urtempl=t, data=({'N': '7'},), ifcidx=0)
            t.createMessage(0)
            t.S = 'kept'
            out.sendBulk(t, [{'N': 1, 'S': 'own'}, {'N': 2}])
            for wrong in ({'N': 1}, 5, None, iter([])):
                self.raises(TypeError, 'Data argument must be a sequence of dict().', out.sendBulk, t, wrong)
            self.assertRaises(TypeError, out.sendBulk, t, [{'N': 3}, 5, {'N': 4}])
            self.assertRaises(TypeError, out.sendBulk, t, [{'N': 5}, {'N': None}])
            out.terminate()
            self.raises(pytrap.Terminated, 'Sending failed: ', out.sendBulk, t, [{'N': 1}])
        self.assertEqual(len(rows), 2000)
        got = pytrap.read_nemea(f'f:{self.path()}', array=True)
        self.assertEqual(got[:2000], rows)
        zero = {'IP': IP('::'), 'N': 7, 'S': ''}
        self.assertEqual(got[2000:], [zero, dict(zero, N=1, S='own')] + [dict(zero, N=n, S='kept') for n in (2, 3, 5)])
        self.assertEqual([len(m) for m in self.received(self.input())][:3], [24, 25, 26])  # the record, not its memory

    def test_sequences_that_change(self):
        t = UnirecTemplate('uint32 N')
        rows = []

        class Evil:
            """Changes the sequence, the template and the format while it is converted."""
            def __index__(self):
                rows.clear()
                t.setData(b'')
                return 5
        rows += [{'N': Evil()}, {'N': 2}]
        with self.output(fields='uint32 N') as out:
            out.sendBulk(t, rows)
        self.assertEqual([r['N'] for r in pytrap.read_nemea(f'f:{self.path()}', array=True)], [5])


class Iteration(Case):
    def test_records(self):
        self.write(FIELDS, [UnirecTemplate(FIELDS).createMessage(0)] * 600)
        records = list(self.input().records())
        self.assertEqual(len(records), 600)
        records[0].N = 5  # each has data of its own
        self.assertEqual((records[0].N, records[1].N, str(records[0])), (5, 0, f'({FIELDS})'))
        with pytrap.TrapCtx() as c:
            c.init(['a', '-i', f'f:{self.path()}'], service_ifcname='')
            self.assertEqual(sum(1 for r in c.records(fields='uint32 N')), 600)
            self.assertEqual(list(c.records()), [])
        self.raises(pytrap.TrapError, 'not initialized', c.recv)

    def test_a_record_outlives_its_context(self):
        self.write(FIELDS, [UnirecTemplate(FIELDS).createMessage(0)] * 3)
        with self.input() as c:
            rows = c.records()
            record = next(rows)
        self.assertEqual(record.getDict(), {'IP': IP('::'), 'N': 0, 'S': ''})
        self.raises(pytrap.TrapError, 'not initialized', next, rows)

    def test_templates_outlive_contexts(self):
        t = UnirecTemplate(FIELDS)
        t.createMessage(0)
        c = self.output(spec='b:')
        ids = t.getFieldsDict()
        c.finalize()
        self.assertEqual(t.strRecord(), "IP = UnirecIPAddr('::'), N = 0, S = ''")
        self.assertEqual(UnirecTemplate(FIELDS).getFieldsDict(), ids)

    def test_several_files_and_formats(self):
        for name, fields in (('a1', 'uint32 N'), ('a2', 'uint32 N,string S'), ('a3', 'uint32 N')):
            with self.output(spec=f'f:{self.path(name)}', fields=fields) as out:
                t = UnirecTemplate(fields)
                out.sendBulk(t, [{'N': int(name[1])}] * 2)
        spec = f'f:{self.dir}/a*'
        self.assertEqual([(str(r), r.N) for r in self.input(spec=spec).records()],
                         [('(uint32 N)', 1)] * 2 + [('(uint32 N,string S)', 2)] * 2 + [('(uint32 N)', 3)] * 2)
        self.assertEqual([r['N'] for r in pytrap.read_nemea(spec, array=True)], [1, 1, 2, 2, 3, 3])
        self.assertEqual([r['N'] for r in pytrap.read_nemea(spec, nrows=3, array=True)], [1, 1, 2])


class Helpers(Case):
    def test_store_and_load(self):
        with pytrap.PytrapHelperStore(f'f:{self.path()}', FIELDS) as store:
            self.assertEqual((store.ifcspec, store.fmtspec), (f'f:{self.path()}', FIELDS))
            for i in range(5):
                store.rec.N, store.rec.S = i, 'x' * 1000 * i
                store.store_record()
        with pytrap.PytrapHelperLoad(f'f:{self.path()}') as load:
            for i in range(5):
                rec = load.load_record()
                self.assertEqual((rec.N, rec.S), (i, 'x' * 1000 * i))
            self.assertIsNone(load.load_record())
            self.assertIsNone(load.load_record())

    def test_without_with(self):
        store = pytrap.PytrapHelperStore(f'f:{self.path()}', FIELDS)
        store.data_stop()
        self.assertIs(store.data_start(), store.rec)
        store.store_record()
        store.data_stop()
        store.data_stop()
        load = pytrap.PytrapHelperLoad(f'f:{self.path()}')
        load.data_stop()
        load.data_start()
        load.trap.setRequiredFmt(0, pytrap.FMT_UNIREC, FIELDS)  # so that no change comes first
        self.assertEqual(load.load_record().N, 0)
        load.data_stop()

    def test_read_nemea_without_pandas(self):
        code = ('import sys, pytrap\nsys.modules["pandas"] = None\n'
                'try:\n   pytrap.read_nemea("f:/nowhere")\nexcept ModuleNotFoundError:\n   print("asked first")\n')
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, 'asked first\n')


if __name__ == '__main__':
    unittest.main()
