# SPDX-License-Identifier: BSD-3-Clause
"""What the packets of a capture are by tshark's dissection, and the flows that they make by the rules in docs/flow_meter.md."""

import collections
import datetime
import functools
import hashlib
import ipaddress
import itertools
import subprocess

LONG = 1000000, 1000000  # active and inactive timeout in seconds: the longest; some captures are packets of several years
USUAL = 300, 30
FAR_AHEAD = 3600      # seconds
FRAGMENT_SECONDS = 3  # that a fragment and its first one may be apart
SHOWN_PACKETS = 30    # of pstats
SHOWN_EXTENSIONS = 30
SEPARATOR = '\x1f'    # between several values of a field

PACKET_FIELDS = '''frame.number frame.time_epoch frame.protocols frame.cap_len frame.len eth.src eth.dst sll.src.eth vlan.id
ieee8021ad.id mpls.label mpls.exp mpls.bottom gre.flags.version ip.version ip.hdr_len ip.src ip.dst ip.proto ip.len ip.id ip.flags
ip.frag_offset ip.ttl ipv6.src ipv6.dst ipv6.plen ipv6.hlim ipv6.nxt ipv6.hopopts.nxt ipv6.routing.nxt ipv6.dstopts.nxt
ipv6.fraghdr.nxt ipv6.fraghdr.offset ipv6.fraghdr.ident ipv6.fraghdr.more ah.next_header ah.length
ipv6.hopopts.len ipv6.routing.len ipv6.dstopts.len tcp.srcport tcp.dstport tcp.flags tcp.len tcp.hdr_len tcp.seq_raw
tcp.window_size_value tcp.option_kind tcp.options.mss_val udp.srcport udp.dstport udp.length sctp.srcport sctp.dstport icmp.type icmp.code icmpv6.type
icmpv6.code'''.split()
TLS_FIELDS = '''tls.handshake.type tls.handshake.version tls.handshake.extensions_server_name tls.handshake.ja3
tls.handshake.extension.type tls.handshake.extension.len tls.handshake.extensions.supported_version
tls.handshake.extensions_alpn_str tls.handshake.ciphersuite tls.handshake.sig_hash_alg tls.handshake.sig_hash_alg_len
tcp.analysis.retransmission tcp.analysis.out_of_order tcp.analysis.lost_segment'''.split()

# Headers before the IP header that flow_meter parses.
LINK = {'eth', 'ethertype', 'sll', 'raw', 'null', 'loop', 'vlan', 'ieee8021ad', 'mpls', 'pwethheuristic', 'pwethcw', 'pwethnocw',
        'pppoes', 'ppp', 'trill'}
# IPv6 extension headers: the field with what follows, the field with the length, units of its bytes, bytes that it does not count
EXTENSIONS = {'ipv6.hopopts': ('ipv6.hopopts.nxt', 'ipv6.hopopts.len', 8, 8),
              'ipv6.routing': ('ipv6.routing.nxt', 'ipv6.routing.len', 8, 8),
              'ipv6.dstopts': ('ipv6.dstopts.nxt', 'ipv6.dstopts.len', 8, 8),
              'ah': ('ah.next_header', 'ah.length', 4, 8),
              'ipv6.fraghdr': ('ipv6.fraghdr.nxt', None, 0, 8)}
TCP, UDP, GRE, SCTP = 6, 17, 47, 132
FIN, SYN, RST = 1, 2, 4
VAGUE = 'TCP_WIN TCP_WIN_REV PPI_PKT_FLAGS'.split()
TLS_1_0 = 0x301
TLS_NAMES = 'TLS_SNI TLS_JA3 TLS_JA4 TLS_EXT_TYPE TLS_EXT_LEN TLS_ALPN TLS_VERSION'.split()


@functools.cache
def address(text):
    return str(ipaddress.ip_address(text))


class Row:
    """A packet's fields, each with all its values."""

    def __init__(self, columns, line):
        self.columns, self.values = columns, line.rstrip('\n').split('\t')

    def all(self, field):
        value = self.values[self.columns[field]]
        return value.split(SEPARATOR) if value else []

    def get(self, field, n=0):
        values = self.all(field)
        return values[n] if n < len(values) else ''

    def number(self, field, n=0):
        return int(self.get(field, n) or '0', 0)


def rows(capture, fields, decode=()):
    """The packets of a capture as tshark dissects them, without what makes it report a packet's fields at another packet: IP
    fragments stay as they are, and bodies of messages are not waited for. decode: what it cannot know, as its option -d."""
    columns = {field: n for n, field in enumerate(fields)}
    command = ['tshark', '-n', '-r', capture, '-T', 'fields', '-E', f'aggregator={SEPARATOR}']
    for preference in ('ip.defragment:FALSE', 'ipv6.defragment:FALSE', 'http.desegment_body:FALSE',
                       'sip.desegment_body:FALSE'):
        command += ['-o', preference]
    # TLS on any port: not only what the port says, and not the protocol that sees a TPKT in a TLS record. TFTP claims all packets of
    # a port that a probe was sent to.
    command += ['-o', 'tcp.try_heuristic_first:TRUE', '--disable-protocol', 'tpkt', '--disable-protocol', 'tftp']
    for rule in decode:
        command += ['-d', rule]
    for field in fields:
        command += ['-e', field]
    process = subprocess.run(command, capture_output=True, check=False)
    if process.returncode != 0:
        raise RuntimeError(f'{capture}: tshark: {process.stderr.decode()}')
    return [Row(columns, line) for line in process.stdout.decode(errors='replace').split('\n') if line]


class Packet:
    """The addresses that count, as flow_meter's parser should find them. None of what() when the packet belongs to no flow."""

    def __init__(self, row):
        self.row, self.protocol, self.ports, self.flags, self.vlan, self.mpls = row, None, (0, 0), 0, None, None
        self.vague = False  # tshark stops before the flags of a TCP header whose length field is too small
        seconds, _, fraction = row.get('frame.time_epoch').partition('.')
        self.time = int(seconds) * 10**6 + int(fraction[:6])  # microseconds
        self.addresses = self.fragment = None
        self.above = []  # protocols after the IP header that counts, not those of other IP packets in its payload
        self.offset = self.payload = self.bytes = self.ttl = self.ip_flags = self.icmp = 0
        self.macs = (row.get('eth.src') or row.get('sll.src.eth') or '00:00:00:00:00:00', row.get('eth.dst') or '00:00:00:00:00:00')
        self.walk(row.get('frame.protocols').split(':'))

    def walk(self, protocols):
        """Goes through the headers from the outermost one on, up to TCP or UDP."""
        seen = collections.Counter()
        open_for_ip = True  # an IP header here is the one that counts
        for n, name in enumerate(protocols):
            if name in ('ip', 'ipv6') and open_for_ip:
                (self.ipv4 if name == 'ip' else self.ipv6)(seen[name])
                open_for_ip = False
            elif name == 'gre' and self.protocol == GRE and self.row.get('ip.src') and not self.row.number('gre.flags.version'):
                open_for_ip = True
            elif name in ('vlan', 'ieee8021ad') and open_for_ip:
                self.vlan = self.row.number(f'{name}.id', seen[name]) if self.vlan is None else self.vlan
            elif name in EXTENSIONS and not open_for_ip:
                self.extension(name, seen[name])
            elif not open_for_ip or name not in LINK:
                self.above = list(itertools.takewhile(lambda other: other not in ('ip', 'ipv6'), protocols[n:]))
                break
            seen[name] += 1
        if self.addresses and self.offset == 0:
            self.transport()
        if 'mpls' in protocols:
            label, exp, bottom = (self.row.number(f'mpls.{field}') for field in ('label', 'exp', 'bottom'))
            self.mpls = f'{label << 4 | exp << 1 | bottom:06x}'

    def ipv4(self, n):
        row = self.row
        self.addresses = tuple(address(row.get(field, n)) for field in ('ip.src', 'ip.dst'))
        self.protocol, self.bytes, self.ttl = (row.number(field, n) for field in ('ip.proto', 'ip.len', 'ip.ttl'))
        self.ip_flags = row.number('ip.flags', n) >> (5 if row.number('ip.flags', n) > 7 else 0)
        self.offset = row.number('ip.frag_offset', n)
        self.payload = self.bytes - row.number('ip.hdr_len', n)
        self.fragment = row.number('ip.id', n) if self.offset or self.ip_flags & 1 else None

    def ipv6(self, n):
        row = self.row
        self.addresses = tuple(address(row.get(field, n)) for field in ('ipv6.src', 'ipv6.dst'))
        self.protocol, self.payload, self.ttl = (row.number(field, n) for field in ('ipv6.nxt', 'ipv6.plen', 'ipv6.hlim'))
        self.bytes = self.payload + 40

    def extension(self, name, n):
        following, length, unit, uncounted = EXTENSIONS[name]
        self.protocol = self.row.number(following, n)
        self.payload -= (self.row.number(length, n) * unit if length else 0) + uncounted
        if name == 'ipv6.fraghdr':
            self.fragment, self.offset = self.row.number('ipv6.fraghdr.ident'), self.row.number('ipv6.fraghdr.offset') * 8

    def transport(self):
        row = self.row
        if self.protocol == TCP:
            self.ports = row.number('tcp.srcport'), row.number('tcp.dstport')
            self.flags = row.number('tcp.flags') & 0xff
            self.vague = not row.get('tcp.flags')
            self.payload -= row.number('tcp.hdr_len')
        elif self.protocol == UDP:
            self.ports = row.number('udp.srcport'), row.number('udp.dstport')
            self.payload -= 8
        elif self.protocol == SCTP:
            self.ports = row.number('sctp.srcport'), row.number('sctp.dstport')
            self.payload -= 12
        elif self.protocol in (1, 58):
            name = 'icmp' if self.protocol == 1 else 'icmpv6'
            self.icmp = row.number(f'{name}.type') * 256 + row.number(f'{name}.code')
        self.payload = max(self.payload, 0)

    def disordered(self):
        """tshark dissects no segment that it considers a retransmission, and nothing after a gap."""
        return self.protocol == TCP and any(self.row.get(f'tcp.analysis.{what}')
                                            for what in ('retransmission', 'out_of_order', 'lost_segment'))

    def fragment_key(self):
        return self.fragment, self.protocol, self.vlan, self.addresses

    def ends(self):
        return tuple(zip(self.addresses, self.ports))


class Fragments:
    """Gives later fragments the ports of their first one; those that come before it wait for it."""

    def __init__(self):
        self.first, self.waiting = {}, []

    def add(self, packet):
        """The packets that are to be counted now."""
        limit = FRAGMENT_SECONDS * 10**6
        out = [w for w in self.waiting if packet.time > w.time + limit]
        self.waiting = [w for w in self.waiting if packet.time <= w.time + limit]
        if packet.fragment is None:
            return out + [packet]
        key = packet.fragment_key()
        if packet.offset == 0:
            self.first[key] = packet
            mine = [w for w in self.waiting if w.fragment_key() == key]
            for w in mine:
                w.ports = packet.ports
            self.waiting = [w for w in self.waiting if w.fragment_key() != key]
            return out + [packet] + mine
        first = self.first.get(key)
        if first and packet.time <= first.time + limit:
            packet.ports = first.ports
            return out + [packet]
        self.waiting.append(packet)
        return out


class Flow:
    def __init__(self, packet):
        self.packets = []  # (packet, way): way 0 is that of the first packet
        self.ends, self.flags, self.seen, self.first, self.last = packet.ends(), [0, 0], 0, packet.time, packet.time

    def over(self, packet, clock, active, inactive):
        """This packet of its ends begins another flow: it comes too late, or is a SYN after a FIN or RST of its direction. Whole
        seconds count. That the flow was silent is also noticed when the clock moves on, though not by packets that are old."""
        second, first, last = (micros // 10**6 for micros in (packet.time, self.first, self.last))
        return packet.flags & SYN and self.flags[self.way(packet)] & (FIN | RST) or second - first >= active or \
            second - last >= inactive or (clock > self.seen and clock - last >= inactive)

    def add(self, packet, way, clock):
        self.seen, self.first, self.last = clock, min(self.first, packet.time), max(self.last, packet.time)
        self.packets.append((packet, way))
        self.flags[way] |= packet.flags

    def way(self, packet):
        return 0 if packet.ends() == self.ends else 1


class Clock:
    """The time that ends silent flows: that of the packets, but a single one far ahead does not count."""

    def __init__(self):
        self.second = self.far = 0

    def advance(self, packet):
        second = packet.time // 10**6
        if self.second == 0 or self.second < second <= self.second + FAR_AHEAD:
            self.second, self.far = second, 0
        elif second > self.second:
            confirmed, self.far = self.far and abs(second - self.far) < FAR_AHEAD, second
            if confirmed:
                self.second, self.far = second, 0
        return self.second


def flows(packets, timeouts):
    """All flows of a capture."""
    fragments, clock, current, done = Fragments(), Clock(), {}, []

    def count(packet):
        ends, now = packet.ends(), clock.advance(packet)
        key = (packet.vlan or 0, packet.protocol, ':' in packet.addresses[0], min(ends), max(ends))
        flow = current.get(key)
        if flow is None or flow.over(packet, now, *timeouts):
            flow = current[key] = Flow(packet)
            done.append(flow)
        flow.add(packet, flow.way(packet), now)

    for packet in packets:
        if packet.addresses:
            for ready in fragments.add(packet):
                count(ready)
    for packet in fragments.waiting:
        count(packet)
    return done


def text_of_time(micros):
    seconds, fraction = divmod(micros, 10**6)
    days, rest = divmod(seconds, 86400)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days)
    return f'{date}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}.{fraction:06}'


def option_bits(packets):
    """The set of TCP option kinds, bits reversed within each byte."""
    bits = 0
    for packet in packets:
        for kind in packet.row.all('tcp.option_kind') if packet.offset == 0 and packet.protocol == TCP else []:
            bits |= 1 << ((int(kind) & 0xf8) + 7 - (int(kind) & 7)) if int(kind) < 64 else 0
    return bits


def one_way(flow, way, suffix):
    """Fields of one direction."""
    mine = [packet for packet, its in flow.packets if its == way]
    first = mine[0] if mine else None
    tcp = first and first.protocol == TCP and first.offset == 0
    return {'IP_TTL' + suffix: max((packet.ttl for packet in mine), default=0), 'IP_FLG' + suffix: first.ip_flags if first else 0,
            'TCP_WIN' + suffix: first.row.number('tcp.window_size_value') if tcp else 0, 'TCP_OPT' + suffix: option_bits(mine),
            'TCP_MSS' + suffix: first.row.number('tcp.options.mss_val') if tcp else 0}


def as_text(fields):
    return {name: None if value is None else str(value) for name, value in fields.items()}


def basic(flow):
    """Fields that all records have."""
    first, times = flow.packets[0][0], [packet.time for packet, _ in flow.packets]
    fields = {'SRC_IP': first.addresses[0], 'DST_IP': first.addresses[1], 'SRC_PORT': first.ports[0], 'DST_PORT': first.ports[1],
              'PROTOCOL': first.protocol, 'VLAN_ID': first.vlan or 0, 'SRC_MAC': first.macs[0], 'DST_MAC': first.macs[1],
              'TIME_FIRST': text_of_time(min(times)), 'TIME_LAST': text_of_time(max(times))}
    for way, suffix in ((0, ''), (1, '_REV')):
        mine = [packet.bytes for packet, its in flow.packets if its == way]
        fields.update({'PACKETS' + suffix: len(mine), 'BYTES' + suffix: sum(mine), 'TCP_FLAGS' + suffix: flow.flags[way]})
    if any(packet.vague for packet, _ in flow.packets):
        fields.update(TCP_FLAGS=None, TCP_FLAGS_REV=None)
    return as_text(fields)


def record(flow):
    """The fields that flow_meter's record of a flow should have with those of plugins."""
    first = flow.packets[0][0]
    shown = [(packet, way) for packet, way in flow.packets if packet.payload > 0][:SHOWN_PACKETS]
    if len(flow.packets) == 1 and flow.flags[0] & SYN:  # pstats has no data for a single SYN
        shown = []
    fields = {'TCP_SYN_SIZE': first.bytes if first.flags == SYN else 0, 'L4_ICMP_TYPE_CODE': first.icmp,
              'MPLS_TOP_LABEL_STACK_SECTION': next((packet.mpls for packet, _ in flow.packets if packet.mpls), ''),
              'PPI_PKT_LENGTHS': '|'.join(str(packet.payload) for packet, _ in shown),
              'PPI_PKT_TIMES': '|'.join(text_of_time(packet.time) for packet, _ in shown),
              'PPI_PKT_FLAGS': '|'.join(str(packet.flags) for packet, _ in shown),
              'PPI_PKT_DIRECTIONS': '|'.join('-1' if way else '1' for _, way in shown)}
    for way, suffix in ((0, ''), (1, '_REV')):
        fields.update(one_way(flow, way, suffix))
    if any(packet.vague for packet, _ in flow.packets):
        fields.update(dict.fromkeys(VAGUE))
    fields.update(tls_fields([packet for packet, _ in flow.packets]))
    return {**basic(flow), **as_text(fields)}


# ------------------------------------------------------------------------ TLS


def grease(value):
    return value & 0x0f0f == 0x0a0a and value >> 8 == value & 0xff


def signature_algorithms(row):
    """Those of the extension of this name: certificates' algorithms and delegated credentials have the same field."""
    algorithms = [int(value, 0) for value in row.all('tls.handshake.sig_hash_alg')]
    lists = [kind for kind in row.all('tls.handshake.extension.type') if kind in ('13', '34', '50')]
    for kind, length in zip(lists, row.all('tls.handshake.sig_hash_alg_len')):
        n = int(length) // 2
        if kind == '13':
            return [value for value in algorithms[:n] if not grease(value)]
        algorithms = algorithms[n:]
    return []


def ja4(row, name):
    """The fingerprint of a ClientHello over TCP as FoxIO defines it, of the fields that tshark shows."""
    def numbers(field):
        return [n for n in (int(value, 0) for value in row.all(field)) if not grease(n)]
    ciphers, extensions = numbers('tls.handshake.ciphersuite'), numbers('tls.handshake.extension.type')
    version = max(numbers('tls.handshake.extensions.supported_version') or [row.number('tls.handshake.version')])
    version = {0x304: '13', 0x303: '12', 0x302: '11', 0x301: '10', 0x300: 's3'}.get(version, '00')
    alpn = row.get('tls.handshake.extensions_alpn_str')
    alpn = alpn[0] + alpn[-1] if alpn else '00'
    kept = ','.join(f'{n:04x}' for n in sorted(extensions) if n not in (0, 16))
    algorithms = ','.join(f'{n:04x}' for n in signature_algorithms(row))

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else '0' * 12
    return (f't{version}{"d" if name else "i"}{min(len(ciphers), 99):02}{min(len(extensions), 99):02}{alpn}_'
            f'{digest(",".join(f"{n:04x}" for n in sorted(ciphers)))}_{digest(f"{kept}_{algorithms}" if algorithms else kept)}')


def hello(row):
    """Fields of a ClientHello."""
    extensions = row.all('tls.handshake.extension.type')
    return {'TLS_SNI': row.get('tls.handshake.extensions_server_name'), 'TLS_JA3': row.get('tls.handshake.ja3'),
            'TLS_JA4': ja4(row, '0' in extensions), 'TLS_VERSION': row.number('tls.handshake.version'),
            'TLS_EXT_TYPE': '|'.join(extensions[:SHOWN_EXTENSIONS]), 'TLS_ALPN': '',
            'TLS_EXT_LEN': '|'.join(row.all('tls.handshake.extension.len')[:SHOWN_EXTENSIONS])}


def tls_fields(packets):
    """Of the first ClientHello and the first ServerHello after it; fields are None where tshark cannot tell."""
    packets = [packet for packet in packets if packet.protocol == TCP]
    disordered = any(packet.disordered() for packet in packets)
    fields, client = dict.fromkeys(TLS_NAMES, None if disordered else ''), False
    fields['TLS_VERSION'] = None if disordered else 0
    for packet in packets:
        row, types = packet.row, packet.row.all('tls.handshake.type')
        # The plugin knows TLS 1.0 and later; tshark shows older ones too.
        if '1' in types and not client and row.number('tls.handshake.version') >= TLS_1_0:
            client = True
            fields.update(hello(row))
        elif '2' in types and client:
            versions = row.all('tls.handshake.extensions.supported_version')
            fields['TLS_VERSION'] = int(versions[0], 0) if versions else fields['TLS_VERSION']
            fields['TLS_ALPN'] = row.get('tls.handshake.extensions_alpn_str')
            return fields
    if client and disordered:
        fields['TLS_VERSION'] = fields['TLS_ALPN'] = None
    return fields
