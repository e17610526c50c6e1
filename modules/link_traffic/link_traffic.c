/* SPDX-License-Identifier: BSD-3-Clause */
/** link_traffic: flows, bytes and packets of each link, for munin. */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>

#include "../munin/server.h"
#include "fields.h"
#include "links.h"

NM_FIELDS(uint64 BYTES, uint64 LINK_BIT_FIELD, uint32 PACKETS, uint8 DIR_BIT_FIELD)

#define SOCKET     "/var/run/libtrap/munin_link_traffic"
#define DIRECTIONS 2 /* in, out: as DIR_BIT_FIELD */

enum { BYTES, FLOWS, PACKETS, N_COUNTERS };

struct traffic {
   const char *config, *socket;
   bool no_direction;
   struct munin_server *server;
   struct links links;
   uint64_t counters[LINKS_MAX][DIRECTIONS][N_COUNTERS];
   uint64_t unknown_links, unknown_directions;
};

static const nm_option_t options[] = {
    NM_FLAG('d', "no-direction", struct traffic, no_direction, "Show incoming traffic only."),
    NM_STRING('c', "config", struct traffic, config, LINKS_DEFAULT,
              "File with the links: lines number,name,field,color."),
    NM_STRING('s', "socket", struct traffic, socket, SOCKET, "UNIX socket that munin reads."),
    NM_END,
};

/* The text that clients get: a line of names, a line of values. */
static int publish(nm_module_t *m)
{
   static const char *const directions[] = {"in", "out"}, *const counters[] = {"bytes", "flows", "packets"};
   struct traffic *self = nm_self(m);
   struct munin_text text;
   int shown = self->no_direction ? 1 : DIRECTIONS;
   FILE *f = munin_begin(m, &text);
   if (f == NULL) {
      return NM_OK;
   }
   for (int values = 0; values < 2; values++) {
      const char *comma = "";
      for (size_t i = 0; i < self->links.n; i++) {
         for (int k = 0; k < shown * N_COUNTERS; k++, comma = ",") {
            int d = k / N_COUNTERS, c = k % N_COUNTERS;
            if (values) {
               fprintf(f, "%s%" PRIu64, comma, self->counters[i][d][c]);
            } else {
               fprintf(f, "%s%s-%s-%s", comma, self->links.link[i].name, directions[d], counters[c]);
            }
         }
      }
      fputc('\n', f);
   }
   munin_publish(self->server, &text);
   return NM_OK;
}

/* The exit status is 0, as that of NEMEA 2: supervisors are used to it. */
static int load(nm_module_t *m)
{
   struct traffic *self = nm_self(m);
   char error[LINKS_ERROR];
   printf("Accessing config file %s.\n", self->config);
   fflush(stdout);
   FILE *file = fopen(self->config, "re");
   if (file == NULL) {
      return nm_fail_status(m, 0, "Error while opening config file %s: %s. Error loading configuration.",
                            self->config, strerror(errno));
   }
   bool good = links_read(&self->links, file, error);
   fclose(file);
   if (!good) {
      return nm_fail_status(m, 0, "Error loading configuration. %s, %s", self->config, error);
   }
   printf(">Configuration success.\n");
   fflush(stdout);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct traffic *self = nm_self(m);
   nm_counter(m, "unknown links", &self->unknown_links);
   nm_counter(m, "unknown directions", &self->unknown_directions);
   int rc = munin_open(m, self->socket, &self->server);
   nm_set_timer(m, NM_SECONDS(1));
   return rc == NM_OK ? publish(m) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct traffic *self = nm_self(m);
   const uint16_t *at = nm_in(m)->offset;
   const uint16_t bytes = at[F_BYTES], link = at[F_LINK_BIT_FIELD], packets = at[F_PACKETS],
                  direction = at[F_DIR_BIT_FIELD];
   uint64_t last = 0;
   int i = -1; /* of link number last */
   for (uint32_t k = 0; k < n; k++) {
      const void *rec = recs[k].data;
      uint64_t number = *(const ur_u_uint64_t *) UR_AT_(rec, link);
      uint8_t d = *(const uint8_t *) UR_AT_(rec, direction);
      if (k == 0 || number != last) {
         last = number;
         i = links_find(&self->links, number);
      }
      if (i < 0 || d >= DIRECTIONS) {
         self->unknown_links += i < 0;
         self->unknown_directions += i >= 0;
         continue;
      }
      uint64_t *c = self->counters[i][d];
      c[BYTES] += *(const ur_u_uint64_t *) UR_AT_(rec, bytes);
      c[FLOWS]++;
      c[PACKETS] += *(const ur_u_uint32_t *) UR_AT_(rec, packets);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct traffic *self = nm_self(m);
   munin_close(self->server);
}

NM_MODULE("link_traffic",
          "Counts flows, bytes and packets of each link and direction and gives them to munin over a UNIX "
          "socket: a line "
          "of names and a line of values. The links are those of a file.",
          .in = NM_INPUTS({"flows", "uint64 BYTES,uint64 LINK_BIT_FIELD,uint32 PACKETS,uint8 DIR_BIT_FIELD"}),
          .options = options, .state_size = sizeof(struct traffic), .check = load, .init = init,
          .records = records, .timer = publish, .idle = publish, .cleanup = cleanup)
