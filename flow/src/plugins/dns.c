/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin dns: the first question and the first answer of DNS messages (RFC 1035, OPT: RFC 6891). Each message is a record of
 * its own: it ends its flow. The text forms of answers are those that users of these fields know.
 */
#include "cache/plugin.h"
#include "dns_message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint16 DNS_ID, uint16 DNS_ANSWERS, uint8 DNS_RCODE, string DNS_NAME, uint16 DNS_QTYPE,
          uint16 DNS_CLASS, uint32 DNS_RR_TTL, uint16 DNS_RLENGTH, bytes DNS_RDATA, uint16 DNS_PSIZE,
          uint8 DNS_DO)

#define PORT      53
#define NAME_SIZE 127
#define DATA_SIZE 159

struct dns {
   uint32_t ttl;
   uint16_t id, answers, qtype, class, payload_size;
   uint8_t rcode, dnssec_ok, name_length, data_length;
   bool found;
   char name[NAME_SIZE];
   char data[DATA_SIZE];
};

static void put_name(struct text *t, struct reader *r, const uint8_t *message_end)
{
   get_name(r, message_end, t);
}

static void put_get(struct text *t, struct reader *r, unsigned bytes, const char *suffix)
{
   put_number(t, get(r, bytes));
   put_text(t, suffix);
}

static void put_rest(struct text *t, struct reader *r)
{
   put(t, r->p, (size_t) (r->end - r->p));
   r->p = r->end;
}

/* "_service._proto.name" becomes "service proto name". */
static void put_service(struct text *t, const char *owner, size_t length)
{
   unsigned underscores = 2, dots = 2;
   for (size_t i = 0; i < length; i++) {
      if (owner[i] == '_' && underscores > 0) {
         underscores--;
      } else if (owner[i] == '.' && dots > 0) {
         dots--;
         put(t, " ", 1);
      } else {
         put(t, &owner[i], 1);
      }
   }
}

static void put_strings(struct text *t, struct reader *r)
{
   bool first = true;
   while (r->p < r->end && !r->bad) {
      size_t n = get(r, 1);
      n = n < (size_t) (r->end - r->p) ? n : (size_t) (r->end - r->p);
      put(t, " ", first ? 0 : 1);
      put(t, r->p, n);
      r->p += n;
      first = false;
   }
}

static void put_address(struct text *t, struct reader *r, int family, size_t size)
{
   char s[INET6_ADDRSTRLEN];
   if ((size_t) (r->end - r->p) < size) {
      return;
   }
   if (family == AF_INET) {
      put(t, s, text_quad(s, r->p));
   } else if (inet_ntop(family, r->p, s, sizeof(s)) != NULL) {
      put_text(t, s);
   }
}

/* SVCB and HTTPS (RFC 9460): priority, target, and the parameters whose values are addresses, ports or names. */
static void put_binding(struct text *t, struct reader *r, const uint8_t *message_end)
{
   enum { ALPN = 1, PORT_NUMBER = 3, IPV4 = 4, IPV6 = 6 };
   if (r->end - r->p < 3) {
      return;
   }
   put_get(t, r, 2, " ");
   size_t before = t->length;
   put_name(t, r, message_end);
   put_text(t, t->length == before ? "." : "");
   while (r->p < r->end && !r->bad) {
      unsigned key = get(r, 2);
      size_t n = get(r, 2);
      if (r->bad || n > (size_t) (r->end - r->p)) {
         return;
      }
      struct reader value = {.message = r->message, .p = r->p, .end = r->p + n};
      r->p += n;
      put_text(t, key == ALPN          ? " alpn="
                  : key == PORT_NUMBER ? " port="
                  : key == IPV4        ? " ipv4hint="
                  : key == IPV6        ? " ipv6hint="
                                       : " key");
      if (key != ALPN && key != PORT_NUMBER && key != IPV4 && key != IPV6) {
         put_number(t, key);
         continue;
      }
      for (unsigned i = 0; value.p < value.end && !value.bad; i++) {
         size_t size = key == IPV4 ? 4 : 16;
         put_text(t, i > 0 ? "," : "");
         if (key == PORT_NUMBER) {
            put_get(t, &value, 2, "");
         } else if (key == ALPN) {
            size = get(&value, 1);
            size = size < (size_t) (value.end - value.p) ? size : (size_t) (value.end - value.p);
            put(t, value.p, size);
            value.p += size;
         } else {
            put_address(t, &value, key == IPV4 ? AF_INET : AF_INET6, size);
            value.p += size < (size_t) (value.end - value.p) ? size : (size_t) (value.end - value.p);
         }
      }
   }
}

/* Data of a record as text. data is the record's own bytes, so that no type can read what is not its. */
static void put_data(struct text *t, unsigned type, struct reader *data, const uint8_t *message_end,
                     const char *owner, size_t owner_length)
{
   switch (type) {
   case TYPE_A: put_address(t, data, AF_INET, 4); break;
   case TYPE_AAAA: put_address(t, data, AF_INET6, 16); break;
   case TYPE_NS:
   case TYPE_CNAME:
   case TYPE_PTR:
   case TYPE_DNAME: put_name(t, data, message_end); break;
   case TYPE_SOA:
      put_name(t, data, message_end);
      put_text(t, " ");
      put_name(t, data, message_end);
      for (unsigned i = 0; i < 5; i++) {
         put_text(t, " ");
         put_get(t, data, 4, "");
      }
      break;
   case TYPE_SRV: {
      uint32_t priority = get(data, 2), weight = get(data, 2), port = get(data, 2);
      put_service(t, owner, owner_length);
      put_text(t, " ");
      put_name(t, data, message_end);
      put_text(t, " ");
      put_number(t, priority);
      put_text(t, " ");
      put_number(t, weight);
      put_text(t, " ");
      put_number(t, port);
      break;
   }
   case TYPE_MX:
      put_get(t, data, 2, " ");
      put_name(t, data, message_end);
      break;
   case TYPE_TXT: put_strings(t, data); break;
   case TYPE_MINFO:
      put_name(t, data, message_end);
      put_text(t, " ");
      put_name(t, data, message_end);
      break;
   case TYPE_HINFO:
   case TYPE_ISDN: put_rest(t, data); break;
   case TYPE_DS:
      put_get(t, data, 2, " ");
      put_get(t, data, 1, " ");
      put_get(t, data, 1, " <key>");
      break;
   case TYPE_RRSIG:
      put_get(t, data, 2, " ");
      put_get(t, data, 1, " ");
      put_get(t, data, 1, " ");
      put_get(t, data, 4, " ");
      put_get(t, data, 4, " ");
      put_get(t, data, 4, " ");
      put_get(t, data, 2, " <key>");
      break;
   case TYPE_DNSKEY:
      put_get(t, data, 2, " ");
      put_get(t, data, 1, " ");
      put_get(t, data, 1, " <key>");
      break;
   case TYPE_SVCB:
   case TYPE_HTTPS: put_binding(t, data, message_end); break;
   default: put_text(t, "(not_impl)"); break;
   }
}

/* One resource record. first: its time to live and data are wanted. */
static void parse_record(struct dns *d, struct reader *r, bool first)
{
   char owner[NAME_SIZE];
   struct text owner_text = {.to = owner, .size = sizeof(owner)};
   struct dns_record record;
   if (!get_record(r, &owner_text, &record)) {
      return;
   }
   if (first) {
      struct reader data = {.message = r->message, .p = record.data, .end = record.end};
      struct text text = {.to = d->data, .size = sizeof(d->data)};
      d->ttl = record.ttl;
      put_data(&text, record.type, &data, r->end, owner, owner_text.length);
      d->data_length = (uint8_t) text.length;
   }
   if (record.type == TYPE_OPT) {
      d->payload_size = (uint16_t) record.class;
      d->dnssec_ok = record.ttl >> 15 & 1;
   }
}

static bool parse(struct dns *d, const uint8_t *p, size_t size)
{
   struct reader r = {.message = p, .p = p, .end = p + size};
   if (size < DNS_HEADER) {
      return false;
   }
   d->id = (uint16_t) get(&r, 2);
   d->rcode = get(&r, 2) & 15;
   unsigned questions = get(&r, 2);
   d->answers = (uint16_t) get(&r, 2);
   unsigned records = d->answers + get(&r, 2);
   records += get(&r, 2);
   for (unsigned i = 0; i < questions && !r.bad; i++) {
      struct text name = {.to = d->name, .size = sizeof(d->name)};
      get_name(&r, r.end, i == 0 ? &name : NULL);
      unsigned type = get(&r, 2), class = get(&r, 2);
      if (i == 0) {
         d->name_length = (uint8_t) name.length;
      }
      if (i == 0 && !r.bad) {
         d->qtype = (uint16_t) type;
         d->class = (uint16_t) class;
      }
   }
   for (unsigned i = 0; i < records && !r.bad; i++) {
      parse_record(d, &r, i == 0 && d->answers > 0);
   }
   return true; /* what was cut off is missing, the rest counts */
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct dns *d = ext;
   const uint8_t *p;
   size_t size;
   (void) flow;
   (void) reverse;
   if ((packet->src_port != PORT && packet->dst_port != PORT) || packet->payload_captured == 0) {
      return PLUGIN_NOTHING;
   }
   size_t whole = dns_message(packet, &p, &size);
   if (whole == 0) {
      return dns_result(packet, 0, false);
   }
   if (!parse(d, p, size)) {
      return PLUGIN_NOTHING;
   }
   d->found = true;
   return dns_result(packet, whole, true);
}

/* Over TCP, a flow goes on after a message when the next one has begun. */
static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) flow;
   (void) packet;
   return ((const struct dns *) ext)->found ? PLUGIN_FLUSH_FIRST : PLUGIN_NOTHING;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct dns *d = ext;
   (void) index;
   ur_set(t, rec, F_DNS_ID, d->id);
   ur_set(t, rec, F_DNS_ANSWERS, d->answers);
   ur_set(t, rec, F_DNS_RCODE, d->rcode);
   ur_set(t, rec, F_DNS_QTYPE, d->qtype);
   ur_set(t, rec, F_DNS_CLASS, d->class);
   ur_set(t, rec, F_DNS_RR_TTL, d->ttl);
   ur_set(t, rec, F_DNS_RLENGTH, d->data_length);
   ur_set(t, rec, F_DNS_PSIZE, d->payload_size);
   ur_set(t, rec, F_DNS_DO, d->dnssec_ok);
   plugin_set_var(t, rec, F_DNS_NAME, d->name, d->name_length);
   plugin_set_var(t, rec, F_DNS_RDATA, d->data, d->data_length);
}

const struct flow_plugin plugin_dns = {
    .name = "dns",
    .fields =
        "uint16 DNS_ID,uint16 DNS_ANSWERS,uint8 DNS_RCODE,string DNS_NAME,uint16 DNS_QTYPE,uint16 DNS_CLASS,"
        "uint32 DNS_RR_TTL,uint16 DNS_RLENGTH,bytes DNS_RDATA,uint16 DNS_PSIZE,uint8 DNS_DO",
    .help = "first question and first answer of each DNS message, port 53",
    .protocols = PLUGIN_TCP | PLUGIN_UDP,
    .port = PORT,
    .stream = true,
    .ext_size = sizeof(struct dns),
    .clear_size = offsetof(struct dns, name),
    .lazy = true,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .fill = fill,
};
