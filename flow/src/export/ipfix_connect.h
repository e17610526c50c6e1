/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * An attempt to connect to a collector, made in a thread of its own: names are resolved and connections set up in seconds, or
 * not at all, while packets come in and signals want the program to end.
 */
#ifndef FLOW_IPFIX_CONNECT_H
#define FLOW_IPFIX_CONNECT_H

#include <stdbool.h>

#define ATTEMPT_ERROR 128

struct ipfix_attempt;

/** Begins to connect. \return NULL: no memory or no thread */
struct ipfix_attempt *ipfix_attempt_begin(const char *host, const char *port, bool udp);
/** Waits up to this many milliseconds. \return true if it has ended */
bool ipfix_attempt_ended(struct ipfix_attempt *a, unsigned ms);
/** After it has ended: \return the connected socket, which does not block and is the caller's, or -1 with a message in error */
int ipfix_attempt_socket(struct ipfix_attempt *a, char error[ATTEMPT_ERROR]);
/** Abandons or frees the attempt; NULL is allowed. */
void ipfix_attempt_leave(struct ipfix_attempt *a);

#endif
