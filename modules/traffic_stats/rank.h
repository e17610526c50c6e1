/* SPDX-License-Identifier: BSD-3-Clause */
/** Which hosts of a time are kept: those with most bytes, with most flows and with most packets, one of each in turn. */
#ifndef TRAFFIC_STATS_RANK_H
#define TRAFFIC_STATS_RANK_H

#include "amount.h"

#include <stdbool.h>
#include <stdint.h>

#define RANK_MAX 1000 /* hosts */

struct rank_entry {
   struct amount amount;
   const void *host; /* whose it is */
};

enum { RANK_BYTES, RANK_FLOWS, RANK_PACKETS, RANKINGS };

struct rank {
   struct rank_heap {
      uint32_t n;
      struct rank_entry list[RANK_MAX]; /* the least is the first */
   } heaps[RANKINGS];
};

void rank_begin(struct rank *r);
/** Offers a host; among equal ones, earlier ones are kept. */
void rank_offer(struct rank *r, const struct amount *amount, const void *host);
/** Ends it. take(context, host) is called for one host after the other, of which it returns false for those it has taken before, until
 *  RANK_MAX are taken. \return how many */
uint32_t rank_end(struct rank *r, bool (*take)(void *context, const void *host), void *context);

#endif
