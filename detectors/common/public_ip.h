/* SPDX-License-Identifier: BSD-3-Clause */
/** Which addresses a detector may contact on its own. */
#ifndef DETECTORS_PUBLIC_IP_H
#define DETECTORS_PUBLIC_IP_H

#include <stdbool.h>
#include <unirec/ipaddr.h>

/** May traffic go to this address without the operator's permission? Not to private, own, loopback, link-local, multicast or
 * reserved ones (RFC 6890). */
bool ip_is_public(const ip_addr_t *ip);

#endif
