/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin tls: server name, protocols and fingerprints of TLS connections on any port, from the ClientHello and the ServerHello.
 * A hello may take several segments (usual with post-quantum keys) and several records (RFC 8446, 5.1).
 */
#include "tls_flow.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(string TLS_SNI, bytes TLS_JA3, string TLS_JA4, string TLS_ALPN, uint16 TLS_VERSION,
          uint16 *TLS_EXT_TYPE, uint16 *TLS_EXT_LEN)

#define HANDSHAKE 22 /* type of a record */
#define RECORD    5  /* bytes of its header */

static uint32_t standard_ja4;
static const struct flow_plugin_option options[] = {
    {"ja4", &standard_ja4, 1, "TLS_JA4 exactly as FoxIO defines it, not as NEMEA wrote it until now"},
    {NULL, NULL, 0, NULL}};

enum hello { NO_HELLO, CUT_HELLO, WHOLE_HELLO };

static bool is_record(const uint8_t *p, size_t n)
{
   return p[0] == HANDSHAKE && (n < 2 || p[1] == 3) && (n < 3 || p[2] <= 3);
}

/* Finds a hello at the payload's beginning. In a record of its own it stays where it is; the pieces that several records have of
 * it are put together in scratch. */
static enum hello find_hello(struct span s, unsigned type, uint8_t scratch[TLS_MAX_HELLO],
                             struct span *message)
{
   const uint8_t *p = (const uint8_t *) s.p, *end = p + s.n;
   size_t have = 0, whole = TLS_HEADER + 2;
   *message = span_of(NULL, 0);
   while (have < whole) {
      if (p == end || (size_t) (end - p) < RECORD) {
         return p == end || is_record(p, (size_t) (end - p)) ? CUT_HELLO : NO_HELLO;
      }
      size_t length = load_be16(p + 3), there = (size_t) (end - p) - RECORD;
      if (!is_record(p, RECORD) || length == 0) {
         return NO_HELLO;
      }
      there = there < length ? there : length;
      if (have == 0 && there >= TLS_HEADER &&
          TLS_HEADER + ((size_t) p[RECORD + 1] << 16 | load_be16(p + RECORD + 2)) <= there) {
         *message = span_of(p + RECORD, there);
      } else {
         memcpy(scratch + have, p + RECORD, there < TLS_MAX_HELLO - have ? there : TLS_MAX_HELLO - have);
         *message = span_of(scratch, have + there < TLS_MAX_HELLO ? have + there : TLS_MAX_HELLO);
      }
      have += there;
      const uint8_t *m = (const uint8_t *) message->p;
      if (have > 0 && m[0] != type) {
         return NO_HELLO;
      }
      if (have >= TLS_HEADER) {
         whole = TLS_HEADER + ((size_t) m[1] << 16 | load_be16(m + 2));
      }
      if (whole > TLS_MAX_HELLO || whole < TLS_HEADER + 2 || (have > TLS_HEADER && m[TLS_HEADER] != 3)) {
         return NO_HELLO;
      }
      p += RECORD + there;
   }
   message->n = whole;
   return WHOLE_HELLO;
}

static struct kept_piece keep(struct tls *t, struct span s, size_t most)
{
   return kept_text(&t->kept, t->few, sizeof(t->few), TLS_ALL, s, most);
}

static unsigned client_hello(struct tls *t, const struct packet *packet, struct span message, bool name_only)
{
   struct tls_hello h;
   if (!tls_parse_hello((const uint8_t *) message.p, message.n, TLS_CLIENT_HELLO, &h)) {
      return PLUGIN_NOTHING;
   }
   t->client = true;
   t->version = h.version;
   t->sni = keep(t, h.sni, TLS_SNI_MAX);
   if (name_only) {
      return PLUGIN_HAS_DATA | PLUGIN_DONE;
   }
   t->ja4_length = (uint8_t) tls_fingerprints(
       t->shared->known, &h, packet->protocol == IPPROTO_UDP ? 'q' : 't', standard_ja4, t->ja3, t->ja4);
   t->type = keep(t, span_of(h.type, h.listed * sizeof(h.type[0])), sizeof(h.type));
   t->length = keep(t, span_of(h.length, h.listed * sizeof(h.length[0])), sizeof(h.length));
   return PLUGIN_HAS_DATA;
}

static unsigned server_hello(struct tls *t, struct span message)
{
   struct tls_hello h;
   if (!tls_parse_hello((const uint8_t *) message.p, message.n, TLS_SERVER_HELLO, &h)) {
      return PLUGIN_NOTHING;
   }
   t->server = true;
   t->version = h.selected != 0 ? h.selected : t->version;
   t->alpn = keep(t, h.alpn, TLS_ALPN_MAX);
   return PLUGIN_DONE;
}

bool tls_begins(uint8_t first)
{
   return first == HANDSHAKE;
}

static unsigned look(struct tls *t, const struct packet *packet, bool name_only)
{
   struct span s = span_of(packet->payload, packet->payload_captured), message;
   if (s.n == 0 || packet->payload[0] != HANDSHAKE || t->server) {
      return PLUGIN_NOTHING;
   }
   switch (find_hello(s, t->client ? TLS_SERVER_HELLO : TLS_CLIENT_HELLO, t->shared->scratch, &message)) {
   case CUT_HELLO: return plugin_all(packet) ? PLUGIN_NOTHING : PLUGIN_MORE;
   case WHOLE_HELLO:
      return t->client ? server_hello(t, message) : client_hello(t, packet, message, name_only);
   default: return PLUGIN_NOTHING;
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   return look(ext, packet, false);
}

unsigned tls_look_for_name(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   return look(ext, packet, true);
}

static void set_piece(const ur_template_t *tmplt, void *rec, int field, const struct tls *t,
                      struct kept_piece piece)
{
   plugin_set_var(tmplt, rec, field, kept_at(&t->kept, t->few, piece), piece.n);
}

static void fill(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec)
{
   const struct tls *t = ext;
   (void) index;
   ur_set(tmplt, rec, F_TLS_VERSION, t->version);
   set_piece(tmplt, rec, F_TLS_ALPN, t, t->alpn);
   plugin_set_var(tmplt, rec, F_TLS_JA3, t->ja3, sizeof(t->ja3));
   plugin_set_var(tmplt, rec, F_TLS_JA4, t->ja4, t->ja4_length);
   set_piece(tmplt, rec, F_TLS_SNI, t, t->sni);
   set_piece(tmplt, rec, F_TLS_EXT_LEN, t, t->length);
   set_piece(tmplt, rec, F_TLS_EXT_TYPE, t, t->type);
}

const struct flow_plugin plugin_tls = {
    .name = "tls",
    .help = "TLS server name, protocol, version, JA3 and JA4, any port",
    .fields =
        "string TLS_SNI,bytes TLS_JA3,string TLS_JA4,string TLS_ALPN,uint16 TLS_VERSION,uint16* TLS_EXT_TYPE,"
        "uint16* TLS_EXT_LEN",
    .stream = true,
    .ext_size = sizeof(struct tls),
    .clear_size = TLS_FLOW_CLEAR,
    .more_size = TLS_ALL,
    .shared_size = sizeof(struct tls_shared),
    .options = options,
    .lazy = true,
    .begins = tls_begins,
    .begins_always = true,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
