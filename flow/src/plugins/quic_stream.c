/* SPDX-License-Identifier: BSD-3-Clause */
#include "quic_stream.h"

#include "quic_packet.h"

enum { FRAME_PADDING = 0, FRAME_PING = 1, FRAME_ACK = 2, FRAME_ACK_ECN = 3, FRAME_CRYPTO = 6 };

void quic_stream_clear(struct quic_stream *s)
{
   memset(s->have, 0, sizeof(s->have)); /* bytes are never looked at without their bits */
}

static void mark(struct quic_stream *s, size_t from, size_t to)
{
   while (from < to) {
      size_t bit = from % 64, n = 64 - bit < to - from ? 64 - bit : to - from;
      s->have[from / 64] |= (n == 64 ? UINT64_MAX : ((UINT64_C(1) << n) - 1)) << bit;
      from += n;
   }
}

size_t quic_stream_ready(const struct quic_stream *s)
{
   size_t i = 0;
   while (i < QUIC_MAX_STREAM / 64 && s->have[i] == UINT64_MAX) {
      i++;
   }
   return i == QUIC_MAX_STREAM / 64 ? QUIC_MAX_STREAM : 64 * i + (size_t) __builtin_ctzll(~s->have[i]);
}

static bool crypto(struct quic_stream *s, const uint8_t **p, const uint8_t *end)
{
   uint64_t offset, length;
   if (!quic_integer(p, end, &offset) || !quic_integer(p, end, &length) || length > (size_t) (end - *p)) {
      return false;
   }
   if (offset < QUIC_MAX_STREAM) {
      size_t n = length < QUIC_MAX_STREAM - offset ? (size_t) length : (size_t) (QUIC_MAX_STREAM - offset);
      memcpy(s->bytes + offset, *p, n);
      mark(s, offset, offset + n);
   }
   *p += length;
   return true;
}

/* An acknowledgement: its largest number, delay, count of ranges, first range; gap and range each; three counters. */
static bool skip_ack(const uint8_t **p, const uint8_t *end, bool ecn)
{
   uint64_t v, ranges;
   if (!quic_integer(p, end, &v) || !quic_integer(p, end, &v) || !quic_integer(p, end, &ranges) ||
       !quic_integer(p, end, &v)) {
      return false;
   }
   for (uint64_t i = 0; i < ranges; i++) { /* ends with the bytes, whatever the count says */
      if (!quic_integer(p, end, &v) || !quic_integer(p, end, &v)) {
         return false;
      }
   }
   return !ecn || (quic_integer(p, end, &v) && quic_integer(p, end, &v) && quic_integer(p, end, &v));
}

/* Padding fills most of an Initial. \return what follows it */
static const uint8_t *skip_padding(const uint8_t *p, const uint8_t *end)
{
   uint64_t eight = 0;
   while (end - p >= 8 && (memcpy(&eight, p, 8), eight == 0)) {
      p += 8;
   }
   while (p < end && *p == FRAME_PADDING) {
      p++;
   }
   return p;
}

void quic_stream_add(struct quic_stream *s, const uint8_t *frames, size_t size)
{
   const uint8_t *p = frames, *end = frames + size;
   bool good = true;
   while (good && p < end) {
      switch (*p++) {
      case FRAME_PADDING: p = skip_padding(p, end); break;
      case FRAME_PING: break;
      case FRAME_ACK: good = skip_ack(&p, end, false); break;
      case FRAME_ACK_ECN: good = skip_ack(&p, end, true); break;
      case FRAME_CRYPTO: good = crypto(s, &p, end); break;
      default: good = false; break;
      }
   }
}
