# SPDX-License-Identifier: BSD-3-Clause
"""Times; what fields of each type return and accept."""

import datetime
import os
import time
import unittest

import pytrap
from pytrap import UnirecIPAddr as IP, UnirecMACAddr as MAC, UnirecTemplate, UnirecTime as Time
from support import ALL_TYPES, Case


class Times(Case):
    def test_numbers(self):
        self.assertEqual([str(Time(*a)) for a in ((1466701316, 123), (1, 1500), (1, 1000), (-1,), (2**32 + 5,), (True,))],
                         ['1466701316.123', '1.500', '1.000', '4294967295.000', '5.000', '1.000'])
        self.assertEqual([str(Time(f, 9)) for f in (1.9999, 1.5, 0.0)], ['1.999', '1.500', '0.000'])
        for wrong in (float('nan'), float('inf'), 1e300):
            self.assertRaises(ValueError, Time, wrong)
        for wrong in (None, b'1', [1], datetime.datetime.now()):
            self.raises(TypeError, 'Unsupported argument type.', Time, wrong)
        self.assertRaises(TypeError, lambda: Time(value=1))
        for ms in range(1000):
            self.assertEqual(Time(1466701316, ms).getMiliSeconds(), ms)

    def test_text(self):
        self.assertEqual(repr(Time('2016-06-23T17:01:56.1239Z')), 'UnirecTime(1466701316, 123)')
        self.assertEqual(Time('2016-06-23T17:01:56'), Time(1466701316))
        for text in ('', '2016-06-23', '2016-06-23 17:01:56', '2016-06-23T17:01:56+01:00', '2016-13-23T17:01:56', 'x', '2016-06-23T17:01',
                     ' 2016-06-23T17:01:56', '2016-06-23T17:01:56 ', '2016-06-23T17:01:56.Z', '1969-12-31T00:00:00'):
            self.raises(TypeError, 'Malformed string argument, YYYY-mm-ddTHH:MM:SS expected.', Time, text)

    def test_parts(self):
        t = Time(1466701316, 123)
        self.assertEqual((t.getSeconds(), t.getMiliSeconds(), t.getMicroSeconds(), t.getNanoSeconds()),
                         (1466701316, 123, 123000, 123000000))
        self.assertEqual((t.getTimeAsFloat(), float(t)), (1466701316.123, 1466701316.123))
        self.assertEqual((t.getMicroSecondsAsFloat(), t.getNanoSecondsAsFloat()), (1466701316123000.0, 1466701316123000000.0))
        self.assertRaises(TypeError, int, t)
        self.assertTrue(Time(0))

    def test_datetime(self):
        t = Time(1466701316, 123)
        self.assertEqual(t.toDatetime(), datetime.datetime(2016, 6, 23, 17, 1, 56, 123000))
        self.assertEqual((t.format(), t.format('%d.%m.%Y'), t.format(fmt='%H')), ('2016-06-23T17:01:56Z', '23.06.2016', '17'))
        self.raises(TypeError, 'Argument field_name must be string.', t.format, 5)
        now = datetime.datetime.now()
        self.assertEqual(Time.fromDatetime(now).getSeconds(), int(now.strftime('%s')))
        self.assertEqual(Time.fromDatetime(now).getMiliSeconds(), now.microsecond // 1000)
        zone = datetime.timezone(datetime.timedelta(hours=5))
        self.assertEqual(Time.fromDatetime(datetime.datetime(2016, 6, 23, 22, 1, 56, 123999, zone)), t)

        class Stamp(datetime.datetime):
            """As pandas.Timestamp is."""
        self.assertEqual(Time.fromDatetime(Stamp(2016, 6, 23, 17, 1, 56, 123000, datetime.timezone.utc)), t)
        for wrong in (5, '2016-06-23T17:01:56', None, datetime.date(2016, 6, 23)):
            self.assertRaises(TypeError, Time.fromDatetime, wrong)
        self.assertRaises(ValueError, Time.fromDatetime, datetime.datetime(1950, 1, 1, tzinfo=datetime.timezone.utc))
        self.assertRaises(ValueError, Time.fromDatetime, datetime.datetime(2200, 1, 1, tzinfo=datetime.timezone.utc))

    def test_naive_datetimes_are_local(self):
        before = os.environ.get('TZ')
        try:
            os.environ['TZ'] = 'UTC-3'
            time.tzset()
            self.assertEqual(Time.fromDatetime(datetime.datetime(2016, 6, 23, 20, 1, 56)), Time(1466701316))
        finally:
            os.environ.pop('TZ') if before is None else os.environ.update(TZ=before)
            time.tzset()

    def test_now(self):
        first = time.time()
        now = float(Time.now())
        self.assertTrue(first - 0.001 <= now <= time.time())

    def test_compare_and_add(self):
        a, b = Time(10, 600), Time(10, 700)
        self.assertTrue(a < b and a <= b and b > a and b >= a and a != b and a == Time(10, 600) and not a == 10)
        self.assertRaises(TypeError, lambda: a < 10)
        self.assertEqual((str(a + b), str(a + 5), str(a + -5)), ('21.300', '15.600', '5.600'))
        a += 1
        self.assertEqual(str(a), '11.600')
        self.assertRaises(TypeError, lambda: a + 1.5)
        self.raises(TypeError, 'First argument must be of UnirecTime type.', lambda: 5 + a)
        self.assertRaises(TypeError, lambda: a - a)
        self.assertEqual(hash(Time(1, 0)), 1 << 32)
        self.assertEqual(len({Time(1), Time(1), Time(2)}), 2)


class Fields(Case):
    def setUp(self):
        super().setUp()
        self.t = UnirecTemplate(ALL_TYPES)
        self.t.createMessage(100)

    def test_types(self):
        names = {'int': 'I64 U64 I32 U32 I16 U16 CHR I8 U8', 'float': 'DB FL', 'str': 'TEXT', 'bytearray': 'SB',
                 'list': 'AI8 AU8 AI16 AU16 AFL AI32 AU32 AMAC ADB AI64 AT AU64 AIP', 'UnirecIPAddr': 'IP', 'UnirecMACAddr': 'MAC',
                 'UnirecTime': 'TIME'}
        for kind, fields in names.items():
            for field in fields.split():
                self.assertEqual(self.t.getFieldType(field).__name__, kind, field)
                if field != 'I8':
                    self.assertIs(type(getattr(self.t, field)), self.t.getFieldType(field), field)
        self.raises(pytrap.TrapError, 'Field was not found.', self.t.getFieldType, 'NONE')
        self.assertRaises(TypeError, self.t.getFieldType, 5)

    def test_empty_record(self):
        t = self.t
        self.assertEqual((t.TEXT, t.SB, t.AI8, t.AIP, t.U64, t.DB), ('', bytearray(b''), [], [], 0, 0.0))
        self.assertEqual((t.IP, t.TIME, t.MAC), (IP('::'), Time(0), MAC('0:0:0:0:0:0')))
        self.assertTrue(t.strRecord().startswith("IP = UnirecIPAddr('::'), DB = 0.0, I64 = 0, TIME = UnirecTime(0, 0), "))
        self.assertIn("CHR = 0, I8 = b'\\x00', U8 = 0, AI8 = [], AU8 = [], SB = bytearray(b''), TEXT = '', ", t.strRecord())

    def test_integers_are_taken_modulo_their_width(self):
        t = self.t
        for name, value, is_now in (('U8', 300, 44), ('U8', -1, 255), ('U32', 2**40, 0), ('I16', 40000, -25536), ('U16', -1, 65535),
                                    ('I32', 2**31, -2**31), ('U64', -1, 2**64 - 1), ('U64', 2**64 - 1, 2**64 - 1), ('I64', -5, -5),
                                    ('U8', 2**70 + 1, 1), ('U32', True, 1)):
            setattr(t, name, value)
            self.assertEqual(getattr(t, name), is_now, name)
        t.I8 = -1
        self.assertEqual(t.I8, b'\xff')
        for name, value in (('I64', 2**63), ('I64', -2**63 - 1), ('U64', 2**64), ('U64', -2**63 - 1)):
            self.assertRaises(OverflowError, setattr, t, name, value)
        self.assertEqual((t.I64, t.U64), (-5, 2**64 - 1))

    def test_wrong_types_raise_at_once_and_change_nothing(self):
        t = self.t
        good = {'U8': 1, 'FL': 1.5, 'DB': 2, 'IP': IP('1.2.3.4'), 'MAC': MAC('1:2:3:4:5:6'), 'TIME': Time(5), 'TEXT': 'text', 'SB': b'sb',
                'AU16': [1, 2], 'AFL': [1.5], 'AIP': [IP('::1')], 'AMAC': [MAC('1:2:3:4:5:6')], 'AT': [Time(1)]}
        for name, value in good.items():
            setattr(t, name, value)
        before = bytes(t.getData())
        for name in good:
            for wrong in (None, {}, (1, 2), [None], object(), 1j):
                self.assertRaises(TypeError, setattr, t, name, wrong)
        for name, wrong in (('U8', 1.5), ('U8', 'x'), ('IP', 5), ('AFL', 5), ('AU16', [1, 'x']), ('AIP', [IP('::'), 5]), ('TEXT', b'x'),
                            ('SB', 'x'), ('AU16', [1, 2.5]), ('FL', 'x')):
            self.assertRaises(TypeError, setattr, t, name, wrong)
        self.assertRaises(OverflowError, setattr, t, 'AU16', [1, 2, 2**63])
        self.raises(TypeError, 'String object expected.', setattr, t, 'TEXT', 5)
        self.assertRaises(pytrap.TrapError, setattr, t, 'IP', 'no address')
        self.assertEqual(bytes(t.getData()), before)

    def test_char_cannot_be_set(self):
        self.raises(NotImplementedError, 'Unknown UniRec field type.', setattr, self.t, 'CHR', 5)

    def test_addresses_and_times_from_text(self):
        t = self.t
        t.IP, t.MAC, t.TIME = '10.0.0.1', '1:2:3:4:5:6', '2016-06-23T17:01:56'
        self.assertEqual((t.IP, t.MAC, t.TIME), (IP('10.0.0.1'), MAC('1:2:3:4:5:6'), Time(1466701316)))

    def test_arrays(self):
        t = self.t
        for name, value in (('AI8', [-1, 127]), ('AU8', [0, 255]), ('AI16', [-32768, 5]), ('AU16', [65535]), ('AI32', [-2**31]),
                            ('AU32', [2**32 - 1]), ('AI64', [-2**63, 2**63 - 1]), ('AU64', [2**64 - 1]), ('AFL', [1.5, -2]),
                            ('ADB', [1e300]), ('AIP', [IP('10.0.0.1'), IP('::1')]), ('AMAC', [MAC('1:2:3:4:5:6')]), ('AT', [Time(1, 5)])):
            setattr(t, name, value)
            self.assertEqual(getattr(t, name), value)
        t.AU8 = 300
        self.assertEqual(t.AU8, [44])
        t.AFL = 2.5
        self.assertEqual(t.AFL, [2.5])
        for name, value in (('AIP', IP('1.1.1.1')), ('AMAC', MAC('1:1:1:1:1:1')), ('AT', Time(7))):
            setattr(t, name, value)  # one element, and the other fields stay
            self.assertEqual(getattr(t, name), [value])
        self.assertEqual((t.AI64, t.ADB), ([-2**63, 2**63 - 1], [1e300]))
        t.AI64 = []
        self.assertEqual((t.AI64, t.AT), ([], [Time(7)]))

    def test_messages_grow(self):
        t = UnirecTemplate('string A,bytes B,uint16* C')
        t.createMessage(3)
        t.A, t.B, t.C = 'ä' * 400, bytes(range(256)) * 3, list(range(1000))
        self.assertEqual((t.A, t.B, t.C), ('ä' * 400, bytearray(bytes(range(256)) * 3), list(range(1000))))
        self.assertEqual(t.recSize(), 12 + 800 + 768 + 2000)
        before = bytes(t.getData())
        self.assertRaises(pytrap.TrapError, setattr, t, 'B', bytes(65000))
        self.assertRaises(pytrap.TrapError, setattr, t, 'B', bytes(70000))
        self.assertRaises(pytrap.TrapError, setattr, t, 'C', [0] * 40000)
        self.assertEqual(bytes(t.getData()), before)
        t.A, t.C = '', []
        t.B = bytes(65535 - 12)
        self.assertEqual(t.recSize(), 65535)

    def test_text_that_is_no_utf8(self):
        t = UnirecTemplate('bytes B,string A')
        raw = bytes([0, 0, 5, 0, 0, 0, 0, 0]) + b'\xf0abcd'
        t.setData(raw)
        self.assertEqual(t.A, '\ufffdabcd')
        self.assertRaises(UnicodeEncodeError, setattr, t, 'A', '\ud800')

    def test_one_bytearray_in_itself(self):
        t = UnirecTemplate('bytes B')
        data = t.createMessage(4)
        t.B = data
        self.assertEqual(t.B, bytearray(8))


if __name__ == '__main__':
    unittest.main()
