/* SPDX-License-Identifier: BSD-3-Clause */
/** make_flows: sends basic flow records that depend on nothing but the options, for benchmarks. */
#include <nemea/module.h>

#include "fields.h"

NM_FIELDS(ipaddr DST_IP, ipaddr SRC_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 DST_PORT, uint16 SRC_PORT, uint8 DIR_BIT_FIELD, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TOS, uint8 TTL)

#define BATCH     256
#define START     1600000000 /* seconds since 1970 */
#define HOST_BITS 16         /* hosts of a network, without --keys */

struct make_flows {
   uint64_t records, keys;
   uint32_t rate;
   uint64_t sent;
};

static const nm_option_t options[] = {
    NM_U64('r', "records", struct make_flows, records, 1000000, 0, UINT64_MAX, "How many records."),
    NM_U64(
        'k', "keys", struct make_flows, keys, 0, 0, UINT32_MAX,
        "Take sources and targets from this many pairs, one after the other; 0: a few hosts have most flows, "
        "as in networks."),
    NM_U32('s', "rate", struct make_flows, rate, 100000, 1, 1000000, "Records of a second of stream time."),
    NM_END,
};

/* Mixes the bits of x; a bijection (D. Stafford's variant 13 of the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t x)
{
   x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
   x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
   return x ^ x >> 31;
}

/* A host number from 0 to 2^bits - 1; half of all flows belong to an eighth of the hosts, a quarter to a sixty-fourth, and so on. */
static uint32_t skewed(uint64_t random, unsigned bits)
{
   unsigned narrow = 3 * (unsigned) __builtin_ctzll(random | UINT64_C(1) << (bits / 3));
   return (uint32_t) (random >> 32) & ((UINT32_C(1) << (bits - narrow)) - 1);
}

static void fill(const struct make_flows *self, const ur_template_t *t, void *rec)
{
   static const uint16_t services[] = {443, 443, 443, 443, 80,  80,  53,   53,
                                       53,  53,  22,  25,  123, 993, 8080, 3389};
   const uint64_t n = self->sent, a = mix(n + 1), b = mix(a), key = self->keys > 0 ? n % self->keys : 0;
   uint32_t source = self->keys > 0 ? (uint32_t) key : skewed(a, HOST_BITS), target = skewed(b, HOST_BITS);
   uint16_t service = services[a >> 8 & 15];
   bool udp = service == 53 || service == 123;
   uint32_t packets = 1 + (uint32_t) (b >> 20 & (b >> 8 & 3 ? 7 : 255));
   ur_time_t last = ur_time_from_sec_usec(START + n / self->rate, n % self->rate * 1000000 / self->rate);
   if (self->keys > 0) { /* odd multipliers are bijections: each key has one address, in no order */
      target = (uint32_t) (key * UINT32_C(2246822519));
      ur_set(t, rec, F_SRC_IP, ip_from_int(source * UINT32_C(2654435761)));
      ur_set(t, rec, F_DST_IP, ip_from_int(target));
   } else {
      ur_set(t, rec, F_SRC_IP, ip_from_int(0x0a000000 | source));
      ur_set(t, rec, F_DST_IP, ip_from_int(0xc0a80000 + target));
   }
   ur_set(t, rec, F_BYTES, packets * (40 + (a >> 40 & 1023)));
   ur_set(t, rec, F_LINK_BIT_FIELD, 1);
   ur_set(t, rec, F_TIME_FIRST, last - ur_time_from_sec_msec(0, b >> 50 & 511));
   ur_set(t, rec, F_TIME_LAST, last);
   ur_set(t, rec, F_PACKETS, packets);
   ur_set(t, rec, F_DST_PORT, service);
   ur_set(t, rec, F_SRC_PORT, (uint16_t) (1024 + (a >> 16 & 0x7fff)));
   ur_set(t, rec, F_DIR_BIT_FIELD, 0);
   ur_set(t, rec, F_PROTOCOL, udp ? 17 : 6);
   ur_set(t, rec, F_TCP_FLAGS, udp ? 0 : 0x1b);
   ur_set(t, rec, F_TOS, 0);
   ur_set(t, rec, F_TTL, 64);
}

static int source(nm_module_t *m)
{
   struct make_flows *self = nm_self(m);
   const ur_template_t *t = nm_out(m);
   for (int i = 0; i < BATCH; i++) {
      if (self->sent >= self->records) {
         return NM_STOP;
      }
      void *room;
      int rc = nm_reserve(m, 0, ur_rec_fixlen_size(t), &room);
      if (rc != NM_OK) {
         return rc;
      }
      if (room != NULL) {
         fill(self, t, room);
         rc = nm_commit(m, 0, ur_rec_fixlen_size(t));
      }
      if (rc != NM_OK) {
         return rc;
      }
      self->sent++;
   }
   return NM_OK;
}

NM_MODULE("make_flows", "Sends basic flow records that depend on nothing but the options, for benchmarks.",
          .out = NM_OUTPUTS({"flows",
                             "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time "
                             "TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 "
                             "DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL",
                             .timeout = TRAP_WAIT}),
          .options = options, .state_size = sizeof(struct make_flows), .source = source)
