/* SPDX-License-Identifier: BSD-3-Clause */
#include "blob.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define VERSION   1
#define MAX_WORDS 1024 /* distinct texts of descriptions; there are about a hundred */
#define MAX_TEXT  255

/* ------------------------------------------------------------ unknown programs */

static void read_nothing(const struct alert *a, struct event *e)
{
   (void) a;
   (void) e;
}

static enum event_confidence unknown_confidence(const struct event *e)
{
   (void) e;
   return EVENT_LOW;
}

static void unknown_reason(const struct event *e, char *to, size_t size)
{
   (void) e;
   strncpy(to, "the detector that reported this is not part of this release", size - 1);
   to[size - 1] = 0;
}

/* Of detectors that were removed since. */
static const struct event_description unknown = {.program = "unknown",
                                                 .kind = "other",
                                                 .title = "event of an unknown detector",
                                                 .unit = "alerts",
                                                 .read = read_nothing,
                                                 .confidence = unknown_confidence,
                                                 .reason = unknown_reason};

/* ----------------------------------------------------------------------- texts */

/* Titles, kinds and the like are constants of the descriptions: there are few, and each is kept once. NULL: too many, or no memory. */
static const char *constant(const char *text)
{
   static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
   static const char *words[MAX_WORDS];
   static unsigned n;
   unsigned i = 0;
   pthread_mutex_lock(&lock);
   while (i < n && strcmp(words[i], text) != 0) {
      i++;
   }
   if (i == n && n < MAX_WORDS && (words[n] = strdup(text)) != NULL) {
      n++;
   }
   const char *word = i < n ? words[i] : NULL;
   pthread_mutex_unlock(&lock);
   return word;
}

/* --------------------------------------------------------------------- writing */

struct writer {
   uint8_t *to;
   size_t n;
};

static void put(struct writer *w, const void *data, size_t size)
{
   if (size > 0 && w->n + size <= BLOB_MAX) { /* the data of nothing may be NULL */
      memcpy(w->to + w->n, data, size);
   }
   w->n += size;
}

/* Seven bits in a byte, the lowest first. */
static void put_number(struct writer *w, uint64_t n)
{
   uint8_t bytes[10];
   size_t k = 0;
   do {
      bytes[k] = (uint8_t) (n & 0x7f) | (n > 0x7f ? 0x80 : 0);
      n >>= 7;
   } while (bytes[k++] & 0x80);
   put(w, bytes, k);
}

static void put_text(struct writer *w, const char *text)
{
   size_t n = text != NULL ? strnlen(text, MAX_TEXT) : 0;
   put_number(w, n);
   put(w, text, n);
}

/* IPv4 addresses take four bytes. */
static void put_ip(struct writer *w, const ip_addr_t *ip)
{
   uint8_t size = !event_ip_is_set(ip) ? 0 : ip_is4(ip) ? 4 : 16;
   put(w, &size, 1);
   put(w, size == 4 ? (const uint8_t *) ip + 8 : (const uint8_t *) ip, size);
}

size_t blob_write(const struct event *e, uint8_t blob[BLOB_MAX])
{
   struct writer w = {.to = blob};
   put_number(&w, VERSION);
   put_text(&w, e->description->program);
   put_text(&w, e->kind);
   put_text(&w, e->title);
   put_text(&w, e->unit);
   put_text(&w, e->attack);
   put_text(&w, e->type);
   put_text(&w, e->detail);
   const uint64_t numbers[] = {e->first,
                               e->last,
                               e->port,
                               e->protocol,
                               e->amount,
                               e->flows,
                               e->packets,
                               e->bytes,
                               e->sources,
                               e->targets,
                               e->evidence,
                               e->group,
                               e->alerts,
                               (uint64_t) e->more_sources | (uint64_t) e->more_targets << 1 |
                                   (uint64_t) e->more_ports << 2,
                               e->networks,
                               e->sources_error,
                               e->peak_bytes,
                               e->peak_packets,
                               e->margin,
                               e->latest[0],
                               e->latest[1],
                               e->latest[2],
                               e->latest[3],
                               e->n_ports,
                               e->n_source_samples,
                               e->n_samples};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      put_number(&w, numbers[i]);
   }
   for (unsigned i = 0; i < e->n_ports; i++) {
      put_number(&w, e->ports[i]);
   }
   put_ip(&w, &e->source);
   put_ip(&w, &e->target);
   for (unsigned i = 0; i < e->n_source_samples; i++) {
      put_ip(&w, &e->source_samples[i]);
   }
   for (unsigned i = 0; i < e->n_samples; i++) {
      put_ip(&w, &e->samples[i]);
   }
   return w.n <= BLOB_MAX ? w.n : BLOB_MAX;
}

/* --------------------------------------------------------------------- reading */

struct reader {
   const uint8_t *at, *end;
   bool bad;
};

static void get(struct reader *r, void *to, size_t size)
{
   if (r->bad || (size_t) (r->end - r->at) < size) {
      r->bad = true;
      memset(to, 0, size);
      return;
   }
   memcpy(to, r->at, size);
   r->at += size;
}

static uint64_t get_number(struct reader *r, uint64_t max)
{
   uint64_t n = 0;
   uint8_t byte = 0x80;
   for (unsigned shift = 0; (byte & 0x80) != 0 && !r->bad; shift += 7) {
      get(r, &byte, 1);
      r->bad |= shift > 63 || (shift == 63 && byte > 1);
      n |= r->bad ? 0 : (uint64_t) (byte & 0x7f) << shift;
   }
   r->bad |= n > max;
   return r->bad ? 0 : n;
}

static void get_text(struct reader *r, char *to, size_t size)
{
   size_t n = get_number(r, size - 1);
   get(r, to, n);
   to[n] = 0;
   r->bad |= memchr(to, 0, n) != NULL;
}

static const char *get_constant(struct reader *r)
{
   char text[MAX_TEXT + 1];
   get_text(r, text, sizeof(text));
   return r->bad ? "" : constant(text);
}

static ip_addr_t get_ip(struct reader *r)
{
   ip_addr_t ip;
   uint8_t size = 0, bytes[16];
   memset(&ip, 0, sizeof(ip));
   get(r, &size, 1);
   r->bad |= size != 0 && size != 4 && size != 16;
   get(r, bytes, r->bad ? 0 : size);
   if (!r->bad && size == 4) {
      ip = ip_from_4_bytes_be((const char *) bytes);
   } else if (!r->bad && size == 16) {
      ip = ip_from_16_bytes_be((const char *) bytes);
   }
   return ip;
}

static void get_numbers(struct reader *r, struct event *e)
{
   e->first = get_number(r, UINT64_MAX);
   e->last = get_number(r, UINT64_MAX);
   e->port = (uint16_t) get_number(r, UINT16_MAX);
   e->protocol = (uint8_t) get_number(r, UINT8_MAX);
   uint64_t *const counts[] = {&e->amount,  &e->flows,    &e->packets, &e->bytes, &e->sources,
                               &e->targets, &e->evidence, &e->group,   &e->alerts};
   for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
      *counts[i] = get_number(r, UINT64_MAX);
   }
   uint64_t more = get_number(r, 7);
   e->more_sources = more & 1;
   e->more_targets = more & 2;
   e->more_ports = more & 4;
   uint64_t *const figures[] = {&e->networks,     &e->sources_error, &e->peak_bytes,
                                &e->peak_packets, &e->margin,        &e->latest[0],
                                &e->latest[1],    &e->latest[2],     &e->latest[3]};
   for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
      *figures[i] = get_number(r, UINT64_MAX);
   }
   e->n_ports = (unsigned) get_number(r, EVENT_PORTS);
   e->n_source_samples = (unsigned) get_number(r, EVENT_SAMPLES);
   e->n_samples = (unsigned) get_number(r, EVENT_SAMPLES);
}

bool blob_read(const uint8_t *blob, size_t size, struct event *e)
{
   struct reader r = {.at = blob, .end = blob + size};
   char program[MAX_TEXT + 1];
   memset(e, 0, sizeof(*e));
   r.bad = get_number(&r, UINT64_MAX) != VERSION;
   get_text(&r, program, sizeof(program));
   e->kind = get_constant(&r);
   e->title = get_constant(&r);
   e->unit = get_constant(&r);
   e->attack = get_constant(&r);
   e->type = get_constant(&r);
   get_text(&r, e->detail, sizeof(e->detail));
   get_numbers(&r, e);
   for (unsigned i = 0; i < e->n_ports; i++) {
      e->ports[i] = (uint16_t) get_number(&r, UINT16_MAX);
   }
   e->source = get_ip(&r);
   e->target = get_ip(&r);
   for (unsigned i = 0; i < e->n_source_samples; i++) {
      e->source_samples[i] = get_ip(&r);
   }
   for (unsigned i = 0; i < e->n_samples; i++) {
      e->samples[i] = get_ip(&r);
   }
   if (r.bad || r.at != r.end || e->alerts == 0 || e->kind == NULL || e->title == NULL || e->unit == NULL ||
       e->attack == NULL || e->type == NULL) {
      return false;
   }
   e->type = *e->type != 0 ? e->type : NULL;
   e->description = event_description_find(program);
   if (e->description == NULL) {
      e->description = &unknown;
   }
   return true;
}
