/* SPDX-License-Identifier: BSD-3-Clause */
/** ARP messages (RFC 826): a record for each, no flows. */
#ifndef FLOW_ARP_H
#define FLOW_ARP_H

#include "packet.h"

#define ETHERTYPE_ARP_MESSAGE 0x0806

/** Addresses point into the packet. */
struct arp_message {
   uint16_t hardware, protocol, operation;
   uint8_t hardware_size, protocol_size; /**< bytes of each address */
   const uint8_t *sender_hardware, *sender_protocol, *target_hardware, *target_protocol;
};

/** packet: what packet_parse() left when it said PARSE_NOT_IP. \return false: no ARP, or cut off */
bool arp_parse(const struct packet *packet, struct arp_message *arp);

#endif
