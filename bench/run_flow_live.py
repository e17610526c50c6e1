#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flow_meter on a live interface: a veth pair between two network namespaces, UDP packets at rising rates.

usage: run_flow_live.py [--seconds N] [--flows N] [--bytes N] [--senders N] [--workers N]... [--rates PPS,PPS,...]

A generator (bench/veth_send.c) sends N packets a second (0: as many as it can), flow_meter counts them through AF_PACKET:
those it has seen, and those that the kernel dropped because the ring was full. Both share the processors of the machine with
the kernel's work for each packet. Needs root.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time

BUILD = os.environ.get('NEMEA_BUILD', '')
SEND, RECEIVE = f'nemea-send-{os.getpid()}', f'nemea-recv-{os.getpid()}'


def ip(*command):
    subprocess.run(['ip', *command], check=True)


def make_link():
    for space in (SEND, RECEIVE):
        ip('netns', 'add', space)
    ip('link', 'add', 'v0', 'netns', SEND, 'type', 'veth', 'peer', 'name', 'v1', 'netns', RECEIVE)
    for space, link in ((SEND, 'v0'), (RECEIVE, 'v1')):
        subprocess.run(['ip', 'netns', 'exec', space, 'sysctl', '-qw', f'net.ipv6.conf.{link}.disable_ipv6=1'], check=False)
        ip('-n', space, 'link', 'set', link, 'up')


def measure(options, workers, rate):
    meter = subprocess.Popen(['ip', 'netns', 'exec', RECEIVE, os.path.join(BUILD, 'bin', 'flow_meter'), '-I', 'v1', '--raw',
                              '--workers', str(workers), '-i', 'b:', '-v'], stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    share = rate // options.senders
    senders = [subprocess.Popen(['ip', 'netns', 'exec', SEND, os.path.join(BUILD, 'bench', 'veth_send'), 'v0', str(options.seconds),
                                 str(share), str(options.flows), str(options.bytes)], stdout=subprocess.PIPE, text=True)
               for _ in range(options.senders)]
    results = [sender.communicate()[0].split() for sender in senders]
    sent, seconds = sum(int(result[0]) for result in results), float(results[0][1])
    time.sleep(0.7)
    meter.send_signal(signal.SIGTERM)
    text = meter.communicate(timeout=60)[1]
    seen, dropped = (int(re.search(rf' {name} (\d+)', text)[1]) for name in ('packets', 'dropped by the kernel'))
    name = f'{rate / 1e6:.2f}' if rate > 0 else 'all it can'
    print(f'   {workers:7}{name:>12}{sent / seconds / 1e6:12.3f}{seen / seconds / 1e6:12.3f}{dropped:12}{sent - seen - dropped:12}',
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--flows', type=int, default=10000)
    parser.add_argument('--bytes', type=int, default=64)
    parser.add_argument('--senders', type=int, default=1, help='generators that share the rate')
    parser.add_argument('--workers', type=int, action='append')
    parser.add_argument('--rates', default='100000,200000,400000,600000,800000,0')
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit('run_flow_live.py: network namespaces need root')
    try:
        make_link()
        print(f'UDP packets of {options.bytes} bytes of {options.flows} flows over a veth pair for {options.seconds} s; millions a second')
        print(f'   {"workers":>7}{"asked":>12}{"sent":>12}{"seen":>12}{"dropped":>12}{"unaccounted":>12}')
        for workers in options.workers or (1, 2):
            for rate in options.rates.split(','):
                measure(options, workers, int(rate))
    finally:
        for space in (SEND, RECEIVE):
            subprocess.run(['ip', 'netns', 'del', space], check=False, stderr=subprocess.DEVNULL)


if __name__ == '__main__':
    main()
