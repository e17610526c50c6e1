/* SPDX-License-Identifier: BSD-3-Clause */
/** Reading of DNS messages (RFC 1035) for the plugins that look into them. Nothing is read beyond the message. */
#ifndef FLOW_PLUGINS_DNS_MESSAGE_H
#define FLOW_PLUGINS_DNS_MESSAGE_H

#include "cache/plugin.h"
#include "reader.h"
#include "text.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DNS_HEADER 12
#define MAX_JUMPS  32  /* compression pointers in one name */
#define MAX_NAME   255 /* RFC 1035 2.3.4 */

enum {
   TYPE_A = 1,
   TYPE_NS = 2,
   TYPE_CNAME = 5,
   TYPE_SOA = 6,
   TYPE_PTR = 12,
   TYPE_HINFO = 13,
   TYPE_MINFO = 14,
   TYPE_MX = 15,
   TYPE_TXT = 16,
   TYPE_ISDN = 20,
   TYPE_AAAA = 28,
   TYPE_SRV = 33,
   TYPE_DNAME = 39,
   TYPE_OPT = 41,
   TYPE_DS = 43,
   TYPE_RRSIG = 46,
   TYPE_DNSKEY = 48,
   TYPE_SVCB = 64,
   TYPE_HTTPS = 65
};

/* Text that is cut when it is full. */
struct text {
   char *to;
   size_t length, size;
};

static inline void put(struct text *t, const void *bytes, size_t n)
{
   size_t room = t->size - t->length;
   n = n < room ? n : room;
   memcpy(t->to + t->length, bytes, n);
   t->length += n;
}

static inline void put_text(struct text *t, const char *s)
{
   put(t, s, strlen(s));
}

static inline void put_number(struct text *t, uint32_t v)
{
   char s[NUMBER_SIZE];
   put(t, s, text_number(s, v));
}

/* Reads a name, following pointers; t may be NULL. The reader is then at the byte after the name, not at the target of a pointer. */
static inline void get_name(struct reader *r, const uint8_t *message_end, struct text *t)
{
   const uint8_t *p = r->p, *next = NULL, *end = r->end;
   unsigned jumps = 0, total = 0;
   for (;;) {
      if (p >= end) {
         r->bad = true;
         break;
      }
      unsigned length = *p++;
      if (length == 0) {
         break;
      }
      if (length >= 0xc0) {
         if (p >= end || ++jumps > MAX_JUMPS) {
            r->bad = true;
            break;
         }
         size_t offset = (length & 0x3f) << 8 | *p++;
         next = next == NULL ? p : next;
         end = message_end;
         p = r->message +
             ((size_t) (message_end - r->message) > offset ? offset : (size_t) (message_end - r->message));
         continue;
      }
      if (length > 63 || (size_t) (end - p) < length || (total += length + 1) > MAX_NAME) {
         r->bad = true;
         break;
      }
      if (t != NULL) {
         put(t, ".", total > length + 1 ? 1 : 0);
         put(t, p, length);
      }
      p += length;
   }
   r->p = next != NULL ? next : p;
}

/** One resource record: its head; data are from p to end. */
struct dns_record {
   unsigned type, class;
   uint32_t ttl;
   const uint8_t *data, *end;
};

/** Reads a record's owner (may be NULL) and head, and goes on after it. \return false: it is not all there */
static inline bool get_record(struct reader *r, struct text *owner, struct dns_record *record)
{
   get_name(r, r->end, owner);
   record->type = get(r, 2);
   record->class = get(r, 2);
   record->ttl = get(r, 4);
   size_t length = get(r, 2);
   if (r->bad || (size_t) (r->end - r->p) < length) {
      r->bad = true;
      return false;
   }
   record->data = r->p;
   record->end = r->p += length;
   return true;
}

/** The first message of a payload. Over TCP it follows its length (RFC 7766). \return its bytes with the length, 0: it is not all there */
static inline size_t dns_message(const struct packet *packet, const uint8_t **p, size_t *size)
{
   *p = packet->payload;
   *size = packet->payload_captured;
   if (packet->protocol != IPPROTO_TCP) {
      return *size;
   }
   size_t whole = *size >= 2 ? 2 + (size_t) ((*p)[0] << 8 | (*p)[1]) : SIZE_MAX;
   if (whole > *size) {
      return 0;
   }
   *p += 2;
   *size = whole - 2;
   return whole;
}

/** What a plugin answers after a message of this many bytes, 0: it is not all there. found: whether it has data of it. A message ends its
 * flow, unless another one has begun. */
static inline unsigned dns_result(const struct packet *packet, size_t whole, bool found)
{
   unsigned data = found ? PLUGIN_HAS_DATA : PLUGIN_NOTHING;
   size_t rest = packet->payload_captured - whole;
   if (whole == 0) {
      return plugin_all(packet) ? PLUGIN_NOTHING : PLUGIN_MORE;
   }
   if (rest == 0 || plugin_all(packet)) {
      return data | PLUGIN_FLUSH;
   }
   const uint8_t *p = packet->payload + whole;
   bool next = rest >= 2 && 2 + (size_t) (p[0] << 8 | p[1]) <= rest;
   return data | PLUGIN_USED(whole) | (next ? PLUGIN_AGAIN : PLUGIN_MORE);
}

#endif
