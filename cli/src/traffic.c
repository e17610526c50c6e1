/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 BYTES_REV, uint32 PACKETS, uint32 PACKETS_REV,
          time TIME_FIRST, time TIME_LAST, uint8 PROTOCOL, uint32 SAMPLING_RATE)

const char *const traffic_class_names[TRAFFIC_CLASSES] = {"TCP", "UDP", "ICMP", "other"};

bool traffic_init(struct traffic *t)
{
   memset(t, 0, sizeof(*t));
   t->first = UINT64_MAX;
   t->talkers = nc_table_new(&(nc_table_config_t){
       .capacity = TRAFFIC_TALKERS, .key_size = sizeof(ip_addr_t), .value_size = sizeof(struct talker)});
   return t->talkers != NULL;
}

void traffic_free(struct traffic *t)
{
   nc_table_free(t->talkers);
}

uint64_t traffic_forgotten(const struct traffic *t)
{
   return nc_table_stats(t->talkers)->evicted;
}

static enum traffic_class class_of(uint8_t protocol)
{
   switch (protocol) {
   case IPPROTO_TCP: return TRAFFIC_TCP;
   case IPPROTO_UDP: return TRAFFIC_UDP;
   case IPPROTO_ICMP:
   case IPPROTO_ICMPV6: return TRAFFIC_ICMP;
   default: return TRAFFIC_OTHER;
   }
}

/* ------------------------------------------------------------------------ bins */

/* Makes bins twice as wide: two and two become one, in place. */
static void widen(struct traffic *t)
{
   uint32_t to = 0;
   for (uint32_t i = 1; i < t->n_bins; i++) {
      bool begins = (t->base + i) % 2 == 0; /* a wide bin */
      to += begins;
      for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
         t->bins[to][c] = t->bins[i][c] + (begins ? 0 : t->bins[to][c]);
      }
   }
   uint32_t n_bins = t->n_bins > 0 ? to + 1 : 0;
   for (uint32_t i = n_bins; i < t->n_bins; i++) {
      memset(t->bins[i], 0, sizeof(t->bins[i]));
   }
   t->n_bins = n_bins;
   t->base /= 2;
   t->width *= 2;
}

/* Makes room for the seconds from..to. */
static void cover(struct traffic *t, uint64_t from, uint64_t to)
{
   if (t->width == 0) {
      t->width = 1;
      t->base = from;
   }
   for (;;) {
      uint64_t low = from / t->width, high = to / t->width;
      low = low < t->base ? low : t->base;
      high = high > t->base + t->n_bins ? high : t->base + t->n_bins;
      if (high - low < TRAFFIC_BINS) {
         uint64_t move = t->base - low;
         if (move > 0) {
            memmove(t->bins[move], t->bins[0], t->n_bins * sizeof(t->bins[0]));
            memset(t->bins[0], 0, move * sizeof(t->bins[0]));
            t->base = low;
            t->n_bins += (uint32_t) move;
         }
         if (to / t->width - t->base + 1 > t->n_bins) {
            t->n_bins = (uint32_t) (to / t->width - t->base + 1);
         }
         return;
      }
      widen(t);
   }
}

/* Spreads the bytes of a flow evenly over its seconds. */
static void add_to_bins(struct traffic *t, uint64_t from, uint64_t to, double bytes, enum traffic_class class)
{
   cover(t, from, to);
   double per_second = bytes / (double) (to - from + 1);
   for (uint64_t i = from / t->width; i <= to / t->width; i++) {
      uint64_t begin = i * t->width > from ? i * t->width : from;
      uint64_t end = (i + 1) * t->width - 1 < to ? (i + 1) * t->width - 1 : to;
      t->bins[i - t->base][class] += per_second * (double) (end - begin + 1);
   }
}

/* --------------------------------------------------------------------- talkers */

static void add_talker(struct traffic *t, const ip_addr_t *ip, uint64_t sent, uint64_t received,
                       uint64_t packets)
{
   struct talker *k = nc_table_upsert(t->talkers, ip, NULL);
   k->ip = *ip;
   k->sent += sent;
   k->received += received;
   k->packets += packets;
   k->flows++;
}

static uint64_t volume(const struct talker *k)
{
   return k->sent + k->received;
}

unsigned traffic_top(const struct traffic *t, struct talker top[TRAFFIC_TOP])
{
   unsigned n = 0;
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(t->talkers, &cursor, &key, &value)) {
      const struct talker *k = value;
      unsigned at = n;
      while (at > 0 &&
             (volume(&top[at - 1]) < volume(k) ||
              (volume(&top[at - 1]) == volume(k) && memcmp(&top[at - 1].ip, &k->ip, sizeof(k->ip)) > 0))) {
         at--;
      }
      if (at == TRAFFIC_TOP) {
         continue;
      }
      n += n < TRAFFIC_TOP;
      memmove(&top[at + 1], &top[at], (n - 1 - at) * sizeof(top[0]));
      top[at] = *k;
   }
   return n;
}

void traffic_add(struct traffic *t, const ur_template_t *tmplt, const void *rec)
{
   uint64_t bytes = ur_get(tmplt, rec, F_BYTES), packets = ur_get(tmplt, rec, F_PACKETS), bytes_rev = 0,
            packets_rev = 0;
   if (ur_is_present(tmplt, F_BYTES_REV) && ur_is_present(tmplt, F_PACKETS_REV)) {
      bytes_rev = ur_get(tmplt, rec, F_BYTES_REV);
      packets_rev = ur_get(tmplt, rec, F_PACKETS_REV);
   }
   ur_time_t first = ur_get(tmplt, rec, F_TIME_FIRST), last = ur_get(tmplt, rec, F_TIME_LAST);
   if (last < first) {
      last = first;
   }
   enum traffic_class class = class_of(ur_get(tmplt, rec, F_PROTOCOL));
   t->flows++;
   t->packets += packets + packets_rev;
   uint32_t rate = ur_is_present(tmplt, F_SAMPLING_RATE) ? ur_get(tmplt, rec, F_SAMPLING_RATE) : 1;
   t->seen += (double) (packets + packets_rev) / (rate > 0 ? rate : 1);
   t->bytes += bytes + bytes_rev;
   t->classes[class].flows++;
   t->classes[class].packets += packets + packets_rev;
   t->classes[class].bytes += bytes + bytes_rev;
   t->first = first < t->first ? first : t->first;
   t->last = last > t->last ? last : t->last;
   add_to_bins(t, ur_time_get_sec(first), ur_time_get_sec(last), (double) (bytes + bytes_rev), class);
   ip_addr_t src = ur_get(tmplt, rec, F_SRC_IP), dst = ur_get(tmplt, rec, F_DST_IP);
   add_talker(t, &src, bytes, bytes_rev, packets + packets_rev);
   add_talker(t, &dst, bytes_rev, bytes, packets + packets_rev);
}
