/* SPDX-License-Identifier: BSD-3-Clause */
/** alert_output: alerts of detectors as events, for other systems: EVE, OCSF, CEF, LEEF, IDEA; to files, web servers and syslog. */
#include "../common/alert_format.h"
#include "format.h"
#include "sender.h"

#include <errno.h>
#include <nemea/alert_input.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MEGABYTE    ((uint64_t) 1 << 20)
#define SYNC_US     200000 /* between two times that a spool file is written to the disk */
#define ASK_US      20000  /* between two looks at what was delivered, where there is no file */
#define NONE        UINT64_MAX
#define MARKS       16384 /* of records whose messages wait in memory */
#define MARK_EVERY  8     /* records */
#define SYSLOG_SIZE (FORMAT_MAX + 512)

NM_FIELDS()

/* Severities of syslog by our own: notice, warning, alert. */
static const unsigned syslog_severities[] = {5, 5, 4, 1};

enum kind { TO_FILE, TO_WEB, TO_SYSLOG };

struct source {
   uint32_t place;          /* of its position in the spool */
   uint64_t unacknowledged; /* the last record that has no mark; NONE: all have one, or are acknowledged */
   uint64_t ready;          /* the last one to acknowledge now; NONE: there is none */
};

/* The records of an input up to this one are acknowledged when so many messages have left a spool in memory. */
struct mark {
   uint64_t put, record;
   uint32_t input;
};

struct alert_output {
   const char *to, *detectors, *spool, *ca, *cert, *key, *headers, *host, *node;
   unsigned format;
   uint32_t megabytes, batch, timeout, first_pause, last_pause, settle, drain, attempts, facility;
   bool end;

   struct alert_input *inputs;
   struct source *sources; /* of the inputs */
   uint64_t put;           /* messages */
   struct mark *marks;     /* a ring */
   uint32_t first_mark, n_marks;
   struct sender *sender;
   enum kind kind;
   char hostname[256];
   struct format_options options;
   uint64_t alerts, ignored, bad, repeated, dropped, delivered, rejected, failed, waiting, damaged;
   bool failing;
   char message[FORMAT_MAX], line[SYSLOG_SIZE];
};

static const nm_option_t options[] = {
    NM_STRING(
        't', "to", struct alert_output, to, "-",
        "Where messages go: a file (appended to; - is standard output), http://... or https://... (POST), "
        "syslog+tcp://HOST:PORT, syslog+tls://HOST:PORT."),
    NM_CHOICE('f', "format", struct alert_output, format, FORMAT_EVE, format_names,
              "Format of a message: eve (JSON in the manner of EVE), ocsf (class Detection Finding), cef, "
              "leef, idea, event "
              "(docs/event.schema.json)."),
    NM_STRING('D', "detectors", struct alert_output, detectors, NULL,
              "Whose alerts the inputs carry, in their order, separated by commas. Without it: the detector "
              "after which the "
              "interface is named, or the only one that has such alerts."),
    NM_STRING('s', "spool", struct alert_output, spool, NULL,
              "File for messages that are not delivered yet: they are sent when the receiver is back, also "
              "after a restart. "
              "Without it they wait in memory."),
    NM_U32(0, "spool-size", struct alert_output, megabytes, 64, 1, 65536,
           "Size of the spool in MB. Messages without room are dropped and counted."),
    NM_U32('b', "batch", struct alert_output, batch, 1, 1, 1000,
           "Messages of one request; more than 1: JSON messages are sent as an array."),
    NM_STRING(0, "header-file", struct alert_output, headers, NULL,
              "File of lines \"Name: value\" that requests have as headers, such as a token. Mode 0600; "
              "https:// only."),
    NM_STRING(0, "ca", struct alert_output, ca, NULL,
              "File of certificates (PEM) that sign the receiver's; without it those of the system."),
    NM_STRING(0, "cert", struct alert_output, cert, NULL, "Certificate of this client (PEM)."),
    NM_STRING(0, "key", struct alert_output, key, NULL, "Its key (PEM), mode 0600."),
    NM_U32(0, "timeout", struct alert_output, timeout, 10000, 10, 600000,
           "Milliseconds that a connection attempt, a request or a write may take."),
    NM_U32(
        0, "retry-min", struct alert_output, first_pause, 500, 1, 600000,
        "Milliseconds before the first attempt after one that failed; each further pause is twice as long."),
    NM_U32(0, "retry-max", struct alert_output, last_pause, 60000, 1, 3600000,
           "Milliseconds of the longest pause."),
    NM_U32(0, "settle", struct alert_output, settle, 1000, 0, 3600000,
           "Milliseconds after which a syslog message whose bytes the receiver's system has acknowledged "
           "counts as delivered; until then it is sent again when the connection breaks."),
    NM_U32(0, "drain", struct alert_output, drain, 10000, 0, 3600000,
           "Milliseconds to deliver what waits when the module ends."),
    NM_U32(0, "attempts", struct alert_output, attempts, 0, 0, 1000000,
           "When the module ends, give up after this many attempts in a row have failed; 0: only --drain "
           "ends them."),
    NM_U32(0, "facility", struct alert_output, facility, 16, 0, 23,
           "Facility of syslog messages; 16 is local0."),
    NM_STRING(0, "host", struct alert_output, host, NULL,
              "Name of this sensor; without it that of the host."),
    NM_STRING('n', "node", struct alert_output, node, "nemea.alert_output", "Node.Name of IDEA messages."),
    NM_FLAG('e', "end", struct alert_output, end,
            "End when all inputs have ended; otherwise only files end."),
    NM_END};

static ur_time_t now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_REALTIME, &ts);
   return ur_time_from_sec_usec((uint32_t) ts.tv_sec, (uint64_t) ts.tv_nsec / 1000);
}

/* ---------------------------------------------------------------------- opening */

static int check(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   char why[WHY_SIZE], wrong[ALERT_INPUT_WHY];
   self->inputs = calloc(nm_inputs(m) + 1, sizeof(*self->inputs));
   self->sources = malloc((nm_inputs(m) + 1) * sizeof(*self->sources));
   self->marks = calloc(MARKS, sizeof(*self->marks));
   if (self->inputs == NULL || self->sources == NULL || self->marks == NULL) {
      return nm_fail(m, "out of memory");
   }
   if ((self->cert == NULL) != (self->key == NULL)) {
      return nm_fail(m, "options --cert and --key: expected both");
   }
   if (self->key != NULL && !secret_file(self->key, why)) {
      return nm_fail(m, "option --key: %s", why);
   }
   if (self->host == NULL && gethostname(self->hostname, sizeof(self->hostname) - 1) != 0) {
      strcpy(self->hostname, "unknown");
   }
   self->options = (struct format_options){.host = self->host != NULL ? self->host : self->hostname,
                                           .node = self->node,
                                           .version = NEMEA_VERSION};
   nm_set_flag(m, NM_KEEP_EOS, !self->end);
   return alert_inputs_name(self->inputs, nm_inputs(m), self->detectors, wrong)
              ? NM_OK
              : nm_fail(m, "option --detectors: %s", wrong);
}

static struct destination *open_destination(struct alert_output *self, char why[WHY_SIZE])
{
   static const char tcp[] = "syslog+tcp://", tls[] = "syslog+tls://";
   const struct destination_options o = {.ca = self->ca,
                                         .cert = self->cert,
                                         .key = self->key,
                                         .headers = self->headers,
                                         .content_type = format_content_type((enum format) self->format),
                                         .json = format_is_json((enum format) self->format),
                                         .batch = self->batch,
                                         .timeout = self->timeout};
   if (strncasecmp(self->to, "http://", 7) == 0 || strncasecmp(self->to, "https://", 8) == 0) {
      self->kind = TO_WEB;
#ifdef HAVE_CURL
      return webhook_open(self->to, &o, why);
#else
      snprintf(why, WHY_SIZE, "this build has no web client (libcurl)");
      return NULL;
#endif
   }
   if (strncmp(self->to, tcp, strlen(tcp)) == 0 || strncmp(self->to, tls, strlen(tls)) == 0) {
      self->kind = TO_SYSLOG;
      return syslog_open(self->to + strlen(tcp), self->to[strlen("syslog+tl")] == 's', &o, why);
   }
   if (strstr(self->to, "://") != NULL) {
      snprintf(why, WHY_SIZE, "expected a file, http://, https://, syslog+tcp:// or syslog+tls://");
      return NULL;
   }
   self->kind = TO_FILE;
   return file_open(self->to, why);
}

static void update_counters(struct alert_output *self)
{
   struct sender_counts c;
   sender_counts(self->sender, &c);
   self->delivered = c.delivered;
   self->rejected = c.rejected;
   self->failed = c.attempts_failed;
   self->waiting = c.waiting;
   self->damaged = c.damaged;
}

static int init(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   char why[WHY_SIZE] = "";
   struct destination *d = open_destination(self, why);
   if (d == NULL) {
      return nm_fail(m, "%s: %s", self->to, why);
   }
   const struct sender_options o = {.path = self->spool,
                                    .size = self->megabytes * MEGABYTE,
                                    .contents =
                                        self->format + 1 + ((uint32_t) (self->kind == TO_SYSLOG) << 8),
                                    .first_pause = self->first_pause,
                                    .last_pause = self->last_pause,
                                    .attempts = self->attempts,
                                    .settle = self->settle};
   self->sender = sender_start(d, &o, why);
   if (self->sender == NULL) {
      return nm_fail(m, "spool %s: %s", self->spool != NULL ? self->spool : "in memory", why);
   }
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      self->sources[i] = (struct source){
          .place = sender_input(self->sender, nm_input_spec(m, i)), .unacknowledged = NONE, .ready = NONE};
   }
   update_counters(self);
   if (self->damaged > 0) {
      nm_warn(m, "spool %s: %llu bytes at its end were damaged and are lost", self->spool,
              (unsigned long long) self->damaged);
   }
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "alerts ignored", &self->ignored);
   nm_counter(m, "alerts invalid", &self->bad);
   nm_counter(m, "alerts repeated", &self->repeated);
   nm_counter(m, "delivered", &self->delivered);
   nm_counter(m, "rejected by the receiver", &self->rejected);
   nm_counter(m, "waiting", &self->waiting);
   nm_counter(m, "dropped, spool full", &self->dropped);
   nm_counter(m, "attempts failed", &self->failed);
   nm_set_timer(m, self->spool != NULL ? SYNC_US : ASK_US);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct alert_output *self = nm_self(m);
   return alert_format(m, input, &self->inputs[input]);
}

/* ----------------------------------------------------------------------- alerts */

/* \return false: it was dropped */
static bool send_event(nm_module_t *m, const struct event *e, const struct spool_position *p)
{
   struct alert_output *self = nm_self(m);
   const char *message = self->message;
   self->options.now = now();
   size_t n = format_event((enum format) self->format, e, &self->options, self->message);
   if (n > 0 && self->kind == TO_SYSLOG) {
      message = self->line;
      n = format_syslog(self->message, n, self->facility, syslog_severities[format_severity(e)],
                        self->options.host, self->options.now, e->kind, self->line, sizeof(self->line));
   }
   if (n == 0 || !sender_put(self->sender, message, (uint32_t) n, p)) {
      self->dropped++;
      nm_warn(m, "event %s is dropped: %s", e->id, n == 0 ? "its message is too long" : "the spool is full");
      return false;
   }
   self->put++;
   return true;
}

static void take_alert(nm_module_t *m, const struct alert_input *in, const nm_record_t *rec,
                       const struct spool_position *p)
{
   struct alert_output *self = nm_self(m);
   struct event e;
   enum alert_result result = alert_input_read(in, rec->data, rec->size, &e);
   self->bad += result == ALERT_INVALID;
   self->alerts += result != ALERT_INVALID;
   self->ignored += result == ALERT_IGNORED;
   if (result != ALERT_EVENT || !send_event(m, &e, p)) {
      sender_pass(self->sender, p);
   }
}

static void acknowledge_ready(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      if (self->sources[i].ready != NONE) {
         nm_ack(m, i, self->sources[i].ready);
         self->sources[i].ready = NONE;
      }
   }
}

/* Marks the records of an input that were taken since its last mark. */
static void mark(struct alert_output *self, uint32_t input)
{
   struct source *s = &self->sources[input];
   struct mark new = {.put = self->put, .record = s->unacknowledged, .input = input};
   if (s->unacknowledged == NONE) {
      return;
   }
   if (self->n_marks < MARKS) {
      self->marks[(self->first_mark + self->n_marks++) % MARKS] = new;
      s->unacknowledged = NONE;
      return;
   }
   struct mark *last = &self->marks[(self->first_mark + MARKS - 1) % MARKS];
   if (last->input == input) { /* else it waits until there is room */
      *last = new;
      s->unacknowledged = NONE;
   }
}

/* Spool in memory: what was delivered, or counted, is acknowledged at once, so that little comes again after a kill. */
static void acknowledge_delivered(nm_module_t *m, uint64_t done)
{
   struct alert_output *self = nm_self(m);
   while (self->n_marks > 0 && self->marks[self->first_mark].put <= done) {
      const struct mark *first = &self->marks[self->first_mark];
      self->sources[first->input].ready = first->record;
      self->first_mark = (self->first_mark + 1) % MARKS;
      self->n_marks--;
   }
   acknowledge_ready(m);
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      mark(self, i);
   }
}

/* Spool file: what was taken is in it, or counted. Its sender may forget it when the file is on the disk. */
static void acknowledge_spooled(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   bool some = false;
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      struct source *s = &self->sources[i];
      s->ready = s->unacknowledged != NONE ? s->unacknowledged : s->ready;
      s->unacknowledged = NONE;
      some |= s->ready != NONE;
   }
   if (some && sender_sync(self->sender)) {
      acknowledge_ready(m);
   } else if (some) {
      nm_warn(m, "spool %s: it cannot be written to the disk: %s; alerts are not acknowledged", self->spool,
              strerror(errno));
   }
}

static void acknowledge(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   struct sender_counts c;
   if (self->spool != NULL) {
      acknowledge_spooled(m);
      return;
   }
   sender_counts(self->sender, &c);
   acknowledge_delivered(m, c.delivered + c.rejected);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct alert_output *self = nm_self(m);
   struct source *s = &self->sources[nm_input(m)];
   struct spool_position p = {.input = s->place};
   uint64_t offset = nm_position(m, nm_input(m), recs[0].seq, &p.instance) - recs[0].seq;
   for (uint32_t i = 0; i < n; i++) {
      p.number = recs[i].seq + offset;
      if (sender_has(self->sender, &p)) {
         self->repeated++;
      } else {
         take_alert(m, &self->inputs[nm_input(m)], &recs[i], &p);
      }
      s->unacknowledged = recs[i].seq;
      if (self->spool == NULL && ((i + 1) % MARK_EVERY == 0 || i + 1 == n)) {
         mark(self, nm_input(m));
      }
   }
   return NM_OK;
}

static int timer(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   struct sender_counts c;
   acknowledge(m);
   sender_counts(self->sender, &c);
   if (c.failing && !self->failing) {
      nm_warn(m, "%s: %s; it is tried again, %llu messages wait", self->to, c.why,
              (unsigned long long) c.waiting);
   } else if (c.rejected > self->rejected) {
      nm_warn(m, "%s: %s; %llu messages were rejected", self->to, c.why, (unsigned long long) c.rejected);
   }
   self->failing = c.failing;
   update_counters(self);
   return NM_OK;
}

static int reload(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   sender_reopen(self->sender);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   struct sender_counts c;
   if (self->sender == NULL) {
      return NM_OK;
   }
   acknowledge(m);
   sender_stop(self->sender, self->drain);
   sender_counts(self->sender, &c);
   if (self->spool == NULL) { /* marks that had no room are made when others have gone */
      acknowledge_delivered(m, c.delivered + c.rejected);
      acknowledge_delivered(m, c.delivered + c.rejected);
   }
   update_counters(self);
   if (c.waiting > 0 && self->spool == NULL) {
      return nm_fail(m, "%s: %s; %llu messages were not delivered and are lost", self->to,
                     c.why[0] != 0 ? c.why : "the receiver was too slow", (unsigned long long) c.waiting);
   }
   if (c.waiting > 0) {
      nm_warn(m, "%s: %s; %llu messages wait in %s", self->to,
              c.why[0] != 0 ? c.why : "the receiver was too slow", (unsigned long long) c.waiting,
              self->spool);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct alert_output *self = nm_self(m);
   sender_free(self->sender);
   alert_inputs_free(self->inputs, nm_inputs(m));
   free(self->inputs);
   free(self->sources);
   free(self->marks);
}

NM_MODULE("alert_output",
          "Sends the alerts of any detectors as events to other systems: as lines of a file, as requests to "
          "a web server, or to a\n"
          "syslog server over TCP or TLS. What a receiver does not take waits, within bounds, and detectors "
          "never wait for it.",
          .in = NM_INPUTS({"alerts", .data = NM_ANY, .min = 1, .max = NM_VARIABLE}), .options = options,
          .state_size = sizeof(struct alert_output), .check = check, .init = init, .format = format,
          .records = records, .timer = timer, .reload = reload, .finish = finish, .cleanup = cleanup)
