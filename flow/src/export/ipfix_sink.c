/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Flows to IPFIX messages (RFC 7011) over UDP or TCP. A template for each set of plugins that have found something, and
 * each IP version. Biflows have the reverse elements of RFC 5103.
 */
#include "ipfix_elements.h"
#include "ipfix_lz4.h"
#include "ipfix_transport.h"

#include <nemea-common/nc_hash.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION        10
#define SET_TEMPLATES  2
#define FIRST_TEMPLATE 256
#define MAX_TEMPLATES  1024 /* beyond this, flows are exported without plugin fields and counted as dropped */
#define SLOTS          4096 /* of the table that finds a template; a power of two */
#define HEADER         16
#define LZ4_BUFFER     65536 /* bytes that are compressed together */
#define SET_HEADER     4
#define MAX_FIELDS     (MAX_PLUGINS * 32)                   /* of a template */
#define RECORD_ROOM    (MAX_PLUGINS * (UR_MAX_SIZE + 4096)) /* of the fields of all plugins together */

#define OUT_OF_MEMORY "out of memory for the IPFIX output"

struct template
{
   plugin_set_t plugins;
   uint16_t id; /* 0: free */
   uint8_t ip_version;
   uint32_t generation; /* in which it was last sent */
   size_t size;         /* of the template record */
   uint8_t *record;
};

/* One transport session for all workers: many collectors tell sessions apart by address and observation domain only, and would
 * mix up the templates of several. */
struct session {
   pthread_mutex_t lock;
   unsigned users;
   struct template *templates; /* SLOTS */
   unsigned n_templates;
   uint32_t generation; /* templates that were not sent in this one are sent before they are used */
   uint64_t generation_began;
   uint8_t message[IPFIX_MAX_MESSAGE + 1];
   size_t used, set; /* bytes of the message; where its open set begins, 0: none is open */
   uint16_t set_id;
   uint32_t records; /* data records in the message */
   uint32_t sequence;
   uint64_t message_began; /* nanoseconds; 0: empty */
   struct ipfix_transport *transport;
   uint32_t number; /* of the transport's connection; 0: there is none */
};

struct ipfix_sink {
   struct flow_sink sink;
   const struct flow_sink_config *config;
   struct session *session;
   struct plugin_fields *fields;
   struct ipfix_element *elements[MAX_PLUGINS]; /* of the fields, id 0: none */
   struct plugin_record *unirec;
   uint8_t *record;
};

/* ------------------------------------------------------------------- messages */

static void begin_message(struct ipfix_sink *s)
{
   s->session->used = HEADER;
   s->session->set = 0;
   s->session->records = 0;
   s->session->message_began = 0;
}

static void close_set(struct ipfix_sink *s)
{
   if (s->session->set != 0) {
      ipfix_put(s->session->message + s->session->set + 2, s->session->used - s->session->set, 2);
      s->session->set = 0;
   }
}

static void send_message(struct ipfix_sink *s)
{
   uint8_t *p = s->session->message;
   if (s->session->used == HEADER) {
      return;
   }
   close_set(s);
   p = ipfix_put(p, VERSION, 2);
   p = ipfix_put(p, s->session->used, 2);
   p = ipfix_put(p, (uint64_t) time(NULL), 4);
   p = ipfix_put(p, s->session->sequence, 4);
   ipfix_put(p, s->config->link_bit_field, 4);
   s->session->sequence += s->session->records;
   if (!ipfix_transport_send(s->session->transport, s->session->message, s->session->used,
                             s->session->records)) {
      s->session->generation++; /* templates that were in it are sent again */
   }
   begin_message(s);
}

/* A new connection has no templates, and does not get messages meant for the previous one. \return false: there is none */
static bool is_connected(struct ipfix_sink *s)
{
   struct session *session = s->session;
   uint32_t number = ipfix_transport_session(session->transport);
   if (number != session->number) {
      ipfix_transport_lose(session->transport, session->records);
      begin_message(s);
      session->number = number;
      session->sequence = 0;
      session->generation++;
      session->generation_began = sink_clock(CLOCK_MONOTONIC);
   }
   return number != 0;
}

static size_t room(const struct ipfix_sink *s)
{
   return s->config->mtu > s->session->used ? s->config->mtu - s->session->used : 0;
}

/* Appends a record to a set, which is begun where another one is open. */
static void append(struct ipfix_sink *s, uint16_t set_id, const uint8_t *record, size_t size)
{
   if (s->session->set == 0 || s->session->set_id != set_id) {
      close_set(s);
      s->session->set = s->session->used;
      s->session->set_id = set_id;
      ipfix_put(s->session->message + s->session->used, set_id, 2);
      s->session->used += SET_HEADER;
   }
   memcpy(s->session->message + s->session->used, record, size);
   s->session->used += size;
   if (s->session->message_began == 0) {
      s->session->message_began = sink_clock(CLOCK_MONOTONIC);
   }
}

/* ------------------------------------------------------------------ templates */

static const struct ipfix_element basic[] = {{0, 136, 1},
                                             {0, 1, 8},
                                             {IPFIX_PEN_REVERSE, 1, 8},
                                             {0, 2, 8},
                                             {IPFIX_PEN_REVERSE, 2, 8},
                                             {0, 154, 8},
                                             {0, 155, 8},
                                             {0, 60, 1},
                                             {0, 4, 1},
                                             {0, 6, 1},
                                             {IPFIX_PEN_REVERSE, 6, 1},
                                             {0, 7, 2},
                                             {0, 11, 2},
                                             {0, 10, 4}};
static const struct ipfix_element addresses[2][2] = {{{0, 8, 4}, {0, 12, 4}}, {{0, 27, 16}, {0, 28, 16}}};
static const struct ipfix_element macs[] = {{0, 56, 6}, {0, 80, 6}};

static bool make_template(struct ipfix_sink *s, struct template *t)
{
   struct ipfix_element list[MAX_FIELDS];
   unsigned n = 0;
   for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++) {
      list[n] = basic[i];
      list[n].id -= s->config->milliseconds && (basic[i].id == 154 || basic[i].id == 155) ? 2 : 0;
      n++;
   }
   memcpy(&list[n], addresses[t->ip_version == 6], sizeof(addresses[0]));
   memcpy(&list[n + 2], macs, sizeof(macs));
   n += 4;
   for (unsigned p = 0; p < s->config->n_plugins; p++) {
      for (unsigned i = 0; (t->plugins >> p & 1) != 0 && i < s->fields[p].n; i++) {
         const struct ipfix_element *e = &s->elements[p][i];
         if (e->id != 0) {
            list[n++] = ipfix_is_list(s->fields[p].ids[i])
                            ? (struct ipfix_element){0, IPFIX_BASIC_LIST, IPFIX_VARIABLE}
                            : *e;
         }
      }
   }
   t->record = malloc(4 + 8 * (size_t) n);
   if (t->record == NULL) {
      return false;
   }
   uint8_t *p = ipfix_put(ipfix_put(t->record, t->id, 2), n, 2);
   for (unsigned i = 0; i < n; i++) {
      p = ipfix_put_specifier(p, &list[i]);
   }
   t->size = (size_t) (p - t->record);
   return true;
}

/* \return NULL: there are too many */
static struct template *template_of(struct ipfix_sink *s, plugin_set_t plugins, uint8_t ip_version)
{
   uint64_t hash = nc_hash_words((const uint64_t[2]){plugins, ip_version}, 2);
   struct template *t = &s->session->templates[hash % SLOTS];
   while (t->id != 0 && (t->plugins != plugins || t->ip_version != ip_version)) {
      t = &s->session->templates[(size_t) (t - s->session->templates + 1) % SLOTS];
   }
   if (t->id == 0) {
      /* The last two are kept for flows without plugins. */
      if (s->session->n_templates >= MAX_TEMPLATES - (plugins != 0 ? 2u : 0u)) {
         return NULL;
      }
      t->plugins = plugins;
      t->ip_version = ip_version;
      t->id = (uint16_t) (FIRST_TEMPLATE + s->session->n_templates);
      if (!make_template(s, t)) {
         t->id = 0;
         return NULL;
      }
      s->session->n_templates++;
   }
   return t;
}

/* -------------------------------------------------------------------- records */

static uint8_t *put_time(const struct ipfix_sink *s, uint8_t *p, uint64_t ns)
{
   if (s->config->milliseconds) {
      return ipfix_put(p, ns / 1000000, 8);
   }
   /* NTP's 64 bits; below microseconds it says nothing (RFC 7011, 6.1.9), the lowest 11 bits are zero. Rounded up, or
    * collectors that cut off the fraction would be a microsecond early. */
   uint64_t fraction = ((ns % NS / 1000) << 32) / 1000000;
   uint64_t ntp = (ns / NS + UINT64_C(2208988800)) << 32 | fraction;
   return ipfix_put(p, (ntp + 0x7ff) & ~UINT64_C(0x7ff), 8);
}

static uint8_t *put_basic(const struct ipfix_sink *s, uint8_t *p, const struct flow *f, enum flow_end reason)
{
   size_t address = f->ip_version == 6 ? 16 : 4, from = f->ip_version == 6 ? 0 : 8;
   *p++ = (uint8_t) reason;
   p = ipfix_put(p, f->bytes, 8);
   p = ipfix_put(p, f->bytes_rev, 8);
   p = ipfix_put(p, f->packets, 8);
   p = ipfix_put(p, f->packets_rev, 8);
   p = put_time(s, p, f->first);
   p = put_time(s, p, f->last);
   *p++ = f->ip_version;
   *p++ = f->protocol;
   *p++ = f->tcp_flags;
   *p++ = f->tcp_flags_rev;
   p = ipfix_put(p, f->src_port, 2);
   p = ipfix_put(p, f->dst_port, 2);
   p = ipfix_put(p, s->config->direction, 4);
   memcpy(p, f->src_ip + from, address);
   memcpy(p + address, f->dst_ip + from, address);
   p += 2 * address;
   memcpy(p, f->src_mac, 6);
   memcpy(p + 6, f->dst_mac, 6);
   return p + 12;
}

/* \return its end */
static uint8_t *put_plugin(struct ipfix_sink *s, uint8_t *to, unsigned plugin, const void *ext,
                           unsigned index)
{
   const struct plugin_fields *f = &s->fields[plugin];
   s->config->plugins[plugin]->fill(ext, index, f->tmplt, plugin_record_begin(f->tmplt, s->unirec));
   plugin_record_end(f->tmplt, s->unirec);
   for (unsigned i = 0; i < f->n; i++) {
      if (s->elements[plugin][i].id != 0) {
         to = ipfix_put_value(to, &s->elements[plugin][i], f->tmplt, s->unirec->bytes, f->ids[i]);
      }
   }
   return to;
}

static void send_record(struct ipfix_sink *s, struct template *t, size_t size)
{
   /* Both set headers, and the template if it has to precede the record. */
   size_t need = size + SET_HEADER + (t->generation != s->session->generation ? t->size + SET_HEADER : 0);
   if (need > room(s)) {
      send_message(s);
      need = size + SET_HEADER + (t->generation != s->session->generation ? t->size + SET_HEADER : 0);
   }
   if (need > (s->config->udp ? IPFIX_MAX_UDP : IPFIX_MAX_MESSAGE) - HEADER) {
      ipfix_transport_lose(s->session->transport, 1);
      return;
   }
   if (t->generation != s->session->generation) {
      append(s, SET_TEMPLATES, t->record, t->size);
      t->generation = s->session->generation;
   }
   append(s, t->id, s->record, size);
   s->session->records++;
}

static void refresh_templates(struct ipfix_sink *s)
{
   uint64_t now = s->config->udp ? sink_clock(CLOCK_MONOTONIC) : 0;
   if (s->config->udp && now - s->session->generation_began >= s->config->template_refresh * NS) {
      s->session->generation++;
      s->session->generation_began = now;
   }
}

/* The flow's record number index with what these plugins found in s->record. \return its size */
static size_t encode(struct ipfix_sink *s, const struct flow *f, void *const ext[MAX_PLUGINS],
                     plugin_set_t plugins, unsigned index, enum flow_end reason)
{
   uint8_t *end = put_basic(s, s->record, f, reason);
   for (unsigned p = 0; p < s->config->n_plugins && plugins >> p != 0; p++) {
      end = (plugins >> p & 1) != 0 ? put_plugin(s, end, p, ext[p], index) : end;
   }
   return (size_t) (end - s->record);
}

static void export(void *sink, const struct flow *f, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct ipfix_sink *s = sink;
   unsigned n = sink_count_records(s->config, ext, f->plugins);
   sink_count_flow(&s->sink, f, reason);
   reason = reason != FLOW_GOES_ON ? reason : FLOW_END_FORCED;
   for (unsigned k = 0; k < n; k++) {
      size_t size = encode(s, f, ext, f->plugins, k, reason);
      pthread_mutex_lock(&s->session->lock);
      bool connected = is_connected(s);
      struct template *t = connected ? template_of(s, f->plugins, f->ip_version) : NULL;
      if (connected && t == NULL) { /* without the fields of plugins */
         s->sink.dropped++;
         t = template_of(s, 0, f->ip_version);
         size = encode(s, f, ext, 0, k, reason);
      }
      if (t != NULL) {
         send_record(s, t, size);
      } else {
         ipfix_transport_lose(s->session->transport, !connected);
      }
      s->sink.dropped += ipfix_transport_lost(s->session->transport);
      pthread_mutex_unlock(&s->session->lock);
   }
}

/* --------------------------------------------------------------- open, close */

static void flush(struct flow_sink *sink, uint64_t now)
{
   struct ipfix_sink *s = (struct ipfix_sink *) sink;
   uint64_t began;
   pthread_mutex_lock(&s->session->lock);
   refresh_templates(s);
   ipfix_transport_flush(s->session->transport, now); /* send what was accepted earlier to make room */
   began = is_connected(s) ? s->session->message_began : 0;
   if (began != 0 && (now == 0 || now > began + SINK_FLUSH_SECONDS * NS)) {
      send_message(s);
      ipfix_transport_flush(s->session->transport, now);
   }
   s->sink.dropped += ipfix_transport_lost(s->session->transport);
   pthread_mutex_unlock(&s->session->lock);
}

bool ipfix_sink_check(struct flow_sink_config *c, char *error)
{
   uint32_t least = 3 * c->mtu;
   if (!c->lz4) {
      return true;
   }
   if (c->lz4_buffer == 0) {
      c->lz4_buffer = least > LZ4_BUFFER ? least : LZ4_BUFFER;
   }
   if (!ipfix_lz4_available()) {
      snprintf(error, 256, "this build has no LZ4 compression (liblz4)");
   } else if (c->udp) {
      snprintf(error, 256, "LZ4 compression needs TCP");
   } else if (c->lz4_buffer < least) {
      snprintf(error, 256, "the LZ4 buffer of %u bytes is too small (expected at least three messages, %u)",
               c->lz4_buffer, least);
   } else {
      return true;
   }
   return false;
}

/* Sinks are opened and closed in one thread. */
static struct session *session;

static void leave_session(void)
{
   if (session == NULL || --session->users > 0) {
      return;
   }
   for (unsigned i = 0; session->templates != NULL && i < SLOTS; i++) {
      free(session->templates[i].record);
   }
   ipfix_transport_free(session->transport);
   free(session->templates);
   pthread_mutex_destroy(&session->lock);
   free(session);
   session = NULL;
}

/* \return false: no memory */
static bool join_session(struct ipfix_sink *s)
{
   s->session = session;
   if (session != NULL) {
      session->users++;
      return true;
   }
   s->session = session = calloc(1, sizeof(*session));
   if (session == NULL) {
      return false;
   }
   pthread_mutex_init(&session->lock, NULL);
   session->users = 1;
   session->templates = calloc(SLOTS, sizeof(session->templates[0]));
   session->transport = session->templates != NULL ? ipfix_transport_new(s->config) : NULL;
   begin_message(s);
   return session->transport != NULL;
}

static int finish(struct flow_sink *sink)
{
   struct ipfix_sink *s = (struct ipfix_sink *) sink;
   int rc = ipfix_transport_finish(s->session->transport);
   s->sink.dropped += ipfix_transport_lost(s->session->transport);
   return rc;
}

static void close_sink(struct flow_sink *sink)
{
   struct ipfix_sink *s = (struct ipfix_sink *) sink;
   for (unsigned p = 0; p < s->config->n_plugins; p++) {
      free(s->elements[p]);
   }
   if (s->session != NULL) {
      leave_session();
   }
   plugin_fields_free(s->fields, s->config->n_plugins);
   free(s->unirec);
   free(s->record);
   free(s);
}

/* \return NM_OK or NM_ERROR, the module has the message */
static int find_elements(struct ipfix_sink *s)
{
   unsigned n = sizeof(basic) / sizeof(basic[0]) + 4; /* addresses */
   s->fields = plugin_fields_new(s->config);
   if (s->fields == NULL) {
      return NM_ERROR;
   }
   for (unsigned p = 0; p < s->config->n_plugins; p++) {
      s->elements[p] = calloc(s->fields[p].n, sizeof(s->elements[p][0]));
      if (s->elements[p] == NULL) {
         return nm_fail(s->config->module, OUT_OF_MEMORY);
      }
      for (unsigned i = 0; i < s->fields[p].n; i++) {
         ipfix_element_of(s->fields[p].ids[i], &s->elements[p][i]);
      }
      n += s->fields[p].n;
   }
   return n <= MAX_FIELDS
              ? NM_OK
              : nm_fail(s->config->module,
                        "IPFIX: the plugins have %u fields, more than the %d of a template", n, MAX_FIELDS);
}

struct flow_sink *ipfix_sink_new(const struct flow_sink_config *config)
{
   struct ipfix_sink *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      nm_fail(config->module, OUT_OF_MEMORY);
      return NULL;
   }
   s->sink = (struct flow_sink){.export = export, .flush = flush, .finish = finish, .close = close_sink};
   s->config = config;
   s->unirec = malloc(sizeof(*s->unirec));
   s->record = malloc(RECORD_ROOM);
   int rc =
       s->unirec != NULL && s->record != NULL ? find_elements(s) : nm_fail(config->module, OUT_OF_MEMORY);
   if (rc == NM_OK && !join_session(s)) {
      rc = nm_fail(config->module, OUT_OF_MEMORY);
   }
   if (rc != NM_OK) {
      close_sink(&s->sink);
      return NULL;
   }
   return &s->sink;
}
