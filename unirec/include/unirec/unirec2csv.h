/* SPDX-License-Identifier: BSD-3-Clause */
/** \file unirec2csv.h
 * Records as lines of text. Strings stand in double quotes ('"' doubled, newline as a blank, unprintable bytes
 * dropped), bytes in hexadecimal, arrays as [a|b|c], time as YYYY-MM-DDThh:mm:ss.uuuuuu (UTC). A char is written as it
 * is; in quotes when it is the delimiter or '"'; as "\xNN" (in quotes) when it is not printable. So a line never holds
 * a control character, whatever stands in the record.
 * A converter is for one thread. */
#ifndef UNIREC2CSV_H
#define UNIREC2CSV_H

#include "unirec.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A converter; the template stays the caller's and must outlive it. */
typedef struct urcsv_s {
   ur_template_t *tmplt;
   char *buffer; /**< the last line */
   char *curpos;
   uint32_t buffer_size;
   uint32_t free_space;
   char delimiter;
   char guard_formulas; /**< set by urcsv_guard_formulas() */
} urcsv_t;

/** \return NULL for a NULL template or without memory */
urcsv_t *urcsv_init(ur_template_t *tmplt, char delimiter);
/** Frees and sets NULL; NULL is allowed. */
void urcsv_free(urcsv_t **urcsv);
/** Puts a ' before strings and chars that begin with = + - @, which spreadsheets would run as formulas (off at first). What
 * is written so is not read back the same. */
void urcsv_guard_formulas(urcsv_t *urcsv, int on);
/** Names and types of the columns, without newline, to free(). */
char *urcsv_header(urcsv_t *urcsv);
/** One line without newline, to free(). NULL for NULL or without memory */
char *urcsv_record(urcsv_t *urcsv, const void *rec);
/** One line without newline, NUL-terminated, in the converter's own buffer until the next call.
 * \param[out] length of the line, may be NULL. \return NULL without memory */
const char *urcsv_line(urcsv_t *urcsv, const void *rec, size_t *length);
/** Text of one field into dst. \param id field id (an enum for historical reasons). \return length; 0: no room or
 * nothing to write. A terminating NUL is written only where there is room for it. */
int urcsv_field(char *dst, uint32_t size, const void *rec, ur_field_type_t id, ur_template_t *tmplt);

/** Parses a line as urcsv_record() writes it into a record of tmplt with room for UR_MAX_SIZE bytes. Missing columns
 * are empty, surplus ones are ignored; strings need no quotes; numbers are read as by ur_set_from_string().
 * \param line NUL-terminated. \param columns ids in the order of the line; NULL: that of the record.
 * \param[out] bad id of the field that could not be read, may be NULL.
 * \return 0; 1: a time could not be read and is 0, the rest is good; -1: bad text in a column, a quote that is not
 * closed, or a record that would be too long */
int urcsv_parse(const ur_template_t *tmplt, void *rec, const char *line, char delimiter,
                const ur_field_id_t *columns, uint16_t n_columns, ur_field_id_t *bad);

#ifdef __cplusplus
}
#endif
#endif
