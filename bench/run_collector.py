#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_collector: decoding from memory, UDP on loopback beside nfcapd, memory while templates change.

usage: run_collector.py [--rounds N] [--messages N] [--seconds N]

Decode: IPFIX messages of 1400 bytes with the basic biflow records of flow_meter, read from memory again and again, to UniRec records of the
default format (bench/collector_decode.c), on one core. UDP: a sender on this machine (bench/export_send.c), so two of the cores are busy: full
messages as fast as the sender can and at fixed rates, and messages of one record; what came is said by the collector's own counters; lost is
what the sequence numbers tell up to the last message that came, kernel what the kernel dropped, unknown what neither explains. nfcapd gets the same messages. A figure is the best of the rounds. Templates:
messages whose template is another one each time, for --seconds; resident memory at the beginning and at the end.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
ROOM = 1400  # bytes of a full message
REVERSE = 29305
FIELDS = [(0, 136, 1), (0, 1, 8), (REVERSE, 1, 8), (0, 2, 8), (REVERSE, 2, 8), (0, 154, 8), (0, 155, 8), (0, 60, 1), (0, 4, 1), (0, 6, 1),
          (REVERSE, 6, 1), (0, 7, 2), (0, 11, 2), (0, 10, 4), (0, 8, 4), (0, 12, 4), (0, 56, 6), (0, 80, 6)]  # as flow_meter -p basic sends
RECORD = sum(length for _, _, length in FIELDS)
NTP = 2208988800 << 32


def template(number, fields):
    data = struct.pack('>HH', number, len(fields))
    for pen, element, length in fields:
        data += struct.pack('>HH', element | (0x8000 if pen else 0), length) + (struct.pack('>I', pen) if pen else b'')
    return struct.pack('>HH', 2, 4 + len(data)) + data


def message(sets, sequence, domain=1):
    return struct.pack('>HHIII', 10, 16 + len(sets), 1_700_000_000, sequence, domain) + sets


def record(n):
    first = NTP + (1_700_000_000 << 32) + n
    return struct.pack('>BQQQQQQBBBBHHIII', 1, 1000 + n, 2000 + n, 10, 12, first, first + (1 << 32), 4, 6, 0x1b, 0x1b, n & 0xffff, 443, 0,
                       0x0a000000 + n, 0xc0000200 + (n & 0xff)) + bytes(12)


def write(path, records, messages):
    """An IPFIX file: the template, then messages of so many records."""
    with open(path, 'wb') as file:
        file.write(message(template(256, FIELDS), 0))
        for i in range(messages):
            data = b''.join(record(i * records + k) for k in range(records))
            file.write(message(struct.pack('>HH', 256, 4 + len(data)) + data, i * records))


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit('run_collector.py: waited in vain')
        time.sleep(0.02)


def rows(port):
    with open('/proc/net/udp', encoding='ascii') as a, open('/proc/net/udp6', encoding='ascii') as b:
        return [line.split() for line in list(a) + list(b) if f':{port:04X} ' in line.split('  ')[0] + line]


def listens(port):
    return bool(rows(port))


def unread(port):
    return sum(int(row[4].split(':')[1], 16) for row in rows(port) if row[1].endswith(f':{port:04X}'))


def dropped(port):
    return sum(int(row[12]) for row in rows(port) if row[1].endswith(f':{port:04X}'))


def counter(text, name):
    found = re.search(rf'(?:^|, ){re.escape(name)} (\d+)', text, re.M)
    return int(found.group(1)) if found else 0


class Collector:
    """flow_collector that writes to nowhere."""

    def __init__(self, folder, *options):
        self.port = free_port()
        self.log = open(os.path.join(folder, 'collector.log'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen([os.path.join(BUILD, 'bin', 'flow_collector'), '-u', f'127.0.0.1:{self.port}', '-i', 'b:', '-v',
                                         '--buffer', '64', *options], stderr=self.log, env=dict(os.environ, TRAP_SOCKET_DIR=folder))
        wait_until(lambda: listens(self.port))

    def end(self):
        wait_until(lambda: unread(self.port) == 0)
        time.sleep(0.2)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        return text

    def resident(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1))


def send(file, port, messages, rate):
    out = subprocess.run([os.path.join(BUILD, 'bench', 'export_send'), file, str(port), str(messages), str(rate)], stdout=subprocess.PIPE,
                         check=True, text=True).stdout.split()
    return int(out[0]), float(out[1])


def over_udp(folder, file, records, messages, rate, name):
    collector = Collector(folder)
    sent, seconds = send(file, collector.port, messages, rate)
    text = collector.end()
    got, lost, kernel = counter(text, 'flow records'), counter(text, 'lost by sequence numbers'), counter(text, 'dropped by the kernel')
    rest = (sent - kernel) * records - got  # must be 0: what did not come was dropped by the kernel, which is counted
    print(f'{name:44} {sent / seconds:12,.0f} {got / seconds:14,.0f} {100 * got / (sent * records):9.2f} {lost:12,} {kernel:10,} {rest:8,}')


def of_nfcapd(folder, file, records, messages, rate, name):
    if shutil.which('nfcapd') is None:
        return
    port, files = free_port(), tempfile.mkdtemp(dir=folder)
    process = subprocess.Popen(['nfcapd', '-w', files, '-p', str(port), '-b', '127.0.0.1', '-B', str(64 << 20)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    wait_until(lambda: listens(port))
    sent, seconds = send(file, port, messages, rate)
    wait_until(lambda: unread(port) == 0)
    lost = dropped(port) * records
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
    got = sent * records - lost
    print(f'{name:44} {sent / seconds:12,.0f} {got / seconds:14,.0f} {100 * got / (sent * records):9.2f} {lost:12,}')
    shutil.rmtree(files)


def changing_templates(folder, seconds):
    collector = Collector(folder, '--max-templates', '1024', '--max-exporter-templates', '256', '--waiting-memory', '1')
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    n, begin, first = 0, time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        number = 256 + n % 60000
        fields = FIELDS[n % len(FIELDS):] + FIELDS[:n % len(FIELDS)]
        data = bytes(RECORD)
        unknown = struct.pack('>HH', 256 + (n * 7919) % 60000, 4 + RECORD) + data
        s.sendto(message(template(number, fields) + struct.pack('>HH', number, 4 + RECORD) + data + unknown, 0, domain=n % 300),
                 ('127.0.0.1', collector.port))
        n += 1
        if n == 20000:
            first = collector.resident()
        if n % 64 == 0:
            wait_until(lambda: unread(collector.port) < 1 << 20)
    wait_until(lambda: unread(collector.port) == 0)
    last = collector.resident()
    text = collector.end()
    print(f'{n:,} messages in {seconds} s, each with a new template: RSS {first:,} KiB after 20,000, {last:,} KiB at the end; '
          f'evicted {counter(text, "templates evicted"):,} templates')
    return n < 20000 or last <= first * 1.05


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--messages', type=int, default=400_000, help='of a run over UDP')
    parser.add_argument('--seconds', type=int, default=30, help='of changing templates')
    arguments = parser.parse_args()
    full = (ROOM - 20) // RECORD
    with tempfile.TemporaryDirectory() as folder:
        many, single = os.path.join(folder, 'full.ipfix'), os.path.join(folder, 'single.ipfix')
        write(many, full, 2000)
        write(single, 1, 2000)
        best = 0
        for _ in range(arguments.rounds):
            out = subprocess.run([os.path.join(BUILD, 'bench', 'collector_decode'), many, '400'], stdout=subprocess.PIPE, check=True).stdout.split()
            best = max(best, int(out[0]) / float(out[1]))
        print(f'decode from memory, {full} records a message: {best / 1e6:.2f} million records/s\n')
        print(f'{"over UDP":44} {"messages/s":>12} {"records/s read":>14} {"% read":>9} {"lost (seq.)":>12} {"kernel":>10} {"unknown":>8}')
        n = arguments.messages
        for rate in (0, 3_000_000 // full + 1):
            name = f'full messages, {"as fast as the sender" if rate == 0 else f"{rate * full / 1e6:.1f} M records/s"}'
            over_udp(folder, many, full, n, rate, 'flow_collector: ' + name)
            of_nfcapd(folder, many, full, n, rate, 'nfcapd: ' + name)
        for rate in (150_000, 0):
            name = f'one record, {"as fast as the sender" if rate == 0 else f"{rate:,}/s"}'
            over_udp(folder, single, 1, 2 * n, rate, 'flow_collector: ' + name)
            of_nfcapd(folder, single, 1, 2 * n, rate, 'nfcapd: ' + name)
        print()
        constant = changing_templates(folder, arguments.seconds)
    sys.exit(0 if constant else 'run_collector.py: memory grows')


if __name__ == '__main__':
    main()
