/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Counts distinct peers of hosts: a Bloom filter remembers which peer of which host was counted.
 *
 * There are two filters; both learn, one of them (the active one) decides. Twice in the time that a host is watched at most, the
 * active one is cleared and they change places, so the one that decides has always learnt for that long. All bits of a key lie
 * in one cache line (F. Putze, P. Sanders, J. Singler, "Cache-, hash- and space-efficient Bloom filters", 2007), the lines of both
 * filters beside each other: counting a peer is one access to memory. The hash is keyed: nobody can choose peers that look known.
 */
#include "hoststats.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t) 2 << 20)
#define BITS_PER_HOST \
   32 /* of each filter: with four peers for each host, 0.6 % are taken for known by mistake */

bool peers_open(struct peers *p, uint32_t table_size, uint32_t period)
{
   uint32_t n = 1;
   while (n < (uint64_t) table_size * BITS_PER_HOST / 512) {
      n *= 2;
   }
   *p = (struct peers){.mask = n - 1, .period = period > 1 ? period : 1};
   size_t size = n * sizeof(*p->blocks);
   p->blocks = aligned_alloc(size < HUGE_PAGE ? sizeof(*p->blocks) : HUGE_PAGE, size);
   if (p->blocks != NULL) {
      madvise(p->blocks, size, MADV_HUGEPAGE); /* places are random: fewer pages to look up; may fail */
      memset(p->blocks, 0, size);
   }
   return p->blocks != NULL;
}

void peers_close(struct peers *p)
{
   free(p->blocks);
   p->blocks = NULL;
}

static void clear(struct peers *p, unsigned filter)
{
   for (uint32_t i = 0; i <= p->mask; i++) {
      memset(p->blocks[i][filter], 0, sizeof(p->blocks[i][filter]));
   }
}

void peers_advance(struct peers *p, uint64_t now)
{
   if (p->swapped == 0) {
      p->swapped = now;
   }
   for (unsigned i = 0; i < 2 && now >= p->swapped + p->period; i++) { /* twice: both are out of date */
      clear(p, p->active);
      p->active = !p->active;
      p->swapped += p->period;
   }
   if (now >= p->swapped + p->period) {
      p->swapped = now;
   }
}
