/* SPDX-License-Identifier: BSD-3-Clause */
/** bloom_history: which addresses were seen in a network, as Bloom filters that are sent to web servers. */
#include "filters.h"
#include "uploads.h"

#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr DST_IP, uint32 PREFIX_TAG, time TIME_LAST)

#define MOST_CONFIG (64u << 20) /* bytes of the file */
#define MEGABYTE    ((uint64_t) 1 << 20)
#define REDIRECTS   50

struct bloom_history {
   struct config *config;   /* of the file */
   struct filters *filters; /* that are being filled */
   uint32_t interval, timeout, wait;
   uint64_t megabytes;
   const char *spool, *ca;
   struct uploads *uploads;
   uint64_t from, end; /* seconds, of the interval at hand; 0: no record yet */
   bool wall;          /* records have no times */
   uint64_t unknown, made, lost, sent, failed, rejected, dropped, waiting;
};

/* ---------------------------------------------------------------- configuration */

/* What was read of the file, until it is used. */
struct config {
   struct filters *filters;
};

static char *read_file(const char *path, size_t *size, char error[FILTERS_ERROR])
{
   FILE *file = fopen(path, "re");
   char *text = file != NULL ? malloc(MOST_CONFIG) : NULL;
   *size = text != NULL ? fread(text, 1, MOST_CONFIG, file) : 0;
   bool good = text != NULL && !ferror(file) && *size < MOST_CONFIG;
   if (!good) {
      snprintf(error, FILTERS_ERROR, "%s",
               *size == MOST_CONFIG ? "the file is larger than 64 MB" : strerror(errno));
      free(text);
      text = NULL;
   }
   if (file != NULL) {
      fclose(file);
   }
   return text;
}

static void *load(nm_module_t *m, const char *path)
{
   char error[FILTERS_ERROR];
   size_t size;
   char *text = read_file(path, &size, error);
   struct filters *f = text != NULL ? filters_read(text, size, error) : NULL;
   free(text);
   if (f == NULL) {
      nm_fail(m, "Error: unable to parse config file '%s': %s", path, error);
      return NULL;
   }
   struct config *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      nm_fail(m, "out of memory");
      filters_free(f);
   } else {
      c->filters = f;
   }
   return c;
}

static void release(void *config)
{
   struct config *c = config;
   filters_free(c->filters);
   free(c);
}

static const nm_option_t options[] = {
    NM_FILE('c', "config", struct bloom_history, config, load, release,
            "Networks, as JSON: [{\"id\": PREFIX_TAG, \"api_url\": URL, \"bloom_entries\": N, "
            "\"bloom_fp_error_rate\": P}, ...]; "
            "required. Read again on SIGHUP."),
    NM_U32('t', "interval", struct bloom_history, interval, 300, 0, 31536000,
           "Seconds of stream time after which the filters are sent and begin anew."),
    NM_STRING(0, "spool", struct bloom_history, spool, NULL,
              "Directory of the filters that no server has taken yet, made if it is not there; without it "
              "they are in memory."),
    NM_U64(0, "spool-size", struct bloom_history, megabytes, 256, 1, (uint64_t) 1 << 30,
           "Size of all filters that wait, in MB; beyond that the oldest are dropped."),
    NM_U32(0, "timeout", struct bloom_history, timeout, 10, 1, 3600, "Seconds that a request may take."),
    NM_U32(0, "wait", struct bloom_history, wait, 10, 0, 3600, "Seconds at the end for filters that wait."),
    NM_STRING(0, "ca", struct bloom_history, ca, NULL,
              "File of the CA certificates of servers; default: those of the system."),
    NM_END};

static int check(nm_module_t *m)
{
   const struct bloom_history *self = nm_self(m);
   return self->interval > 0 ? NM_OK : nm_fail(m, "Error: Uload interval must be > 0");
}

static void report(void *context, const char *text)
{
   nm_warn(context, "sending a filter: %s", text);
}

/* --------------------------------------------------------------------- sending */

static void count(struct bloom_history *self)
{
   struct uploads_counts c;
   uploads_counts(self->uploads, &c);
   self->sent = c.sent;
   self->failed = c.failed;
   self->rejected = c.rejected;
   self->dropped = c.dropped;
   self->waiting = c.waiting;
}

/* Hands a filter over. */
static void send_filter(nm_module_t *m, struct filter *f, uint64_t to)
{
   struct bloom_history *self = nm_self(m);
   char why[UPLOADS_WHY], url[4096];
   snprintf(url, sizeof(url), "%s/%" PRIu64 "/%" PRIu64 "/", f->url, self->from, to);
   if (uploads_put(self->uploads, url, f->body, f->body_size, why) == UPLOADS_TAKEN) {
      self->made++;
   } else {
      free(f->body);
      self->lost++;
      nm_warn(m, "a filter is lost: %s", why);
   }
   f->body = NULL;
}

/* Hands all filters over; they are empty then. */
static int send_filters(nm_module_t *m, uint64_t to)
{
   struct bloom_history *self = nm_self(m);
   for (uint32_t i = 0; self->filters != NULL && i < self->filters->n; i++) {
      struct filter *f = &self->filters->list[i];
      if (f->body != NULL) {
         send_filter(m, f, to);
      }
      if (!filter_begin(f)) {
         return nm_fail(m, "out of memory for a filter of %zu bytes", f->body_size);
      }
   }
   return NM_OK;
}

/* Begins with the filters of the file. */
static int use_config(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   self->filters = self->config->filters;
   self->config->filters = NULL;
   for (uint32_t i = 0; i < self->filters->n; i++) {
      if (!filter_begin(&self->filters->list[i])) {
         return nm_fail(m, "out of memory for a filter of %zu bytes", self->filters->list[i].body_size);
      }
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   char why[UPLOADS_WHY];
   if (self->config == NULL) {
      return nm_fail(m, "Error: a file of networks is needed (option -c)");
   }
   const struct uploads_options o = {.spool = self->spool,
                                     .max_bytes = self->megabytes * MEGABYTE,
                                     .agent = "nemea-bloom_history",
                                     .content_type = "application/octet-stream",
                                     .ca = self->ca,
                                     .redirects = REDIRECTS,
                                     .timeout = self->timeout * 1000,
                                     .first_pause = 1000,
                                     .last_pause = 60000,
                                     .report = report,
                                     .context = m};
   self->uploads = uploads_start(&o, why);
   if (self->uploads == NULL) {
      return nm_fail(m, "option --spool: %s", why);
   }
   nm_counter(m, "filters", &self->made);
   nm_counter(m, "filters lost", &self->lost);
   nm_counter(m, "filters sent", &self->sent);
   nm_counter(m, "attempts failed", &self->failed);
   nm_counter(m, "filters rejected", &self->rejected);
   nm_counter(m, "filters dropped", &self->dropped);
   nm_counter(m, "filters waiting", &self->waiting);
   nm_counter(m, "unknown tags", &self->unknown);
   return use_config(m);
}

/* ------------------------------------------------------------------------ time */

static uint64_t now_seconds(nm_module_t *m)
{
   const struct bloom_history *self = nm_self(m);
   return self->wall ? (uint64_t) time(NULL) : ur_time_get_sec(nm_now(m));
}

/* Intervals end at multiples of their length; the first begins with the first record. */
static void begin_interval(struct bloom_history *self, uint64_t from)
{
   self->from = from;
   self->end = (from / self->interval + 1) * self->interval;
}

static int look_at_time(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   uint64_t now = now_seconds(m);
   int rc = NM_OK;
   count(self);
   if (self->from != 0 && now >= self->end) {
      rc = send_filters(m, self->end);
      begin_interval(self, now / self->interval * self->interval);
   }
   return rc;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   const struct bloom_history *self = nm_self(m);
   (void) now;
   return self->wall ? NM_OK : look_at_time(m);
}

static int timer(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   count(self);
   return self->wall ? look_at_time(m) : NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct bloom_history *self = nm_self(m);
   (void) input;
   self->wall = !nm_has(m, F_TIME_LAST);
   nm_set_timer(m, NM_SECONDS(1));
   return NM_OK;
}

/* --------------------------------------------------------------------- records */

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct bloom_history *self = nm_self(m);
   uint16_t address_at = nm_in(m)->offset[F_DST_IP], tag_at = nm_in(m)->offset[F_PREFIX_TAG];
   struct filter *f = NULL;
   if (self->from == 0) {
      begin_interval(self, self->wall ? (uint64_t) time(NULL)
                                      : ur_time_get_sec(nm_get(m, recs[0].data, F_TIME_LAST)));
   }
   for (uint32_t i = 0; i < n; i++) {
      const char *rec = recs[i].data;
      ip_addr_t address;
      uint32_t tag;
      memcpy(&address, rec + address_at, sizeof(address));
      memcpy(&tag, rec + tag_at, sizeof(tag));
      f = f != NULL && f->tag == tag ? f : filters_find(self->filters, tag);
      if (f == NULL) {
         self->unknown++;
         nm_warn(m, "Error: Received unknown PREFIX_TAG: %" PRIu32, tag);
      } else if (ip_is4(&address)) {
         filter_add(f, (const char *) &address + 8, 4);
      } else {
         filter_add(f, &address, 16);
      }
   }
   return NM_OK;
}

static int reload(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   uint64_t to = now_seconds(m) + 1;
   int rc = self->from != 0 ? send_filters(m, to) : NM_OK;
   filters_free(self->filters);
   self->filters = NULL;
   self->from = self->from != 0 ? to : 0;
   return rc == NM_OK ? use_config(m) : rc;
}

static int finish(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   if (self->from != 0 && self->filters != NULL) {
      send_filters(m, now_seconds(m) + 1);
   }
   if (self->uploads != NULL) {
      for (uint32_t waited = 0; waited < self->wait * 10 && (count(self), self->waiting > 0); waited++) {
         uploads_wait(self->uploads, 100);
      }
      count(self);
      uint64_t lost = uploads_stop(self->uploads, 0);
      self->uploads = NULL;
      self->lost += lost;
      if (lost > 0) {
         nm_warn(m, "%" PRIu64 " filters that no server has taken are lost (option --spool keeps them)",
                 lost);
      }
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct bloom_history *self = nm_self(m);
   uploads_stop(self->uploads, 0);
   filters_free(self->filters);
}

NM_MODULE("bloom_history",
          "Keeps, for each of the networks of a file, a Bloom filter of the addresses that flows went to, "
          "and sends it to a web server "
          "(POST) at the end of each interval, to URL/FROM/TO/. The network of a flow is told by PREFIX_TAG "
          "(see prefix_tags).",
          .in = NM_INPUTS({"records", "ipaddr DST_IP,uint32 PREFIX_TAG", .optional = "time TIME_LAST"}),
          .options = options, .state_size = sizeof(struct bloom_history), .check = check, .init = init,
          .format = format, .records = records, .tick = tick, .tick_every = NM_SECONDS(1), .timer = timer,
          .reload = reload, .finish = finish, .cleanup = cleanup)
