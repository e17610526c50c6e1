/* SPDX-License-Identifier: BSD-3-Clause */
#include "streams.h"

#include <stdlib.h>
#include <string.h>

#define TCP_FIN    0x01
#define TCP_SYN    0x02
#define TCP_HEADER 20

struct range {
   uint32_t from, to;
};

struct buffer {
   struct plugin_row *row; /* whose it is; NULL: free */
   uint8_t *bytes;
   uint32_t base;    /* sequence number of the first byte */
   uint32_t end;     /* sequence number after the last segment that came */
   uint32_t ready;   /* bytes that are there without a gap */
   uint32_t fresh;   /* where the part of them begins that no plugin has seen */
   uint32_t visible; /* the part of them that plugins are shown now */
   uint8_t n_held, n_waiting;
   bool way, cut;
   struct range held[STREAM_HELD]; /* beyond a gap, by offset */
   struct {
      uint8_t plugin;
      uint32_t at;
   } waiting[STREAM_WAITING], next[STREAM_WAITING]; /* next: those that wait after this segment */
   uint8_t n_next;
};

struct streams {
   uint8_t *memory;
   struct buffer buffers[STREAM_BUFFERS];
   uint16_t free[STREAM_BUFFERS];
   unsigned n_free, turn;
   struct stream_counters counters;
};

struct streams *streams_new(void)
{
   struct streams *s = calloc(1, sizeof(*s));
   s = s != NULL && (s->memory = memory_reserve_sparse((size_t) STREAM_BUFFERS * STREAM_BUFFER)) != NULL
           ? s
           : (free(s), NULL);
   for (unsigned i = 0; s != NULL && i < STREAM_BUFFERS; i++) {
      s->buffers[i].bytes = s->memory + (size_t) i * STREAM_BUFFER;
   }
   if (s != NULL) {
      streams_reset(s);
   }
   return s;
}

void streams_free(struct streams *s)
{
   if (s != NULL) {
      memory_release(s->memory, (size_t) STREAM_BUFFERS * STREAM_BUFFER);
      free(s);
   }
}

void streams_reset(struct streams *s)
{
   s->n_free = STREAM_BUFFERS;
   for (unsigned i = 0; i < STREAM_BUFFERS; i++) {
      s->buffers[i].row = NULL;
      s->free[i] = (uint16_t) (STREAM_BUFFERS - 1 - i);
   }
}

uint64_t streams_bytes(void)
{
   return sizeof(struct streams) + (uint64_t) STREAM_BUFFERS * STREAM_BUFFER;
}

const struct stream_counters *streams_counters(const struct streams *s)
{
   return &s->counters;
}

/* -------------------------------------------------------------------- buffers */

static struct buffer *buffer_of(const struct streams *s, const struct plugin_row *row, bool reverse)
{
   return row->buffer[reverse] != 0 ? (struct buffer *) &s->buffers[row->buffer[reverse] - 1] : NULL;
}

static void give_back(struct streams *s, struct buffer *b)
{
   b->row->buffer[b->way] = 0;
   b->row = NULL;
   s->free[s->n_free++] = (uint16_t) (b - s->buffers);
}

static struct buffer *take_buffer(struct streams *s, struct plugin_row *row, bool reverse, uint32_t base)
{
   if (s->n_free == 0) {
      struct buffer *first = &s->buffers[s->turn++ % STREAM_BUFFERS];
      s->counters.stolen++;
      s->counters.given_up += first->n_waiting;
      give_back(s, first);
   }
   struct buffer *b = &s->buffers[s->free[--s->n_free]];
   uint8_t *bytes = b->bytes;
   *b = (struct buffer){.row = row, .bytes = bytes, .base = base, .way = reverse};
   row->buffer[reverse] = (uint16_t) (b - s->buffers + 1);
   return b;
}

/* Held segments that follow without a gap now are ready. Overlapping ones have the same bytes, whichever came first. */
static void join_held(struct buffer *b)
{
   for (unsigned i = 0; i < b->n_held;) {
      if (b->held[i].from > b->ready) {
         i++;
         continue;
      }
      b->ready = b->held[i].to > b->ready ? b->held[i].to : b->ready;
      b->held[i] = b->held[--b->n_held];
      i = 0;
   }
}

/* \return false: there is no room */
static bool add(struct buffer *b, uint32_t offset, const uint8_t *bytes, uint32_t n)
{
   if (offset <= b->ready) {
      uint32_t known = b->ready - offset;
      if (n > known && n - known <= STREAM_BUFFER - b->ready) {
         memcpy(b->bytes + b->ready, bytes + known, n - known);
         b->ready += n - known;
         join_held(b);
         return true;
      }
      return n <= known;
   }
   if (b->n_held == STREAM_HELD || offset > STREAM_BUFFER || n > STREAM_BUFFER - offset) {
      return false;
   }
   memcpy(b->bytes + offset, bytes, n);
   b->held[b->n_held++] = (struct range){offset, offset + n};
   return true;
}

/* The gap will not be filled: who waited for it waits in vain, and what follows it is next. \return false: nothing does */
static bool skip_gap(struct streams *s, struct buffer *b)
{
   unsigned first = 0;
   for (unsigned i = 1; i < b->n_held; i++) {
      first = b->held[i].from < b->held[first].from ? i : first;
   }
   s->counters.given_up += b->n_waiting;
   b->n_waiting = 0;
   if (b->n_held == 0) {
      return false;
   }
   b->fresh = b->ready = b->held[first].from;
   join_held(b);
   return true;
}

/* ------------------------------------------------------------------- segments */

/* Where the direction goes on after a segment that is shown as it is. */
static void expect(struct plugin_row *row, bool reverse, uint32_t next)
{
   row->next[reverse] = next;
   row->known[reverse] = true;
}

static bool beyond_gap(struct streams *s, struct plugin_row *row, const struct packet *packet, bool reverse,
                       uint32_t distance)
{
   if (row->ended || plugin_cut(packet) || distance + packet->payload_captured > STREAM_BUFFER) {
      return false;
   }
   struct buffer *b = take_buffer(s, row, reverse, row->next[reverse]);
   return add(b, distance, packet->payload, packet->payload_captured);
}

static bool to_buffer(struct streams *s, struct buffer *b, const struct packet *packet, uint32_t seq)
{
   struct plugin_row *row = b->row;
   uint32_t n = packet->payload_captured, skipped = 0, offset = seq - b->base;
   if ((int32_t) offset < 0) { /* sent again, with more */
      skipped = 0 - offset;
      offset = 0;
   }
   b->cut = plugin_cut(packet) && offset <= b->ready;
   b->end = seq + packet->payload_wire;
   if (skipped >= n || add(b, offset, packet->payload + skipped, n - skipped)) {
      return false;
   }
   if (b->n_held > 0) { /* no room beyond the gap: it will not be filled */
      skip_gap(s, b);
      add(b, offset, packet->payload + skipped, n - skipped);
      return false;
   }
   s->counters.given_up += b->n_waiting;
   bool way = b->way;
   give_back(s, b);
   expect(row, way, seq + packet->payload_wire);
   return true;
}

bool streams_segment(struct streams *s, struct plugin_row *row, const struct packet *packet, bool reverse)
{
   struct buffer *b = buffer_of(s, row, reverse);
   if (plugin_l4_captured(packet) < TCP_HEADER) {
      return b == NULL;
   }
   uint32_t seq = load_be32(packet->l4 + 4), next = seq + packet->payload_wire;
   if ((packet->tcp_flags & TCP_SYN) != 0) { /* with payload: TCP Fast Open */
      next++;
      if (b != NULL) {
         s->counters.given_up += b->n_waiting;
         give_back(s, b);
      }
      expect(row, reverse, next);
      return true;
   }
   if (packet->payload_captured == 0) {
      if (!row->known[reverse]) {
         expect(row, reverse, next);
      }
      return true;
   }
   if (b != NULL) {
      bool as_it_is = to_buffer(s, b, packet, seq);
      b = buffer_of(s, row, reverse);
      if (b != NULL) {
         b->visible = b->ready;
      }
      return as_it_is;
   }
   uint32_t distance = seq - row->next[reverse];
   if (row->known[reverse] && distance != 0 && (int32_t) distance > 0 &&
       beyond_gap(s, row, packet, reverse, distance)) {
      return false;
   }
   if (row->known[reverse] && row->next[reverse] - next <= STREAM_BUFFER) {
      return false; /* sent again */
   }
   expect(row, reverse, next);
   return true;
}

bool streams_look(const struct streams *s, const struct plugin_row *row, bool reverse, unsigned i,
                  struct stream_view *view)
{
   const struct buffer *b = buffer_of(s, row, reverse);
   if (b == NULL) {
      return false;
   }
   uint32_t at = b->fresh;
   for (unsigned k = 0; k < b->n_waiting; k++) {
      at = b->waiting[k].plugin == i ? b->waiting[k].at : at;
   }
   *view = (struct stream_view){.bytes = b->bytes + at, .captured = b->visible - at, .cut = b->cut};
   return b->visible > b->fresh || (b->cut && at < b->visible);
}

bool streams_wait(struct streams *s, struct plugin_row *row, const struct packet *packet, bool reverse,
                  unsigned i, const struct stream_view *view, uint32_t used)
{
   struct buffer *b = buffer_of(s, row, reverse);
   if (view->cut || row->ended || used >= view->captured) {
      return false;
   }
   if (b == NULL) {
      if (packet->payload_captured > STREAM_BUFFER || plugin_l4_captured(packet) < TCP_HEADER) {
         return false;
      }
      b = take_buffer(s, row, reverse, load_be32(packet->l4 + 4) + ((packet->tcp_flags & TCP_SYN) != 0));
      memcpy(b->bytes, packet->payload, packet->payload_captured);
      b->ready = b->visible = packet->payload_captured;
   }
   if (b->n_next == STREAM_WAITING) {
      s->counters.given_up++;
      return false;
   }
   /* Of a segment that is shown as it is, the buffer is a copy; what a plugin is shown always ends where that ends. */
   bool inside = view->bytes >= b->bytes && view->bytes < b->bytes + STREAM_BUFFER;
   uint32_t from = inside ? (uint32_t) (view->bytes - b->bytes) : b->visible - view->captured;
   b->next[b->n_next].plugin = (uint8_t) i;
   b->next[b->n_next++].at = from + used;
   return true;
}

/* Drops what nobody waits for. */
static void compact(struct buffer *b)
{
   uint32_t least = b->ready;
   for (unsigned i = 0; i < b->n_waiting; i++) {
      least = b->waiting[i].at < least ? b->waiting[i].at : least;
   }
   if (least == 0) {
      return;
   }
   uint32_t end = b->ready;
   for (unsigned i = 0; i < b->n_held; i++) {
      end = b->held[i].to > end ? b->held[i].to : end;
      b->held[i].from -= least;
      b->held[i].to -= least;
   }
   memmove(b->bytes, b->bytes + least, end - least);
   for (unsigned i = 0; i < b->n_waiting; i++) {
      b->waiting[i].at -= least;
   }
   b->base += least;
   b->ready -= least;
   b->fresh -= least;
   b->visible -= least;
}

void streams_done(struct streams *s, struct plugin_row *row, bool reverse)
{
   struct buffer *b = buffer_of(s, row, reverse);
   if (b == NULL || (b->visible == b->fresh && !b->cut)) { /* nothing was shown: who waits goes on waiting */
      return;
   }
   memcpy(b->waiting, b->next, sizeof(b->waiting));
   b->n_waiting = b->n_next;
   b->n_next = 0;
   b->fresh = b->ready;
   if (b->n_waiting == 0 && b->n_held == 0) {
      expect(row, reverse, b->cut ? b->end : b->base + b->ready);
      give_back(s, b);
      return;
   }
   compact(b);
}

bool streams_end(struct streams *s, struct plugin_row *row, bool reverse)
{
   struct buffer *b = buffer_of(s, row, reverse);
   row->ended = true;
   if (b == NULL) {
      return false;
   }
   if (b->n_waiting == 0 && !skip_gap(s, b)) {
      give_back(s, b);
      return false;
   }
   b->cut = true;
   b->visible = b->ready;
   return true;
}

void streams_release(struct streams *s, struct plugin_row *row)
{
   for (unsigned way = 0; way < 2; way++) {
      struct buffer *b = buffer_of(s, row, way);
      if (b != NULL) {
         s->counters.given_up += b->n_waiting;
         give_back(s, b);
      }
   }
}
