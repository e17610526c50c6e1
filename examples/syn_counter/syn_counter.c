/* SPDX-License-Identifier: BSD-3-Clause */
/** syn_counter: reports sources that open more connections a minute than allowed. A complete module. */
#include <nemea-common/nc_table.h>
#include <nemea/module.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, uint8 TCP_FLAGS, time TIME_FIRST, time TIME_LAST, uint32 FLOW_COUNT)

struct syn_counter {
   uint32_t limit, capacity; /* options */
   nc_table_t *hosts;        /* address -> uint32_t: connections in this minute */
};

static const nm_option_t options[] = {
    NM_U32('l', "limit", struct syn_counter, limit, 100, 1, UINT32_MAX,
           "Report a source that opens this many connections in a minute."),
    NM_U32('c', "capacity", struct syn_counter, capacity, 65536, 1, NC_TABLE_MAX_CAPACITY,
           "Sources to keep count of; beyond it those seen only once are forgotten first."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct syn_counter *self = nm_self(m);
   self->hosts = nc_table_new(&(nc_table_config_t){
       .capacity = self->capacity, .key_size = sizeof(ip_addr_t), .value_size = sizeof(uint32_t)});
   if (self->hosts == NULL) {
      return nm_fail(m, "no memory for %u sources", self->capacity);
   }
   nm_counter(m, "forgotten", &nc_table_stats(self->hosts)->evicted);
   return NM_OK;
}

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

static void cleanup(nm_module_t *m)
{
   nc_table_free(((struct syn_counter *) nm_self(m))->hosts);
}

NM_MODULE("syn_counter", "Reports sources that open many connections.",
          .input = "ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST",
          .output = "ipaddr SRC_IP,uint32 FLOW_COUNT,time TIME_FIRST,time TIME_LAST", .options = options,
          .state_size = sizeof(struct syn_counter), .init = init, .record = record, .tick = next_minute,
          .tick_every = NM_SECONDS(60), .cleanup = cleanup)
