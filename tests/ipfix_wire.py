# SPDX-License-Identifier: BSD-3-Clause
"""Shared by the tests of IPFIX: a parser of messages, packets for test flows, ports."""

import signal
import socket
import struct
import subprocess
import threading
import time

from programs import TIMEOUT, Workspace

QUERY = struct.pack('!HHHHHH', 1, 0x100, 1, 0, 0, 0) + b'\x01a\x00' + struct.pack('!HH', 1, 1)  # DNS: what is a?


free_port = Workspace.free_port


def sockets(proto):
    """Local address, remote address, state and queues of the sockets of this network namespace."""
    for name in proto, proto + '6':
        with open(f'/proc/net/{name}', encoding='ascii') as file:
            yield from (line.split()[1:5] for line in file.readlines()[1:])


def listens(port, proto='udp'):
    # 0A: listens. The port may also be that of a connection, which says nothing about a server.
    return any(local.endswith(f':{port:04X}') and (proto == 'udp' or state == '0A') for local, _, state, _ in sockets(proto))


def unread(port):
    """Bytes that wait in the UDP sockets on a port."""
    return sum(int(queues.split(':')[1], 16) for local, _, _, queues in sockets('udp') if local.endswith(f':{port:04X}'))


def connecting(port):
    """Local addresses of connections to a port that are not accepted yet."""
    return {local for local, remote, state, _ in sockets('tcp') if remote.endswith(f':{port:04X}') and state == '02'}  # 02: SYN sent


def connected(port):
    """Is a connection to a port open: one whose end the server has not yet read?"""
    return any(local.endswith(f':{port:04X}') and state in ('01', '08') for local, _, state, _ in sockets('tcp'))  # established, closed by the client


def wait_until(condition, what):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f'{what}: waited for {TIMEOUT} seconds')
        time.sleep(0.05)


def end_nfcapd(process):
    """nfcapd overlooks a signal that comes just before it waits for the next datagram: then another one ends it."""
    def ended():
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            return False
        return True
    wait_until(ended, 'nfcapd to end')


class Decoder:
    """An independent decoder of RFC 7011. gaps: sequence numbers may show dropped messages."""

    def __init__(self, gaps=False):
        self.gaps = gaps
        self.templates, self.sent, self.records, self.domains, self.sequence, self.largest = {}, 0, [], set(), 0, 0

    def message(self, data):
        version, length, _, sequence, domain = struct.unpack('!HHIII', data[:16])
        assert (version, length) == (10, len(data)), (version, length, len(data))
        assert sequence == self.sequence or (self.gaps and sequence > self.sequence), (sequence, self.sequence)
        self.sequence = sequence
        self.domains.add(domain)
        self.largest = max(self.largest, length)
        at = 16
        while at < length:
            kind, size = struct.unpack('!HH', data[at:at + 4])
            self.template(data[at + 4:at + size]) if kind == 2 else self.data(kind, data[at + 4:at + size])
            at += size
        assert at == length

    def template(self, data):
        while data:
            number, count = struct.unpack('!HH', data[:4])
            fields, data = [], data[4:]
            for _ in range(count):
                element, length = struct.unpack('!HH', data[:4])
                data, pen = data[4:], 0
                if element & 0x8000:
                    pen, data = struct.unpack('!I', data[:4])[0], data[4:]
                fields.append(((pen, element & 0x7fff), length))
            self.templates[number] = fields
            self.sent += 1

    def data(self, number, data):
        while data:
            record = {}
            for key, length in self.templates[number]:
                if length == 65535:
                    length, data = data[0], data[1:]
                    if length == 255:
                        length, data = struct.unpack('!H', data[:2])[0], data[2:]
                record[key], data = data[:length], data[length:]
            self.records.append(record)
            self.sequence += 1


    def stream(self, stream, records=None):
        """Reads messages until the end of the stream, which must be the end of a message, or a number of records."""
        while (records is None or len(self.records) < records) and (head := stream.read(16)):
            self.message(head + stream.read(struct.unpack('!HH', head[:4])[1] - 16))


def messages_of(connection):
    """The IPFIX messages of a stream."""
    with connection.makefile('rb') as stream:
        while head := stream.read(16):
            yield head + stream.read(struct.unpack('!HH', head[:4])[1] - 16)


def export(w, *arguments):
    """The IPFIX messages that flow_meter with these arguments sends over TCP, none of which is lost."""
    messages = []
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def take():
            connection, _ = listener.accept()
            with connection:
                messages.extend(messages_of(connection))
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        code, _, err = w.run('flow_meter', '-x', f'127.0.0.1:{listener.getsockname()[1]}', *arguments)
        assert code == 0, err
        thread.join()
    return messages


def number(value):
    return int.from_bytes(value, 'big')


def packet(payload, source_port=1000, seconds=1_700_000_000, port=53):
    udp = struct.pack('!HHHH', source_port, port, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + udp
    frame = bytes(12) + b'\x08\x00' + ip
    return struct.pack('<IIII', seconds, 0, len(frame), len(frame)) + frame


def dns_flow():
    """A DNS message: it ends its flow at once."""
    return dns_capture()[24:]


def dns_capture():
    return struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + packet(QUERY)


def filler():
    """Packets of one flow that stays: batches go by, which is when the meter looks at the clock."""
    return packet(b'', 7) * 8192


def feed(pipe):
    try:
        pipe.write(dns_capture()[:24])
        while True:
            pipe.write(dns_capture()[24:] * 1000)
    except OSError:
        pass
