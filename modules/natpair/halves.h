/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Halves of translated flows that wait for their other half: a bounded queue in the order of arrival, with a hash index.
 *
 * The same flow is seen twice, before and after the router has changed its address. What both halves have in common is the address and
 * port beyond the router, the protocol, the direction and, nearly, their times. The index therefore has the time of the first packet in
 * its key, in steps of the greatest difference that there may be: a partner is in the same step or in the next one.
 */
#ifndef NATPAIR_HALVES_H
#define NATPAIR_HALVES_H

#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

enum { LAN_TO_WAN, WAN_TO_LAN }; /* directions */
enum { LAN, WAN };               /* where a half was seen */

/** Halves of one step that are looked at; what comes beyond them is not kept. */
#define HALVES_OF_A_STEP 64

/** A half, 64 bytes. */
struct half {
   ip_addr_t outside; /* the address beyond the router */
   ip_addr_t inside;  /* the other one: of the host in the LAN, of the router in the WAN */
   ur_time_t first, last;
   uint32_t hash;
   uint32_t
       next; /* in the index: number of the half + 1; before it is there, hash of the step beside its own */
   uint16_t outside_port, inside_port;
   uint8_t protocol, direction, side;
   uint8_t state; /* bit 0: waits; bit 1: has packets of both directions */
};

#define HALF_WAITS 1u
#define HALF_BOTH  2u

struct halves_limits {
   ur_time_t first, last; /* the times of two halves differ by less */
};

typedef struct halves {
   struct half *ring;
   uint32_t *index; /* number of a half + 1 */
   void *ring_base, *index_base;
   uint32_t capacity, mask;
   uint32_t oldest, count; /* of the ring, also those that found their other half */
   struct halves_limits limits;
   uint64_t waiting;  /* halves without partner now */
   uint64_t unpaired; /* that waited in vain */
   uint64_t pushed;   /* of these: pushed out because there was no room */
   uint64_t crowded;  /* that were not kept, since too many halves were like them */
} halves_t;

/** \return false without memory */
bool halves_init(halves_t *h, uint32_t capacity, const struct halves_limits *limits);
void halves_free(halves_t *h);
/** Sets hash and next of a half, and fetches into the cache what halves_pair() will look at. */
void halves_prefetch(const halves_t *h, struct half *half);
/** Fetches the halves themselves, after halves_prefetch(). */
void halves_prefetch_entries(const halves_t *h, const struct half *half);
/** Finds the other half, and removes it; else keeps this one. \return true: *other is the other half */
bool halves_pair(halves_t *h, const struct half *half, struct half *other);
/** Forgets halves whose last packet was seen before a time. */
void halves_expire(halves_t *h, ur_time_t before);

#endif
