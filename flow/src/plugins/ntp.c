/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin ntp: requests and answers of NTP versions 1 to 4 (RFC 5905 and those before, modes 3 and 4). Each packet on the port ends its flow.
 * Timestamps are seconds of the NTP era with six decimals.
 */
#include "cache/plugin.h"
#include "text.h"

#include <netinet/in.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint8 NTP_LEAP, uint8 NTP_VERSION, uint8 NTP_MODE, uint8 NTP_STRATUM, uint8 NTP_POLL,
          uint8 NTP_PRECISION, uint32 NTP_DELAY, uint32 NTP_DISPERSION, string NTP_REF_ID, string NTP_REF,
          string NTP_ORIG, string NTP_RECV, string NTP_SENT)

#define PORT        123
#define HEADER      48
#define MAX_STRATUM 16
#define MAX_POLL    17
#define OLD_DELAY   9 /* what NTP_DELAY and NTP_DISPERSION always were */

static uint32_t exact_delay;

struct ntp {
   uint8_t header[HEADER];
};

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   const uint8_t *p = packet->payload;
   (void) flow;
   (void) reverse;
   if ((packet->src_port != PORT && packet->dst_port != PORT) || packet->protocol != IPPROTO_UDP ||
       packet->l4 == NULL) {
      return PLUGIN_NOTHING;
   }
   if (packet->payload_captured < HEADER || (p[0] >> 3 & 7) < 1 || (p[0] >> 3 & 7) > 4 ||
       ((p[0] & 7) != 3 && (p[0] & 7) != 4) || p[1] > MAX_STRATUM || p[2] > MAX_POLL) {
      return PLUGIN_FLUSH;
   }
   memcpy(((struct ntp *) ext)->header, p, HEADER);
   return PLUGIN_HAS_DATA | PLUGIN_FLUSH;
}

/* printf() of the times would take most of the plugin's time. */
static void set_time(const ur_template_t *t, void *rec, ur_field_id_t field, const uint8_t *p)
{
   char s[24];
   size_t at = sizeof(s);
   uint64_t micros = load_be32(p) * UINT64_C(1000000) +
                     ((load_be32(p + 4) * UINT64_C(1000000) + (UINT64_C(1) << 31)) >> 32);
   for (unsigned digits = 0; digits < 7 || micros > 0; digits++) {
      if (digits == 6) {
         s[--at] = '.';
      }
      s[--at] = (char) ('0' + micros % 10);
      micros /= 10;
   }
   plugin_set_var(t, rec, field, s + at, sizeof(s) - at);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   static const char *const codes[] = {"INIT", "STEP", "DENY", "RATE"};
   const uint8_t *p = ((const struct ntp *) ext)->header;
   char id[16];
   (void) index;
   size_t n = text_quad(id, p + 12);
   for (unsigned i = 0; p[1] == 0 && i < sizeof(codes) / sizeof(codes[0]); i++) {
      if (memcmp(p + 12, codes[i], 4) == 0) {
         n = strlen(codes[i]);
         memcpy(id, codes[i], n);
      }
   }
   ur_set(t, rec, F_NTP_LEAP, p[0] >> 6);
   ur_set(t, rec, F_NTP_VERSION, p[0] >> 3 & 7);
   ur_set(t, rec, F_NTP_MODE, p[0] & 7);
   ur_set(t, rec, F_NTP_STRATUM, p[1]);
   ur_set(t, rec, F_NTP_POLL, p[2]);
   ur_set(t, rec, F_NTP_PRECISION, p[3]);
   ur_set(t, rec, F_NTP_DELAY, exact_delay != 0 ? load_be32(p + 4) : OLD_DELAY);
   ur_set(t, rec, F_NTP_DISPERSION, exact_delay != 0 ? load_be32(p + 8) : OLD_DELAY);
   set_time(t, rec, F_NTP_ORIG, p + 24);
   set_time(t, rec, F_NTP_RECV, p + 32);
   set_time(t, rec, F_NTP_REF, p + 16);
   plugin_set_var(t, rec, F_NTP_REF_ID, id, n);
   set_time(t, rec, F_NTP_SENT, p + 40);
}

static const struct flow_plugin_option options[] = {
    {.name = "exactdelay",
     .value = &exact_delay,
     .max = 1,
     .help = "export NTP_DELAY and NTP_DISPERSION of the packet (2^-16 s) instead of 9"},
    {.name = NULL}};

const struct flow_plugin plugin_ntp = {
    .name = "ntp",
    .help = "NTP requests and answers, port 123",
    .fields = "uint8 NTP_LEAP,uint8 NTP_VERSION,uint8 NTP_MODE,uint8 NTP_STRATUM,uint8 NTP_POLL,"
              "uint8 NTP_PRECISION,uint32 NTP_DELAY,uint32 NTP_DISPERSION,string NTP_REF_ID,string NTP_REF,"
              "string NTP_ORIG,string NTP_RECV,string NTP_SENT",
    .protocols = PLUGIN_UDP,
    .port = PORT,
    .ext_size = sizeof(struct ntp),
    .lazy = true,
    .options = options,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
