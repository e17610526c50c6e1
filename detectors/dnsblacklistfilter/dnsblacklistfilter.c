/* SPDX-License-Identifier: BSD-3-Clause */
/** dnsblacklistfilter: DNS records of names that are on blacklists. */
#include <nemea/module.h>

#include "fields.h"

#include "../blacklist/filter.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint8 PROTOCOL, uint16 DST_PORT, uint16 SRC_PORT, uint16 DNS_ID, uint16 DNS_ANSWERS,
          string DNS_NAME, uint16 DNS_QTYPE, uint16 DNS_RLENGTH, uint8 DNS_RCODE, bytes DNS_RDATA,
          uint8 DNS_DO, uint16 DNS_CLASS, uint16 DNS_PSIZE, uint32 DNS_RR_TTL, uint64 BLACKLIST)

#define FLOWS                                                                                               \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint8 PROTOCOL," \
   "uint16 DST_PORT,uint16 SRC_PORT,uint16 DNS_ID,uint16 DNS_ANSWERS,string DNS_NAME,uint16 "               \
   "DNS_QTYPE,uint16 "                                                                                      \
   "DNS_RLENGTH,uint8 DNS_RCODE,bytes DNS_RDATA,uint8 DNS_DO,uint16 DNS_CLASS,uint16 DNS_PSIZE,uint32 "     \
   "DNS_RR_TTL"

struct dnsblacklistfilter {
   struct bl_filter filter; /* first */
   bool subdomains, any_www;
   nm_field_t name;
};

static const nm_option_t options[] = {
    BL_CONFIG_OPTION("dnsdetect_config.xml", bl_load_domains),
    NM_STRING('b', "list", struct bl_filter, file[0], NULL,
              "List of domain names, instead of the configured one."),
    BL_PLAIN_OPTION,
    NM_FLAG(
        0, "subdomains", struct dnsblacklistfilter, subdomains,
        "Report the names below each entry, too. Without it only entries *.NAME stand for names below NAME."),
    NM_FLAG(0, "any-www", struct dnsblacklistfilter, any_www,
            "Leave out a leading www. in any case (WWW., wWw.), as resolvers send it that mix the case of "
            "letters "
            "on purpose. Without it only www. is left out, as NEMEA 2 does."),
    NM_END,
};

/* What is looked for. \return its length */
static size_t prepare(const struct dnsblacklistfilter *self, const void *rec, char text[BL_NAME_MAX])
{
   uint32_t length;
   const char *name = nm_field_data(&self->name, rec, &length);
   bool www = length >= 4 && (self->any_www ? strncasecmp(name, "www.", 4) : memcmp(name, "www.", 4)) == 0;
   length -= www ? 4 : 0;
   bl_lower(text, name + (www ? 4 : 0), length);
   return length;
}

static int report(nm_module_t *m, const void *rec)
{
   struct dnsblacklistfilter *self = nm_self(m);
   char text[BL_NAME_MAX];
   size_t length = prepare(self, rec, text);
   uint64_t lists = bl_names_find(self->filter.lists->names, text, length, length, self->subdomains);
   if (length == 0 || lists == 0) {
      return NM_OK;
   }
   void *alert = nm_alert(m, rec);
   nm_set(m, alert, F_BLACKLIST, lists);
   self->filter.hits++;
   return nm_send(m, alert);
}

/* The places of all names are fetched before the first is looked at. */
static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct dnsblacklistfilter *self = nm_self(m);
   const struct bl_names *names = self->filter.lists->names;
   uint64_t hashes[BL_BATCH];
   char text[BL_NAME_MAX];
   int rc = NM_OK;
   for (uint32_t first = 0; first < n; first += BL_BATCH) {
      uint32_t end = n - first < BL_BATCH ? n : first + BL_BATCH;
      for (uint32_t i = first; i < end; i++) {
         hashes[i - first] = bl_names_hash(text, prepare(self, recs[i].data, text));
         bl_names_prefetch(names, hashes[i - first]);
      }
      for (uint32_t i = first; i < end && rc == NM_OK; i++) {
         rc = bl_names_possible(names, hashes[i - first], self->subdomains) ? report(m, recs[i].data) : NM_OK;
      }
   }
   return rc;
}

static int init(nm_module_t *m)
{
   struct dnsblacklistfilter *self = nm_self(m);
   int rc = bl_filter_init(m);
   return rc == NM_OK ? nm_field_bind(m, &self->name, 0, "DNS_NAME", true) : rc;
}

NM_MODULE("dnsblacklistfilter",
          "Reports DNS requests and answers about names on blacklists. BLACKLIST of an alert has a bit for "
          "each list that the "
          "name is on.",
          .in = NM_INPUTS({"flows", FLOWS}), .out = NM_OUTPUTS({"alerts", FLOWS ",uint64 BLACKLIST"}),
          .options = options, .state_size = sizeof(struct dnsblacklistfilter), .no_eos_option = "no-eos",
          .init = init, .records = records, .timer = bl_filter_timer, .reload = bl_filter_reload)
