# SPDX-License-Identifier: BSD-3-Clause
"""Messages of application protocols as tshark dissects them, and the same of flow_meter's records. A message is (ends, fields): the
two addresses with ports, in order, and the protocol; fields are text. None: tshark cannot tell."""

import calendar
import functools
import ipaddress
import operator
import time
import urllib.parse

from tshark_flows import SHOWN_EXTENSIONS, TCP, UDP

FIELDS = '''dns.id dns.flags dns.count.answers dns.qry.name dns.qry.type dns.qry.class dns.resp.type dns.resp.ttl dns.a dns.aaaa
dns.cname dns.ptr.domain_name dns.ns dns.length dns.rr.udp_payload_size dns.resp.z.do http.request.method http.request.uri http.host
http.user_agent http.referer http.response.code http.content_type http.server sip.Method sip.Status-Code sip.CSeq sip.Call-ID
sip.from.addr sip.to.addr sip.r-uri sip.User-Agent ntp.flags.li ntp.flags.vn ntp.flags.mode ntp.stratum ntp.ppoll ntp.precision
ntp.reftime ntp.org ntp.rec ntp.xmt tcp.segment.count quic.version quic.dcid
quic.scid quic.token_length quic.retry_token smtp.req.command smtp.req.parameter smtp.response.code mqtt.hdrflags mqtt.ver mqtt.conflags
mqtt.kalive mqtt.conack.val mqtt.conack.flags.sp mqtt.topic rtsp.method rtsp.url rtsp.status rtsp.content-type http.location http.request.line
udp.payload'''.split()

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


# ----------------------------------------------------------------------- SMTP


SMTP_COMMANDS = ['EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'VRFY', 'EXPN', 'HELP', 'NOOP', 'QUIT']
MAIL, RCPT = 2, 3


def smtp(packet):
    """What a packet adds to the record of its connection; tshark has the first line of each reply."""
    row = packet.row
    if packet.protocol != TCP or 25 not in packet.ports or 'smtp' not in packet.above:
        return
    commands, arguments = row.all('smtp.req.command'), row.all('smtp.req.parameter')
    fields = {f'SMTP_{n}XX_STAT_CODE_COUNT': sum(code.startswith(str(n)) for code in row.all('smtp.response.code')) for n in range(2, 6)}
    fields |= {'SMTP_MAIL_CMD_COUNT': commands.count('MAIL'), 'SMTP_RCPT_CMD_COUNT': commands.count('RCPT')}
    if len(commands) == 1 and len(arguments) == 1:
        name = {'EHLO': 'SMTP_DOMAIN', 'HELO': 'SMTP_DOMAIN', 'MAIL': 'SMTP_FIRST_SENDER', 'RCPT': 'SMTP_FIRST_RECIPIENT'}.get(commands[0])
        if name:
            fields[name] = arguments[0].partition(':')[2] if commands[0] in ('MAIL', 'RCPT') else arguments[0]
    yield fields


# ----------------------------------------------------------------------- MQTT


def mqtt(packet):
    row = packet.row
    if packet.protocol != TCP or 'mqtt' not in packet.above:
        return
    headers = [int(text, 16) for text in row.all('mqtt.hdrflags')]
    fields = {'MQTT_TYPE_CUMULATIVE': functools.reduce(operator.or_, (1 << (first >> 4) for first in headers), 0) |
              row.number('mqtt.conack.flags.sp'),
              'MQTT_PUBLISH_FLAGS': functools.reduce(operator.or_, (first & 15 for first in headers if first >> 4 == 3), 0)}
    if row.get('mqtt.ver'):
        fields |= {'MQTT_VERSION': row.number('mqtt.ver'), 'MQTT_CONNECTION_FLAGS': int(row.get('mqtt.conflags'), 16),
                   'MQTT_KEEP_ALIVE': row.number('mqtt.kalive')}
    if row.get('mqtt.conack.val'):
        fields['MQTT_CONNECTION_RETURN_CODE'] = row.number('mqtt.conack.val')
    yield fields


def mqtt_of_record(r):
    if r['MQTT_VERSION'] != '0':
        yield r


# ----------------------------------------------------------------------- RTSP


def rtsp(packet):
    row = packet.row
    if 'rtsp' not in packet.above:
        return
    if row.get('rtsp.method') and row.get('rtsp.url'):
        yield {'RTSP_REQUEST_METHOD': row.get('rtsp.method')[:9], 'RTSP_REQUEST_URI': row.get('rtsp.url')[:127]}
    elif row.get('rtsp.status'):
        yield {'RTSP_RESPONSE_STATUS_CODE': row.get('rtsp.status'), 'RTSP_RESPONSE_CONTENT_TYPE': row.get('rtsp.content-type')[:31]}


def rtsp_of_record(r):
    """A record has a request and a response; each is a message."""
    if r['RTSP_REQUEST_METHOD']:
        yield {name: value for name, value in r.items() if name.startswith('RTSP_REQUEST')}
    if r['RTSP_RESPONSE_STATUS_CODE'] != '0':
        yield {name: value for name, value in r.items() if name.startswith('RTSP_RESPONSE')}


# ----------------------------------------------------------------------- SSDP


def ssdp(packet):
    """Lists of what was announced or searched for, each value once, with the CR that the plugin keeps (logger omits it)."""
    row = packet.row
    if packet.protocol != UDP or packet.ports[1] != 1900 or 'ssdp' not in packet.above:
        return
    notify = row.get('http.request.method') == 'NOTIFY'
    lines = row.all('http.request.line')
    if notify:  # tshark dissects its lines, but has no such field of them
        lines = bytes.fromhex(row.get('udp.payload').replace(':', '')).decode('latin1').partition('\r\n\r\n')[0].split('\r\n')[1:]
    headers = [line.partition(':') for line in lines]
    values = {name.strip().lower(): value.replace('\\r\\n', '').strip() for name, _, value in headers}
    urn = lambda text: [text.removeprefix('urn:')] if text.startswith('urn:') else []
    port = urllib.parse.urlsplit(values.get('location', '')).port if notify else None
    yield {'SSDP_NT': urn(values.get('nt', '')) if notify else [], 'SSDP_ST': [] if notify else urn(values.get('st', '')),
           'SSDP_SERVER': [values['server']] if notify and 'server' in values else [],
           'SSDP_USER_AGENT': [values['user-agent']] if not notify and 'user-agent' in values else [],
           **({'SSDP_LOCATION_PORT': port} if port else {})}


def ssdp_of_record(r):
    yield {name: value for name, value in r.items() if name != 'SSDP_LOCATION_PORT' or value != '0'}


# Fields of a record that has all messages of a connection: how two of them are joined; others: the first one counts.
SUMS = {f'SMTP_{n}XX_STAT_CODE_COUNT' for n in range(2, 6)} | {'SMTP_MAIL_CMD_COUNT', 'SMTP_RCPT_CMD_COUNT'}
UNIONS = {'MQTT_TYPE_CUMULATIVE', 'MQTT_PUBLISH_FLAGS'}
LISTS = {'SSDP_NT', 'SSDP_ST', 'SSDP_SERVER', 'SSDP_USER_AGENT'}


def join(fields, more):
    for name, value in more.items():
        if name not in fields:
            fields[name] = value
        elif name in SUMS:
            fields[name] += value
        elif name in UNIONS:
            fields[name] |= value
        elif name in LISTS:
            fields[name] = fields[name] + [one for one in value if one not in fields[name]]
        elif name == 'SSDP_LOCATION_PORT':
            fields[name] = value


def joined(plugin, packets):
    """(ends, fields, whether it must be there) of each connection."""
    found, certain = {}, {}
    for packet in packets:
        for fields in PLUGINS[plugin][0](packet) if packet.addresses else ():
            ends = ends_of_packet(packet)
            join(found.setdefault(ends, {}), fields)
            certain[ends] = certain.get(ends, True) and not packet.disordered() and not header_may_be_cut(packet)
    for ends, fields in found.items():
        if plugin == 'mqtt' and 'MQTT_VERSION' not in fields:
            continue  # the beginning was not captured
        text = {name: ''.join(one + ';' for one in value) if name in LISTS else str(value) for name, value in fields.items()}
        yield ends, text, certain[ends]


JOINED = {'smtp', 'mqtt', 'ssdp'}

# ------------------------------------------------------------------------ all


def whole(r):
    yield r


PLUGINS = {'dns': (dns, whole), 'http': (http, http_of_record), 'sip': (sip, whole), 'ntp': (ntp, whole),
           'quic': (quic, quic_of_record), 'smtp': (smtp, whole), 'mqtt': (mqtt, mqtt_of_record), 'rtsp': (rtsp, rtsp_of_record),
           'ssdp': (ssdp, ssdp_of_record)}


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
    if plugin in JOINED:
        return list(joined(plugin, packets))
    messages = [(ends_of_packet(packet), {name: None if value is None else str(value) for name, value in fields.items()},
                 not ((plugin in ('http', 'sip', 'rtsp') and header_may_be_cut(packet)) or (plugin == 'rtsp' and packet.disordered())))
                for packet in packets if packet.addresses for fields in PLUGINS[plugin][0](packet)]
    return one_of_each_connection(messages) if plugin == 'quic' else messages


def got(plugin, records):
    return [(ends_of_record(r), fields) for r in records for fields in PLUGINS[plugin][1](r)]
