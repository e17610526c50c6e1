/* SPDX-License-Identifier: BSD-3-Clause */
#include "devices.h"

#include <math.h>
#include <stdlib.h>

#define TCP            6
#define PAUSE          ((ur_time_t) 60 << 32) /* after it, a flow with a known peer is another connection */
#define ONE_SECOND     4294967296.0           /* of ur_time_t */
#define TYPICAL        100.0                  /* packets or seconds, which become tanh(1) */
#define PORT_STEEPNESS 3.0

void device_count(struct device *d, nc_table_t *peers, nc_table_t *ports, const struct seen *seen)
{
   struct peer_key key = {.number = d->number, .address = seen->peer};
   bool is_new;
   ur_time_t *ended = nc_table_upsert(peers, &key, &is_new);
   d->peers += is_new;
   if (is_new || (seen->first > *ended && seen->first - *ended > PAUSE)) {
      d->connections++;
      d->initiated += seen->way == SENT;
   }
   *ended = seen->last > *ended ? seen->last : *ended;

   struct way *way = &d->way[seen->way];
   double seconds = seen->last > seen->first ? (double) (seen->last - seen->first) / ONE_SECOND : 0;
   way->flows++;
   way->bytes += seen->bytes;
   way->packets += seen->packets;
   way->packets2 += (double) seen->packets * seen->packets;
   way->seconds += seconds;
   way->seconds2 += seconds * seconds;
   d->tcp += seen->protocol == TCP;

   uint64_t port = port_key(d->number, seen->port < CHOSEN_PORTS ? seen->port : CHOSEN_PORTS);
   ++*(uint64_t *) nc_table_upsert(ports, &port, NULL);
}

/* -------------------------------------------------------------------- ports of all devices */

static int by_key(const void *a, const void *b)
{
   const struct port_use *x = a, *y = b;
   return x->key < y->key ? -1 : x->key > y->key;
}

bool port_list_make(struct port_list *list, const nc_table_t *ports)
{
   const void *key;
   void *value;
   list->n = 0;
   list->uses = malloc((nc_table_count(ports) + (size_t) 1) * sizeof(*list->uses));
   for (uint32_t at = 0; list->uses != NULL && nc_table_next(ports, &at, &key, &value);) {
      list->uses[list->n++] = (struct port_use){*(const uint64_t *) key, *(const uint64_t *) value};
   }
   if (list->n > 0) {
      qsort(list->uses, list->n, sizeof(*list->uses), by_key);
   }
   return list->uses != NULL;
}

void port_list_free(struct port_list *list)
{
   free(list->uses);
   list->uses = NULL;
   list->n = 0;
}

/* Place of the first port of the device with this number, or of one after it. */
static uint32_t first_port(const struct port_list *list, uint64_t number)
{
   uint32_t low = 0, high = list->n;
   while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (list->uses[middle].key < port_key(number, 0)) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   return low;
}

/* -------------------------------------------------------------------- features */

static void put(struct feature *to, unsigned *n, int index, double value)
{
   if (value != 0) {
      to[(*n)++] = (struct feature){index, value};
   }
}

static double share(uint64_t part, uint64_t all)
{
   return all > 0 ? (double) part / (double) all : 0;
}

/* Mean and standard deviation of n values, squeezed into 0 to 1. */
static void put_spread(struct feature *to, unsigned *n, int index, double sum, double squares, uint64_t count)
{
   double mean = count > 0 ? sum / (double) count : 0;
   double variance = count > 0 ? squares / (double) count - mean * mean : 0;
   put(to, n, index, tanh(mean / TYPICAL));
   put(to, n, index + 1, tanh(sqrt(variance > 0 ? variance : 0) / TYPICAL));
}

unsigned device_features(const struct device *d, const struct port_list *list,
                         struct feature to[MOST_FEATURES])
{
   const struct way *sent = &d->way[SENT], *received = &d->way[RECEIVED];
   uint64_t flows = sent->flows + received->flows;
   unsigned n = 0;
   put(to, &n, 1, share(d->initiated, d->connections));
   put(to, &n, 2, share(sent->bytes, sent->bytes + received->bytes));
   put_spread(to, &n, 3, sent->packets, sent->packets2, sent->flows);
   put_spread(to, &n, 5, received->packets, received->packets2, received->flows);
   put_spread(to, &n, 7, sent->seconds, sent->seconds2, sent->flows);
   put_spread(to, &n, 9, received->seconds, received->seconds2, received->flows);
   put(to, &n, FIXED_FEATURES, share(d->tcp, flows));
   for (uint32_t i = first_port(list, d->number);
        i < list->n && list->uses[i].key >> 16 == d->number && n < MOST_FEATURES; i++) {
      double part = share(list->uses[i].flows, flows);
      if (part > 1.0 / PORT_SHARE) {
         put(to, &n, FIXED_FEATURES + 1 + (int) (list->uses[i].key & 0xffff), tanh(PORT_STEEPNESS * part));
      }
   }
   return n;
}
