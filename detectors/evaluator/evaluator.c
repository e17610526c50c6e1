/* SPDX-License-Identifier: BSD-3-Clause */
/** evaluator: what clients did while they were on the adaptive list. */
#include "../blacklist/blist.h"
#include "../blacklist/config.h"

#include <inttypes.h>
#include <jansson.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_text.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint64 SRC_BLACKLIST, uint64 DST_BLACKLIST,
          string ADAPTIVE_IDS)

#define BOTNET    "Intrusion.Botnet"
#define MAX_ID    64
#define DNS_PORT  53
#define IRC_FIRST 6660
#define IRC_LAST  6670

/* A flow of a watched client. */
struct flow {
   uint64_t event; /* hash of its identifier */
   ip_addr_t client, peer;
   uint16_t client_port, peer_port;
};

struct evidence {
   char id[MAX_ID + 1], type[32], key[256];
   uint64_t detections;
   double first, last;
};

struct evaluator {
   const char *list;
   uint32_t capacity, max_events;
   uint64_t *botnets;

   struct bl_prefixes *prefixes;
   struct flow *flows;
   size_t n_flows, room_flows;
   struct evidence *events;
   size_t n_events, room_events;
   uint64_t left_out, bad, reported;
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
      nm_fail(m, "%s", botnets == NULL ? "out of memory" : error);
      free(botnets);
      return NULL;
   }
   for (size_t i = 0; i < config.n; i++) {
      const struct bl_source *s = &config.sources[i];
      *botnets |= !s->names && strcmp(s->category, BOTNET) == 0 ? UINT64_C(1) << (s->id - 1) : 0;
   }
   bl_config_free(&config);
   return botnets;
}

static const nm_option_t options[] = {
    NM_FILE_OR('c', "blacklist-config", struct evaluator, botnets,
               NEMEA_CONFDIR "/blacklistfilter/bl_downloader_config.xml", load, free,
               "Configuration of bl_downloader: which lists are of botnets."),
    NM_STRING('4', "ip4-detector-file", struct evaluator, list, "/var/lib/nemea/ip4.blist",
              "List of IPv4 addresses, made by bl_downloader."),
    NM_U32(0, "capacity", struct evaluator, capacity, 262144, 1, 1 << 26,
           "Maximum number of flows in memory; more are left out."),
    NM_U32(0, "events", struct evaluator, max_events, 10000, 1, 1 << 20,
           "Maximum number of events in memory; more are left out."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct evaluator *self = nm_self(m);
   char error[BL_ERROR];
   struct bl_stamp stamp;
   struct bl_read r;
   nm_counter(m, "left out", &self->left_out);
   nm_counter(m, "no evidence", &self->bad);
   nm_counter(m, "reported clients", &self->reported);
   self->prefixes = bl_prefixes_new();
   if (self->prefixes == NULL) {
      return nm_fail(m, "out of memory");
   }
   if (!bl_read_prefixes(self->list, self->prefixes, &stamp, &r, error)) {
      nm_warn(m, "cannot read %s; contacts with other botnets are not looked for", error);
   }
   return bl_prefixes_finish(self->prefixes) ? NM_OK : nm_fail(m, "out of memory");
}

/* Room for one more. \return NULL: max is reached, or no memory */
static void *grow(void *array, size_t n, size_t *room, size_t max, size_t size)
{
   if (n >= max) {
      return NULL;
   }
   if (n < *room) {
      return array;
   }
   size_t wanted = *room + *room / 2 + 64;
   void *more = reallocarray(array, wanted, size);
   *room = more != NULL ? wanted : *room;
   return more;
}

/* ------------------------------------------------------------------ collecting */

static int take_flow(nm_module_t *m, const void *rec)
{
   struct evaluator *self = nm_self(m);
   struct flow f = {.client_port = nm_get(m, rec, F_SRC_PORT), .peer_port = nm_get(m, rec, F_DST_PORT)};
   bool source = nm_get(m, rec, F_SRC_BLACKLIST) == BL_ADAPTIVE;
   if (f.client_port == DNS_PORT || f.peer_port == DNS_PORT ||
       (!source && nm_get(m, rec, F_DST_BLACKLIST) != BL_ADAPTIVE)) {
      return NM_OK;
   }
   memcpy(&f.client, nm_get_ptr(m, rec, F_SRC_IP), sizeof(f.client));
   memcpy(&f.peer, nm_get_ptr(m, rec, F_DST_IP), sizeof(f.peer));
   if (!source) {
      ip_addr_t ip = f.client;
      f.client = f.peer;
      f.peer = ip;
      f.client_port = nm_get(m, rec, F_DST_PORT);
      f.peer_port = nm_get(m, rec, F_SRC_PORT);
   }
   const char *id = nm_get_ptr(m, rec, F_ADAPTIVE_IDS), *end = id + nm_get_len(m, rec, F_ADAPTIVE_IDS);
   while (id < end) {
      const char *comma = memchr(id, ',', (size_t) (end - id));
      size_t n = (size_t) ((comma != NULL ? comma : end) - id);
      struct flow *more = grow(self->flows, self->n_flows, &self->room_flows, self->capacity, sizeof(*more));
      if (more == NULL) {
         self->left_out++;
      } else {
         self->flows = more;
         f.event = nc_hash(id, n);
         more[self->n_flows++] = f;
      }
      id += n + 1;
   }
   return NM_OK;
}

static void copy(char *to, size_t size, const json_t *value)
{
   const char *text = json_string_value(value);
   nc_text_terminal(to, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static int take_evidence(nm_module_t *m, const void *data)
{
   struct evaluator *self = nm_self(m);
   json_t *json = json_loadb(data, nm_size(m), 0, NULL);
   const char *id = json_string_value(json_object_get(json, "id"));
   json_int_t part = json_integer_value(json_object_get(json, "scatter_part"));
   struct evidence *more = NULL;
   if (id == NULL || *id == 0 || strlen(id) > MAX_ID) {
      self->bad++;
   } else if (part <= 1) { /* further parts are of the same event */
      more = grow(self->events, self->n_events, &self->room_events, self->max_events, sizeof(*more));
      self->left_out += more == NULL;
   }
   if (more != NULL) {
      self->events = more;
      struct evidence *e = &more[self->n_events++];
      memset(e, 0, sizeof(*e));
      strcpy(e->id, id);
      copy(e->type, sizeof(e->type), json_object_get(json, "event_type"));
      copy(e->key, sizeof(e->key), json_object_get(json, "key"));
      e->detections = (uint64_t) json_integer_value(json_object_get(json, "grouped_events_cnt"));
      e->first = json_number_value(json_object_get(json, "first_detection_ts"));
      e->last = json_number_value(json_object_get(json, "last_detection_ts"));
   }
   json_decref(json);
   return NM_OK;
}

static int record(nm_module_t *m, const void *rec)
{
   return nm_input(m) == 0 ? take_flow(m, rec) : take_evidence(m, rec);
}

/* ------------------------------------------------------------------- reporting */

static int compare_flows(const void *one, const void *two)
{
   const struct flow *a = one, *b = two;
   if (a->event != b->event) {
      return a->event < b->event ? -1 : 1;
   }
   int order = ip_cmp(&a->client, &b->client);
   order = order != 0 ? order : ip_cmp(&a->peer, &b->peer);
   order = order != 0 ? order : a->peer_port - b->peer_port;
   return order != 0 ? order : a->client_port - b->client_port;
}

static void put_time(double t)
{
   time_t seconds = t > 0 && t < UINT32_MAX ? (time_t) t : 0;
   struct tm tm;
   char text[32];
   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
   printf(" %s", text);
}

/* A line about those of a client's flows that have something in common. \return there are some */
static bool put_finding(const char *what, const struct flow *flows, size_t n,
                        bool (*has)(const struct evaluator *, const struct evidence *, const struct flow *),
                        const struct evaluator *self, const struct evidence *e, char *to, size_t size)
{
   size_t count = 0;
   const struct flow *first = NULL;
   char peer[INET6_ADDRSTRLEN];
   for (size_t i = 0; i < n; i++) {
      if (has(self, e, &flows[i])) {
         first = first == NULL ? &flows[i] : first;
         count++;
      }
   }
   if (count == 0) {
      return false;
   }
   ip_to_str(&first->peer, peer);
   size_t used = strlen(to);
   snprintf(to + used, size - used, "    %zu flows with %s, first %s port %u\n", count, what, peer,
            first->peer_port);
   return true;
}

static bool with_server(const struct evaluator *self, const struct evidence *e, const struct flow *f)
{
   ip_addr_t server;
   (void) self;
   return ip_from_str(e->key, &server) && ip_cmp(&server, &f->peer) == 0;
}

static bool with_irc(const struct evaluator *self, const struct evidence *e, const struct flow *f)
{
   (void) self, (void) e;
   return f->peer_port >= IRC_FIRST && f->peer_port <= IRC_LAST;
}

static bool with_other_botnet(const struct evaluator *self, const struct evidence *e, const struct flow *f)
{
   return !with_server(self, e, f) &&
          (bl_prefixes_find(self->prefixes, &f->peer, f->peer_port).lists & *self->botnets) != 0;
}

static bool put_client(struct evaluator *self, const struct evidence *e, const struct flow *flows, size_t n)
{
   char text[1024] = "", client[INET6_ADDRSTRLEN];
   bool any = put_finding("the server of the event", flows, n, with_server, self, e, text, sizeof(text));
   any |= put_finding("ports 6660 to 6670 (IRC)", flows, n, with_irc, self, e, text, sizeof(text));
   any |= put_finding("other addresses on lists of botnets", flows, n, with_other_botnet, self, e, text,
                      sizeof(text));
   if (any) {
      ip_to_str(&flows[0].client, client);
      printf("  client %s: %zu flows\n%s", client, n, text);
      self->reported++;
   }
   return any;
}

/* First flow of an event. */
static size_t first_of(const struct evaluator *self, uint64_t event)
{
   size_t low = 0, n = self->n_flows;
   while (n > 0) {
      size_t half = n / 2;
      bool right = self->flows[low + half].event < event;
      low = right ? low + half + 1 : low;
      n = right ? n - half - 1 : half;
   }
   return low;
}

static void put_event(struct evaluator *self, const struct evidence *e)
{
   uint64_t event = nc_hash(e->id, strlen(e->id));
   char id[2 * MAX_ID];
   nc_text_terminal(id, sizeof(id), e->id, strlen(e->id));
   printf("event %s: %s, %s, %" PRIu64 " detections from", id, e->type, e->key, e->detections);
   put_time(e->first);
   printf(" to");
   put_time(e->last);
   printf("\n");
   bool any = false;
   for (size_t i = first_of(self, event), n; i < self->n_flows && self->flows[i].event == event; i += n) {
      for (n = 1; i + n < self->n_flows && self->flows[i + n].event == event &&
                  ip_cmp(&self->flows[i].client, &self->flows[i + n].client) == 0;
           n++) {
      }
      any |= put_client(self, e, &self->flows[i], n);
   }
   if (!any) {
      printf("  no client did more\n");
   }
}

static int finish(nm_module_t *m)
{
   struct evaluator *self = nm_self(m);
   if (self->n_flows > 0) {
      qsort(self->flows, self->n_flows, sizeof(*self->flows), compare_flows);
   }
   for (size_t i = 0; i < self->n_events; i++) {
      put_event(self, &self->events[i]);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct evaluator *self = nm_self(m);
   bl_prefixes_free(self->prefixes);
   free(self->flows);
   free(self->events);
}

NM_MODULE("evaluator",
          "Prints what clients did while they were on the adaptive list: contacts with the server of an "
          "event, with IRC, and with other "
          "botnets.",
          .in = NM_INPUTS(
              {"flows",
               "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 SRC_BLACKLIST,uint64 "
               "DST_BLACKLIST,string ADAPTIVE_IDS"},
              {"evidence", "blacklist_evidence", .data = NM_JSON}),
          .options = options, .state_size = sizeof(struct evaluator), .init = init, .record = record,
          .finish = finish, .cleanup = cleanup)
