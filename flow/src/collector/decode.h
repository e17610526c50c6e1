/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Export messages to UniRec records: NetFlow v5, v7, v9 and IPFIX. A decoder belongs to one thread. It keeps what exporters have said
 * before: templates, sequence numbers, sampling rates; all in tables of fixed size.
 */
#ifndef FLOW_COLLECTOR_DECODE_H
#define FLOW_COLLECTOR_DECODE_H

#include "counters.h"
#include "program.h"

#define FC_MAX_OUTPUTS 32
#define FC_MAX_MESSAGE 65535

enum fc_transport { FC_UDP, FC_TCP, FC_FILE, FC_TLS, FC_DTLS, FC_SCTP };

/** Who sent a message. No padding: it is a key. */
struct fc_peer {
   uint8_t address[16]; /* as ip_addr_t */
   uint16_t port;
   uint16_t transport; /* enum fc_transport */
   uint32_t session;   /* of a connection or file; 0 over UDP */
};

/** Receives records. */
struct fc_sink {
   void *context;
   /** Room for a record of up to size bytes of an output. NULL: the record is dropped. */
   void *(*begin)(void *context, unsigned output, size_t size);
   /** The record is written. */
   void (*end)(void *context, unsigned output, void *record, size_t size);
};

enum fc_rate_use {
   FC_RATE_APPLY, /* counters are multiplied by the sampling rate */
   FC_RATE_IGNORE
};

struct fc_decoder_config {
   const struct fc_elements *elements;
   struct fc_format *const *formats;
   unsigned n_outputs;
   struct fc_sink sink;
   /* Limits */
   uint32_t max_exporters, max_domains, max_templates, max_templates_per_exporter;
   uint32_t waiting_bytes;   /* of sets that wait for their template */
   uint32_t waiting_seconds; /* how long they wait */
   /* Meaning */
   enum fc_rate_use rate_use;
   uint32_t default_rate; /* of exporters that do not say it; 0: none */
   /** Link and direction of a record; NULL: the observation domain and 0. */
   void (*link_of)(void *context, const struct fc_peer *peer, const struct fc_facts *facts,
                   struct fc_context *c);
   void *link_context;
   /** Whether messages of an address are read; NULL: all. */
   bool (*allowed)(void *context, const uint8_t address[16]);
   void *allowed_context;
};

void fc_decoder_defaults(struct fc_decoder_config *config);

struct fc_decoder;

/** \return NULL: no memory. config is copied; what it points to must outlive the decoder. */
struct fc_decoder *fc_decoder_new(const struct fc_decoder_config *config);
void fc_decoder_free(struct fc_decoder *d);

/** Decodes a message that came at a time (nanoseconds since the epoch). Over TCP and in files: one IPFIX message as its header says. */
void fc_decode(struct fc_decoder *d, const struct fc_peer *peer, const uint8_t *message, size_t size,
               uint64_t now);
/** The same for a stream of SCTP: sequence numbers are those of the stream, templates those of all streams. */
void fc_decode_stream(struct fc_decoder *d, const struct fc_peer *peer, uint16_t stream,
                      const uint8_t *message, size_t size, uint64_t now);
/** Drops sets that have waited for long enough; everything that waits when now is UINT64_MAX. Call it about once a second. */
void fc_decoder_expire(struct fc_decoder *d, uint64_t now);

/** Counters, for any thread (relaxed atomic loads). */
const uint64_t *fc_decoder_counters(const struct fc_decoder *d);
uint64_t *fc_decoder_own_counters(struct fc_decoder *d);
/** The mandatory field that records of an output had not, if it was sent none. \return NULL: it was sent records, or there were none at all */
const char *fc_decoder_lacks(const struct fc_decoder *d, unsigned output);
/** Whether messages of this exporter are read. */
bool fc_decoder_allows(const struct fc_decoder *d, const struct fc_peer *peer);

/** An exporter as --telemetry shows it. */
struct fc_exporter_view {
   struct fc_peer peer;
   uint64_t messages, records, lost, out_of_order, restarts, malformed, no_template;
   uint32_t templates;
   uint8_t version;
};
/** Iterates over exporters: *cursor is 0 at first. \return false: there are no more */
bool fc_decoder_exporters(const struct fc_decoder *d, uint32_t *cursor, struct fc_exporter_view *view);

#endif
