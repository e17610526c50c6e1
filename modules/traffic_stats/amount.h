/* SPDX-License-Identifier: BSD-3-Clause */
/** What is counted of flows. */
#ifndef TRAFFIC_STATS_AMOUNT_H
#define TRAFFIC_STATS_AMOUNT_H

#include <stdint.h>

/* None is greater than INT64_MAX. */
struct amount {
   uint64_t flows, packets, bytes;
};

/* Senders may claim any number: sums stop at the greatest that the database can hold. */
static inline uint64_t amount_sum(uint64_t a, uint64_t b)
{
   uint64_t sum = a + b;
   return sum > INT64_MAX ? INT64_MAX : sum;
}

static inline void amount_add(struct amount *to, const struct amount *a)
{
   to->flows = amount_sum(to->flows, a->flows);
   to->packets = amount_sum(to->packets, a->packets);
   to->bytes = amount_sum(to->bytes, a->bytes);
}

#endif
