/* SPDX-License-Identifier: BSD-3-Clause */
/** Flows to UniRec records: one or more outputs, each with the basic fields and those of its plugins. */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, uint32 PACKETS_REV, uint64 BYTES_REV, time TIME_FIRST, time TIME_LAST,
          uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint8 DIR_BIT_FIELD, macaddr SRC_MAC, macaddr DST_MAC,
          uint64 LINK_BIT_FIELD, uint32 ODID, uint16 ETHERTYPE, time TIME, uint16 ARP_HA_FORMAT,
          uint16 ARP_PA_FORMAT, uint16 ARP_OPCODE, bytes ARP_SRC_HA, bytes ARP_SRC_PA, bytes ARP_DST_HA,
          bytes ARP_DST_PA)

#define BASIC                                                                                                \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES," \
   "uint32 PACKETS_REV,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV," \
   "uint8 DIR_BIT_FIELD,macaddr SRC_MAC,macaddr DST_MAC,"

#define ARP                                                                                                \
   "macaddr SRC_MAC,macaddr DST_MAC,uint16 ETHERTYPE,time TIME,uint16 ARP_HA_FORMAT,uint16 ARP_PA_FORMAT," \
   "uint16 ARP_OPCODE,bytes ARP_SRC_HA,bytes ARP_SRC_PA,bytes ARP_DST_HA,bytes ARP_DST_PA"

struct unirec_sink {
   struct flow_sink sink;
   const struct flow_sink_config *config;
   const ur_template_t *tmplt[MAX_OUTPUTS];
   plugin_set_t several;            /* plugins that may give several records of a flow */
   uint64_t every;                  /* outputs of flows with which no plugin has found anything, too */
   uint64_t of_plugin[MAX_PLUGINS]; /* outputs that have a plugin's fields */
   struct plugin_record *record;
};

/* A flow on its way to the outputs. */
struct leaving {
   const struct flow *flow;
   void *const *ext;
   ur_time_t first, last;
};

static bool is_arp(const struct flow_sink_config *config, unsigned output)
{
   return (config->arp_outputs >> output & 1) != 0;
}

const char unirec_sink_basic[] = BASIC "uint64 LINK_BIT_FIELD,uint32 ODID", unirec_sink_arp[] = ARP;

int unirec_sink_formats(const struct flow_sink_config *config)
{
   for (unsigned i = 0; i < config->n_outputs; i++) {
      char fields[MAX_PLUGINS * 1024];
      int n = is_arp(config, i) ? snprintf(fields, sizeof(fields), ARP)
                                : snprintf(fields, sizeof(fields), "%s%s", BASIC,
                                           config->odid ? "uint32 ODID" : "uint64 LINK_BIT_FIELD");
      for (unsigned p = 0; p < config->n_plugins && n < (int) sizeof(fields); p++) {
         if ((config->output_plugins[i] >> p & 1) != 0) {
            n += snprintf(fields + n, sizeof(fields) - (size_t) n, ",%s", config->plugins[p]->fields);
         }
      }
      if (n >= (int) sizeof(fields)) {
         return nm_fail(config->module,
                        "output %u: the fields of its plugins have more than %zu bytes of text", i,
                        sizeof(fields) - 1);
      }
      if (nm_set_output(config->module, i, fields) != NM_OK) {
         return NM_ERROR;
      }
   }
   return NM_OK;
}

static void fill_basic(const struct flow_sink_config *config, const struct leaving *l, const ur_template_t *t,
                       void *rec)
{
   const struct flow *f = l->flow;
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
   ur_set(t, rec, F_TIME_FIRST, l->first);
   ur_set(t, rec, F_TIME_LAST, l->last);
   ur_set(t, rec, F_TCP_FLAGS, f->tcp_flags);
   ur_set(t, rec, F_TCP_FLAGS_REV, f->tcp_flags_rev);
   ur_set(t, rec, F_DIR_BIT_FIELD, config->direction);
   if (config->odid) {
      ur_set(t, rec, F_ODID, (uint32_t) config->link_bit_field);
   } else {
      ur_set(t, rec, F_LINK_BIT_FIELD, config->link_bit_field);
   }
}

static void fill_record(const struct unirec_sink *s, const struct leaving *l, plugin_set_t plugins,
                        unsigned index, const ur_template_t *t, void *rec)
{
   const struct flow_sink_config *config = s->config;
   fill_basic(config, l, t, rec);
   for (; plugins != 0; plugins &= plugins - 1) {
      unsigned p = (unsigned) __builtin_ctzll(plugins);
      config->plugins[p]->fill(l->ext[p], index, t, rec);
   }
}

/* A record whose size is known before is written where the output's readers will read it. Counting what several threads send takes longer. */
static int send_record(struct unirec_sink *s, unsigned output, const struct leaving *l, plugin_set_t plugins,
                       unsigned index)
{
   nm_module_t *m = s->config->module;
   const ur_template_t *t = s->tmplt[output];
   if (!s->config->alone || t->first_dynamic != UR_NO_DYNAMIC_VALUES) {
      fill_record(s, l, plugins, index, t, plugin_record_begin(t, s->record));
      uint16_t size = plugin_record_end(t, s->record);
      return s->config->alone ? nm_send_n(m, output, s->record->bytes)
                              : nm_send_raw(m, output, s->record->bytes, size);
   }
   void *room = NULL;
   int rc = nm_reserve(m, output, t->static_size, &room);
   if (room == NULL) {
      return rc;
   }
   memset(room, 0, t->static_size);
   fill_record(s, l, plugins, index, t, room);
   return nm_commit(m, output, t->static_size);
}

static void export(void *sink, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct unirec_sink *s = sink;
   const struct leaving l = {flow, ext, plugin_time(flow->first), plugin_time(flow->last)};
   sink_count_flow(&s->sink, flow, reason);
   uint64_t outputs = reason != FLOW_GOES_ON ? s->every : 0;
   for (plugin_set_t set = flow->plugins; set != 0; set &= set - 1) {
      outputs |= s->of_plugin[__builtin_ctzll(set)];
   }
   for (; outputs != 0; outputs &= outputs - 1) {
      unsigned i = (unsigned) __builtin_ctzll(outputs);
      plugin_set_t there = s->config->output_plugins[i] & flow->plugins;
      unsigned n = (there & s->several) != 0 ? sink_count_records(s->config, ext, there) : 1;
      for (unsigned k = 0; k < n; k++) {
         int rc = send_record(s, i, &l, there, k);
         s->sink.result = rc != NM_OK ? rc : s->sink.result;
      }
   }
}

static void fill_arp(const struct packet *packet, const struct arp_message *a, const ur_template_t *t,
                     void *rec)
{
   memcpy(UR_AT_(rec, t->offset[F_SRC_MAC]), packet->src_mac, 6);
   memcpy(UR_AT_(rec, t->offset[F_DST_MAC]), packet->dst_mac, 6);
   ur_set(t, rec, F_ETHERTYPE, packet->ethertype);
   ur_set(t, rec, F_TIME, plugin_time(packet->time));
   ur_set(t, rec, F_ARP_HA_FORMAT, a->hardware);
   ur_set(t, rec, F_ARP_PA_FORMAT, a->protocol);
   ur_set(t, rec, F_ARP_OPCODE, a->operation);
   plugin_set_var(t, rec, F_ARP_DST_HA, a->target_hardware, a->hardware_size);
   plugin_set_var(t, rec, F_ARP_DST_PA, a->target_protocol, a->protocol_size);
   plugin_set_var(t, rec, F_ARP_SRC_HA, a->sender_hardware, a->hardware_size);
   plugin_set_var(t, rec, F_ARP_SRC_PA, a->sender_protocol, a->protocol_size);
}

static void arp(struct flow_sink *sink, const struct packet *packet, const struct arp_message *a)
{
   struct unirec_sink *s = (struct unirec_sink *) sink;
   for (unsigned i = 0; i < s->config->n_outputs; i++) {
      if (!is_arp(s->config, i)) {
         continue;
      }
      const ur_template_t *t = s->tmplt[i];
      fill_arp(packet, a, t, plugin_record_begin(t, s->record));
      int rc = nm_send_raw(s->config->module, i, s->record->bytes, plugin_record_end(t, s->record));
      s->sink.result = rc != NM_OK ? rc : s->sink.result;
   }
}

static void flush(struct flow_sink *s, uint64_t now)
{
   (void) s; /* libtrap sends what waits by itself */
   (void) now;
}

static void close_sink(struct flow_sink *sink)
{
   struct unirec_sink *s = (struct unirec_sink *) sink;
   free(s->record);
   free(s);
}

struct flow_sink *unirec_sink_new(const struct flow_sink_config *config)
{
   struct unirec_sink *s = calloc(1, sizeof(*s));
   if (s == NULL || (s->record = malloc(sizeof(*s->record))) == NULL) {
      free(s);
      nm_fail(config->module, "out of memory for records");
      return NULL;
   }
   s->sink = (struct flow_sink){.export = export, .arp = arp, .flush = flush, .close = close_sink};
   s->config = config;
   for (unsigned i = 0; i < config->n_outputs; i++) {
      s->tmplt[i] = nm_out_n(config->module, i);
      plugin_set_t wanted = is_arp(config, i) ? 0 : config->output_plugins[i];
      bool every = config->output_plugins[i] == 0 || (config->every_flow >> i & 1) != 0;
      s->every |= every && !is_arp(config, i) ? UINT64_C(1) << i : 0;
      for (; wanted != 0; wanted &= wanted - 1) {
         s->of_plugin[__builtin_ctzll(wanted)] |= UINT64_C(1) << i;
      }
   }
   for (unsigned i = 0; i < config->n_plugins; i++) {
      s->several |= config->plugins[i]->records != NULL ? PLUGIN_SET(i) : 0;
   }
   return &s->sink;
}
