/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin passivedns: which name has which address, from the A, AAAA and PTR records of answers (RFC 1035, 3596), port 53. A message
 * ends its flow and gives a record for each of its first answers.
 */
#include "cache/plugin.h"
#include "dns_message.h"

#include <ctype.h>
#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint16 DNS_ID, uint16 DNS_ATYPE, string DNS_NAME, uint32 DNS_RR_TTL, ipaddr DNS_IP)

#define PORT        53
#define MAX_ANSWERS 16

struct answer {
   uint32_t ttl;
   uint16_t type;
   uint8_t length;
   char name[254];
   ip_addr_t ip;
};

struct passivedns {
   uint32_t count;
   uint16_t id;
   /* Not cleared. */
   struct answer answers[MAX_ANSWERS];
};

/* "4.3.2.1.in-addr.arpa" */
static bool reverse_ipv4(const char *name, size_t length, ip_addr_t *ip)
{
   unsigned a[4];
   int end = 0;
   char text[64];
   if (length >= sizeof(text)) {
      return false;
   }
   memcpy(text, name, length);
   text[length] = 0;
   if (sscanf(text, "%3u.%3u.%3u.%3u%n", &a[0], &a[1], &a[2], &a[3], &end) != 4 ||
       strcasecmp(text + end, ".in-addr.arpa") != 0 || a[0] > 255 || a[1] > 255 || a[2] > 255 || a[3] > 255) {
      return false;
   }
   *ip = ip_from_int((uint32_t) (a[3] << 24 | a[2] << 16 | a[1] << 8 | a[0]));
   return true;
}

/* 32 hexadecimal digits, the last first, and ".ip6.arpa" (RFC 3596, 2.5) */
static bool reverse_ipv6(const char *name, size_t length, ip_addr_t *ip)
{
   char bytes[16] = {0};
   if (length != 72 || strncasecmp(name + 63, ".ip6.arpa", 9) != 0) {
      return false;
   }
   for (unsigned i = 0; i < 32; i++) {
      char c = name[2 * i];
      if (!isxdigit((unsigned char) c) || (i < 31 && name[2 * i + 1] != '.')) {
         return false;
      }
      unsigned digit = isdigit((unsigned char) c) ? (unsigned) (c - '0')
                                                  : (unsigned) (tolower((unsigned char) c) - 'a' + 10);
      bytes[15 - i / 2] = (char) ((uint8_t) bytes[15 - i / 2] | digit << (i % 2 * 4));
   }
   *ip = ip_from_16_bytes_be(bytes);
   return true;
}

/* \return false when the record tells of no address */
static bool take_answer(struct answer *a, const struct reader *r, const struct dns_record *record,
                        const char *owner, size_t length)
{
   size_t size = (size_t) (record->end - record->data);
   struct text name = {.to = a->name, .size = sizeof(a->name)};
   if (record->type == TYPE_A && size == 4) {
      a->ip = ip_from_4_bytes_be((char *) (uintptr_t) record->data);
      put(&name, owner, length);
   } else if (record->type == TYPE_AAAA && size == 16) {
      a->ip = ip_from_16_bytes_be((char *) (uintptr_t) record->data);
      put(&name, owner, length);
   } else if (record->type == TYPE_PTR &&
              (reverse_ipv4(owner, length, &a->ip) || reverse_ipv6(owner, length, &a->ip))) {
      struct reader data = {.message = r->message, .p = record->data, .end = record->end};
      get_name(&data, r->end, &name);
   } else {
      return false;
   }
   a->length = (uint8_t) name.length;
   a->type = (uint16_t) record->type;
   a->ttl = record->ttl;
   return true;
}

static void parse(struct passivedns *d, const uint8_t *p, size_t size)
{
   struct reader r = {.message = p, .p = p, .end = p + size};
   d->id = (uint16_t) get(&r, 2);
   get(&r, 2);
   unsigned questions = get(&r, 2), answers = get(&r, 2);
   get(&r, 4);
   for (unsigned i = 0; i < questions && !r.bad; i++) {
      get_name(&r, r.end, NULL);
      get(&r, 4);
   }
   for (unsigned i = 0; i < answers && !r.bad && d->count < MAX_ANSWERS; i++) {
      char owner[MAX_NAME];
      struct text text = {.to = owner, .size = sizeof(owner)};
      struct dns_record record;
      if (get_record(&r, &text, &record)) {
         d->count += take_answer(&d->answers[d->count], &r, &record, owner, text.length);
      }
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct passivedns *d = ext;
   const uint8_t *p;
   size_t size;
   (void) flow;
   (void) reverse;
   if (packet->src_port != PORT || packet->payload_captured == 0) {
      return PLUGIN_NOTHING;
   }
   size_t whole = dns_message(packet, &p, &size);
   if (whole > 0 && size >= DNS_HEADER) {
      parse(d, p, size);
   }
   return whole == 0 && plugin_all(packet) ? PLUGIN_FLUSH : dns_result(packet, whole, d->count > 0);
}

/* Over TCP, a flow goes on after a message when the next one has begun. */
static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) flow;
   return ((const struct passivedns *) ext)->count > 0 && packet->src_port == PORT ? PLUGIN_FLUSH_FIRST
                                                                                   : PLUGIN_NOTHING;
}

static unsigned records(const void *ext)
{
   return ((const struct passivedns *) ext)->count;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct passivedns *d = ext;
   if (index >= d->count) {
      return;
   }
   const struct answer *a = &d->answers[index];
   ur_set(t, rec, F_DNS_ID, d->id);
   ur_set(t, rec, F_DNS_ATYPE, a->type);
   ur_set(t, rec, F_DNS_RR_TTL, a->ttl);
   ur_set(t, rec, F_DNS_IP, a->ip);
   plugin_set_var(t, rec, F_DNS_NAME, a->name, a->length);
}

const struct flow_plugin plugin_passivedns = {
    .name = "passivedns",
    .help = "names and addresses in DNS answers, port 53; one record for each of the first 16 of a message",
    .fields = "uint16 DNS_ID,uint16 DNS_ATYPE,string DNS_NAME,uint32 DNS_RR_TTL,ipaddr DNS_IP",
    .protocols = PLUGIN_TCP | PLUGIN_UDP,
    .port = PORT,
    .stream = true,
    .ext_size = sizeof(struct passivedns),
    .clear_size = offsetof(struct passivedns, answers),
    .lazy = true,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .records = records,
    .fill = fill,
};
