/* SPDX-License-Identifier: BSD-3-Clause */
/** deduplicator: drops records of flows that another exporter has reported too. */
#include <inttypes.h>
#include <nemea/module.h>
#include <string.h>
#include <time.h>

#include "../appfs/statistics.h"
#include "fields.h"

NM_FIELDS(uint16 SRC_PORT, uint16 DST_PORT, ipaddr DST_IP, ipaddr SRC_IP, uint64 LINK_BIT_FIELD,
          uint8 PROTOCOL, time TIME_LAST)

struct key {
   ip_addr_t source, destination;
   uint16_t source_port, destination_port;
   uint8_t protocol, zero[3];
};

/* Whose records of a flow are sent, and the time of the last one. */
struct owner {
   uint64_t link;
   ur_time_t time;
};

struct deduplicator {
   uint32_t exponent;
   uint64_t timeout_ms;
   bool wall_clock;
   nc_table_t *flows;
   ur_time_t timeout;
   uint64_t inserted, deduplicated;
   struct statistics files;
};

static uint64_t capacity(nm_module_t *m)
{
   const struct deduplicator *self = nm_self(m);
   return UINT64_C(1) << self->exponent;
}

static const nm_option_t options[] = {
    NM_U32('s', "size", struct deduplicator, exponent, 20, 0, 30,
           "Remember at most 2^SIZE flows; when there are more, the oldest is removed."),
    NM_U64('t', "timeout", struct deduplicator, timeout_ms, 5000, 0, UINT32_MAX,
           "Records are duplicates when their times differ by at most this many milliseconds."),
    NM_FLAG(0, "wall-clock", struct deduplicator, wall_clock,
            "Use the time of arrival instead of TIME_LAST."),
    STATISTICS_OPTION(struct deduplicator, files),
    NM_TABLE_OF(struct deduplicator, flows, "flows", struct key, struct owner, capacity),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct deduplicator *self = nm_self(m);
   return self->exponent < 3 ? nm_fail(m, "option -s, --size: HashMap size can not be less than 8 (2^3)")
                             : NM_OK;
}

static int publish(nm_module_t *m)
{
   const struct deduplicator *self = nm_self(m);
   statistics_input(m, &self->files);
   statistics_file(m, &self->files, "deduplicator", "statistics",
                   "replacedCount: %" PRIu64 "\ninsertedCount: %" PRIu64 "\ndeduplicatedCount: %" PRIu64 "\n",
                   nc_table_stats(self->flows)->evicted, self->inserted, self->deduplicated);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct deduplicator *self = nm_self(m);
   self->timeout = ur_time_from_sec_usec(self->timeout_ms / 1000, self->timeout_ms % 1000 * 1000);
   nm_counter(m, "insertedCount", &self->inserted);
   nm_counter(m, "replacedCount", &nc_table_stats(self->flows)->evicted);
   nm_counter(m, "deduplicatedCount", &self->deduplicated);
   int rc = statistics_open(m, &self->files);
   return rc == NM_OK ? publish(m) : rc;
}

/* Only the owner's records refresh the entry: when the owner falls silent, another exporter takes over after the timeout. A time
 * far from the owner's, to either side, ends the entry, so that one record with a wrong clock does not silence the others. */
static bool is_duplicate(struct deduplicator *self, const struct key *key, uint64_t hash, uint64_t link,
                         ur_time_t time)
{
   bool is_new;
   struct owner *owner = nc_table_upsert_hashed(self->flows, key, hash, &is_new);
   ur_time_t apart = time > owner->time ? time - owner->time : owner->time - time;
   if (is_new || apart > self->timeout) {
      self->inserted++;
      owner->link = link;
   } else if (owner->link != link) {
      self->deduplicated++;
      return true;
   }
   owner->time = time;
   return false;
}

static void make_key(struct key *key, const char *rec, const uint16_t *at)
{
   memcpy(&key->source, rec + at[F_SRC_IP], sizeof(key->source));
   memcpy(&key->destination, rec + at[F_DST_IP], sizeof(key->destination));
   key->source_port = *(const ur_u_uint16_t *) UR_AT_(rec, at[F_SRC_PORT]);
   key->destination_port = *(const ur_u_uint16_t *) UR_AT_(rec, at[F_DST_PORT]);
   key->protocol = *(const uint8_t *) UR_AT_(rec, at[F_PROTOCOL]);
   memset(key->zero, 0, sizeof(key->zero));
}

/* At most NC_TABLE_BATCH records. arrival: 0: take TIME_LAST */
static int some_records(nm_module_t *m, const nm_record_t *recs, uint32_t n, ur_time_t arrival)
{
   struct deduplicator *self = nm_self(m);
   const uint16_t *at = nm_in(m)->offset;
   struct key keys[NC_TABLE_BATCH];
   const void *pointers[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   nm_record_t unique[NC_TABLE_BATCH];
   uint32_t n_unique = 0;
   for (uint32_t i = 0; i < n; i++) {
      make_key(&keys[i], recs[i].data, at);
      pointers[i] = &keys[i];
   }
   nc_table_prefetch(self->flows, pointers, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      uint64_t link = *(const ur_u_uint64_t *) UR_AT_(recs[i].data, at[F_LINK_BIT_FIELD]);
      ur_time_t time =
          arrival != 0 ? arrival : *(const ur_u_uint64_t *) UR_AT_(recs[i].data, at[F_TIME_LAST]);
      if (!is_duplicate(self, &keys[i], hashes[i], link, time)) {
         unique[n_unique++] = recs[i];
      }
   }
   return nm_forward_batch(m, 0, unique, n_unique);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct deduplicator *self = nm_self(m);
   ur_time_t arrival = 0;
   statistics_count(&self->files, recs, n);
   if (self->wall_clock) {
      struct timespec wall;
      clock_gettime(CLOCK_MONOTONIC, &wall);
      arrival = ur_time_from_sec_usec((uint64_t) wall.tv_sec, (uint64_t) wall.tv_nsec / 1000);
   }
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i += NC_TABLE_BATCH) {
      rc = some_records(m, recs + i, n - i < NC_TABLE_BATCH ? n - i : NC_TABLE_BATCH, arrival);
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct deduplicator *self = nm_self(m);
   statistics_close(&self->files);
}

NM_MODULE("deduplicator",
          "Drops records of flows that another exporter has reported too: the same addresses, ports and "
          "protocol within the "
          "timeout, but another LINK_BIT_FIELD. All others are sent unchanged.",
          .in = NM_INPUTS(
              {"flows", "uint16 SRC_PORT,uint16 DST_PORT,ipaddr DST_IP,ipaddr SRC_IP,uint64 LINK_BIT_FIELD,"
                        "uint8 PROTOCOL,time TIME_LAST"}),
          .out = NM_OUTPUTS({"flows", .format = NM_FOLLOW}), .options = options,
          .state_size = sizeof(struct deduplicator), .no_eos_option = "no-eof", .check = check, .init = init,
          .records = records, .timer = publish, .idle = publish, .finish = publish, .cleanup = cleanup)
