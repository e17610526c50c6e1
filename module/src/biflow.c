/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Records of both directions (RFC 5103) as two of one direction each, so that a detector is written once.
 *
 * What is moved follows from the names: X_REV is X of the other direction; SRC_X and DST_X change places. Both halves have the
 * times of the record, which has no others.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REVERSE "_REV"
#define STORE   (4 * (UR_MAX_SIZE + 1)) /* bytes for the halves of a batch */
#define HALVES  256                     /* records of a batch */

/* Two fields of one type. */
struct pair {
   uint16_t a, b; /* offsets */
   uint8_t size;  /* of a value, or of the descriptor of a variable-length one */
};

struct biflow {
   const ur_template_t *tmplt;
   uint16_t packets; /* offset of PACKETS_REV */
   uint8_t packets_size;
   uint16_t n_moved, n_swapped, n_cleared;
   uint16_t
       first_variable; /* offset of the first descriptor of a variable-length field; without any, beyond all */
   struct pair *moved;   /* X and X_REV */
   struct pair *swapped; /* SRC_X and DST_X */
   int16_t *cleared;     /* variable-length fields X_REV */
   char *store;          /* STORE bytes: the half at hand, or those of the batch */
   /* A batch of halves, and of records of one direction among them. */
   nm_record_t batch[HALVES];
   uint32_t n, messages; /* records in it, and from how many messages they are */
   size_t used;          /* of store */
};

static uint8_t slot_size(int id)
{
   return (uint8_t) (ur_is_varlen(id) ? 2 * sizeof(uint16_t) : (size_t) ur_get_size(id));
}

/* The field of this name, if the template has it with the same type as id. */
static int partner(const ur_template_t *t, int id, const char *name)
{
   int other = ur_get_id_by_name(name);
   return other >= 0 && ur_is_present(t, other) && ur_get_type(other) == ur_get_type(id) ? other : -1;
}

static int partner_without_suffix(const ur_template_t *t, int id)
{
   char name[UR_DEFAULT_LENGTH_OF_FIELD_NAME];
   size_t n = strlen(ur_get_name(id)), suffix = strlen(REVERSE);
   if (n <= suffix || n >= sizeof(name) || strcmp(ur_get_name(id) + n - suffix, REVERSE) != 0) {
      return -1;
   }
   memcpy(name, ur_get_name(id), n - suffix);
   name[n - suffix] = 0;
   return partner(t, id, name);
}

static int partner_of_source(const ur_template_t *t, int id)
{
   char name[UR_DEFAULT_LENGTH_OF_FIELD_NAME];
   int n = strncmp(ur_get_name(id), "SRC_", 4) == 0
               ? snprintf(name, sizeof(name), "DST_%s", ur_get_name(id) + 4)
               : -1;
   return n > 0 && (size_t) n < sizeof(name) ? partner(t, id, name) : -1;
}

static void add_pairs(struct biflow *b, const ur_template_t *t)
{
   for (int i = 0; i < t->count; i++) {
      int id = t->ids[i], other = partner_without_suffix(t, id);
      if (other >= 0) {
         b->moved[b->n_moved++] = (struct pair){t->offset[other], t->offset[id], slot_size(id)};
         if (ur_is_varlen(id)) {
            b->cleared[b->n_cleared++] = (int16_t) id;
         }
      }
      other = partner_of_source(t, id);
      if (other >= 0) {
         b->swapped[b->n_swapped++] = (struct pair){t->offset[id], t->offset[other], slot_size(id)};
      }
   }
}

struct biflow *biflow_new(nm_module_t *m, const ur_template_t *t, int *rc)
{
   int packets = ur_get_id_by_name("PACKETS_REV");
   if (packets < 0 || !ur_is_present(t, packets) || ur_is_varlen(packets)) {
      return NULL;
   }
   struct biflow *b = calloc(1, sizeof(*b));
   if (b != NULL) {
      b->tmplt = t;
      b->packets = t->offset[packets];
      b->first_variable =
          t->first_dynamic != UR_NO_DYNAMIC_VALUES ? t->offset[t->ids[t->first_dynamic]] : UINT16_MAX;
      b->packets_size = slot_size(packets);
      b->moved = calloc(t->count, sizeof(*b->moved));
      b->swapped = calloc(t->count, sizeof(*b->swapped));
      b->cleared = calloc(t->count, sizeof(*b->cleared));
      b->store = calloc(1, STORE);
   }
   if (b == NULL || b->moved == NULL || b->swapped == NULL || b->cleared == NULL || b->store == NULL) {
      biflow_free(b);
      *rc = nm_fail(m, "out of memory for records of both directions");
      return NULL;
   }
   add_pairs(b, t);
   return b;
}

void biflow_free(struct biflow *b)
{
   if (b != NULL) {
      free(b->moved);
      free(b->swapped);
      free(b->cleared);
      free(b->store);
      free(b);
   }
}

bool biflow_is(const struct biflow *b, const void *rec)
{
   static const char zero[16];
   return memcmp((const char *) rec + b->packets, zero, b->packets_size) != 0;
}

/* The usual sizes are constants to the compiler: calls of memcpy() for a few bytes each would take most of the time. */
#define BY_SIZE(size, what)    \
   switch (size) {             \
   case 1: what(1); break;     \
   case 2: what(2); break;     \
   case 4: what(4); break;     \
   case 8: what(8); break;     \
   case 16: what(16); break;   \
   default: what(size); break; \
   }

static void exchange(char *rec, const struct pair *pairs, uint16_t n)
{
   char keep[UINT8_MAX];
#define EXCHANGE(size) (memcpy(keep, a, size), memcpy(a, b, size), memcpy(b, keep, size))
   for (uint16_t i = 0; i < n; i++) {
      char *a = rec + pairs[i].a, *b = rec + pairs[i].b;
      BY_SIZE(pairs[i].size, EXCHANGE)
   }
}

/* Takes the other direction out of the record. \return its new size */
static uint16_t clear_reverse(const struct biflow *b, char *record)
{
   for (uint16_t i = 0; i < b->n_cleared; i++) {
      ur_set_var(b->tmplt, record, b->cleared[i], NULL, 0);
   }
#define CLEAR(size) memset(record + b->moved[i].b, 0, size)
   for (uint16_t i = 0; i < b->n_moved; i++) {
      if (b->moved[i].b < b->first_variable) {
         BY_SIZE(b->moved[i].size, CLEAR)
      }
   }
   return (uint16_t) ur_rec_size(b->tmplt, record);
}

/* Writes a half of a record. \return its size */
static uint16_t write_half(const struct biflow *b, const nm_record_t *rec, int half, char *to)
{
   memcpy(to, rec->data, rec->size);
   if (half == NM_REVERSE) {
      exchange(to, b->moved, b->n_moved);
      exchange(to, b->swapped, b->n_swapped);
   }
   return clear_reverse(b, to);
}

int biflow_record(nm_module_t *m, struct input *in, const nm_record_t *rec,
                  int (*hand_over)(nm_module_t *, const nm_record_t *))
{
   struct biflow *b = in->biflow;
   int rc = NM_OK;
   for (int half = NM_FORWARD; rc == NM_OK && half <= NM_REVERSE; half++) {
      nm_record_t one = {.data = b->store, .seq = rec->seq, .size = write_half(b, rec, half, b->store)};
      m->view.direction = (uint8_t) half;
      rc = hand_over(m, &one);
   }
   m->view.direction = NM_ONE_WAY;
   return rc;
}

/* --------------------------------------------------------------------- batches */

bool biflow_is_full(const struct biflow *b)
{
   return b->n + 2 > HALVES || b->used + 2 * (UR_MAX_SIZE + 1) > STORE;
}

void biflow_add(struct biflow *b, const nm_record_t *rec)
{
   b->messages++;
   if (!biflow_is(b, rec->data)) {
      b->batch[b->n++] = *rec;
      return;
   }
   for (int half = NM_FORWARD; half <= NM_REVERSE; half++) {
      char *to = b->store + b->used;
      uint16_t size = write_half(b, rec, half, to);
      b->batch[b->n++] = (nm_record_t){.data = to, .seq = rec->seq, .size = size};
      b->used += size;
   }
}

const nm_record_t *biflow_take(struct biflow *b, uint32_t *n, uint32_t *messages)
{
   *n = b->n;
   *messages = b->messages;
   b->n = b->messages = 0;
   b->used = 0;
   return b->batch;
}
