/* SPDX-License-Identifier: BSD-3-Clause */
/** What is told of the victim of an attack: numbers over the answers that it sent to forged addresses. */
#ifndef BACKSCATTER_VICTIM_H
#define BACKSCATTER_VICTIM_H

#include <nemea-common/nc_wheel.h>
#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

#include "history.h"

#define TOP_PORTS   10 /* source ports that are counted at a time */
#define PORTS_SHOWN 3
#define BINS        6 /* of BIN_SECONDS: a minute */
#define BIN_SECONDS 10

/** A flow that may be an answer to a forged packet. */
struct answer {
   ip_addr_t source, destination;
   uint64_t bytes;
   uint32_t first, last; /* seconds */
   uint32_t packets;
   uint16_t source_port, destination_port;
   uint8_t protocol;
   uint8_t kind; /* of TCP the flags, of ICMP the type */
};

/** A victim and the protocol of its answers. */
struct victim_key {
   ip_addr_t address;
   uint8_t protocol, zero[7];
};

struct port_count {
   uint16_t port;
   uint64_t count;
};

struct victim {
   nc_timer_t timer;
   uint64_t number;      /* of the victim since the start, for the history of features */
   uint32_t first, last; /* seconds; flows == 0: of the report before */
   uint64_t flows, packets, bytes;
   double packets_squared; /* sum over flows */
   double flow_rates;      /* sum of bytes * bytes / packets over flows */
   uint64_t resets, accepts;
   uint64_t destinations, destination_ports, source_ports, networks;
   uint64_t bins[BINS], last_bin, most_in_a_minute;
   struct port_count ports[TOP_PORTS];
   bool continued; /* was reported before and goes on */
};

/** Whether a flow looks like an answer to a forged packet. */
bool answer_is_backscatter(const struct answer *a);
/** ICMP or ICMPv6. */
static inline bool answer_is_icmp(const struct answer *a)
{
   return a->protocol == 1 || a->protocol == 58;
}
void victim_add(struct victim *v, const struct answer *a, history_t *seen);
/** Begins another report of the same victim. */
void victim_restart(struct victim *v);
/** The most frequent source ports; places that are empty repeat the port before, with count 0. */
void victim_ports(const struct victim *v, struct port_count ports[PORTS_SHOWN]);
/** Mean and standard deviation of packets per flow, and of bytes per packet. */
struct mean {
   float average, deviation;
};
struct mean victim_packets_per_flow(const struct victim *v);
struct mean victim_bytes_per_packet(const struct victim *v);

#endif
