/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugins of the flow meter: what is found in the payload of a flow's packets and added to its record.
 *
 * A plugin is one struct of functions. For each flow it has ext_size bytes of its own, zeroed when the flow begins, from
 * tables with room for all flows of the cache (plugin_memory.h): a plugin allocates nothing per flow. The functions run in
 * the flow meter's one thread. Payload is the network's bytes: a plugin checks every length (its parser has a fuzz target).
 */
#ifndef FLOW_PLUGIN_H
#define FLOW_PLUGIN_H

#include "parse/bytes.h"
#include "parse/packet.h"

#include <stddef.h>
#include <unirec/unirec.h>

#define MAX_PLUGINS       64 /* in use; sets of them are the bits of a plugin_set_t */
#define FLOW_PLUGIN_ERROR 256

/** A set of plugins in use, by their index among them. */
typedef uint64_t plugin_set_t;

#define PLUGIN_SET(index) ((plugin_set_t) 1 << (index))

struct flow;

/** What a plugin wants done after a packet; a set. */
enum plugin_result {
   PLUGIN_NOTHING = 0,
   PLUGIN_HAS_DATA = 1, /**< the flow has something to export from this plugin */
   PLUGIN_FLUSH = 2,    /**< export the flow, this packet included; its next packet begins another */
   PLUGIN_FLUSH_FIRST =
       4, /**< only from before(): export what there was, then this packet begins a continued flow */
   PLUGIN_KEEP =
       8 /**< from a lazy plugin: nothing to export yet, but its bytes are needed with the next packet */
};

/** An option of a plugin, "name" or "name=VALUE". Set before the first packet, for the whole process. */
struct flow_plugin_option {
   const char *name;
   uint32_t *value;
   uint32_t max; /**< 1: a flag, which needs no value */
   const char *help;
   /** In place of the number: takes the text after '='; NULL when there is none. \return false with a message in error
    * (FLOW_PLUGIN_ERROR bytes) */
   bool (*set)(const char *text, char *error);
};

/** Looks at a packet that is counted in the flow. reverse: it goes against the first packet's direction. \return a set of plugin_result */
typedef unsigned (*flow_plugin_packet_fn)(void *ext, const struct flow *flow, const struct packet *packet,
                                          bool reverse);

struct flow_plugin {
   const char *name;
   const char *fields; /**< "type NAME,...": what it adds to the basic template */
   const char *help;   /**< one line: what it extracts */
   size_t ext_size;    /**< bytes for each flow */
   size_t clear_size;  /**< bytes at the beginning of these that are zeroed; 0: all */
   size_t
       shared_size; /**< bytes for all flows together, zeroed once; their address is then the first member of each
                          flow's bytes. 0: none */
   void (*open_shared)(void *shared);        /**< before the first packet; may be NULL */
   void (*close_shared)(void *shared);       /**< releases what these hold; NULL: nothing */
   const struct flow_plugin_option *options; /**< up to one without a name; NULL: none */
   /** Most flows do not concern the plugin: it has memory for a flow only from the packet for which it returned PLUGIN_HAS_DATA or
    * PLUGIN_KEEP. What it wrote before is lost, and its update() finds them zeroed again. It must have an update(). */
   bool lazy;
   /** The flow's first packet; or one that continues a flow after PLUGIN_FLUSH_FIRST, which may go against the first one's
    * direction. */
   flow_plugin_packet_fn create;
   /** Before a later packet is counted; may be NULL. \return PLUGIN_NOTHING or PLUGIN_FLUSH_FIRST */
   unsigned (*before)(void *ext, const struct flow *flow, const struct packet *packet);
   /** A later packet; may be NULL. */
   flow_plugin_packet_fn update;
   /** Before the export; may be NULL. \return false: nothing to export after all */
   bool (*finish)(void *ext, const struct flow *flow);
   /** Number of records that the flow gives; NULL: one. */
   unsigned (*records)(const void *ext);
   /** Sets this plugin's fields in record number index. rec is cleared and has room for UR_MAX_SIZE bytes. */
   void (*fill)(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec);
};

/* For the plugins' own use. */

#define PLUGIN_SYN 0x02

/** Bytes of the transport header that were captured. */
static inline size_t plugin_l4_captured(const struct packet *packet)
{
   return packet->l4 != NULL ? (size_t) (packet->payload - packet->l4) : 0;
}

static inline ur_time_t plugin_time(uint64_t ns)
{
   return ur_time_from_sec_nsec(ns / 1000000000, ns % 1000000000);
}

#endif
