/* SPDX-License-Identifier: BSD-3-Clause */
#include "columns.h"

#define FIRST_RECORDS 4096

void columns_free(struct columns *c)
{
   for (int i = 0; c->columns != NULL && i < c->l->count; i++) {
      free(c->columns[i].data);
      free(c->columns[i].offsets);
   }
   free(c->columns);
   c->columns = NULL;
}

static bool reserve(struct column *column, size_t bytes)
{
   if (bytes <= column->room) {
      return true;
   }
   size_t room = bytes > 2 * column->room ? bytes : 2 * column->room;
   char *data = realloc(column->data, room);
   if (data == NULL) {
      return false;
   }
   column->data = data;
   column->room = room;
   return true;
}

/* Room for records; that of variable-length data is taken when their size is known. */
static bool reserve_records(struct columns *c, size_t n)
{
   if (n <= c->room) {
      return true;
   }
   size_t room = c->room == 0 ? FIRST_RECORDS : 2 * c->room;
   room = room > n ? room : n;
   for (int i = 0; i < c->l->count; i++) {
      const struct layout_field *f = &c->l->fields[i];
      struct column *column = &c->columns[i];
      if (f->variable) {
         int64_t *offsets = realloc(column->offsets, (room + 1) * sizeof(*offsets));
         if (offsets == NULL) {
            return false;
         }
         offsets[0] = 0;
         column->offsets = offsets;
      } else if (!reserve(column, room * f->size)) {
         return false;
      }
   }
   c->room = room;
   return true;
}

bool columns_init(struct columns *c, const struct layout *l)
{
   *c = (struct columns){.l = l, .columns = calloc(l->count + 1u, sizeof(*c->columns))};
   return c->columns != NULL && reserve_records(c, 1);
}

/* Loops of their own for each size: the compiler makes a load and a store of each copy. */
#define COPY(size)                                                        \
   for (size_t i = 0; i < n; i++) {                                       \
      memcpy(to + i * (size), (const char *) m[i].data + offset, (size)); \
   }                                                                      \
   break

static void append_fixed(struct column *column, const struct layout_field *f, const trap_message_t *m,
                         size_t n)
{
   char *to = column->data + column->used;
   const size_t offset = f->offset;
   switch (f->type == UR_TYPE_TIME ? 0 : f->size) {
   case 0:
      for (size_t i = 0; i < n; i++) {
         ur_time_t t;
         memcpy(&t, (const char *) m[i].data + offset, sizeof(t));
         int64_t ns = (int64_t) ur_time_get_sec(t) * 1000000000 + ur_time_get_nsec(t);
         memcpy(to + i * sizeof(ns), &ns, sizeof(ns));
      }
      break;
   case 1: COPY(1);
   case 2: COPY(2);
   case 4: COPY(4);
   case 6: COPY(6);
   case 8: COPY(8);
   default: COPY(16);
   }
   column->used += n * f->size;
}

static bool append_variable(const struct columns *c, struct column *column, const struct layout_field *f,
                            const trap_message_t *m, size_t n)
{
   size_t total = 0;
   uint16_t d[2];
   for (size_t i = 0; i < n; i++) {
      memcpy(d, (const char *) m[i].data + f->offset, sizeof(d));
      total += d[1];
   }
   /* In memory that is shared with its sender a length may be another one the second time: each is checked again below. Short
    * values are copied with 16 bytes. */
   if (!reserve(column, column->used + total + 16)) {
      return false;
   }
   const size_t end = column->used + total;
   for (size_t i = 0; i < n; i++) {
      const char *p = m[i].data;
      size_t length = 0;
      if (!layout_locate(c->l, f, m[i].data, m[i].size, &p, &length) || column->used + length > end) {
         p = m[i].data;
         length = 0;
      }
      char *to = column->data + column->used;
      if (length <= 16 && p + 16 <= (const char *) m[i].data + m[i].size) {
         memcpy(to, p, 16);
      } else if (length > 0) {
         memcpy(to, p, length);
      }
      column->used += length;
      column->offsets[c->n + i + 1] = (int64_t) column->used;
   }
   return true;
}

bool columns_append(struct columns *c, const trap_message_t *messages, size_t n)
{
   if (!reserve_records(c, c->n + n)) {
      return false;
   }
   for (int i = 0; i < c->l->count; i++) {
      const struct layout_field *f = &c->l->fields[i];
      if (!f->variable) {
         append_fixed(&c->columns[i], f, messages, n);
      } else if (!append_variable(c, &c->columns[i], f, messages, n)) {
         for (int k = 0; k <= i; k++) { /* as before */
            struct column *column = &c->columns[k];
            column->used =
                c->l->fields[k].variable ? (size_t) column->offsets[c->n] : c->n * c->l->fields[k].size;
         }
         return false;
      }
   }
   c->n += n;
   return true;
}

/* ------------------------------------------------------------------------- records of columns */

int columns_check(const struct layout *l, const struct column_source *sources, size_t n)
{
   for (int i = 0; i < l->count; i++) {
      const struct column_source *s = &sources[i];
      const struct layout_field *f = &l->fields[i];
      if (s->data == NULL) {
         continue;
      }
      if (!f->variable) {
         if (s->size / f->size < n) {
            return i;
         }
         continue;
      }
      for (size_t k = 0; k < n; k++) {
         if (s->offsets[k] < 0 || s->offsets[k] > s->offsets[k + 1] ||
             (s->offsets[k + 1] - s->offsets[k]) % f->size != 0) {
            return i;
         }
      }
      if (n > 0 && (uint64_t) s->offsets[n] > s->size) {
         return i;
      }
   }
   return -1;
}

int columns_record(const struct layout *l, const struct column_source *sources, size_t i, char *rec)
{
   size_t at = 0, room = UR_MAX_SIZE - l->fixed_size;
   for (int k = 0; k < l->count; k++) {
      const struct layout_field *f = &l->fields[k];
      const struct column_source *s = &sources[k];
      char *to = rec + f->offset;
      if (f->variable) {
         size_t length = s->data != NULL ? (size_t) (s->offsets[i + 1] - s->offsets[i]) : 0;
         if (length > room - at) {
            return -1;
         }
         uint16_t d[2] = {(uint16_t) at, (uint16_t) length};
         memcpy(to, d, sizeof(d));
         if (length > 0) {
            memcpy(rec + l->fixed_size + at, s->data + s->offsets[i], length);
         }
         at += length;
      } else if (s->data == NULL) {
         memset(to, 0, f->size);
      } else if (f->type == UR_TYPE_TIME) {
         int64_t ns;
         memcpy(&ns, s->data + i * sizeof(ns), sizeof(ns));
         ns = ns < 0 ? 0 : ns; /* also NaT */
         uint64_t seconds = (uint64_t) ns / 1000000000;
         ur_time_t t =
             seconds > UINT32_MAX ? UINT64_MAX : ur_time_from_sec_nsec(seconds, (uint64_t) ns % 1000000000);
         memcpy(to, &t, sizeof(t));
      } else {
         memcpy(to, s->data + i * f->size, f->size);
      }
   }
   return (int) (l->fixed_size + at);
}
