# SPDX-License-Identifier: BSD-3-Clause
"""Addresses, ranges of them, and lists of networks."""

import gc
import ipaddress
import unittest
import weakref

import pytrap
from pytrap import UnirecIPAddr as IP, UnirecIPAddrRange as Range, UnirecIPList, UnirecMACAddr as MAC, UnirecMACAddrRange as MACRange
from support import Case


class Thing:
    """Can be referred to weakly."""


class IPAddr(Case):
    def test_text(self):
        for text in ('0.0.0.0', '255.255.255.255', '10.1.2.3', '::', '::1', '2001:db8::1', '::ffff:1.2.3.4', '::1.2.3.4'):
            self.assertEqual(repr(IP(text)), f"UnirecIPAddr('{str(IP(text))}')")
            self.assertEqual(IP(text).isIPv4(), ':' not in text, text)
            self.assertEqual(IP(text).isIPv6(), ':' in text, text)
            self.assertEqual(IP(text).to_ipaddress(), ipaddress.ip_address(text))
        self.assertEqual(str(IP('2001:DB8:0::1')), '2001:db8::1')
        self.assertEqual(IP(ip='1.2.3.4'), IP('1.2.3.4'))
        for text in ('', '1.2.3', '10.0.0.0/8', ' 1.2.3.4', '1.2.3.4 ', '1:2', 'host', '1.2.3.256'):
            self.raises(pytrap.TrapError, 'Could not parse given IP address.', IP, text)
        for wrong in (5, b'1.2.3.4', None, IP('1.2.3.4')):
            self.assertRaises(TypeError, IP, wrong)
        self.assertRaises(ValueError, IP, '1.2.3.4\0')
        self.assertRaises(TypeError, IP)

    def test_null_and_steps(self):
        self.assertTrue(IP('0.0.0.0').isNull() and IP('::').isNull() and not IP('0.0.0.0') and not IP('::'))
        self.assertTrue(IP('0.0.0.1') and not IP('0.0.0.1').isNull())
        self.assertEqual(IP('255.255.255.255').inc(), IP('0.0.0.0'))
        self.assertEqual(IP('0.0.0.0').dec(), IP('255.255.255.255'))
        self.assertEqual(IP('10.0.0.255').inc(), IP('10.0.1.0'))
        self.assertEqual(IP('2001:db8::ffff:ffff:ffff:ffff').inc(), IP('2001:db8:0:1::'))
        self.assertEqual(IP('2001:db8:0:1::').dec(), IP('2001:db8::ffff:ffff:ffff:ffff'))
        self.assertEqual(IP('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff').inc(), IP('::'))
        # The form in records cannot tell these apart.
        self.assertEqual(str(IP('::ffff:ffff')), '0.0.0.0')
        self.assertEqual(str(IP('::1:0:0').dec()), '0.0.0.0')

    def test_from_ipaddress(self):
        for text in ('200.1.1.1', '10.0.0.1', '::1', 'ffff::'):
            self.assertEqual(IP.from_ipaddress(ipaddress.ip_address(text)), IP(text))
        self.assertEqual(IP.from_ipaddress(ipaddress.ip_interface('10.0.0.1/8')), IP('10.0.0.1'))
        for wrong in ('10.0.0.1', 5, IP('10.0.0.1'), ipaddress.ip_network('10.0.0.0/8')):
            self.assertRaises(TypeError, IP.from_ipaddress, wrong)

    def test_order_and_hash(self):
        ips = [IP(text) for text in ('::', '0.0.0.0', '1.2.3.4', '255.255.255.255', '2001::')]
        self.assertEqual(sorted(reversed(ips)), ips)
        self.assertLess(IP('::1'), IP('0.0.0.0'))
        self.assertTrue(ips[1] <= ips[1] and ips[1] >= ips[1] and ips[1] != ips[2] and ips[2] > ips[1])
        self.assertFalse(IP('1.2.3.4') == '1.2.3.4')
        self.assertRaises(TypeError, lambda: ips[0] < 5)
        self.assertEqual(hash(IP('1.2.3.4')), int.from_bytes(bytes([1, 2, 3, 4]), 'little'))
        self.assertEqual(len({IP('1.2.3.4'), IP('1.2.3.4'), IP('1.2.3.5')}), 2)
        self.assertTrue(IP('1.2.3.4') in IP('1.2.3.4'))
        self.raises(TypeError, 'UnirecIPAddr object expected.', lambda: '1.2.3.4' in IP('1.2.3.4'))
        self.assertRaises(AttributeError, setattr, ips[0], 'x', 1)

    def test_subclass(self):
        class Named(IP):
            pass
        named = Named('10.0.0.1')
        named.name = 'router'
        self.assertEqual((named, type(Named.from_ipaddress(ipaddress.ip_address('::1')))), (IP('10.0.0.1'), Named))


class IPRange(Case):
    def test_networks(self):
        r = Range('10.1.2.3/8')
        self.assertEqual((r.start, r.end, r.mask), (IP('10.0.0.0'), IP('10.255.255.255'), 8))
        self.assertEqual(str(r), '10.0.0.0 - 10.255.255.255')
        self.assertEqual(repr(r), "UnirecIPAddrRange(UnirecIPAddr('10.0.0.0'), UnirecIPAddr('10.255.255.255'))")
        r = Range('2001:db8::1/33')
        self.assertEqual((r.start, r.end), (IP('2001:db8::'), IP('2001:db8:7fff:ffff:ffff:ffff:ffff:ffff')))
        self.assertEqual((Range('0.0.0.0/0').end, Range('::/0').mask), (IP('255.255.255.255'), 0))
        self.assertEqual(Range('1.2.3.4/32').start, Range('1.2.3.4/32').end)

    def test_ends(self):
        self.assertEqual(Range('10.0.0.5', '10.0.0.6').mask, 30)
        self.assertEqual(Range(IP('10.0.0.5'), IP('10.0.0.5')).mask, 32)
        self.assertEqual(Range(start=IP('::1'), end='::1').mask, 128)
        self.raises(TypeError, 'End argument is required when start is not in <ip>/<mask> format.', Range, '10.0.0.1')
        self.raises(TypeError, 'Missing end argument.', Range, IP('10.0.0.1'))
        self.assertRaises(TypeError, Range, '10.0.0.0/8', '10.0.0.1')
        self.raises(TypeError, 'String or UnirecIPAddr object expected.', Range, 5, 6)
        self.raises(TypeError, 'String or UnirecIPAddr object expected.', Range, '10.0.0.1', 6)
        self.assertRaises(pytrap.TrapError, Range, '10.0.0/8')
        self.assertRaises(pytrap.TrapError, Range, '10.0.0.1', 'x')
        self.raises(ValueError, 'End IP is bigger than Start IP', Range, '10.0.0.2', '10.0.0.1')
        self.raises(ValueError, 'Incompatible versions of IP', Range, '10.0.0.2', '::1')

    def test_masks_are_checked(self):
        for mask in ('', 'x', '8x', ' 8', '-1', '8 '):
            self.raises(TypeError, 'Malformed netmask', Range, f'10.0.0.0/{mask}')
        for text in ('10.0.0.0/33', '10.0.0.0/256', '::/129', '10.0.0.0/99999999999999999999'):
            self.assertRaises(ValueError, Range, text)

    def test_places(self):
        r = Range('10.0.0.0/24')
        self.assertEqual([r.isIn(IP(t)) for t in ('9.9.9.9', '10.0.0.0', '10.0.0.255', '10.0.1.0')], [-1, 0, 0, 1])
        self.assertTrue(IP('10.0.0.7') in r)
        for wrong in (5, '10.0.0.1', None):
            self.assertRaises(TypeError, r.isIn, wrong)
            self.assertRaises(TypeError, lambda w=wrong: w in r)
            self.assertRaises(TypeError, r.isOverlap, wrong)
        self.assertTrue(r.isOverlap(Range('10.0.0.128/25')))
        self.assertFalse(Range('10.0.0.128/25').isOverlap(r))

    def test_compare(self):
        a, b = Range('10.0.0.0', '10.0.0.9'), Range('10.0.0.0', '10.0.0.8')
        self.assertTrue(a != b and not a == b and a == Range('10.0.0.0', '10.0.0.9') and not a != Range('10.0.0.0', '10.0.0.9'))
        self.assertTrue(a <= b and not a < b and a > b and a >= b)
        self.assertEqual(len({a, b, Range('10.0.0.0', '10.0.0.9')}), 2)
        self.assertFalse(a == 5)

    def test_ipaddress(self):
        for text in ('10.0.0.0/8', '200.0.0.0/8', '2001:db8::/32'):
            network = ipaddress.ip_network(text)
            self.assertEqual(Range(text).to_ipaddress(), network)
            self.assertEqual(Range.from_ipaddress(network), Range(text))
        self.assertRaises(ValueError, Range('10.0.0.5', '10.0.0.6').to_ipaddress)
        self.assertRaises(TypeError, Range.from_ipaddress, '10.0.0.0/8')

    def test_attributes(self):
        r = Range('10.0.0.0/8')
        r.end = IP('10.0.0.1')
        self.assertEqual((r.mask, str(r)), (31, '10.0.0.0 - 10.0.0.1'))
        r.mask = 20
        self.assertEqual(r.mask, 20)
        self.assertRaises(ValueError, setattr, r, 'mask', 33)
        self.assertRaises(ValueError, setattr, r, 'mask', 2**70)
        self.assertRaises(ValueError, setattr, r, 'start', IP('::'))
        for name in ('start', 'end', 'mask'):
            self.assertRaises(TypeError, setattr, r, name, 'x')
            self.assertRaises(TypeError, delattr, r, name)


class IPList(Case):
    def test_find(self):
        data = {'hits': 0}
        l = UnirecIPList({Range('10.0.0.0/8'): data, Range('2001:db8::/32'): 'six', Range('192.168.1.5', '192.168.1.6'): None})
        self.assertIs(l.find(IP('10.1.2.3')), data)
        l.find(IP('10.1.2.3'))['hits'] += 1
        self.assertEqual(data, {'hits': 1})
        self.assertEqual(l.find(IP('2001:db8::5')), 'six')
        self.assertIsNone(l.find(IP('11.0.0.0')))
        self.assertTrue(IP('10.0.0.0') in l and IP('192.168.1.4') in l and IP('192.168.1.7') in l)  # widened to /30
        self.assertFalse(IP('192.168.1.8') in l or IP('::') in l)
        for wrong in (5, '10.0.0.1', None):
            self.raises(TypeError, 'UnirecIPList.__contains__() expects UnirecIPAddr only.', lambda w=wrong: w in l)
            self.assertRaises(TypeError, l.find, wrong)
        self.assertEqual(repr(l), "UnirecIPList('  ')")
        text = str(l)
        self.assertTrue(text.index('IPv4:') < text.index('10.255.255.255') < text.index('IPv6:') < text.index('2001:db8::'))
        self.assertRaises(TypeError, hash, l)

    def test_arguments(self):
        self.assertRaises(TypeError, UnirecIPList)
        self.assertRaises(TypeError, UnirecIPList, [1])
        self.raises(ValueError, 'Empty dictionary is not supported.', UnirecIPList, {})
        self.raises(TypeError, 'Unsupported type.', UnirecIPList, {'10.0.0.0/8': 1})
        self.raises(TypeError, 'Unsupported type.', UnirecIPList, {Range('10.0.0.0/8'): 1, 5: 1})

    def test_nested_networks(self):
        l = UnirecIPList({Range('10.1.0.0/16'): 2, Range('10.0.0.0/8'): 1, Range('10.1.2.0/24'): 3, Range('0.0.0.0/0'): 0})
        self.assertEqual(l.find(IP('10.1.2.3')), 0)
        self.assertEqual(l.findAll(IP('10.1.2.3')), [0, 1, 2, 3])
        self.assertEqual(l.findAll(IP('10.2.0.0')), [0, 1])
        self.assertEqual(l.findAll(IP('::1')), [])
        l = UnirecIPList({Range('10.0.0.0/8'): 1, Range('10.1.0.0/16'): 2})
        self.assertEqual(l.find(IP('10.1.0.1')), 1)

    def test_any_address(self):
        l = UnirecIPList({Range('0.0.0.0/0'): 4, Range('::/0'): 6})
        self.assertEqual([l.find(IP(t)) for t in ('0.0.0.0', '255.255.255.255', '::1', 'ffff::')], [4, 4, 6, 6])

    def test_many_networks(self):
        networks = {Range(f'10.{i // 256}.{i % 256}.0/24'): i for i in range(3000)}
        l = UnirecIPList(networks)
        for i in (0, 49, 50, 51, 200, 2999):
            self.assertEqual(l.find(IP(f'10.{i // 256}.{i % 256}.9')), i)
        self.assertIsNone(l.find(IP('10.200.0.0')))

    def test_equality_is_identity(self):
        l = UnirecIPList({Range('10.0.0.0/8'): 1})
        self.assertTrue(l == l)
        self.assertFalse(l == 5 or l == IP('10.0.0.1') or l == UnirecIPList({Range('10.0.0.0/8'): 1}))

    def test_objects_live_as_long_as_the_list(self):
        thing = Thing()
        seen = weakref.ref(thing)
        networks = {Range('10.0.0.0/8'): thing, Range('10.1.0.0/16'): thing, Range('9.0.0.0/8'): thing}
        l = UnirecIPList(networks)
        del networks, thing
        self.assertIs(l.find(IP('10.1.0.0')), seen())
        thing = l.find(IP('9.0.0.0'))
        thing.owner = l  # a cycle
        del l, thing
        gc.collect()
        self.assertIsNone(seen())


class MACAddr(Case):
    def test_text(self):
        mac = MAC('0:1:11:A:AA:FF')
        self.assertEqual((str(mac), repr(mac)), ('00:01:11:0a:aa:ff', "UnirecMACAddr('00:01:11:0a:aa:ff')"))
        for text in ('', '00:11:22:33:44', '00:11:22:33:44:55:66', '00:11:22:33:44:555', '00-11-22-33-44-55', '00:11:22:33:44:5g',
                     ' 00:11:22:33:44:55', '00:11:22:33:44:55 ', '00:11:22:33:44:', ':::::', '000:1:2:3:4:5'):
            self.raises(pytrap.TrapError, 'Could not parse given MAC address.', MAC, text)
        for wrong in (b'00:11:22:33:44:55', 5, None):
            self.assertRaises(TypeError, MAC, wrong)

    def test_values(self):
        self.assertTrue(MAC('0:0:0:0:0:0').isNull() and not MAC('0:0:0:0:0:0') and MAC('0:0:0:0:0:1'))
        self.assertEqual(MAC('ff:ff:ff:ff:ff:ff').inc(), MAC('0:0:0:0:0:0'))
        self.assertEqual(MAC('0:0:0:0:0:0').dec(), MAC('ff:ff:ff:ff:ff:ff'))
        self.assertEqual(MAC('0:0:0:0:ff:ff').inc(), MAC('0:0:0:1:0:0'))
        self.assertLess(MAC('0:0:0:0:0:ff'), MAC('1:0:0:0:0:0'))
        self.assertEqual(len({MAC('0:0:0:0:0:1'), MAC('00:00:00:00:00:01')}), 1)
        self.assertTrue(MAC('0:0:0:0:0:1') in MAC('0:0:0:0:0:1'))
        self.assertRaises(TypeError, lambda: 5 in MAC('0:0:0:0:0:1'))
        self.assertFalse(MAC('0:0:0:0:0:1') == 1)

    def test_ranges(self):
        a, b = MAC('0:0:0:0:0:10'), MAC('0:0:0:0:0:20')
        r = MACRange(a, b)
        self.assertEqual((r.start, r.end, str(r)), (a, b, '00:00:00:00:00:10 - 00:00:00:00:00:20'))
        self.assertEqual(repr(r), "UnirecMACAddrRange(UnirecMACAddr('00:00:00:00:00:10'), UnirecMACAddr('00:00:00:00:00:20'))")
        self.assertEqual([r.isIn(m) for m in (a.dec(), a, b, b.inc())], [-1, 0, 0, 1])
        self.assertTrue(a.inc() in r and r.isOverlap(MACRange(b, b)) and not r.isOverlap(MACRange(a.dec(), b)))
        self.assertTrue(r != MACRange(a, a) and r == MACRange(a, b) and r > MACRange(a, a) and r <= MACRange(a, a))
        self.assertEqual(len({r, MACRange(a, b), MACRange(a, a)}), 2)
        for wrong in (5, 'x', None, r):
            self.assertRaises(TypeError, MACRange, a, wrong)
            self.assertRaises(TypeError, r.isIn, wrong)
            self.assertRaises(TypeError, lambda w=wrong: w in r)
        for wrong in (3, a, None):
            self.assertRaises(TypeError, r.isOverlap, wrong)
        r.start = b
        self.assertEqual(r.start, b)
        self.assertRaises(TypeError, setattr, r, 'end', 5)
        self.assertRaises(TypeError, delattr, r, 'end')


if __name__ == '__main__':
    unittest.main()
