/* SPDX-License-Identifier: BSD-3-Clause */
/** What is counted of a device, and the features made of it. */
#ifndef DEVICE_CLASSIFIER_DEVICES_H
#define DEVICE_CLASSIFIER_DEVICES_H

#include <nemea-common/nc_table.h>
#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

/** Features with indices 1 to 11; then comes one for each port. */
#define FIXED_FEATURES 11
/** Ports from here on are chosen by clients; they count as one. */
#define CHOSEN_PORTS 49152
/** Greatest index of a feature. */
#define LAST_FEATURE (FIXED_FEATURES + 1 + CHOSEN_PORTS)
/** A port has a feature when more than one in PORT_SHARE flows used it, so there are fewer than PORT_SHARE of them. */
#define PORT_SHARE 100
/** Room for the features of a device. */
#define MOST_FEATURES (FIXED_FEATURES + PORT_SHARE)

struct feature {
   int index;
   double value;
};

enum { SENT, RECEIVED };

/** Flows that a device sent, or received. */
struct way {
   uint64_t flows, bytes;
   double packets, packets2, seconds, seconds2; /* sums, and sums of the squares */
};

/** A device; zeros are a new one. */
struct device {
   uint64_t number; /* in the keys of its peers and ports, from 1 on */
   uint64_t peers, connections, initiated, tcp;
   struct way way[2];
};

/** What one flow is to a device. */
struct seen {
   ip_addr_t peer;
   uint64_t bytes;
   uint32_t packets;
   ur_time_t first, last;
   uint16_t port; /* the device's own */
   uint8_t protocol;
   uint8_t way; /* SENT, RECEIVED */
};

/** Key of the table of peers; the value is an ur_time_t, when the last flow ended. */
struct peer_key {
   uint64_t number;
   ip_addr_t address;
};

/** Key of the table of ports, whose value is an uint64_t, the flows. */
static inline uint64_t port_key(uint64_t number, uint16_t port)
{
   return number << 16 | port;
}

/** Counts a flow. */
void device_count(struct device *d, nc_table_t *peers, nc_table_t *ports, const struct seen *seen);

/** The ports of all devices, in the order of their numbers. */
struct port_list {
   struct port_use {
      uint64_t key, flows;
   } * uses;
   uint32_t n;
};
/** \return false: no memory */
bool port_list_make(struct port_list *list, const nc_table_t *ports);
void port_list_free(struct port_list *list);

/** The features of a device that are not zero, by ascending index. \return how many; at most MOST_FEATURES */
unsigned device_features(const struct device *d, const struct port_list *list,
                         struct feature to[MOST_FEATURES]);

#endif
