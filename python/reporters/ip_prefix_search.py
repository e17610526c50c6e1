# SPDX-License-Identifier: BSD-3-Clause
"""Which prefixes of a list is an address in? The list is made into disjoint intervals once; a look-up is a binary search.

    ctx = IPPSContext.fromFile("networks.txt")          # lines IP[/LENGTH][,DATA[,DATA...]]
    ctx.ip_search(pytrap.UnirecIPAddr("192.0.2.1"))     # list of data, the widest prefix first; True without data; False: in none
"""

import bisect
import ipaddress

from pytrap import UnirecIPAddr, UnirecIPAddrRange

__all__ = ['IPPSNetwork', 'IPPSInterval', 'IPPSContext']


class IPPSNetwork:
    """A network with data: IPPSNetwork("192.0.2.0/24", "campus"). Bits beyond the length are ignored."""

    def __init__(self, addr, data=None):
        if not isinstance(addr, str):
            raise TypeError(f'{addr!r}: expected a network as text')
        self.network = ipaddress.ip_network(addr.strip(), strict=False)
        self.addr, self.mask, self.data = str(self.network.network_address), self.network.prefixlen, data

    def __str__(self):
        return str(self.network)

    def __repr__(self):
        return f'IPPSNetwork({str(self)!r}, {self.data!r})'


class IPPSInterval(UnirecIPAddrRange):
    """A range of addresses with the data of all prefixes it is in, the widest first."""

    def __new__(cls, *arguments, **keywords):
        return super().__new__(cls)

    def __init__(self, start, end=None, data=None):
        super().__init__(*((start,) if end is None else (start, end)))
        self._data = list(data) if isinstance(data, (list, tuple)) else [] if data is None else [data]

    def get_data(self):
        """The data of all prefixes."""
        return self._data

    def add_data(self, data):
        """Adds data, or a list of them."""
        self._data += data if isinstance(data, list) else [] if data is None else [data]

    def __len__(self):
        return int(self.end.to_ipaddress()) - int(self.start.to_ipaddress()) + 1


def _intervals(networks):
    """Disjoint intervals of networks, which are nested or apart: one pass over them, ordered, with a stack of those that are open."""
    result, open_ = [], []  # open_: (last, networks so far)

    def emit(first, last, members):
        if first <= last:
            result.append((first, last, members))
    place = 0
    for network in sorted(networks, key=lambda n: (int(n.network.network_address), n.mask)):
        first, last = int(network.network.network_address), int(network.network.broadcast_address)
        while open_ and open_[-1][0] < first:
            end, members = open_.pop()
            emit(place, end, members)
            place = max(place, end + 1)
        if open_:
            emit(place, first - 1, open_[-1][1])
        place = first
        open_.append((last, (open_[-1][1] if open_ else []) + [network]))
    while open_:
        end, members = open_.pop()
        emit(place, end, members)
        place = max(place, end + 1)
    return result


class IPPSContext:
    """A searchable list of IPPSNetwork objects."""

    def __init__(self, network_list):
        if not isinstance(network_list, (list, tuple)) or not all(isinstance(network, IPPSNetwork) for network in network_list):
            raise TypeError('expected a list of IPPSNetwork objects')
        self.interval_list_v4 = self._build(network_list, 4)
        self.interval_list_v6 = self._build(network_list, 6)
        self._starts = {version: [int(interval.start.to_ipaddress()) for interval in intervals]
                        for version, intervals in ((4, self.interval_list_v4), (6, self.interval_list_v6))}

    @staticmethod
    def _build(networks, version):
        address = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
        return [IPPSInterval(UnirecIPAddr(str(address(first))), UnirecIPAddr(str(address(last))),
                             [network.data for network in members if network.data is not None])
                for first, last, members in _intervals([n for n in networks if n.network.version == version])]

    @classmethod
    def fromFile(cls, path):
        """The list in a file of lines IP[/LENGTH][,DATA[,DATA...]]; blank lines are skipped. None when path is no text."""
        if not isinstance(path, str):
            return None
        networks = []
        with open(path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                words = [word.strip() for word in line.split(',')]
                if words == ['']:
                    continue
                try:
                    networks.append(IPPSNetwork(words[0], ','.join(words[1:]) or None))
                except ValueError as e:
                    raise ValueError(f'{path}: line {number}: {e}') from None
        return cls(networks)

    def __len__(self):
        return len(self.interval_list_v4) + len(self.interval_list_v6)

    def ip_search(self, ip):
        """Data of all prefixes that the address is in, the widest first; True: it is in some, without data; False: in none."""
        if not isinstance(ip, UnirecIPAddr):
            raise TypeError(f'{ip!r}: expected an UnirecIPAddr')
        address = ip.to_ipaddress()
        version = 4 if ip.isIPv4() else 6
        intervals = self.interval_list_v4 if version == 4 else self.interval_list_v6
        i = bisect.bisect_right(self._starts[version], int(address)) - 1
        if i < 0 or ip not in intervals[i]:
            return False
        return intervals[i].get_data() or True
