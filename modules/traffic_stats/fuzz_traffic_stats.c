/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: what others decide. The first byte says what the rest is: a request of a client; the peers and ports of a host, as they
 * are in the database; flows.
 */
#include "minute.h"
#include "rank.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

#define HOSTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const uint8_t *data, size_t size)
{
   struct traffic_request r;
   char why[REQUEST_ERROR] = "";
   if (!traffic_request_parse((const char *) data, size, &r, why) ? *why == 0
                                                                  : r.limit < 1 || r.limit > TOP_MAX) {
      abort();
   }
}

/* What can be read is the same when it was written again. */
static void try_detail(const uint8_t *data, size_t size)
{
   struct detail d, again;
   uint8_t bytes[DETAIL_MAX], bytes_again[DETAIL_MAX];
   if (detail_read(&d, data, size)) {
      size_t n = detail_write(&d, bytes);
      if (!detail_read(&again, bytes, n) || detail_write(&again, bytes_again) != n ||
          memcmp(bytes, bytes_again, n) != 0) {
         abort();
      }
      detail_merge(&d, &again);
   }
}

static bool take(void *context, const void *host)
{
   struct host *h = (struct host *) (uintptr_t) host;
   struct minute *m = context;
   const struct detail *d = minute_detail(m, h);
   uint8_t bytes[DETAIL_MAX];
   bool is_new = h->taken == 0;
   h->taken = 1;
   if (d != NULL && detail_write(d, bytes) > DETAIL_MAX) {
      abort();
   }
   return is_new;
}

static void try_flows(const uint8_t *data, size_t size)
{
   static struct rank rank;
   struct minute m;
   struct flow flows[MINUTE_FLOWS];
   uint32_t n = 0, cursor = 0;
   const void *key;
   void *value;
   if (!minute_create(&m, HOSTS)) {
      abort();
   }
   minute_begin(&m, 0);
   for (; size >= 16; size -= 16, data += 16) {
      struct flow *f = &flows[n++];
      memset(f, 0, sizeof(*f));
      f->source = ip_from_4_bytes_be((const char *) data);
      f->destination = ip_from_16_bytes_be((const char *) data);
      f->port = data[5] < 128 ? data[5] : NO_PORT;
      f->protocol = data[6];
      f->forward = (struct amount){1, data[7], data[8] < 200 ? data[8] : INT64_MAX};
      f->reverse = (struct amount){0, data[9], (uint64_t) data[10] << 54};
      if (n == MINUTE_FLOWS || size < 32) {
         minute_add(&m, flows, n);
         n = 0;
      }
   }
   rank_begin(&rank);
   while (nc_table_next(m.hosts, &cursor, &key, &value)) {
      const struct host *h = value;
      rank_offer(&rank, &h->in, h);
   }
   if (rank_end(&rank, take, &m) != nc_table_count(m.hosts)) {
      abort();
   }
   minute_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size > 0 && data[0] % 3 == 0) {
      try_request(data + 1, size - 1);
   } else if (size > 0 && data[0] % 3 == 1) {
      try_detail(data + 1, size - 1);
   } else if (size > 0) {
      try_flows(data + 1, size - 1);
   }
   return 0;
}
