/* SPDX-License-Identifier: BSD-3-Clause */
/** dnsblacklistfilter: DNS records of names that are on blacklists. */
#include <nemea/module.h>

#include "fields.h"

#include "../blacklist/names_filter.h"

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

static size_t prepare(const void *state, const void *rec, char text[BL_TEXT_MAX], size_t *host)
{
   const struct dnsblacklistfilter *self = state;
   uint32_t length;
   const char *name = nm_field_data(&self->name, rec, &length);
   bool www = length >= 4 && (self->any_www ? strncasecmp(name, "www.", 4) : memcmp(name, "www.", 4)) == 0;
   length -= www ? 4 : 0;
   bl_lower(text, name + (www ? 4 : 0), length);
   *host = length;
   return length;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   const struct dnsblacklistfilter *self = nm_self(m);
   return bl_names_records(m, recs, n, prepare, self->subdomains);
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
