/* SPDX-License-Identifier: BSD-3-Clause */
/** What the plugins tls and https find in a flow. */
#ifndef FLOW_PLUGINS_TLS_FLOW_H
#define FLOW_PLUGINS_TLS_FLOW_H

#include "cache/flow.h"
#include "kept.h"
#include "tls_hello.h"

#define TLS_MAX_HELLO 32768
#define TLS_SNI_MAX   254
#define TLS_ALPN_MAX  255
#define TLS_FEW       112 /* bytes of names and extensions: enough for most connections */
#define TLS_ALL       (TLS_SNI_MAX + TLS_ALPN_MAX + 2 * TLS_MAX_EXTENSIONS * sizeof(uint16_t))

struct tls_shared {
   uint8_t scratch[TLS_MAX_HELLO]; /* a hello that several records have */
   struct tls_known known[TLS_KNOWN];
};

struct tls {
   struct tls_shared *shared;
   struct kept kept;
   struct kept_piece sni, alpn, type, length; /* the last two: 16 bits of each extension */
   uint16_t version;
   bool client, server;
   uint8_t ja4_length;
   /* Not cleared. */
   uint8_t ja3[NC_MD5_SIZE];
   char ja4[JA4_SIZE];
   char few[TLS_FEW];
};

#define TLS_FLOW_CLEAR offsetof(struct tls, ja3)

bool tls_begins(uint8_t first);
/** For the plugin https: finds the server name, and nothing else. */
unsigned tls_look_for_name(void *ext, const struct flow *flow, const struct packet *packet, bool reverse);

#endif
