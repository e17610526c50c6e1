# SPDX-License-Identifier: BSD-3-Clause
"""All captures by name. A scenario is a function that acts on a Stage; its docstring goes into the truth."""

import collections

import devices
import logins
import mail
import mining
import more_scans
import names
import network
import quiet_scans
import reflection
import scans_and_floods as floods
import telephony
import web

# payloads: how many packets at the beginning of each TCP connection keep their payload, 0: all
Scenario = collections.namedtuple('Scenario', 'function form half snaplen payloads', defaults=(0, network.SNAPLEN, 0))

SCENARIOS = {
    'ordinary-office': Scenario(floods.ordinary_office, 'pcapng'),
    'ordinary-monitoring': Scenario(floods.ordinary_monitoring, 'pcap'),
    'vertical-scans-ipv4': Scenario(floods.vertical_scans_ipv4, 'pcap'),
    'vertical-scans-ipv6': Scenario(floods.vertical_scans_ipv6, 'pcapng'),
    'horizontal-sweeps': Scenario(floods.horizontal_sweeps, 'pcap'),
    'syn-flood-ipv4': Scenario(floods.syn_flood_ipv4, 'pcap'),
    'udp-flood-ipv4': Scenario(floods.udp_flood_ipv4, 'pcap'),
    'floods-ipv6': Scenario(floods.floods_ipv6, 'pcapng'),
}

# Each of these is made twice: detectors are developed with the first half and judged on the second.
for name, function, snaplen, payloads in (
        ('logins', logins.logins, 200, 5),
        ('mail', mail.mail, 400, 0),
        ('mining', mining.mining, 400, 0),
        ('more-floods', more_scans.floods, 100, 0),
        ('more-scans', more_scans.scans, 100, 0),
        ('names', names.names, 300, 0),
        ('quiet-scans', quiet_scans.quiet_scans, 128, 0),
        ('reflection', reflection.reflection, 200, 0),
        ('telephony', telephony.telephony, 1500, 0),
        ('web', web.web, 700, 0),
        ('devices', devices.devices, 100, 0),
):
    for half, folder in enumerate(('development', 'held-out')):
        SCENARIOS[f'{folder}/{name}'] = Scenario(function, 'pcap', half, snaplen, payloads)
