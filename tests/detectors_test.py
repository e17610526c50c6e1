#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""End-to-end tests of the detectors on generated flows.

usage: detectors_test.py BIN_DIR
"""

import csv
import datetime
import os
import random
import sys
import unittest

from programs import Workspace

BIN = None
START = datetime.datetime(2026, 1, 1)
ONE_WAY = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,'
           'uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS')
BOTH_WAYS = ('ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,'
             'uint32 PACKETS_REV,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV')
TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
DATA = SYN | ACK | PSH | FIN
MEGABYTES = 1 << 20


def stamp(second):
    return f'{START + datetime.timedelta(seconds=second):%Y-%m-%dT%H:%M:%S.%f}'


def flow(second, src, dst, sport, dport, protocol=TCP, flags=SYN, packets=1, size=0, lasts=0):
    """A record of one direction."""
    return (f'{dst},{src},{size or 40 * packets},{stamp(second)},{stamp(second + lasts)},{packets},{dport},{sport},{protocol},'
            f'{flags}\n')


def biflow(second, src, dst, sport, dport, protocol=TCP, flags=SYN, packets=1, flags_rev=0, packets_rev=0, size=0, size_rev=0,
           lasts=0):
    """A record of both directions."""
    return (f'{dst},{src},{size or 40 * packets},{size_rev or 40 * packets_rev},{stamp(second)},{stamp(second + lasts)},{packets},'
            f'{packets_rev},{dport},{sport},{protocol},{flags},{flags_rev}\n')


class Detectors(unittest.TestCase):
    """Each test runs one detector over a list of flows."""

    def setUp(self):
        self.w = Workspace(BIN)

    def tearDown(self):
        self.w.__exit__()

    def convert(self, flows):
        """Writes the flows into the recording "flows"."""
        flows = iter(flows)
        first = next(flows)
        with open(self.w.file('in.csv'), 'w', encoding='ascii') as file:  # line by line: see ru_maxrss below
            file.write((BOTH_WAYS if first.count(',') == BOTH_WAYS.count(',') else ONE_WAY) + '\n' + first)
            file.writelines(flows)
        self.assertEqual(self.w.run('logreplay', '-d', '-f', 'in.csv', '-i', 'f:flows:w')[0], 0)

    def alerts(self, flows, *command):
        """Alerts of a detector as dictionaries; its standard error is kept in self.err."""
        self.convert(flows)
        status, _, self.err = self.w.run(*command, '-v', '-i', 'f:flows,f:alerts:w')
        self.assertEqual(status, 0, self.err)
        lines = list(csv.reader(self.w.run('logger', '-t', '-i', 'f:alerts')[1].splitlines()))
        names = [name.split()[1] for name in lines[0]]
        return [dict(zip(names, line)) for line in lines[1:]]

    def vertical(self, flows, *options):
        return self.alerts(flows, 'vportscan_detector', *options)

    def horizontal(self, flows, *options):
        return self.alerts(flows, 'haddrscan_detector', *options)

    def floods(self, flows, *options):
        return self.alerts(flows, 'ddos_detector', *options)


class VerticalScans(Detectors):
    """vportscan_detector"""

    def test_times_going_backwards(self):
        found = self.vertical(flow(100 - port, '2001:db8::7', '2001:db8::1', 40000 + port, port, lasts=0.5) for port in range(1, 51))
        self.assertEqual([(a['PORT_CNT'], a['TIME_FIRST'], a['TIME_LAST']) for a in found], [('50', stamp(50), stamp(99.5))])

    def test_refused_ports_in_one_record_or_two(self):
        both = self.vertical(biflow(port, '10.0.0.7', '10.0.0.1', 40000 + port, port, flags_rev=RST | ACK, packets_rev=1)
                             for port in range(1, 26))
        self.assertEqual([a['PORT_CNT'] for a in both], ['25'])
        apart = self.vertical(line for port in range(1, 26) for line in (
            flow(port, '10.0.0.7', '10.0.0.1', 40000 + port, port),
            flow(port + 0.01, '10.0.0.1', '10.0.0.7', port, 40000 + port, flags=RST | ACK)))
        self.assertEqual([(a['SRC_IP'], a['DST_IP'], a['SRC_PORT'], a['DST_PORT'], a['PORT_CNT']) for a in apart],
                         [('10.0.0.7', '10.0.0.1', '40025', '25', '25')])

    def test_stealth_flags(self):
        for flags in (0, FIN, FIN | PSH | 32):
            self.assertEqual(len(self.vertical(flow(p, '10.0.0.7', '10.0.0.1', 4000, p, flags=flags) for p in range(1, 26))), 1)
        self.assertEqual(self.vertical(flow(p, '10.0.0.7', '10.0.0.1', 4000, p, flags=ACK) for p in range(1, 101)), [])
        self.assertEqual(self.vertical(flow(p, '10.0.0.7', '10.0.0.1', 0, 0, flags=0) for p in range(1, 101)), [])

    def test_explicit_congestion_notification_is_no_disguise(self):
        self.assertEqual(len(self.vertical(flow(p, '10.0.0.7', '10.0.0.1', 4000 + p, p, flags=SYN | 0xc0) for p in range(1, 51))), 1)

    def test_every_probe_repeated(self):
        found = self.vertical(flow(p + again, '10.0.0.7', '10.0.0.1', 4000 + p + again, p) for p in range(1, 101) for again in (0, 300))
        self.assertEqual([a['PORT_CNT'] for a in found], ['64', '36'])  # each port once

    def test_udp_scan_and_answers_in_either_order(self):
        scan = [flow(p, '10.0.0.7', '10.0.0.1', 50000, p, UDP, 0) for p in range(2000, 2060)]
        self.assertEqual([(a['PROTOCOL'], a['PORT_CNT']) for a in self.vertical(scan)], [('17', '50')])
        for order in (1, -1):  # a resolver's client: a port for each question
            lines = [(flow(p / 10, '10.0.0.7', '10.0.0.53', p, 5353, UDP, 0), flow(p / 10, '10.0.0.53', '10.0.0.7', 5353, p, UDP, 0))
                     for p in range(2000, 2400)]
            self.assertEqual(self.vertical(line for pair in lines for line in pair[::order]), [])
        self.assertEqual(self.vertical(flow(p / 10, '10.0.0.53', '10.0.0.7', 53, p, UDP, 0) for p in range(2000, 2400)), [])
        self.assertEqual(self.vertical(flow(p / 10, '10.0.0.7', '10.0.0.1', 5000, p, UDP, 0) for p in range(33434, 33534)), [])

    def test_slow_scan_from_one_port(self):
        found = self.vertical(flow(n * 3600, '192.0.2.7', '10.0.0.1', 51000, 8000 + n) for n in range(20))
        self.assertEqual([(a['PORT_CNT'], a['TIME_FIRST'], a['TIME_LAST']) for a in found], [('10', stamp(0), stamp(9 * 3600))])
        self.assertEqual(self.vertical(flow(n * 3600, '192.0.2.7', '10.0.0.1', 51000 + n, 8000 + n) for n in range(20)), [])
        self.assertEqual(self.vertical([flow(n * 3600, '192.0.2.7', '10.0.0.1', 51000, 8000 + n) for n in range(20)], '-d', '600'), [])

    def test_one_who_uses_what_he_reaches(self):
        lines = []
        for n in range(100):  # passive FTP: some data connections are lost
            lines.append(flow(n, '10.0.0.7', '10.0.0.21', 40000 + n, 50000 + n, flags=SYN if n % 2 == 0 else DATA,
                              packets=1 if n % 2 == 0 else 9))
        self.assertEqual(self.vertical(lines), [])

    def test_time_of_the_first_port_that_counts(self):
        lines = [flow(t, '10.0.0.7', '10.0.0.1', 4000, port) for t, port in ((0, 1), (1, 2), (2, 1), (3, 2))]
        lines += [flow(6 + n, '10.0.0.7', '10.0.0.1', 4100 + n, 100 + n) for n in range(50)]
        for options in ((), ('--classic',)):
            self.assertEqual([(a['PORT_CNT'], a['TIME_FIRST'], a['TIME_LAST']) for a in self.vertical(lines, *options)],
                             [('50', stamp(6), stamp(55))])

    def test_classic_kinds_and_counts(self):
        self.assertEqual(self.vertical((biflow(p, '10.0.0.7', '10.0.0.1', 4000, p, flags_rev=RST | ACK, packets_rev=1) for p in range(1, 50)),
                                       '--classic'), []) # refused ports count once
        self.assertEqual(self.vertical((flow(p, '10.0.0.7', '10.0.0.1', 4000, p, UDP, 0) for p in range(1, 200)), '--classic'), [])
        self.assertEqual(self.vertical((flow(p, '10.0.0.7', '10.0.0.1', 4000, p, flags=FIN) for p in range(1, 200)), '--classic'), [])
        self.assertEqual(self.vertical((flow(n * 3600, '192.0.2.7', '10.0.0.1', 51000, 8000 + n) for n in range(20)), '--classic'), [])
        self.assertEqual([a['PORT_CNT'] for a in self.vertical(
            (flow(p, '10.0.0.7', '10.0.0.1', 4000, p, packets=4) for p in range(1, 121)), '--classic')], ['50', '50'])
        self.assertEqual(self.vertical((flow(p + again, '10.0.0.7', '10.0.0.1', 4000, p) for p in range(1, 101) for again in (0, 0.5)),
                                       '--classic'), []) # each port left the list again

    def test_full_table_keeps_the_scan(self):
        chance = random.Random(1)
        lines = []
        for port in range(1, 51):
            lines.append(flow(port, '10.0.0.7', '10.0.0.1', 40000 + port, port))
            lines += [flow(port, f'198.51.{chance.randrange(256)}.{chance.randrange(256)}', '10.0.0.1', 1025, port) for _ in range(40)]
        self.assertEqual([a['SRC_IP'] for a in self.vertical(lines, '-c', '64')], ['10.0.0.7'])
        self.assertRegex(self.err, r'evicted 1[0-9]{3}\b')


class HorizontalScans(Detectors):
    """haddrscan_detector"""

    def test_ipv6_and_the_rest_at_the_end(self):
        found = self.horizontal(flow(n, '2001:db8::7', f'2001:db8:1::{n:x}', 40000 + n, 22) for n in range(1, 91))
        self.assertEqual([(a['ADDR_CNT'], a['DST_IP0'], a['DST_IP3']) for a in found],
                         [('50', '2001:db8:1::1', '2001:db8:1::4'), ('40', '2001:db8:1::33', '2001:db8:1::36')])

    def test_the_rest_after_a_silence(self):
        lines = [flow(n, '10.0.0.7', f'10.1.0.{n}', 40000 + n, 22) for n in range(1, 91)]
        lines += [flow(n, '10.0.0.8', '10.0.0.9', 5000, 443, flags=DATA, packets=20) for n in range(100, 3000, 100)]
        lines.append(flow(3000, '10.0.0.7', '10.1.0.200', 40000, 22))
        self.assertEqual([(a['ADDR_CNT'], a['TIME_LAST']) for a in self.horizontal(lines)], [('50', stamp(50)), ('40', stamp(90))])

    def test_a_few_ports_at_random(self):
        chance = random.Random(2)
        found = self.horizontal(flow(n, '10.0.0.7', f'10.1.{n // 200}.{n % 200}', 40000 + n, chance.choice((23, 23, 2323, 8080)), packets=5)
                                for n in range(130))
        self.assertEqual([(a['ADDR_CNT'], a['ADDR_THRSD'], a['DST_PORT']) for a in found], [('100', '100', '23')])

    def test_peers_that_are_gone(self):
        chance = random.Random(3)
        self.assertEqual(self.horizontal(flow(n, '10.0.0.7', f'10.1.{n // 200}.{n % 200}', 40000 + n, chance.randrange(1024, 65535), packets=3)
                                         for n in range(1000)), [])

    def test_mail_server_with_some_dead_neighbours(self):
        self.assertEqual(self.horizontal(
            flow(n, '10.0.0.25', f'10.1.{n // 200}.{n % 200}', 40000 + n, 25, flags=SYN if n % 3 == 0 else DATA, packets=1 if n % 3 == 0 else 20)
            for n in range(1000)), [])

    def test_udp_sweep_and_answers(self):
        found = self.horizontal(flow(n, '10.0.0.7', f'10.1.0.{n}', 5060, 5060, UDP, 0) for n in range(100))
        self.assertEqual([a['ADDR_CNT'] for a in found], ['51', '49'])  # every host once
        lines = [(flow(n, '10.0.0.7', f'10.1.0.{n}', 6881, 6881, UDP, 0), flow(n, f'10.1.0.{n}', '10.0.0.7', 6881, 6881, UDP, 0))
                 for n in range(200)]
        self.assertEqual(self.horizontal(line for pair in lines for line in (pair if len(pair[0]) % 2 else pair[::-1])), [])

    def test_open_doors(self):
        lines = [biflow(n, '10.0.0.7', f'10.1.0.{n}', 40000, 5555, flags=SYN | RST, packets=2, flags_rev=SYN | ACK, packets_rev=1)
                 for n in range(50)]
        self.assertEqual(len(self.horizontal(lines)), 1)
        lines = [biflow(n, '10.0.0.7', f'10.1.{n // 200}.{n % 200}', 40000, 443, flags=SYN | ACK | RST, packets=3, flags_rev=SYN | ACK,
                        packets_rev=1) for n in range(500)]
        self.assertEqual(self.horizontal(lines), [])  # monitoring: is the service up?

    def test_classic_kinds_and_counts(self):
        found = self.horizontal((flow(n, '10.0.0.7', f'10.1.0.{n}', 40000 + n, 22) for n in range(1, 121)), '--classic')
        self.assertEqual([(a['ADDR_CNT'], a['ADDR_THRSD'], a['PROTOCOL']) for a in found], [('50', '50', '6')] * 2)
        for lines in ((flow(n, '10.0.0.7', f'10.1.0.{n}', 5060, 5060, UDP, 0) for n in range(200)),
                      (flow(n, '10.0.0.7', f'10.1.0.{n}', 4000, 22, packets=2) for n in range(200)),
                      (flow(n, '10.0.0.7', f'10.1.0.{n}', 4000, 22, flags=FIN) for n in range(200)),
                      (flow(n, '10.0.0.7', f'10.1.0.{n}', 4000, 20 + n % 5) for n in range(200)),
                      (flow(n * 100, '10.0.0.7', f'10.1.0.{n}', 4000, 22) for n in range(30))):
            self.assertEqual(self.horizontal(lines, '--classic'), [])
        self.assertEqual([a['ADDR_CNT'] for a in self.horizontal(
            (flow(n, '10.0.0.7', f'10.1.{n // 200}.{n % 200}', 4000, 22) for n in range(600)), '--classic', '-n', '300')], ['300', '300'])

    def test_options_that_make_no_sense(self):
        for option, value, text in (('-n', '1', '-n, --numaddrs-threshold: "1" is less than 2'),
                                    ('-d', '0', '-d, --idle-threshold: "0" is less than 1'),
                                    ('-p', '0', '-p, --pruning-interval: "0" is less than 1')):
            status, out, err = self.w.run('haddrscan_detector', '-i', 'f:x,f:y', option, value)
            self.assertEqual((status, out, err), (255, '', f'haddrscan_detector: option {text}\n'))


class Floods(Detectors):
    """ddos_detector"""

    @staticmethod
    def address(n):
        return f'{20 + n % 150}.{n // 150 % 250}.{n % 7}.1'

    def test_syn_flood_in_one_record_or_two(self):
        flood = [flow(30 + n / 100, self.address(n), '10.0.0.80', 1024 + n, 80) for n in range(2000)]
        answers = [flow(30 + n / 100, '10.0.0.80', self.address(n), 80, 1024 + n, flags=SYN | ACK) for n in range(2000)]
        for lines in (flood, [line for pair in zip(flood, answers) for line in pair]):
            found = self.floods(lines)
            self.assertEqual([(a['DST_IP'], a['TIME_FIRST'], a['TIME_LAST'], a['BYTES']) for a in found],
                             [('10.0.0.80', stamp(30), stamp(49.99), '80000')])
            self.assertEqual(found[0]['AVG_IP_CNT_CURRENT'], '2000')
        both = [biflow(30 + n / 100, self.address(n), '10.0.0.80', 1024 + n, 80, flags_rev=SYN | ACK, packets_rev=1) for n in range(2000)]
        self.assertEqual(len(self.floods(both)), 1)

    def test_directions_of_a_flow_in_turns_or_apart(self):
        """Hosts of a flow and of its other direction are looked up once where these follow each other."""
        flood = [flow(30 + n / 100, self.address(n), '10.0.0.80', 1024 + n, 80) for n in range(3000)]
        answers = [flow(30 + n / 100, '10.0.0.80', self.address(n), 80, 1024 + n, flags=RST | ACK) for n in range(3000)]
        turns = [line for pair in zip(flood, answers) for line in pair]
        apart = [line for n in range(0, 3000, 2) for line in flood[n:n + 2] + answers[n:n + 2]]
        for options in (), ('--capacity', '8'):
            with self.subTest(options):
                found = self.floods(turns, '--details', *options)
                self.assertEqual([(a['DST_IP'], a['FLOW_COUNT'], a['SRC_NET_CNT']) for a in found], [('10.0.0.80', '3000', '3000')])
                self.assertEqual(found, self.floods(apart, '--details', *options))

    def test_long_flood_is_one_event(self):
        found = self.floods(flow(n / 40, f'2001:db8:{n % 3000:x}::1', '2001:db8::80', 1024, 443) for n in range(40 * 900))
        self.assertEqual([a['EVENT_SEQ'] for a in found], ['0', '1', '2', '3'])
        self.assertEqual(len({a['EVENT_ID'] for a in found}), 1)
        self.assertEqual(sum(int(a['BYTES']) for a in found), 40 * 40 * 900)

    def test_scan_outage_and_load_are_no_floods(self):
        self.assertEqual(self.floods(flow(n / 50, '10.0.0.7', '10.0.0.1', 40000, n) for n in range(1, 9000)), [])
        lines = [flow(n / 30, self.address(n % 300), '10.0.0.80', 1024 + n, 80, flags=DATA, packets=10, size=900)
                 for n in range(30 * 300)]
        lines += [flow(300 + n / 30, self.address(n % 300), '10.0.0.80', 1024 + n, 80, packets=3) for n in range(30 * 60)]
        self.assertEqual(self.floods(lines), [])  # an own server that went down

    def test_what_was_asked_for_is_no_flood(self):
        asked = [flow(n / 50, '10.0.0.53', self.address(n % 2000), 5353, 53, UDP, 0) for n in range(6000)]
        given = [flow(n / 50 + 0.01, self.address(n % 2000), '10.0.0.53', 53, 5353, UDP, 0, size=100000) for n in range(6000)]
        self.assertEqual(self.floods(line for pair in zip(asked, given) for line in pair), [])
        self.assertEqual(self.floods(biflow(n / 50, '10.0.0.53', self.address(n % 2000), 5353, 53, UDP, 0, packets_rev=1, size_rev=100000)
                                     for n in range(6000)), [])
        self.assertEqual([a['DST_IP'] for a in self.floods(given[:2500])], ['10.0.0.53'])  # reflection: nobody asked

    def test_victim_that_was_idle(self):
        lines = [flow(n, '10.0.0.8', '10.0.0.9', 5000, 443, flags=DATA, packets=20) for n in range(0, 600, 10)]
        flood = [flow(300 + n / 2, self.address(n % 100), '10.0.0.80', 50000, 2000, UDP, 0, packets=2, size=200000) for n in range(300)]
        found = self.floods(sorted(lines + flood, key=lambda line: line.split(',')[3]))
        self.assertEqual([(a['DST_IP'], a['AVG_BYTES_ORIGINAL']) for a in found], [('10.0.0.80', '0')])

    def test_ping_flood_of_one_host_and_video(self):
        flood = [biflow(0, '10.0.0.7', '10.0.0.1', 0, 0, ICMP, 0, packets=200000, packets_rev=200000, lasts=50)]
        self.assertEqual([a['DST_IP'] for a in self.floods(flood)], ['10.0.0.1'])
        video = [flow(minute * 60, '10.0.0.7', '10.0.0.1', 5004, 5004, UDP, 0, packets=200000, size=260000000, lasts=59) for minute in range(10)]
        self.assertEqual(self.floods(video), [])

    def test_chosen_source_networks_are_told_apart(self):
        """Networks that share a place in a set of fixed size, whatever its size: multiples of a step, in IPv4 and IPv6."""
        before = [(m, k, 11 << 24 | k << 8) for m in range(12) for k in range(10)]
        for step in 511, 512, 256:
            flood = [((m, k), (32 << 24) + n * 256) for m in range(12, 20) for k, n in enumerate(k * step for k in range(400))]
            for v6 in False, True:
                def address(number):
                    if v6:
                        return f'2001:{number >> 24 & 0xff:x}:{number >> 8 & 0xffff:x}::5'
                    return '.'.join(str(number >> shift & 255) for shift in (24, 16, 8)) + '.5'
                lines = [biflow(m * 60 + k % 60, address(a), '10.0.0.1', 1024 + k, 443, flags=DATA, packets=50, flags_rev=DATA,
                                packets_rev=16, size=50000, size_rev=1000, lasts=1) for m, k, a in before]
                lines += [biflow(m * 60 + k % 60, address(a), '10.0.0.1', 1024 + k, 443, flags=DATA, packets=12000, flags_rev=DATA,
                                 packets_rev=4000, size=1500000, size_rev=1000, lasts=1) for (m, k), a in flood]
                with self.subTest(step=step, v6=v6):
                    found = self.floods(lines)
                    self.assertGreaterEqual(len(found), 1)
                    self.assertEqual({a['DST_IP'] for a in found}, {'10.0.0.1'})
                    if not v6:
                        self.assertEqual({a['AVG_IP_CNT_ORIGINAL'] for a in found}, {'10'})

    def test_flood_to_one_port_needs_a_clear_majority(self):
        """Few sources: three quarters of the SYNs to one port are a flood, two thirds are not."""
        def lines(of_ten):
            return [flow(n / 200, f'10.0.0.{n % 5}', '10.0.0.80', 1024 + n % 60000, 80 if n % 10 < of_ten else 1000 + n)
                    for n in range(9000)]
        self.assertEqual(self.floods(lines(7)), [])
        self.assertEqual([a['DST_IP'] for a in self.floods(lines(8))], ['10.0.0.80'])

    def test_impossible_times_and_masks(self):
        lines = [flow(n, '10.0.0.7', '10.0.0.1', 5000, 443) for n in range(10)] + [flow(20, '10.0.0.7', '10.0.0.1', 1, 2, lasts=-10)]
        self.assertEqual(self.floods(lines), [])
        self.assertIn('unusable times 1', self.err)
        for option, name in (('-s', 'source'), ('-d', 'destination')):
            status, _, err = self.w.run('ddos_detector', '-i', 'f:x,f:y', option, '33')
            self.assertEqual(status, 255)
            self.assertIn(f"option {option}, --mask_", err)
            self.assertIn('is not a number from 0 to 32', err)
        lines = [flow(n / 100, self.address(n), f'10.0.{n % 9}.80', 1024 + n % 60000, 80) for n in range(2000)]
        self.assertEqual([a['DST_IP'] for a in self.floods(lines, '-s', '32', '-d', '16')], ['10.0.0.0'])
        self.floods(lines, '-s', '0', '-d', '0')  # all is one source and one destination; must not crash


class Bounds(Detectors):
    """All detectors: memory and speed of replay."""

    def test_a_million_spoofed_sources(self):
        chance = random.Random(4)
        self.convert(flow(n / 20000, f'{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}',
                          '10.0.0.80', chance.randrange(1024, 65536), chance.randrange(1, 1024)) for n in range(1000000))
        for name, limit in (('vportscan_detector', 64), ('haddrscan_detector', 96), ('ddos_detector', 64)):
            with self.subTest(name):
                self.w.file('alerts', '')
                process = self.w.start(name, '-v', '-i', 'f:flows,f:alerts:w')
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual(process.returncode, 0)
                self.assertLess(usage.ru_maxrss * 1024, limit * MEGABYTES)
                self.assertIn('evicted', process.stderr.read())
                alerts = self.w.run('logger', '-i', 'f:alerts')[1].splitlines()
                self.assertEqual(len(alerts), 1 if name == 'ddos_detector' else 0)

    def test_same_alerts_under_any_hash_key(self):
        chance = random.Random(6)
        lines = [flow(n / 40, f'10.{chance.randrange(200)}.{chance.randrange(50)}.{chance.randrange(250)}',
                      f'10.1.0.{chance.randrange(3 if n % 2 else 200)}', 40000 + n % 9, chance.choice((22, 23, chance.randrange(1024))))
                 for n in range(40000)]
        lines += [flow(1000 + n / 400, f'20.{n % 211}.{n % 199}.7', '10.0.0.80', 1024 + n, 80) for n in range(20000)]
        lines += [flow(1100 + n / 50, '10.0.0.7', *to) for n in range(200)
                  for to in (('10.0.0.1', 40000 + n, 1 + n), (f'10.2.0.{n}', 40000, 445))]
        self.convert(lines)
        for name, options in (('vportscan_detector', ('-c', '512')), ('haddrscan_detector', ('-c', '512', '-n', '4')),
                              ('ddos_detector', ('--capacity', '64', '--sources', '2000'))):
            results = set()
            for key in '0', '1', 'f':
                os.environ['NEMEA_HASH_KEY'] = key * 32
                try:
                    status, _, err = self.w.run(name, *options, '-v', '-i', 'f:flows,f:alerts:w')
                finally:
                    del os.environ['NEMEA_HASH_KEY']
                self.assertEqual(status, 0, err)
                self.assertRegex(err, r'evicted\D* [1-9]')  # the tables overflow too
                results.add(self.w.run('logger', '-t', '-i', 'f:alerts')[1])
            with self.subTest(name):
                self.assertEqual(len(results), 1)
                self.assertGreater(len(results.pop().splitlines()), 1)

    @staticmethod
    def flows_of_a_flood():
        """To sshd without a log-in, to a name server, and what it sends to clients that are not there; in between, two attacks."""
        chance = random.Random(8)
        for n in range(150000):
            second, port = n / 2000, chance.randrange(1024, 65536)
            spoofed = f'{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}'
            if n % 3 == 0:
                yield flow(second, spoofed, '10.0.0.80', port, 22, flags=ACK | PSH, packets=9)
            elif n % 3 == 1:
                yield flow(second, spoofed, '10.0.0.53', port, 53, UDP, 0, size=60)
            else:
                yield flow(second, '10.0.0.53', spoofed, 53, port, UDP, 0, size=200)
            if n % 1500 == 0:
                yield flow(second, '10.0.0.7', '10.0.0.80', 50000 + n // 1500, 22, flags=DATA, packets=15, size=2000)
            if n % 50 == 0:
                yield flow(second, f'20.0.{n // 50 % 250}.{n // 12500}', '10.0.0.9', 161, 40000 + n % 3, UDP, 0, size=1200)

    def test_attacks_in_a_flood_of_hosts(self):
        """Servers see a flood of spoofed clients; memory stays, the attacks are found, and alerts do not depend on the hash key."""
        self.convert(self.flows_of_a_flood())  # one by one: see ru_maxrss
        for name, options, victims, limit in (('brute_force_detector', ('-S', '--capacity', '4096', '--flows', '16384'), {'10.0.0.7'}, 32),
                                              ('amplification_detection', ('--capacity', '4096', '--victims', '4096', '--flows', '16384'),
                                               {'10.0.0.9'}, 64)):
            results = set()
            for key in '0', 'f':
                self.w.file('alerts', '')
                self.w.env['NEMEA_HASH_KEY'] = key * 32
                process = self.w.start(name, *options, '-v', '-i', 'f:flows,f:alerts:w')
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                err = process.stderr.read()
                self.assertEqual(process.returncode, 0, err)
                self.assertRegex(err, r'(evicted|displaced)\D* [1-9]')
                self.assertLess(usage.ru_maxrss * 1024, limit * MEGABYTES)
                results.add(self.w.run('logger', '-t', '-i', 'f:alerts')[1])
            del self.w.env['NEMEA_HASH_KEY']
            with self.subTest(name):
                self.assertEqual(len(results), 1)
                alerts = list(csv.DictReader(results.pop().splitlines()))
                field = 'ipaddr SRC_IP' if name == 'brute_force_detector' else 'ipaddr DST_IP'
                self.assertEqual({alert[field] for alert in alerts}, victims)

    def test_same_alerts_at_any_speed(self):
        chance = random.Random(5)
        lines = [flow(n / 20, f'10.0.0.{chance.randrange(5)}', f'10.1.0.{chance.randrange(3 if n % 2 else 200)}', 40000 + n % 9,
                      chance.choice((22, 23, chance.randrange(1024))), lasts=chance.randrange(3)) for n in range(40000)]
        self.convert(lines)
        for name in 'vportscan_detector', 'haddrscan_detector', 'ddos_detector':
            with self.subTest(name):
                self.assertEqual(self.w.run(name, '-i', 'f:flows,f:fast:w')[0], 0)
                detector = self.w.start(name, '-i', 'u:slow,f:slow:w')
                sender = self.w.start('logreplay', '-d', '-f', '-', '-i', 'u:slow:timeout=WAIT:buffer=off', stdin=-1)
                sender.stdin.write(ONE_WAY + '\n')
                for i, line in enumerate(lines):
                    sender.stdin.write(line)
                    if i % 8000 == 0:  # the detector reads all records
                        sender.stdin.flush()
                        self.w.wait_for(lambda: os.path.exists(self.w.file('trap-slow.sock')), 'the sender')
                self.assertEqual(self.w.end(sender)[0], 0)
                self.assertEqual(self.w.end(detector)[0], 0)
                fast, slow = (self.w.run('logger', '-t', '-i', f'f:{file}')[1] for file in ('fast', 'slow'))
                self.assertEqual(fast, slow)
                self.assertTrue(len(fast.splitlines()) > 1 or name == 'ddos_detector')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BIN = sys.argv.pop(1)
    unittest.main()
