/* SPDX-License-Identifier: BSD-3-Clause */
/** device_classifier: what a host is (server, client, name server, ...), by the flows that it sends and receives. */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "classifier.h"
#include "devices.h"
#include "networks_option.h"
#include "report.h"

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint32 PACKETS,
          uint64 BYTES, time TIME_FIRST, time TIME_LAST)

#define MINUTE      60
#define LABELS_TEXT (MOST_LABELS * LABEL_SIZE)

struct device_classifier {
   const char *directory, *json;
   bool accumulate, list, build, has_report, has_header;
   uint32_t minutes, least_peers;
   networks_t *filter;
   struct lessons *lessons;
   struct classifier classifier;
   nc_table_t *devices, *peers, *ports;
   struct report report;
   uint64_t last_number, flows, outputs, labelled, examples;
};

static void *load_lessons(nm_module_t *m, const char *path)
{
   char why[CLASSIFIER_WHY], reason[LABELS_WHY];
   const char *slash = strrchr(path, '/');
   char *directory = slash != NULL ? strndup(path, slash > path ? (size_t) (slash - path) : 1) : strdup(".");
   size_t size = 0;
   char *text =
       directory != NULL ? classifier_file(directory, slash != NULL ? slash + 1 : path, &size, why) : NULL;
   struct lessons *lessons = text != NULL ? lessons_read(text, size, reason) : NULL;
   if (lessons == NULL) {
      nm_fail(m, "%s: %s", path, text != NULL ? reason : directory != NULL ? why : "out of memory");
   }
   free(text);
   free(directory);
   return lessons;
}

static void release_lessons(void *lessons)
{
   lessons_free(lessons);
}

static const nm_option_t options[] = {
    NM_STRING('M', "models", struct device_classifier, directory, NULL,
              "Directory of the labels (models.list), models and examples; default: those that are shipped. "
              "Read again on SIGHUP."),
    NM_FLAG('a', "accumulate", struct device_classifier, accumulate,
            "Keep what was counted after each output."),
    NM_FILE('f', "filter", struct device_classifier, filter, networks_load, networks_release,
            "Only these addresses and networks, one a line."),
    NM_STRING('F', "file", struct device_classifier, json, NULL, "Write JSON to this file, too."),
    NM_QUERY('l', "list", struct device_classifier, list, "Print the labels, and end."),
    NM_U32('m', "minutes", struct device_classifier, minutes, 0, 0, 527040,
           "Minutes of stream time between outputs; 0: at the end only. On SIGUSR1 there is an output, too."),
    NM_U32('p', "peers", struct device_classifier, least_peers, 0, 0, UINT32_MAX,
           "Only devices with at least this many peers."),
    NM_FILE('t', "train", struct device_classifier, lessons, load_lessons, release_lessons,
            "Lines \"ADDRESS LABEL\": at each output, add these devices as examples to db.svm in --models, "
            "and print no labels."),
    NM_QUERY('B', "build", struct device_classifier, build,
             "Make the models out of the examples in --models, print how well they work, and end."),
    NM_TABLE('c', "capacity", struct device_classifier, devices, "devices", ip_addr_t, struct device, 65536),
    NM_TABLE(0, "peers-capacity", struct device_classifier, peers, "peers", struct peer_key, ur_time_t,
             524288),
    NM_TABLE(0, "ports-capacity", struct device_classifier, ports, "ports", uint64_t, uint64_t, 262144),
    NM_END};

/* -------------------------------------------------------------------- start */

static int print_list(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   char why[CLASSIFIER_WHY];
   if (!classifier_read(&self->classifier, self->directory, false, false, why)) {
      return nm_fail(m, "%s", why);
   }
   for (unsigned i = 0; i < self->classifier.labels.n; i++) {
      printf("%s\n", self->classifier.labels.list[i].name);
   }
   return fflush(stdout) == 0 ? NM_STOP : nm_fail(m, "cannot write the labels: %m");
}

static int check(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   char why[CLASSIFIER_WHY];
   if (self->list) {
      return print_list(m);
   }
   if (self->build) {
      if (self->directory == NULL) {
         return nm_fail(m, "option --build needs --models DIR, whose db.svm has the examples");
      }
      if (!models_build(self->directory, stdout, why)) {
         return nm_fail(m, "%s", why);
      }
      return fflush(stdout) == 0 ? NM_STOP : nm_fail(m, "cannot write the report: %m");
   }
   return NM_OK;
}

/* Reads labels and models, and gives new labels of --train their ids. */
static bool read_classifier(struct device_classifier *self, struct classifier *c, char *why)
{
   bool training = self->lessons != NULL;
   return classifier_read(c, self->directory, !training, training, why) &&
          (!training || classifier_add_labels(c, self->directory, self->lessons, why));
}

static int init(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   char why[CLASSIFIER_WHY];
   if (self->lessons != NULL && self->filter != NULL) {
      return nm_fail(
          m, "options --filter and --train exclude each other: with --train, its addresses are the filter");
   }
   if (self->lessons != NULL && self->directory == NULL) {
      return nm_fail(m, "option --train needs --models DIR, where examples are added");
   }
   if (!read_classifier(self, &self->classifier, why)) {
      return nm_fail(m, "%s", why);
   }
   if (self->json != NULL) {
      self->has_report = true;
      if (!report_open(&self->report, self->json)) {
         return nm_fail(m, "cannot write '%s': %m", self->json);
      }
   }
   nm_counter(m, "flows of devices", &self->flows);
   nm_counter(m, "outputs", &self->outputs);
   nm_counter(m, "devices put out", &self->labelled);
   nm_counter(m, "examples", &self->examples);
   return NM_OK;
}

static int reload(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   struct classifier new;
   char why[CLASSIFIER_WHY];
   if (!read_classifier(self, &new, why)) {
      nm_warn(m, "labels and models stay as they are: %s", why);
      return NM_OK;
   }
   classifier_clear(&self->classifier);
   self->classifier = new;
   return NM_OK;
}

/* -------------------------------------------------------------------- flows */

static bool is_wanted(const struct device_classifier *self, const ip_addr_t *ip)
{
   return self->lessons != NULL  ? lessons_find(self->lessons, ip) != NULL
          : self->filter != NULL ? networks_contain(self->filter, ip)
                                 : true;
}

static void count(struct device_classifier *self, const ip_addr_t *ip, const struct seen *seen)
{
   bool is_new;
   struct device *d = nc_table_upsert(self->devices, ip, &is_new);
   if (is_new) {
      d->number = ++self->last_number;
   }
   device_count(d, self->peers, self->ports, seen);
   self->flows++;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct device_classifier *self = nm_self(m);
   for (uint32_t i = 0; i < n; i++) {
      const void *rec = recs[i].data;
      ip_addr_t source = *nm_get_ptr(m, rec, F_SRC_IP), target = *nm_get_ptr(m, rec, F_DST_IP);
      struct seen seen = {.peer = target,
                          .bytes = nm_get(m, rec, F_BYTES),
                          .packets = nm_get(m, rec, F_PACKETS),
                          .first = nm_get(m, rec, F_TIME_FIRST),
                          .last = nm_get(m, rec, F_TIME_LAST),
                          .port = nm_get(m, rec, F_SRC_PORT),
                          .protocol = nm_get(m, rec, F_PROTOCOL),
                          .way = SENT};
      if (is_wanted(self, &source)) {
         count(self, &source, &seen);
      }
      if (is_wanted(self, &target)) {
         seen.peer = source;
         seen.port = nm_get(m, rec, F_DST_PORT);
         seen.way = RECEIVED;
         count(self, &target, &seen);
      }
   }
   return NM_OK;
}

/* -------------------------------------------------------------------- output */

static void labels_text(const struct labels *l, uint64_t set, char text[LABELS_TEXT])
{
   size_t at = 0;
   text[0] = 0;
   for (unsigned i = 0; i < l->n; i++) {
      if ((set >> i & 1) != 0) {
         at += (size_t) snprintf(text + at, LABELS_TEXT - at, "%s%s", at > 0 ? "," : "", l->list[i].name);
      }
   }
}

/* Labels of the lessons of an address. */
static uint64_t taught(const struct device_classifier *self, const ip_addr_t *ip)
{
   const struct labels *l = &self->classifier.labels;
   const struct lesson *lesson = lessons_find(self->lessons, ip),
                       *end = self->lessons->list + self->lessons->n;
   uint64_t set = 0;
   for (; lesson != NULL && lesson < end && memcmp(&lesson->ip, ip, sizeof(*ip)) == 0; lesson++) {
      unsigned place = labels_find(l, lesson->label);
      set |= place < l->n ? UINT64_C(1) << place : 0;
   }
   return set;
}

struct output {
   struct port_list ports;
   char *examples;
   size_t size;
   FILE *stream; /* of examples */
};

static int put_device(nm_module_t *m, struct output *o, const ip_addr_t *ip, const struct device *d)
{
   struct device_classifier *self = nm_self(m);
   const struct labels *l = &self->classifier.labels;
   struct feature features[MOST_FEATURES];
   char labels[LABELS_TEXT], address[INET6_ADDRSTRLEN];
   unsigned n = device_features(d, &o->ports, features);
   const char *reserved = labels_reserved(l, ip);
   if (self->lessons != NULL) {
      uint64_t set = taught(self, ip);
      snprintf(labels, sizeof(labels), "[TRAINING...]");
      if (set != 0) { /* the file of lessons may have been read again since the flows came */
         example_write(o->stream, l, set, features, n);
         self->examples++;
      }
   } else if (reserved != NULL) {
      snprintf(labels, sizeof(labels), "%s", reserved);
   } else {
      labels_text(l, classifier_ask(&self->classifier, features, n), labels);
   }
   ip_to_str(ip, address);
   printf("%s\t%s\n", address, labels);
   self->labelled++;
   return !self->has_report || report_add(&self->report, address, labels)
              ? NM_OK
              : nm_fail(m, "out of memory for the output as JSON");
}

/* Adds lines to db.svm: all or none of them. */
static int add_examples(nm_module_t *m, const char *text, size_t size)
{
   const struct device_classifier *self = nm_self(m);
   char path[4096];
   struct stat status;
   snprintf(path, sizeof(path), "%s/%s", self->directory, BASE_FILE);
   int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
   bool good = fd >= 0 && fstat(fd, &status) == 0;
   if (good) {
      ssize_t n = write(fd, text, size);
      good = n == (ssize_t) size;
      if (!good && n >= 0) {
         errno = ftruncate(fd, status.st_size) == 0 ? ENOSPC : EIO;
      }
   }
   int error = errno;
   good = (fd < 0 || close(fd) == 0) && good;
   return good ? NM_OK : nm_fail(m, "cannot add examples to %.200s: %s", path, strerror(error));
}

static void forget(struct device_classifier *self)
{
   if (!self->accumulate) {
      nc_table_clear(self->devices);
      nc_table_clear(self->peers);
      nc_table_clear(self->ports);
   }
}

static int put_devices(nm_module_t *m, struct output *o)
{
   struct device_classifier *self = nm_self(m);
   const void *ip;
   void *device;
   int rc = NM_OK;
   if (!self->has_header) {
      printf("ip_address\tlabels\n");
      self->has_header = true;
   }
   for (uint32_t at = 0; rc == NM_OK && nc_table_next(self->devices, &at, &ip, &device);) {
      if (((const struct device *) device)->peers >= self->least_peers) {
         rc = put_device(m, o, ip, device);
      }
   }
   if (rc == NM_OK && fflush(stdout) != 0) {
      rc = nm_fail(m, "cannot write to the standard output: %m");
   }
   if (rc == NM_OK && self->has_report && !report_end(&self->report)) {
      nm_warn(m, "cannot write '%s': %m", self->json);
   }
   return rc;
}

static int put_out(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   struct output o = {.stream = NULL};
   bool training = self->lessons != NULL;
   if (training) {
      o.stream = open_memstream(&o.examples, &o.size);
   }
   int rc = NM_OK;
   if (!port_list_make(&o.ports, self->ports) || (training && o.stream == NULL)) {
      rc = nm_fail(m, "out of memory for an output");
   }
   rc = rc == NM_OK ? put_devices(m, &o) : rc;
   if (o.stream != NULL) {
      bool written = fclose(o.stream) == 0;
      rc = rc != NM_OK || o.size == 0 ? rc
           : written                  ? add_examples(m, o.examples, o.size)
                                      : nm_fail(m, "out of memory for examples");
   }
   free(o.examples);
   port_list_free(&o.ports);
   self->outputs++;
   forget(self);
   return rc;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   const struct device_classifier *self = nm_self(m);
   bool due = self->minutes > 0 && ur_time_get_sec(stream_time) / MINUTE % self->minutes == 0;
   return due && nc_table_count(self->devices) > 0 ? put_out(m) : NM_OK;
}

static int user_signal(nm_module_t *m, int signal)
{
   (void) signal;
   return put_out(m);
}

static void cleanup(nm_module_t *m)
{
   struct device_classifier *self = nm_self(m);
   classifier_clear(&self->classifier);
   if (self->has_report) {
      report_close(&self->report);
   }
}

NM_MODULE("device_classifier",
          "Says what hosts are (SERVER, CLIENT, HTTP, FTP, MAIL, NTP, SIP, DNS, RDP, SSH, or labels of your "
          "own) by the flows that they "
          "send and receive, with a model of libsvm for each label. Prints a line "
          "\"ADDRESS<TAB>LABEL,LABEL\" for each.",
          .in = NM_INPUTS({"flows",
                           "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 "
                           "PROTOCOL,uint32 PACKETS,uint64 BYTES,"
                           "time TIME_FIRST,time TIME_LAST",
                           .split_biflows = true, .batch_halves = true}),
          .options = options, .state_size = sizeof(struct device_classifier), .flags = NM_CLAIM_USR1,
          .check = check, .init = init, .reload = reload, .records = records, .tick = tick,
          .tick_every = NM_SECONDS(MINUTE), .user_signal = user_signal, .finish = put_out, .cleanup = cleanup)
