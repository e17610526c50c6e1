/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Whether the other end of a TCP connection is still there. A machine that lost its power or its network says nothing: what is sent
 * to it stays unacknowledged, and the kernel takes a quarter of an hour to give up. A peer that reads slowly is another matter: it
 * acknowledges what it gets and closes its window, for as long as it likes.
 */
#ifndef FLOW_TCP_PEER_H
#define FLOW_TCP_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_PEER_TIMEOUT UINT64_C(60000000000) /* nanoseconds without an acknowledgement */

/** Zeroed when the connection begins. */
struct tcp_peer {
   uint64_t acked; /**< bytes that the peer had acknowledged */
   uint64_t
       since; /**< since when nothing more was acknowledged though it was sent; 0: nothing is unacknowledged */
   uint64_t next; /**< when to check again */
};

/** What the kernel knows of a connection. */
struct tcp_progress {
   uint64_t acked; /**< bytes that the peer has acknowledged */
   uint32_t
       unacked; /**< segments that were sent into its window and are not acknowledged; none while the window is closed */
};

/** \return true: for timeout nanoseconds nothing was acknowledged though something was to be */
bool tcp_peer_judge(struct tcp_peer *p, const struct tcp_progress *progress, uint64_t now, uint64_t timeout);

/** The same for a socket, which is looked at once in a while only. now: nanoseconds of a clock that is monotonic. */
bool tcp_peer_is_dead(struct tcp_peer *p, int fd, uint64_t now, uint64_t timeout);

#endif
