/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: alerts become events and JSON, and are joined.
 *
 * The input is a sequence of alerts: an octet that chooses the description, two of a length, the alert. A first bit that is set
 * makes the alert a JSON text, else it is a record of the description's fields, which is read when it passes the check at the border.
 */
#include <jansson.h>
#include <nemea/event.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DESCRIPTIONS 64
#define IS_JSON          0x80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
   const struct event_description *d;
   ur_layout_t *layout; /* NULL: its alerts are JSON */
} known[MAX_DESCRIPTIONS];
static unsigned n_known;

static void learn(const struct event_description *const list[])
{
   for (; *list != NULL && n_known < MAX_DESCRIPTIONS; list++) {
      known[n_known].d = *list;
      known[n_known++].layout = (*list)->fields != NULL ? ur_layout_create((*list)->fields) : NULL;
   }
}

static bool is_kind(const char *kind)
{
   unsigned i = 0;
   while (event_kinds[i] != NULL && strcmp(event_kinds[i], kind) != 0) {
      i++;
   }
   return event_kinds[i] != NULL;
}

/* What any event must be. */
static void check(const struct event *e)
{
   json_t *now = event_json(e), *old = event_json_v1(e);
   char *text = now != NULL ? json_dumps(now, 0) : NULL;
   if (now == NULL || old == NULL || text == NULL || !is_kind(e->kind) || e->last < e->first ||
       e->alerts == 0 || strlen(e->id) != EVENT_ID_SIZE - 1 ||
       json_array_size(json_object_get(now, "sources")) > EVENT_SAMPLES + 1 ||
       json_array_size(json_object_get(now, "targets")) > EVENT_SAMPLES + 1) {
      abort();
   }
   char small[8];
   event_title(e, small, sizeof(small));
   event_amount(e, small, sizeof(small));
   free(text);
   json_decref(now);
   json_decref(old);
}

static void take(struct events *all, unsigned choice, const uint8_t *data, size_t size)
{
   const unsigned i = (choice & ~(unsigned) IS_JSON) % n_known;
   struct alert a = {.layout = known[i].layout};
   json_t *json = NULL;
   void *copy = malloc(size + 1); /* of its own, so that a read beyond its end is seen */
   if (copy == NULL) {
      abort();
   }
   memcpy(copy, data, size);
   if (choice & IS_JSON || a.layout == NULL) {
      a.json = json = json_loadb(copy, size, 0, NULL);
   } else if (ur_layout_check(a.layout, copy, (uint32_t) size)) {
      a.rec = copy;
   }
   if (a.json != NULL || a.rec != NULL) {
      const struct event *e = events_add(all, known[i].d, &a);
      if (e != NULL) {
         check(e);
      }
   }
   json_decref(json);
   free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct events all = {0};
   if (n_known == 0) {
      learn(event_descriptions);
      learn(event_foreign_descriptions);
   }
   while (size > 3) {
      size_t length = (size_t) data[1] | (size_t) data[2] << 8;
      unsigned choice = data[0];
      data += 3;
      size -= 3;
      length = length < size ? length : size;
      take(&all, choice, data, length);
      data += length;
      size -= length;
   }
   uint64_t alerts = 0;
   uint32_t before = all.n;
   events_sort(&all);
   for (uint32_t i = 0; i < all.n; i++) {
      check(&all.list[i]);
      alerts += all.list[i].alerts;
   }
   if (all.n > before || alerts != all.received - all.ignored - all.dropped) {
      abort();
   }
   events_free(&all);
   return 0;
}
