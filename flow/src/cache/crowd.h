/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Crowds: many flows at a time to one address, or from one, that nobody answers; floods of many sources and sweeps over silent hosts. UDP and
 * ICMP have no end that could be seen, so with early exports the flows of a crowd end after a short silence, those of others never before
 * their timeout.
 *
 * Each flow is counted once, when an answer should have come: for its target and for its source, by the second. An address has a crowd while
 * CROWD_FLOWS flows in two seconds were not answered, and no more of them were. Flows to the
 * target of a crowd with many packets end even if they are not silent, for a few seconds, and go on in other records: reflectors send without
 * a pause. An address is left alone for an hour when flows of its
 * crowd came back that had ended early: then these are devices which send now and then (logs, counters, telemetry), or their answers take long.
 *
 * Two tables of fixed size, with keyed hashes; when one is full, entries used once go first (nc_table.h), and an address or a flow that was
 * forgotten is counted anew. What is decided depends on the packets only. One thread.
 */
#ifndef FLOW_CROWD_H
#define FLOW_CROWD_H

#include "flow.h"

#define CROWD_FLOWS 20 /* less than half of what detectors of sweeps and floods ask for */

struct crowds;

struct crowd_stats {
   uint64_t ended; /**< flows of crowds that were exported early */
   uint64_t
       split; /**< of them were not silent, or came back within the inactive timeout: a flow in two records */
   uint64_t evicted; /**< addresses and flows that were forgotten because a table was full */
};

/** remember_s: seconds in which a flow that comes back is known. \return NULL without memory */
struct crowds *crowds_new(uint32_t remember_s);
void crowds_free(struct crowds *crowds);
uint64_t crowds_bytes(const struct crowds *crowds);
/** As of now. */
struct crowd_stats crowds_stats(const struct crowds *crowds);

/** UDP or ICMP to one host, not to many. */
bool crowds_concern(const struct flow *f);
/** Nobody has answered it; pings count always, since hosts answer floods of them too. */
static inline bool crowds_unheard(const struct flow *f)
{
   return f->packets_rev == 0 || f->protocol != 17;
}
/** Counts a flow at the second when it should have been answered; once. Seconds do not go back. */
void crowds_count(struct crowds *crowds, const struct flow *f, uint64_t second);
/** Does the flow belong to a crowd? */
bool crowds_have(struct crowds *crowds, const struct flow *f, uint64_t second);
/** Does it belong to the crowd of its target, and has many packets? Then it is exported, and goes on in another record. */
bool crowds_loud(struct crowds *crowds, const struct flow *f, uint64_t second);
/** A silent flow that belongs to a crowd is exported. */
void crowds_ended(struct crowds *crowds, const struct flow *f, uint64_t second);
/** A flow with this hash has begun: is it one that ended before? */
void crowds_begun(struct crowds *crowds, uint64_t hash, uint64_t second);

#endif
