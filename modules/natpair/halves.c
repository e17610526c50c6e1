/* SPDX-License-Identifier: BSD-3-Clause */
#include "halves.h"

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_memory.h>
#include <stdlib.h>
#include <string.h>

#define DROP_AHEAD 8 /* places */

_Static_assert(sizeof(struct half) == NC_MEMORY_LINE, "a half is a cache line");

bool halves_init(halves_t *h, uint32_t capacity, const struct halves_limits *limits)
{
   uint32_t places = 1;
   while (places < capacity) {
      places *= 2;
   }
   h->ring = nc_memory_lines(capacity, sizeof(*h->ring), &h->ring_base);
   h->index = nc_memory_lines(places, sizeof(*h->index), &h->index_base);
   h->capacity = capacity;
   h->mask = places - 1;
   h->limits = *limits;
   return h->ring != NULL && h->index != NULL;
}

void halves_free(halves_t *h)
{
   free(h->ring_base);
   free(h->index_base);
}

static uint32_t hash_of(const struct half *half, uint64_t step)
{
   uint64_t words[4];
   memcpy(words, &half->outside, sizeof(half->outside));
   words[2] = half->outside_port | (uint64_t) half->protocol << 16 | (uint64_t) half->direction << 24;
   words[3] = step;
   return (uint32_t) nc_hash_words(words, 4);
}

/* The step in which the other half may be besides the half's own one: the later half is that of the WAN in flows towards it. */
static uint64_t other_step(const halves_t *h, const struct half *half)
{
   bool earlier = (half->side == LAN) == (half->direction == LAN_TO_WAN);
   uint64_t step = half->first / h->limits.first;
   return earlier ? step + 1 : step - 1;
}

void halves_prefetch(const halves_t *h, struct half *half)
{
   half->hash = hash_of(half, half->first / h->limits.first);
   half->next = hash_of(half, other_step(h, half));
   __builtin_prefetch(&h->index[half->hash & h->mask]);
   __builtin_prefetch(&h->index[half->next & h->mask]);
}

void halves_prefetch_entries(const halves_t *h, const struct half *half)
{
   uint32_t own = h->index[half->hash & h->mask], other = h->index[half->next & h->mask];
   if (own != 0) {
      __builtin_prefetch(&h->ring[own - 1]);
   }
   if (other != 0) {
      __builtin_prefetch(&h->ring[other - 1]);
   }
}

/* later - earlier is not negative, and below the limit. */
static bool within(ur_time_t earlier, ur_time_t later, ur_time_t limit)
{
   return later >= earlier && later - earlier < limit;
}

static bool matches(const halves_t *h, const struct half *a, const struct half *b)
{
   if (a->side == b->side || a->outside_port != b->outside_port || a->protocol != b->protocol ||
       a->direction != b->direction || memcmp(&a->outside, &b->outside, sizeof(a->outside)) != 0) {
      return false;
   }
   const struct half *lan = a->side == LAN ? a : b, *wan = a->side == LAN ? b : a;
   const struct half *from = a->direction == LAN_TO_WAN ? lan : wan, *to = from == lan ? wan : lan;
   /* In flows of both directions the last packet may have gone either way. */
   bool either = ((a->state | b->state) & HALF_BOTH) != 0;
   return within(from->first, to->first, h->limits.first) &&
          (within(from->last, to->last, h->limits.last) ||
           (either && within(to->last, from->last, h->limits.last)));
}

static void unlink_half(halves_t *h, struct half *half)
{
   uint32_t number = (uint32_t) (half - h->ring) + 1, *link = &h->index[half->hash & h->mask];
   while (*link != number) {
      link = &h->ring[*link - 1].next;
   }
   *link = half->next;
   half->state = 0;
   h->waiting--;
}

/* Is a the likelier other half? Most routers keep the port, so that one with the same port is; then the one nearer in time. */
static bool likelier(const struct half *half, const struct half *a, const struct half *b)
{
   bool same = a->inside_port == half->inside_port;
   if (b == NULL || same != (b->inside_port == half->inside_port)) {
      return b == NULL || same;
   }
   ur_time_t to_a = a->first > half->first ? a->first - half->first : half->first - a->first;
   ur_time_t to_b = b->first > half->first ? b->first - half->first : half->first - b->first;
   return to_a < to_b;
}

/* Looks for the other half of one in a chain of the index. \return the likeliest of it and best (may be NULL); *alike: halves
 * of the same step that are there */
static struct half *find(halves_t *h, const struct half *half, uint32_t hash, struct half *best,
                         unsigned *alike)
{
   *alike = 0;
   for (uint32_t number = h->index[hash & h->mask]; number != 0; number = h->ring[number - 1].next) {
      struct half *candidate = &h->ring[number - 1];
      if (candidate->hash == hash) {
         ++*alike;
         if (matches(h, half, candidate) && likelier(half, candidate, best)) {
            best = candidate;
         }
      }
   }
   return best;
}

/* The oldest place of the ring becomes free. What the next ones need is fetched meanwhile; where the ring begins again, and in one of few
 * places, that is something else, which does no harm. */
static void drop_oldest(halves_t *h)
{
   uint32_t ahead = h->oldest + DROP_AHEAD;
   ahead = ahead < h->capacity ? ahead : 0;
   __builtin_prefetch(&h->ring[ahead + DROP_AHEAD < h->capacity ? ahead + DROP_AHEAD : 0]);
   __builtin_prefetch(&h->index[h->ring[ahead].hash & h->mask], 1);
   struct half *half = &h->ring[h->oldest];
   if ((half->state & HALF_WAITS) != 0) {
      h->unpaired++;
      unlink_half(h, half);
   }
   h->oldest = h->oldest + 1 == h->capacity ? 0 : h->oldest + 1;
   h->count--;
}

static void keep(halves_t *h, const struct half *half)
{
   if (h->count == h->capacity) {
      h->pushed += h->ring[h->oldest].state & HALF_WAITS;
      drop_oldest(h);
   }
   uint64_t at = (uint64_t) h->oldest + h->count;
   uint32_t place = (uint32_t) (at < h->capacity ? at : at - h->capacity);
   uint32_t *head = &h->index[half->hash & h->mask];
   h->ring[place] = *half;
   h->ring[place].next = *head;
   h->ring[place].state |= HALF_WAITS;
   *head = place + 1;
   h->count++;
   h->waiting++;
}

bool halves_pair(halves_t *h, const struct half *half, struct half *other)
{
   unsigned alike, alike_beside;
   struct half *found = find(h, half, half->hash, NULL, &alike);
   found = find(h, half, half->next, found, &alike_beside);
   if (found != NULL) {
      *other = *found;
      unlink_half(h, found);
      return true;
   }
   if (alike < HALVES_OF_A_STEP) {
      keep(h, half);
   } else {
      h->crowded++;
      h->unpaired++;
   }
   return false;
}

void halves_expire(halves_t *h, ur_time_t before)
{
   while (h->count > 0) {
      const struct half *half = &h->ring[h->oldest];
      if ((half->state & HALF_WAITS) != 0 && half->last >= before) {
         break;
      }
      drop_oldest(h);
   }
}
