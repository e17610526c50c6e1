/* SPDX-License-Identifier: BSD-3-Clause */
/** Sockets that export messages come to. A receiver belongs to one thread; those of several threads share ports (SO_REUSEPORT): the kernel gives
 * all datagrams of an exporter to the same one, so they stay in order. */
#ifndef FLOW_COLLECTOR_RECEIVE_H
#define FLOW_COLLECTOR_RECEIVE_H

#include "connections.h"
#include "forward.h"

#define FC_MAX_SOCKETS 32

struct fc_address {
   char host[256]; /* "": all addresses */
   char port[32];
   enum fc_transport transport;
};

/** Reads [HOST:]PORT or [ADDRESS]:PORT. \return false with a message in error */
bool fc_address_parse(struct fc_address *a, const char *text, enum fc_transport transport,
                      char error[FC_ERROR]);

struct fc_receiver;

/** buffer: bytes of a socket's buffer that are asked for; *granted: the least that a socket got. With shared, which is for several receivers
 * on the same ports, datagrams are dropped until fc_receiver_begin(). secure: of TLS and DTLS, NULL without them. \return NULL with a message in error */
struct fc_receiver *fc_receiver_new(const struct fc_address *addresses, unsigned n, bool shared,
                                    uint32_t buffer, const struct fc_secure *secure, uint32_t *granted,
                                    char error[FC_ERROR]);
/** From now on datagrams are received; called when all receivers of the same ports are there. */
void fc_receiver_begin(struct fc_receiver *r);
void fc_receiver_free(struct fc_receiver *r);
/** Passes datagrams on, too. \return false with a message in error: a target is one of the receiver's own sockets */
bool fc_receiver_forward(struct fc_receiver *r, struct fc_forward *forward, char error[FC_ERROR]);
/** Counts what the kernel has dropped so far, also after the last datagram that came. */
void fc_receiver_drops(struct fc_receiver *r, struct fc_decoder *d);
/** Gives what has come to a decoder, waiting up to so many milliseconds for it. \return false: an error, with a message in error */
bool fc_receive(struct fc_receiver *r, struct fc_decoder *d, int milliseconds, char error[FC_ERROR]);
/** Why the last connection over TLS or DTLS was refused, at most once a minute. \return false: none was, or it has just been said */
bool fc_receiver_refused(struct fc_receiver *r, char text[FC_REFUSAL]);

#endif
