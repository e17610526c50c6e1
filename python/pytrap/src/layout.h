/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The layout of a record, and access to records that may be malformed. Nothing here knows of Python, so that it can be fuzzed.
 *
 * A layout keeps names, types and offsets of its own: it stays valid whatever happens to the registry of fields. Every access checks
 * offset and length against the size of the record, since records come from peers and Python programs may change them at any time.
 */
#ifndef PYTRAP_LAYOUT_H
#define PYTRAP_LAYOUT_H

#include <stdbool.h>

#include <unirec/unirec.h>

struct layout_field {
   uint16_t offset; /* of the value or of the descriptor */
   uint8_t size;    /* bytes of a value; of an element when variable */
   uint8_t type;    /* ur_field_type_t */
   uint8_t element; /* type of an element; of other fields the type itself */
   bool variable;
   ur_field_id_t id;
   const char *name;
};

struct layout {
   ur_template_t *tmplt;
   char *names;
   uint16_t count, n_variable, fixed_size;
   struct layout_field fields[]; /* in record order */
};

/** Makes the layout of "type NAME,type NAME".
 * \param why receives the reason of a failure, to free() \return NULL on a failure, with why set unless out of memory */
struct layout *layout_new(const char *spec, char **why);
void layout_free(struct layout *l);
/** Is this the form of a specification? The types that this process knows fields with do not count. */
bool layout_spec_valid(const char *spec);

/** \return whether a field lies within a record of size bytes; if so, value and length are set */
static inline bool layout_locate(const struct layout *l, const struct layout_field *f, const char *rec,
                                 size_t size, const char **value, size_t *length)
{
   if (!f->variable) {
      *value = rec + f->offset;
      *length = f->size;
      return (size_t) f->offset + f->size <= size;
   }
   uint16_t d[2];
   if (size < l->fixed_size) {
      return false;
   }
   memcpy(d, rec + f->offset, sizeof(d));
   *value = rec + l->fixed_size + d[0];
   *length = d[1];
   return d[1] == 0 || (size_t) l->fixed_size + d[0] + d[1] <= size;
}

/** Size of a record, whose variable-length fields must lie within size bytes without gaps. \return -1: it is malformed */
static inline int layout_record_size(const struct layout *l, const char *rec, size_t size)
{
   if (size < l->fixed_size) {
      return -1;
   }
   uint32_t total = 0, end = 0;
   const char *p = rec + l->fixed_size - 4 * l->n_variable;
   for (unsigned i = 0; i < l->n_variable; i++, p += 4) {
      uint16_t d[2];
      memcpy(d, p, sizeof(d));
      uint32_t field_end = (uint32_t) d[0] + d[1];
      total += d[1];
      end = d[1] != 0 && field_end > end ? field_end : end;
   }
   uint32_t all = total + l->fixed_size;
   return end <= total && all <= size && all <= UR_MAX_SIZE ? (int) all : -1;
}

/** Bytes that a record needs when a variable-length field gets length bytes. \return -1: it is malformed */
int layout_size_with(const struct layout *l, const struct layout_field *f, const char *rec, size_t size,
                     size_t length);
/** Sets a variable-length field of a record that has room for it (layout_size_with()). \return whether it could */
bool layout_set_variable(const struct layout *l, const struct layout_field *f, char *rec, size_t room,
                         const char *value, size_t length);
/** Sets a field from text, as ur_set_from_string(), in a valid record with room for UR_MAX_SIZE bytes. \return whether it could */
bool layout_set_text(const struct layout *l, const struct layout_field *f, char *rec, const char *text);
/** Copies the fields that both layouts have. dst has room for UR_MAX_SIZE bytes; both records are valid. \return whether all fit */
bool layout_copy(const struct layout *dl, char *dst, const struct layout *sl, const char *src);

#endif
