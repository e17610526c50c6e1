/* SPDX-License-Identifier: BSD-3-Clause */
/** Sequence numbers of sFlow (datagrams, and samples of each source) of many senders, in fixed memory: what was lost, what came late,
 * who began anew. */
#ifndef FLOW_COLLECTOR_SFLOW_SEQUENCES_H
#define FLOW_COLLECTOR_SFLOW_SEQUENCES_H

#include <stddef.h>
#include <stdint.h>

#define FC_SEQUENCE_KEY  44        /* bytes */
#define FC_SEQUENCE_GAP  (1 << 16) /* numbers; a larger gap is a restart */
#define FC_SEQUENCE_LATE 256       /* numbers; what is older is a restart */

struct fc_sequences;

enum fc_sequence_event {
   FC_SEQUENCE_FIRST,
   FC_SEQUENCE_NEXT,
   FC_SEQUENCE_LOST,
   FC_SEQUENCE_OLD,
   FC_SEQUENCE_RESTART
};

struct fc_sequence_result {
   enum fc_sequence_event event;
   uint32_t lost; /**< numbers that are missing; of FC_SEQUENCE_OLD: 1 when it had been counted as lost */
};

/** \param capacity sequences; of those beyond it, the ones silent for longest are forgotten. \return NULL: no memory */
struct fc_sequences *fc_sequences_new(size_t capacity);
void fc_sequences_free(struct fc_sequences *s);
/** \param step how many numbers this message takes */
struct fc_sequence_result fc_sequences_see(struct fc_sequences *s, const uint8_t key[FC_SEQUENCE_KEY],
                                           uint32_t number, uint32_t step);
/** Sequences that were seen first, and that were forgotten. */
void fc_sequences_count(const struct fc_sequences *s, uint64_t *seen, uint64_t *evicted);

#endif
