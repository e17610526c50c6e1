/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_meter: packets from capture files or an interface to flow records. */
#include "cache.h"
#include "command_line.h"
#include "export.h"
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES       1024
#define FIXED_SEED      UINT64_C(0x6e656d6561) /* captures: the same result each time */
#define STATUS_DAMAGED  3
#define MIN_SNAPLEN     120
#define MAX_SNAPLEN     65535
#define FRAGMENTS       10007
#define PROGRESS_PERIOD 100000000 /* nanoseconds */

struct flow_meter {
   /* options */
   const char *files[MAX_FILES];
   unsigned n_files;
   const char *interface, *filter_text, *plugin_list;
   uint64_t count_limit, active_ms, inactive_ms, link;
   uint32_t snaplen, cache_exponent, fragments, statistics_every;
   uint8_t direction;
   bool odid, split, no_fragments;
   uint32_t progress_fd;

   struct flow_exporter_config exporter_config;
   struct flow_exporter *exporter;
   struct flow_cache *cache;
   struct packet_filter *filter;
   struct source *source;
   uint64_t packets, not_ip, malformed, filtered, damaged_files, dropped;
   uint64_t next_progress, next_statistics;
};

/* ------------------------------------------------------------------- options */

static int add_file(nm_module_t *m, const char *path)
{
   struct flow_meter *self = nm_self(m);
   if (self->n_files == MAX_FILES) {
      return nm_fail(m, "option -r, --file: more than %d files", MAX_FILES);
   }
   self->files[self->n_files++] = path;
   return NM_OK;
}

static bool parse_seconds(const char *text, const char *end, uint64_t *ms)
{
   char *stop = NULL;
   double v = strtod(text, &stop);
   *ms = (uint64_t) (v * 1000 + 0.5);
   return stop == end && v > 0 && v <= 1e6;
}

static int set_timeouts(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   const char *colon = strchr(text, ':');
   if (strcmp(text, "default") == 0) {
      return NM_OK;
   }
   if (colon == NULL || !parse_seconds(text, colon, &self->active_ms) ||
       !parse_seconds(colon + 1, text + strlen(text), &self->inactive_ms)) {
      return nm_fail(
          m, "Invalid argument for option -t: \"%s\" is not ACTIVE:INACTIVE in seconds (such as 300:30)",
          text);
   }
   return NM_OK;
}

static int set_cache_size(nm_module_t *m, const char *text)
{
   struct flow_meter *self = nm_self(m);
   char *end = NULL;
   if (strcmp(text, "default") == 0) {
      return NM_OK;
   }
   unsigned long v = strtoul(text, &end, 10);
   if (end == text || *end != 0 || v < 4 || v > 28) {
      return nm_fail(m, "Invalid argument for option -s: \"%s\" is not an exponent from 4 to 28 (2^N flows)",
                     text);
   }
   self->cache_exponent = (uint32_t) v;
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_STRING(
        'p', "plugins", struct flow_meter, plugin_list, NULL,
        "What each output carries: names separated by commas, the n-th for the n-th output: basic "
        "(every flow) or a plugin, which may have options: name:option:option=N. Several in one output: "
        "dns+tls. See --plugin-list. (default basic)"),
    NM_U64('c', "count", struct flow_meter, count_limit, 0, 0, UINT64_MAX,
           "Stop after this many packets; 0: no limit."),
    NM_STRING('I', "interface", struct flow_meter, interface, NULL, "Capture from this interface."),
    NM_CALL('r', "file", "string", add_file,
            "Read a capture (pcap, pcapng, compressed with zstd or not); - is standard input. Given several "
            "times, the files are read as one capture, in the order of their packets' times."),
    NM_U32('l', "snapshot_len", struct flow_meter, snaplen, MAX_SNAPLEN, 0, UINT32_MAX,
           "Bytes to capture of each packet of an interface, 120 to 65535."),
    NM_CALL('t', "timeout", "string", set_timeouts,
            "Active and inactive timeout in seconds: a flow is exported when it is older, or silent for "
            "longer. (default "
            "300:30)"),
    NM_CALL('s', "cache_size", "string", set_cache_size,
            "Flows to keep, as a power of two from 4 to 28; beyond it the one silent for longest is "
            "exported. (default 17)"),
    NM_U32('S', "cache-statistics", struct flow_meter, statistics_every, 0, 0, 86400,
           "Print counters on standard error every so many seconds; 0: never."),
    NM_U64('L', "link_bit_field", struct flow_meter, link, 1, 0, UINT64_MAX,
           "Value of LINK_BIT_FIELD (ODID with -O)."),
    NM_U8('D', "dir_bit_field", struct flow_meter, direction, 0, 0, UINT8_MAX, "Value of DIR_BIT_FIELD."),
    NM_STRING('F', "filter", struct flow_meter, filter_text, NULL,
              "Only packets that match this BPF filter (pcap-filter(7))."),
    NM_FLAG('O', "odid", struct flow_meter, odid, "Export ODID in place of LINK_BIT_FIELD."),
    NM_FLAG(0, "split", struct flow_meter, split,
            "Export each direction as a flow of its own instead of biflows."),
    NM_U32(0, "fragments", struct flow_meter, fragments, FRAGMENTS, 0, 1u << 24,
           "Fragmented packets whose ports are remembered for their later fragments; 0: none."),
    NM_U32(
        0, "progress", struct flow_meter, progress_fd, 0, 0, 1023,
        "Write lines \"BYTES_DONE BYTES_TOTAL PACKETS\" to this file descriptor while reading files; 0: no."),
    NM_END,
};

/* Index of a plugin among those in use, adding it. -1: there is none of this name */
static int use_plugin(struct flow_exporter_config *c, const char *name)
{
   const struct flow_plugin *plugin = flow_plugin_find(name);
   unsigned i = 0;
   while (i < c->n_plugins && c->plugins[i] != plugin) {
      i++;
   }
   if (plugin == NULL || i == MAX_PLUGINS) {
      return -1;
   }
   c->plugins[i] = plugin;
   c->n_plugins += i == c->n_plugins;
   return (int) i;
}

/* One item of -p: plugins of one output. */
static int parse_output(nm_module_t *m, struct flow_exporter_config *c, char *item)
{
   char *save = NULL;
   for (char *name = strtok_r(item, "+", &save); name != NULL; name = strtok_r(NULL, "+", &save)) {
      size_t length = strcspn(name, ":");
      const char *parameters = name[length] == ':' ? name + length + 1 : "";
      name[length] = 0;
      int plugin = strcmp(name, "basic") == 0 ? MAX_PLUGINS : use_plugin(c, name);
      if (plugin < 0) {
         char known[1024] = "basic";
         for (size_t i = 0; flow_plugin_at(i) != NULL; i++) {
            size_t n = strlen(known);
            snprintf(known + n, sizeof(known) - n, ", %s", flow_plugin_at(i)->name);
         }
         return nm_fail(m, "Unsupported plugin: \"%s\" (expected %s)", name, known);
      }
      char error[FLOW_PLUGIN_ERROR];
      if (plugin < MAX_PLUGINS && !flow_plugin_configure(c->plugins[plugin], parameters, error)) {
         return nm_fail(m, "%s", error);
      }
      c->output_plugins[c->n_outputs] |= plugin < MAX_PLUGINS ? 1u << plugin : 0;
   }
   c->n_outputs++;
   return NM_OK;
}

static int parse_plugins(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   char *list = strdup(self->plugin_list != NULL ? self->plugin_list : "basic"), *save = NULL;
   int rc = list != NULL ? NM_OK : nm_fail(m, "out of memory");
   for (char *item = strtok_r(list, ",", &save); item != NULL && rc == NM_OK;
        item = strtok_r(NULL, ",", &save)) {
      rc = self->exporter_config.n_outputs < MAX_OUTPUTS
               ? parse_output(m, &self->exporter_config, item)
               : nm_fail(m, "option -p: more than %d outputs", MAX_OUTPUTS);
   }
   free(list);
   return rc;
}

static int check_files(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   for (unsigned i = 0; i < self->n_files; i++) {
      if (strcmp(self->files[i], "-") != 0 && access(self->files[i], R_OK) != 0) {
         return nm_fail(m, "cannot read %s: %s", self->files[i], strerror(errno));
      }
   }
   return NM_OK;
}

static int check(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   if ((self->interface == NULL) == (self->n_files == 0)) {
      return nm_fail(m, "expected either -r FILE or -I INTERFACE (see flow_meter -h)");
   }
   if (self->snaplen < MIN_SNAPLEN || self->snaplen > MAX_SNAPLEN) {
      self->snaplen = self->snaplen < MIN_SNAPLEN ? MIN_SNAPLEN : MAX_SNAPLEN;
      nm_warn(m, "option -l: the snapshot length is set to %u", self->snaplen);
   }
   self->active_ms = self->active_ms != 0 ? self->active_ms : 300000;
   self->inactive_ms = self->inactive_ms != 0 ? self->inactive_ms : 30000;
   self->cache_exponent = self->cache_exponent != 0 ? self->cache_exponent : 17;
   int rc = parse_plugins(m);
   return rc == NM_OK ? check_files(m) : rc;
}

/* ---------------------------------------------------------------------- start */

static int open_source(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   char error[SOURCE_ERROR_SIZE] = "";
   if (self->interface != NULL) {
      self->source = source_open_live(self->interface, self->snaplen, self->filter_text, error);
   } else {
      if (self->filter_text != NULL && self->filter == NULL) {
         self->filter = packet_filter_new(self->filter_text, self->snaplen, error);
         if (self->filter == NULL) {
            return nm_fail(m, "%s", error);
         }
      }
      self->source = source_open_files(self->files, self->n_files, error);
   }
   return self->source != NULL ? NM_OK : nm_fail(m, "%s", error);
}

static void register_counters(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   const struct flow_cache_stats *s = flow_cache_stats(self->cache);
   const struct {
      const char *name;
      const uint64_t *value;
   } counters[] = {
       {"packets", &self->packets},
       {"in flows", &s->packets},
       {"not IP", &self->not_ip},
       {"malformed", &self->malformed},
       {"filtered out", &self->filtered},
       {"dropped by the kernel", &self->dropped},
       {"flows begun", &s->flows},
       {"ended inactive", &s->exported[FLOW_END_INACTIVE]},
       {"active", &s->exported[FLOW_END_ACTIVE]},
       {"by FIN or RST", &s->exported[FLOW_END_DETECTED]},
       {"forced", &s->exported[FLOW_END_FORCED]},
       {"evicted", &s->exported[FLOW_END_RESOURCES]},
       {"fragments without the first", &s->fragments_without_first},
       {"table bytes", &s->table_bytes},
   };
   for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
      nm_counter(m, counters[i].name, counters[i].value);
   }
}

static int init(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   struct flow_exporter_config *e = &self->exporter_config;
   if (e->n_outputs != nm_outputs(m)) {
      return nm_fail(
          m, "Number of output ifc interfaces (%u) does not correspond number of items in -p parameter (%u).",
          nm_outputs(m), e->n_outputs);
   }
   e->module = m;
   e->link_bit_field = self->link;
   e->direction = self->direction;
   e->odid = self->odid;
   self->exporter = flow_exporter_new(e);
   if (self->exporter == NULL) {
      return NM_ERROR;
   }
   struct flow_cache_config config = {
       .capacity = 1u << self->cache_exponent,
       .active_ms = self->active_ms,
       .inactive_ms = self->inactive_ms,
       .split = self->split,
       .fragments = self->fragments,
       .seed = self->interface != NULL ? nc_hash_seed() : FIXED_SEED,
       .n_plugins = e->n_plugins,
       .export = flow_exporter_export,
       .context = self->exporter,
   };
   memcpy(config.plugins, e->plugins, sizeof(config.plugins));
   self->cache = flow_cache_new(&config);
   if (self->cache == NULL) {
      return nm_fail(m, "no memory for %u flows (option -s)", config.capacity);
   }
   register_counters(m);
   return open_source(m);
}

/* ------------------------------------------------------------------------ run */

static uint64_t nanoseconds(clockid_t id)
{
   struct timespec ts;
   clock_gettime(id, &ts);
   return (uint64_t) ts.tv_sec * NS + (uint64_t) ts.tv_nsec;
}

static void write_progress(struct flow_meter *self, uint64_t now)
{
   char line[96];
   int n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", self->source->bytes_done,
                    self->source->bytes_total, self->packets);
   if (write((int) self->progress_fd, line, (size_t) n) < 0) {
      self->progress_fd = 0; /* nobody looks any more */
   }
   self->next_progress = now + PROGRESS_PERIOD;
}

/* What is due now and then. */
static void housekeeping(struct flow_meter *self)
{
   if (self->progress_fd == 0 && self->statistics_every == 0) {
      return;
   }
   uint64_t now = nanoseconds(CLOCK_MONOTONIC);
   if (self->progress_fd != 0 && now >= self->next_progress) {
      write_progress(self, now);
   }
   if (self->statistics_every != 0 && now >= self->next_statistics) {
      if (self->next_statistics != 0) {
         raise(SIGUSR1); /* the counters are shown as when somebody asks for them */
      }
      self->next_statistics = now + self->statistics_every * NS;
   }
}

static void meter(struct flow_meter *self, const struct raw_packet *raw, unsigned n)
{
   struct packet packets[FLOW_BATCH];
   unsigned good = 0;
   self->packets += n;
   for (unsigned i = 0; i < n; i++) {
      if (self->filter != NULL && !packet_filter_match(self->filter, &raw[i])) {
         self->filtered++;
         continue;
      }
      enum parse_result result = packet_parse(&raw[i], &packets[good]);
      good += result == PARSE_OK;
      self->not_ip += result == PARSE_NOT_IP;
      self->malformed += result == PARSE_MALFORMED;
   }
   flow_cache_packets(self->cache, packets, good);
}

static int source(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   struct raw_packet raw[FLOW_BATCH];
   unsigned n = 0, max = FLOW_BATCH;
   if (self->count_limit != 0 && self->count_limit - self->packets < max) {
      max = (unsigned) (self->count_limit - self->packets);
   }
   enum source_state state = self->source->read(self->source, raw, max, &n);
   int rc = NM_OK;
   switch (state) {
   case SOURCE_PACKETS:
      meter(self, raw, n);
      self->dropped = self->source->dropped;
      break;
   case SOURCE_INTERRUPTED: break;
   case SOURCE_IDLE: flow_cache_advance(self->cache, nanoseconds(CLOCK_REALTIME)); break;
   case SOURCE_DAMAGED:
      self->damaged_files++;
      nm_warn(m, "%s", self->source->error);
      rc = self->n_files > 1 ? NM_OK : NM_STOP; /* on with the other files */
      break;
   case SOURCE_END: rc = NM_STOP; break;
   default: return nm_fail(m, "%s", self->source->error);
   }
   housekeeping(self);
   if (rc == NM_OK && self->count_limit != 0 && self->packets >= self->count_limit) {
      rc = NM_STOP;
   }
   return rc == NM_OK ? flow_exporter_result(self->exporter) : rc;
}

static int finish(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   flow_cache_flush(self->cache);
   if (self->progress_fd != 0) {
      write_progress(self, 0);
   }
   if (flow_exporter_result(self->exporter) == NM_ERROR) {
      return NM_ERROR;
   }
   if (self->damaged_files > 0) {
      return nm_fail_status(m, STATUS_DAMAGED,
                            "%" PRIu64
                            " of %u captures damaged; flows of what stands before the damage were exported",
                            self->damaged_files, self->n_files);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct flow_meter *self = nm_self(m);
   if (self->source != NULL) {
      self->source->close(self->source);
   }
   if (self->filter != NULL) {
      packet_filter_free(self->filter);
   }
   if (self->cache != NULL) {
      flow_cache_free(self->cache);
   }
   flow_exporter_free(self->exporter);
}

static const nm_module_def_t definition = {
    .name = "flow_meter",
    .summary =
        "Turns packets into flow records: bidirectional flows with the fields of the basic template, and of "
        "plugins that look into the payload (--plugin-list shows them with their fields). Exit status 3: a "
        "capture is damaged; the flows before the damage were exported.",
    .outputs = NM_VARIABLE,
    .options = options,
    .state_size = sizeof(struct flow_meter),
    .no_eos_option = "no_eof",
    .send_timeout = TRAP_HALFWAIT,
    .send_timeout_set = true,
    .check = check,
    .init = init,
    .source = source,
    .finish = finish,
    .cleanup = cleanup,
};

int main(int argc, char **argv)
{
   if (argc == 2 && strcmp(argv[1], "--plugin-list") == 0) {
      return list_plugins() ? 0 : 1;
   }
   return nm_main(&definition, argc, argv);
}
