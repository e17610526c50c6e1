/* SPDX-License-Identifier: BSD-3-Clause */
#include "tags.h"

#include <errno.h>
#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TAGS  100000
#define MAX_NAMES 4000000

enum { ITSELF, BELOW }; /* NAME and *.NAME in the file */

/* A domain name: an entry of an open hash table. */
struct name {
   uint32_t text; /* where it begins, + 1; 0: the place is free */
   uint32_t tag[2];
   uint8_t length;
   bool there[2];
};

struct tags {
   char **tags;
   uint32_t count, room;
   struct name *names;
   uint32_t name_count, mask;
   char *text;
   size_t used, text_room;
   size_t longest;
};

/* Appends to an array that grows by doubling. \return false without memory */
static bool make_room(void **array, size_t size, size_t needed, size_t *room)
{
   size_t more = *room != 0 ? *room : 64;
   while (more < needed) {
      more *= 2;
   }
   if (more == *room) {
      return true;
   }
   void *larger = realloc(*array, more * size);
   if (larger != NULL) {
      *array = larger;
      *room = more;
   }
   return larger != NULL;
}

static struct name *place_of(const tags_t *t, const char *name, size_t length)
{
   uint32_t at = (uint32_t) nc_hash(name, length) & t->mask;
   for (;; at = (at + 1) & t->mask) {
      struct name *place = &t->names[at];
      if (place->text == 0 ||
          (place->length == length && memcmp(t->text + place->text - 1, name, length) == 0)) {
         return place;
      }
   }
}

/* The table of names is at most half full. */
static bool grow(tags_t *t)
{
   tags_t larger = *t;
   larger.mask = t->names == NULL ? 1023 : t->mask * 2 + 1;
   larger.names = calloc((size_t) larger.mask + 1, sizeof(*larger.names));
   if (larger.names == NULL) {
      return false;
   }
   for (uint32_t i = 0; t->names != NULL && i <= t->mask; i++) {
      if (t->names[i].text != 0) {
         *place_of(&larger, t->text + t->names[i].text - 1, t->names[i].length) = t->names[i];
      }
   }
   free(t->names);
   t->names = larger.names;
   t->mask = larger.mask;
   return true;
}

/* \return NULL; what is wrong with the name */
static const char *add_name(tags_t *t, char *name, uint32_t tag)
{
   name += strspn(name, " \t");
   bool below = strncmp(name, "*.", 2) == 0;
   name += below ? 2 : 0;
   size_t length = strcspn(name, " \t");
   if (length == 0 || length > TAGS_NAME || name[length + strspn(name + length, " \t")] != 0) {
      return "is no domain name";
   }
   for (size_t i = 0; i < length; i++) {
      name[i] = (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
   }
   if (t->name_count == MAX_NAMES) {
      return "is one name too many";
   }
   if ((t->names == NULL || t->name_count > t->mask / 2) && !grow(t)) {
      return "has no room in memory";
   }
   struct name *place = place_of(t, name, length);
   if (place->text == 0) {
      if (!make_room((void **) &t->text, 1, t->used + length, &t->text_room)) {
         return "has no room in memory";
      }
      memcpy(t->text + t->used, name, length);
      *place = (struct name){.text = (uint32_t) t->used + 1, .length = (uint8_t) length};
      t->used += length;
      t->name_count++;
   }
   int kind = below ? BELOW : ITSELF;
   if (place->there[kind] && place->tag[kind] != tag) {
      return "has another tag already";
   }
   place->there[kind] = true;
   place->tag[kind] = tag;
   t->longest = length > t->longest ? length : t->longest;
   return NULL;
}

bool tags_by_name(const tags_t *t, const char *name, uint32_t *tag)
{
   for (uint32_t i = 0; i < t->count; i++) {
      if (strcmp(t->tags[i], name) == 0) {
         *tag = i;
         return true;
      }
   }
   return false;
}

/* Several rows may have the same tag, one after the other. \return false without memory */
static bool add_tag(tags_t *t, const char *name)
{
   if (t->count > 0 && strcmp(t->tags[t->count - 1], name) == 0) {
      return true;
   }
   size_t room = t->room;
   if (!make_room((void **) &t->tags, sizeof(*t->tags), (size_t) t->count + 1, &room)) {
      return false;
   }
   t->room = (uint32_t) room;
   t->tags[t->count] = strdup(name);
   return t->tags[t->count] != NULL && ++t->count != 0;
}

/* Splits a line at its commas, in place. \return false: a quote is not closed */
static bool split(char *line, char **columns, unsigned n)
{
   static char none[1];
   unsigned column = 0;
   char *from = line, *to = line;
   bool quoted = false, begin = true;
   for (unsigned i = 0; i < n; i++) {
      columns[i] = none;
   }
   for (; *from != 0; from++) {
      if (begin && column < n) {
         columns[column] = to;
      }
      if (begin && *from == '"') {
         quoted = true;
      } else if (quoted && *from == '"' && from[1] == '"') {
         *to++ = *++from;
      } else if (quoted && *from == '"') {
         quoted = false;
      } else if (!quoted && *from == ',') {
         *to++ = 0;
         column++;
         begin = true;
         continue;
      } else if (quoted || (*from != '\r' && *from != '\n')) {
         *to++ = *from;
      }
      begin = false;
   }
   *to = 0;
   return !quoted;
}

bool tags_row(FILE *file, char **line, size_t *size, char **columns, unsigned n, unsigned *number,
              const char **error)
{
   *error = NULL;
   for (;;) {
      errno = 0;
      if (getline(line, size, file) < 0) {
         *error = errno != 0 ? strerror(errno) : NULL;
         return false;
      }
      ++*number;
      if ((*line)[strspn(*line, " \t\r\n")] != 0) {
         break;
      }
   }
   if (!split(*line, columns, n)) {
      *error = "a quote is not closed";
   }
   return *error == NULL;
}

/* One row: a tag and its names. */
static bool add_row(tags_t *t, char **columns, unsigned number, char *error)
{
   char *save = NULL;
   if (*columns[1] == 0) {
      snprintf(error, TAGS_ERROR, "line %u: no tag, expected ID,TAG,DOMAINS", number);
      return false;
   }
   if (t->count == MAX_TAGS || !add_tag(t, columns[1])) {
      snprintf(error, TAGS_ERROR, "line %u: no room for more than %" PRIu32 " tags", number, t->count);
      return false;
   }
   for (char *name = strtok_r(columns[2], ",", &save); name != NULL; name = strtok_r(NULL, ",", &save)) {
      const char *wrong = add_name(t, name, t->count - 1);
      if (wrong != NULL) {
         snprintf(error, TAGS_ERROR, "line %u: '%.100s' %s", number, name, wrong);
         return false;
      }
   }
   return true;
}

tags_t *tags_read(FILE *file, char *error)
{
   tags_t *t = calloc(1, sizeof(*t));
   char *line = NULL, *columns[3];
   size_t size = 0;
   unsigned number = 0;
   const char *wrong = NULL;
   bool good = t != NULL;
   snprintf(error, TAGS_ERROR, "no memory");
   if (good && (!tags_row(file, &line, &size, columns, 3, &number, &wrong) || strcmp(columns[0], "Id") != 0 ||
                strcmp(columns[1], "Tag") != 0)) {
      snprintf(error, TAGS_ERROR, "line 1: expected the header Id,Tag,Merged Domains");
      good = false;
   }
   while (good && tags_row(file, &line, &size, columns, 3, &number, &wrong)) {
      good = add_row(t, columns, number, error);
   }
   if (good && wrong != NULL) {
      snprintf(error, TAGS_ERROR, "line %u: %s", number, wrong);
      good = false;
   }
   if (good && t->name_count == 0) {
      snprintf(error, TAGS_ERROR, "no domain name in it");
      good = false;
   }
   free(line);
   if (!good) {
      tags_free(t);
      return NULL;
   }
   *error = 0;
   return t;
}

void tags_free(tags_t *t)
{
   if (t != NULL) {
      for (uint32_t i = 0; i < t->count; i++) {
         free(t->tags[i]);
      }
      free((void *) t->tags);
      free(t->names);
      free(t->text);
      free(t);
   }
}

uint32_t tags_count(const tags_t *t)
{
   return t->count;
}

const char *tags_name(const tags_t *t, uint32_t i)
{
   return t->tags[i];
}

bool tags_find(const tags_t *t, const char *name, size_t length, uint32_t *tag)
{
   char lower[TAGS_NAME];
   if (length > 0 && name[length - 1] == '.') {
      length--; /* the root */
   }
   if (length == 0 || length > sizeof(lower)) {
      return false;
   }
   for (size_t i = 0; i < length; i++) {
      lower[i] = (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
   }
   for (size_t at = 0; at < length;) {
      if (length - at <= t->longest) {
         const struct name *found = place_of(t, lower + at, length - at);
         int kind = at == 0 && found->there[ITSELF] ? ITSELF : BELOW;
         if (found->text != 0 && found->there[kind]) {
            *tag = found->tag[kind];
            return true;
         }
      }
      const char *dot = memchr(lower + at, '.', length - at);
      at = dot != NULL ? (size_t) (dot - lower) + 1 : length;
   }
   return false;
}
