/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Counts distinct peers of hosts: a Bloom filter remembers which peer of which host was counted.
 *
 * There are two filters; both learn, one of them (the active one) decides. Twice in the time that a host is watched at most, the
 * active one is cleared and they change places, so the one that decides has always learnt for that long. They also change places when so
 * many peers were added that the filters would take strangers for known ones: a flood of spoofed addresses must not hide a scan.
 * A peer that comes back after that may be counted a second time. All bits of a key lie
 * in one cache line (F. Putze, P. Sanders, J. Singler, "Cache-, hash- and space-efficient Bloom filters", 2007), the lines of both
 * filters beside each other: counting a peer is one access to memory. The hash is keyed: nobody can choose peers that look known.
 */
#include "hoststats.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE     ((size_t) 2 << 20)
#define BITS_PER_HOST 32 /* of each filter */
#define BITS_PER_PEER \
   20 /* of a change: a filter learns for two of them, and then 1 % are taken for known by mistake */

bool peers_open(struct peers *p, uint32_t table_size, uint32_t period)
{
   uint32_t n = 1;
   while (n < (uint64_t) table_size * BITS_PER_HOST / 512) {
      n *= 2;
   }
   *p = (struct peers){.mask = n - 1,
                       .period = period > 1 ? period : 1,
                       .most = (uint32_t) (n * UINT64_C(512) / BITS_PER_PEER)};
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

/* The filters change places. */
static void change(struct peers *p)
{
   for (uint32_t i = 0; i <= p->mask; i++) {
      memset(p->blocks[i][p->active], 0, sizeof(p->blocks[i][p->active]));
   }
   p->active = !p->active;
   p->added = 0;
}

void peers_advance(struct peers *p, uint64_t now)
{
   if (p->swapped == 0) {
      p->swapped = now;
   }
   for (unsigned i = 0; i < 2 && now >= p->swapped + p->period; i++) { /* twice: both are out of date */
      change(p);
      p->swapped += p->period;
   }
   if (now >= p->swapped + p->period) {
      p->swapped = now;
   }
   if (p->added >= p->most) {
      change(p);
      p->swapped = now;
   }
}
