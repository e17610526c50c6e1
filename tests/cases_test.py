#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures of which meters and analysers once made nonsense (tests/cases): a row for each, with what is right.

usage: cases_test.py BIN_DIR

Application layers: records of flow_meter, also with the segments of a message in another order, sent twice, or cut elsewhere. The rest:
events of nemea analyze. The captures with other link types and formats are in inputs_test.py.
"""

import csv
import hashlib
import itertools
import json
import os
import shutil
import struct
import sys
import unittest

import captures
from programs import ROOT, TIMEOUT, Workspace

BIN = None
CASES = os.path.join(ROOT, 'tests', 'cases')
SOURCE, TARGET = '203.0.113.9', '10.0.0.7'
IP, TCP = 14, 34  # where the headers are in these captures' packets
SYN = 2


def ja4(version, sni, ciphers, extensions, signatures, alpn):
    """By FoxIO's definition: https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md"""
    def short(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else '0' * 12
    rest = sorted(e for e in extensions if e not in ('0000', '0010'))
    return (f't{version}{"d" if sni else "i"}{len(ciphers):02}{len(extensions):02}{alpn}_{short(",".join(sorted(ciphers)))}_'
            + short(','.join(rest) + ('_' + ','.join(signatures) if signatures else '')))


QUESTION = {'DNS_ID': '1', 'DNS_NAME': 'one.example.com', 'DNS_QTYPE': '1', 'DNS_ANSWERS': '0'}
ANSWER = {'DNS_ID': '1', 'DNS_NAME': 'one.example.com', 'DNS_QTYPE': '1', 'DNS_ANSWERS': '1', 'DNS_RR_TTL': '60',
          'DNS_RDATA': b'10.0.0.1'.hex()}
SECOND = dict(QUESTION, DNS_ID='2', DNS_NAME='two.example.com')
BIG_ANSWER = {'DNS_ID': '1', 'DNS_NAME': 'one.example.com', 'DNS_QTYPE': '16', 'DNS_ANSWERS': '40', 'DNS_RR_TTL': '60',
              'DNS_RDATA': (b'v' * 159).hex()}
CUT_REQUEST = {'HTTP_REQUEST_METHOD': 'GET', 'HTTP_REQUEST_HOST': 'shop.example', 'HTTP_REQUEST_URL': '/login',
               'HTTP_REQUEST_AGENT': 'Browser/1'}
REQUEST = dict(CUT_REQUEST, HTTP_REQUEST_REFERER='http://shop.example/', HTTP_RESPONSE_STATUS_CODE='200', HTTP_RESPONSE_SERVER='S')
INVITE = {'SIP_MSG_TYPE': '1', 'SIP_CSEQ': '1 INVITE', 'SIP_CALLING_PARTY': 'sip:al@a.example',
          'SIP_CALLED_PARTY': 'sip:bob@b.example', 'SIP_CALL_ID': 'cid1@a', 'SIP_USER_AGENT': 'UA1',
          'SIP_REQUEST_URI': 'sip:bob@b.example', 'SIP_VIA': 'SIP/2.0/UDP pc.a.example'}
CIPHERS = ['1301', '1302', 'c02f']
HELLO = {'TLS_SNI': 'www.example.com', 'TLS_JA3': 'e284daca138e735e879841bc5b6f7b97',
         'TLS_JA4': ja4('13', True, CIPHERS, ['0000', '000a', '000b', '000d', '002b', '0010', '0033'], ['0403', '0804', '0401'], 'h2'),
         'TLS_EXT_TYPE': '[0|10|11|13|43|16|51]'}
OLD_HELLO = {'TLS_SNI': 's3.example.com', 'TLS_JA3': 'f9957b8e075834f6961b6f86baae23c5', 'TLS_VERSION': '768',
             'TLS_JA4': ja4('s3', True, CIPHERS, ['0000'], [], '00')}

MESSAGES = [
    ('app_dnstcp_two_in_one', 'dns', [QUESTION, SECOND]),
    ('app_dnstcp_len_split', 'dns', [QUESTION, ANSWER]),
    ('app_dnstcp_mid_split', 'dns', [QUESTION, ANSWER]),
    ('app_dnstcp_big_answer', 'dns', [QUESTION, BIG_ANSWER]),
    ('app_http_big_cookie', 'http', [REQUEST]),
    ('app_http_snap200', 'http', [CUT_REQUEST]),
    ('app_sip_fold', 'sip', [INVITE]),
    ('app_sip_fold_mid', 'sip', [INVITE]),
    ('app_sip_multivia', 'sip', [dict(INVITE, SIP_VIA='SIP/2.0/UDP p1;SIP/2.0/UDP p2;SIP/2.0/UDP p3')]),
    ('app_sip_message', 'sip', [dict(INVITE, SIP_MSG_TYPE='11', SIP_CSEQ='1 MESSAGE')]),
    ('app_sip_refer', 'sip', [dict(INVITE, SIP_MSG_TYPE='12', SIP_CSEQ='1 REFER')]),
    ('app_sip_tcp_two', 'sip', [INVITE, dict(INVITE, SIP_MSG_TYPE='6', SIP_CSEQ='1 OPTIONS', SIP_CALL_ID='cid2@a')]),
    ('app_sip_tcp_split', 'sip', [INVITE]),
    ('app_tls_split1', 'tls:ja4', [HELLO]),
    ('app_tls_split5', 'tls:ja4', [HELLO]),
    ('app_tls_recfrag', 'tls:ja4', [HELLO]),
    ('app_tls_ssl3_ver', 'tls:ja4', [OLD_HELLO]),
]

SCANS = [(name, 1, 300) for name in ('tun_llc_snap', 'tun_vxlan', 'tun_geneve', 'tun_gre6', 'tun_ipip', 'tun_4in6', 'tun_erspan2', 'tun_ah4')]
SCANS += [(name, 1, 400) for name in ('swap_v_file_order_only', 'swap_v_same_ts_reply_first', 'swap_v_reply_first_file')]
SCANS += [('jump_none', 1, 640)]


def payload(packet):
    """(position of the TCP payload, its length); 0, 0 of what is no whole segment with payload"""
    data = packet.data
    if data[IP + 9] != 6 or len(data) != packet.length:
        return 0, 0
    at = TCP + (data[TCP + 12] >> 4) * 4
    length = IP + struct.unpack_from('>H', data, IP + 2)[0] - at
    return (at, length) if length > 0 and not data[TCP + 13] & SYN else (0, 0)


def part(packet, begin, end):
    """The segment with a part of its payload."""
    at = payload(packet)[0]
    data = bytearray(packet.data[:at] + packet.data[at + begin:at + end])
    struct.pack_into('>H', data, IP + 2, len(data) - IP)
    struct.pack_into('>I', data, TCP + 4, (struct.unpack_from('>I', data, TCP + 4)[0] + begin) & 0xffffffff)
    return captures.Packet(packet.time, len(data), bytes(data))


def cut(packets, size):
    """Segments of no more than this many bytes."""
    for packet in packets:
        length = payload(packet)[1]
        yield from ([part(packet, at, min(at + size, length)) for at in range(0, length, size)] if length else [packet])


def neighbours_exchanged(packets):
    """Each second segment comes before the one that it follows."""
    packets, at = list(packets), 0
    while at + 1 < len(packets):
        one, other = packets[at:at + 2]
        if payload(one)[1] and payload(other)[1] and one.data[IP + 12:IP + 16] == other.data[IP + 12:IP + 16]:
            packets[at:at + 2] = [other, one]
            at += 1
        at += 1
    return packets


def twice(packets):
    return [packet for one in packets for packet in ([one, one] if payload(one)[1] else [one])]


class Cases(unittest.TestCase):
    def setUp(self):
        self.w = Workspace(BIN)
        self.addCleanup(self.w.__exit__)
        self.w.env['TMPDIR'] = self.w.path

    def case(self, name):
        """Path of a case, unpacked."""
        path = os.path.join(CASES, name + '.pcap')
        if not os.path.exists(path):
            path = self.w.file(name + '.pcap', captures.load(path + '.zst'))
        return path

    def records(self, path, plugin):
        out = self.w.file('out.trapcap')
        self.assertEqual(self.w.run('flow_meter', '-r', path, '-p', plugin, '-i', f'f:{out}')[0], 0)
        status, text, err = self.w.run('logger', '-t', '-i', f'f:{out}')
        self.assertEqual(status, 0, err)
        title, *rows = csv.reader(text.splitlines())
        names = [field.split(' ')[1] for field in title]
        return [dict(zip(names, row)) for row in rows]

    def assert_records(self, path, plugin, expected, what):
        got = self.records(path, plugin)
        self.assertEqual([{name: one.get(name) for name in right} for one, right in zip(got, expected)], expected, what)
        self.assertEqual(len(got), len(expected), what)

    def test_messages(self):
        for name, plugin, expected in MESSAGES:
            self.assert_records(self.case(name), plugin, expected, name)

    def test_messages_in_other_segments(self):
        """However TCP brings it, a message is the same."""
        ways = [(size, order) for size in (100, 700) for order in (list, neighbours_exchanged, twice)]
        for name, plugin, expected in MESSAGES:
            packets = list(captures.packets(captures.load(self.case(name))))
            if not any(payload(packet)[1] for packet in packets):
                continue
            for size, order in ways:
                if plugin == 'dns' and order is not list:
                    continue  # a DNS message ends its flow: what comes after it is another one, of which nothing is known
                path = self.w.file('other.pcap')
                changed = order(cut(packets, size))
                times = [packet.time for packet in changed]
                captures.write_pcap(path, [captures.Packet(time, p.length, p.data) for time, p in zip(sorted(times), changed)])
                self.assert_records(path, plugin, expected, (name, size, order.__name__))

    def analyze(self, *arguments, **options):
        status, out, err = self.w.run('nemea', 'analyze', '--json', '--detectors=vportscan_detector', *arguments, **options)
        self.assertEqual(status, 0, err)
        return json.loads(out)

    def assert_scan(self, report, packets, what):
        self.assertEqual([(e['kind'], e['sources'][0]['ip'], e['targets'][0]['ip']) for e in report['events']],
                         [('vertical-scan', SOURCE, TARGET)], what)
        self.assertEqual((report['packets']['read'], report['packets']['not_ip'], report['packets']['malformed'],
                          report['traffic']['packets']), (packets, 0, 0, packets), what)

    def test_scans(self):
        for name, _, ports in SCANS:
            report = self.analyze(self.case(name))
            self.assert_scan(report, 2 * ports, name)
            self.assertTrue(report['complete'], name)

    def test_direction_is_found_in_any_order(self):
        packets = list(captures.packets(captures.load(self.case('swap_v_same_ts_reply_first'))))
        captures.write_pcap(self.w.file('back.pcap'), packets[::-1])
        self.assert_scan(self.analyze('back.pcap'), 800, 'last packet first')

    def test_a_fifo(self):
        os.mkfifo(self.w.file('fifo'))
        process = self.w.start('nemea', 'analyze', '--json', '--detectors=vportscan_detector', 'fifo')
        with open(self.w.file('fifo'), 'wb') as fifo:
            fifo.write(captures.load(self.case('jump_none')))
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assert_scan(json.loads(out), 1280, 'fifo')

    def test_pieces_of_a_ring_buffer(self):
        pieces = [self.case(f'jump_rot{n}') for n in range(4)]
        packets = sum(len(list(captures.packets(captures.load(path)))) for path in pieces)
        whole = self.analyze(*pieces)
        self.assert_scan(whole, packets, 'in order')
        self.assertTrue(whole['complete'])
        for order in itertools.islice(itertools.permutations(pieces), 5, 24, 6):
            self.assertEqual(self.analyze(*order)['events'], whole['events'], order)
        ring = self.w.file('ring')
        os.mkdir(ring)
        for path in pieces + [os.path.join(CASES, name) for name in ('file_text.txt', 'link_ppp.pcap', 'file_comp.pcap.gz')]:
            shutil.copy(path, ring)
        self.w.file('ring/file_empty.pcap', b'')
        self.w.file('ring/ten', b'0123456789')
        report = self.analyze('ring')
        self.assertFalse(report['complete'])
        self.assertEqual([event['kind'] for event in report['events']], ['vertical-scan'])
        for name in ('file_text.txt', 'file_empty.pcap', 'ten'):
            self.assertEqual(sum(name in note for note in report['notes']), 1, report['notes'])
        status, out, _ = self.w.run('nemea', 'analyze', '--detectors=vportscan_detector', 'ring/file_empty.pcap', 'ring/link_ppp.pcap')
        self.assertEqual(status, 0)
        self.assertIn('No attacks found in what was analysed.', out)


if __name__ == '__main__':
    BIN = sys.argv.pop(1)
    unittest.main()
