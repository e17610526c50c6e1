/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugins of the flow meter: what is found in the payload of a flow's packets and added to its record.
 *
 * A plugin is one struct of functions. For each flow it has ext_size bytes of its own, zeroed when the flow begins, from
 * tables with room for all flows of the cache (plugin_memory.h): a plugin allocates nothing per flow. The functions run in
 * the flow meter's one thread. Payload is the network's bytes: a plugin checks every length (its parser has a fuzz target).
 *
 * Which packets a plugin sees is decided once for each flow, from its protocols, port and payload_only. A plugin of
 * messages over TCP sets stream: its payload is then the connection's bytes in order. When a message is cut at the end of the payload,
 * the plugin answers PLUGIN_MORE and gets the same bytes again, with those that follow them (streams.h).
 */
#ifndef FLOW_PLUGIN_H
#define FLOW_PLUGIN_H

#include "parse/bytes.h"
#include "parse/packet.h"
#include "plugin_record.h"

#include <stddef.h>
#include <string.h>
#include <unirec/unirec.h>

#define MAX_PLUGINS       64 /* in use; sets of them are the bits of a plugin_set_t */
#define FLOW_PLUGIN_ERROR 256

/** A set of plugins in use, by their index among them. */
typedef uint64_t plugin_set_t;

#define PLUGIN_SET(index) ((plugin_set_t) 1 << (index))

struct flow;
struct plugin_pool;

/** What a plugin wants done after a packet; a set. */
enum plugin_result {
   PLUGIN_NOTHING = 0,
   PLUGIN_HAS_DATA = 1, /**< the flow has something to export from this plugin */
   PLUGIN_FLUSH = 2,    /**< export the flow, this packet included; its next packet begins another */
   PLUGIN_FLUSH_FIRST =
       4, /**< only from before(): export what there was, then this packet begins a continued flow */
   PLUGIN_KEEP =
       8, /**< from a lazy plugin: nothing to export yet, but its bytes are needed with the next packet */
   PLUGIN_DONE = 16, /**< the plugin needs no later packet of this flow */
   PLUGIN_MORE =
       32, /**< from a stream plugin: what follows the bytes that were used is cut; show it again with more */
   PLUGIN_AGAIN =
       64, /**< another message follows the bytes that were used: export a record of this one, clear the
                         plugin's bytes, and show the rest */
};

/** With PLUGIN_MORE and PLUGIN_AGAIN: the first n bytes of the payload are done with. */
#define PLUGIN_USED(n)         ((unsigned) (n) << 8)
#define PLUGIN_USED_OF(result) ((result) >> 8)

/** Transport protocols of the flows that a plugin looks at; a set. */
enum plugin_protocol { PLUGIN_ANY = 0, PLUGIN_TCP = 1, PLUGIN_UDP = 2, PLUGIN_OTHER = 4 };

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
   uint8_t protocols; /**< enum plugin_protocol */
   bool payload_only; /**< packets without payload do not concern it */
   bool stream;       /**< over TCP, it is shown the payload in order; implies payload_only */
   uint16_t port;     /**< one of the flow's ports; 0: any */
   uint32_t skipped;  /**< packets at a flow's beginning that do not concern a lazy plugin */
   /** May what concerns a lazy plugin begin with this byte? It is shown other payload only of flows of which it keeps something, or has asked
    * for more. NULL: any byte */
   bool (*begins)(uint8_t first);
   /** What begins with another byte does not concern it even then, unless it has asked for more. */
   bool begins_always;
   /** Bytes that the plugin may take for a flow when ext_size is not enough: see plugin_grow(). 0: never */
   size_t more_size;
   /** The flow's first packet; or one that continues a flow after PLUGIN_FLUSH_FIRST, which may go against the first one's
    * direction. */
   flow_plugin_packet_fn create;
   /** Before a later packet is counted; may be NULL. \return PLUGIN_NOTHING or PLUGIN_FLUSH_FIRST */
   unsigned (*before)(void *ext, const struct flow *flow, const struct packet *packet);
   /** A later packet; may be NULL. */
   flow_plugin_packet_fn update;
   /** The directions of the flow are exchanged; NULL: the plugin keeps nothing by direction. */
   void (*turn)(void *ext);
   /** Before the export; may be NULL. \return false: nothing to export after all */
   bool (*finish)(void *ext, const struct flow *flow);
   /** Number of records that the flow gives; NULL: one. */
   unsigned (*records)(const void *ext);
   /** Sets this plugin's fields in record number index, those of variable length with plugin_set_var(), best in the order of the record. rec
    * is cleared; with such fields it is that of a plugin_record. */
   void (*fill)(const void *ext, unsigned index, const ur_template_t *tmplt, void *rec);
};

/* For the plugins' own use. */

#define PLUGIN_SYN          0x02
#define PLUGIN_PROTOCOL_TCP 6

/** Bytes of the transport header that were captured. */
static inline size_t plugin_l4_captured(const struct packet *packet)
{
   return packet->l4 != NULL ? (size_t) (packet->payload - packet->l4) : 0;
}

/** The payload ends before the packet did, or no more of it will come. */
static inline bool plugin_cut(const struct packet *packet)
{
   return packet->payload_captured < packet->payload_wire;
}

/** The same for a plugin of messages: nothing can follow what it is shown. Datagrams are whole. */
static inline bool plugin_all(const struct packet *packet)
{
   return plugin_cut(packet) || packet->protocol != PLUGIN_PROTOCOL_TCP;
}

/** Exchanges what is kept of the two directions: an array of two. */
#define PLUGIN_TURN(array)                                     \
   do {                                                        \
      uint8_t plugin_saved[sizeof((array)[0])];                \
      memcpy(plugin_saved, &(array)[0], sizeof(plugin_saved)); \
      memcpy(&(array)[0], &(array)[1], sizeof(plugin_saved));  \
      memcpy(&(array)[1], plugin_saved, sizeof(plugin_saved)); \
   } while (0)

/** First member of the bytes of a plugin with more_size; the second one of a plugin with shared_size, too. */
struct plugin_more {
   struct plugin_pool *pool;
   uint32_t slot; /* 0: not taken */
};

/** The flow's more_size bytes, not zeroed when they are taken. \return NULL: there is no room for more flows */
void *plugin_grow(struct plugin_more *more);
/** The same, but does not take them. \return NULL: they were not taken */
const void *plugin_grown(const struct plugin_more *more);

static inline ur_time_t plugin_time(uint64_t ns)
{
   return ur_time_from_sec_nsec(ns / 1000000000, ns % 1000000000);
}

#endif
