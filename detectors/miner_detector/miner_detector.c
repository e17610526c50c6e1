/* SPDX-License-Identifier: BSD-3-Clause */
/** miner_detector: clients of cryptocurrency mining pools. This file is the module: options, records, alerts. */
#include "miner.h"
#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint32 PACKETS_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS,
          uint8 TCP_FLAGS_REV, bytes IDP_CONTENT, bytes IDP_CONTENT_REV, uint32 EVENT_SCALE,
          uint32 FLOW_COUNT, uint8 MINER_SCORE, uint8 MINER_EVIDENCE)

#define EXIT_OPTION    3
#define ASKED          4096 /* servers of which it is known when they were asked */
#define OUTPUT_TIMEOUT 10000
#define ALERT          "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,time TIME_FIRST,time TIME_LAST,uint32 EVENT_SCALE"
#define DETAILS        ",uint64 BYTES,uint32 FLOW_COUNT,uint8 MINER_SCORE,uint8 MINER_EVIDENCE"

static const nm_option_t options[] = {
    NM_FILE_OR(
        'u', "user-conf", struct miner, config, NEMEA_CONFDIR "/miner_detector/userConfigFile.xml",
        config_load, config_free,
        "Configuration (XML): lists, timeouts, threshold of the score. Without a file at this path the "
        "defaults of the README count."),
    NM_FLAG(0, "no-check", struct miner, no_check,
            "Never ask servers whether they are pools, whatever the configuration says."),
    NM_FLAG(0, "allow-private", struct miner, allow_private,
            "Ask servers with private, own and loopback addresses, too."),
    NM_FLAG(0, "unconfirmed", struct miner, unconfirmed,
            "Report also whom only the statistics of the traffic speak against."),
    NM_FLAG(0, "details", struct miner, details,
            "Add bytes, flows, the score and the kind of evidence to the alerts."),
    NM_END,
};

/* ------------------------------------------------------------------------- begin */

static int open_tables(nm_module_t *m)
{
   struct miner *self = nm_self(m);
   nc_table_config_t suspects = {.capacity = self->config->suspects,
                                 .key_size = sizeof(struct suspect_key),
                                 .value_size = sizeof(struct suspect),
                                 .evicted = suspect_evicted,
                                 .context = m};
   nc_table_config_t asked = {
       .capacity = ASKED, .key_size = sizeof(struct pool), .value_size = sizeof(uint32_t)};
   self->suspects = nc_table_new(&suspects);
   self->asked = nc_table_new(&asked);
   if (self->suspects == NULL || self->asked == NULL ||
       !pool_list_open(&self->confirmed, self->config->blacklisted, true) ||
       !pool_list_open(&self->clean, self->config->whitelisted, true)) {
      return nm_fail(
          m,
          "no memory for tables of %u suspects, %u and %u pools (suspect_db_size, blacklist_db_size, "
          "whitelist_db_size)",
          self->config->suspects, self->config->blacklisted, self->config->whitelisted);
   }
   const nc_table_stats_t *stats = nc_table_stats(self->suspects);
   nm_counter(m, "suspects", &stats->inserted);
   nm_counter(m, "suspects evicted", &stats->evicted);
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "checks", &self->checks);
   nm_counter(m, "checks that found a pool", &self->checks_positive);
   nm_counter(m, "checks that found none", &self->checks_negative);
   nm_counter(m, "checks that failed", &self->checks_failed);
   nm_counter(m, "servers not asked: address not public", &self->not_public);
   nm_counter(m, "servers not asked: queue full", &self->queue_full);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct miner *self = nm_self(m);
   self->live = !nm_recording(m);
   if (open_tables(m) != NM_OK || checks_open(m) != NM_OK) {
      return NM_ERROR;
   }
   return nm_set_output(m, 0, self->details ? ALERT DETAILS : ALERT);
}

static int reload(nm_module_t *m)
{
   const struct miner *self = nm_self(m);
   if (nc_table_capacity(self->suspects) != self->config->suspects ||
       (self->live && !self->no_check && self->config->stratum_check != (self->probe != NULL))) {
      nm_warn(m, "suspect_db_size and stratum_check of the new configuration count after a restart");
   }
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct miner *self = nm_self(m);
   (void) input;
   self->content = ur_is_present(nm_in(m), F_IDP_CONTENT);
   return NM_OK;
}

/* ------------------------------------------------------------------------ records */

static struct suspect_key key_of(nm_module_t *m, const void *rec)
{
   struct suspect_key key = {.port = nm_get(m, rec, F_DST_PORT)};
   memcpy(&key.src, nm_get_ptr(m, rec, F_SRC_IP), sizeof(key.src));
   memcpy(&key.dst, nm_get_ptr(m, rec, F_DST_IP), sizeof(key.dst));
   return key;
}

/* What a server sent. Work for a miner makes its receiver a suspect. */
static void take_answer(nm_module_t *m, const void *rec, const struct suspect_key *key, bool job)
{
   struct miner *self = nm_self(m);
   struct suspect_key client = {.src = key->dst, .dst = key->src, .port = nm_get(m, rec, F_SRC_PORT)};
   bool is_new = false;
   struct suspect *s =
       job ? nc_table_upsert(self->suspects, &client, &is_new) : nc_table_find(self->suspects, &client);
   if (is_new) {
      suspect_begin(s, (uint32_t) (nm_get(m, rec, F_TIME_LAST) >> 32));
   }
   if (s != NULL) {
      s->answer = true;
      s->job |= job;
   }
}

/* \return true: it is a request of the protocol of pools */
static bool read_content(nm_module_t *m, const void *rec, const struct suspect_key *key)
{
   const char *data = (const char *) nm_get_ptr(m, rec, F_IDP_CONTENT);
   size_t n = nm_get_len(m, rec, F_IDP_CONTENT);
   if (n == 0 || data[0] != '{') {
      return false;
   }
   if (stratum_is_request(data, n)) {
      return true;
   }
   bool job = stratum_is_job(data, n);
   if ((job || stratum_is_answer(data, n)) &&
       !is_whitelisted(nm_self(m), nm_get_ptr(m, rec, F_SRC_IP), nm_get(m, rec, F_SRC_PORT))) {
      take_answer(m, rec, key, job);
   }
   return false;
}

static void take(nm_module_t *m, const void *rec, const struct suspect_key *key, uint64_t hash)
{
   struct miner *self = nm_self(m);
   uint16_t src_port = nm_get(m, rec, F_SRC_PORT);
   uint8_t flags = nm_get(m, rec, F_TCP_FLAGS), protocol = nm_get(m, rec, F_PROTOCOL);
   if (is_whitelisted(self, &key->dst, key->port) ||
       is_blacklisted(self, nm_get_ptr(m, rec, F_SRC_IP), src_port)) {
      return;
   }
   bool request = self->content && protocol == IPPROTO_TCP && read_content(m, rec, key);
   uint32_t last = (uint32_t) (nm_get(m, rec, F_TIME_LAST) >> 32);
   struct suspect *s = nc_table_find_hashed(self->suspects, key, hash);
   if (s == NULL) {
      bool suspicious = protocol == IPPROTO_TCP && (flags == TCP_ACK || flags == (TCP_ACK | TCP_PSH));
      if (!suspicious && !request && !is_blacklisted(self, &key->dst, key->port)) {
         return;
      }
      s = nc_table_upsert_hashed(self->suspects, key, hash, NULL);
      suspect_begin(s, last);
   }
   s->request |= request;
   suspect_add(s, protocol, flags, src_port, key->port, nm_get(m, rec, F_PACKETS), nm_get(m, rec, F_BYTES),
               last);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct miner *self = nm_self(m);
   struct suspect_key keys[NC_TABLE_BATCH];
   const void *pointers[NC_TABLE_BATCH];
   uint64_t hashes[NC_TABLE_BATCH];
   self->now = (uint32_t) (nm_now(m) >> 32);
   for (uint32_t first = 0; first < n; first += NC_TABLE_BATCH) {
      uint32_t many = n - first < NC_TABLE_BATCH ? n - first : NC_TABLE_BATCH;
      for (uint32_t i = 0; i < many; i++) {
         keys[i] = key_of(m, recs[first + i].data);
         pointers[i] = &keys[i];
      }
      nc_table_prefetch(self->suspects, pointers, many, hashes);
      for (uint32_t i = 0; i < many; i++) {
         take(m, recs[first + i].data, &keys[i], hashes[i]);
      }
   }
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   struct miner *self = nm_self(m);
   self->now = (uint32_t) (now >> 32);
   return suspects_check(m, self->now);
}

static int timer(nm_module_t *m)
{
   checks_collect(m);
   return NM_OK;
}

/* ---------------------------------------------------------------------------- end */

static void store(nm_module_t *m, const char *path, const struct pool_list *file,
                  const struct pool_list *learned)
{
   const struct miner *self = nm_self(m);
   char error[BL_ERROR];
   if (path[0] != 0 && !pool_list_store(file, learned, path, self->now, error)) {
      nm_warn(m, "the list cannot be stored: %s", error);
   }
}

static int finish(nm_module_t *m)
{
   const struct miner *self = nm_self(m);
   int rc = suspects_finish(m);
   store(m, self->config->store_blacklist, &self->config->black, &self->confirmed);
   store(m, self->config->store_whitelist, &self->config->white, &self->clean);
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct miner *self = nm_self(m);
   probe_free(self->probe);
   nc_table_free(self->suspects);
   nc_table_free(self->asked);
   pool_list_close(&self->confirmed);
   pool_list_close(&self->clean);
}

int alert_send(nm_module_t *m, const struct suspect_key *key, const struct suspect *s)
{
   struct miner *self = nm_self(m);
   void *alert = nm_alert(m, NULL);
   uint64_t flows = (uint64_t) s->ack + s->ackpush + s->other;
   nm_set(m, alert, F_SRC_IP, key->src);
   nm_set(m, alert, F_DST_IP, key->dst);
   nm_set(m, alert, F_DST_PORT, key->port);
   nm_set(m, alert, F_TIME_FIRST, (ur_time_t) s->first << 32);
   nm_set(m, alert, F_TIME_LAST, (ur_time_t) s->last << 32);
   nm_set(m, alert, F_EVENT_SCALE, (uint32_t) (s->packets < UINT32_MAX ? s->packets : UINT32_MAX));
   if (self->details) {
      nm_set(m, alert, F_BYTES, s->bytes);
      nm_set(m, alert, F_FLOW_COUNT, (uint32_t) (flows < UINT32_MAX ? flows : UINT32_MAX));
      nm_set(m, alert, F_MINER_SCORE, (uint8_t) judge_score(s));
      nm_set(m, alert, F_MINER_EVIDENCE, s->evidence);
   }
   self->alerts++;
   return nm_send(m, alert);
}

NM_MODULE(
    "miner_detector",
    "Detects clients of cryptocurrency mining pools: by lists of pools, by the protocol they speak, by "
    "statistics of "
    "their traffic, and by asking the server.",
    .in = NM_INPUTS({.name = "flows",
                     .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,"
                               "uint32 PACKETS,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                               "uint8 TCP_FLAGS",
                     .optional = "uint32 PACKETS_REV,uint8 TCP_FLAGS_REV,bytes IDP_CONTENT,"
                                 "bytes IDP_CONTENT_REV",
                     .split_biflows = true,
                     .batch_halves = true}),
    .out = NM_OUTPUTS({.name = "alerts",
                       .fields = ALERT,
                       .format = NM_CHOSEN,
                       .added = NM_ADDED({DETAILS}),
                       .timeout = OUTPUT_TIMEOUT}),
    .options = options, .state_size = sizeof(struct miner), .option_status = EXIT_OPTION,
    .tick_every = NM_SECONDS(1), .init = init, .format = format, .records = records, .tick = tick,
    .timer = timer, .reload = reload, .finish = finish, .cleanup = cleanup)
