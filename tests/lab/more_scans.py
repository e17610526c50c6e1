# SPDX-License-Identifier: BSD-3-Clause
"""Scans and floods by other tools, options and rates than those of scans_and_floods.py."""

import time

import network


def scans(stage, path):
    """Fast scans of ports and of hosts (masscan, hping3, nmap), IPv4 and IPv6, among a little ordinary traffic."""
    net, pick, index = stage.net, stage.pick, stage.net.index
    stage.open_office(1)
    sources = stage.outsiders('scan', 3, pick('203.0.113.', '198.51.100.'))
    dark = f'100.{pick(70, 110)}.{index}.0/24'
    dark6 = f'2001:db8:{index:x}:dead::/64'
    net.add_dark(dark)
    net.add_dark(dark6)
    for number in range(3):
        net.add_host(f'bot{number}', 201 + number, 'infected: sweeps other networks')
    web, files = net.address(80), net.address(22)
    targets = stage.write('targets6', ''.join(f'2001:db8:{index:x}:dead::{number:x}\n' for number in range(1, pick(120, 90))))
    router = network.inside('gw', 'cat', '/sys/class/net/eth0/address').strip().replace(':', '-')
    hop = network.inside('gw', 'cat', '/sys/class/net/r-scan0/address').strip().replace(':', '-')
    masscan = ('timeout', '-k', '2', '25', 'masscan', '--interface', 'eth0', '--wait', '1', '--seed', '5')
    stage.begin(path)
    time.sleep(8)
    stage.attack('scan0', masscan + ('--router-mac', hop, '--source-ip', sources[0], '--rate', pick('40', '90'), '-p', pick('1-400', '8000-8350'), web),
                 'vertical-scan', 'SYN', 6, sources[0], web, statuses=(0, 1, 124, 137), tool='masscan')
    stage.attack('scan1', ('timeout', '60', 'hping3', '--scan', pick('1-150', '100-240'), pick('-S', '-F'), files), 'vertical-scan', pick('SYN', 'FIN'), 6,
                 sources[1], files, tool='hping3')
    stage.attack('scan2', ('nmap', '-n', '-Pn', '--send-ip', '--max-retries', '1', '--max-rate', pick('40', '15'), *pick(('-sT', '-F'), ('-sS', '--top-ports', '120')), files),
                 'vertical-scan', pick('connect', 'SYN'), 6, sources[2], files)
    stage.attack('bot0', masscan + ('--router-mac', router, '--source-ip', net.address(201), '--rate', pick('30', '100'), '-p', pick('3389', '80,8080'), dark),
                 'horizontal-scan', 'SYN', 6, net.address(201), dark, statuses=(0, 1, 124, 137), ports=pick([3389], [80, 8080]), tool='masscan')
    stage.attack('bot1', ('nmap', '-6', '-n', '-Pn', '--send-ip', '--max-retries', '0', '--max-rate', pick('40', '20'), '-sS', '-p', pick('22', '8443'), '-iL', targets),
                 'horizontal-scan', 'SYN', 6, net.address(202, 6), dark6, ports=[pick(22, 8443)])
    port = pick('5555', '6379')
    loop = f'for n in $(seq {pick(1, 60)} {pick(140, 190)}); do timeout 0.4 bash -c "exec 3<>/dev/tcp/{dark[:-4]}$n/{port}" & sleep {pick("0.1", "0.3")}; done; wait'
    stage.attack('bot2', ('bash', '-c', loop), 'horizontal-scan', 'connect', 6, net.address(203), dark, statuses=range(256), ports=[int(port)], tool='bash')
    time.sleep(3)


def floods(stage, path):
    """A SYN flood from spoofed sources, and packets of ICMP or UDP from few machines, half a megabit a second, after ordinary traffic."""
    net, pick = stage.net, stage.pick
    stage.open_office(1, favour=20)
    stage.outsiders('flooder', 2, pick('203.0.113.', '198.51.100.'))
    for number in range(2):
        network.sysctl(f'flooder{number}', 'net.ipv4.conf.all.rp_filter=0')
    web, files, port = net.address(80), net.address(22), pick(443, 22)
    victim = pick(web, files)
    for host in 'web', 'files':  # small queues, and few complaints
        network.sysctl(host, 'net.ipv4.tcp_syncookies=0', 'net.ipv4.tcp_max_syn_backlog=64', 'net.ipv4.icmp_echo_ignore_all=1', 'net.ipv4.icmp_ratelimit=1000',
                       'net.ipv4.icmp_ratemask=6168')
    stage.begin(path)
    time.sleep(30)
    stage.attack('flooder0', ('timeout', '-s', 'INT', pick('20', '28'), 'hping3', '-q', '-S', '-p', str(port), '--rand-source', '-i', pick('u2500', 'u4000'), victim),
                 'flood', 'SYN', 6, '0.0.0.0/0', victim, ports=[port], spoofed=True, tool='hping3')
    time.sleep(10)
    other = pick(files, web)
    bots = ' '.join(f'192.{number}.9.{number}' for number in range(30, pick(60, 54)))
    mode, protocol = pick(('--icmp -d 1000', 1), ('--udp -p 4500 -d 1200', 17))
    script = f'for bot in {bots}; do timeout -s INT {pick(30, 40)} hping3 -q {mode} -i {pick("u500000", "u700000")} -a $bot {other} & done; wait'
    stage.attack('flooder1', ('bash', '-c', script), 'flood', pick('ICMP', 'UDP'), protocol, '192.0.0.0/8', other, tool='hping3', small=True)
    time.sleep(5)
