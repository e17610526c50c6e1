/* SPDX-License-Identifier: BSD-3-Clause */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, uint32 PACKETS_REV, uint64 BYTES_REV, time TIME_FIRST, time TIME_LAST,
          uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint8 DIR_BIT_FIELD, macaddr SRC_MAC, macaddr DST_MAC,
          uint64 LINK_BIT_FIELD, uint32 ODID)

#define BASIC                                                                                                \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES," \
   "uint32 PACKETS_REV,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV," \
   "uint8 DIR_BIT_FIELD,macaddr SRC_MAC,macaddr DST_MAC,"

struct flow_exporter {
   struct flow_exporter_config config;
   int result;
};

struct flow_exporter *flow_exporter_new(const struct flow_exporter_config *config)
{
   struct flow_exporter *e = calloc(1, sizeof(*e));
   if (e == NULL) {
      nm_fail(config->module, "out of memory for the exporter");
      return NULL;
   }
   e->config = *config;
   for (unsigned i = 0; i < config->n_outputs; i++) {
      char fields[8192];
      int n = snprintf(fields, sizeof(fields), "%s%s", BASIC,
                       config->odid ? "uint32 ODID" : "uint64 LINK_BIT_FIELD");
      for (unsigned p = 0; p < config->n_plugins && n < (int) sizeof(fields); p++) {
         if ((config->output_plugins[i] >> p & 1) != 0) {
            n += snprintf(fields + n, sizeof(fields) - (size_t) n, ",%s", config->plugins[p]->fields);
         }
      }
      if (nm_set_output(config->module, i, fields) != NM_OK) {
         free(e);
         return NULL;
      }
   }
   return e;
}

void flow_exporter_free(struct flow_exporter *e)
{
   free(e);
}

int flow_exporter_result(const struct flow_exporter *e)
{
   return e->result;
}

static void fill_basic(const struct flow_exporter *e, const struct flow *f, const ur_template_t *t, void *rec)
{
   memcpy(UR_AT_(rec, t->offset[F_SRC_IP]), f->src_ip, 16);
   memcpy(UR_AT_(rec, t->offset[F_DST_IP]), f->dst_ip, 16);
   memcpy(UR_AT_(rec, t->offset[F_SRC_MAC]), f->src_mac, 6);
   memcpy(UR_AT_(rec, t->offset[F_DST_MAC]), f->dst_mac, 6);
   ur_set(t, rec, F_SRC_PORT, f->src_port);
   ur_set(t, rec, F_DST_PORT, f->dst_port);
   ur_set(t, rec, F_PROTOCOL, f->protocol);
   ur_set(t, rec, F_PACKETS, f->packets);
   ur_set(t, rec, F_BYTES, f->bytes);
   ur_set(t, rec, F_PACKETS_REV, f->packets_rev);
   ur_set(t, rec, F_BYTES_REV, f->bytes_rev);
   ur_set(t, rec, F_TIME_FIRST, plugin_time(f->first));
   ur_set(t, rec, F_TIME_LAST, plugin_time(f->last));
   ur_set(t, rec, F_TCP_FLAGS, f->tcp_flags);
   ur_set(t, rec, F_TCP_FLAGS_REV, f->tcp_flags_rev);
   ur_set(t, rec, F_DIR_BIT_FIELD, e->config.direction);
   if (e->config.odid) {
      ur_set(t, rec, F_ODID, (uint32_t) e->config.link_bit_field);
   } else {
      ur_set(t, rec, F_LINK_BIT_FIELD, e->config.link_bit_field);
   }
}

static void send_record(struct flow_exporter *e, unsigned output, const struct flow *f,
                        void *const ext[MAX_PLUGINS], uint32_t plugins, unsigned index)
{
   const ur_template_t *t = nm_out_n(e->config.module, output);
   void *rec = nm_alert_n(e->config.module, output, NULL);
   fill_basic(e, f, t, rec);
   for (unsigned p = 0; p < e->config.n_plugins; p++) {
      if ((plugins >> p & 1) != 0) {
         e->config.plugins[p]->fill(ext[p], index, t, rec);
      }
   }
   int rc = nm_send_n(e->config.module, output, rec);
   if (rc != NM_OK) {
      e->result = rc;
   }
}

/* A flow with several extensions of a kind gives as many records. */
static unsigned count_records(const struct flow_exporter *e, void *const ext[MAX_PLUGINS], uint32_t plugins)
{
   unsigned most = 1;
   for (unsigned p = 0; p < e->config.n_plugins; p++) {
      const struct flow_plugin *plugin = e->config.plugins[p];
      unsigned n = (plugins >> p & 1) != 0 && plugin->records != NULL ? plugin->records(ext[p]) : 1;
      most = n > most ? n : most;
   }
   return most;
}

void flow_exporter_export(void *exporter, const struct flow *flow, void *const ext[MAX_PLUGINS],
                          enum flow_end reason)
{
   struct flow_exporter *e = exporter;
   (void) reason;
   for (unsigned i = 0; i < e->config.n_outputs; i++) {
      uint32_t wanted = e->config.output_plugins[i], there = wanted & flow->plugins;
      if (wanted != 0 && there == 0) {
         continue;
      }
      unsigned n = there != 0 ? count_records(e, ext, there) : 1;
      for (unsigned k = 0; k < n; k++) {
         send_record(e, i, flow, ext, there, k);
      }
   }
}
