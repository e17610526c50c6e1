# SPDX-License-Identifier: BSD-3-Clause
"""Templates: fields, records, dictionaries, and records that are malformed."""

import itertools
import unittest

import pytrap
from pytrap import UnirecIPAddr as IP, UnirecMACAddr as MAC, UnirecTemplate, UnirecTime as Time
from support import ALL_TYPES, Case, MALFORMED, MALFORMED_FORMAT, described


class Definition(Case):
    def test_order_is_canonical(self):
        shuffled = ','.join(reversed(ALL_TYPES.split(',')))
        self.assertEqual(str(UnirecTemplate(shuffled)), f'({ALL_TYPES})')
        self.assertEqual(str(UnirecTemplate('')), '()')
        self.assertEqual(len(UnirecTemplate('')), 0)
        self.assertEqual(str(UnirecTemplate(' uint8  A , string S, uint8 A')), '(uint8 A,string S)')
        self.assertEqual(len(UnirecTemplate(spec=ALL_TYPES)), 29)
        self.assertRegex(repr(UnirecTemplate('uint8 A')), '^<pytrap.UnirecTemplate object at 0x')

    def test_errors(self):
        for bad in ('uint8 A;uint8 B', 'uint8 1A', 'uint8 A-B', 'uint8 _A'):
            self.raises(pytrap.TrapError, 'ur_define_set_of_fields() failed due to bad name', UnirecTemplate, bad)
        for unknown in ('uint9 A', 'uint8', 'A', 'uint8 A,', ' ,'):
            try:
                UnirecTemplate(unknown)
            except pytrap.TrapError as e:
                self.assertIn('failed due to', str(e))
        self.raises(pytrap.TrapError, 'failed due to unkown reason.', UnirecTemplate, 'uint9 A')
        keep = UnirecTemplate('uint8 REDEFINED')
        self.raises(pytrap.TrapError, 'failed because some field with the existing name is being redefined', UnirecTemplate,
                    'uint16 REDEFINED')
        self.raises(pytrap.TrapError, 'redefined', UnirecTemplate, 'uint16 TWICE,uint8 TWICE')
        self.assertEqual(len(keep), 1)
        many = ','.join(f'ipaddr LONG{i}' for i in range(4200))
        self.raises(pytrap.TrapError, 'Creation of UniRec template failed.', UnirecTemplate, many)
        for wrong in (5, None, b'uint8 A'):
            self.assertRaises(TypeError, UnirecTemplate, wrong)
        self.assertRaises(TypeError, UnirecTemplate)
        self.assertRaises(ValueError, UnirecTemplate, 'uint8 A\0')

    def test_many_formats_do_not_fill_the_registry(self):
        for i in range(120):
            t = UnirecTemplate(','.join(f'uint8 PEER{i}_{k}' for k in range(300)))
        self.assertEqual(len(t), 300)

    def test_ids(self):
        t = UnirecTemplate('uint8 A,string S')
        ids = t.getFieldsDict()
        self.assertEqual(set(ids), {'A', 'S'})
        self.assertEqual(t.getFieldsDict(True), {number: name for name, number in ids.items()})
        data = t.createMessage(10)
        t.setByID(data, ids['S'], 'abc')
        t.setByID(data=data, field_name=ids['A'], value=5)
        self.assertEqual((t.getByID(data, ids['S']), t.getByID(data=data, field_id=ids['A'])), ('abc', 5))
        other = UnirecTemplate('uint8 OTHER').getFieldsDict()
        for bad in (-1, 30000, 2**80, *other.values()):
            self.raises(pytrap.TrapError, 'Field is not in the UniRec template', t.getByID, data, bad)
            self.raises(pytrap.TrapError, 'Field is not in the UniRec template', t.setByID, data, bad, 1)
        self.assertRaises(TypeError, t.getByID, data, 'A')

    def test_fields_hide_methods(self):
        t = UnirecTemplate('uint8 createMessage,uint8 A')
        UnirecTemplate.createMessage(t)
        t.createMessage = 7
        self.assertEqual(t.createMessage, 7)

    def test_attributes(self):
        t = UnirecTemplate('uint8 A')
        t.createMessage()
        self.assertRaises(AttributeError, getattr, t, 'B')
        self.assertRaises(AttributeError, setattr, t, 'B', 1)
        self.assertRaises(TypeError, delattr, t, 'A')
        setattr(t, ''.join(['', 'A']), 5)
        self.assertEqual(getattr(t, 'xA'[1:]), 5)

        class Mine(UnirecTemplate):
            pass
        mine = Mine('uint8 A')
        mine.note = 'x'
        self.assertEqual(mine.note, 'x')

        class Other(UnirecTemplate):
            def __init__(self, width, name):
                super().__init__(f'uint{width} {name}')
        self.assertEqual(str(Other(8, 'A')), '(uint8 A)')
        self.assertEqual(str(UnirecTemplate.__new__(UnirecTemplate)), '()')


class Records(Case):
    def setUp(self):
        super().setUp()
        self.t = UnirecTemplate('ipaddr IP,uint32 N,uint8 A,string S,uint16* L')

    def test_without_data(self):
        t = self.t
        for function in (lambda: t.A, lambda: next(iter(t)), lambda: next(t), t.strRecord, t.getDict, lambda: list(t),
                         lambda: setattr(t, 'A', 1)):
            self.raises(pytrap.TrapError, 'Data was not set yet.', function)
        self.raises(pytrap.TrapError, 'No data was set - use setData before.', t.getData)
        self.assertRaises(TypeError, t.recSize)
        self.assertRaises(TypeError, t.recVarlenSize)
        self.assertEqual(t.recFixlenSize(), 16 + 4 + 1 + 8)
        self.raises(pytrap.TrapError, 'Data was not set yet.', list, UnirecTemplate(''))

    def test_messages_and_sizes(self):
        t = self.t
        data = t.createMessage(100)
        self.assertEqual((type(data), len(data), t.recSize(), t.recVarlenSize()), (bytearray, 129, 29, 0))
        t.S, t.L, t.N = 'abc', [1, 2], 77
        self.assertEqual((t.recSize(), t.recVarlenSize(data), t.recSize(data=bytes(data))), (36, 7, 36))
        got = t.getData()
        self.assertEqual((type(got), len(got)), (bytearray, 36))
        got[0] = 99
        self.assertNotEqual(t.getData()[0], 99)
        self.assertEqual(t.get(got, 'N'), 77)
        self.assertEqual(t.get(data=bytes(got), field_name='S'), 'abc')
        t.set(got, 'S', 'longer than before')
        self.assertEqual((t.get(got, 'S'), t.get(got, 'L'), t.S), ('longer than before', [1, 2], 'abc'))
        self.raises(pytrap.TrapError, 'Field was not found.', t.get, got, 'NONE')
        self.raises(pytrap.TrapError, 'Field was not found.', t.set, got, 'NONE', 1)
        self.assertRaises(TypeError, t.set, bytes(got), 'N', 1)
        self.assertRaises(TypeError, t.get, 'text', 'N')
        for size in (-1, 65536, -2**40, 2**40):
            self.assertRaises(pytrap.TrapError, t.createMessage, size)
        self.assertEqual(len(t.createMessage(65535)), 65535)

    def test_set_data(self):
        t = self.t
        source = t.createMessage(10)
        t.A = 5
        frozen = bytes(t.getData())
        t.setData(frozen)
        t.A = 9  # not in the bytes, which cannot be changed
        self.assertEqual((t.A, t.get(frozen, 'A')), (9, 5))
        t.setData(data=source)
        source[20] = 44
        self.assertEqual(t.A, 44)
        t.A = 45
        self.assertEqual(source[20], 45)
        for wrong in ('x', None, 5, memoryview(frozen), [1]):
            self.assertRaises(TypeError, t.setData, wrong)
        self.assertRaises(TypeError, t.setData)
        self.assertRaises(TypeError, t.setData, frozen, frozen)

    def test_data_that_is_resized(self):
        t = self.t
        data = t.createMessage(10)
        t.N = 5
        view = memoryview(data)
        self.assertRaises(BufferError, setattr, t, 'S', 'x' * 100)
        view.release()
        data.clear()
        self.assertRaises(pytrap.TrapError, lambda: t.N)
        self.assertRaises(pytrap.TrapError, lambda: t.S)
        self.assertRaises(pytrap.TrapError, setattr, t, 'N', 1)
        self.assertRaises(pytrap.TrapError, t.getData)
        data.extend(bytes(1000))
        self.assertEqual((t.N, t.S), (0, ''))

    def test_iteration(self):
        t = self.t
        t.createMessage(10)
        t.A, t.S = 1, 'x'
        want = [('IP', IP('::')), ('N', 0), ('A', 1), ('S', 'x'), ('L', [])]
        self.assertEqual(list(t), want)
        next(t)
        self.assertEqual(list(t), want)
        for _, _ in itertools.islice(t, 2):
            self.assertEqual(list(t), want)
        self.assertEqual([next(t)[0] for _ in range(4)], ['N', 'A', 'S', 'L'])
        self.assertRaises(StopIteration, next, t)
        self.assertEqual(next(t)[0], 'IP')
        self.assertEqual(t.getDict(), dict(want))
        self.assertEqual(list(t.getDict()), ['IP', 'N', 'A', 'S', 'L'])
        self.assertEqual(t.strRecord(), "IP = UnirecIPAddr('::'), N = 0, A = 1, S = 'x', L = []")

    def test_copy(self):
        t = self.t
        t.createMessage(100)
        c = t.copy()
        self.assertEqual(str(c), str(t))
        self.assertRaises(pytrap.TrapError, c.getData)
        self.assertRaises(TypeError, c.copyMessage, t)
        self.assertRaises(TypeError, t.copyMessage, c)
        for wrong in (None, 5, bytearray(100)):
            self.assertRaises(TypeError, t.copyMessage, wrong)
        other = UnirecTemplate('uint32 N,string S,uint8 B,string OWN')
        other.createMessage(0)
        other.B, other.OWN = 3, 'own'
        t.N, t.S, t.A = 5, 'text' * 300, 1
        other.copyMessage(t)
        self.assertEqual(other.getDict(), {'N': 5, 'B': 3, 'S': 'text' * 300, 'OWN': 'own'})
        other.copyMessage(src=other)
        self.assertEqual(other.OWN, 'own')
        big = UnirecTemplate('string OWN')
        big.createMessage(0)
        big.OWN = 'x' * 65000
        self.raises(pytrap.TrapError, 'longer than 65535', other.copyMessage, big)
        self.assertEqual(other.OWN, 'own')

    def test_set_from_dict(self):
        t = self.t
        t.setFromDict({'IP': '10.0.0.1', 'N': '8080', 'A': 300, 'S': 'text', 'L': [1, 2], 'MORE': 5})
        self.assertEqual(t.getDict(), {'IP': IP('10.0.0.1'), 'N': 8080, 'A': 44, 'S': 'text', 'L': [1, 2]})
        t.setFromDict({})
        t.setFromDict({'S': 'x' * 5000})
        self.assertEqual((t.N, len(t.S)), (8080, 5000))
        self.raises(IndexError, 'Key IP was not found in the dictionary.', t.setFromDict, {'N': 1}, False)
        self.raises(IndexError, 'Key IP was not found in the dictionary.', t.setFromDict, {}, skip_errors=False)
        for wrong in (None, [('A', 1)], 5):
            self.assertRaises(TypeError, t.setFromDict, wrong)
        before = bytes(t.getData())
        self.raises(pytrap.TrapError, 'Could not set field.', t.setFromDict, {'N': 3, 'IP': 'no address'})
        self.assertRaises(TypeError, t.setFromDict, {'IP': IP('1.1.1.1'), 'N': 3, 'A': None})
        self.assertRaises(TypeError, t.setFromDict, {'N': 4, 'L': [1, None]})
        self.assertEqual(bytes(t.getData()), before)  # all or nothing
        t.setFromDict({'L': '1 2 3', 'S': ''})
        self.assertEqual(t.L, [1, 2, 3])

    def test_set_from_dict_of_every_type(self):
        t = UnirecTemplate(ALL_TYPES)
        t.setFromDict({'IP': '::1', 'TIME': '2016-06-23T17:01:56', 'MAC': '1:2:3:4:5:6', 'FL': '1.5', 'I8': '-1', 'CHR': 'a', 'U64': '5',
                       'AU8': [1], 'SB': b'ab', 'AIP': [IP('::2')]})
        self.assertEqual((t.IP, t.TIME, t.MAC, t.FL, t.I8, t.CHR, t.U64, t.AU8, t.SB, t.AIP),
                         (IP('::1'), Time(1466701316), MAC('1:2:3:4:5:6'), 1.5, b'\xff', 97, 5, [1], bytearray(b'ab'), [IP('::2')]))


class Malformed(Case):
    def setUp(self):
        super().setUp()
        self.t = UnirecTemplate(MALFORMED_FORMAT)

    def test_no_foreign_memory(self):
        t = self.t
        whole = described(0, 3, b'abc')
        t.setData(whole)
        self.assertEqual((t.NUM, t.TEXT, t.recSize()), (7, 'abc', 8))
        bad = [whole[:n] for n in range(8)] + [described(0, 4, b'abc'), described(1, 3, b'abc'), described(65535, 1, b'abc'),
                                               described(0, 32768, b'abc'), described(65535, 65535)]
        for data in bad + [bytearray(b) for b in bad]:
            t.setData(data)
            self.assertRaises(pytrap.TrapError, lambda: t.TEXT)
            self.assertRaises(pytrap.TrapError, t.getData)
            self.assertRaises(pytrap.TrapError, t.recSize)
            self.assertRaises(pytrap.TrapError, t.recVarlenSize, data)
            self.assertRaises(pytrap.TrapError, t.getDict)
            self.assertRaises(pytrap.TrapError, t.strRecord)
            self.assertRaises(pytrap.TrapError, list, t)
            self.assertRaises(pytrap.TrapError, setattr, t, 'TEXT', 'x')
            self.assertRaises(pytrap.TrapError, t.setFromDict, {'NUM': 1})
            if data:
                self.assertEqual(t.NUM, 7)
            else:
                self.assertRaises(pytrap.TrapError, lambda: t.NUM)

    def test_gaps_and_shared_bytes(self):
        t = UnirecTemplate('string A,string B')
        for data in (bytes([0, 0, 2, 0, 0, 0, 2, 0]) + b'ab', bytes([0, 0, 1, 0, 5, 0, 1, 0]) + b'abcdef'):
            t.setData(data)
            self.assertRaises(pytrap.TrapError, t.getData)
            self.assertRaises(pytrap.TrapError, setattr, t, 'A', 'x')
            self.assertEqual(len(t.A + t.B), data[2] + data[6])

    def test_other_order_is_no_fault(self):
        t = UnirecTemplate('string A,string B')
        t.setData(bytes([2, 0, 1, 0, 0, 0, 2, 0]) + b'bba')
        self.assertEqual((t.A, t.B), ('a', 'bb'))
        t.A = 'new'
        self.assertEqual((t.A, t.B), ('new', 'bb'))

    def test_not_utf8(self):
        self.t.setData(MALFORMED)
        self.assertEqual(self.t.getDict(), {'NUM': 1, 'TEXT': '\ufffd'})


if __name__ == '__main__':
    unittest.main()
