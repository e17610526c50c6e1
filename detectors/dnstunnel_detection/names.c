/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Names: what they look like, and the trees that count them.
 *
 * The names of all trees lie in one table of fixed size, under keyed hashes of 96 bits. For requests each domain that a name ends with has
 * an entry, too, so that the labels below a domain can be counted.
 */
#include "tunnel.h"

#include <nemea-common/nc_hash.h>

#define COMMON     10 /* inserts that make a name a common one */
#define LABELS_MAX 16 /* of a name that are told apart, from the right: work for a name is bounded */

struct looks text_look(const struct text *text)
{
   struct looks l = {.length = text->length};
   uint64_t seen[4] = {0, 0, 0, 0};
   for (uint32_t i = 0; i < text->length; i++) {
      unsigned char byte = (unsigned char) text->data[i];
      seen[byte >> 6] |= UINT64_C(1) << (byte & 63);
      l.digits += byte - (unsigned) '0' < 10;
   }
   for (unsigned i = 0; i < 4; i++) {
      l.different += (uint32_t) __builtin_popcountll(seen[i]);
   }
   return l;
}

void text_lower(const char *text, uint32_t length, char *to)
{
   for (uint32_t i = 0; i < length; i++) {
      unsigned char byte = (unsigned char) text[i];
      to[i] = (char) (byte - (unsigned) 'A' < 26 ? byte + 32 : byte);
   }
}

struct text name_cut(const struct text *name, char *room)
{
   if (name->length < NAME_LONG) {
      return *name;
   }
   uint32_t length = name->length < NAME_MAX_SIZE ? name->length : NAME_MAX_SIZE;
   const char *dot = memrchr(name->data, '.', length);
   length = dot != NULL ? (uint32_t) (dot - name->data) + 1 : NAME_LONG;
   memcpy(room, name->data, length);
   memcpy(room + length, NAME_LONG_TAIL, strlen(NAME_LONG_TAIL));
   return (struct text){room, length + (uint32_t) strlen(NAME_LONG_TAIL)};
}

static struct name *name_get(nc_table_t *names, const struct tree *t, const char *text, uint32_t length,
                             bool *is_new)
{
   uint64_t h = nc_hash(text, length);
   const struct name_key key = {
       .hash = h, .tree = t->id, .hash2 = (uint32_t) nc_hash_long(text, length, &nc_hash_key_.mix[2])};
   return nc_table_upsert(names, &key, is_new);
}

/* Where the label begins that ends before end. */
static uint32_t label_begin(const char *text, uint32_t end)
{
   const char *dot = memrchr(text, '.', end);
   return dot != NULL ? (uint32_t) (dot - text) + 1 : 0;
}

/* Counts the labels of a name that are not there yet. The entry of the whole name comes last, by the caller. */
static void add_labels(nc_table_t *names, struct tree *t, const char *text, uint32_t length,
                       bool whole_is_new)
{
   struct name *domain = NULL;
   uint32_t end = length, begin, added = 0, depth = 0;
   do {
      bool is_new;
      begin = depth < LABELS_MAX - 1 ? label_begin(text, end) : 0;
      depth++;
      if (begin == 0) {
         is_new = whole_is_new;
      } else {
         struct name *n = name_get(names, t, text + begin, length - begin, &is_new);
         domain = depth == 2 ? n : domain;
      }
      t->labels += is_new;
      added += is_new && depth > 2;
      end = begin > 0 ? begin - 1 : 0;
   } while (begin > 0);
   if (domain != NULL && added > 0) {
      /* Other entries were added since, and one of them may have taken the domain's: found again. */
      uint32_t at = label_begin(text, label_begin(text, length) - 1);
      domain = name_get(names, t, text + at, length - at, NULL);
      domain->below += added;
      t->most_below = domain->below > t->most_below ? domain->below : t->most_below;
   }
}

void tree_insert(nc_table_t *names, struct tree *t, const char *text, uint32_t length, bool with_labels)
{
   bool is_new;
   struct name *n = name_get(names, t, text, length, &is_new);
   uint32_t inserts = ++n->inserts;
   t->inserts++;
   t->all_inserts++;
   if (inserts == 1) {
      t->names++;
      t->rare++;
      t->weight++;
   } else if (inserts == COMMON) {
      t->rare--;
      t->weight += COMMON - 1;
   } else if (inserts > COMMON) {
      t->weight++;
   }
   if (inserts < COMMON) {
      t->sample_length = (uint16_t) (length < sizeof(t->sample) - 1 ? length : sizeof(t->sample) - 1);
      memcpy(t->sample, text, t->sample_length);
   }
   if (with_labels && inserts == 1) {
      add_labels(names, t, text, length, is_new);
   }
}

void tree_empty(struct tree *t, uint32_t new_id)
{
   t->id = new_id;
   t->inserts = t->rare = t->names = t->weight = t->labels = t->most_below = 0;
   t->sample_length = 0;
}

double tree_share_below(const struct tree *t)
{
   return t->most_below > 10 ? (double) t->most_below / (double) t->labels : 0;
}
