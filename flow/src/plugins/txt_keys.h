/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Which keys of TXT records of services (RFC 6763, section 6) are wanted: lines "SERVICE.DOMAIN,KEY,KEY,...", such as
 * "_ipp._tcp.local,ty,note". A service is that of every name that ends with it. Names and keys have any case.
 */
#ifndef FLOW_PLUGINS_TXT_KEYS_H
#define FLOW_PLUGINS_TXT_KEYS_H

#include "text.h"

#define TXT_KEYS_SERVICES 256
#define TXT_KEYS_SIZE     65536 /* bytes of a file */
#define TXT_KEYS_ERROR    256

struct txt_keys {
   unsigned n;
   struct span services[TXT_KEYS_SERVICES], keys[TXT_KEYS_SERVICES]; /* keys: raw text after the comma */
   char text[TXT_KEYS_SIZE];
};

/** Reads a file. \return false with a message in error */
bool txt_keys_read(struct txt_keys *k, const char *path, char error[TXT_KEYS_ERROR]);
/** The same for size bytes that are already in k->text; name: the source, for messages. */
bool txt_keys_parse(struct txt_keys *k, size_t size, const char *name, char error[TXT_KEYS_ERROR]);
/** piece: "key=value" or "key". */
bool txt_keys_wanted(const struct txt_keys *k, struct span owner, struct span piece);

#endif
