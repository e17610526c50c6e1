/* SPDX-License-Identifier: BSD-3-Clause */
/** Sets that came before their template: kept for a bounded time in bounded memory, the oldest are dropped first. */
#include "state.h"

#include <stdlib.h>

#define MAX_ENTRIES 4096

struct entry {
   struct entry *next;
   struct domain_key domain;
   uint64_t domain_uid, time;
   struct fc_context context;
   uint32_t size;
   uint16_t id;
   uint8_t bytes[];
};

struct waiting {
   struct entry *first, **end;
   uint32_t n;
   size_t bytes, most;
};

struct waiting *waiting_new(uint32_t bytes)
{
   struct waiting *w = calloc(1, sizeof(*w));
   if (w != NULL) {
      w->end = &w->first;
      w->most = bytes;
   }
   return w;
}

/* Takes an entry out of the list. */
static struct entry *take(struct waiting *w, struct entry **link)
{
   struct entry *e = *link;
   *link = e->next;
   w->end = e->next == NULL ? link : w->end;
   w->n--;
   w->bytes -= sizeof(*e) + e->size;
   return e;
}

void waiting_free(struct waiting *w)
{
   while (w != NULL && w->first != NULL) {
      free(take(w, &w->first));
   }
   free(w);
}

static void drop_first(struct fc_decoder *d)
{
   struct entry *e = take(d->waiting, &d->waiting->first);
   struct domain *domain = nc_table_peek(d->domains, &e->domain);
   if (domain != NULL && domain->uid == e->domain_uid) {
      domain->waiting--;
   }
   fc_add(&d->counters[FC_DROP_NO_TEMPLATE], 1);
   free(e);
}

void waiting_add(struct message *m, uint16_t id, const uint8_t *p, size_t size)
{
   struct fc_decoder *d = m->d;
   struct waiting *w = d->waiting;
   size_t whole = sizeof(struct entry) + size;
   fc_add(&m->exporter->no_template, 1);
   struct entry *e = whole <= w->most ? malloc(whole) : NULL;
   if (e == NULL) {
      fc_add(&d->counters[FC_DROP_NO_TEMPLATE], 1);
      return;
   }
   while (w->n > 0 && (w->n >= MAX_ENTRIES || w->bytes + whole > w->most)) {
      drop_first(d);
   }
   *e = (struct entry){
       .domain = {.exporter = m->exporter->uid, .id = m->context.domain, .version = m->version},
       .domain_uid = m->domain->uid,
       .time = m->now,
       .context = m->context,
       .size = (uint32_t) size,
       .id = id};
   memcpy(e->bytes, p, size);
   *w->end = e;
   w->end = &e->next;
   w->n++;
   w->bytes += whole;
   m->domain->waiting++;
}

void waiting_read(struct message *m, uint16_t id, const struct template *t)
{
   struct waiting *w = m->d->waiting;
   struct entry **link = &w->first;
   while (m->domain->waiting > 0 && *link != NULL) {
      if ((*link)->domain_uid != m->domain->uid || (*link)->id != id) {
         link = &(*link)->next;
         continue;
      }
      struct entry *e = take(w, link);
      struct message earlier = *m;
      earlier.context = e->context;
      earlier.context.init_time = m->domain->init_time;
      m->domain->waiting--;
      read_records(&earlier, t, e->bytes, e->size);
      fc_add(&m->d->counters[FC_WAITED], 1);
      free(e);
   }
}

void waiting_expire(struct fc_decoder *d, uint64_t before)
{
   while (d->waiting->first != NULL && d->waiting->first->time < before) {
      drop_first(d);
   }
}
