/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Where flows go: UniRec records over TRAP, IPFIX messages, lines of text. Each worker has a sink of its own, which belongs
 * to its thread; what sinks share (TRAP interfaces, the text file) is locked where they meet.
 */
#ifndef FLOW_SINK_H
#define FLOW_SINK_H

#include "cache/cache.h"
#include "parse/arp.h"

#include <nemea/module.h>
#include <time.h>

#define MAX_OUTPUTS        64
#define SINK_GIVE_UP_MS    500 /* how long a sink still waits for its reader after a signal */
#define SINK_FLUSH_SECONDS 1   /* flows do not wait longer than this in a sink */

struct flow_sink {
   flow_export_fn export; /**< context is the sink */
   /** NULL: not needed. */
   void (*arp)(struct flow_sink *s, const struct packet *packet, const struct arp_message *arp);
   /** Now and then: sends what has waited for long enough, everything when now is 0. */
   void (*flush)(struct flow_sink *s, uint64_t now);
   /** After each batch of packets: sends what was only put together with others to be sent at once. NULL: there is no such thing. */
   void (*pass)(struct flow_sink *s);
   /** Once, after the last flow of all sinks: sends what is left. NULL: there is nothing to do.
    * \return NM_OK or NM_ERROR: not everything could be delivered, the module has the message */
   int (*finish)(struct flow_sink *s);
   void (*close)(struct flow_sink *s);
   uint64_t flows, packets, bytes; /**< of flows that were handed over */
   uint64_t dropped;               /**< records that could not be delivered */
   int result; /**< NM_OK; NM_STOP, NM_ERROR: the module should end, in the latter case it has the message */
};

/** What is exported, whatever the form. */
struct flow_sink_config {
   nm_module_t *module;
   const struct flow_plugin *plugins[MAX_PLUGINS];
   unsigned n_plugins;
   uint64_t link_bit_field; /**< or observation domain */
   uint8_t direction;
   bool alone; /**< there is one sink: nothing else is sent meanwhile */
   bool whole; /**< all inputs are files, whose flows are all to be delivered: losing some is a failure */
   /* UniRec */
   plugin_set_t
       output_plugins[MAX_OUTPUTS]; /**< by output: set of plugins; 0: every flow, basic fields only */
   unsigned n_outputs;
   uint64_t
       every_flow; /**< outputs, by bit, that have plugins and get flows in which those found nothing, too */
   uint64_t arp_outputs; /**< outputs, by bit, that get no flows but a record for each ARP message */
   bool odid;            /**< uint32 ODID in place of LINK_BIT_FIELD */
   /* text */
   const char *text_file; /**< NULL or "-": standard output */
   bool text_no_mac;
   /* IPFIX */
   const char *host, *port;
   uint32_t mtu;              /**< bytes of a message, unless one record alone is larger */
   uint32_t template_refresh; /**< seconds between templates over UDP */
   uint32_t reconnect;        /**< seconds between attempts to connect */
   bool udp;
   bool never_wait;     /**< TCP: drop records instead of waiting for the collector */
   bool lz4;            /**< TCP: compress */
   uint32_t lz4_buffer; /**< bytes that are compressed together; 0: ipfix_sink_check() chooses */
   bool milliseconds;   /**< times in milliseconds, for collectors that know no microseconds */
};

/** Typed fields: of all records but those of ARP, with what depends on the options; of ARP. */
extern const char unirec_sink_basic[], unirec_sink_arp[];
/** Sets the formats of the module's outputs, once for all sinks. \return NM_OK or NM_ERROR, the module has the message */
int unirec_sink_formats(const struct flow_sink_config *config);
/** \return NULL: failed, the module has the message. config outlives the sink. */
struct flow_sink *unirec_sink_new(const struct flow_sink_config *config);
struct flow_sink *text_sink_new(const struct flow_sink_config *config);
struct flow_sink *ipfix_sink_new(const struct flow_sink_config *config);

/** Checks what only the whole IPFIX configuration shows. \return false with a message in error (256 bytes) */
bool ipfix_sink_check(struct flow_sink_config *config, char *error);

/** Opens the file that all text sinks write to, and writes the heading. \return NM_OK or NM_ERROR */
int text_sink_open(const struct flow_sink_config *config);

/** Nanoseconds of a clock. */
uint64_t sink_clock(clockid_t id);

/* For the sinks' own use. */

/** Counts a flow that was handed over, once. */
static inline void sink_count_flow(struct flow_sink *s, const struct flow *f, enum flow_end reason)
{
   if (reason != FLOW_GOES_ON) {
      s->flows++;
      s->packets += (uint64_t) f->packets + f->packets_rev;
      s->bytes += f->bytes + f->bytes_rev;
   }
}

/** The records that a flow gives: a flow with several extensions of a kind gives as many. plugins: those that count. */
unsigned sink_count_records(const struct flow_sink_config *config, void *const ext[MAX_PLUGINS],
                            plugin_set_t plugins);

/**
 * Writes all bytes to a file, pipe or connection. Waits while it is full, but not when the module is asked to end (for
 * SINK_GIVE_UP_MS then) or wait is false. \return bytes written; fewer: errno, EAGAIN when it was not waited for longer
 */
size_t sink_write(const nm_module_t *m, int fd, const void *data, size_t size, bool wait);

/** Waits until bytes can be written, but not for longer than sink_write() does. \return false: not waited for longer */
bool sink_wait(const nm_module_t *m, int fd);

/** The fields of a plugin in the order of its description, and a template of them. */
struct plugin_fields {
   ur_template_t *tmplt;
   ur_field_id_t *ids;
   unsigned n;
};

/** Of all plugins: an array of n_plugins. \return NULL: failed, the module has the message */
struct plugin_fields *plugin_fields_new(const struct flow_sink_config *config);
void plugin_fields_free(struct plugin_fields *f, unsigned n);

#endif
