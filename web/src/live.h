/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What happens, to all browsers that are there, as server-sent events: "status" (the modules, each second) and "alert" (events of the store as
 * they come). Other programs are asked only while a browser is there, once for all of them.
 */
#ifndef WEB_LIVE_H
#define WEB_LIVE_H

#include "work.h"

#include <microhttpd.h>

#define LIVE_CLIENTS 32

struct live;

struct live *live_start(const struct sources *s);
/** Ends all streams. To be called before the HTTP server is stopped. */
void live_stop(struct live *l);
/** Releases it, after the HTTP server was stopped. */
void live_free(struct live *l);
/** \return NULL: there are LIVE_CLIENTS already */
struct MHD_Response *live_response(struct live *l, struct MHD_Connection *c);
unsigned live_clients(struct live *l);

#endif
