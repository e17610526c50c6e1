/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin dnssd: names that are asked for and services that are offered with multicast DNS (RFC 6762, 6763), port 5353. What does not
 * fit into a flow's 2 KB is left out.
 */
#include "cache/plugin.h"
#include "dns_message.h"
#include "text.h"
#include "txt_keys.h"

#include "fields.h"

UR_FIELDS(string DNSSD_QUERIES, string DNSSD_RESPONSES)

#define PORT         5353
#define MAX_SERVICES 8
#define RESPONSE     0x8000 /* bit of the flags */

/* An owner of SRV, HINFO or TXT records. */
struct service {
   int32_t port; /* -1: no SRV */
   uint8_t name_length, target_length, cpu_length, os_length;
   uint16_t text_length;
   char name[MAX_NAME], target[MAX_NAME], cpu[32], os[32], text[256];
};

struct dnssd {
   uint16_t queries_length, n_services;
   /* Not cleared. */
   char queries[1024];
   struct service services[MAX_SERVICES];
};

/* Option: the text of TXT records. */
static enum { NO_TEXT, ALL_TEXT, TEXT_OF_KEYS } with_text;
static struct txt_keys keys;

static bool set_text(const char *text, char *error)
{
   if (text == NULL || strcmp(text, "1") == 0 || strcmp(text, "0") == 0) {
      with_text = text == NULL || *text == '1' ? ALL_TEXT : NO_TEXT;
      return true;
   }
   char message[TXT_KEYS_ERROR];
   if (!txt_keys_read(&keys, text, message)) {
      snprintf(error, FLOW_PLUGIN_ERROR, "plugin dnssd: option txt: %.220s", message);
      return false;
   }
   with_text = TEXT_OF_KEYS;
   return true;
}

static const struct flow_plugin_option options[] = {
    {.name = "txt",
     .set = set_text,
     .help = "export TXT records: all of them, or with txt=FILE only the keys in its lines "
             "SERVICE.DOMAIN,KEY,..."},
    {.name = "t", .set = set_text, .help = "same as txt"},
    {.name = NULL}};

static bool contains(struct span s, const char *word)
{
   return s.n > 0 && memmem(s.p, s.n, word, strlen(word)) != NULL;
}

static void add_query(struct dnssd *d, struct span name)
{
   struct span seen = span_of(d->queries, d->queries_length), item;
   while (span_cut(seen, ';', &item, &seen)) {
      if (item.n == name.n && memcmp(item.p, name.p, name.n) == 0) {
         return;
      }
   }
   if (!contains(name, "arpa") && name.n + 1 <= sizeof(d->queries) - d->queries_length) {
      memcpy(d->queries + d->queries_length, name.p, name.n);
      d->queries[d->queries_length + name.n] = ';';
      d->queries_length = (uint16_t) (d->queries_length + name.n + 1);
   }
}

static struct service *find_service(struct dnssd *d, struct span name)
{
   for (unsigned i = 0; i < d->n_services; i++) {
      struct service *s = &d->services[i];
      if (s->name_length == name.n && memcmp(s->name, name.p, name.n) == 0) {
         return s;
      }
   }
   if (d->n_services == MAX_SERVICES) {
      return NULL;
   }
   struct service *s = &d->services[d->n_services++];
   s->port = -1;
   s->target_length = s->cpu_length = s->os_length = 0;
   s->text_length = 0;
   s->name_length = (uint8_t) span_keep(s->name, sizeof(s->name), name);
   return s;
}

/* A string after its length. */
static struct span character_string(struct reader *r)
{
   size_t n = get(r, 1), there = (size_t) (r->end - r->p);
   struct span s = span_of(r->p, n < there ? n : there);
   r->p += s.n;
   return s;
}

static void take_record(struct dnssd *d, struct reader *r, struct span owner, const struct dns_record *record)
{
   if (record->type != TYPE_SRV && record->type != TYPE_HINFO && record->type != TYPE_TXT) {
      return;
   }
   struct service *s = find_service(d, owner);
   struct reader data = {.message = r->message, .p = record->data, .end = record->end};
   if (s == NULL) {
      return;
   }
   if (record->type == TYPE_SRV) {
      struct text target = {.to = s->target, .size = sizeof(s->target)};
      get(&data, 4);
      unsigned port = get(&data, 2);
      get_name(&data, r->end, &target);
      s->port = data.bad ? s->port : (int32_t) port;
      s->target_length = (uint8_t) target.length;
   } else if (record->type == TYPE_HINFO) {
      s->cpu_length = (uint8_t) span_keep(s->cpu, sizeof(s->cpu), character_string(&data));
      s->os_length = (uint8_t) span_keep(s->os, sizeof(s->os), character_string(&data));
   } else if (with_text != NO_TEXT) {
      struct text text = {.to = s->text, .size = sizeof(s->text)};
      while (data.p < data.end && !data.bad) {
         struct span piece = character_string(&data);
         if (piece.n > 0 && (with_text == ALL_TEXT || txt_keys_wanted(&keys, owner, piece))) {
            put(&text, piece.p, piece.n);
            put(&text, ":", 1);
         }
      }
      s->text_length = (uint16_t) text.length;
   }
}

static void parse(struct dnssd *d, const uint8_t *p, size_t size)
{
   struct reader r = {.message = p, .p = p, .end = p + size};
   char name[MAX_NAME];
   get(&r, 2);
   bool response = (get(&r, 2) & RESPONSE) != 0;
   unsigned questions = get(&r, 2), section[3];
   for (int i = 0; i < 3; i++) {
      section[i] = get(&r, 2);
   }
   for (unsigned i = 0; i < questions && !r.bad; i++) {
      struct text text = {.to = name, .size = sizeof(name)};
      get_name(&r, r.end, &text);
      get(&r, 4);
      if (!r.bad) {
         add_query(d, span_of(name, text.length));
      }
   }
   for (int k = 0; k < 3;
        k++) { /* answers, authority (which a question may have: RFC 6762, 8.2), additional */
      for (unsigned i = 0; i < section[k] && !r.bad; i++) {
         struct text text = {.to = name, .size = sizeof(name)};
         struct dns_record record;
         if (get_record(&r, &text, &record) && (response || k == 1)) {
            take_record(d, &r, span_of(name, text.length), &record);
         }
      }
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   const uint8_t *p;
   size_t size;
   (void) flow;
   (void) reverse;
   if ((packet->src_port != PORT && packet->dst_port != PORT) ||
       dns_message(packet, &p, &size) != packet->payload_captured || size < DNS_HEADER) {
      return PLUGIN_NOTHING;
   }
   parse(ext, p, size);
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct dnssd *d = ext;
   char all[MAX_SERVICES * (sizeof(struct service) + 16)];
   struct text text = {.to = all, .size = sizeof(all)};
   (void) index;
   for (unsigned i = 0; i < d->n_services; i++) {
      const struct service *s = &d->services[i];
      char port[16];
      put(&text, s->name, s->name_length);
      snprintf(port, sizeof(port), ";%d;", s->port);
      put_text(&text, port);
      put(&text, s->target, s->target_length);
      put_text(&text, ";");
      if (s->cpu_length > 0 || s->os_length > 0) {
         put(&text, s->cpu, s->cpu_length);
         put_text(&text, ":");
         put(&text, s->os, s->os_length);
      }
      put_text(&text, ";");
      put(&text, s->text, s->text_length);
      put_text(&text, ";");
   }
   plugin_set_var(t, rec, F_DNSSD_QUERIES, d->queries, d->queries_length);
   plugin_set_var(t, rec, F_DNSSD_RESPONSES, all, text.length);
}

const struct flow_plugin plugin_dnssd = {
    .name = "dnssd",
    .help = "names queried and services offered by multicast DNS, port 5353",
    .fields = "string DNSSD_QUERIES,string DNSSD_RESPONSES",
    .protocols = PLUGIN_TCP | PLUGIN_UDP,
    .port = PORT,
    .payload_only = true,
    .ext_size = sizeof(struct dnssd),
    .clear_size = offsetof(struct dnssd, queries),
    .options = options,
    .lazy = true,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
