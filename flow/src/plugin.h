/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugins of the flow meter: what is found in the payload of a flow's packets and added to its record.
 *
 * A plugin is one struct of functions. For each flow it has ext_size bytes of its own, zeroed when the flow begins,
 * taken from one table that is as large as the flow cache: a plugin allocates nothing per flow. The functions run in
 * the flow meter's one thread. Payload is the network's bytes: a plugin checks every length (its parser has a fuzz target).
 */
#ifndef FLOW_PLUGIN_H
#define FLOW_PLUGIN_H

#include "packet.h"

#include <stddef.h>
#include <unirec/unirec.h>

#define MAX_PLUGINS 32

struct flow;

/** What a plugin wants done after a packet; a set. */
enum plugin_result {
   PLUGIN_NOTHING = 0,
   PLUGIN_HAS_DATA = 1, /**< the flow has something to export from this plugin */
   PLUGIN_FLUSH = 2,    /**< export the flow, this packet included; its next packet begins another */
   PLUGIN_FLUSH_FIRST =
       4 /**< only from before(): export what there was, then this packet begins a continued flow */
};

struct flow_plugin {
   const char *name;
   const char *fields; /**< "type NAME,...": what it adds to the basic template */
   size_t ext_size;    /**< bytes for each flow */
   /** The flow's first packet is counted. \return a set of plugin_result */
   unsigned (*create)(void *ext, const struct flow *flow, const struct packet *packet);
   /** Before a later packet is counted; may be NULL. \return PLUGIN_NOTHING or PLUGIN_FLUSH_FIRST */
   unsigned (*before)(void *ext, const struct flow *flow, const struct packet *packet);
   /** A later packet is counted; may be NULL. reverse: it goes against the first packet's direction. */
   unsigned (*update)(void *ext, const struct flow *flow, const struct packet *packet, bool reverse);
   /** Before the export; may be NULL. \return false: nothing to export after all */
   bool (*finish)(void *ext, const struct flow *flow);
   /** Number of records that the flow gives; NULL: one. */
   unsigned (*records)(const void *ext);
   /** Sets this plugin's fields in record number index. rec is cleared and has room for UR_MAX_SIZE bytes. */
   void (*fill)(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec);
};

/** A plugin by its name. \return NULL: there is none */
const struct flow_plugin *flow_plugin_find(const char *name);
/** All plugins in turn. \return NULL behind the last */
const struct flow_plugin *flow_plugin_at(size_t index);

extern const struct flow_plugin plugin_dns;

#endif
