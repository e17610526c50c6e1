/* SPDX-License-Identifier: BSD-3-Clause */
/** Input over a socket: the parameters that follow its letter in an IFC_SPEC. */
#ifndef TRAP_IN_PARAMS_H
#define TRAP_IN_PARAMS_H

#include <sys/un.h>

struct tls_config;
struct trap_context;

/** When a connection on which nothing arrives is tested, and given up (t, T). */
struct keepalive {
   int idle, interval, count; /* seconds, seconds, tests; idle 0: never */
};

/** Where the sender is. */
struct sender_address {
   char *host, *port; /* host NULL: UNIX, and port is the socket's name */
   char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
   struct tls_config *tls; /* NULL: t, u */
   struct keepalive keepalive;
   char *resume; /* u: the name under which the sender keeps what is not acknowledged; NULL: none */
};

/** Takes "[host:]port", "[anything:]name" or, of T, "[host:]port:keyfile:certfile:CAfile", and parameters after it.
 *  \return OK, or what is wrong, with the context's error set; to is freed in either case by who owns it */
int sender_address_parse(struct trap_context *ctx, struct sender_address *to, char type, const char *params);
void sender_address_free(struct sender_address *to);

#endif
