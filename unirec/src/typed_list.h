/* SPDX-License-Identifier: BSD-3-Clause */
/** Typed lists of fields: "type NAME,type NAME", the text of formats. */
#ifndef UR_TYPED_LIST_H
#define UR_TYPED_LIST_H

#include <stdbool.h>
#include <stddef.h>

/** An item of a list. */
struct typed_field {
   const char *name; /* in the text of the list, may be invalid */
   size_t length;    /* of name */
   int type;         /* ur_field_type_t, UR_E_INVALID_TYPE for an unknown word */
};

struct typed_list {
   struct typed_field *fields;
   size_t n;
   bool complete; /* false: the text is invalid after these fields */
};

/** Splits a list into its items; only their syntax is checked. The text must outlive the list.
 *  \return UR_OK; UR_E_MEMORY. Free the list with typed_list_free() in both cases */
int typed_list_parse(struct typed_list *list, const char *text);
void typed_list_free(struct typed_list *list);
/** A letter, then letters, digits and underscores. */
bool field_name_is_valid(const char *name, size_t length);

#endif
