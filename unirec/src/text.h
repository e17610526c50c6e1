/* SPDX-License-Identifier: BSD-3-Clause */
/** Formatting values as text, without printf(): a record has a dozen values and a module writes a million records a second. */
#ifndef UR_TEXT_H
#define UR_TEXT_H

#include "internal.h"

/** Longest text of a single value: a double with 309 digits before the point. */
#define MAX_VALUE_TEXT 320

/** Bytes behind the end of a text that text_value() and text_columns() may write into, too. */
#define TEXT_SLACK 4

/** A column of fixed length, of any type but char. */
struct text_column {
   uint16_t offset; /* of the value in the record */
   uint8_t type;
};

/** Writes columns, each with a delimiter behind it. \return end of the text */
char *text_columns(char *to, const struct text_column *columns, size_t n, const void *rec, char delimiter);
/** Writes one value or array element of any type but char and string, without NUL. \return end of the text */
char *text_value(char *to, ur_field_type_t type, const void *value);
/** Maximum length of the text of an array or of bytes. */
size_t text_bound(ur_field_type_t type, size_t length);
/** Writes an array or bytes. \param length of the data in bytes. \return end of the text */
char *text_var(char *to, ur_field_type_t type, const void *data, size_t length);

#endif
