# SPDX-License-Identifier: BSD-3-Clause
"""Scans and floods: what happens in these captures."""

import os
import time

import network


def ordinary_office(stage, path):
    """Five users browse, look up names, copy files, log in; nothing else."""
    stage.open_office(5)
    stage.begin(path)
    time.sleep(200)


def ordinary_monitoring(stage, path):
    """Ordinary traffic that could be mistaken for attacks: a monitoring host knocks on 36 machines twice a minute, a
    backup fills the line, a resolver asks for hundreds of names."""
    stage.open_office(3)
    stage.net.add_host('monitor', 9, 'monitoring: connects to the same 36 machines again and again')
    stage.net.add_host('backup', 10, 'backup: fetches large files')
    index = stage.net.index
    targets = [(f'198.18.{index}.{number}', port) for number in range(10, 46) for port in (22, 443)]
    stage.begin(path)
    stage.beside(stage.office.monitor, 'monitor', targets, 6, 25)
    for number in range(240):
        network.attempt('backup', 'dig', '+tries=1', '+time=1', f'host{number}.www{number % 24}.example')
        if number % 20 == 0:
            network.attempt('backup', 'curl', '-s', '-o', '/dev/null', f'http://{stage.net.address(80)}/update.bin')
        time.sleep(0.6)


def vertical_scans_ipv4(stage, path):
    """Scans of many ports of one machine each, of every kind that nmap has, among ordinary traffic."""
    stage.open_office(3)
    net = stage.net
    web, files = net.address(80), net.address(22)
    scans = (('203.0.113.11', web, 'SYN', ('-sS',)), ('203.0.113.12', files, 'connect', ('-sT',)),
             ('203.0.113.13', files, 'FIN', ('-sF', '-p', '1-300')), ('203.0.113.14', web, 'Xmas', ('-sX', '-p', '1-300')),
             ('203.0.113.15', files, 'null', ('-sN', '-p', '1-300')),
             ('203.0.113.16', web, 'UDP', ('-sU', '--top-ports', '150')),
             ('203.0.113.17', files, 'slow SYN', ('-sS', '--top-ports', '200', '--scan-delay', '300ms')))
    for number, scan in enumerate(scans):
        net.add_outsider(f'scan{number}', scan[0], f'2001:db8:f000::{number + 1:x}')
    stage.begin(path)
    time.sleep(15)
    for number, (source, target, method, options) in enumerate(scans):
        command = ('nmap', '-n', '-Pn', '--send-ip', '--max-rate', '400') + options + (target,)
        arguments = (f'scan{number}', command, 'vertical-scan', method, 17 if method == 'UDP' else 6, source, target)
        if method == 'slow SYN':
            stage.beside(stage.attack, *arguments)
        else:
            stage.attack(*arguments)
            time.sleep(4)
    time.sleep(5)


def vertical_scans_ipv6(stage, path):
    """Scans of many ports of one machine each over IPv6, among ordinary traffic."""
    stage.open_office(3)
    net = stage.net
    web, files = net.address(80, 6), net.address(22, 6)
    scans = (('2001:db8:f000::a', web, 'SYN', ('-sS', '--top-ports', '500')),
             ('2001:db8:f000::b', files, 'connect', ('-sT', '-p', '1-200')),
             ('2001:db8:f000::c', web, 'UDP', ('-sU', '--top-ports', '100')))
    for number, scan in enumerate(scans):
        net.add_outsider(f'scan{number}', f'203.0.113.{number + 1}', scan[0])
    stage.begin(path)
    time.sleep(15)
    for number, (source, target, method, options) in enumerate(scans):
        stage.attack(f'scan{number}', ('nmap', '-6', '-n', '-Pn', '--send-ip', '--max-rate', '400') + options + (target,),
                     'vertical-scan', method, 17 if method == 'UDP' else 6, source, target)
        time.sleep(4)


def horizontal_sweeps(stage, path):
    """Infected machines look for one open port on many machines, IPv4 and IPv6, among ordinary traffic."""
    stage.open_office(3)
    net = stage.net
    index = net.index
    dark, answering = f'100.64.{index}.0/24', f'198.19.{index}.0/25'
    dark6, answering6 = f'2001:db8:{index:x}:dead::/64', f'2001:db8:{index:x}:beef::/64'
    for prefix in dark, dark6:
        net.add_dark(prefix)
    for prefix in answering, answering6:
        net.add_answering(prefix)
    for number in range(6):
        net.add_host(f'bot{number}', 201 + number, 'infected: sweeps other networks')
    targets = os.path.join(net.directory, 'targets6')
    with open(targets, 'w', encoding='utf-8') as file:
        file.writelines(f'2001:db8:{index:x}:dead::{number:x}\n' for number in range(1, 151))
    router = network.inside('gw', 'cat', '/sys/class/net/eth0/address').strip().replace(':', '-')
    masscan = ('masscan', '--interface', 'eth0', '--router-mac', router, '--wait', '2', '--seed', '1')
    nmap = ('nmap', '-n', '-Pn', '--send-ip', '--max-retries', '1', '--max-rate', '60')
    range6 = f'2001:db8:{index:x}:beef::1-2001:db8:{index:x}:beef::80'
    sweeps = (
        (masscan + ('--source-ip', net.address(201), '--rate', '60', '-p', '23', dark), 'SYN', 4, dark, [23]),
        (nmap + ('-sS', '-p', '22', answering), 'SYN', 4, answering, [22]),
        (masscan + ('--source-ip', net.address(203), '--rate', '80', '-p', '23,2323', dark), 'SYN', 4, dark, [23, 2323]),
        (nmap + ('-sT', '-p', '445', dark.replace('/24', '/25')), 'connect', 4, dark.replace('/24', '/25'), [445]),
        (nmap[:1] + ('-6',) + nmap[1:] + ('-sS', '-p', '23', '-iL', targets), 'SYN', 6, dark6, [23]),
        (masscan + ('--source-ip', net.address(206, 6), '--rate', '50', '-p', '5555', '--range', range6), 'SYN', 6,
         answering6, [5555]),
    )
    stage.begin(path)
    time.sleep(15)
    for number, (command, method, version, target, ports) in enumerate(sweeps):
        stage.attack(f'bot{number}', command, 'horizontal-scan', method, 6, net.address(201 + number, version), target,
                     ports=ports)
        time.sleep(3)
    time.sleep(5)


def syn_flood_ipv4(stage, path):
    """A SYN flood from spoofed sources on the web server, after a minute of ordinary traffic."""
    stage.open_office(4, favour=40)
    net = stage.net
    # A server without SYN cookies: its queue is full at once, and its users get no answer either.
    network.sysctl('web', 'net.ipv4.tcp_syncookies=0', 'net.ipv4.tcp_max_syn_backlog=64')
    net.add_outsider('flooder', '203.0.113.99', '2001:db8:f000::99')
    network.sysctl('flooder', 'net.ipv4.conf.all.rp_filter=0')
    stage.begin(path)
    time.sleep(60)
    stage.attack('flooder', ('timeout', '-s', 'INT', '60', 'hping3', '-q', '-S', '-p', '80', '-d', '1000', '--rand-source',
                             '-i', 'u1600', net.address(80)),
                 'flood', 'SYN', 6, '0.0.0.0/0', net.address(80), ports=[80], spoofed=True)
    time.sleep(15)


def udp_flood_ipv4(stage, path):
    """A UDP flood from 48 bots in as many networks on the file server, after a minute of ordinary traffic."""
    stage.open_office(4, favour=10)
    net = stage.net
    net.add_outsider('flooder', '203.0.113.99', '2001:db8:f000::99')
    network.sysctl('files', 'net.ipv4.icmp_ratelimit=1000', 'net.ipv4.icmp_ratemask=6168')
    stage.begin(path)
    time.sleep(60)
    bots = ' '.join(f'192.{number}.2.7' for number in range(20, 68))
    script = (f'for bot in {bots}; do timeout -s INT 130 hping3 -q --udp -p 27015 -d 1300 -i u140000 -a $bot '
              f'{net.address(22)} & done; wait')
    stage.attack('flooder', ('bash', '-c', script), 'flood', 'UDP', 17, '192.0.0.0/8', net.address(22), ports=[27015],
                 tool='hping3')
    time.sleep(15)


def floods_ipv6(stage, path):
    """A UDP flood from 256 bots and a SYN flood from 4096 spoofed sources, over IPv6, on two servers."""
    stage.open_office(4, favour=40)
    net = stage.net
    network.sysctl('web', 'net.ipv4.tcp_syncookies=0', 'net.ipv4.tcp_max_syn_backlog=64')
    network.sysctl('files', 'net.ipv6.icmp.ratelimit=1000')
    net.add_outsider('flooder', '203.0.113.99', '2001:db8:f000::99')
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'flood6.py')
    stage.begin(path)
    time.sleep(60)
    stage.beside(stage.attack, 'flooder', ('python3', tool, 'udp', net.address(22, 6), '27015', '2001:db8:4000::/36', '256', '250',
                                           '75', '1400'),
                 'flood', 'UDP', 17, '2001:db8:4000::/36', net.address(22, 6), ports=[27015])
    stage.attack('flooder', ('python3', tool, 'syn', net.address(80, 6), '443', '2001:db8:8000::/36', '4096', '250', '75', '1400'),
                 'flood', 'SYN', 6, '2001:db8:8000::/36', net.address(80, 6), ports=[443], spoofed=True)
    time.sleep(15)
