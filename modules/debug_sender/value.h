/* SPDX-License-Identifier: BSD-3-Clause */
/** Values that a person types: plain, or relative to what the field has. */
#ifndef DEBUG_SENDER_VALUE_H
#define DEBUG_SENDER_VALUE_H

#include <stdbool.h>
#include <unirec/unirec.h>

/** Is the text "+X", "-X" or, for times, "now", "now+S", "now-S", and the field of a type that has these? */
bool value_is_relative(ur_field_id_t id, const char *text);
/** Sets a field of a record of UR_MAX_SIZE bytes from text, which may be relative. What leaves the range of the type goes on at its other
 * end. \return false: the text is no value of the type, the record is as it was */
bool value_set(const ur_template_t *t, void *rec, ur_field_id_t id, const char *text);
/** The field's value as text, strings in quotes; to free(). NULL without memory. */
char *value_text(const ur_template_t *t, const void *rec, ur_field_id_t id);

#endif
