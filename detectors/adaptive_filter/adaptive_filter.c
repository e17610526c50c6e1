/* SPDX-License-Identifier: BSD-3-Clause */
/** adaptive_filter: watches who talked to command-and-control servers and blacklisted names, by a list that ipblacklistfilter reads. */
#include "../blacklist/config.h"
#include "../common/public_ip.h"
#include "lookup.h"
#include "scenarios.h"

#include <errno.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, string DNS_NAME, uint64 BLACKLIST, time TIME_FIRST, time TIME_LAST)

#define BOTNET       "Intrusion.Botnet"
#define DNS_PORT     53
#define LIVE_SECONDS 600 /* events that are older are a replay */

enum { OUT_EVENTS, OUT_EVIDENCE };

struct adaptive_filter {
   const char *list, *resolver;
   uint32_t timeout, interval, level;
   bool allow_private;
   uint64_t *botnets; /* bits of the lists of botnets; NM_FILE */
   nc_table_t *scenarios;

   struct lookup *lookup;            /* NULL: off */
   ur_time_t now, newest, processed; /* newest: of events */
   uint64_t last_number;
   char *written; /* contents of the list, NULL: not written yet */
   size_t n_written;
   uint64_t forwarded, exported, bad, lookups, not_public, entities_left_out;
};

static void warn(void *context, const char *text)
{
   nm_warn(context, "configuration: %s", text);
}

static void *load(nm_module_t *m, const char *path)
{
   char error[BL_ERROR], installed[BL_PATH_MAX];
   struct bl_config config;
   uint64_t *botnets = calloc(1, sizeof(*botnets));
   if (botnets == NULL || !bl_config_read(bl_config_file(path, installed), &config, warn, m, error)) {
      free(botnets);
      nm_fail(m, "%s", botnets == NULL ? "out of memory" : error);
      return NULL;
   }
   for (size_t i = 0; i < config.n; i++) {
      const struct bl_source *s = &config.sources[i];
      *botnets |= !s->names && strcmp(s->category, BOTNET) == 0 ? UINT64_C(1) << (s->id - 1) : 0;
   }
   bl_config_free(&config);
   return botnets;
}

static void evicted(void *context, const void *key, void *value);

static const nm_option_t options[] = {
    NM_FILE_OR('c', "blacklist-config", struct adaptive_filter, botnets,
               NEMEA_CONFDIR "/blacklistfilter/bl_downloader_config.xml", load, free,
               "Configuration of bl_downloader: which lists are of botnets."),
    NM_U32('e', "evidence-timeout", struct adaptive_filter, timeout, 600, 1, 86400,
           "Export the evidence of an event this many seconds of stream time after its last detection."),
    NM_U32('p', "process-interval", struct adaptive_filter, interval, 30, 1, 86400,
           "Seconds of stream time between two versions of the list."),
    NM_U32('l', "log-level", struct adaptive_filter, level, 20, 0, 100, "As of NEMEA 2; -v says more."),
    NM_STRING('a', "adaptive-blacklist", struct adaptive_filter, list, "/var/lib/nemea/adaptive.blist",
              "The list."),
    NM_STRING(0, "resolver", struct adaptive_filter, resolver, NULL,
              "Address of the resolver that is asked for the addresses of names. Without it the first of "
              "/etc/resolv.conf, if it is public."),
    NM_FLAG(0, "allow-private", struct adaptive_filter, allow_private,
            "Ask a private, own or loopback resolver of /etc/resolv.conf too, and accept such addresses in "
            "the list."),
    NM_TABLE(0, "capacity", struct adaptive_filter, scenarios, "events", struct scenario_key, struct scenario,
             1024, .evicted = evicted),
    NM_END,
};

/* ------------------------------------------------------------------- evidence */

static bool send_evidence(void *context, const char *text, size_t length)
{
   return nm_send_raw(context, OUT_EVIDENCE, text, (uint16_t) length) == NM_OK;
}

static void export(nm_module_t *m, const struct scenario_key *key, struct scenario *s)
{
   struct adaptive_filter *self = nm_self(m);
   if (!scenario_export(key, s, send_evidence, m)) {
      nm_warn(m, "the evidence of \"%s\" could not be sent", key->text);
   }
   self->exported++;
   scenario_release(s);
}

/* No room for a new one: the evidence of an old one is exported early. */
static void evicted(void *context, const void *key, void *value)
{
   export(context, key, value);
}

/* ------------------------------------------------------------------- detection */

static struct scenario *open_scenario(nm_module_t *m, enum scenario_type type, const char *key)
{
   struct adaptive_filter *self = nm_self(m);
   struct scenario_key k = {.type = (uint8_t) type};
   bool is_new;
   snprintf(k.text, sizeof(k.text), "%s", key);
   struct scenario *s = nc_table_upsert(self->scenarios, &k, &is_new);
   if (is_new) {
      scenario_make_id(s->id);
      s->number = ++self->last_number;
   }
   return s;
}

static void add_entity(struct adaptive_filter *self, struct scenario *s, const ip_addr_t *ip, bool any)
{
   if (!any && !self->allow_private && !ip_is_public(ip)) {
      self->not_public++; /* a name may resolve to whatever its owner likes, also to our own servers */
   } else if (!scenario_add_entity(s, ip)) {
      self->entities_left_out++;
   }
}

static ur_time_t time_of(const json_t *event, const char *name)
{
   double t = json_number_value(json_object_get(event, name));
   return t > 0 && t < UINT32_MAX
              ? ur_time_from_sec_msec((uint32_t) t, (uint32_t) ((t - (uint32_t) t) * 1000))
              : 0;
}

/* \return false: not of a botnet: it goes on as it is */
static bool botnet(nm_module_t *m, json_t *event)
{
   struct adaptive_filter *self = nm_self(m);
   const char *type = json_string_value(json_object_get(event, "type")),
              *source = json_string_value(json_object_get(event, "source"));
   json_t *targets = json_object_get(event, "targets"), *target;
   json_int_t list = json_integer_value(json_object_get(event, "blacklist_id"));
   size_t i;
   if (type == NULL || strcmp(type, "ip") != 0 || source == NULL || strlen(source) >= INET6_ADDRSTRLEN ||
       ((uint64_t) list & *self->botnets) == 0) {
      return false;
   }
   struct scenario *s = open_scenario(m, SCENARIO_BOTNET, source);
   json_array_foreach(targets, i, target)
   {
      ip_addr_t ip;
      const char *text = json_string_value(target);
      if (text != NULL && ip_from_str(text, &ip)) {
         add_entity(nm_self(m), s, &ip, true); /* these are our clients: they are what shall be watched */
      }
   }
   ur_time_t last = time_of(event, "ts_last");
   scenario_add(s, json_incref(event), time_of(event, "ts_first"), last);
   self->newest = last > self->newest ? last : self->newest;
   return true;
}

static int take_event(nm_module_t *m, const void *data)
{
   struct adaptive_filter *self = nm_self(m);
   json_t *event = json_loadb(data, nm_size(m), 0, NULL);
   bool taken = json_is_object(event) && botnet(m, event);
   self->bad += event == NULL;
   json_decref(event);
   if (taken) {
      return NM_OK;
   }
   self->forwarded++;
   return nm_send_raw(m, OUT_EVENTS, data, nm_size(m));
}

static int take_name(nm_module_t *m, const void *rec)
{
   const char *name = nm_get_ptr(m, rec, F_DNS_NAME);
   size_t n = nm_get_len(m, rec, F_DNS_NAME);
   char text[LOOKUP_NAME + 1], source[INET6_ADDRSTRLEN], server[INET6_ADDRSTRLEN];
   if (n >= 4 && strncasecmp(name, "www.", 4) == 0) {
      name += 4;
      n -= 4;
   }
   if (n == 0 || n > LOOKUP_NAME || memchr(name, 0, n) != NULL) {
      return NM_OK;
   }
   for (size_t i = 0; i < n; i++) {
      text[i] = (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
   }
   text[n] = 0;
   ip_addr_t from, to;
   memcpy(&from, nm_get_ptr(m, rec, F_SRC_IP), sizeof(from));
   memcpy(&to, nm_get_ptr(m, rec, F_DST_IP), sizeof(to));
   ip_to_str(&from, source);
   ip_to_str(&to, server);
   ur_time_t first = nm_get(m, rec, F_TIME_FIRST), last = nm_get(m, rec, F_TIME_LAST);
   json_t *event =
       json_pack("{s:s,s:s,s:o,s:I,s:f,s:f}", "source", source, "server", server, "name",
                 json_stringn_nocheck(text, n), "blacklist_id", (json_int_t) nm_get(m, rec, F_BLACKLIST),
                 "ts_first", (double) ur_time_get_sec(first), "ts_last", (double) ur_time_get_sec(last));
   json_t *checked = json_stringn(text, n); /* UTF-8, or nothing that JSON could hold */
   if (event == NULL || checked == NULL) {
      json_decref(event);
      return NM_OK;
   }
   json_decref(checked);
   scenario_add(open_scenario(m, SCENARIO_DNS, text), event, first, last);
   return NM_OK;
}

/* --------------------------------------------------------------------- the list */

struct line {
   ip_addr_t ip;
   const char *id;
};

static int compare_lines(const void *one, const void *two)
{
   const struct line *a = one, *b = two;
   int order = ip_cmp(&a->ip, &b->ip);
   return order != 0 ? order : strcmp(a->id, b->id);
}

/* The list as text, NULL without memory. Without a final newline, as of NEMEA 2. */
static char *make_list(struct adaptive_filter *self, size_t *size)
{
   size_t n = 0;
   uint32_t cursor = 0;
   const void *key;
   void *value;
   char *text = NULL;
   FILE *to = open_memstream(&text, size);
   struct line *lines =
       calloc((size_t) nc_table_count(self->scenarios) * SCENARIO_ENTITIES + 1, sizeof(*lines));
   while (lines != NULL && nc_table_next(self->scenarios, &cursor, &key, &value)) {
      const struct scenario *s = value;
      for (uint32_t i = 0; i < s->n_entities; i++) {
         lines[n++] = (struct line){s->entities[i], s->id};
      }
   }
   if (lines != NULL) {
      qsort(lines, n, sizeof(*lines), compare_lines);
   }
   for (size_t i = 0; to != NULL && i < n; i++) {
      char ip[INET6_ADDRSTRLEN];
      ip_to_str(&lines[i].ip, ip);
      fprintf(to, "%s%s,999,%s", i > 0 ? "\n" : "", ip, lines[i].id);
   }
   bool good = lines != NULL && to != NULL;
   good = to != NULL && fclose(to) == 0 && good;
   free(lines);
   if (!good) {
      free(text);
      text = NULL;
   }
   return text;
}

static void write_list(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   char error[BL_ERROR] = "out of memory";
   size_t size = 0;
   char *text = make_list(self, &size);
   bool same = text != NULL && self->written != NULL && size == self->n_written &&
               memcmp(text, self->written, size) == 0;
   if (same || text == NULL || !bl_replace(self->list, text, size, error)) {
      free(text);
      if (!same) {
         nm_warn(m, "the adaptive list cannot be written: %s", error);
      }
      return;
   }
   free(self->written);
   self->written = text;
   self->n_written = size;
}

/* Time goes on: what is over is exported, and the list is written. */
static int advance(nm_module_t *m, ur_time_t now)
{
   struct adaptive_filter *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   if (now <= self->now) {
      return NM_OK;
   }
   self->now = now;
   self->processed = self->processed == 0 ? now : self->processed;
   if (now - self->processed < (ur_time_t) self->interval << 32) {
      return NM_OK;
   }
   self->processed = now;
   while (nc_table_next(self->scenarios, &cursor, &key, &value)) {
      struct scenario *s = value;
      if (now > s->last && (now - s->last) >> 32 >= self->timeout) {
         export(m, key, s);
         nc_table_remove_value(self->scenarios, s);
      }
   }
   write_list(m);
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   return advance(m, now);
}

/* JSON has no clock of its own: the times in the events are it. */
static int record(nm_module_t *m, const void *rec)
{
   struct adaptive_filter *self = nm_self(m);
   if (nm_input(m) != 0) {
      return take_name(m, rec);
   }
   int rc = take_event(m, rec);
   return rc == NM_OK ? advance(m, self->newest) : rc;
}

static int finish(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   write_list(m);
   while (nc_table_next(self->scenarios, &cursor, &key, &value)) {
      export(m, key, value);
   }
   nc_table_clear(self->scenarios);
   return NM_OK;
}

/* -------------------------------------------------------------------- look-ups */

static uint64_t milliseconds(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

/* The name whose events have waited longest for a look-up. */
static const struct scenario_key *next_name(struct adaptive_filter *self, struct scenario **next)
{
   const struct scenario_key *found = NULL;
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(self->scenarios, &cursor, &key, &value)) {
      const struct scenario_key *k = key;
      struct scenario *s = value;
      if (k->type == SCENARIO_DNS && s->changed && (found == NULL || s->number < (*next)->number)) {
         found = k;
         *next = s;
      }
   }
   return found;
}

static void take_answer(struct adaptive_filter *self, uint64_t number, const ip_addr_t *addresses, int n)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(self->scenarios, &cursor, &key, &value)) {
      if (((struct scenario *) value)->number == number) {
         for (int i = 0; i < n; i++) {
            add_entity(self, value, &addresses[i], false);
         }
      }
   }
}

/* Live, time goes on without events. */
static int follow_wall_clock(nm_module_t *m)
{
   const struct adaptive_filter *self = nm_self(m);
   ur_time_t wall = (ur_time_t) time(NULL) << 32;
   bool live = self->now != 0 && wall > self->now && (wall - self->now) >> 32 < LIVE_SECONDS;
   return live ? advance(m, wall) : NM_OK;
}

static int timer(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   if (self->lookup == NULL) {
      return follow_wall_clock(m);
   }
   ip_addr_t addresses[LOOKUP_ADDRESSES];
   uint64_t number;
   struct scenario *s = NULL;
   int n = lookup_answer(self->lookup, milliseconds(), &number, addresses);
   if (n >= 0) {
      take_answer(self, number, addresses, n);
   }
   const struct scenario_key *key = next_name(self, &s);
   if (key != NULL && lookup_ask(self->lookup, key->text, s->number, milliseconds())) {
      s->changed = false;
      self->lookups++;
   }
   return follow_wall_clock(m);
}

/* Whom to ask. Nobody about records of the past: that would tell the owners of names that somebody looks at them, and of addresses that are
 * others by now. */
static int open_lookup(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   ip_addr_t ip;
   if (self->resolver != NULL && !ip_from_str(self->resolver, &ip)) {
      return nm_fail(m, "option --resolver: \"%s\" is not an address", self->resolver);
   }
   if (nm_recording(m)) {
      return NM_OK;
   }
   nm_set_timer(m, NM_SECONDS(1));
   if (self->resolver == NULL) {
      if (!lookup_system_resolver("/etc/resolv.conf", &ip)) {
         nm_warn(m,
                 "names are not looked up: /etc/resolv.conf has no resolver (option --resolver names one)");
         return NM_OK;
      }
      if (!self->allow_private && !ip_is_public(&ip)) {
         nm_warn(m, "names are not looked up: the resolver of /etc/resolv.conf is private or on this host "
                    "(options --resolver, --allow-private)");
         return NM_OK;
      }
   }
   self->lookup = lookup_new(&ip, DNS_PORT);
   if (self->lookup == NULL) {
      return nm_fail(m, "out of memory");
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   nm_counter(m, "forwarded", &self->forwarded);
   nm_counter(m, "exported", &self->exported);
   nm_counter(m, "no JSON", &self->bad);
   nm_counter(m, "look-ups", &self->lookups);
   nm_counter(m, "addresses not public", &self->not_public);
   nm_counter(m, "addresses left out", &self->entities_left_out);
   return open_lookup(m);
}

static void cleanup(nm_module_t *m)
{
   struct adaptive_filter *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (self->scenarios != NULL && nc_table_next(self->scenarios, &cursor, &key, &value)) {
      scenario_release(value);
   }
   lookup_free(self->lookup);
   free(self->written);
}

NM_MODULE(
    "adaptive_filter",
    "Watches who talked to command-and-control servers and blacklisted names: writes their addresses to a "
    "list for ipblacklistfilter, and "
    "exports the evidence. All other events go on as they are.",
    .in = NM_INPUTS(
        {"events", "aggregated_blacklist", .data = NM_JSON},
        {"names",
         "ipaddr SRC_IP,ipaddr DST_IP,string DNS_NAME,uint64 BLACKLIST,time TIME_FIRST,time TIME_LAST"}),
    .out = NM_OUTPUTS({"events", "aggregated_blacklist", .data = NM_JSON},
                      {"evidence", "blacklist_evidence", .data = NM_JSON}),
    .options = options, .state_size = sizeof(struct adaptive_filter), .tick_every = NM_SECONDS(1),
    .init = init, .record = record, .tick = tick, .timer = timer, .finish = finish, .cleanup = cleanup)
