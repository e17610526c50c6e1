/* SPDX-License-Identifier: BSD-3-Clause */
/** What both ends of a socket interface need: names, descriptors handed over, buffers. */
#ifndef TRAP_SOCKET_H
#define TRAP_SOCKET_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socket_path.h"

struct trap_context;

/** Descriptors that come with the hello on a UNIX socket (SCM_RIGHTS), in this order. */
enum share { SHARE_LOG, SHARE_PAGE, SHARE_FDS };

/** DIR/trap-NAME.sock where senders bind; BADPARAMS if that is too long. */
int unix_socket_path(struct trap_context *ctx, const char *name, char path[SOCKET_PATH_SIZE]);
/** BADPARAMS for a numeric port outside 1..65535 and for what is no name of a service. */
int check_tcp_port(struct trap_context *ctx, const char *port);
/** "TCPIP", "TLS" or "UNIX socket". */
const char *socket_type_name(char type);
/** Grows *buffer to at least want bytes, keeping its contents. */
bool buffer_reserve(uint8_t **buffer, size_t *capacity, size_t want);
/** Wakes the other end of a connection whose stream goes through shared memory, by a byte. Never blocks, whatever the
 *  other end does to its descriptor. */
void peer_signal(int fd);
/** Reads such bytes. \return > 0: some, 0: none, < 0: the other end has closed, or an error, which errno says */
int peer_drain(int fd);
/** Whether the other end of a UNIX connection is still open. Keeps errno. */
bool peer_is_there(int fd);
void eventfd_signal(int fd);
void eventfd_drain(int fd);

#endif
