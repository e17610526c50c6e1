/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_regex.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One open group. */
struct group {
   uint32_t places; /* of all before the last atom */
   uint32_t last;   /* of the last atom: what a repetition repeats */
};

static uint32_t add(uint32_t a, uint32_t b)
{
   return a + b < a ? UINT32_MAX : a + b;
}

static uint32_t times(uint32_t a, uint32_t b)
{
   return b != 0 && a > UINT32_MAX / b ? UINT32_MAX : a * b;
}

static void atom(struct group *g, uint32_t places)
{
   g->places = add(g->places, g->last);
   g->last = places;
}

/* The byte after a bracket expression, which begins after its "[". */
static const char *skip_bracket(const char *p)
{
   p += *p == '^';
   p += *p == ']'; /* first, it stands for itself */
   while (*p != 0 && *p != ']') {
      if (p[0] == '[' && p[1] != 0 && strchr(".:=", p[1]) != NULL) {
         const char end[3] = {p[1], ']', 0}, *close = strstr(p + 2, end);
         p = close != NULL ? close + 1 : p;
      }
      p++;
   }
   return p + (*p == ']');
}

/* The byte after {n}, {n,} or {n,m}, which begins after its "{"; NULL if that is none of them. */
static const char *read_interval(const char *p, uint32_t *most)
{
   char *end;
   unsigned long low = strtoul(p, &end, 10), high = low;
   if (*end == ',') {
      high = strtoul(end + 1, &end, 10);
   }
   unsigned long larger = low > high ? low + 1 : high; /* {n,}: n and one that repeats */
   *most = larger > UINT32_MAX ? UINT32_MAX : (uint32_t) larger;
   return *end == '}' ? end + 1 : NULL;
}

/* The byte after a repetition, which repeats the last atom; NULL if there is none. */
static const char *repeat(struct group *g, const char *p)
{
   uint32_t most = *p == '+' ? 2 : 1;
   const char *end = *p == '{' ? read_interval(p + 1, &most) : strchr("*+?", *p) != NULL ? p + 1 : NULL;
   if (end != NULL) {
      g->last = times(g->last, most > 1 ? most : 1);
   }
   return end;
}

/* Places of the written-out expression, and in written those that it has as it stands. false: too deep. */
static bool count(const char *p, struct group *groups, size_t depths, uint32_t *written)
{
   struct group *g = groups;
   while (*p != 0) {
      const char *end = repeat(g, p);
      if (end != NULL) {
         p = end;
      } else if (*p == '(') {
         if (++g == groups + depths) {
            return false;
         }
         *g = (struct group){0};
         p++;
      } else if (*p == ')' && g > groups) {
         uint32_t inner = add(g->places, g->last);
         atom(--g, inner > 0 ? inner : 1);
         p++;
      } else {
         bool bracket = *p == '[', escape = *p == '\\' && p[1] != 0;
         p = bracket ? skip_bracket(p + 1) : p + 1 + escape;
         atom(g, 1);
         ++*written;
      }
   }
   for (; g > groups; g--) { /* groups that are not closed: regcomp() will say so */
      atom(g - 1, add(g->places, g->last));
   }
   return true;
}

uint32_t nc_regex_copies(const char *pattern)
{
   size_t depths = 1;
   for (const char *p = pattern; *p != 0; p++) {
      depths += *p == '(';
   }
   struct group *groups = calloc(depths + 1, sizeof(*groups));
   uint32_t written = 0, places = UINT32_MAX;
   if (groups != NULL && count(pattern, groups, depths + 1, &written)) {
      places = add(groups->places, groups->last);
   }
   free(groups);
   return places == UINT32_MAX ? places : places > written ? places - written : 0;
}

int nc_regex_compile(regex_t *regex, const char *pattern, uint32_t *total, char *reason, size_t size)
{
   size_t length = strlen(pattern);
   if (length > NC_REGEX_MAX_LENGTH) {
      snprintf(reason, size, "it has %zu bytes, at most %d are allowed", length, NC_REGEX_MAX_LENGTH);
      return REG_ESPACE;
   }
   uint32_t copies = nc_regex_copies(pattern);
   if (copies > NC_REGEX_MAX_COPIES) {
      snprintf(reason, size, "its repetitions add more than %d places", NC_REGEX_MAX_COPIES);
      return REG_ESPACE;
   }
   if (*total + copies > NC_REGEX_MAX_TOTAL) {
      snprintf(reason, size, "repetitions up to here add more than %d places", NC_REGEX_MAX_TOTAL);
      return REG_ESPACE;
   }
   int rc = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
   if (rc != 0) {
      regerror(rc, regex, reason, size);
   } else {
      *total += copies;
   }
   return rc;
}
