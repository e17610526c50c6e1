/* SPDX-License-Identifier: BSD-3-Clause */
/** Passes received datagrams on, unchanged, to other collectors over UDP. Sending never waits: what the kernel does not take at once is counted. */
#ifndef FLOW_COLLECTOR_FORWARD_H
#define FLOW_COLLECTOR_FORWARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define FC_MAX_TARGETS   16
#define FC_FORWARD_BATCH 64
#define FC_FORWARD_ERROR 512

struct fc_forward;

struct fc_forward *fc_forward_new(void);
void fc_forward_free(struct fc_forward *f);

/**
 * Adds a target.
 * \param text HOST:PORT or [ADDRESS]:PORT
 * \param keep_source datagrams have the addresses and ports of their exporters; raw sockets need the right CAP_NET_RAW
 * \return false with a message in error
 */
bool fc_forward_add(struct fc_forward *f, const char *text, bool keep_source, char error[FC_FORWARD_ERROR]);
/** Refuses targets that are the collector itself. \param listening address of a socket that it receives from, as getsockname() tells it.
 * \return false with a message in error */
bool fc_forward_check(const struct fc_forward *f, const struct sockaddr_storage *listening,
                      char error[FC_FORWARD_ERROR]);

/** Sends n datagrams to each target, FC_FORWARD_BATCH at most. \param from their senders. Any number of threads may do so. */
void fc_forward_send(struct fc_forward *f, const struct iovec *data, const struct sockaddr_storage *from,
                     unsigned n);

/** Counters of a target, by the order of adding. \return its text; NULL: there are no more */
const char *fc_forward_counters(const struct fc_forward *f, unsigned target, uint64_t *sent,
                                uint64_t *failed);

#endif
