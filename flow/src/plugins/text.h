/* SPDX-License-Identifier: BSD-3-Clause */
/** Pieces of a payload, for plugins of protocols that are text. A piece is never read beyond its end. */
#ifndef FLOW_PLUGINS_TEXT_H
#define FLOW_PLUGINS_TEXT_H

#include "cache/plugin.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define MAX_METHOD 32 /* bytes before the first space of what may be a request */

#define NUMBER_SIZE 10 /* bytes of the longest 32 bit number */
#define QUAD_SIZE   15 /* of the longest IPv4 address */

/* printf() of numbers and addresses would take a good part of a plugin's time. */

/** The number in decimal, without a zero byte. \return bytes written */
static inline size_t text_number(char to[NUMBER_SIZE], uint32_t v)
{
   char digits[NUMBER_SIZE];
   size_t at = sizeof(digits);
   do {
      digits[--at] = (char) ('0' + v % 10);
      v /= 10;
   } while (v > 0);
   memcpy(to, digits + at, sizeof(digits) - at);
   return sizeof(digits) - at;
}

/** The IPv4 address at p, without a zero byte. \return bytes written */
static inline size_t text_quad(char to[QUAD_SIZE], const uint8_t *p)
{
   size_t n = 0;
   for (unsigned i = 0; i < 4; i++) {
      if (i > 0) {
         to[n++] = '.';
      }
      if (p[i] >= 100) {
         to[n++] = (char) ('0' + p[i] / 100);
      }
      if (p[i] >= 10) {
         to[n++] = (char) ('0' + p[i] / 10 % 10);
      }
      to[n++] = (char) ('0' + p[i] % 10);
   }
   return n;
}

struct span {
   const char *p;
   size_t n;
};

static inline struct span span_of(const void *p, size_t n)
{
   return (struct span){.p = p, .n = n};
}

static inline bool span_begins(struct span s, const char *text)
{
   size_t n = strlen(text);
   return s.n >= n && memcmp(s.p, text, n) == 0;
}

/* Most texts differ in the first letter: then it takes no call to know. text: at least one byte */
static inline bool span_same_letter(struct span s, const char *text)
{
   return ((s.p[0] ^ text[0]) & ~('a' - 'A')) == 0;
}

static inline bool span_begins_any_case(struct span s, const char *text)
{
   size_t n = strlen(text);
   return s.n >= n && span_same_letter(s, text) && strncasecmp(s.p, text, n) == 0;
}

static inline bool span_is_any_case(struct span s, const char *text)
{
   return s.n == strlen(text) && span_same_letter(s, text) && strncasecmp(s.p, text, s.n) == 0;
}

/** Splits at the first c: the text before it, and rest. \return false if there is no c */
static inline bool span_cut(struct span s, char c, struct span *before, struct span *rest)
{
   const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
   if (at == NULL) {
      return false;
   }
   size_t n = (size_t) (at - s.p);
   *before = span_of(s.p, n);
   *rest = span_of(at + 1, s.n - n - 1);
   return true;
}

/** Removes a line that ends with LF or CR LF from the start of s. \return false without such a line, s is then unchanged */
static inline bool span_line(struct span *s, struct span *line)
{
   if (!span_cut(*s, '\n', line, s)) {
      return false;
   }
   if (line->n > 0 && line->p[line->n - 1] == '\r') {
      line->n--;
   }
   return true;
}

/** Without spaces and tabs at both ends. */
static inline struct span span_trim(struct span s)
{
   while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
      s.p++;
      s.n--;
   }
   while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
      s.n--;
   }
   return s;
}

/** "name: value" of a header line. \return false: there is no colon */
static inline bool span_header(struct span line, struct span *name, struct span *value)
{
   if (!span_cut(line, ':', name, value)) {
      return false;
   }
   *name = span_trim(*name);
   *value = span_trim(*value);
   return true;
}

/** The decimal number that a span begins with, at most max. */
static inline uint32_t span_number(struct span s, uint32_t max)
{
   uint32_t v = 0;
   for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
      v = v * 10 + (uint32_t) (s.p[i] - '0');
      if (v > max) {
         return max;
      }
   }
   return v;
}

/** Copies what there is room for. \return bytes copied */
static inline uint16_t span_keep(char *to, size_t size, struct span s)
{
   size_t n = s.n < size ? s.n : size;
   if (n > 0) {
      memcpy(to, s.p, n);
   }
   return (uint16_t) n;
}

/** Both must be there before the first byte of a header that a request line ends with. */
struct request_line {
   struct span method, target;
};

/** Where a message's headers end, after the empty line. \return 0: they are cut */
static inline size_t span_headers(struct span s)
{
   struct span all = s, line;
   while (span_line(&s, &line)) {
      if (line.n == 0 && s.p - all.p > 2) { /* a message does not begin with it */
         return (size_t) (s.p - all.p);
      }
   }
   return 0;
}

/** Without the empty lines that may come before a message. */
static inline struct span span_message(struct span s)
{
   while (s.n > 0 && (s.p[0] == '\r' || s.p[0] == '\n')) {
      s.p++;
      s.n--;
   }
   return s;
}

/** May a message that is text, after empty lines, begin with this byte? */
static inline bool text_begins(uint8_t first)
{
   return first == '\r' || first == '\n' || (first >= 'A' && first <= 'z');
}

/** May this be the beginning of "METHOD TARGET PROTOCOL" or of "PROTOCOL", of which the rest is missing? */
static inline bool span_may_begin(struct span s, const char *protocol)
{
   size_t method = 0, n = strlen(protocol);
   if (memcmp(s.p, protocol, s.n < n ? s.n : n) == 0) {
      return true;
   }
   while (method < s.n && (s.p[method] >= 'A' && s.p[method] <= 'Z')) {
      method++;
   }
   if (method == s.n || s.p[method] != ' ') {
      return method > 0 && method == s.n && method <= MAX_METHOD;
   }
   const char *target = s.p + method + 1, *end = s.p + s.n,
              *space = memchr(target, ' ', (size_t) (end - target));
   if (method == 0 || method > MAX_METHOD || memchr(s.p, '\n', s.n) != NULL) {
      return false;
   }
   for (const char *c = target; c < (space != NULL ? space : end); c++) {
      if ((unsigned char) *c < '!' || *c == 127) {
         return false;
      }
   }
   size_t there = space != NULL ? (size_t) (end - space - 1) : 0;
   return there == 0 || memcmp(space + 1, protocol, there < n ? there : n) == 0;
}

/** "METHOD TARGET PROTOCOL..." \return false: the payload does not begin so. rest: what is after the line's end, which
 * must be there */
static inline bool span_request(struct span s, const char *protocol, struct request_line *r,
                                struct span *rest)
{
   struct span line;
   if (!span_cut(s, ' ', &r->method, rest) || !span_cut(*rest, ' ', &r->target, rest) ||
       !span_begins(*rest, protocol)) {
      return false;
   }
   return span_line(rest, &line);
}

/* Protocols of requests and responses, of which a record has one each. */

enum message { OTHER, REQUEST, RESPONSE };

/** What a plugin's before() says of a packet that begins another message. request, response: the record has one; kind_of() is asked only then */
static inline unsigned text_before(const struct packet *packet, bool request, bool response,
                                   enum message (*kind_of)(struct span s))
{
   enum message kind =
       request || response ? kind_of(span_of(packet->payload, packet->payload_captured)) : OTHER;
   return (kind == REQUEST && request) || (kind == RESPONSE && response) ? PLUGIN_FLUSH_FIRST
                                                                         : PLUGIN_NOTHING;
}

#endif
