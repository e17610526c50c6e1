# SPDX-License-Identifier: BSD-3-Clause
"""Messages of application protocols as tshark dissects them, and the same of flow_meter's records. A message is (ends, fields): the
two addresses with ports, in order, and the protocol; fields are text. None: tshark cannot tell."""

import calendar
import ipaddress
import time

from tshark_flows import SHOWN_EXTENSIONS, TCP, UDP

FIELDS = '''dns.id dns.flags dns.count.answers dns.qry.name dns.qry.type dns.qry.class dns.resp.type dns.resp.ttl dns.a dns.aaaa
dns.cname dns.ptr.domain_name dns.ns dns.length dns.rr.udp_payload_size dns.resp.z.do http.request.method http.request.uri http.host
http.user_agent http.referer http.response.code http.content_type http.server sip.Method sip.Status-Code sip.CSeq sip.Call-ID
sip.from.addr sip.to.addr sip.r-uri sip.User-Agent ntp.flags.li ntp.flags.vn ntp.flags.mode ntp.stratum ntp.ppoll ntp.precision
ntp.reftime ntp.org ntp.rec ntp.xmt tcp.segment.count quic.version quic.dcid
quic.scid quic.token_length quic.retry_token'''.split()

NTP_TO_UNIX = 2208988800  # seconds from 1900 to 1970
SIP_TYPES = {'INVITE': 1, 'ACK': 2, 'CANCEL': 3, 'BYE': 4, 'REGISTER': 5, 'OPTIONS': 6, 'PUBLISH': 7, 'NOTIFY': 8, 'INFO': 9,
             'SUBSCRIBE': 10}
SIP_SHORTEST = 64  # bytes of a message
RESPONSE = 99


def ends_of_packet(packet):
    return tuple(sorted((address, str(port)) for address, port in packet.ends())) + (str(packet.protocol),)


def ends_of_record(r):
    return tuple(sorted(((r['SRC_IP'], r['SRC_PORT']), (r['DST_IP'], r['DST_PORT'])))) + (r['PROTOCOL'],)


def printable(text):
    """logger omits other characters."""
    return ''.join(character for character in text if ' ' <= character <= '~')


# ------------------------------------------------------------------------ DNS

RDATA = {'1': 'dns.a', '28': 'dns.aaaa', '5': 'dns.cname', '12': 'dns.ptr.domain_name', '2': 'dns.ns'}


def dns(packet):
    row = packet.row
    if 53 not in packet.ports or 'dns' not in packet.above or not row.get('dns.id'):
        return
    if packet.protocol == TCP and row.number('dns.length') + 2 != packet.payload:  # the plugin takes whole messages only
        return
    name = row.get('dns.qry.name')
    answers, kind = row.number('dns.count.answers'), row.get('dns.resp.type')
    data = row.get(RDATA[kind]) if kind in RDATA else ''
    # tshark replaces invalid UTF-8, so the original length of such a name is unknown.
    vague = not name.isascii() and len(name.encode()) > 127
    fields = {'DNS_ID': row.number('dns.id'), 'DNS_RCODE': row.number('dns.flags') & 15, 'DNS_ANSWERS': answers,
              'DNS_NAME': None if vague else '' if name == '<Root>' else printable(name[:127]),
              'DNS_QTYPE': row.number('dns.qry.type'),
              'DNS_CLASS': row.number('dns.qry.class'), 'DNS_RR_TTL': row.number('dns.resp.ttl') if answers else 0,
              'DNS_PSIZE': row.number('dns.rr.udp_payload_size'), 'DNS_DO': row.number('dns.resp.z.do')}
    fields['DNS_RDATA'] = '' if not answers else data[:159].encode().hex() if data and data.isascii() else None
    yield fields


# ----------------------------------------------------------------------- HTTP


# Methods that tshark recognizes. The plugin accepts any word.
METHODS = {'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'PATCH', 'PROPFIND', 'M-SEARCH', 'NOTIFY',
           'SUBSCRIBE', 'UNSUBSCRIBE'}


def http(packet):
    """The first message in a segment or (SSDP) datagram."""
    row = packet.row
    if not {'http', 'ssdp'} & set(packet.above):
        return
    if row.get('http.request.method') and row.get('http.request.uri'):
        yield {'HTTP_REQUEST_METHOD': row.get('http.request.method')[:15], 'HTTP_REQUEST_URL': row.get('http.request.uri')[:127],
               'HTTP_REQUEST_HOST': row.get('http.host')[:63], 'HTTP_REQUEST_AGENT': row.get('http.user_agent')[:127],
               'HTTP_REQUEST_REFERER': row.get('http.referer')[:127]}
    elif row.get('http.response.code'):
        yield {'HTTP_RESPONSE_STATUS_CODE': row.get('http.response.code'), 'HTTP_RESPONSE_SERVER': row.get('http.server')[:127],
               'HTTP_RESPONSE_CONTENT_TYPE': row.get('http.content_type')[:31]}


def http_of_record(r):
    """A record has a request and a response; each is a message."""
    if r['HTTP_REQUEST_METHOD'] in METHODS:
        yield {name: value for name, value in r.items() if name.startswith('HTTP_REQUEST')}
    if r['HTTP_RESPONSE_STATUS_CODE'] != '0':
        yield {name: value for name, value in r.items() if name.startswith('HTTP_RESPONSE') and 'COOKIE' not in name}


# ------------------------------------------------------------------------ SIP


def sip(packet):
    row = packet.row
    method, status = row.get('sip.Method'), row.number('sip.Status-Code')
    kind = RESPONSE if status else SIP_TYPES.get(method)
    if 'sip' not in packet.above or packet.payload < SIP_SHORTEST or kind is None:
        return
    yield {'SIP_MSG_TYPE': kind, 'SIP_STATUS_CODE': status, 'SIP_CSEQ': row.get('sip.CSeq')[:127],
           'SIP_CALL_ID': row.get('sip.Call-ID').partition(';')[0].strip()[:127],
           'SIP_CALLING_PARTY': row.get('sip.from.addr').partition(';')[0][:127],
           'SIP_CALLED_PARTY': row.get('sip.to.addr').partition(';')[0][:127],
           'SIP_REQUEST_URI': row.get('sip.r-uri').partition(';')[0][:127],
           'SIP_USER_AGENT': row.get('sip.User-Agent').partition(';')[0].strip()[:127]}


# ------------------------------------------------------------------------ NTP


def ntp_time(text):
    """'Apr 10, 2016 18:54:32.008025999 UTC' as seconds of the NTP era with six decimals."""
    if text in ('', 'NULL'):
        return '0.000000'
    whole, _, fraction = text.removesuffix(' UTC').rpartition('.')
    seconds = calendar.timegm(time.strptime(whole, '%b %d, %Y %H:%M:%S')) + NTP_TO_UNIX
    micros = seconds * 10**6 + (int(fraction) + 500) // 1000
    return f'{micros // 10**6}.{micros % 10**6:06}'


def ntp(packet):
    """Version 4, requests and answers, of sane values."""
    row = packet.row
    leap, version, mode, stratum, poll, precision = (row.number(f'ntp.{name}') for name in (
        'flags.li', 'flags.vn', 'flags.mode', 'stratum', 'ppoll', 'precision'))
    if 123 not in packet.ports or packet.protocol != UDP or 'ntp' not in packet.above or version not in range(1, 5) or mode not in (3, 4) or \
            stratum > 16 or poll > 17:
        return
    yield {'NTP_LEAP': leap, 'NTP_VERSION': version, 'NTP_MODE': mode, 'NTP_STRATUM': stratum, 'NTP_POLL': poll,
           'NTP_PRECISION': precision & 0xff, 'NTP_REF': ntp_time(row.get('ntp.reftime')), 'NTP_ORIG': ntp_time(row.get('ntp.org')),
           'NTP_RECV': ntp_time(row.get('ntp.rec')), 'NTP_SENT': ntp_time(row.get('ntp.xmt'))}


# ----------------------------------------------------------------------- QUIC


def quic(packet):
    """ClientHellos that tshark could decrypt and put together, and what a Retry changes."""
    row = packet.row
    if packet.protocol != UDP or 'quic' not in packet.above:
        return
    if row.get('quic.retry_token'):
        yield {'QUIC_TOKEN_LENGTH': len(row.get('quic.retry_token')) // 2, 'QUIC_CLIENT_VERSION': row.number('quic.version')}
    elif '1' in row.all('tls.handshake.type'):
        yield {'QUIC_SNI': row.get('tls.handshake.extensions_server_name')[:254], 'QUIC_CLIENT_VERSION': row.number('quic.version'),
               'QUIC_OSCID': row.get('quic.dcid'), 'QUIC_OCCID': row.get('quic.scid'),
               'QUIC_TOKEN_LENGTH': row.number('quic.token_length'), 'QUIC_SERVER_PORT': packet.ports[1],
               'QUIC_TLS_EXT_TYPE': '|'.join(row.all('tls.handshake.extension.type')[:SHOWN_EXTENSIONS])}


def one_of_each_connection(messages):
    """The first ClientHello: it may be sent again, after a Retry with its token, whose length the record then has. tshark takes other
    packets between the same ports for QUIC too, of versions that do not exist."""
    first = {}
    for message in messages:
        ends, fields, _ = message
        if 'QUIC_SNI' in fields:
            first.setdefault(ends, message)
        elif ends in first and first[ends][1]['QUIC_CLIENT_VERSION'] == fields['QUIC_CLIENT_VERSION']:
            first[ends][1].update(fields)
    return list(first.values())


def quic_of_record(r):
    if r['QUIC_CH_PARSED'] != '0':
        yield r


# ------------------------------------------------------------------------ all


def whole(r):
    yield r


PLUGINS = {'dns': (dns, whole), 'http': (http, http_of_record), 'sip': (sip, whole), 'ntp': (ntp, whole),
           'quic': (quic, quic_of_record)}


def unsure(plugin, packets):
    """Ends of connections in which tshark may miss messages: it shows none of disordered segments, takes a message that begins in a
    segment that it waited for for a part of the one before, and does not know all versions of QUIC."""
    return {ends_of_packet(packet) for packet in packets if packet.addresses and
            (plugin == 'quic' or packet.disordered() or packet.row.get('tcp.segment.count'))}


def header_may_be_cut(packet):
    """By a segment's or the capture's end. tshark puts segments together and shows what there is; the plugins want whole headers."""
    return packet.row.get('tcp.segment.count') or packet.row.number('frame.cap_len') < packet.row.number('frame.len')


def expected(plugin, packets):
    """(ends, fields, whether it must be there)."""
    messages = [(ends_of_packet(packet), {name: None if value is None else str(value) for name, value in fields.items()},
                 not (plugin in ('http', 'sip') and header_may_be_cut(packet)))
                for packet in packets if packet.addresses for fields in PLUGINS[plugin][0](packet)]
    return one_of_each_connection(messages) if plugin == 'quic' else messages


def got(plugin, records):
    return [(ends_of_record(r), fields) for r in records for fields in PLUGINS[plugin][1](r)]
