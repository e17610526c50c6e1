/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads the configuration of link_traffic. */
#include "links.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELDS   4
#define MAX_LINE 1024

__attribute__((format(printf, 3, 4))) static bool fail(char *error, unsigned line, const char *format, ...)
{
   va_list ap;
   int n = snprintf(error, LINKS_ERROR, "line %u: ", line);
   va_start(ap, format);
   vsnprintf(error + n, LINKS_ERROR - (size_t) n, format, ap);
   va_end(ap);
   return false;
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
   while (isspace((unsigned char) *text)) {
      text++;
   }
   char *end = text + strlen(text);
   while (end > text && isspace((unsigned char) end[-1])) {
      *--end = 0;
   }
   return text;
}

/* Splits a line at its commas. \return number of fields, at most FIELDS + 1 */
static int split(char *line, char *field[FIELDS + 1])
{
   int n = 0;
   for (char *next = line; next != NULL && n <= FIELDS; n++) {
      char *comma = strchr(next, ',');
      field[n] = next;
      next = comma != NULL ? comma + 1 : NULL;
      if (comma != NULL) {
         *comma = 0;
      }
      field[n] = trim(field[n]);
   }
   return n;
}

static bool is_name(const char *text)
{
   for (const char *c = text; *c != 0; c++) {
      if (!isprint((unsigned char) *c)) {
         return false;
      }
   }
   return *text != 0 && strlen(text) <= LINK_MAX_NAME;
}

static bool is_field(const char *text)
{
   size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
   return n > 0 && text[n] == 0;
}

/* Hexadecimal, with or without # or 0x; zeros in front may be missing. \return false: it is not that */
static bool read_color(const char *text, struct link *link)
{
   text += *text == '#' ? 1 : strncasecmp(text, "0x", 2) == 0 ? 2 : 0;
   size_t n = strspn(text, "0123456789abcdefABCDEF");
   if (n == 0 || n > 8 || text[n] != 0) {
      return false;
   }
   snprintf(link->color, sizeof(link->color), "%0*lx", n > 6 ? 8 : 6, strtoul(text, NULL, 16));
   return true;
}

static bool read_link(struct links *links, char *text, unsigned line, char *error)
{
   char *field[FIELDS + 1], *end;
   if (split(text, field) != FIELDS) {
      return fail(error, line, "expected number,name,field,color");
   }
   errno = 0;
   uint64_t number = strtoull(field[0], &end, 10);
   if (!isdigit((unsigned char) field[0][0]) || *end != 0 || errno != 0) {
      return fail(error, line, "\"%.40s\" is not the number of a link", field[0]);
   }
   if (!is_name(field[1])) {
      return fail(error, line, "expected a name of 1 to %d printable characters", LINK_MAX_NAME);
   }
   if (!is_field(field[2])) {
      return fail(error, line, "\"%.40s\" is not the name of a field", field[2]);
   }
   for (size_t i = 0; i < links->n; i++) {
      if (links->link[i].number == number || strcmp(links->link[i].name, field[1]) == 0) {
         return fail(error, line, "link %.20s, %.64s: this number or name is in line %u too", field[0],
                     field[1], links->link[i].line);
      }
   }
   if (links->n == LINKS_MAX) {
      return fail(error, line, "there are more than %d links", LINKS_MAX);
   }
   struct link *link = &links->link[links->n];
   if (!read_color(field[3], link)) {
      return fail(error, line, "\"%.40s\" is not a color, expected hexadecimal digits", field[3]);
   }
   links->n++;
   link->number = number;
   link->line = line;
   strcpy(link->name, field[1]);
   return true;
}

static int highest_first(const void *a, const void *b)
{
   uint64_t x = ((const struct link *) a)->number, y = ((const struct link *) b)->number;
   return (x < y) - (x > y);
}

bool links_read(struct links *links, FILE *file, char error[LINKS_ERROR])
{
   char text[MAX_LINE];
   unsigned line = 0;
   links->n = 0;
   while (fgets(text, sizeof(text), file) != NULL) {
      line++;
      size_t length = strlen(text);
      if (length == sizeof(text) - 1 && text[length - 1] != '\n') {
         return fail(error, line, "longer than %d bytes", MAX_LINE - 2);
      }
      char *content = trim(text);
      if (*content != 0 && *content != '#' && !read_link(links, content, line, error)) {
         return false;
      }
   }
   if (ferror(file)) {
      return fail(error, line + 1, "%s", strerror(errno));
   }
   if (links->n == 0) {
      return fail(error, line, "there is no link in the file");
   }
   qsort(links->link, links->n, sizeof(links->link[0]), highest_first);
   return true;
}

int links_find(const struct links *links, uint64_t number)
{
   size_t low = 0, high = links->n;
   while (low < high) {
      size_t middle = low + (high - low) / 2;
      if (links->link[middle].number == number) {
         return (int) middle;
      }
      if (links->link[middle].number > number) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   return -1;
}
