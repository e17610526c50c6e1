/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists that say something of exporters: which are allowed, and which link and direction their flows have. */
#ifndef FLOW_COLLECTOR_ADDRESSES_H
#define FLOW_COLLECTOR_ADDRESSES_H

#include "decode.h"

#define FC_MAX_RULES 1024

struct fc_addresses; /* a list of prefixes */

struct fc_addresses *fc_addresses_new(void);
void fc_addresses_free(struct fc_addresses *a);
/** Adds ADDRESS or PREFIX/LENGTH. \return false with a message in error */
bool fc_addresses_add(struct fc_addresses *a, const char *text, char error[FC_ERROR]);
/** As fc_decoder_config.allowed. */
bool fc_addresses_allow(void *addresses, const uint8_t address[16]);

/** Adds the rule EXPORTER[%INTERFACE]=LINK[:DIRECTION]. An interface is the number of the input interface, or, for flows that
 * were measured on their way out, of the output interface. */
bool fc_addresses_link(struct fc_addresses *a, const char *text, char error[FC_ERROR]);
/** As fc_decoder_config.link_of: the first rule that applies. */
void fc_addresses_link_of(void *addresses, const struct fc_peer *peer, const struct fc_facts *facts,
                          struct fc_context *c);

#endif
