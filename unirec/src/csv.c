/* SPDX-License-Identifier: BSD-3-Clause */
/** Conversion of records to CSV and back. */
#include "parse_fast.h"
#include "text.h"

#include <nemea-common/nc_text.h>
#include <unirec/unirec2csv.h>

#define FIRST_SIZE 4096

/* What urcsv_init() makes: the columns that urcsv_line() writes without a look at the registry stand behind what the header shows. */
struct converter {
   urcsv_t urcsv;
   size_t
       n_columns; /* the first ones of the template, which have a fixed length and a type other than char */
   struct text_column columns[];
};

UR_PUBLIC urcsv_t *urcsv_init(ur_template_t *tmplt, char delimiter)
{
   struct converter *converter =
       tmplt != NULL ? calloc(1, sizeof(*converter) + tmplt->count * sizeof(converter->columns[0])) : NULL;
   if (converter == NULL) {
      return NULL;
   }
   for (; converter->n_columns < tmplt->count; converter->n_columns++) {
      int id = tmplt->ids[converter->n_columns];
      if (ur_is_varlen(id) || ur_get_type(id) == UR_TYPE_CHAR) {
         break;
      }
      converter->columns[converter->n_columns] =
          (struct text_column){.offset = tmplt->offset[id], .type = (uint8_t) ur_get_type(id)};
   }
   urcsv_t *c = &converter->urcsv;
   c->tmplt = tmplt;
   c->delimiter = delimiter;
   c->buffer = c->curpos = malloc(FIRST_SIZE);
   c->buffer_size = c->free_space = FIRST_SIZE;
   if (c->buffer == NULL) {
      free(converter);
      return NULL;
   }
   return c;
}

UR_PUBLIC void urcsv_free(urcsv_t **urcsv)
{
   if (urcsv != NULL && *urcsv != NULL) {
      free((*urcsv)->buffer);
      free(*urcsv);
      *urcsv = NULL;
   }
}

UR_PUBLIC void urcsv_guard_formulas(urcsv_t *urcsv, int on)
{
   urcsv->guard_formulas = on != 0;
}

UR_PUBLIC char *urcsv_header(urcsv_t *urcsv)
{
   return urcsv != NULL ? ur_template_string_delimiter(urcsv->tmplt, urcsv->delimiter) : NULL;
}

/* Makes sure that need more bytes fit at curpos. */
static bool room(urcsv_t *c, size_t need)
{
   if (need <= c->free_space) {
      return true;
   }
   size_t used = (size_t) (c->curpos - c->buffer), size = 2 * (used + need);
   char *larger = realloc(c->buffer, size);
   if (larger == NULL) {
      return false;
   }
   c->buffer = larger;
   c->curpos = larger + used;
   c->buffer_size = (uint32_t) size;
   c->free_space = (uint32_t) (size - used);
   return true;
}

static char *put_field(char *to, const ur_template_t *t, const void *rec, int id, char delimiter, bool guard)
{
   ur_field_type_t type = ur_get_type(id);
   if (type == UR_TYPE_STRING) {
      return nc_csv_string(to, ur_get_ptr_by_id(t, rec, id), ur_get_var_len(t, rec, id), guard);
   }
   if (type == UR_TYPE_CHAR) {
      return nc_csv_char(to, *(const char *) UR_AT_(rec, t->offset[id]), delimiter, guard);
   }
   return ur_is_varlen(id) ? text_var(to, type, ur_get_ptr_by_id(t, rec, id), ur_get_var_len(t, rec, id))
                           : text_value(to, type, UR_AT_(rec, t->offset[id]));
}

static size_t field_bound(const ur_template_t *t, const void *rec, int id)
{
   if (!ur_is_varlen(id)) {
      return MAX_VALUE_TEXT;
   }
   size_t length = ur_get_var_len(t, rec, id);
   return ur_get_type(id) == UR_TYPE_STRING ? NC_CSV_BOUND(length) : text_bound(ur_get_type(id), length);
}

UR_PUBLIC const char *urcsv_line(urcsv_t *urcsv, const void *rec, size_t *length)
{
   const struct converter *converter = (const struct converter *) urcsv;
   const ur_template_t *t = urcsv->tmplt;
   int first = (int) converter->n_columns;
   urcsv->curpos = urcsv->buffer;
   urcsv->free_space = urcsv->buffer_size;
   if (!room(urcsv, converter->n_columns * MAX_VALUE_TEXT)) {
      return NULL;
   }
   char *fixed = text_columns(urcsv->buffer, converter->columns, converter->n_columns, rec, urcsv->delimiter);
   fixed -= first > 0; /* the last delimiter is written below, if there is another column */
   urcsv->free_space -= (uint32_t) (fixed - urcsv->buffer);
   urcsv->curpos = fixed;
   for (int i = first; i < t->count; i++) {
      if (!room(urcsv, field_bound(t, rec, t->ids[i]) + 2)) {
         return NULL;
      }
      char *p = urcsv->curpos;
      if (i > 0) {
         *p++ = urcsv->delimiter;
      }
      p = put_field(p, t, rec, t->ids[i], urcsv->delimiter, urcsv->guard_formulas);
      urcsv->free_space -= (uint32_t) (p - urcsv->curpos);
      urcsv->curpos = p;
   }
   *urcsv->curpos = 0;
   if (length != NULL) {
      *length = (size_t) (urcsv->curpos - urcsv->buffer);
   }
   return urcsv->buffer;
}

UR_PUBLIC char *urcsv_record(urcsv_t *urcsv, const void *rec)
{
   size_t length;
   if (urcsv == NULL || rec == NULL) {
      return NULL;
   }
   const char *line = urcsv_line(urcsv, rec, &length);
   char *copy = line != NULL ? malloc(length + 1) : NULL;
   return copy != NULL ? memcpy(copy, line, length + 1) : NULL;
}

UR_PUBLIC int urcsv_field(char *dst, uint32_t size, const void *rec, ur_field_type_t id, ur_template_t *tmplt)
{
   char small[1024], *text = small;
   int field = (int) id;
   if (dst == NULL || rec == NULL || tmplt == NULL || !ur_is_present(tmplt, field)) {
      return 0;
   }
   size_t bound = field_bound(tmplt, rec, field);
   if (bound > sizeof(small)) {
      text = malloc(bound);
   }
   if (text == NULL) {
      return 0;
   }
   size_t n = (size_t) (put_field(text, tmplt, rec, field, ',', false) - text);
   if (n > size) {
      n = 0;
   }
   memcpy(dst, text, n);
   if (n < size) {
      dst[n] = 0;
   }
   if (text != small) {
      free(text);
   }
   return (int) n;
}

/* -------------------------------------------------------------------- parse */

/* Copies the text of one column without its quotes or brackets to to, which has room for the rest of the line, and terminates it.
 * \return the delimiter after the column or the end of the line; NULL: a quote is not closed */
static const char *take_column(const char *p, char delimiter, bool array, char *to)
{
   if (*p == '"') {
      for (p++;; p++) {
         if (*p == 0) {
            return NULL;
         }
         if (*p == '"' && *++p != '"') {
            break;
         }
         *to++ = *p;
      }
   } else {
      for (; *p != 0 && *p != delimiter && *p != '\r' && *p != '\n'; p++) {
         if (!array) {
            *to++ = *p;
         } else if (*p != '[' && *p != ']') {
            *to++ = *p == '|' ? ' ' : *p;
         }
      }
   }
   *to = 0;
   p += strspn(p, "\r\n");
   return *p == 0 || *p == delimiter ? p : NULL;
}

/* \return 0; 1: invalid time, stored as 0; -1: invalid */
static int set_column(const ur_template_t *t, void *rec, ur_field_id_t id, const char *text)
{
   unsigned code;
   if (ur_get_type(id) == UR_TYPE_CHAR && strlen(text) == 4 && sscanf(text, "\\x%2x", &code) == 1) {
      *(char *) ur_get_ptr_by_id(t, rec, id) =
          (char) code; /* as nc_csv_char() writes characters that are not printable */
      return 0;
   }
   if (ur_set_from_string(t, rec, id, text) == 0) {
      return 0;
   }
   if (ur_get_type(id) == UR_TYPE_CHAR && *text == 0) { /* an empty column is a NUL */
      *(char *) ur_get_ptr_by_id(t, rec, id) = 0;
      return 0;
   }
   if (ur_get_type(id) == UR_TYPE_TIME) {
      memset(ur_get_ptr_by_id(t, rec, id), 0, sizeof(ur_time_t));
      return 1;
   }
   return -1;
}

/* An unsigned number of any length, modulo 2^64. \return the text after it; NULL: no digit */
static inline const char *take_number(const char *p, const char *end, uint64_t *value)
{
   if (*p >= '0' && *p <= '9' && (p[1] < '0' || p[1] > '9')) { /* many columns never have more than a digit */
      *value = (uint64_t) (*p - '0');
      return p + 1;
   }
   uint32_t length = end - p >= FAST_NUMBER ? fast_number(p, value) : 0;
   if (length > 0) {
      return p + length;
   }
   const char *start = p;
   uint64_t n = 0;
   for (; *p >= '0' && *p <= '9'; p++) {
      n = n * 10 + (uint64_t) (*p - '0');
   }
   *value = n;
   return p > start ? p : NULL;
}

/* In two halves, as whoever copies an address of a record reads it: a load of what several smaller stores wrote waits for them. */
static void store_ip4(void *to, uint32_t v4)
{
   ip_addr_t ip = ip_from_int(v4);
   memcpy(to, &ip.ui64[0], 8);
   memcpy((char *) to + 8, &ip.ui64[1], 8);
}

/* Parses a value at the start of a text that ends at end: an unsigned number, an IPv4 address, a time. \return the text after it; NULL:
 * other text, which may still be valid for ur_set_from_string() */
static inline const char *take_value(ur_field_type_t type, const char *p, const char *end, void *to)
{
   const char *next = NULL;
   switch (type) {
   case UR_TYPE_UINT8:
   case UR_TYPE_UINT16:
   case UR_TYPE_UINT32:
   case UR_TYPE_UINT64: {
      uint64_t n;
      next = take_number(p, end, &n);
      if (next != NULL) {
         store_low(to, n, ur_field_type_size[type]);
      }
      return next;
   }
   case UR_TYPE_IP: {
      uint32_t v4 = 0, length = end - p >= FAST_IP4 ? fast_ip4(p, &v4) : 0;
      next = length > 0 ? p + length : parse_ip4(p, &v4);
      if (next != NULL) {
         store_ip4(to, v4);
      }
      return next;
   }
   case UR_TYPE_TIME: {
      ur_time_t time;
      next = *p >= '0' && *p <= '9' ? parse_time_at(p, end, &time) : NULL;
      if (next != NULL) {
         memcpy(to, &time, sizeof(time));
      }
      return next;
   }
   default: return NULL;
   }
}

UR_PUBLIC int urcsv_parse(const ur_template_t *tmplt, void *rec, const char *line, char delimiter,
                          const ur_field_id_t *columns, uint16_t n_columns, ur_field_id_t *bad)
{
   char small[4096], *text = small;
   size_t size = strlen(line) + 1;
   int rc = 0;
   if (columns == NULL) {
      columns = tmplt->ids;
      n_columns = tmplt->count;
   }
   if (size > sizeof(small) && (text = malloc(size)) == NULL) {
      return -1;
   }
   ur_clear_varlen(tmplt, rec);
   const char *p = line, *line_end = line + size - 1;
   const ur_field_type_t *types = __atomic_load_n(&ur_field_specs.ur_field_types, __ATOMIC_ACQUIRE);
   bool plain = delimiter == ',' || delimiter == ';' || delimiter == '\t';
   for (uint16_t i = 0; i < n_columns && rc >= 0; i++) {
      ur_field_id_t id = columns[i];
      /* Most columns can be read where they stand; the others are tried again in the general way. */
      const char *end = plain && ur_is_present(tmplt, id)
                            ? take_value(types[id], p, line_end, UR_AT_(rec, tmplt->offset[id]))
                            : NULL;
      if (end != NULL && (*end == delimiter || *end == 0)) {
         p = end + (*end == delimiter);
         continue;
      }
      p = take_column(p, delimiter, ur_get_type(id) >= UR_TYPE_A_UINT8, text);
      int set = p != NULL ? set_column(tmplt, rec, id, text) : -1;
      if (set != 0) {
         rc = set;
         if (bad != NULL) {
            *bad = id;
         }
      }
      if (p != NULL && *p == delimiter) {
         p++;
      }
   }
   if (text != small) {
      free(text);
   }
   return rc;
}
