/* SPDX-License-Identifier: BSD-3-Clause */
/** \file unirec2csv.h
 * Converts records to CSV and back. Strings are in double quotes ('"' doubled, newline as a blank, unprintable bytes
 * dropped), bytes in hexadecimal, arrays as [a|b|c], time as YYYY-MM-DDThh:mm:ss.uuuuuu (UTC). A char is written as it
 * is, in quotes if it is the delimiter or '"', and as "\xNN" (in quotes) if it is not printable. So no value of a record
 * can put a control character into a line.
 * A converter is for one thread. */
#ifndef UNIREC2CSV_H
#define UNIREC2CSV_H

#include "unirec.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A converter. It does not own the template, which must outlive it. */
typedef struct urcsv_s {
   ur_template_t *tmplt;
   char *buffer; /**< the last line */
   char *curpos;
   uint32_t buffer_size;
   uint32_t free_space;
   char delimiter;
   char guard_formulas; /**< set by urcsv_guard_formulas() */
} urcsv_t;

/** \return NULL for a NULL template or when out of memory */
urcsv_t *urcsv_init(ur_template_t *tmplt, char delimiter);
/** Frees *urcsv and sets it to NULL; NULL is allowed. */
void urcsv_free(urcsv_t **urcsv);
/** Puts a ' before strings and chars that begin with = + - @, which spreadsheets would run as formulas. Off by default.
 * urcsv_parse() does not remove the '. */
void urcsv_guard_formulas(urcsv_t *urcsv, int on);
/** \return types and names of the columns without newline, to free() */
char *urcsv_header(urcsv_t *urcsv);
/** \return one line without newline, to free(); NULL for NULL or when out of memory */
char *urcsv_record(urcsv_t *urcsv, const void *rec);
/** Formats one line without newline in the converter's buffer, valid until the next call.
 * \param[out] length of the line, may be NULL. \return the NUL-terminated line; NULL when out of memory */
const char *urcsv_line(urcsv_t *urcsv, const void *rec, size_t *length);
/** Formats one field. \param id field id (an enum for historical reasons). \return length; 0 if dst is too small or the
 * field is empty. The terminating NUL is left out if there is no room for it. */
int urcsv_field(char *dst, uint32_t size, const void *rec, ur_field_type_t id, ur_template_t *tmplt);

/** Parses a line in the format of urcsv_record(). rec is a record of tmplt with room for UR_MAX_SIZE bytes. Missing columns
 * are empty, surplus ones are ignored, strings need no quotes, and numbers are read as by ur_set_from_string().
 * \param line NUL-terminated. \param columns ids in the order of the line; NULL: record order.
 * \param[out] bad id of the invalid field, may be NULL.
 * \return 0; 1 if a time is invalid (it is set to 0, the other fields are set as given); -1 for invalid text in a column, an
 * unterminated quote, or a record that would be too long */
int urcsv_parse(const ur_template_t *tmplt, void *rec, const char *line, char delimiter,
                const ur_field_id_t *columns, uint16_t n_columns, ur_field_id_t *bad);

#ifdef __cplusplus
}
#endif
#endif
