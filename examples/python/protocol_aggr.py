#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Example: flows, packets and bytes of each protocol, printed when the stream ends.

usage: protocol_aggr.py -i IFC_SPEC          (one input, for example u:flows or f:flows.trapcap)
"""

import collections
import sys

import pytrap


def main():
    sums = collections.defaultdict(lambda: [0, 0, 0])
    with pytrap.TrapCtx() as trap:
        try:
            trap.init(sys.argv, 1, 0, 'protocol_aggr', 'Flows, packets and bytes of each protocol.')
        except pytrap.TrapHelp:
            return 0
        try:
            for flow in trap.records(fields='uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES'):
                total = sums[flow.PROTOCOL]
                total[0] += 1
                total[1] += flow.PACKETS
                total[2] += flow.BYTES
        except KeyboardInterrupt:
            pass  # Ctrl-C ends the stream, too
    print('protocol,flows,packets,bytes')
    for protocol, total in sorted(sums.items()):
        print(protocol, *total, sep=',')
    return 0


if __name__ == '__main__':
    sys.exit(main())
