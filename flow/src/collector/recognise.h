/* SPDX-License-Identifier: BSD-3-Clause */
/** Which files hold messages of exporters. */
#ifndef FLOW_COLLECTOR_RECOGNISE_H
#define FLOW_COLLECTOR_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** \return true: the payload of a datagram looks like an export message from its first to its last byte */
bool fc_is_export(const uint8_t *message, size_t size);
/** \return true: most of the first packets of a capture are export messages, or the file is an IPFIX file (RFC 5655) */
bool fc_is_export_file(const char *path);

#endif
