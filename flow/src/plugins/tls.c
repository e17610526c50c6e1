/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin tls: server name, protocols and fingerprints of TLS connections on any port, from the ClientHello and the ServerHello.
 * A ClientHello that takes several segments (usual with post-quantum keys) is put together when they come in order; the
 * memory for that is shared by all flows: when more do so at a time than there is room for, the oldest gives nothing.
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

/* A handshake message in a record at the payload's beginning. whole: bytes of it with its header */
static bool find_message(struct span s, unsigned type, size_t *whole)
{
   const uint8_t *p = (const uint8_t *) s.p;
   if (s.n < RECORD + TLS_HEADER + 2 || p[0] != HANDSHAKE || p[1] != 3 || p[2] > 3 || p[RECORD] != type ||
       p[RECORD + TLS_HEADER] != 3) {
      return false;
   }
   *whole = TLS_HEADER + ((size_t) p[RECORD + 1] << 16 | load_be16(p + RECORD + 2));
   return *whole <= load_be16(p + 3);
}

static unsigned client_hello(struct tls *t, const struct packet *packet, const uint8_t *message, size_t size)
{
   struct tls_hello h;
   if (!tls_parse_hello(message, size, TLS_CLIENT_HELLO, &h)) {
      return PLUGIN_NOTHING;
   }
   t->client = true;
   t->version = h.version;
   t->sni_length = (uint8_t) span_keep(t->sni, sizeof(t->sni), h.sni);
   t->alpn_length = 0;
   tls_ja3(&h, t->ja3);
   t->ja4_length = (uint8_t) tls_ja4(&h, packet->protocol == IPPROTO_UDP ? 'q' : 't', standard_ja4, t->ja4);
   t->listed = (uint8_t) h.listed;
   memcpy(t->type, h.type, sizeof(t->type));
   memcpy(t->length, h.length, sizeof(t->length));
   return PLUGIN_HAS_DATA;
}

static uint32_t next_seq(const struct packet *packet)
{
   return load_be32(packet->l4 + 4) + packet->payload_wire;
}

static unsigned begin_partial(struct tls *t, const struct packet *packet, struct span message, bool reverse)
{
   if (packet->protocol != IPPROTO_TCP || plugin_l4_captured(packet) < 20 ||
       packet->payload_captured != packet->payload_wire) {
      return PLUGIN_NOTHING;
   }
   uint32_t i = t->shared->turn++ % TLS_MAX_PARTIAL;
   struct tls_partial *p = &t->shared->partial[i];
   p->owner = t;
   p->next_seq = next_seq(packet);
   p->size = span_keep((char *) p->bytes, sizeof(p->bytes), message);
   t->waiting = i + 1;
   t->client_way = reverse;
   return PLUGIN_KEEP;
}

static unsigned add_to_partial(struct tls *t, const struct packet *packet, bool reverse)
{
   struct tls_partial *p = &t->shared->partial[t->waiting - 1];
   if (p->owner != t) { /* another flow has it now */
      t->waiting = 0;
      return PLUGIN_NOTHING;
   }
   if (reverse != t->client_way || packet->payload_captured == 0 || plugin_l4_captured(packet) < 20 ||
       load_be32(packet->l4 + 4) != p->next_seq) {
      return PLUGIN_NOTHING;
   }
   p->next_seq = next_seq(packet);
   p->size += span_keep((char *) p->bytes + p->size, sizeof(p->bytes) - p->size,
                        span_of(packet->payload, packet->payload_captured));
   size_t whole = TLS_HEADER + ((size_t) p->bytes[1] << 16 | load_be16(p->bytes + 2));
   if (p->size < whole && packet->payload_captured == packet->payload_wire) {
      return PLUGIN_NOTHING;
   }
   t->waiting = 0;
   p->owner = NULL;
   return p->size >= whole ? client_hello(t, packet, p->bytes, whole) : PLUGIN_NOTHING;
}

static void server_hello(struct tls *t, struct span s)
{
   struct tls_hello h;
   size_t whole;
   if (find_message(s, TLS_SERVER_HELLO, &whole) && whole <= s.n - RECORD &&
       tls_parse_hello((const uint8_t *) s.p + RECORD, whole, TLS_SERVER_HELLO, &h)) {
      t->server = true;
      t->version = h.selected != 0 ? h.selected : t->version;
      t->alpn_length = (uint8_t) span_keep(t->alpn, sizeof(t->alpn), h.alpn);
   }
}

unsigned tls_look(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct tls *t = ext;
   struct span s = span_of(packet->payload, packet->payload_captured);
   size_t whole;
   (void) flow;
   if (t->waiting != 0) {
      return add_to_partial(t, packet, reverse);
   }
   if (s.n == 0 || packet->payload[0] != HANDSHAKE || t->server) {
      return PLUGIN_NOTHING;
   }
   if (t->client) {
      server_hello(t, s);
      return PLUGIN_NOTHING;
   }
   if (!find_message(s, TLS_CLIENT_HELLO, &whole)) {
      return PLUGIN_NOTHING;
   }
   if (whole <= s.n - RECORD) {
      return client_hello(t, packet, packet->payload + RECORD, whole);
   }
   return whole <= TLS_MAX_HELLO ? begin_partial(t, packet, span_of(s.p + RECORD, s.n - RECORD), reverse)
                                 : PLUGIN_NOTHING;
}

static void fill(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec)
{
   const struct tls *t = ext;
   (void) index;
   ur_set(tmplt, rec, F_TLS_VERSION, t->version);
   ur_set_var(tmplt, rec, F_TLS_SNI, t->sni, t->sni_length);
   ur_set_var(tmplt, rec, F_TLS_JA3, t->ja3, sizeof(t->ja3));
   ur_set_var(tmplt, rec, F_TLS_JA4, t->ja4, t->ja4_length);
   ur_set_var(tmplt, rec, F_TLS_ALPN, t->alpn, t->alpn_length);
   ur_set_var(tmplt, rec, F_TLS_EXT_TYPE, t->type, (int) (t->listed * sizeof(t->type[0])));
   ur_set_var(tmplt, rec, F_TLS_EXT_LEN, t->length, (int) (t->listed * sizeof(t->length[0])));
}

const struct flow_plugin plugin_tls = {
    .name = "tls",
    .help = "TLS server name, protocol, version, JA3 and JA4, any port",
    .fields =
        "string TLS_SNI,bytes TLS_JA3,string TLS_JA4,string TLS_ALPN,uint16 TLS_VERSION,uint16* TLS_EXT_TYPE,"
        "uint16* TLS_EXT_LEN",
    .ext_size = sizeof(struct tls),
    .clear_size = TLS_FLOW_CLEAR,
    .shared_size = sizeof(struct tls_shared),
    .options = options,
    .lazy = true,
    .create = tls_look,
    .update = tls_look,
    .fill = fill,
};
