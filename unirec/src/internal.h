/* SPDX-License-Identifier: BSD-3-Clause */
/** What the source files of libunirec share. */
#ifndef UR_INTERNAL_H
#define UR_INTERNAL_H

#include <unirec/unirec.h>

#include <stdbool.h>

#define UR_PUBLIC __attribute__((visibility("default")))

/** A word of a template string. */
struct word {
   const char *text;
   size_t length;
};

/** Reads "type NAME" from a typed template string. \return 1 read, 0 end of the text, -1 bad text; *at moves on */
int next_typed_field(const char **at, struct word *type, struct word *name);

/** \return id of a defined field, or UR_E_INVALID_NAME */
int registry_find(const char *name, size_t length);
/** \return ur_field_type_t, or UR_E_INVALID_TYPE */
int type_from_word(const char *type, size_t length);

/** A template from ids (doubles ignored); message as for ur_create_template(). */
ur_template_t *template_from_ids(const ur_field_id_t *ids, size_t n, char **errstr);

/** Descriptors of the variable-length fields of a record, in the order of the record. */
static inline ur_u_uint16_t *descriptors(const ur_template_t *t, const void *rec, int *n)
{
   *n = t->first_dynamic == UR_NO_DYNAMIC_VALUES ? 0 : t->count - t->first_dynamic;
   return (ur_u_uint16_t *) (void *) UR_AT_(rec, t->static_size - 4 * *n);
}

#endif
