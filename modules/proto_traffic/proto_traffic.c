/* SPDX-License-Identifier: BSD-3-Clause */
/** proto_traffic: flows, bytes and packets of each protocol, for munin. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <string.h>

#include "../munin/server.h"
#include "fields.h"

NM_FIELDS(uint64 BYTES, uint32 PACKETS, uint8 PROTOCOL)

#define SOCKET "/var/run/libtrap/munin_proto_traffic"

static const struct {
   const char *name;
   uint8_t number;
} protocols[] = {{"icmp", 1}, {"tcp", 6},  {"udp", 17},   {"icmp6", 58},
                 {"esp", 50}, {"gre", 47}, {"sctp", 132}, {"others", 0}};

#define N      (sizeof(protocols) / sizeof(protocols[0]))
#define OTHERS (N - 1)

struct traffic {
   const char *socket;
   struct munin_server *server;
   uint8_t index[256]; /* of a protocol number */
   uint64_t flows[N], bytes[N], packets[N];
};

static const nm_option_t options[] = {
    NM_STRING('s', "socket", struct traffic, socket, SOCKET, "UNIX socket that munin reads."),
    NM_END,
};

static void put_values(FILE *f, const uint64_t *values, const char *comma)
{
   for (size_t i = 0; i < N; i++) {
      fprintf(f, "%s%" PRIu64, i > 0 ? "," : comma, values[i]);
   }
}

/* The text that clients get: a line of names, a line of values. */
static int publish(nm_module_t *m)
{
   static const char *const counters[] = {"flows", "bytes", "packets"};
   struct traffic *self = nm_self(m);
   struct munin_text text;
   FILE *f = munin_begin(m, &text);
   if (f == NULL) {
      return NM_OK;
   }
   for (size_t k = 0; k < 3; k++) {
      for (size_t i = 0; i < N; i++) {
         fprintf(f, "%s%s-%s", k + i > 0 ? "," : "", protocols[i].name, counters[k]);
      }
   }
   fputc('\n', f);
   put_values(f, self->flows, "");
   put_values(f, self->bytes, ",");
   put_values(f, self->packets, ",");
   fputc('\n', f);
   munin_publish(self->server, &text);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct traffic *self = nm_self(m);
   memset(self->index, OTHERS, sizeof(self->index));
   for (unsigned i = 0; i < OTHERS; i++) {
      self->index[protocols[i].number] = (uint8_t) i;
   }
   int rc = munin_open(m, self->socket, &self->server);
   nm_set_timer(m, NM_SECONDS(1));
   return rc == NM_OK ? publish(m) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct traffic *self = nm_self(m);
   const uint16_t *at = nm_in(m)->offset;
   const uint16_t protocol = at[F_PROTOCOL], bytes = at[F_BYTES], packets = at[F_PACKETS];
   for (uint32_t k = 0; k < n; k++) {
      uint8_t i = self->index[*(const uint8_t *) UR_AT_(recs[k].data, protocol)];
      self->flows[i]++;
      self->bytes[i] += *(const ur_u_uint64_t *) UR_AT_(recs[k].data, bytes);
      self->packets[i] += *(const ur_u_uint32_t *) UR_AT_(recs[k].data, packets);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct traffic *self = nm_self(m);
   munin_close(self->server);
}

NM_MODULE("proto_traffic",
          "Counts flows, bytes and packets of each protocol (icmp, tcp, udp, icmp6, esp, gre, sctp, others) "
          "and gives "
          "them to munin over a UNIX socket: a line of names and a line of values.",
          .in = NM_INPUTS({"flows", "uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL"}), .options = options,
          .state_size = sizeof(struct traffic), .init = init, .records = records, .timer = publish,
          .idle = publish, .cleanup = cleanup)
