/* SPDX-License-Identifier: BSD-3-Clause */
/** What the plugins tls and https find in a flow. */
#ifndef FLOW_PLUGINS_TLS_FLOW_H
#define FLOW_PLUGINS_TLS_FLOW_H

#include "cache/flow.h"
#include "tls_hello.h"

#define TLS_MAX_HELLO 32768

struct tls_shared {
   uint8_t scratch[TLS_MAX_HELLO]; /* a hello that several records have */
   struct tls_known known[TLS_KNOWN];
};

struct tls {
   struct tls_shared *shared;
   bool client, server;
   uint8_t sni_length, alpn_length, ja4_length, listed;
   uint16_t version;
   /* Not cleared. */
   uint8_t ja3[NC_MD5_SIZE];
   char ja4[JA4_SIZE];
   uint16_t type[TLS_MAX_EXTENSIONS], length[TLS_MAX_EXTENSIONS];
   char sni[254], alpn[255];
};

#define TLS_FLOW_CLEAR offsetof(struct tls, ja3)

bool tls_begins(uint8_t first);
unsigned tls_look(void *ext, const struct flow *flow, const struct packet *packet, bool reverse);

#endif
