/* SPDX-License-Identifier: BSD-3-Clause */
/** Events that are shown while their alerts come in: each attack once, and again when it has grown. */
#include "event_join.h"

#include <stdlib.h>
#include <string.h>

/* Will the report show both as one? */
static bool belong(const struct event *a, const struct event *b)
{
   const ur_time_t gap = (ur_time_t) RUN_GAP << 32;
   bool run = event_is_scan(a) && event_is_scan(b) &&
              memcmp(&a->source, &b->source, sizeof(a->source)) == 0 && a->first <= b->last + gap &&
              b->first <= a->last + gap;
   return run || event_is_same_attack(a, b);
}

/* The line of an event of the list, which is its own when it belongs to none. \return 0 without memory */
static uint32_t line_of(struct event_lines *lines, const struct events *all, uint32_t index)
{
   if (lines->of == NULL) {
      lines->of = calloc(EVENTS_MAX, sizeof(*lines->of));
      lines->list = calloc(EVENTS_MAX, sizeof(*lines->list));
   }
   if (lines->of == NULL || lines->list == NULL) {
      return 0;
   }
   uint32_t *line = &lines->of[index];
   for (uint32_t k = index; *line == 0 && k > 0; k--) {
      *line = belong(&all->list[k - 1], &all->list[index]) ? lines->of[k - 1] : 0;
   }
   *line = *line != 0 ? *line : ++lines->n;
   return *line;
}

/* What the report would make of the events of a line: the largest, if it is more than one. NULL without memory */
static const struct event *join(struct event_lines *lines, const struct events *all, uint32_t line)
{
   struct events *part = &lines->joined;
   const struct event *largest = NULL;
   uint32_t n = 0;
   events_free(part);
   for (uint32_t i = 0; i < all->n; i++) {
      n += lines->of[i] == line;
   }
   part->list = calloc(n, sizeof(*part->list));
   for (uint32_t i = 0; part->list != NULL && i < all->n; i++) {
      if (lines->of[i] == line) {
         part->list[part->n++] = all->list[i];
      }
   }
   events_sort(part);
   for (uint32_t i = 0; i < part->n; i++) {
      const struct event *e = &part->list[i];
      largest = largest == NULL || e->alerts > largest->alerts ? e : largest;
   }
   return largest;
}

uint32_t event_lines_add(struct event_lines *lines, const struct events *all, const struct event *e,
                         const struct event **shown, bool *grown)
{
   uint32_t number = line_of(lines, all, (uint32_t) (e - all->list));
   if (number == 0) {
      return 0;
   }
   struct event_line *line = &lines->list[number - 1];
   line->alerts++;
   *grown = line->shown > 0;
   *shown = line->alerts >= 2 * line->shown ? join(lines, all, number) : NULL;
   if (*shown == NULL) {
      return 0;
   }
   line->shown = line->alerts;
   return number;
}

void event_lines_free(struct event_lines *lines)
{
   free(lines->of);
   free(lines->list);
   events_free(&lines->joined);
   memset(lines, 0, sizeof(*lines));
}
