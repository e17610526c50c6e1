/* SPDX-License-Identifier: BSD-3-Clause */
/** Test rig for plugins: sends short synthetic packets through parser and cache to one plugin and keeps its records. */
#ifndef PLUGIN_RIG_H
#define PLUGIN_RIG_H

#include "cache/cache.h"
#include "plugins/registry.h"

#define RIG_RECORDS 64

struct rig {
   const struct flow_plugin *plugin;
   struct flow_cache *cache;
   ur_template_t *tmplt;
   struct plugin_record record;
   void *records[RIG_RECORDS]; /* with the plugin's fields */
   unsigned n_records, n_flows;
   bool udp, ipv6;
   unsigned port; /* of the server; the client's is 40000 */
   uint64_t time; /* of the next packet, in nanoseconds; advances by a millisecond for each packet */
   unsigned tcp_options_size;
   uint8_t tcp_options[40];
   uint32_t seq[2];
};

/** A rig for the plugin of this name, with options as in -p ("" for none). */
struct rig *rig_new(const char *plugin, const char *options, bool udp, unsigned port);
/** Sends a packet. The payload is copied to memory of its exact size, so that sanitizers detect reads past its end. */
void rig_packet(struct rig *r, bool from_server, unsigned tcp_flags, const void *payload, size_t size);
/** Sends text as payload with flags PSH and ACK. */
void rig_text(struct rig *r, bool from_server, const char *text);
/** Exports all flows of the cache. */
void rig_flush(struct rig *r);
/** Flushes, then returns a field of a record: a variable-length one as NUL-terminated text, a fixed one as a number. */
const char *rig_string(struct rig *r, unsigned record, const char *field);
uint64_t rig_number(struct rig *r, unsigned record, const char *field);
/** Element of an array of integers. */
int64_t rig_element(struct rig *r, unsigned record, const char *field, unsigned index);
unsigned rig_elements(struct rig *r, unsigned record, const char *field);
void rig_free(struct rig *r);

#endif
