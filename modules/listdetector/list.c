/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads lists of rules. */
#include "list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\v\f"

struct reader {
   struct list *list;
   char *error;
   size_t line;
   uint32_t capacity; /* rules */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct reader *r, const char *format, ...)
{
   char text[LIST_ERROR - 32];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   snprintf(r->error, LIST_ERROR, "line %zu: %s", r->line, text);
   return false;
}

/* ------------------------------------------------------------ cells of a line */

static char *trimmed(char *text, char *end)
{
   while (end > text && strchr(BLANKS, end[-1]) != NULL) {
      end--;
   }
   *end = 0;
   return text;
}

/* A cell in quotes, "" is a quote. \return what follows it; NULL: the quote does not end */
static char *unquote(char *at, char **cell)
{
   char *to = *cell = ++at;
   for (;; at++) {
      if (*at == 0) {
         return NULL;
      }
      if (*at == '"' && *++at != '"') {
         *to = 0;
         return at;
      }
      *to++ = *at;
   }
}

/* \return what is behind R"(...)", which ends with the first )" that has only blanks between itself and the next cell; NULL: none has */
static char *raw_end(char *at)
{
   at += strlen(RAW_BEGIN);
   while ((at = strstr(at, RAW_END)) != NULL) {
      at += strlen(RAW_END);
      char *stop = at + strspn(at, BLANKS);
      if (*stop == 0 || *stop == ',') {
         return at;
      }
   }
   return NULL;
}

/* Takes a cell out of a line: in quotes, a raw string R"(...)" as it is, or the text up to the comma without blanks around it.
 * \param at its begin; then that of the next cell, NULL behind the last one */
static bool take_cell(struct reader *r, char **at, char **cell)
{
   char *from = *at + strspn(*at, BLANKS), *end;
   if (*from == '"') {
      end = unquote(from, cell);
      if (end == NULL) {
         return fail(r, "a quote does not end");
      }
   } else {
      *cell = from;
      end = strncmp(from, RAW_BEGIN, strlen(RAW_BEGIN)) == 0 ? raw_end(from) : from + strcspn(from, ",");
      if (end == NULL) {
         return fail(r, "an expression R\"(...)\" does not end");
      }
   }
   char *stop = end + strspn(end, BLANKS);
   if (*stop != 0 && *stop != ',') {
      return fail(r, "there is text behind a cell in quotes: \"%.50s\"", stop);
   }
   bool more = *stop == ',';
   if (*from != '"') {
      trimmed(from, end);
   }
   *at = more ? stop + 1 : NULL;
   return true;
}

/* -------------------------------------------------------------------- header */

static bool allowed(int type)
{
   return (type >= UR_TYPE_CHAR && type <= UR_TYPE_INT64) || type == UR_TYPE_IP || type == UR_TYPE_STRING;
}

static bool add_column(struct reader *r, char *text)
{
   struct list *list = r->list;
   char *name = text + strcspn(text, BLANKS), *end = name;
   int type = -1;
   if (*name != 0) {
      *end = 0;
      name += 1 + strspn(name + 1, BLANKS);
      type = ur_get_field_type_from_str(text);
   }
   if (type < 0 || *name == 0 ||
       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name)) {
      return fail(r, "column %u: \"%.50s%s%.50s\" is not a type and a name, as in \"ipaddr SRC_IP\"",
                  list->n_columns + 1, text, *name != 0 ? " " : "", name);
   }
   if (!allowed(type)) {
      return fail(r, "column %.50s: type %s cannot be in a list (integers, char, ipaddr and string can)",
                  name, text);
   }
   for (uint32_t i = 0; i < list->n_columns; i++) {
      if (strcmp(list->columns[i].name, name) == 0) {
         return fail(r, "column %.50s is given twice", name);
      }
   }
   if (list->n_columns == LIST_COLUMNS) {
      return fail(r, "more than %d columns", LIST_COLUMNS);
   }
   struct column *c = &list->columns[list->n_columns];
   *c = (struct column){strdup(name), (ur_field_type_t) type};
   list->n_columns += c->name != NULL;
   return c->name != NULL || fail(r, "out of memory");
}

static bool read_header(struct reader *r, char *line)
{
   bool good = true;
   for (char *at = line, *cell; good && at != NULL;) {
      good = take_cell(r, &at, &cell) && add_column(r, cell);
   }
   return good;
}

/* --------------------------------------------------------------------- rules */

static bool grow(struct reader *r)
{
   struct list *list = r->list;
   if (list->n_rules < r->capacity) {
      return true;
   }
   uint32_t capacity = r->capacity > 0 ? 2 * r->capacity : 64;
   if (capacity > UINT32_MAX / 4) {
      return fail(r, "too many rules");
   }
   struct cell *cells = realloc(list->cells, (size_t) capacity * list->n_columns * sizeof(*cells));
   if (cells == NULL) {
      return fail(r, "out of memory");
   }
   list->cells = cells;
   r->capacity = capacity;
   return true;
}

static bool read_rule(struct reader *r, char *line)
{
   struct list *list = r->list;
   char *at = line, *text, error[LIST_ERROR];
   if (!grow(r)) {
      return false;
   }
   struct cell *cells = &list->cells[(size_t) list->n_rules * list->n_columns];
   memset(cells, 0, list->n_columns * sizeof(*cells));
   list->n_rules++;
   for (uint32_t i = 0; i < list->n_columns; i++) {
      if (at == NULL) {
         return fail(r, "%u cells, expected %u", i, list->n_columns);
      }
      if (!take_cell(r, &at, &text)) {
         return false;
      }
      if (*text != 0 && !cell_read(&cells[i], list->columns[i].type, text, &list->copies, error)) {
         cells[i].kind = CELL_ANY;
         return fail(r, "column %.50s: %s", list->columns[i].name, error);
      }
   }
   return at == NULL || fail(r, "more than %u cells", list->n_columns);
}

/* ---------------------------------------------------------------------- list */

static bool read_line(struct reader *r, char *line, size_t length)
{
   r->line++;
   if (memchr(line, 0, length) != NULL) {
      return fail(r, "there is a zero byte");
   }
   char *begin = line + strspn(line, BLANKS "\n");
   if (*begin == 0 || *begin == '#') {
      return true;
   }
   line[strcspn(line, "\n")] = 0;
   return r->list->n_columns == 0 ? read_header(r, line) : read_rule(r, line);
}

struct list *list_read(FILE *file, char *error)
{
   struct reader r = {.list = calloc(1, sizeof(struct list)), .error = error};
   char *line = NULL;
   size_t size = 0;
   ssize_t n;
   bool good = r.list != NULL;
   snprintf(error, LIST_ERROR, "out of memory");
   while (good && (n = getline(&line, &size, file)) >= 0) {
      good = read_line(&r, line, (size_t) n);
   }
   if (good && ferror(file)) {
      snprintf(error, LIST_ERROR, "%s", strerror(errno));
      good = false;
   }
   free(line);
   if (good && r.list->n_columns == 0) {
      snprintf(error, LIST_ERROR, "there is no line with columns, as \"ipaddr SRC_IP,uint16 DST_PORT\"");
      good = false;
   }
   if (good && !list_index(r.list)) {
      snprintf(error, LIST_ERROR, "out of memory for %u rules", r.list->n_rules);
      good = false;
   }
   if (!good) {
      list_free(r.list);
      return NULL;
   }
   return r.list;
}

char *list_format(const struct list *list)
{
   char *text = NULL;
   size_t size = 0;
   FILE *f = open_memstream(&text, &size);
   for (uint32_t i = 0; f != NULL && i < list->n_columns; i++) {
      fprintf(f, "%s%s %s", i > 0 ? "," : "", ur_field_type_str[list->columns[i].type],
              list->columns[i].name);
   }
   if (f != NULL && fclose(f) != 0) {
      free(text);
      text = NULL;
   }
   return text;
}

void list_free(struct list *list)
{
   if (list == NULL) {
      return;
   }
   for (size_t i = 0; i < (size_t) list->n_rules * list->n_columns; i++) {
      cell_free(&list->cells[i]);
   }
   for (uint32_t i = 0; i < list->n_columns; i++) {
      free(list->columns[i].name);
   }
   free(list->cells);
   free(list->matched);
   free(list->next);
   free(list->shapes);
   free(list->slots);
   free(list);
}
