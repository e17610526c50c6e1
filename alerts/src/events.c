/* SPDX-License-Identifier: BSD-3-Clause */
/** Alerts are read and joined to events. */
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_text.h>
#include <nemea/event.h>
#include <stdlib.h>
#include <string.h>

#define HASHES 16384 /* a power of two, above EVENTS_MAX */

/* -------------------------------------------------------------------- alerts */

/* \return NULL: the alert has no such field, or none of these types */
static const void *field(const struct alert *a, const char *name, ur_field_type_t *type)
{
   int id = ur_get_id_by_name(name);
   if (id < 0 || !ur_is_present(a->tmplt, (ur_field_id_t) id)) {
      return NULL;
   }
   *type = ur_get_type(id);
   return ur_is_fixlen(id) ? ur_get_ptr_by_id(a->tmplt, a->rec, id) : NULL;
}

uint64_t alert_number(const struct alert *a, const char *name)
{
   ur_field_type_t type;
   const void *p = field(a, name, &type);
   uint16_t u16;
   uint32_t u32;
   uint64_t u64;
   if (p == NULL) {
      return 0;
   }
   switch (type) { /* values in records are not aligned */
   case UR_TYPE_UINT8: return *(const uint8_t *) p;
   case UR_TYPE_UINT16: memcpy(&u16, p, sizeof(u16)); return u16;
   case UR_TYPE_UINT32: memcpy(&u32, p, sizeof(u32)); return u32;
   case UR_TYPE_UINT64: memcpy(&u64, p, sizeof(u64)); return u64;
   default: return 0;
   }
}

ip_addr_t alert_ip(const struct alert *a, const char *name)
{
   ip_addr_t ip = {0};
   ur_field_type_t type;
   const void *p = field(a, name, &type);
   if (p != NULL && type == UR_TYPE_IP) {
      memcpy(&ip, p, sizeof(ip));
   }
   return ip;
}

ur_time_t alert_time(const struct alert *a, const char *name)
{
   ur_time_t t = 0;
   ur_field_type_t type;
   const void *p = field(a, name, &type);
   if (p != NULL && type == UR_TYPE_TIME) {
      memcpy(&t, p, sizeof(t));
   }
   return t;
}

char *alert_text(const struct alert *a, const char *name, char *to, size_t size)
{
   int id = ur_get_id_by_name(name);
   to[0] = 0;
   if (id >= 0 && ur_is_present(a->tmplt, (ur_field_id_t) id) && ur_get_type(id) == UR_TYPE_STRING) {
      nc_text_terminal(to, size, ur_get_ptr_by_id(a->tmplt, a->rec, id), ur_get_len(a->tmplt, a->rec, id));
   }
   return to;
}

/* -------------------------------------------------------------- descriptions */

const struct event_description *event_description_find(const char *program)
{
   for (const struct event_description *const *d = event_descriptions; *d != NULL; d++) {
      if (strcmp((*d)->program, program) == 0) {
         return *d;
      }
   }
   return NULL;
}

/* --------------------------------------------------------------------- lists */

/* What the description compares; no padding. */
struct key {
   const struct event_description *description;
   const char *kind;
   ip_addr_t source, target;
   uint32_t port, protocol;
};

static struct key key_of(const struct event *e)
{
   struct key key = {.description = e->description, .kind = e->kind};
   unsigned by = e->description->key;
   if (by & EVENT_BY_SOURCE) {
      key.source = e->source;
   }
   if (by & EVENT_BY_TARGET) {
      key.target = e->target;
   }
   key.port = by & EVENT_BY_PORT ? e->port : 0;
   key.protocol = by & EVENT_BY_PROTOCOL ? e->protocol : 0;
   return key;
}

static bool within(const struct event *a, const struct event *b, uint32_t seconds)
{
   ur_time_t gap = (ur_time_t) seconds << 32;
   return a->first <= b->last + gap && b->first <= a->last + gap;
}

static bool same_event(const struct event *a, const struct event *b)
{
   struct key left = key_of(a), right = key_of(b);
   return memcmp(&left, &right, sizeof(left)) == 0 &&
          ((a->group != 0 && a->group == b->group) || within(a, b, a->description->gap));
}

static void join(struct event *to, const struct event *e)
{
   to->first = e->first < to->first ? e->first : to->first;
   to->last = e->last > to->last ? e->last : to->last;
   to->bytes += e->bytes;
   to->sources = e->sources > to->sources ? e->sources : to->sources;
   if (e->sources != 0) {
      to->amount = to->sources;
   } else if (to->description->total) {
      to->amount = e->amount > to->amount ? e->amount : to->amount;
   } else {
      to->amount += e->amount;
   }
   to->alerts += e->alerts;
}

/* Room for one event more. */
static bool grow(struct events *all)
{
   if (all->newest == NULL) {
      all->newest = calloc(HASHES, sizeof(*all->newest));
   }
   if (all->newest == NULL || all->n >= EVENTS_MAX) {
      return false;
   }
   if (all->n == all->capacity) {
      uint32_t capacity = all->capacity > 0 ? 2 * all->capacity : 64;
      struct event *more = realloc(all->list, capacity * sizeof(*more));
      if (more == NULL) {
         return false;
      }
      all->list = more;
      all->capacity = capacity;
   }
   return true;
}

struct event *events_add(struct events *all, const struct event_description *d, const ur_template_t *tmplt,
                         const void *rec)
{
   const struct alert a = {.tmplt = tmplt, .rec = rec};
   struct event e = {.description = d,
                     .kind = d->kind,
                     .title = d->title,
                     .unit = d->unit,
                     .attack = d->attack,
                     .alerts = 1};
   e.first = alert_time(&a, d->first != NULL ? d->first : "TIME_FIRST");
   e.last = alert_time(&a, d->last != NULL ? d->last : "TIME_LAST");
   e.last = e.last < e.first ? e.first : e.last;
   d->read(&a, &e);
   all->received++;
   bool room = grow(all);
   struct key key = key_of(&e);
   uint32_t *newest = all->newest != NULL ? &all->newest[nc_hash(&key, sizeof(key)) % HASHES] : NULL;
   for (uint32_t i = newest != NULL ? *newest : 0; i > 0; i = all->list[i - 1].older) {
      if (same_event(&all->list[i - 1], &e)) {
         join(&all->list[i - 1], &e);
         return &all->list[i - 1];
      }
   }
   if (!room) {
      all->dropped++;
      return NULL;
   }
   e.older = *newest;
   all->list[all->n++] = e;
   *newest = all->n;
   return &all->list[all->n - 1];
}

static int compare(const void *left, const void *right)
{
   const struct event *a = left, *b = right;
   if (a->first != b->first) {
      return a->first < b->first ? -1 : 1;
   }
   int order = strcmp(a->description->program, b->description->program);
   order = order != 0 ? order : strcmp(a->kind, b->kind);
   order = order != 0 ? order : memcmp(&a->source, &b->source, sizeof(a->source));
   order = order != 0 ? order : memcmp(&a->target, &b->target, sizeof(a->target));
   order = order != 0 ? order : (a->port > b->port) - (a->port < b->port);
   return order != 0 ? order : (a->protocol > b->protocol) - (a->protocol < b->protocol);
}

/* --------------------------------------------------- one attack, several events */

/* How much an event knows of who and what. */
static unsigned detail(const struct event *e)
{
   return 8u * event_ip_is_set(&e->source) + 8u * event_ip_is_set(&e->target) + 2u * (e->port != 0) +
          (e->protocol != 0);
}

/* \return false: both are known and differ; *same: both are known and agree */
static bool ends_agree(const ip_addr_t *a, const ip_addr_t *b, bool *same)
{
   *same = event_ip_is_set(a) && event_ip_is_set(b) && memcmp(a, b, sizeof(*a)) == 0;
   return *same || !event_ip_is_set(a) || !event_ip_is_set(b);
}

/* Both ends of one attack as one program sees them: a source without a target, a target without a source, and about as much. */
static bool are_two_ends(const struct event *a, const struct event *b)
{
   bool source = event_ip_is_set(&a->source), target = event_ip_is_set(&a->target);
   uint64_t more = a->amount > b->amount ? a->amount : b->amount,
            less = a->amount > b->amount ? b->amount : a->amount;
   return a->description == b->description && source != target && source == event_ip_is_set(&b->target) &&
          target == event_ip_is_set(&b->source) && less >= more - more / 10;
}

static bool same_attack(const struct event *a, const struct event *b)
{
   bool source, target;
   if (strcmp(a->kind, b->kind) != 0 || !within(a, b, 0) || !ends_agree(&a->source, &b->source, &source) ||
       !ends_agree(&a->target, &b->target, &target) || (a->port != 0 && b->port != 0 && a->port != b->port) ||
       (a->protocol != 0 && b->protocol != 0 && a->protocol != b->protocol)) {
      return false;
   }
   return a->description == b->description ? are_two_ends(a, b) : source || target;
}

/* What b saw of the attack goes to a, which knows more. */
static void merge(struct event *a, const struct event *b)
{
   if (!event_ip_is_set(&a->source)) {
      a->source = b->source;
   }
   if (!event_ip_is_set(&a->target) && a->n_samples == 0) {
      a->target = b->target;
   }
   a->port = a->port != 0 ? a->port : b->port;
   a->protocol = a->protocol != 0 ? a->protocol : b->protocol;
   a->first = b->first < a->first ? b->first : a->first;
   a->last = b->last > a->last ? b->last : a->last;
   a->bytes = a->bytes != 0 ? a->bytes : b->bytes;
   a->alerts += b->alerts;
}

/* Sorted by detail, those that know most first. */
static int compare_detail(const void *left, const void *right)
{
   unsigned a = detail(left), b = detail(right);
   return a != b ? (a > b ? -1 : 1) : compare(left, right);
}

static void join_attacks(struct events *all)
{
   uint32_t kept = 0;
   qsort(all->list, all->n, sizeof(*all->list), compare_detail);
   for (uint32_t i = 0; i < all->n; i++) {
      struct event *e = &all->list[i];
      uint32_t k = 0;
      /* With EVENTS_MAX events these are 50 million comparisons, most of which end at the first condition: below a second. */
      while (k < kept && !same_attack(&all->list[k], e)) {
         k++;
      }
      if (k < kept) {
         merge(&all->list[k], e);
      } else {
         all->list[kept++] = *e;
      }
   }
   all->n = kept;
}

void events_sort(struct events *all)
{
   if (all->n > 1) {
      join_attacks(all);
   }
   if (all->n > 0) {
      qsort(all->list, all->n, sizeof(*all->list), compare);
   }
}

void events_free(struct events *all)
{
   free(all->list);
   free(all->newest);
   memset(all, 0, sizeof(*all));
}
