# SPDX-License-Identifier: BSD-3-Clause
"""Columns: what recvColumns() gives, what pandas and Arrow get of it, and sendColumns()."""

import sys
import types
import unittest

import pytrap
from pytrap import UnirecIPAddr as IP, UnirecMACAddr as MAC, UnirecTemplate, UnirecTime as Time
from support import ALL_TYPES, Case, MALFORMED_FORMAT, described

try:
    import numpy
except ModuleNotFoundError:
    print('numpy is not installed')
    sys.exit(77)
try:
    import pandas
except ModuleNotFoundError:
    pandas = None

FIELDS = ALL_TYPES.replace('char CHR,', '')
ROW = {'IP': IP('10.0.0.1'), 'DB': 1e300, 'I64': -2**63, 'TIME': Time(1466701316, 123), 'U64': 2**64 - 1, 'MAC': MAC('1:2:3:4:5:6'),
       'FL': 1.5, 'I32': -5, 'U32': 2**32 - 1, 'I16': -5, 'U16': 65535, 'I8': -3, 'U8': 255, 'AI8': [-1, 1], 'AU8': [1, 255],
       'SB': b'\0\xff', 'TEXT': 'ž\U0001f600 text', 'AI16': [-5], 'AU16': [65535, 1], 'AFL': [1.5], 'AI32': [-7], 'AU32': [7],
       'AMAC': [MAC('1:1:1:1:1:1'), MAC('2:2:2:2:2:2')], 'ADB': [0.5], 'AI64': [-2**63], 'AT': [Time(5, 7)], 'AU64': [2**64 - 1],
       'AIP': [IP('::1'), IP('1.1.1.1')]}


class Columns(Case):
    def setUp(self):
        super().setUp()
        t = UnirecTemplate(FIELDS)
        self.rows = []
        for i in range(1200):  # more than a batch
            t.createMessage(0)
            t.setFromDict(ROW if i % 3 == 0 else {'U32': i, 'TEXT': 'x' * (i % 40), 'IP': f'10.0.{i % 4}.1', 'AU16': [i] * (i % 3)})
            self.rows.append(t.getData())
        self.write(FIELDS, self.rows)
        self.dicts = pytrap.read_nemea(f'f:{self.path()}', array=True)

    def all_of(self, **keywords):
        with pytrap.TrapCtx() as c:
            c.init(['a', '-i', f'f:{self.path()}'], service_ifcname='')
            return c.recvColumns(**keywords)

    def sent(self, columns, fields=FIELDS):
        with self.output(spec=f'f:{self.path("sent")}', fields=fields) as out:
            out.sendColumns(UnirecTemplate(fields), columns)
        return pytrap.read_nemea(f'f:{self.path("sent")}', array=True)

    def test_values(self):
        c = self.all_of()
        self.assertEqual((len(c), c.n, c.end, c.skipped), (1200, 1200, True, 0))
        self.assertEqual(list(c), [f.split()[1] for f in FIELDS.split(',')])
        self.assertEqual((list(c.keys()), 'IP' in c, 'NO' in c, c.types['AU64']), (list(c), True, False, 'uint64*'))
        self.assertRaises(KeyError, lambda: c['NO'])
        for name in ('DB', 'I64', 'U64', 'FL', 'I32', 'U32', 'I16', 'U16', 'U8'):
            self.assertEqual(c[name].tolist(), [d[name] for d in self.dicts], name)
        self.assertEqual([numpy.dtype(c[n].dtype).name for n in ('I8', 'U64', 'FL', 'TIME')], ['int8', 'uint64', 'float32', 'datetime64[ns]'])
        self.assertEqual(c['I8'][0], -3)
        self.assertEqual(c['TIME'][0], numpy.datetime64('2016-06-23T17:01:56.123', 'ns'))
        self.assertEqual(list(pytrap.columns.texts(c['IP'])), [str(d['IP']) for d in self.dicts])
        self.assertEqual(list(pytrap.columns.texts(c['MAC'])), [str(d['MAC']) for d in self.dicts])
        self.assertEqual(c['TEXT'].tolist(), [d['TEXT'] for d in self.dicts])
        self.assertEqual(c['SB'].tolist(), [bytes(d['SB']) for d in self.dicts])
        self.assertEqual((c['TEXT'][0], c['TEXT'][-1], len(c['TEXT'])), (self.dicts[0]['TEXT'], self.dicts[-1]['TEXT'], 1200))
        self.assertRaises(IndexError, lambda: c['TEXT'][1200])
        for name in ('AI8', 'AU8', 'AI16', 'AU16', 'AFL', 'AI32', 'AU32', 'ADB', 'AI64', 'AU64'):
            self.assertEqual([v.tolist() for v in c[name].tolist()], [d[name] for d in self.dicts], name)
        self.assertEqual(c['AT'][0][0], numpy.datetime64('1970-01-01T00:00:05.007', 'ns'))
        self.assertEqual((c['AIP'][0].shape, c['AMAC'][0].tobytes()), ((2, 16), b'\1' * 6 + b'\2' * 6))
        c['U32'][0] = 1  # they can be changed

    def test_parts(self):
        with self.input() as c:
            parts = [c.recvColumns(500), c.recvColumns(count=1), c.recvColumns(0), c.recvColumns(700), c.recvColumns(-1), c.recvColumns()]
        self.assertEqual([len(p) for p in parts], [500, 1, 0, 699, 0, 0])
        self.assertEqual([p.end for p in parts], [False, False, False, True, True, True])
        self.assertEqual(parts[2].types, {})
        self.assertEqual(numpy.concatenate([p['U32'] for p in parts if len(p)]).tolist(), [d['U32'] for d in self.dicts])
        self.assertEqual(self.all_of(count=5, time=1000, ifcidx=0, fields='uint32 U32')['U32'].tolist(), [d['U32'] for d in self.dicts[:5]])

    def test_arguments(self):
        c = pytrap.TrapCtx()
        self.raises(pytrap.TrapError, 'not initialized', c.recvColumns)
        self.raises(pytrap.TrapError, 'not initialized', c.sendColumns, UnirecTemplate(''), {})
        with self.input() as c:
            self.assertRaises(TypeError, c.recvColumns, 'x')
            self.assertRaises(TypeError, c.recvColumns, 1, 'x')
            self.raises(pytrap.TrapError, 'Bad index', c.recvColumns, ifcidx=5)
        nobody = self.input(spec='u:nobody')
        self.assertEqual(len(nobody.recvColumns(time=0)), 0)
        self.assertEqual(len(nobody.recvColumns(time=0.01)), 0)
        nobody.terminate()
        self.assertTrue(nobody.recvColumns().end)
        self.assertRaises(pytrap.FormatMismatch, self.all_of, fields='uint8 LACKING')

    def test_malformed_records(self):
        good = described(0, 2, b'ab')
        self.write(MALFORMED_FORMAT, [good, described(0, 9), good, good, b'\1\2', described(500, 1, b'x')])
        c = self.all_of()
        self.assertEqual((c['TEXT'].tolist(), c['NUM'].tolist(), c.skipped, c.end), (['ab'] * 3, [7] * 3, 3, True))

    def test_formats_begin_new_columns(self):
        for name, fields in (('a1', 'uint32 U32'), ('a2', 'uint32 U32,string TEXT')):
            with self.output(spec=f'f:{self.path(name)}', fields=fields) as out:
                out.sendColumns(UnirecTemplate(fields), {'U32': [1, 2, 3]})
        with self.input(spec=f'f:{self.dir}/a?') as c:
            parts = [c.recvColumns(), c.recvColumns(), c.recvColumns()]
        self.assertEqual([(list(p), len(p), p.end) for p in parts],
                         [(['U32'], 3, False), (['U32', 'TEXT'], 3, True), ([], 0, True)])

    def test_there_and_back(self):
        self.assertEqual(self.sent(self.all_of()), self.dicts)

    def test_sending_lists(self):
        want = [d for d in self.dicts if d['U32'] == 2**32 - 1][:3]
        columns = {name: [d[name] for d in want] for name in want[0]}
        columns['I8'] = [-3] * 3
        self.assertEqual(self.sent(columns), want)
        fields = 'uint32 U32,time TIME,ipaddr IP,string TEXT'
        got = self.sent({'U32': numpy.arange(2), 'TIME': ['2020-01-01T00:00:00', '2020-01-01'], 'IP': ['::1', IP('1.1.1.1')], 'MORE': [1, 2]},
                        fields)
        self.assertEqual(got, [{'U32': i, 'TIME': Time('2020-01-01T00:00:00'), 'IP': ip, 'TEXT': ''} for i, ip in
                               ((0, IP('::1')), (1, IP('1.1.1.1')))])
        self.assertEqual(self.sent({}, fields), [])
        self.assertEqual(self.sent({'U32': []}, fields), [])
        nat = self.sent({'TIME': numpy.array(['NaT', '2500-01-01'], 'datetime64[s]')}, fields)
        self.assertEqual(nat[0]['TIME'], Time(0))
        self.assertEqual(nat[1]['TIME'].getSeconds(), 0 if nat[1]['TIME'] == Time(0) else 2**32 - 1)

    def test_wrong_columns(self):
        fields = 'uint32 U32,string TEXT,ipaddr IP,uint16* AU16'
        with self.output(spec='b:', fields=fields) as out:
            t = UnirecTemplate(fields)
            self.raises(ValueError, 'Columns of different lengths', out.sendColumns, t, {'U32': [1], 'TEXT': ['a', 'b']})
            for columns in ({'U32': ['x']}, {'U32': [1.5]}, {'TEXT': [5]}, {'IP': [5]}, {'U32': [[1, 2]]}, {'TEXT': self.all_of()['SB']}):
                self.assertRaises((TypeError, AttributeError, ValueError), out.sendColumns, t, columns)
            for wrong in (5, None, [1]):
                self.assertRaises(AttributeError, out.sendColumns, t, wrong)
            self.assertRaises(TypeError, out.sendColumns, None, {})
            self.raises(pytrap.TrapError, 'longer than 65535', out.sendColumns, t, {'TEXT': ['x' * 70000]})
            self.raises(pytrap.TrapError, 'Bad index', out.sendColumns, t, {}, 3)
            for offsets, data in (([0, 5], b'abc'), ([0, -1], b'abc'), ([2, 1], b'abc'), ([-5, 1], b'abc'), ([0, 2**62], b'abc')):
                bad = pytrap.columns.Variable('string', numpy.array(offsets, 'i8'), data)
                self.raises(ValueError, 'Field TEXT', out.sendColumns, t, {'TEXT': bad})
            bad = pytrap.columns.Variable('uint16*', numpy.array([0, 3], 'i8'), b'abcd')
            self.raises(ValueError, 'Field AU16', out.sendColumns, t, {'AU16': bad})
            bad = pytrap.columns.Variable('string', numpy.array([0, 1, 2], 'i8'), b'ab')
            bad._bytes = (memoryview(bytearray(33))[1:], b'ab')
            self.raises(ValueError, 'not aligned', out.sendColumns, t, {'TEXT': bad})
            bad._bytes = (numpy.array([0], 'i8'), b'ab')
            self.raises(ValueError, 'expected 3 offsets', out.sendColumns, t, {'TEXT': bad})

    @unittest.skipIf(pandas is None, 'pandas is not installed')
    def test_pandas(self):
        frame = self.all_of().to_pandas()
        self.assertEqual(len(frame), 1200)
        self.assertEqual(list(frame['IP']), [str(d['IP']) for d in self.dicts])
        self.assertEqual(list(frame['TEXT']), [d['TEXT'] for d in self.dicts])
        self.assertEqual(str(frame['TIME'][0]), '2016-06-23 17:01:56.123000')
        self.assertEqual(int(frame['U32'].sum()), sum(d['U32'] for d in self.dicts))
        back = self.sent(frame[['IP', 'U32', 'TEXT', 'TIME', 'AU16', 'MAC']], 'ipaddr IP,uint32 U32,string TEXT,time TIME,uint16* AU16,macaddr MAC')
        self.assertEqual(back, [{n: d[n] for n in back[0]} for d in self.dicts])
        self.assertEqual(len(self.input(spec='u:nobody').recvColumns(time=0).to_pandas()), 0)
        whole = pandas.read_nemea(f'f:{self.path()}', nrows=7)
        self.assertEqual((type(whole), len(whole)), (pandas.DataFrame, 7))

    def test_arrow(self):
        """With a stand-in for pyarrow: buffers and types are what its documentation asks for."""
        arrow = types.ModuleType('pyarrow')
        arrow.table = dict
        arrow.array = lambda column: ('array', column)
        arrow.py_buffer = bytes
        arrow.binary = lambda size: f'binary{size}'
        arrow.large_utf8 = lambda: 'utf8'
        arrow.large_binary = lambda: 'bytes'
        arrow.Array = types.SimpleNamespace(from_buffers=lambda kind, n, buffers: (kind, n, buffers))
        arrow.LargeListArray = types.SimpleNamespace(from_arrays=lambda offsets, values: ('list', offsets, values))
        sys.modules['pyarrow'] = arrow
        self.addCleanup(sys.modules.pop, 'pyarrow')
        c = self.all_of()
        table = c.to_arrow()
        kind, n, (valid, offsets, data) = table['TEXT']
        self.assertEqual((kind, n, valid, len(offsets)), ('utf8', 1200, None, 8 * 1201))
        self.assertEqual(data, ''.join(d['TEXT'] for d in self.dicts).encode())
        self.assertEqual((table['SB'][0], table['IP'][0], table['IP'][2][1]), ('bytes', 'binary16', c['IP'].tobytes()))
        self.assertIs(table['U32'][1], c['U32'])
        self.assertEqual(table['AU16'][1].tolist(), c['AU16'].offsets.tolist())
        for halves, kind in ((['é', 'é'], 'utf8'), ([b'\xc3', b'\xa9'], 'bytes'), ([b'\xff', b'a'], 'bytes'), (['', ''], 'utf8')):
            offsets = numpy.cumsum([0] + [len(h if isinstance(h, bytes) else h.encode()) for h in halves])
            text = pytrap.columns.Variable('string', offsets, b''.join(h if isinstance(h, bytes) else h.encode() for h in halves))
            self.assertEqual(pytrap.columns._to_arrow(arrow, text)[0], kind, halves)


if __name__ == '__main__':
    unittest.main()
