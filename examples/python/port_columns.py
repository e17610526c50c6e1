#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Example: the ports with the most bytes, computed with NumPy on columns of a million records at a time.

usage: port_columns.py -i IFC_SPEC [-n N]          (one input; N ports, default 10)
"""

import argparse
import sys

import numpy
import pytrap


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('-n', type=int, default=10)
    options, _ = parser.parse_known_args()
    sums = numpy.zeros(65536, 'u8')
    with pytrap.TrapCtx() as trap:
        try:
            trap.init(sys.argv, 1, 0, 'port_columns', 'The ports with the most bytes.')
        except pytrap.TrapHelp:
            return 0
        end = False
        while not end:
            flows = trap.recvColumns(1000000, fields='uint16 DST_PORT,uint64 BYTES')
            end = flows.end
            if len(flows) > 0:
                numpy.add.at(sums, flows['DST_PORT'], flows['BYTES'])
    print('port,bytes')
    for port in numpy.argsort(sums)[::-1][:options.n]:
        if sums[port] > 0:
            print(port, sums[port], sep=',')
    return 0


if __name__ == '__main__':
    sys.exit(main())
