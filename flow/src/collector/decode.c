/* SPDX-License-Identifier: BSD-3-Clause */
#include "decode.h"

#include "parse/bytes.h"
#include "state.h"

#include <stdlib.h>

#define NS            UINT64_C(1000000000)
#define V5_HEADER     24
#define V9_HEADER     20
#define IPFIX_HEADER  16
#define SET_HEADER    4
#define PADDING       210 /* paddingOctets */
#define SAMPLING_BITS 0x3fff
#define SFLOW         1 /* as a version: NetFlow v1 is not read */

/* ------------------------------------------------------------- making a decoder */

void fc_decoder_defaults(struct fc_decoder_config *c)
{
   c->max_exporters = 1024;
   c->max_domains = 4096;
   c->max_templates = 8192;
   c->max_templates_per_exporter = 1024;
   c->waiting_bytes = 4 << 20;
   c->waiting_seconds = 60;
}

/* The records of NetFlow v5 and v7 as templates. */
static const struct fc_field v5_fields[] = {
    {0, 8, 4},  {0, 12, 4}, {0, 15, 4}, {0, 10, 2}, {0, 14, 2},      {0, 2, 4},       {0, 1, 4},
    {0, 22, 4}, {0, 21, 4}, {0, 7, 2},  {0, 11, 2}, {0, PADDING, 1}, {0, 6, 1},       {0, 4, 1},
    {0, 5, 1},  {0, 16, 2}, {0, 17, 2}, {0, 9, 1},  {0, 13, 1},      {0, PADDING, 2}, {0, PADDING, 4}};
#define V7_FIELDS (sizeof(v5_fields) / sizeof(v5_fields[0]))
#define V5_FIELDS (V7_FIELDS - 1)

/* The records of sflow.h as a template. */
static struct template *sflow_template(struct fc_decoder *d, bool ipv6)
{
   struct fc_field fields[FC_SFLOW_FIELDS];
   unsigned n;
   const struct fc_sflow_field *f = fc_sflow_fields(ipv6, &n);
   for (unsigned i = 0; i < n; i++) {
      fields[i] = (struct fc_field){.id = f[i].id, .length = f[i].length};
   }
   return make_template(d, fields, n, false, NULL, 0);
}

static bool make_tables(struct fc_decoder *d)
{
   const struct fc_decoder_config *c = &d->config;
   d->exporters = nc_table_new(&(nc_table_config_t){.capacity = c->max_exporters,
                                                    .key_size = sizeof(struct fc_peer),
                                                    .value_size = sizeof(struct exporter),
                                                    .evicted = exporter_evicted,
                                                    .context = d});
   d->domains = nc_table_new(&(nc_table_config_t){.capacity = c->max_domains,
                                                  .key_size = sizeof(struct domain_key),
                                                  .value_size = sizeof(struct domain)});
   d->templates = nc_table_new(&(nc_table_config_t){.capacity = c->max_templates,
                                                    .key_size = sizeof(struct template_key),
                                                    .value_size = sizeof(struct template),
                                                    .evicted = template_evicted,
                                                    .context = d});
   d->waiting = waiting_new(c->waiting_bytes);
   d->fixed[0] = make_template(d, v5_fields, V5_FIELDS, false, NULL, 0);
   d->fixed[1] = make_template(d, v5_fields, V7_FIELDS, false, NULL, 0);
   d->fixed[2] = sflow_template(d, false);
   d->fixed[3] = sflow_template(d, true);
   d->sflow = fc_sflow_new(c->max_domains);
   return d->exporters != NULL && d->domains != NULL && d->templates != NULL && d->waiting != NULL &&
          d->fixed[0] != NULL && d->fixed[1] != NULL && d->fixed[2] != NULL && d->fixed[3] != NULL &&
          d->sflow != NULL;
}

struct fc_decoder *fc_decoder_new(const struct fc_decoder_config *config)
{
   struct fc_decoder *d = calloc(1, sizeof(*d));
   if (d == NULL) {
      return NULL;
   }
   d->config = *config;
   d->next_uid = 1;
   if (!make_tables(d)) {
      fc_decoder_free(d);
      return NULL;
   }
   return d;
}

void fc_decoder_free(struct fc_decoder *d)
{
   const void *key;
   void *value;
   if (d == NULL) {
      return;
   }
   for (uint32_t cursor = 0; d->templates != NULL && nc_table_next(d->templates, &cursor, &key, &value);) {
      free_template(value);
   }
   for (unsigned i = 0; i < sizeof(d->fixed) / sizeof(d->fixed[0]); i++) {
      if (d->fixed[i] != NULL) {
         free_template(d->fixed[i]);
         free(d->fixed[i]);
      }
   }
   nc_table_free(d->templates);
   nc_table_free(d->domains);
   nc_table_free(d->exporters);
   waiting_free(d->waiting);
   fc_sflow_free(d->sflow);
   free(d);
}

const uint64_t *fc_decoder_counters(const struct fc_decoder *d)
{
   return d->counters;
}

uint64_t *fc_decoder_own_counters(struct fc_decoder *d)
{
   return d->counters;
}

const char *fc_decoder_lacks(const struct fc_decoder *d, unsigned output)
{
   return d->sent[output] == 0 ? d->lacks[output] : NULL;
}

void fc_decoder_expire(struct fc_decoder *d, uint64_t now)
{
   uint64_t age = d->config.waiting_seconds * NS;
   if (now == UINT64_MAX || now > age) {
      waiting_expire(d, now == UINT64_MAX ? now : now - age);
   }
}

bool fc_decoder_exporters(const struct fc_decoder *d, uint32_t *cursor, struct fc_exporter_view *view)
{
   const void *key;
   void *value;
   if (!nc_table_next(d->exporters, cursor, &key, &value)) {
      return false;
   }
   const struct exporter *e = value;
   memcpy(&view->peer, key, sizeof(view->peer));
   view->messages = e->messages;
   view->records = e->records;
   view->lost = e->lost;
   view->out_of_order = e->out_of_order;
   view->restarts = e->restarts;
   view->malformed = e->malformed;
   view->no_template = e->no_template;
   view->templates = e->n_templates;
   view->version = e->version;
   return true;
}

/* -------------------------------------------------------------------- messages */

bool fc_decoder_allows(const struct fc_decoder *d, const struct fc_peer *peer)
{
   return d->config.allowed == NULL || d->config.allowed(d->config.allowed_context, peer->address);
}

static struct exporter *find_exporter(struct fc_decoder *d, const struct fc_peer *peer)
{
   if (d->last_exporter != NULL && memcmp(&d->last_peer, peer, sizeof(*peer)) == 0) {
      return d->last_exporter;
   }
   bool is_new;
   if (!fc_decoder_allows(d, peer)) {
      fc_add(&d->counters[FC_DROP_NOT_ALLOWED], 1);
      return NULL;
   }
   struct exporter *e = nc_table_upsert(d->exporters, peer, &is_new);
   if (is_new) {
      e->uid = d->next_uid++;
      fc_add(&d->counters[FC_EXPORTERS], 1);
   }
   d->last_exporter = e;
   d->last_peer = *peer;
   return e;
}

static void find_domain(struct message *m, uint32_t id)
{
   struct fc_decoder *d = m->d;
   struct domain_key key = {.exporter = m->exporter->uid, .id = id, .version = m->version};
   bool is_new;
   if (m->stream > 0) {
      key.stream = m->stream;
      m->sequences = nc_table_upsert(d->domains, &key, NULL);
      key.stream = 0;
   }
   m->domain = nc_table_upsert(d->domains, &key, &is_new);
   m->sequences = m->stream > 0 ? m->sequences : m->domain;
   if (is_new) {
      m->domain->uid = d->next_uid++;
   }
   m->context.domain = id;
   m->context.link = id;
   m->context.direction = 0;
   m->context.init_time = m->domain->init_time;
   m->context.apply_rate = d->config.rate_use == FC_RATE_APPLY;
   memcpy(m->context.exporter, m->peer->address, sizeof(m->context.exporter));
}

static void read_fixed(struct message *m, const uint8_t *p, size_t size)
{
   const struct template *t = m->d->fixed[m->version == 7];
   size_t count = load_be16(p + 2), length = t->shape->minimum;
   if (size < V5_HEADER || size - V5_HEADER < count * length) {
      find_domain(m, 0);
      malformed(m);
      return;
   }
   uint32_t uptime = load_be32(p + 4), nanoseconds = load_be32(p + 12);
   uint32_t engine = m->version == 5 ? load_be16(p + 20) : 0,
            sampling = m->version == 5 ? load_be16(p + 22) & SAMPLING_BITS : 0;
   find_domain(m, engine);
   m->context.export_time = ur_time_from_sec_nsec(load_be32(p + 8), nanoseconds < NS ? nanoseconds : 0);
   m->context.uptime = uptime;
   m->context.has_uptime = true;
   if (sampling > 0) {
      m->domain->rate = sampling;
   }
   read_records(m, t, p + V5_HEADER, count * length);
   check_sequence(m, load_be32(p + 16), (uint32_t) count, uptime, true);
}

static void read_set(struct message *m, uint16_t id, const uint8_t *p, size_t size)
{
   unsigned templates = m->version == 10 ? 2 : 0;
   if (id == templates || id == templates + 1) {
      read_templates(m, p, size, id == templates + 1);
   } else if (id >= 256) {
      const struct template *t = find_template(m, id);
      if (t != NULL) {
         read_records(m, t, p, size);
      } else {
         m->unsure = true;
         waiting_add(m, id, p, size);
      }
   } else {
      malformed(m);
   }
}

static void read_sets(struct message *m, const uint8_t *p, size_t size)
{
   while (size >= SET_HEADER) {
      size_t length = load_be16(p + 2);
      if (length < SET_HEADER || length > size) {
         malformed(m);
         return;
      }
      read_set(m, load_be16(p), p + SET_HEADER, length - SET_HEADER);
      p += length;
      size -= length;
   }
   if (size > 0 && m->version == 10) {
      malformed(m);
   }
}

static void read_v9(struct message *m, const uint8_t *p, size_t size)
{
   if (size < V9_HEADER) {
      find_domain(m, 0);
      malformed(m);
      return;
   }
   find_domain(m, load_be32(p + 16));
   m->context.export_time = (ur_time_t) load_be32(p + 8) << 32;
   m->context.uptime = load_be32(p + 4);
   m->context.has_uptime = true;
   read_sets(m, p + V9_HEADER, size - V9_HEADER);
   m->unsure = false; /* messages are counted, not records */
   check_sequence(m, load_be32(p + 12), 1, m->context.uptime, true);
}

static void read_ipfix(struct message *m, const uint8_t *p, size_t size)
{
   size_t length = load_be16(p + 2);
   if (size < IPFIX_HEADER || length < IPFIX_HEADER || length > size) {
      find_domain(m, 0);
      malformed(m);
      return;
   }
   find_domain(m, load_be32(p + 12));
   m->context.export_time = (ur_time_t) load_be32(p + 4) << 32;
   read_sets(m, p + IPFIX_HEADER, length - IPFIX_HEADER);
   check_sequence(m, load_be32(p + 8), m->records, 0, false);
}

static void convert_sample(void *message, const struct fc_sflow_sample *sample)
{
   struct message *m = message;
   find_domain(m, sample->sub_agent);
   read_records(m, m->d->fixed[2 + sample->ipv6], sample->record, sample->length);
}

static void read_sflow(struct message *m, const uint8_t *p, size_t size)
{
   struct fc_decoder *d = m->d;
   const struct fc_sflow_counters *now = fc_sflow_counters(d->sflow);
   struct fc_sflow_counters before = *now;
   m->context.export_time = ur_time_from_sec_nsec((uint32_t) (m->now / NS), (uint32_t) (m->now % NS));
   (void) fc_sflow_decode(d->sflow, m->peer->address, m->now, p, size, convert_sample, m);
   uint64_t lost = now->lost - before.lost, late = now->out_of_order - before.out_of_order,
            restarts = now->restarts - before.restarts, malformed = now->malformed - before.malformed;
   m->exporter->lost += lost; /* of a late datagram: less than before */
   m->exporter->out_of_order += late;
   m->exporter->restarts += restarts;
   m->exporter->malformed += malformed;
   fc_add(&d->counters[FC_LOST], lost);
   fc_add(&d->counters[FC_OUT_OF_ORDER], late);
   fc_add(&d->counters[FC_RESTARTS], restarts);
   fc_add(&d->counters[FC_DROP_MALFORMED], malformed);
   fc_add(&d->counters[FC_DROP_SAMPLE], now->not_ip + now->not_parsed + now->no_packet - before.not_ip -
                                            before.not_parsed - before.no_packet);
   fc_add(&d->counters[FC_SAMPLES_PASSED],
          now->counter_samples + now->other_samples - before.counter_samples - before.other_samples);
}

void fc_decode(struct fc_decoder *d, const struct fc_peer *peer, const uint8_t *p, size_t size, uint64_t now)
{
   fc_decode_stream(d, peer, 0, p, size, now);
}

void fc_decode_stream(struct fc_decoder *d, const struct fc_peer *peer, uint16_t stream, const uint8_t *p,
                      size_t size, uint64_t now)
{
   static const uint8_t counter_of[] = {
       [SFLOW] = FC_SFLOW, [5] = FC_V5, [7] = FC_V7, [9] = FC_V9, [10] = FC_IPFIX};
   unsigned version = fc_sflow_is(p, size) ? SFLOW : size >= 4 ? load_be16(p) : 0;
   fc_add(&d->counters[FC_MESSAGES], 1);
   fc_add(&d->counters[FC_BYTES], size);
   if ((version == SFLOW && load_be16(p) == SFLOW) || version >= sizeof(counter_of) ||
       counter_of[version] == 0) {
      fc_add(&d->counters[FC_DROP_VERSION], 1);
      return;
   }
   struct message m = {.d = d, .peer = peer, .now = now, .version = (uint8_t) version, .stream = stream};
   m.exporter = find_exporter(d, peer);
   if (m.exporter == NULL) {
      return;
   }
   m.exporter->messages++;
   m.exporter->version = (uint8_t) version;
   fc_add(&d->counters[counter_of[version]], 1);
   switch (version) {
   case SFLOW: read_sflow(&m, p, size); break;
   case 5:
   case 7: read_fixed(&m, p, size); break;
   case 9: read_v9(&m, p, size); break;
   default: read_ipfix(&m, p, size);
   }
}
