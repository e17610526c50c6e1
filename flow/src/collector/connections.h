/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Connections of exporters: TCP, TLS, SCTP, and DTLS over the sockets of a receiver. They belong to the receiver's thread. A connection whose
 * handshake is not done is none of the FC_MAX_CONNECTIONS yet, so who has no certificate cannot take the place of those who have.
 */
#ifndef FLOW_COLLECTOR_CONNECTIONS_H
#define FLOW_COLLECTOR_CONNECTIONS_H

#include "decode.h"
#include "secure.h"

/** A further connection takes the place of that which has been silent for longest, if for at least FC_SILENT_SECONDS; else it is closed at
 * once. Either is counted as beyond a limit. */
#define FC_MAX_CONNECTIONS 256
#define FC_SILENT_SECONDS  60
/** Handshakes at the same time; a further one ends the oldest. They must be done within FC_HANDSHAKE_SECONDS, and no more than FC_HANDSHAKE_RATE
 * begin in a second, as each takes the time of a thousand records. */
#define FC_MAX_HANDSHAKES    64
#define FC_HANDSHAKE_SECONDS 10
#define FC_HANDSHAKE_RATE    200

#define FC_REFUSAL 320 /* bytes of a text */

void fc_peer_set(struct fc_peer *peer, const struct sockaddr_storage *from, enum fc_transport transport);

struct fc_connections;
/** Events of connection n are told as first + n. secure: NULL without TLS and DTLS; it must outlive the connections.
 * \return NULL: no memory */
struct fc_connections *fc_connections_new(int epoll, uint32_t first, const struct fc_secure *secure);
void fc_connections_free(struct fc_connections *c);

/** Accepts a connection at a listening socket. */
void fc_connections_accept(struct fc_connections *c, int listener, enum fc_transport transport,
                           struct fc_decoder *d);
/** Something happened to a connection's socket. */
void fc_connections_serve(struct fc_connections *c, uint32_t n, struct fc_decoder *d);
/** A datagram of DTLS that came to a socket, which has this number among the receiver's. */
void fc_connections_datagram(struct fc_connections *c, int fd, uint32_t socket,
                             const struct sockaddr_storage *from, const uint8_t *datagram, size_t size,
                             uint64_t now, struct fc_decoder *d);
/** Ends handshakes that take too long, and sends again what was not answered. Call it several times a second. */
void fc_connections_timers(struct fc_connections *c, uint64_t now, struct fc_decoder *d);
/** Why the last connection was refused, at most once a minute. \return false: none was, or it has just been said */
bool fc_connections_refused(struct fc_connections *c, uint64_t now, char text[FC_REFUSAL]);

#endif
