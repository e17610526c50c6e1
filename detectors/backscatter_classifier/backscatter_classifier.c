/* SPDX-License-Identifier: BSD-3-Clause */
/** backscatter_classifier: tells which victims of the module backscatter are victims of floods. This file is the module. */
#include "classifier.h"
#include "fields.h"
#include "model.h"
#include "networks_option.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

NM_FIELDS(ipaddr SRC_IP, uint8 PROTOCOL, uint32 POSIX_START, uint32 POSIX_END, uint64 FLOW_COUNT,
          uint64 PACKET_COUNT, float PPF_AVG, float PPF_STD, uint64 BYTES, float BYTES_AVG, float BYTES_STD,
          uint64 RST, uint64 ACKSYN, uint64 MAX_FPM, uint64 UNIQUE_DST_IPS, uint64 UNIQUE_DST_PORTS,
          uint64 UNIQUE_SRC_PORTS, uint64 UNIQUE_DST_24_SUBNETS, uint16 SRC_PORT_1, uint64 SRC_PORT_1_COUNT,
          uint64 SRC_PORT_2_COUNT, uint64 SRC_PORT_3_COUNT, time TIME_FIRST, time TIME_LAST,
          double BACKSCATTER_PROBABILITY, double BACKSCATTER_PPS)

#define VECTORS                                                                                             \
   "ipaddr SRC_IP,uint8 PROTOCOL,uint32 POSIX_START,uint32 POSIX_END,uint64 FLOW_COUNT,uint64 "             \
   "PACKET_COUNT,float PPF_AVG,float PPF_STD,uint64 BYTES,float BYTES_AVG,float BYTES_STD,uint64 RST,"      \
   "uint64 ACKSYN,uint64 MAX_FPM,uint64 UNIQUE_DST_IPS,uint64 UNIQUE_DST_PORTS,uint64 UNIQUE_SRC_PORTS,"    \
   "uint64 UNIQUE_DST_24_SUBNETS,uint16 SRC_PORT_1,uint64 SRC_PORT_1_COUNT,uint64 SRC_PORT_2_COUNT,uint64 " \
   "SRC_PORT_3_COUNT"
#define ALERTS                                                                                               \
   "ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint64 FLOW_COUNT,uint64 PACKET_COUNT,uint64 BYTES,double " \
   "BACKSCATTER_PROBABILITY,double BACKSCATTER_PPS,uint16 SRC_PORT_1,uint8 PROTOCOL"

#define TCP          6
#define ICMP         1
#define ICMP6        58
#define EXIT_OPTIONS 2
#define EXIT_OTHER   3
#define DEFAULT_LOG  "backscatter_classifier.log"
#define ALL_V4       4294967296.0

enum export { EXPORT_NONE, EXPORT_MISP, EXPORT_C3ISP, EXPORT_BOTH };
static const char *const export_words[] = {"none", "misp", "c3isp", "c3isp-misp", NULL};

struct classifier {
   const char *url, *key, *key_file, *templates_directory, *log_path, *c3isp_path;
   unsigned export_to;
   bool ssl, insecure, named_only;
   uint32_t min_flows, min_duration, max_duration;
   double threshold;
   struct model *model;
   struct places *organisations, *cities;
   networks_t *networks;
   struct export_limits limits;
   struct templates templates;
   struct settings settings;
   char key_text[SETTING_SIZE];
   struct exporter *misp, *c3isp;
   FILE *log;
   bool log_failed;
   uint64_t watched; /* IPv4 addresses; 0: unknown */
   uint64_t positive, negative, short_ones, long_ones, few, other, wrong, log_errors;
   struct export_counts counts;
};

static void *load_model(nm_module_t *m, const char *path)
{
   char error[MODEL_ERROR] = "";
   struct stat st;
   struct model *model = NULL;
   int fd = open(path, O_RDONLY | O_CLOEXEC);
   bool good = fd >= 0 && fstat(fd, &st) == 0;
   if (!good) {
      snprintf(error, sizeof(error), "%s", strerror(errno));
   } else if (!S_ISREG(st.st_mode) || st.st_size > (off_t) MODEL_FILE_MAX) {
      snprintf(error, sizeof(error), "no file of at most %u MB", MODEL_FILE_MAX >> 20);
   } else {
      char *text = malloc((size_t) st.st_size + 1);
      ssize_t n = text != NULL ? read(fd, text, (size_t) st.st_size) : -1;
      if (n < 0) {
         snprintf(error, sizeof(error), "%s", strerror(text != NULL ? errno : ENOMEM));
      } else {
         model = model_read(text, (size_t) n, error);
      }
      free(text);
   }
   if (fd >= 0) {
      close(fd);
   }
   if (model == NULL) {
      nm_fail_status(m, EXIT_OTHER, "%s: %s", path, error);
   }
   return model;
}

static void release_model(void *model)
{
   model_free(model);
}

static const nm_option_t options[] = {
    NM_FILE(0, "model", struct classifier, model, load_model, release_model,
            "Model, a text as training/train.py writes it. Default: the one that is built in. Read again on "
            "SIGHUP."),
    NM_U32(0, "min_flows", struct classifier, min_flows, 30, 1, UINT32_MAX,
           "Least number of flows of a victim."),
    NM_DOUBLE(0, "min_threshold", struct classifier, threshold, 0.99, 0.0001, 0.9999,
              "A victim is reported when it is more likely than this one of a flood."),
    NM_U32(0, "min_duration", struct classifier, min_duration, 30, 0, UINT32_MAX,
           "Least number of seconds from the first to the last answer."),
    NM_U32(0, "max_duration", struct classifier, max_duration, 7200, 1, UINT32_MAX,
           "Greatest number of these seconds."),
    NM_STRING(0, "logfile", struct classifier, log_path, NULL,
              "File that a line is appended to for each report. Default: backscatter_classifier.log, if it "
              "can be written."),
    NM_FILE('N', "networks", struct classifier, networks, networks_load, networks_release,
            "Networks that the module backscatter watches, a prefix a line, as its option -N: whole attacks "
            "are estimated from "
            "their share of all addresses. Default: those of CESNET."),
    NM_FILE(0, "agp", struct classifier, organisations, places_open, places_close,
            "Database of autonomous systems in the format of MaxMind (.mmdb): whose the victim is."),
    NM_FILE(0, "cgp", struct classifier, cities, places_open, places_close,
            "Database of cities in this format: where the victim is."),
    NM_CHOICE(0, "export_to", struct classifier, export_to, EXPORT_NONE, export_words,
              "Where events are sent: nowhere, to MISP, to C3ISP, or to both."),
    NM_STRING(0, "url", struct classifier, url, NULL, "Address of MISP, as https://misp.example.org."),
    NM_STRING(0, "key_file", struct classifier, key_file, NULL,
              "File with the key for MISP, which only its owner may read (mode 0600)."),
    NM_STRING(0, "key", struct classifier, key, NULL,
              "The key itself. Other users of the machine can see it; prefer --key_file."),
    NM_STRING(0, "misp_templates_dir", struct classifier, templates_directory, NULL,
              "Directory of templates of MISP objects, with ddos/definition.json and "
              "organization/definition.json. Default: "
              "versions 5 and 3, which are built in."),
    NM_FLAG(0, "ssl", struct classifier, ssl,
            "Has no effect: certificates are always checked, unless --insecure is given."),
    NM_FLAG(0, "insecure", struct classifier, insecure, "Do not check the certificates of servers."),
    NM_STRING(0, "c3isp_config", struct classifier, c3isp_path, "servers.ini",
              "File with server_uri, portal_user, portal_pass, dsa and misp_key of C3ISP, which only its "
              "owner may read."),
    NM_FLAG(0, "named_only", struct classifier, named_only,
            "Send only events of victims whose address has a name in the DNS. Names are not looked up for "
            "recorded data."),
    NM_STRING(0, "spool", struct classifier, limits.spool, NULL,
              "Directory that keeps events until a server has taken them, also over a restart."),
    NM_U32(0, "queue", struct classifier, limits.queue, 256, 1, 65536,
           "Greatest number of events that wait; more are dropped."),
    NM_U32(0, "timeout", struct classifier, limits.timeout, 30, 1, 3600,
           "Seconds that one request may take."),
    NM_U32(0, "last", struct classifier, limits.last, 30, 0, 3600,
           "Seconds that the rest may take at the end."),
    NM_END,
};

/* ------------------------------------------------------------------------ log */

static int log_open(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   bool chosen = self->log_path != NULL;
   self->log_path = chosen ? self->log_path : DEFAULT_LOG;
   int fd = open(self->log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
   self->log = fd >= 0 ? fdopen(fd, "ae") : NULL;
   if (self->log != NULL) {
      return NM_OK;
   }
   int error = errno;
   if (fd >= 0) {
      close(fd);
   }
   self->log_failed = true;
   if (chosen) {
      return nm_fail_status(m, EXIT_OTHER, "--logfile: cannot write \"%s\": %s", self->log_path,
                            strerror(error));
   }
   nm_warn(m, "no log: cannot write \"%s\": %s", self->log_path, strerror(error));
   return NM_OK;
}

static void log_victim(nm_module_t *m, const struct victim *v)
{
   struct classifier *self = nm_self(m);
   char when[32] = "", address[INET6_ADDRSTRLEN], name[4 * NAME_SIZE];
   struct tm tm;
   time_t seconds = (time_t) v->last;
   if (self->log == NULL && !self->log_failed) {
      log_open(m); /* the default one, with its first line */
   }
   if (self->log == NULL) {
      return;
   }
   gmtime_r(&seconds, &tm);
   strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
   ip_to_str(&v->address, address);
   nc_text_terminal(name, sizeof(name), v->organisation, strlen(v->organisation));
   fprintf(self->log,
           "%s %s protocol %u port %u: %" PRIu64
           " flows in %u s, probability %.4f, about %.0f packets/s%s%s\n",
           when, address, v->protocol, v->port, v->flows, v->last - v->first, v->probability, v->pps,
           *name != 0 ? ", " : "", name);
   if (fflush(self->log) != 0) {
      self->log_errors++;
      nm_warn(m, "cannot write \"%s\": %s", self->log_path, strerror(errno));
      clearerr(self->log);
   }
}

/* --------------------------------------------------------------------- export */

static int start_misp(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   static char url[SETTING_SIZE + 16];
   const char *key = self->key_text;
   if (self->key_file == NULL) {
      snprintf(self->key_text, sizeof(self->key_text), "%s",
               self->key != NULL ? self->key : self->settings.misp_key);
   } else {
      char error[SETTINGS_ERROR];
      if (!key_read(self->key_file, self->key_text, error)) {
         return nm_fail_status(m, EXIT_OTHER, "--key_file: %s", error);
      }
   }
   size_t n = strlen(self->url);
   if (n >= SETTING_SIZE || key[0] == 0) {
      return nm_fail_status(m, EXIT_OPTIONS,
                            n >= SETTING_SIZE ? "--url: too long" : "--key_file: the key is empty");
   }
   snprintf(url, sizeof(url), "%s%sevents/add", self->url, n > 0 && self->url[n - 1] == '/' ? "" : "/");
   self->misp = export_start(
       m, &(struct destination){.name = "misp", .url = url, .key = key, .insecure = self->insecure},
       &self->limits);
   return self->misp != NULL ? NM_OK : NM_ERROR;
}

static int start_c3isp(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   const struct settings *s = &self->settings;
   self->c3isp = export_start(m,
                              &(struct destination){.name = "c3isp",
                                                    .url = s->server_uri,
                                                    .user = s->portal_user,
                                                    .password = s->portal_pass,
                                                    .dsa = s->dsa,
                                                    .insecure = self->insecure},
                              &self->limits);
   return self->c3isp != NULL ? NM_OK : NM_ERROR;
}

static int check(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   bool to_misp = self->export_to == EXPORT_MISP || self->export_to == EXPORT_BOTH;
   if (self->max_duration < self->min_duration) {
      return nm_fail_status(m, EXIT_OPTIONS, "--max_duration: %u is less than --min_duration %u",
                            self->max_duration, self->min_duration);
   }
   if (self->key != NULL && self->key_file != NULL) {
      return nm_fail_status(m, EXIT_OPTIONS, "--key and --key_file exclude each other");
   }
   if (to_misp && self->url == NULL) {
      return nm_fail_status(m, EXIT_OPTIONS, "--export_to %s needs --url", export_words[self->export_to]);
   }
   if (self->export_to == EXPORT_MISP && self->key == NULL && self->key_file == NULL) {
      return nm_fail_status(m, EXIT_OPTIONS, "--export_to misp needs --key_file");
   }
   if (self->url != NULL && strncmp(self->url, "https://", 8) != 0 && strncmp(self->url, "http://", 7) != 0) {
      return nm_fail_status(m, EXIT_OPTIONS, "--url: \"%s\", expected https://HOST", self->url);
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   char error[SETTINGS_ERROR] = "";
   nm_counter(m, "victims of floods", &self->positive);
   nm_counter(m, "other vectors", &self->negative);
   nm_counter(m, "too short", &self->short_ones);
   nm_counter(m, "too long", &self->long_ones);
   nm_counter(m, "with few flows", &self->few);
   nm_counter(m, "of other protocols", &self->other);
   nm_counter(m, "that end before they begin", &self->wrong);
   nm_counter(m, "events sent", &self->counts.sent);
   nm_counter(m, "events that wait", &self->counts.waiting);
   nm_counter(m, "events refused", &self->counts.refused);
   nm_counter(m, "events dropped", &self->counts.dropped);
   nm_counter(m, "events without a name", &self->counts.nameless);
   nm_counter(m, "attempts to send again", &self->counts.retries);
   nm_counter(m, "errors of the log", &self->log_errors);
   if (self->model == NULL) {
      self->model = model_read((const char *) model_builtin, model_builtin_size, error);
   }
   if (self->networks == NULL) {
      self->networks = networks_cesnet();
   }
   if (self->model == NULL || self->networks == NULL) {
      return nm_fail_status(m, EXIT_OTHER, "%s", error[0] != 0 ? error : "out of memory");
   }
   self->watched = networks_addresses(self->networks);
   int rc = self->log_path != NULL ? log_open(m) : NM_OK;
   rc = rc == NM_OK ? templates_load(m, self->templates_directory, &self->templates) : rc;
   if (rc == NM_OK && self->export_to >= EXPORT_C3ISP &&
       !settings_read(self->c3isp_path, &self->settings, error)) {
      return nm_fail_status(m, EXIT_OTHER, "--c3isp_config: %s", error);
   }
   if (rc == NM_OK && (self->export_to == EXPORT_MISP || self->export_to == EXPORT_BOTH)) {
      rc = start_misp(m);
   }
   return rc == NM_OK && self->export_to >= EXPORT_C3ISP ? start_c3isp(m) : rc;
}

static int reload(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   self->watched = networks_addresses(self->networks);
   return NM_OK;
}

/* -------------------------------------------------------------------- vectors */

static void read_values(nm_module_t *m, const void *rec, double duration, double values[VALUES])
{
   double flows = (double) nm_get(m, rec, F_FLOW_COUNT);
   values[VALUE_ACKSYN] = (double) nm_get(m, rec, F_ACKSYN);
   values[VALUE_BYTES] = (double) nm_get(m, rec, F_BYTES);
   values[VALUE_BYTES_AVG] = (double) nm_get(m, rec, F_BYTES_AVG);
   values[VALUE_BYTES_STD] = (double) nm_get(m, rec, F_BYTES_STD);
   values[VALUE_DURATION] = duration;
   values[VALUE_FLOW_COUNT] = flows;
   values[VALUE_MAX_FPM] = (double) nm_get(m, rec, F_MAX_FPM);
   values[VALUE_PACKET_COUNT] = (double) nm_get(m, rec, F_PACKET_COUNT);
   values[VALUE_PPF_AVG] = (double) nm_get(m, rec, F_PPF_AVG);
   values[VALUE_PPF_STD] = (double) nm_get(m, rec, F_PPF_STD);
   values[VALUE_RATE] = flows / duration;
   values[VALUE_RST] = (double) nm_get(m, rec, F_RST);
   values[VALUE_SRC_PORT_1_COUNT] = (double) nm_get(m, rec, F_SRC_PORT_1_COUNT);
   values[VALUE_SRC_PORT_2_COUNT] = (double) nm_get(m, rec, F_SRC_PORT_2_COUNT);
   values[VALUE_SRC_PORT_3_COUNT] = (double) nm_get(m, rec, F_SRC_PORT_3_COUNT);
   values[VALUE_UNIQUE_DST_24_SUBNETS] = (double) nm_get(m, rec, F_UNIQUE_DST_24_SUBNETS);
   values[VALUE_UNIQUE_DST_IPS] = (double) nm_get(m, rec, F_UNIQUE_DST_IPS);
   values[VALUE_UNIQUE_DST_PORTS] = (double) nm_get(m, rec, F_UNIQUE_DST_PORTS);
   values[VALUE_UNIQUE_SRC_PORTS] = (double) nm_get(m, rec, F_UNIQUE_SRC_PORTS);
}

/* The finalizer of MurmurHash3. Not secret: one vector gives the same id in each run. */
static uint64_t mix(uint64_t x)
{
   x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
   x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
   return x ^ (x >> 33);
}

/* A UUID of version 8 (RFC 9562). */
static void make_uuid(struct victim *v)
{
   uint64_t half[2];
   memcpy(half, &v->address, sizeof(half));
   uint64_t high = mix(half[0] ^ mix(half[1] ^ mix((uint64_t) v->first << 32 | v->last)));
   uint64_t low = mix(high ^ mix(v->flows << 8 | v->protocol));
   snprintf(v->uuid, sizeof(v->uuid), "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
            high >> 32, high >> 16 & 0xffff, high & 0xfff, 0x8000 | (low >> 48 & 0x3fff),
            low & UINT64_C(0xffffffffffff));
}

static void read_victim(nm_module_t *m, const void *rec, double duration, struct victim *v)
{
   const struct classifier *self = nm_self(m);
   *v = (struct victim){.protocol = nm_get(m, rec, F_PROTOCOL),
                        .first = nm_get(m, rec, F_POSIX_START),
                        .last = nm_get(m, rec, F_POSIX_END),
                        .flows = nm_get(m, rec, F_FLOW_COUNT),
                        .packets = nm_get(m, rec, F_PACKET_COUNT),
                        .bytes = nm_get(m, rec, F_BYTES)};
   memcpy(&v->address, nm_get_ptr(m, rec, F_SRC_IP), sizeof(v->address));
   v->port = v->protocol == TCP ? nm_get(m, rec, F_SRC_PORT_1) : 0;
   if (self->watched > 0 && ip_is4(&v->address)) { /* of IPv6 nobody watches a share that tells anything */
      double scale = ALL_V4 / (double) self->watched / duration;
      v->pps = scale * (double) v->packets;
      v->bps = scale * (double) v->bytes * 8;
   }
   make_uuid(v);
   places_find(self->organisations, self->cities, v);
}

static int send_alert(nm_module_t *m, const struct victim *v)
{
   if (nm_outputs(m) == 0) {
      return NM_OK;
   }
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_SRC_IP, v->address);
   nm_set(m, alert, F_PROTOCOL, v->protocol);
   nm_set(m, alert, F_TIME_FIRST, ur_time_from_sec_msec(v->first, 0));
   nm_set(m, alert, F_TIME_LAST, ur_time_from_sec_msec(v->last, 0));
   nm_set(m, alert, F_FLOW_COUNT, v->flows);
   nm_set(m, alert, F_PACKET_COUNT, v->packets);
   nm_set(m, alert, F_BYTES, v->bytes);
   nm_set(m, alert, F_SRC_PORT_1, v->port);
   nm_set(m, alert, F_BACKSCATTER_PROBABILITY, v->probability);
   nm_set(m, alert, F_BACKSCATTER_PPS, v->pps);
   return nm_send(m, alert);
}

/* \return false: the vector is not looked at, and counted */
static bool is_in_range(nm_module_t *m, const void *rec, uint32_t begin, uint32_t end)
{
   struct classifier *self = nm_self(m);
   uint64_t flows = nm_get(m, rec, F_FLOW_COUNT);
   uint8_t protocol = nm_get(m, rec, F_PROTOCOL);
   uint64_t *counter = NULL;
   if (protocol != TCP && protocol != ICMP && protocol != ICMP6) {
      counter = &self->other;
   } else if (end < begin) {
      counter = &self->wrong;
      nm_warn(m, "a vector ends at %u, before it begins at %u", end, begin);
   } else if (end - begin < self->min_duration) {
      counter = &self->short_ones;
   } else if (end - begin > self->max_duration) {
      counter = &self->long_ones;
   } else if (flows < self->min_flows) {
      counter = &self->few;
   }
   *(counter != NULL ? counter : &(uint64_t){0}) += 1;
   return counter == NULL;
}

static int record(nm_module_t *m, const void *rec)
{
   struct classifier *self = nm_self(m);
   uint32_t begin = nm_get(m, rec, F_POSIX_START), end = nm_get(m, rec, F_POSIX_END);
   double values[VALUES];
   struct victim v;
   if (!is_in_range(m, rec, begin, end)) {
      return NM_OK;
   }
   double duration = end > begin ? end - begin : 1;
   read_values(m, rec, duration, values);
   double probability =
       model_probability(self->model, nm_get(m, rec, F_PROTOCOL) == TCP ? MODEL_TCP : MODEL_ICMP, values);
   if (!(probability > self->threshold)) {
      self->negative++;
      return NM_OK;
   }
   self->positive++;
   read_victim(m, rec, duration, &v);
   v.probability = probability;
   log_victim(m, &v);
   struct exporter *exporters[] = {self->misp, self->c3isp};
   for (int i = 0; i < 2; i++) {
      if (exporters[i] != NULL) {
         export_put(exporters[i], &v, &self->templates, !nm_recording(m), self->named_only);
      }
   }
   return send_alert(m, &v);
}

static void add_counts(struct classifier *self, const struct export_counts counts[2])
{
   self->counts = (struct export_counts){.sent = counts[0].sent + counts[1].sent,
                                         .waiting = counts[0].waiting + counts[1].waiting,
                                         .retries = counts[0].retries + counts[1].retries,
                                         .refused = counts[0].refused + counts[1].refused,
                                         .dropped = counts[0].dropped + counts[1].dropped,
                                         .nameless = counts[0].nameless + counts[1].nameless};
}

static int idle(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   struct exporter *exporters[] = {self->misp, self->c3isp};
   struct export_counts counts[2] = {{0}};
   for (int i = 0; i < 2; i++) {
      if (exporters[i] != NULL) {
         export_count(exporters[i], &counts[i]);
      }
   }
   add_counts(self, counts);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   struct export_counts counts[2] = {{0}};
   export_end(self->misp, &counts[0]);
   export_end(self->c3isp, &counts[1]);
   self->misp = self->c3isp = NULL;
   add_counts(self, counts);
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct classifier *self = nm_self(m);
   export_end(self->misp, NULL); /* where finish() was not called */
   export_end(self->c3isp, NULL);
   if (self->log != NULL) {
      fclose(self->log);
   }
}

NM_MODULE("backscatter_classifier",
          "Tells which victims that the module backscatter has found are victims of floods with forged "
          "sources, by a "
          "model of decision trees, and sends them to MISP.",
          .in = NM_INPUTS({.name = "victims", .fields = VECTORS}),
          .out = NM_OUTPUTS({.name = "alerts", .fields = ALERTS, .min = 0, .max = 1}), .options = options,
          .state_size = sizeof(struct classifier), .interface_status = 1, .option_status = EXIT_OPTIONS,
          .check = check, .init = init, .reload = reload, .record = record, .idle = idle, .finish = finish,
          .cleanup = cleanup)
