/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin mqtt: control packets of MQTT 3.1.1 and 5 on any TCP port, from the CONNECT on. Packets may share segments and span
 * them. Of a packet larger than that, the first bytes are waited for.
 */
#include "cache/plugin.h"
#include "text.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint16 MQTT_TYPE_CUMULATIVE, uint8 MQTT_VERSION, uint8 MQTT_CONNECTION_FLAGS,
          uint16 MQTT_KEEP_ALIVE, uint8 MQTT_CONNECTION_RETURN_CODE, uint8 MQTT_PUBLISH_FLAGS,
          string MQTT_TOPICS)

#define MAX_FIXED     5   /* bytes of a fixed header */
#define MAX_WAIT      512 /* bytes of a packet that are waited for: topics are at its beginning */
#define PROTOCOL      "\0\4MQTT"
#define PROTOCOL_SIZE 6
#define MAX_TOPICS    255 /* bytes, with the # after each */

enum { CONNECT = 1, CONNACK = 2, PUBLISH = 3 };

static uint32_t topic_count;

struct mqtt {
   uint32_t left[2]; /* of a packet that goes on in the next segment, by direction */
   uint32_t n_topics;
   uint16_t types, keep_alive, topics_length;
   uint8_t version, flags, return_code, publish_flags;
   /* Not cleared. */
   char topics[MAX_TOPICS];
};

/* Fixed header (MQTT 2.2). \return its bytes, 0: it is cut or none */
static size_t fixed_header(const uint8_t *p, size_t n, uint32_t *length)
{
   *length = 0;
   for (unsigned i = 1; i <= 4 && i < n; i++) {
      *length |= (uint32_t) (p[i] & 0x7f) << (7 * (i - 1));
      if ((p[i] & 0x80) == 0) {
         return p[0] >> 4 != 0 ? i + 1 : 0;
      }
   }
   return 0;
}

static void add_topic(struct mqtt *m, const uint8_t *p, size_t n)
{
   if (m->n_topics >= topic_count || n < 2 || (size_t) load_be16(p) + 2 > n) {
      return;
   }
   m->n_topics++;
   m->topics_length = (uint16_t) (m->topics_length + span_keep(m->topics + m->topics_length,
                                                               (size_t) (MAX_TOPICS - m->topics_length),
                                                               span_of(p + 2, load_be16(p))));
   m->topics_length =
       (uint16_t) (m->topics_length + span_keep(m->topics + m->topics_length,
                                                (size_t) (MAX_TOPICS - m->topics_length), span_of("#", 1)));
}

/* What is there of one packet after its fixed header. \return false: it is not MQTT */
static bool parse_packet(struct mqtt *m, uint8_t first, const uint8_t *p, size_t n)
{
   unsigned type = first >> 4;
   if (type == CONNECT) {
      if (first != CONNECT << 4 || n < 10 || memcmp(p, PROTOCOL, PROTOCOL_SIZE) != 0 ||
          (p[6] != 4 && p[6] != 5)) {
         return false;
      }
      m->version = p[6];
      m->flags = p[7];
      m->keep_alive = load_be16(p + 8);
   }
   if (m->version == 0) {
      return false;
   }
   m->types |= (uint16_t) (1u << type);
   if (type == CONNACK && n >= 2) {
      m->types |= p[0] & 1;
      m->return_code = p[1];
   } else if (type == PUBLISH) {
      m->publish_flags |= first & 15;
      add_topic(m, p, n);
   }
   return true;
}

static unsigned mqtt_more(const struct mqtt *m, size_t used)
{
   return (m->version != 0 ? PLUGIN_HAS_DATA : PLUGIN_NOTHING) | PLUGIN_MORE | PLUGIN_USED(used);
}

/* What is there of a CONNECT agrees with what it begins with. */
static bool may_connect(const uint8_t *p, size_t n)
{
   return memcmp(p, PROTOCOL, n < PROTOCOL_SIZE ? n : PROTOCOL_SIZE) == 0;
}

static bool begins(uint8_t first)
{
   return first == CONNECT << 4;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct mqtt *m = ext;
   const uint8_t *p = packet->payload;
   size_t n = packet->payload_captured;
   uint32_t length;
   (void) flow;
   bool all = plugin_all(packet);
   if (n < (all ? 2 : 1) || packet->protocol != IPPROTO_TCP || (m->version == 0 && p[0] != CONNECT << 4)) {
      return PLUGIN_NOTHING;
   }
   if (m->left[reverse] >= packet->payload_wire) {
      m->left[reverse] -= packet->payload_wire;
      return PLUGIN_NOTHING;
   }
   size_t at = m->left[reverse];
   m->left[reverse] = 0;
   while (at < n) {
      size_t header = fixed_header(p + at, n - at, &length);
      if (header == 0 && !all && n - at < MAX_FIXED) {
         return mqtt_more(m, at);
      }
      if (header == 0) {
         break;
      }
      size_t there = n - at - header;
      if (there < length && there < MAX_WAIT && !all &&
          (m->version != 0 || may_connect(p + at + header, there))) {
         return mqtt_more(m, at);
      }
      if (!parse_packet(m, p[at], p + at + header, length < there ? length : there)) {
         break;
      }
      at += header + length;
   }
   m->left[reverse] = at > packet->payload_wire ? (uint32_t) at - packet->payload_wire : 0;
   return m->version != 0 ? PLUGIN_HAS_DATA : PLUGIN_NOTHING;
}

static void turn(void *ext)
{
   struct mqtt *m = ext;
   PLUGIN_TURN(m->left);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct mqtt *m = ext;
   (void) index;
   ur_set(t, rec, F_MQTT_TYPE_CUMULATIVE, m->types);
   ur_set(t, rec, F_MQTT_VERSION, m->version);
   ur_set(t, rec, F_MQTT_CONNECTION_FLAGS, m->flags);
   ur_set(t, rec, F_MQTT_KEEP_ALIVE, m->keep_alive);
   ur_set(t, rec, F_MQTT_CONNECTION_RETURN_CODE, m->return_code);
   ur_set(t, rec, F_MQTT_PUBLISH_FLAGS, m->publish_flags);
   plugin_set_var(t, rec, F_MQTT_TOPICS, m->topics, m->topics_length);
}

static const struct flow_plugin_option options[] = {
    {.name = "tc",
     .value = &topic_count,
     .max = MAX_TOPICS,
     .help = "topics of the first N PUBLISH packets (default 0)"},
    {.name = "topiccount", .value = &topic_count, .max = MAX_TOPICS, .help = "same as tc"},
    {.name = NULL}};

const struct flow_plugin plugin_mqtt = {
    .name = "mqtt",
    .help = "MQTT control packets, any TCP port",
    .fields =
        "uint16 MQTT_TYPE_CUMULATIVE,uint8 MQTT_VERSION,uint8 MQTT_CONNECTION_FLAGS,uint16 MQTT_KEEP_ALIVE,"
        "uint8 MQTT_CONNECTION_RETURN_CODE,uint8 MQTT_PUBLISH_FLAGS,string MQTT_TOPICS",
    .protocols = PLUGIN_TCP,
    .stream = true,
    .ext_size = sizeof(struct mqtt),
    .clear_size = offsetof(struct mqtt, topics),
    .options = options,
    .lazy = true,
    .begins = begins,
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
