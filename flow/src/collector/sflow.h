/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * sFlow version 5 (sflow.org/sflow_version_5.txt): datagrams of agents that send samples of packets. Each flow sample becomes one record as
 * IPFIX would have it, so that what converts IPFIX records converts these. Samples of counters are counted and passed over.
 */
#ifndef FLOW_COLLECTOR_SFLOW_H
#define FLOW_COLLECTOR_SFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FC_SFLOW_FIELDS 19  /* of a record */
#define FC_SFLOW_RECORD 128 /* bytes of a record, at most */

/** A field of the records: an element of IANA. */
struct fc_sflow_field {
   uint16_t id, length;
};

/** The fields of a record with addresses of IPv4 and of IPv6. Octets and packets are those of the sampled packet alone: the sampling rate
 * (samplingInterval) is a field. Both times are the arrival of the datagram, as sFlow has no others. */
const struct fc_sflow_field *fc_sflow_fields(bool ipv6, unsigned *n);

/** A sampled packet. */
struct fc_sflow_sample {
   const uint8_t *agent; /**< 16 bytes, in the form of UniRec's ip_addr_t */
   uint32_t sub_agent;
   uint32_t source_class, source_index; /**< where it was sampled; class 0 is an interface */
   uint32_t rate;                       /**< one packet of so many; 0: the agent does not say */
   uint32_t input, output;              /**< interfaces; 0: not known, several, or discarded */
   bool ipv6;                           /**< which of the two lists of fields */
   uint16_t length;                     /**< bytes of the record */
   const uint8_t *record;               /**< lives until the callback returns */
};

typedef void (*fc_sflow_fn)(void *context, const struct fc_sflow_sample *sample);

struct fc_sflow_counters {
   uint64_t datagrams, flow_samples, counter_samples;
   uint64_t records;       /**< flow samples that gave a record; the others: */
   uint64_t not_ip;        /**< the packet is not IP */
   uint64_t not_parsed;    /**< its header is damaged, cut too early, or of an unknown link */
   uint64_t no_packet;     /**< the sample describes no packet */
   uint64_t other_samples; /**< of vendors, or of drops */
   uint64_t malformed;     /**< datagrams whose rest was dropped */
   uint64_t lost;          /**< datagrams that never came, by the sequence numbers */
   uint64_t
       samples_lost; /**< flow samples, likewise: those of lost datagrams, and those that the agent did not send */
   uint64_t out_of_order; /**< datagrams */
   uint64_t restarts;     /**< of agents */
   uint64_t sources;      /**< sequences of agents and of their sources that were seen */
   uint64_t evicted;      /**< of those, as there was no room: their next number says nothing */
};

/** \return true: a datagram begins as those of sFlow version 5 do, which no message of NetFlow does */
bool fc_sflow_is(const uint8_t *data, size_t size);
/** \return true: its samples fill it, so that it is most likely one */
bool fc_sflow_is_whole(const uint8_t *data, size_t size);

enum fc_sflow_result {
   FC_SFLOW_OK,
   FC_SFLOW_VERSION,  /**< not version 5 */
   FC_SFLOW_MALFORMED /**< lengths contradict each other; samples before that place were read */
};

struct fc_sflow;

/** \param capacity sequences that are followed: one for each agent and one for each source of it. \return NULL: no memory */
struct fc_sflow *fc_sflow_new(size_t capacity);
void fc_sflow_free(struct fc_sflow *s);
/** \return what was counted so far; valid as long as s is */
const struct fc_sflow_counters *fc_sflow_counters(const struct fc_sflow *s);
/**
 * Decodes a datagram. One thread at a time.
 * \param sender whose datagram it is (16 bytes): agents of different senders are different, whatever they claim
 * \param time arrival, nanoseconds since the epoch
 */
enum fc_sflow_result fc_sflow_decode(struct fc_sflow *s, const uint8_t sender[16], uint64_t time,
                                     const uint8_t *data, size_t size, fc_sflow_fn callback, void *context);

#endif
