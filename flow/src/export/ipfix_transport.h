/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The connection to an IPFIX collector: made, looked after, and made again after it was lost. Messages go as a whole or not at
 * all. Calls of different threads are kept apart by the caller's lock.
 */
#ifndef FLOW_IPFIX_TRANSPORT_H
#define FLOW_IPFIX_TRANSPORT_H

#include "sink.h"

#define IPFIX_MAX_MESSAGE 65535
#define IPFIX_MAX_UDP     65507

struct ipfix_transport;

/** Waits a few seconds for the first connection; a failure is reported once, and the connection retried later. config must outlive it.
 * \return NULL: no memory */
struct ipfix_transport *ipfix_transport_new(const struct flow_sink_config *config);
/** Sends what is left and ends the stream. The second call does nothing.
 * \return NM_OK or NM_ERROR: records were lost that should not be (config->whole), the module has the message */
int ipfix_transport_finish(struct ipfix_transport *t);
void ipfix_transport_free(struct ipfix_transport *t);

/** Maintains the connection without waiting. \return number of the session, a new one after each reconnect; 0 without a connection */
uint32_t ipfix_transport_session(struct ipfix_transport *t);

/** Sends a message with a number of data records. \return false if it was not sent and the records are lost */
bool ipfix_transport_send(struct ipfix_transport *t, const uint8_t *message, size_t size, uint32_t records);

/** Sends what has waited for long enough, everything when now is 0. */
void ipfix_transport_flush(struct ipfix_transport *t, uint64_t now);

/** Counts data records that could not even become a message. */
void ipfix_transport_lose(struct ipfix_transport *t, uint64_t records);
/** \return data records that were lost since the last call */
uint64_t ipfix_transport_lost(struct ipfix_transport *t);

#endif
