/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin quic: server name, versions, connection ids and kinds of packets of QUIC connections (RFC 9000, 9001, 9369 and
 * their drafts), any port. The ClientHello is put together from all Initials that it takes; the memory for that is shared
 * by all flows: when more do so at a time than there is room for, the oldest gives no ClientHello. Initials that don't
 * open are tried a few times only, so that senders of garbage cause little work.
 */
#include "cache/flow.h"
#include "kept.h"
#include "quic_crypto.h"
#include "quic_stream.h"
#include "tls_hello.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(string QUIC_SNI, string QUIC_USER_AGENT, uint32 QUIC_VERSION, uint32 QUIC_CLIENT_VERSION,
          uint64 QUIC_TOKEN_LENGTH, bytes QUIC_OCCID, bytes QUIC_OSCID, bytes QUIC_SCID,
          bytes QUIC_RETRY_SCID, uint8 QUIC_MULTIPLEXED, uint8 QUIC_ZERO_RTT, uint16 QUIC_SERVER_PORT,
          uint8 *QUIC_PACKETS, uint8 QUIC_CH_PARSED, uint16 *QUIC_TLS_EXT_TYPE, uint16 *QUIC_TLS_EXT_LEN,
          bytes QUIC_TLS_EXT)

#define MAX_PACKETS  30
#define MAX_TEXT     254
#define MAX_EXT      1500
#define FEW          320 /* bytes of names and extensions: enough for many ClientHellos */
#define ALL          (2 * MAX_TEXT + MAX_EXT + 2 * TLS_MAX_EXTENSIONS * sizeof(uint16_t))
#define MAX_PARTIAL  256 /* ClientHellos that are put together at a time */
#define MAX_FAILURES 8   /* Initials of a flow that did not open */
#define MIN_DCID     8   /* bytes of the id that a client makes up for the server (RFC 9000, section 7.2) */
#define RANDOM_AT    6   /* in a ClientHello */
#define RANDOM       32
#define LONG_HEADER  0x80
#define FIXED_BIT    0x40
#define BIT_FIXED    0x80 /* in QUIC_PACKETS; the others are by enum quic_kind */

enum { EXT_ALPN = 16, EXT_PARAMETERS = 0x39, EXT_PARAMETERS_DRAFT = 0xffa5, EXT_PARAMETERS_GOOGLE = 0x26 };
#define PARAMETER_USER_AGENT 0x3129 /* of Google */

struct id {
   uint8_t n, bytes[QUIC_MAX_ID];
};

struct partial {
   const void *owner; /* a flow's struct quic */
   struct id dcid;    /* that the keys come from */
   struct quic_keys keys;
   struct quic_stream stream;
};

struct shared {
   uint32_t turn;
   struct quic_cipher cipher;
   uint8_t plain[QUIC_MAX_PLAIN];
   struct partial partial[MAX_PARTIAL];
};

struct quic {
   struct shared *shared;
   struct kept kept;
   struct kept_piece sni, agent, type, length, ext; /* type, length: 16 bits of each extension */
   uint32_t waiting;                                /* number of its struct partial + 1 */
   uint32_t version, client_version;
   uint64_t token_length;
   uint16_t server_port;
   bool parsed, retried, token_known;
   bool client_known, client_way; /* a client's Initial was opened; it went this way */
   uint8_t failures, multiplexed, zero_rtt, n_packets;
   struct id occid, oscid, scid, retry_scid;
   uint8_t packets[MAX_PACKETS];
   /* Not cleared. */
   uint8_t random[2][RANDOM]; /* of the first ClientHello and of the last other one */
   char few[FEW];
};

/* What is kept of a ClientHello's extensions. */
struct extensions {
   char bytes[MAX_EXT];
   size_t n;
   struct span agent;
};

static struct kept_piece keep(struct quic *q, struct span s, size_t most)
{
   return kept_text(&q->kept, q->few, sizeof(q->few), ALL, s, most);
}

static void keep_id(struct id *id, struct span s)
{
   id->n = (uint8_t) span_keep((char *) id->bytes, sizeof(id->bytes), s);
}

static bool is_id(const struct id *id, struct span s)
{
   return id->n == s.n && memcmp(id->bytes, s.p, s.n) == 0;
}

static uint8_t one_more(uint8_t n)
{
   return n < UINT8_MAX ? (uint8_t) (n + 1) : n;
}

/* ----------------------------------------------------------------- ClientHello */

static void look_at_parameters(struct extensions *e, struct span body)
{
   const uint8_t *p = (const uint8_t *) body.p, *end = p + body.n;
   uint64_t id, length;
   while (quic_integer(&p, end, &id) && quic_integer(&p, end, &length) && length <= (size_t) (end - p)) {
      if (id == PARAMETER_USER_AGENT) {
         e->agent = span_of(p, length);
      }
      p += length;
   }
}

static void look_at_extension(void *context, unsigned type, struct span body)
{
   struct extensions *e = context;
   if (type != EXT_ALPN && type != EXT_PARAMETERS && type != EXT_PARAMETERS_DRAFT &&
       type != EXT_PARAMETERS_GOOGLE) {
      return;
   }
   e->n += span_keep(e->bytes + e->n, sizeof(e->bytes) - e->n, body);
   if (type != EXT_ALPN && body.n > 0) {
      look_at_parameters(e, body);
   }
}

static void client_hello(struct quic *q, const struct packet *packet, const struct quic_packet *h,
                         const uint8_t *message, size_t size)
{
   struct tls_hello hello;
   if (!tls_parse_hello(message, size, TLS_CLIENT_HELLO, &hello)) {
      return;
   }
   q->parsed = true;
   memcpy(q->random[0], message + RANDOM_AT, RANDOM);
   memcpy(q->random[1], message + RANDOM_AT, RANDOM);
   q->client_version = h->version;
   q->server_port = packet->dst_port;
   keep_id(&q->oscid, h->dcid);
   keep_id(&q->occid, h->scid);
   if (!q->token_known) {
      q->token_length = h->token_length;
      q->token_known = true;
   }
   struct extensions e;
   e.n = 0;
   e.agent = span_of(NULL, 0);
   tls_extensions(&hello, look_at_extension, &e);
   q->sni = keep(q, hello.sni, MAX_TEXT);
   q->agent = keep(q, e.agent, MAX_TEXT);
   q->type = keep(q, span_of(hello.type, hello.listed * sizeof(hello.type[0])), sizeof(hello.type));
   q->length = keep(q, span_of(hello.length, hello.listed * sizeof(hello.length[0])), sizeof(hello.length));
   q->ext = keep(q, span_of(e.bytes, e.n), MAX_EXT);
}

/* A client that begins another connection between the same ports. */
static void another_hello(struct quic *q, const uint8_t *message)
{
   const uint8_t *random = message + RANDOM_AT;
   if (memcmp(random, q->random[0], RANDOM) != 0 && memcmp(random, q->random[1], RANDOM) != 0) {
      memcpy(q->random[1], random, RANDOM);
      q->multiplexed = one_more(q->multiplexed);
   }
}

/* \return true: nothing more is expected of this stream */
static bool look_at_stream(struct quic *q, const struct packet *packet, const struct quic_packet *h,
                           const struct quic_stream *s)
{
   size_t n = quic_stream_ready(s);
   if (n >= 1 && s->bytes[0] != TLS_CLIENT_HELLO) {
      return true;
   }
   if (n < RANDOM_AT + RANDOM) {
      return false;
   }
   if (q->parsed) {
      another_hello(q, s->bytes);
      return true;
   }
   size_t whole = TLS_HEADER + ((size_t) s->bytes[1] << 16 | load_be16(s->bytes + 2));
   if (n >= whole) {
      client_hello(q, packet, h, s->bytes, whole);
   }
   return n >= whole || whole > QUIC_MAX_STREAM;
}

/* -------------------------------------------------------------------- Initials */

static struct partial *partial_of(struct quic *q)
{
   struct partial *p = q->waiting != 0 ? &q->shared->partial[q->waiting - 1] : NULL;
   return p != NULL && p->owner == q ? p : NULL; /* another flow may have it now */
}

static struct partial *begin_partial(struct quic *q, struct span dcid, const struct quic_keys *keys)
{
   struct partial *p = partial_of(q);
   if (p == NULL) {
      uint32_t i = q->shared->turn++ % MAX_PARTIAL;
      p = &q->shared->partial[i];
      p->owner = q;
      q->waiting = i + 1;
   }
   keep_id(&p->dcid, dcid);
   p->keys = *keys;
   quic_stream_clear(&p->stream);
   return p;
}

/* Opens an Initial with the keys at hand, or with those of its own destination. \return bytes of frames in shared->plain */
static size_t open_initial(struct quic *q, const uint8_t *bytes, const struct quic_packet *h,
                           struct partial **partial)
{
   const struct quic_protection *ways[] = {h->protection, quic_other_protection_of(h->version)};
   struct quic_keys keys;
   struct partial *p = partial_of(q);
   size_t n = p != NULL ? quic_open(&q->shared->cipher, &p->keys, bytes, h, q->shared->plain) : 0;
   bool other = n == 0 && h->dcid.n >= MIN_DCID && (p == NULL || !is_id(&p->dcid, h->dcid));
   for (unsigned i = 0; other && n == 0 && i < 2 && ways[i] != NULL; i++) {
      quic_client_keys(ways[i], h->dcid, &keys);
      n = quic_open(&q->shared->cipher, &keys, bytes, h, q->shared->plain);
      p = n > 0 ? begin_partial(q, h->dcid, &keys) : p;
   }
   *partial = p;
   return n;
}

/* Initials without anything new are not opened: those of the server, and of a connection whose ClientHello is known. */
static bool worth_opening(const struct quic *q, const struct quic_packet *h, bool reverse)
{
   if (q->failures >= MAX_FAILURES || (q->client_known && reverse != q->client_way)) {
      return false;
   }
   return !q->parsed ||
          (!is_id(&q->oscid, h->dcid) && !is_id(&q->scid, h->dcid) && !is_id(&q->retry_scid, h->dcid));
}

static void initial(struct quic *q, const struct packet *packet, const uint8_t *bytes,
                    const struct quic_packet *h, bool reverse)
{
   struct partial *p;
   if (!worth_opening(q, h, reverse)) {
      return;
   }
   size_t n = open_initial(q, bytes, h, &p);
   if (n == 0) {
      q->failures++;
      return;
   }
   q->client_known = true;
   q->client_way = reverse;
   quic_stream_add(&p->stream, q->shared->plain, n);
   if (look_at_stream(q, packet, h, &p->stream)) {
      p->owner = NULL;
      q->waiting = 0;
   }
}

/* --------------------------------------------------------------------- packets */

static void one_packet(struct quic *q, const struct packet *packet, const uint8_t *bytes, size_t captured,
                       const struct quic_packet *h, bool reverse)
{
   if (h->kind == QUIC_ZERO_RTT) {
      q->zero_rtt = one_more(q->zero_rtt);
      return;
   }
   if (h->kind == QUIC_VERSION_NEGOTIATION) {
      return;
   }
   q->version = h->version;
   if (h->kind == QUIC_INITIAL && h->size <= captured) {
      initial(q, packet, bytes, h, reverse);
   }
   if (h->kind == QUIC_RETRY) {
      if (!q->retried) {
         keep_id(&q->retry_scid, h->scid);
         q->token_length = h->token_length;
         q->retried = q->token_known = true;
      }
   } else if (q->client_known && reverse != q->client_way && q->scid.n == 0) {
      keep_id(&q->scid, h->scid);
   }
}

static bool begins(uint8_t first)
{
   return (first & LONG_HEADER) != 0;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct quic *q = ext;
   if (packet->protocol != IPPROTO_UDP || packet->payload_captured < 8 ||
       (packet->payload[0] & LONG_HEADER) == 0) {
      return PLUGIN_NOTHING;
   }
   const uint8_t *p = packet->payload;
   size_t captured = packet->payload_captured, left = packet->payload_wire;
   unsigned bits = 0, result = PLUGIN_NOTHING;
   struct quic_packet h;
   while (captured > 0 && quic_packet_parse(p, captured, left, &h)) {
      bits |= 1u << h.kind | (bits == 0 && (p[0] & FIXED_BIT) != 0 ? BIT_FIXED : 0);
      one_packet(q, packet, p, captured, &h, reverse);
      result |= PLUGIN_HAS_DATA | (h.kind == QUIC_VERSION_NEGOTIATION ? PLUGIN_FLUSH : 0);
      left -= h.size;
      captured = h.size < captured ? captured - h.size : 0;
      p += h.size;
   }
   uint64_t index = (uint64_t) flow->packets + flow->packets_rev - 1;
   if (bits != 0 && index < MAX_PACKETS) {
      q->packets[index] = (uint8_t) bits;
      q->n_packets = (uint8_t) (index + 1);
   }
   return result;
}

static void set_id(const ur_template_t *tmplt, void *rec, int field, const struct id *id)
{
   plugin_set_var(tmplt, rec, field, id->bytes, id->n);
}

static void set_piece(const ur_template_t *tmplt, void *rec, int field, const struct quic *q,
                      struct kept_piece piece)
{
   plugin_set_var(tmplt, rec, field, kept_at(&q->kept, q->few, piece), piece.n);
}

static void turn(void *ext)
{
   struct quic *q = ext;
   q->client_way = !q->client_way;
}

static void fill(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec)
{
   const struct quic *q = ext;
   (void) index;
   ur_set(tmplt, rec, F_QUIC_VERSION, q->version);
   ur_set(tmplt, rec, F_QUIC_CLIENT_VERSION, q->client_version);
   ur_set(tmplt, rec, F_QUIC_TOKEN_LENGTH, q->token_known ? q->token_length : UINT64_MAX);
   ur_set(tmplt, rec, F_QUIC_MULTIPLEXED, q->multiplexed);
   ur_set(tmplt, rec, F_QUIC_ZERO_RTT, q->zero_rtt);
   ur_set(tmplt, rec, F_QUIC_SERVER_PORT, q->server_port);
   ur_set(tmplt, rec, F_QUIC_CH_PARSED, q->parsed);
   set_id(tmplt, rec, F_QUIC_OCCID, &q->occid);
   set_id(tmplt, rec, F_QUIC_OSCID, &q->oscid);
   plugin_set_var(tmplt, rec, F_QUIC_PACKETS, q->packets, q->n_packets);
   set_id(tmplt, rec, F_QUIC_RETRY_SCID, &q->retry_scid);
   set_id(tmplt, rec, F_QUIC_SCID, &q->scid);
   set_piece(tmplt, rec, F_QUIC_SNI, q, q->sni);
   set_piece(tmplt, rec, F_QUIC_TLS_EXT, q, q->ext);
   set_piece(tmplt, rec, F_QUIC_USER_AGENT, q, q->agent);
   set_piece(tmplt, rec, F_QUIC_TLS_EXT_LEN, q, q->length);
   set_piece(tmplt, rec, F_QUIC_TLS_EXT_TYPE, q, q->type);
}

static void close_shared(void *shared)
{
   struct shared *s = shared;
   quic_cipher_close(&s->cipher);
}

const struct flow_plugin plugin_quic = {
    .name = "quic",
    .help = "QUIC server name, user agent, versions, connection ids and packet types, any port",
    .fields =
        "string QUIC_SNI,string QUIC_USER_AGENT,uint32 QUIC_VERSION,uint32 QUIC_CLIENT_VERSION,"
        "uint64 QUIC_TOKEN_LENGTH,bytes QUIC_OCCID,bytes QUIC_OSCID,bytes QUIC_SCID,bytes QUIC_RETRY_SCID,"
        "uint8 QUIC_MULTIPLEXED,uint8 QUIC_ZERO_RTT,uint16 QUIC_SERVER_PORT,uint8* QUIC_PACKETS,"
        "uint8 QUIC_CH_PARSED,uint16* QUIC_TLS_EXT_TYPE,uint16* QUIC_TLS_EXT_LEN,bytes QUIC_TLS_EXT",
    .protocols = PLUGIN_UDP,
    .payload_only = true,
    .ext_size = sizeof(struct quic),
    .clear_size = offsetof(struct quic, random),
    .more_size = ALL,
    .shared_size = sizeof(struct shared),
    .close_shared = close_shared,
    .lazy = true,
    .begins = begins,
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
