/* SPDX-License-Identifier: BSD-3-Clause */
/** syn_counter: reports sources that open more connections a minute than allowed. A complete module. */
#include <nemea/module.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, uint8 TCP_FLAGS, time TIME_FIRST, time TIME_LAST, uint32 FLOW_COUNT)

struct syn_counter {
   uint32_t limit;    /* -l: connections a minute */
   nc_table_t *hosts; /* address -> uint32_t: connections in this minute */
};

static const nm_option_t options[] = {
    NM_U32('l', "limit", struct syn_counter, limit, 100, 1, UINT32_MAX,
           "Report a source that opens this many connections in a minute."),
    NM_TABLE('c', "capacity", struct syn_counter, hosts, "sources", ip_addr_t, uint32_t, 65536),
    NM_END,
};

static int record(nm_module_t *m, const void *rec)
{
   struct syn_counter *self = nm_self(m);
   if (!(nm_get(m, rec, F_TCP_FLAGS) & TCP_SYN)) {
      return NM_OK;
   }
   uint32_t *n = nc_table_upsert(self->hosts, nm_get_ptr(m, rec, F_SRC_IP), NULL);
   if (++*n != self->limit) {
      return NM_OK;
   }
   void *alert = nm_alert(m, rec); /* a record of the output, with the fields that both have */
   nm_set(m, alert, F_FLOW_COUNT, *n);
   return nm_send(m, alert);
}

static int next_minute(nm_module_t *m, ur_time_t stream_time)
{
   (void) stream_time;
   nc_table_clear(((struct syn_counter *) nm_self(m))->hosts);
   return NM_OK;
}

NM_MODULE("syn_counter", "Reports sources that open many connections.",
          .in = NM_INPUTS({.name = "flows",
                           .fields = "ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST"}),
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = "ipaddr SRC_IP,uint32 FLOW_COUNT,time TIME_FIRST,time TIME_LAST"}),
          .options = options, .state_size = sizeof(struct syn_counter), .record = record, .tick = next_minute,
          .tick_every = NM_SECONDS(60))
