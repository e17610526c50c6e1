/* SPDX-License-Identifier: BSD-3-Clause */
/** Events while they are watched. */
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char *const type_names[] = {"BotnetDetection", "DNSDetection"};

void scenario_make_id(char id[37])
{
   uint8_t b[16] = {0};
   if (getrandom(b, sizeof(b), 0) != sizeof(b)) {
      abort(); /* cannot happen for so few bytes (getrandom(2)) */
   }
   b[6] = (uint8_t) (0x40 | (b[6] & 0x0f));
   b[8] = (uint8_t) (0x80 | (b[8] & 0x3f));
   for (int i = 0, n = 0; i < 16; i++) {
      n += sprintf(id + n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
   }
}

void scenario_release(struct scenario *s)
{
   json_decref(s->grouped);
   free(s->entities);
   s->grouped = NULL;
   s->entities = NULL;
   s->n_entities = 0;
}

void scenario_add(struct scenario *s, json_t *event, ur_time_t first, ur_time_t last)
{
   s->events++;
   s->first = s->first == 0 || first < s->first ? first : s->first;
   s->last = last > s->last ? last : s->last;
   s->changed = true;
   if (s->grouped == NULL) {
      s->grouped = json_array();
   }
   if (s->grouped != NULL && json_array_size(s->grouped) < SCENARIO_EVENTS) {
      json_array_append_new(s->grouped, event);
   } else {
      json_decref(event);
   }
}

bool scenario_add_entity(struct scenario *s, const ip_addr_t *ip)
{
   uint32_t low = 0, n = s->n_entities;
   while (n > 0) {
      uint32_t half = n / 2;
      bool right = ip_cmp(&s->entities[low + half], ip) < 0;
      low = right ? low + half + 1 : low;
      n = right ? n - half - 1 : half;
   }
   if (low < s->n_entities && ip_cmp(&s->entities[low], ip) == 0) {
      return true;
   }
   if (s->n_entities == SCENARIO_ENTITIES) {
      return false;
   }
   if ((s->n_entities & (s->n_entities - 1)) == 0) { /* room for the next power of two */
      ip_addr_t *more =
          reallocarray(s->entities, s->n_entities == 0 ? 1 : 2 * (size_t) s->n_entities, sizeof(*more));
      if (more == NULL) {
         return false;
      }
      s->entities = more;
   }
   memmove(&s->entities[low + 1], &s->entities[low], (s->n_entities - low) * sizeof(*ip));
   s->entities[low] = *ip;
   s->n_entities++;
   return true;
}

static double seconds(ur_time_t t)
{
   uint64_t microseconds = ur_time_get_usec(t);
   return (double) ur_time_get_sec(t) + (double) microseconds / 1e6;
}

static json_t *head(const struct scenario_key *key, const struct scenario *s, bool scattered, unsigned part)
{
   json_t *event = json_pack("{s:s,s:s,s:s,s:I,s:f,s:f,s:b}", "event_type", type_names[key->type], "id",
                             s->id, "key", key->text, "grouped_events_cnt", (json_int_t) s->events,
                             "first_detection_ts", seconds(s->first), "last_detection_ts", seconds(s->last),
                             "event_scattered", (int) scattered);
   if (event != NULL && scattered) {
      json_object_set_new(event, "scatter_part", json_integer(part));
   }
   return event;
}

/* Number of events from at on that fit into one message. */
static size_t part_of(const json_t *grouped, size_t at)
{
   size_t bytes = 1024, n = 0; /* for the head */
   while (at + n < json_array_size(grouped) && n < SCENARIO_PART) {
      char *text = json_dumps(json_array_get(grouped, at + n), JSON_COMPACT);
      bytes += text != NULL ? strlen(text) + 1 : 0;
      free(text);
      if (n > 0 && bytes > SCENARIO_BYTES) {
         break;
      }
      n++;
   }
   return n;
}

bool scenario_export(const struct scenario_key *key, const struct scenario *s,
                     bool (*send)(void *, const char *, size_t), void *context)
{
   size_t at = 0, total = json_array_size(s->grouped);
   bool scattered = part_of(s->grouped, 0) < total, good = true;
   for (unsigned part = 1; good && (at < total || part == 1); part++) {
      json_t *event = head(key, s, scattered, part), *grouped = json_array();
      size_t n = part_of(s->grouped, at);
      for (size_t i = 0; i < n; i++) {
         json_array_append(grouped, json_array_get(s->grouped, at + i));
      }
      at += n;
      json_object_set_new(event, "grouped_events", grouped);
      char *text = event != NULL ? json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
      good = text != NULL && strlen(text) < UINT16_MAX && send(context, text, strlen(text));
      free(text);
      json_decref(event);
   }
   return good;
}
