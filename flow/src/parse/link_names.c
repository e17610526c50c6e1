/* SPDX-License-Identifier: BSD-3-Clause */
/** Names of link types, for messages about those that are not read (list of tcpdump.org). */
#include "packet.h"

#include <stddef.h>

static const struct {
   uint16_t link;
   const char *name;
} names[] = {
    {0, "BSD loopback"},
    {1, "Ethernet"},
    {3, "AX.25"},
    {6, "token ring"},
    {7, "ARCNET"},
    {8, "SLIP"},
    {9, "PPP"},
    {10, "FDDI"},
    {12, "raw IP"},
    {14, "raw IP"},
    {50, "PPP in HDLC"},
    {51, "PPPoE"},
    {99, "Symantec Enterprise Firewall"},
    {100, "ATM, LLC/SNAP"},
    {101, "raw IP"},
    {104, "Cisco HDLC"},
    {105, "IEEE 802.11"},
    {107, "frame relay"},
    {108, "OpenBSD loopback"},
    {109, "OpenBSD encapsulation"},
    {113, "Linux cooked"},
    {114, "LocalTalk"},
    {117, "OpenBSD pflog"},
    {119, "IEEE 802.11 with Prism header"},
    {122, "IP over Fibre Channel"},
    {123, "ATM"},
    {127, "IEEE 802.11 with radiotap header"},
    {129, "Linux ARCNET"},
    {138, "IP over IEEE 1394"},
    {139, "SS7 MTP2"},
    {140, "SS7 MTP2"},
    {141, "SS7 MTP3"},
    {142, "SS7 SCCP"},
    {143, "DOCSIS"},
    {144, "Linux IrDA"},
    {163, "IEEE 802.11 with AVS header"},
    {165, "BACnet MS/TP"},
    {166, "PPP of pppd"},
    {169, "GPRS LLC"},
    {177, "Linux LAPD"},
    {187, "Bluetooth HCI"},
    {189, "USB, Linux"},
    {190, "CAN"},
    {192, "Per-Packet Information"},
    {195, "IEEE 802.15.4"},
    {197, "ERF"},
    {201, "Bluetooth HCI"},
    {203, "LAPD"},
    {204, "PPP with direction"},
    {209, "I2C"},
    {215, "IEEE 802.15.4"},
    {219, "MPLS"},
    {220, "USB, Linux"},
    {224, "Fibre Channel"},
    {225, "Fibre Channel"},
    {226, "Solaris IP observability"},
    {227, "CAN"},
    {228, "raw IPv4"},
    {229, "raw IPv6"},
    {230, "IEEE 802.15.4"},
    {231, "D-Bus"},
    {235, "DVB-CI"},
    {239, "NFLOG"},
    {240, "Hilscher netANALYZER"},
    {241, "Hilscher netANALYZER"},
    {242, "IP over InfiniBand"},
    {243, "MPEG-2 transport stream"},
    {247, "InfiniBand"},
    {248, "SCTP"},
    {249, "USB, Windows"},
    {251, "Bluetooth LE"},
    {252, "Wireshark upper PDU"},
    {253, "netlink"},
    {254, "Bluetooth monitor"},
    {256, "Bluetooth LE"},
    {258, "Apple PKTAP"},
    {259, "Ethernet passive optical network"},
    {266, "USB, macOS"},
    {270, "ATSC"},
    {272, "nRF sniffer for Bluetooth LE"},
    {274, "Ethernet with preamble"},
    {276, "Linux cooked 2"},
    {283, "IEEE 802.15.4"},
    {288, "USB 2.0"},
};

const char *packet_link_name(uint32_t link)
{
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (names[i].link == link) {
         return names[i].name;
      }
   }
   return link >= 147 && link <= 162 ? "for private use" : "unassigned";
}
