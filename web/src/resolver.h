/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Names of addresses, asked for in a thread of its own: at most RESOLVER_RATE questions a second, a cache of fixed size, and nobody
 * waits. A name is what the owner of the address says; it is text of others.
 */
#ifndef WEB_RESOLVER_H
#define WEB_RESOLVER_H

#include <stdbool.h>

#define RESOLVER_NAME    256
#define RESOLVER_RATE    20
#define RESOLVER_CACHE   4096
#define RESOLVER_QUEUE   256
#define RESOLVER_SECONDS 3600 /* until a name is asked for again */

struct resolver;

struct resolver *resolver_start(void);
void resolver_stop(struct resolver *r);
/** \return true with the name if it is known now ("": it has none); otherwise it is asked for, if the queue has room */
bool resolver_name(struct resolver *r, const char *address, char name[RESOLVER_NAME]);
/** Is this a host name as DNS allows it? */
bool resolver_plausible(const char *name);

#endif
