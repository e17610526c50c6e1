/* SPDX-License-Identifier: BSD-3-Clause */
/** Alerts are joined to events. */
#include "event_join.h"

#include <inttypes.h>
#include <nemea-common/nc_digest.h>
#include <nemea-common/nc_hash.h>
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASHES        16384 /* a power of two, above EVENTS_MAX */
#define FLOOD         "flood"
#define AMPLIFICATION "amplification"
#define RUN_PREFIX    "run-of-" /* of the kind, in the text of an id */

/* --------------------------------------------------------------------- lists */

/* What the description compares; no padding. */
struct key {
   const struct event_description *description;
   char kind[24]; /* an event that was read from a store has another pointer to the same text */
   ip_addr_t source, target;
   uint32_t port, protocol;
};

static struct key key_of(const struct event *e)
{
   struct key key = {.description = e->description};
   strncpy(key.kind, e->kind, sizeof(key.kind) - 1);
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

uint64_t event_hash(const struct event *e)
{
   struct key key = key_of(e);
   return nc_hash(&key, sizeof(key));
}

bool event_belongs(const struct event *a, const struct event *b)
{
   struct key left = key_of(a), right = key_of(b);
   return memcmp(&left, &right, sizeof(left)) == 0 &&
          ((a->group != 0 && a->group == b->group) || within(a, b, a->description->gap));
}

/* What b knows of hosts and ports goes to a, too. */
void event_join_ends(struct event *a, const struct event *b)
{
   for (unsigned i = 0; i < b->n_source_samples; i++) {
      event_add_source(a, &b->source_samples[i]);
   }
   for (unsigned i = 0; i < b->n_samples; i++) {
      event_add_target(a, &b->samples[i]);
   }
   for (unsigned i = 0; i < b->n_ports; i++) {
      event_add_port(a, b->ports[i]);
   }
   a->more_sources |= b->more_sources;
   a->more_targets |= b->more_targets;
   a->more_ports |= b->more_ports;
   a->sources = b->sources > a->sources ? b->sources : a->sources;
   a->targets = b->targets > a->targets ? b->targets : a->targets;
   a->sources = a->sources > a->n_source_samples || a->sources == 0 ? a->sources : a->n_source_samples;
   a->targets = a->targets > a->n_samples || a->targets == 0 ? a->targets : a->n_samples;
}

/* Where two alerts differ, there are many. */
void event_keep_common(struct event *to, const struct event *e)
{
   static const ip_addr_t many;
   if (memcmp(&to->source, &e->source, sizeof(many)) != 0) {
      to->source = many;
   }
   if (memcmp(&to->target, &e->target, sizeof(many)) != 0) {
      to->target = many;
   }
   to->port = to->port == e->port ? to->port : 0;
   to->protocol = to->protocol == e->protocol ? to->protocol : 0;
}

/* A detector that sends totals sends growing ones of the same attack; one that began after all before is counted anew. */
static void add_totals(struct event *to, const struct event *e, bool anew)
{
   uint64_t *sums[] = {&to->amount, &to->flows, &to->packets, &to->bytes};
   const uint64_t now[] = {e->amount, e->flows, e->packets, e->bytes};
   for (unsigned i = 0; i < EVENT_TOTALS; i++) {
      uint64_t before = anew ? 0 : to->latest[i];
      event_add(sums[i], now[i] > before ? now[i] - before : 0);
      to->latest[i] = now[i] > before ? now[i] : before;
   }
}

/* Of two types or titles the one of the larger event; before the sums of both are made. */
static void keep_type(struct event *to, const struct event *e)
{
   if (e->type != NULL && (to->type == NULL || e->bytes > to->bytes)) {
      to->type = e->type;
      to->title = e->title;
   }
}

void event_join(struct event *to, const struct event *e)
{
   bool total = to->description->total, anew = e->first > to->last;
   to->first = e->first < to->first ? e->first : to->first;
   to->last = e->last > to->last ? e->last : to->last;
   keep_type(to, e);
   /* The amount may be how many sources there are, or targets: sources of two alerts are the same, targets are others. */
   bool sources = e->sources != 0 && e->amount == e->sources;
   bool targets = e->targets != 0 && e->amount == e->targets && to->amount == to->targets;
   if (total) {
      add_totals(to, e, anew);
   } else {
      to->amount = sources ? (e->amount > to->amount ? e->amount : to->amount) : to->amount;
      event_add(&to->amount, sources ? 0 : e->amount);
      event_add(&to->flows, e->flows);
      event_add(&to->packets, e->packets);
      event_add(&to->bytes, e->bytes);
   }
   to->networks = e->networks > to->networks ? e->networks : to->networks;
   to->sources_error = e->sources >= to->sources ? e->sources_error : to->sources_error;
   to->peak_bytes = e->peak_bytes > to->peak_bytes ? e->peak_bytes : to->peak_bytes;
   to->peak_packets = e->peak_packets > to->peak_packets ? e->peak_packets : to->peak_packets;
   to->margin = e->margin > to->margin ? e->margin : to->margin;
   to->evidence = e->evidence > to->evidence ? e->evidence : to->evidence;
   event_keep_common(to, e);
   event_join_ends(to, e);
   to->targets = targets ? to->amount : to->targets;
   to->alerts += e->alerts;
}

/* The id of an event depends on what its first alert says, and on nothing else: the text that is hashed stands in docs/analyze.md. */
static void hash_id(struct event *e, const struct key *key, ur_time_t begin)
{
   char text[512], when[64], source[INET6_ADDRSTRLEN], target[INET6_ADDRSTRLEN];
   uint8_t hash[NC_SHA256_SIZE];
   struct nc_digest d;
   ip_to_str(&key->source, source);
   ip_to_str(&key->target, target);
   int n = snprintf(text, sizeof(text), "%s %s %s %s %" PRIu32 " %" PRIu32 " %s", key->description->program,
                    key->kind, source, target, key->port, key->protocol,
                    format_rfc3339(begin, when, sizeof(when)));
   nc_sha256_begin(&d);
   nc_digest_add(&d, text, (size_t) n < sizeof(text) ? (size_t) n : sizeof(text) - 1);
   nc_sha256_end(&d, hash);
   for (unsigned i = 0; i < EVENT_ID_SIZE / 2; i++) {
      snprintf(e->id + 2 * i, 3, "%02x", hash[i]);
   }
}

static void set_id(struct event *e)
{
   struct key key = key_of(e);
   hash_id(e, &key, e->first);
}

void event_set_run_id(struct event *run, const struct event *first)
{
   struct key key = key_of(first);
   snprintf(key.kind, sizeof(key.kind), RUN_PREFIX "%.16s", first->kind);
   hash_id(run, &key, first->first);
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

static struct event read_event(const struct event_description *d, const struct alert *a)
{
   struct event e = {.description = d,
                     .kind = d->kind,
                     .title = d->title,
                     .unit = d->unit,
                     .attack = d->attack,
                     .alerts = 1};
   e.first = alert_time(a, d->first != NULL ? d->first : "TIME_FIRST");
   e.last = alert_time(a, d->last != NULL ? d->last : "TIME_LAST");
   d->read(a, &e);
   e.last = e.last < e.first ? e.first : e.last;
   event_add_source(&e, &e.source);
   event_add_target(&e, &e.target);
   event_add_port(&e, e.port);
   memcpy(e.latest, (const uint64_t[]){e.amount, e.flows, e.packets, e.bytes}, sizeof(e.latest));
   return e;
}

bool event_of_alert(const struct event_description *d, const struct alert *a, struct event *e)
{
   *e = read_event(d, a);
   if (e->alerts != 0) {
      set_id(e);
   }
   return e->alerts != 0;
}

struct event *events_add(struct events *all, const struct event_description *d, const struct alert *a)
{
   struct event e = read_event(d, a);
   all->received++;
   if (e.alerts == 0) {
      all->ignored++;
      return NULL;
   }
   bool room = grow(all);
   uint32_t *newest = all->newest != NULL ? &all->newest[event_hash(&e) % HASHES] : NULL;
   for (uint32_t i = newest != NULL ? *newest : 0; i > 0; i = all->list[i - 1].older) {
      if (event_belongs(&all->list[i - 1], &e)) {
         event_join(&all->list[i - 1], &e);
         return &all->list[i - 1];
      }
   }
   if (!room) {
      all->dropped++;
      return NULL;
   }
   set_id(&e);
   e.older = *newest;
   all->list[all->n++] = e;
   *newest = all->n;
   return &all->list[all->n - 1];
}

int event_compare(const void *left, const void *right)
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

/* An amplification is a flood, too: a detector of floods sees it as one. */
static bool is_flood(const struct event *e)
{
   return strcmp(e->kind, FLOOD) == 0 || strcmp(e->kind, AMPLIFICATION) == 0;
}

static bool kinds_agree(const struct event *a, const struct event *b)
{
   return strcmp(a->kind, b->kind) == 0 || (is_flood(a) && is_flood(b));
}

bool event_is_same_attack(const struct event *a, const struct event *b)
{
   bool source, target;
   if (!kinds_agree(a, b) || !within(a, b, 0) || !ends_agree(&a->source, &b->source, &source) ||
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
   a->flows = a->flows != 0 ? a->flows : b->flows;
   a->packets = a->packets != 0 ? a->packets : b->packets;
   a->bytes = a->bytes != 0 ? a->bytes : b->bytes;
   a->peak_bytes = a->peak_bytes != 0 ? a->peak_bytes : b->peak_bytes;
   a->peak_packets = a->peak_packets != 0 ? a->peak_packets : b->peak_packets;
   a->networks = a->networks != 0 ? a->networks : b->networks;
   if (a->sources < b->sources) {
      a->sources_error = b->sources_error;
   }
   event_join_ends(a, b);
   a->alerts += b->alerts;
}

/* Sorted by detail, those that know most first; of those that know as much, those that counted more targets. */
static int compare_detail(const void *left, const void *right)
{
   const struct event *a = left, *b = right;
   unsigned more = detail(a), less = detail(b);
   if (more != less) {
      return more > less ? -1 : 1;
   }
   return a->targets != b->targets ? (a->targets > b->targets ? -1 : 1) : event_compare(a, b);
}

static void join_attacks(struct events *all)
{
   uint32_t kept = 0;
   qsort(all->list, all->n, sizeof(*all->list), compare_detail);
   for (uint32_t i = 0; i < all->n; i++) {
      struct event *e = &all->list[i];
      uint32_t k = 0;
      /* With EVENTS_MAX events these are 50 million comparisons, most of which end at the first condition: below a second. */
      while (k < kept && !event_is_same_attack(&all->list[k], e)) {
         k++;
      }
      if (k < kept && strcmp(e->kind, all->list[k].kind) != 0 && strcmp(e->kind, AMPLIFICATION) == 0) {
         struct event said_less = all->list[k]; /* flood */
         all->list[k] = *e;
         merge(&all->list[k], &said_less);
      } else if (k < kept) {
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
      events_join_runs(all);
   }
   if (all->n > 0) {
      qsort(all->list, all->n, sizeof(*all->list), event_compare);
   }
}

void events_set_unseen(struct events *all, unsigned percent)
{
   for (uint32_t i = 0; i < all->n; i++) {
      all->list[i].unseen = percent;
   }
}

void events_free(struct events *all)
{
   free(all->list);
   free(all->parts);
   free(all->newest);
   memset(all, 0, sizeof(*all));
}
