/* SPDX-License-Identifier: BSD-3-Clause */
#include "quic_packet.h"

#include "cache/plugin.h"

#define RETRY_TAG 16 /* bytes after the token */

#define FORCES_MASK 0x0f0f0f0f /* versions that force negotiation (RFC 9000, section 15) */
#define FORCES_BITS 0x0a0a0a0a

enum draft {
   DRAFT_9,
   DRAFT_16,
   DRAFT_20,
   DRAFT_22,
   DRAFT_28,
   DRAFT_32,
   VERSION_1,
   PICOQUIC,
   PROVISIONAL_2,
   VERSION_2
};

/* The last draft that used the salt, or the version. */
static const struct quic_protection protections[] = {
    [DRAFT_9] = {.salt = {0xaf, 0xc8, 0x24, 0xec, 0x5f, 0xc7, 0x7e, 0xca, 0x1e, 0x9d,
                          0x36, 0xf3, 0x7f, 0xb2, 0xd4, 0x65, 0x18, 0xc3, 0x66, 0x39}},
    [DRAFT_16] = {.salt = {0x9c, 0x10, 0x8f, 0x98, 0x52, 0x0a, 0x5c, 0x5c, 0x32, 0x96,
                           0x8e, 0x95, 0x0e, 0x8a, 0x2c, 0x5f, 0xe0, 0x6d, 0x6c, 0x38}},
    [DRAFT_20] = {.salt = {0xef, 0x4f, 0xb0, 0xab, 0xb4, 0x74, 0x70, 0xc4, 0x1b, 0xef,
                           0xcf, 0x80, 0x31, 0x33, 0x4f, 0xae, 0x48, 0x5e, 0x09, 0xa0}},
    [DRAFT_22] = {.salt = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                           0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a}},
    [DRAFT_28] = {.salt = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                           0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02}},
    [DRAFT_32] = {.salt = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                           0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99}},
    [VERSION_1] = {.salt = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                            0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}},
    [PICOQUIC] = {.salt = {0x30, 0x67, 0x16, 0xd7, 0x63, 0x75, 0xd5, 0x55, 0x4b, 0x2f,
                           0x60, 0x5e, 0xef, 0x78, 0xd8, 0x33, 0x3d, 0xc1, 0xca, 0x36}},
    [PROVISIONAL_2] = {.salt = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                                0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3},
                       .v2 = true},
    [VERSION_2] = {.salt = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                            0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
                   .v2 = true}};

/* Versions that belong to a draft or a version: those whose bits under mask are these. */
static const struct {
   uint32_t mask, bits;
   enum draft draft;
} families[] = {
    {0xffffffff, 0x00000001, VERSION_1},     {0xffffffff, 0x6b3343cf, VERSION_2},
    {0xffffffff, 0xff020000, PROVISIONAL_2}, {0xffffffff, 0x709a50c4, PROVISIONAL_2},
    {0xfffffffe, 0x50435130, PICOQUIC},      {FORCES_MASK, FORCES_BITS, VERSION_1},
    {0xfffffff0, 0xabcd0000, DRAFT_32},      {0xfffffff0, 0xf0f0f0f0, VERSION_1},
    {0xfffffff0, 0xf0f0f1f0, VERSION_1},     {0xfffffff0, 0xf0f0f2f0, VERSION_1},
    {0xfffffff0, 0x07007000, VERSION_1},     {0xfffffff0, 0x5c100000, VERSION_1},
    {0xfffffff0, 0xf123f0c0, DRAFT_16},      {0xffffff00, 0x51474f00, VERSION_1},
    {0xffffff00, 0x91c17000, VERSION_1},     {0xffffffff, 0xfaceb000, DRAFT_20}, /* mvfst, from here on */
    {0xffffffff, 0xfaceb001, DRAFT_22},      {0xffffffff, 0xfaceb002, DRAFT_28},
    {0xffffffff, 0xfaceb00d, DRAFT_28},      {0xfffffffe, 0xfaceb00e, DRAFT_28},
    {0xfffffffc, 0xfaceb010, DRAFT_28}};

static const struct quic_protection *draft(unsigned number)
{
   static const struct {
      unsigned last;
      enum draft draft;
   } drafts[] = {{9, DRAFT_9},   {16, DRAFT_16}, {20, DRAFT_20}, {22, DRAFT_22},
                 {28, DRAFT_28}, {32, DRAFT_32}, {34, VERSION_1}};
   for (size_t i = 0; number > 0 && i < sizeof(drafts) / sizeof(drafts[0]); i++) {
      if (number <= drafts[i].last) {
         return &protections[drafts[i].draft];
      }
   }
   return NULL;
}

const struct quic_protection *quic_protection_of(uint32_t version)
{
   for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
      if ((version & families[i].mask) == families[i].bits) {
         return &protections[families[i].draft];
      }
   }
   return version >> 8 == 0xff0000 || version >> 8 == 0x454747 ? draft(version & 0xff) : NULL;
}

/* A version that only forces negotiation has no protection of its own: clients take that of the version that they want. */
const struct quic_protection *quic_other_protection_of(uint32_t version)
{
   return (version & FORCES_MASK) == FORCES_BITS ? &protections[DRAFT_32] : NULL;
}

bool quic_integer(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
   if (*p >= end) {
      return false;
   }
   size_t n = (size_t) 1 << (**p >> 6);
   if ((size_t) (end - *p) < n) {
      return false;
   }
   *v = **p & 0x3f;
   for (size_t i = 1; i < n; i++) {
      *v = *v << 8 | (*p)[i];
   }
   *p += n;
   return true;
}

static bool connection_id(const uint8_t **p, const uint8_t *end, struct span *id)
{
   if (*p >= end || **p > QUIC_MAX_ID || end - *p <= **p) {
      return false;
   }
   *id = span_of(*p + 1, **p);
   *p += 1 + id->n;
   return true;
}

static enum quic_kind kind_of(unsigned first, bool v2)
{
   static const enum quic_kind kinds[] = {QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY};
   return kinds[((first >> 4 & 3) - (v2 ? 1 : 0)) & 3];
}

bool quic_packet_parse(const uint8_t *p, size_t captured, size_t left, struct quic_packet *q)
{
   const uint8_t *begin = p, *end = p + captured;
   memset(q, 0, sizeof(*q));
   if (captured < 7 || (p[0] & 0x80) == 0) {
      return false;
   }
   q->version = load_be32(p + 1);
   q->protection = quic_protection_of(q->version);
   p += 5;
   if ((q->version != 0 && q->protection == NULL) || !connection_id(&p, end, &q->dcid) ||
       !connection_id(&p, end, &q->scid)) {
      return false;
   }
   size_t header = (size_t) (p - begin);
   q->size = left;
   if (q->version == 0) {
      q->kind = QUIC_VERSION_NEGOTIATION;
      return left - header >= 4 && (left - header) % 4 == 0;
   }
   q->kind = kind_of(begin[0], q->protection->v2);
   if (q->kind == QUIC_RETRY) {
      q->token_length = left - header - RETRY_TAG;
      return left - header >= RETRY_TAG;
   }
   uint64_t length;
   if (q->kind == QUIC_INITIAL) {
      if (!quic_integer(&p, end, &q->token_length) || q->token_length > (size_t) (end - p)) {
         return false;
      }
      p += q->token_length;
   }
   if (!quic_integer(&p, end, &length)) {
      return false;
   }
   q->number = (size_t) (p - begin);
   q->size = q->number + length;
   return length <= left - q->number;
}
