/* SPDX-License-Identifier: BSD-3-Clause */
/** urlblacklistfilter: HTTP requests of URLs that are on blacklists. */
#include <nemea/module.h>

#include "fields.h"

#include "../blacklist/names_filter.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 DST_PORT, uint16 SRC_PORT, time TIME_FIRST, time TIME_LAST,
          uint64 BYTES, uint32 PACKETS, uint8 PROTOCOL, string HTTP_REQUEST_HOST, string HTTP_REQUEST_REFERER,
          string HTTP_REQUEST_URL, uint64 BLACKLIST)

#define FLOWS                                                                                           \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,time TIME_FIRST,time TIME_LAST,uint64 " \
   "BYTES,"                                                                                             \
   "uint32 PACKETS,uint8 PROTOCOL,string HTTP_REQUEST_HOST,string HTTP_REQUEST_REFERER,string "         \
   "HTTP_REQUEST_URL"

struct urlblacklistfilter {
   struct bl_filter filter; /* first */
   bool subdomains;
   nm_field_t host, url;
};

static const nm_option_t options[] = {
    BL_CONFIG_OPTION("urldetect_config.xml", bl_load_urls),
    NM_STRING('b', "list", struct bl_filter, file[0], NULL, "List of URLs, instead of the configured one."),
    BL_PLAIN_OPTION,
    NM_FLAG(0, "subdomains", struct urlblacklistfilter, subdomains,
            "Report the same path on hosts below that of an entry, too. Without it only entries *.HOST/PATH "
            "stand for "
            "hosts below HOST."),
    NM_END,
};

static size_t prepare(const void *state, const void *rec, char text[BL_TEXT_MAX], size_t *host)
{
   const struct urlblacklistfilter *self = state;
   uint32_t host_length, url_length;
   const char *name = nm_field_data(&self->host, rec, &host_length),
              *url = nm_field_data(&self->url, rec, &url_length);
   *host = 0;
   return host_length > 0 ? bl_url(text, name, host_length, url, url_length, host) : 0;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   const struct urlblacklistfilter *self = nm_self(m);
   return bl_names_records(m, recs, n, prepare, self->subdomains);
}

static int init(nm_module_t *m)
{
   struct urlblacklistfilter *self = nm_self(m);
   int rc = bl_filter_init(m);
   rc = rc == NM_OK ? nm_field_bind(m, &self->host, 0, "HTTP_REQUEST_HOST", true) : rc;
   return rc == NM_OK ? nm_field_bind(m, &self->url, 0, "HTTP_REQUEST_URL", true) : rc;
}

NM_MODULE("urlblacklistfilter",
          "Reports HTTP requests of URLs on blacklists. BLACKLIST of an alert has a bit for each list that "
          "the URL is on.",
          .in = NM_INPUTS({"flows", FLOWS}), .out = NM_OUTPUTS({"alerts", FLOWS ",uint64 BLACKLIST"}),
          .options = options, .state_size = sizeof(struct urlblacklistfilter), .no_eos_option = "no-eos",
          .init = init, .records = records, .timer = bl_filter_timer, .reload = bl_filter_reload)
