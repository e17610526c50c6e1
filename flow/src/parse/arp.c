/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"

#include "bytes.h"

#define HEADER 8

bool arp_parse(const struct packet *packet, struct arp_message *a)
{
   const uint8_t *p = packet->l3;
   if (packet->ethertype != ETHERTYPE_ARP_MESSAGE || packet->payload_captured < HEADER) {
      return false;
   }
   a->hardware = load_be16(p);
   a->protocol = load_be16(p + 2);
   a->hardware_size = p[4];
   a->protocol_size = p[5];
   a->operation = load_be16(p + 6);
   a->sender_hardware = p + HEADER;
   a->sender_protocol = a->sender_hardware + a->hardware_size;
   a->target_hardware = a->sender_protocol + a->protocol_size;
   a->target_protocol = a->target_hardware + a->hardware_size;
   return packet->payload_captured >= HEADER + 2u * a->hardware_size + 2u * a->protocol_size;
}
