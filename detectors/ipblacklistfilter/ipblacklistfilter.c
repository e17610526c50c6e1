/* SPDX-License-Identifier: BSD-3-Clause */
/** ipblacklistfilter: flows of addresses that are on blacklists. */
#include <nemea/module.h>

#include "fields.h"

#include "../blacklist/filter.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint64 SRC_BLACKLIST, uint64 DST_BLACKLIST,
          string ADAPTIVE_IDS)

#define FLOWS                                                                                                \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES," \
   "time TIME_FIRST,time TIME_LAST"
#define DNS_PORT 53 /* what resolvers ask is for dnsblacklistfilter */

static const nm_option_t options[] = {
    BL_CONFIG_OPTION("ipdetect_config.xml", bl_load_addresses),
    NM_STRING('4', "ipv4", struct bl_filter, file[0], NULL,
              "List of IPv4 addresses, instead of the configured one."),
    NM_STRING('6', "ipv6", struct bl_filter, file[1], NULL,
              "List of IPv6 addresses, instead of the configured one."),
    BL_PLAIN_OPTION,
    NM_END,
};

static int report(nm_module_t *m, const void *rec, uint64_t source, uint64_t destination, const char *ids)
{
   struct bl_filter *self = nm_self(m);
   void *alert = nm_alert(m, rec);
   int rc = NM_OK;
   nm_set(m, alert, F_SRC_BLACKLIST, source);
   nm_set(m, alert, F_DST_BLACKLIST, destination);
   if (ids != NULL) {
      rc = nm_set_string(m, 0, alert, F_ADAPTIVE_IDS, ids);
   }
   self->hits++;
   return rc == NM_OK ? nm_send(m, alert) : rc;
}

static inline uint64_t lists_of(const struct bl_hit *hit)
{
   return hit->ids != NULL ? BL_ADAPTIVE : hit->lists;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   const struct bl_filter *self = nm_self(m);
   const struct bl_prefixes *prefixes = self->lists->prefixes;
   const uint16_t *at = nm_in(m)->offset;
   uint16_t src = at[F_SRC_IP], dst = at[F_DST_IP], src_port = at[F_SRC_PORT], dst_port = at[F_DST_PORT];
   for (uint32_t i = 0; i < n; i++) {
      const char *rec = recs[i].data;
      uint16_t from, to;
      memcpy(&from, rec + src_port, sizeof(from));
      memcpy(&to, rec + dst_port, sizeof(to));
      if (from == DNS_PORT || to == DNS_PORT) {
         continue;
      }
      int rc = NM_OK;
      struct bl_hit hit = bl_prefixes_find(prefixes, (const ip_addr_t *) (const void *) (rec + src), from);
      uint64_t lists = lists_of(&hit);
      if (lists != 0) {
         rc = report(m, rec, lists, 0, hit.ids);
      } else {
         hit = bl_prefixes_find(prefixes, (const ip_addr_t *) (const void *) (rec + dst), to);
         lists = lists_of(&hit);
         rc = lists != 0 ? report(m, rec, 0, lists, hit.ids) : NM_OK;
      }
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

NM_MODULE("ipblacklistfilter",
          "Reports flows from or to addresses on blacklists. SRC_BLACKLIST or DST_BLACKLIST of an alert has "
          "a bit for each "
          "list that the address is on.",
          .in = NM_INPUTS({"flows", FLOWS}),
          .out = NM_OUTPUTS({"alerts",
                             FLOWS ",uint64 SRC_BLACKLIST,uint64 DST_BLACKLIST,string ADAPTIVE_IDS"}),
          .options = options, .state_size = sizeof(struct bl_filter), .no_eos_option = "no-eos",
          .init = bl_filter_init, .records = records, .timer = bl_filter_timer, .reload = bl_filter_reload)
