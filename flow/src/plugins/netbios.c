/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin netbios: the first question of NetBIOS name service packets (RFC 1002 4.2). Each gives a record. A flow holds
 * MAX_NAMES of them; the next one begins another flow, so that none is lost.
 */
#include "cache/plugin.h"

#include <string.h>

#include "fields.h"

UR_FIELDS(string NB_NAME, uint8 NB_SUFFIX)

#define PORT      137
#define HEADER    12
#define ENCODED   32 /* bytes of a name: two letters for each of its 16 */
#define MAX_NAMES 8

struct netbios {
   unsigned n;
   /* Not cleared. */
   uint8_t names[MAX_NAMES][ENCODED / 2];
};

static bool is_name(const struct packet *packet)
{
   const uint8_t *p = packet->payload;
   return (packet->src_port == PORT || packet->dst_port == PORT) &&
          packet->payload_captured >= HEADER + 1 + ENCODED && load_be16(p + 4) > 0 && p[HEADER] == ENCODED;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct netbios *n = ext;
   (void) flow;
   (void) reverse;
   if (!is_name(packet) || n->n == MAX_NAMES) {
      return PLUGIN_NOTHING;
   }
   const uint8_t *p = packet->payload + HEADER + 1;
   for (unsigned i = 0; i < ENCODED; i++) {
      if (p[i] < 'A' || p[i] > 'P') {
         return PLUGIN_NOTHING;
      }
   }
   for (unsigned i = 0; i < ENCODED / 2; i++) {
      n->names[n->n][i] = (uint8_t) ((p[2 * i] - 'A') << 4 | (p[2 * i + 1] - 'A'));
   }
   n->n++;
   return PLUGIN_HAS_DATA;
}

static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) flow;
   return ((const struct netbios *) ext)->n == MAX_NAMES && is_name(packet) ? PLUGIN_FLUSH_FIRST
                                                                            : PLUGIN_NOTHING;
}

static unsigned records(const void *ext)
{
   return ((const struct netbios *) ext)->n;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const uint8_t *name = ((const struct netbios *) ext)->names[index];
   plugin_set_var(t, rec, F_NB_NAME, name, ENCODED / 2 - 1);
   ur_set(t, rec, F_NB_SUFFIX, name[ENCODED / 2 - 1]);
}

const struct flow_plugin plugin_netbios = {
    .name = "netbios",
    .help = "names in NetBIOS name service queries, port 137",
    .fields = "string NB_NAME,uint8 NB_SUFFIX",
    .protocols = PLUGIN_TCP | PLUGIN_UDP,
    .port = PORT,
    .payload_only = true,
    .ext_size = sizeof(struct netbios),
    .clear_size = offsetof(struct netbios, names),
    .lazy = true,
    .create = on_packet,
    .before = before,
    .update = on_packet,
    .records = records,
    .fill = fill,
};
