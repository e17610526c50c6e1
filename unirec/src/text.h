/* SPDX-License-Identifier: BSD-3-Clause */
/** Values as text; hand-made, since a record has a dozen of them and a module writes a million records a second. */
#ifndef UR_TEXT_H
#define UR_TEXT_H

#include "internal.h"

/** Largest text of a single value: a double of 309 digits before the point. */
#define MAX_VALUE_TEXT 320

/** Writes one value (an element of an array, too) of a type that is not char or string, without NUL. \return end of the text */
char *text_value(char *to, ur_field_type_t type, const void *value);
/** Bytes that the text of an array or of bytes may take. */
size_t text_bound(ur_field_type_t type, size_t length);
/** Writes an array or bytes. \param length of the data in bytes. \return end of the text */
char *text_var(char *to, ur_field_type_t type, const void *data, size_t length);

#endif
