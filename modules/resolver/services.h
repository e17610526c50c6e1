/* SPDX-License-Identifier: BSD-3-Clause */
/** Names of services by protocol and port, read once from the system's list (/etc/services). */
#ifndef RESOLVER_SERVICES_H
#define RESOLVER_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

struct services;

/** \return NULL: no memory */
struct services *services_read(void);
void services_free(struct services *s);
/** \return NULL: it has no name */
const char *services_name(const struct services *s, uint16_t port, uint8_t protocol);

#endif
