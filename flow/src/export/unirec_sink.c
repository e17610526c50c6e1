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

#define TOGETHER 16           /* records of an output that are sent at once */
#define ENOUGH   (32u * 1024) /* bytes of all outputs: they stay in the processor's nearest cache */

/* Records of an output that are sent together. */
struct together {
   uint32_t n;
   nm_record_t records[TOGETHER];
};

struct unirec_sink {
   struct flow_sink sink;
   const struct flow_sink_config *config;
   const ur_template_t *tmplt[MAX_OUTPUTS];
   plugin_set_t several;            /* plugins that may give several records of a flow */
   uint64_t every;                  /* outputs of flows with which no plugin has found anything, too */
   uint64_t of_plugin[MAX_PLUGINS]; /* outputs that have a plugin's fields */
   struct plugin_record *record;
   struct together *together; /* by output; NULL: there are other sinks, and each record is sent at once */
   uint8_t *bytes;            /* of the records that wait */
   uint32_t used;             /* of them, less than ENOUGH */
   uint64_t waiting;          /* outputs that have some */
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

/* Sends the records of all outputs that wait. */
static void pass(struct flow_sink *sink)
{
   struct unirec_sink *s = (struct unirec_sink *) sink;
   for (; s->waiting != 0; s->waiting &= s->waiting - 1) {
      unsigned i = (unsigned) __builtin_ctzll(s->waiting);
      int rc = nm_send_batch(s->config->module, i, s->together[i].records, s->together[i].n);
      s->together[i].n = 0;
      sink->result = rc != NM_OK ? rc : sink->result;
   }
   s->used = 0;
}

/* The record at the end of the bytes that wait goes out with those before it, at the latest when the batch of packets is over. */
static void wait_for_others(struct unirec_sink *s, unsigned output, uint16_t size)
{
   struct together *t = &s->together[output];
   t->records[t->n++] = (nm_record_t){.data = s->bytes + s->used, .size = size};
   s->waiting |= UINT64_C(1) << output;
   s->used += size;
   if (t->n == TOGETHER || s->used >= ENOUGH) {
      pass(&s->sink);
   }
}

/* A record without fields of variable length is filled where it waits. */
static int send_record(struct unirec_sink *s, unsigned output, const struct leaving *l, plugin_set_t plugins,
                       unsigned index)
{
   const ur_template_t *t = s->tmplt[output];
   if (s->together != NULL && t->first_dynamic == UR_NO_DYNAMIC_VALUES) {
      void *room = memset(s->bytes + s->used, 0, t->static_size);
      fill_record(s, l, plugins, index, t, room);
      wait_for_others(s, output, t->static_size);
      return NM_OK;
   }
   fill_record(s, l, plugins, index, t, plugin_record_begin(t, s->record));
   uint16_t size = plugin_record_end(t, s->record);
   if (s->together == NULL) {
      return nm_send_raw(s->config->module, output, s->record->bytes, size);
   }
   memcpy(s->bytes + s->used, s->record->bytes, size);
   wait_for_others(s, output, size);
   return NM_OK;
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
   (void) now;
   pass(s); /* libtrap sends what waits there by itself */
}

static void close_sink(struct flow_sink *sink)
{
   struct unirec_sink *s = (struct unirec_sink *) sink;
   free(s->record);
   free(s->together);
   free(s->bytes);
   free(s);
}

/* Counting what several threads send takes longer, and their records do not wait. */
static bool allocate(struct unirec_sink *s)
{
   s->record = malloc(sizeof(*s->record));
   if (!s->config->alone) {
      return s->record != NULL;
   }
   s->together = calloc(s->config->n_outputs + 1, sizeof(*s->together));
   s->bytes = malloc(ENOUGH + UR_MAX_SIZE);
   return s->record != NULL && s->together != NULL && s->bytes != NULL;
}

struct flow_sink *unirec_sink_new(const struct flow_sink_config *config)
{
   struct unirec_sink *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      nm_fail(config->module, "out of memory for records");
      return NULL;
   }
   s->config = config;
   if (!allocate(s)) {
      close_sink(&s->sink);
      nm_fail(config->module, "out of memory for records");
      return NULL;
   }
   s->sink =
       (struct flow_sink){.export = export, .arp = arp, .flush = flush, .pass = pass, .close = close_sink};
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
