/* SPDX-License-Identifier: BSD-3-Clause */
/** Declarations shared by the source files of libunirec. */
#ifndef UR_INTERNAL_H
#define UR_INTERNAL_H

#include "typed_list.h"

#include <unirec/unirec.h>

#include <stdbool.h>

#define UR_PUBLIC __attribute__((visibility("default")))

/** \return id of a defined field, or UR_E_INVALID_NAME */
int registry_find(const char *name, size_t length);
/** Defines the fields of a list: all, or none if there is an error. \return UR_OK, or the code of the first error */
int registry_define(const struct typed_list *list);
/** The same for the format of a peer. The fields are in use until registry_release(). \param ids room for list->n ids
 *  \param when for registry_release() \return the number of fields, or an error (then none is in use) */
int registry_define_foreign(const struct typed_list *list, ur_field_id_t *ids, uint32_t *when);
/** Marks fields as used by a template, so that they are not removed. \return the argument "when" of registry_release() */
uint32_t registry_use(const ur_field_id_t *ids, size_t n);
void registry_release(const ur_field_id_t *ids, size_t n, uint32_t when);
/** \return ur_field_type_t, or UR_E_INVALID_TYPE */
int type_from_word(const char *type, size_t length);

/** Makes a template of fields (duplicates ignored); message as for ur_create_template(). */
ur_template_t *template_from_ids(const ur_field_id_t *ids, size_t n, char **errstr);

/* As ur_set_var(), ur_array_resize(), ur_copy_fields() and ur_set_from_string(), in a record of up to limit bytes. */
int set_var_within(const ur_template_t *t, void *rec, uint32_t limit, int id, const void *value, int len);
int array_resize_within(const ur_template_t *t, void *rec, uint32_t limit, int id, int len);
int set_from_string_within(const ur_template_t *t, void *rec, uint32_t limit, ur_field_id_t id,
                           const char *v);
/** Parses four numbers without leading zeros, as inet_pton() accepts them, into one in host byte order. \return the text after them; NULL
 * for other text */
const char *parse_ip4(const char *s, uint32_t *address);
/** Parses a time at the start of a text. \return the text after it; NULL if it is not a time */
const char *parse_time(const char *s, ur_time_t *t);
/** The same of a text whose end is known: faster. */
const char *parse_time_at(const char *s, const char *end, ur_time_t *t);
/** \return UR_OK; UR_E_TOO_LONG: some variable-length fields did not fit and were not copied; UR_E_MEMORY */
int copy_fields_within(const ur_template_t *dt, void *dst, uint32_t limit, const ur_template_t *st,
                       const void *src);

/** Stores the low bytes of a number, in the byte order of the machine. */
static inline void store_low(void *to, uint64_t n, int size)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
   const uint8_t *from = (const uint8_t *) &n;
#else
   const uint8_t *from = (const uint8_t *) &n + sizeof(n) - size;
#endif
   switch (size) { /* known sizes become single stores */
   case 1: memcpy(to, from, 1); break;
   case 2: memcpy(to, from, 2); break;
   case 4: memcpy(to, from, 4); break;
   default: memcpy(to, from, 8); break;
   }
}

/** Descriptors of the variable-length fields of a record, in the order of the record. */
static inline ur_u_uint16_t *descriptors(const ur_template_t *t, const void *rec, int *n)
{
   *n = t->first_dynamic == UR_NO_DYNAMIC_VALUES ? 0 : t->count - t->first_dynamic;
   return (ur_u_uint16_t *) (void *) UR_AT_(rec, t->static_size - 4 * *n);
}

#endif
