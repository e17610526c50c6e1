/* SPDX-License-Identifier: BSD-3-Clause */
/** Events as bytes in the database, from which they are read again in full: alerts that come later are joined to them. */
#ifndef ALERT_STORE_BLOB_H
#define ALERT_STORE_BLOB_H

#include <nemea/event.h>

#define BLOB_MAX 2048 /* bytes of an event, at most */

/** \return bytes written to blob, at most BLOB_MAX */
size_t blob_write(const struct event *e, uint8_t blob[BLOB_MAX]);
/** Reads an event, but for its id and state. Its texts are constant. \return false: these bytes are no event (the database was damaged, or is of a later version) */
bool blob_read(const uint8_t *blob, size_t size, struct event *e);

#endif
