/* SPDX-License-Identifier: BSD-3-Clause */
#include "sflow_sequences.h"

#include <nemea-common/nc_hash.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8 /* places that a sequence can have */

struct sequence {
   uint8_t key[FC_SEQUENCE_KEY];
   uint32_t next;    /* number */
   uint32_t missing; /* numbers counted as lost that may still come */
   uint64_t used;    /* 0: free */
};

struct fc_sequences {
   uint64_t clock; /* of uses */
   uint64_t seen, evicted;
   size_t n_sets; /* a power of two */
   struct sequence sequences[];
};

struct fc_sequences *fc_sequences_new(size_t capacity)
{
   size_t n_sets = 1;
   while (n_sets * WAYS < capacity) {
      n_sets *= 2;
   }
   struct fc_sequences *s = calloc(1, sizeof(*s) + n_sets * WAYS * sizeof(s->sequences[0]));
   if (s != NULL) {
      s->n_sets = n_sets;
   }
   return s;
}

void fc_sequences_free(struct fc_sequences *s)
{
   free(s);
}

/* \return the sequence of this key; new: it was not there */
static struct sequence *look_up(struct fc_sequences *s, const uint8_t key[FC_SEQUENCE_KEY], bool *new)
{
   uint64_t hash = nc_hash(key, FC_SEQUENCE_KEY);
   struct sequence *set = &s->sequences[(hash & (s->n_sets - 1)) * WAYS], *oldest = set;
   for (unsigned i = 0; i < WAYS; i++) {
      if (set[i].used != 0 && memcmp(set[i].key, key, FC_SEQUENCE_KEY) == 0) {
         *new = false;
         set[i].used = ++s->clock;
         return &set[i];
      }
      oldest = set[i].used < oldest->used ? &set[i] : oldest;
   }
   s->evicted += oldest->used != 0;
   s->seen++;
   *new = true;
   memcpy(oldest->key, key, FC_SEQUENCE_KEY);
   oldest->missing = 0;
   oldest->used = ++s->clock;
   return oldest;
}

struct fc_sequence_result fc_sequences_see(struct fc_sequences *s, const uint8_t key[FC_SEQUENCE_KEY],
                                           uint32_t number, uint32_t step)
{
   bool new;
   struct sequence *q = look_up(s, key, &new);
   uint32_t ahead = number - q->next, behind = q->next - number;
   if (!new &&behind > 0 && behind <= FC_SEQUENCE_LATE) {
      bool missed = q->missing > 0;
      q->missing -= missed;
      return (struct fc_sequence_result){FC_SEQUENCE_OLD, missed};
   }
   q->next = number + step;
   if (new || ahead >= FC_SEQUENCE_GAP) {
      q->missing = 0;
      return (struct fc_sequence_result){new ? FC_SEQUENCE_FIRST : FC_SEQUENCE_RESTART, 0};
   }
   q->missing = ahead > 0 ? ahead : q->missing;
   return (struct fc_sequence_result){ahead > 0 ? FC_SEQUENCE_LOST : FC_SEQUENCE_NEXT, ahead};
}

void fc_sequences_count(const struct fc_sequences *s, uint64_t *seen, uint64_t *evicted)
{
   *seen = s->seen;
   *evicted = s->evicted;
}
