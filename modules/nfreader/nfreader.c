/* SPDX-License-Identifier: BSD-3-Clause */
/** nfreader: sends the flows of nfdump files as UniRec records. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "../nfdump/reader.h"
#include "fields.h"
#include "filter.h"

NM_FIELDS(ipaddr DST_IP, ipaddr SRC_IP, uint64 BYTES, uint64 LINK_BIT_FIELD, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint16 DST_PORT, uint16 SRC_PORT, uint8 DIR_BIT_FIELD, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TOS, uint8 TTL, uint64 BYTES_REV, uint32 PACKETS_REV, uint8 TCP_FLAGS_REV)

#define OUTPUT                                                                                             \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 " \
   "PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 "     \
   "TOS,uint8 TTL"
#define REVERSE ",uint64 BYTES_REV,uint32 PACKETS_REV,uint8 TCP_FLAGS_REV"

#define STATUS_OPTIONS 2
#define STATUS_FILE    3
#define BATCH          256      /* records between two looks at signals */
#define MIN_RATE       100      /* records a second */
#define NAP_NS         50000000 /* longest sleep at once, so that a signal ends the module soon */

/* What becomes of a flow of both directions. */
enum biflow { SPLIT, FIELDS, FORWARD };
static const char *const biflows[] = {[SPLIT] = "split", [FIELDS] = "fields", [FORWARD] = "forward"};

struct nfreader {
   const char *filter_text, *link_text, *biflow_text;
   uint64_t first; /* 0: all */
   bool no_eof, now, direction, resend;
   uint64_t link, dots, rate;
   enum biflow biflow;

   char **paths;
   int n_paths, next_path;
   nf_reader_t *reader;
   nf_filter_t *filter;
   bool open;

   struct nf_flow flow; /* waits for its time when pending */
   bool pending;
   int64_t start; /* of the replay: ms of this machine's clock less those of the flows */
   bool started;
   int64_t second; /* of the last record that the rate allowed in it */
   uint64_t in_second;
   uint64_t sent, filtered, clipped, unknown;
};

static int positive(nm_module_t *m, const char *text, uint64_t min, uint64_t *value, const char *error)
{
   return nm_number(text, min, UINT64_MAX, value) ? NM_OK : nm_fail_status(m, STATUS_OPTIONS, "%s", error);
}

static int set_first(nm_module_t *m, const char *text)
{
   struct nfreader *self = nm_self(m);
   return positive(m, text, 1, &self->first, "Invalid maximal number of records.");
}

static int set_rate(nm_module_t *m, const char *text)
{
   struct nfreader *self = nm_self(m);
   return positive(m, text, MIN_RATE, &self->rate, "Invalid rate: expected at least 100 records a second.");
}

static int set_dots(nm_module_t *m, const char *text)
{
   struct nfreader *self = nm_self(m);
   return positive(m, text, 1, &self->dots, "Invalid number of records of a dot.");
}

static const nm_option_t options[] = {
    NM_STRING('f', "filter", struct nfreader, filter_text, NULL,
              "Send only flows that match this filter of nfdump: addresses, networks, ports, protocol, "
              "flags, packets and bytes with and, or, not."),
    NM_CALL('c', "first", "uint64", set_first, "Stop after this many records."),
    NM_FLAG('n', "no_eof", struct nfreader, no_eof, "Do not send the end of the stream."),
    NM_FLAG('T', "send_time", struct nfreader, now,
            "Flows end now: TIME_LAST is the second of sending, with the original milliseconds, and "
            "TIME_FIRST as long before as it was."),
    NM_FLAG(
        'D', "DBF_record", struct nfreader, direction,
        "DIR_BIT_FIELD is 1 << index of the input interface for indexes from 1 to 7, else 0. Without: 0."),
    NM_STRING('l', "link_mask", struct nfreader, link_text, "1", "Value of LINK_BIT_FIELD, hexadecimal."),
    NM_STRING(
        'B', "biflow", struct nfreader, biflow_text, "split",
        "Flows of both directions, as nfdump -B writes them: \"split\" sends two records, \"fields\" one "
        "with BYTES_REV, PACKETS_REV and TCP_FLAGS_REV, \"forward\" only the direction from source to "
        "destination."),
    NM_CALL('p', "print", "uint64", set_dots, "Print a dot for every this many records."),
    NM_CALL('r', "rate", "uint64", set_rate, "Maximum number of records per second; at least 100."),
    NM_FLAG('R', "resend", struct nfreader, resend,
            "Real-time replay: send each flow when it ended, relative to the first one. Not with -r."),
    NM_END,
};

static int arguments(nm_module_t *m, int count, char **values)
{
   struct nfreader *self = nm_self(m);
   self->paths = values;
   self->n_paths = count;
   return NM_OK;
}

static int take_link(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   const char *text = self->link_text, *digits = text + (strncasecmp(text, "0x", 2) == 0 ? 2 : 0);
   size_t n = strspn(digits, "0123456789abcdefABCDEF");
   if (n == 0 || digits[n] != 0 || n > 16) {
      return nm_fail_status(m, STATUS_OPTIONS,
                            "Invalid link mask \"%s\": expected 1 to 16 hexadecimal digits.", text);
   }
   self->link = strtoull(digits, NULL, 16);
   return NM_OK;
}

static int take_biflow(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   for (size_t i = 0; i < sizeof(biflows) / sizeof(biflows[0]); i++) {
      if (strcmp(self->biflow_text, biflows[i]) == 0) {
         self->biflow = (enum biflow) i;
         return NM_OK;
      }
   }
   return nm_fail_status(m, STATUS_OPTIONS, "option --biflow: \"%s\": expected split, fields or forward",
                         self->biflow_text);
}

static int check(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   char error[NF_FILTER_ERROR];
   if (self->n_paths == 0) {
      return nm_fail_status(m, STATUS_OPTIONS, "expected the name of an nfdump file (see -h)");
   }
   if (self->resend && self->rate > 0) {
      return nm_fail_status(m, STATUS_OPTIONS, "options -r and -R exclude each other");
   }
   if (self->filter_text != NULL && (self->filter = nf_filter_parse(self->filter_text, error)) == NULL) {
      return nm_fail_status(m, STATUS_FILE, "Can not init filter '%.200s': %s", self->filter_text, error);
   }
   int rc = take_link(m);
   return rc == NM_OK ? take_biflow(m) : rc;
}

static int init(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   nm_counter(m, "filtered", &self->filtered);
   nm_counter(m, "clipped", &self->clipped);
   nm_counter(m, "unknown", &self->unknown);
   self->reader = nf_reader_new();
   return self->reader != NULL ? nm_set_output(m, 0, self->biflow == FIELDS ? OUTPUT REVERSE : OUTPUT)
                               : nm_fail(m, "out of memory");
}

static int64_t wall_ms(void)
{
   struct timespec now;
   clock_gettime(CLOCK_REALTIME, &now);
   return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps until then, or for a while. \return true: it is time */
static bool wait_until(int64_t ms)
{
   int64_t left = ms - wall_ms();
   if (left > 0) {
      struct timespec nap = {.tv_nsec = left < NAP_NS / 1000000 ? left * 1000000 : NAP_NS};
      nanosleep(&nap, NULL);
   }
   return ms <= wall_ms();
}

/* May a record be sent now? Sleeps a little if not. */
static bool is_time(struct nfreader *self)
{
   if (self->resend) {
      int64_t then = (int64_t) (self->flow.last & INT64_MAX);
      if (!self->started) {
         self->start = wall_ms() - then;
         self->started = true;
      }
      int64_t due;
      return __builtin_add_overflow(self->start, then, &due) || wait_until(due);
   }
   if (self->rate > 0 && self->in_second >= self->rate) {
      if (!wait_until((self->second + 1) * 1000)) {
         return false;
      }
      self->in_second = 0;
   }
   return true;
}

/* With a rate, what follows a full number of records waits for the end of the second of the last of them. */
static void count_sent(struct nfreader *self)
{
   self->sent++;
   if (self->rate > 0 && ++self->in_second == self->rate) {
      self->second = wall_ms() / 1000;
   }
}

/* Times that a record cannot hold, of 2106 and later, are the last one that it can. */
static ur_time_t from_ms(uint64_t ms)
{
   return ms / 1000 > UINT32_MAX ? UINT64_MAX : ur_time_from_sec_msec(ms / 1000, ms % 1000);
}

/* The times of a flow that ends now. */
static void move_to_now(struct nf_flow *flow)
{
   uint64_t now = (uint64_t) wall_ms() / 1000, seconds = flow->last / 1000 - flow->first / 1000;
   flow->last = now * 1000 + flow->last % 1000;
   flow->first = (seconds < now ? now - seconds : 0) * 1000 + flow->first % 1000;
}

/* Counters of more than 32 bits are the largest number that a record can hold. */
static uint32_t packets(struct nfreader *self, uint64_t n)
{
   self->clipped += n > UINT32_MAX;
   return n > UINT32_MAX ? UINT32_MAX : (uint32_t) n;
}

static int send_flow(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   struct nf_flow flow = self->flow;
   const ur_template_t *tmplt = nm_out(m);
   uint16_t size = ur_rec_fixlen_size(tmplt);
   void *rec;
   int rc = nm_reserve(m, 0, size, &rec);
   if (rc != NM_OK || rec == NULL) {
      return rc;
   }
   if (self->now) {
      move_to_now(&flow);
   }
   ur_set(tmplt, rec, F_SRC_IP, flow.src);
   ur_set(tmplt, rec, F_DST_IP, flow.dst);
   ur_set(tmplt, rec, F_BYTES, flow.bytes);
   ur_set(tmplt, rec, F_LINK_BIT_FIELD, self->link);
   ur_set(tmplt, rec, F_TIME_FIRST, from_ms(flow.first));
   ur_set(tmplt, rec, F_TIME_LAST, from_ms(flow.last));
   ur_set(tmplt, rec, F_PACKETS, packets(self, flow.packets));
   ur_set(tmplt, rec, F_DST_PORT, flow.dst_port);
   ur_set(tmplt, rec, F_SRC_PORT, flow.src_port);
   ur_set(tmplt, rec, F_DIR_BIT_FIELD,
          self->direction && flow.input > 0 && flow.input < 8 ? (uint8_t) (1u << flow.input) : 0);
   ur_set(tmplt, rec, F_PROTOCOL, flow.protocol);
   ur_set(tmplt, rec, F_TCP_FLAGS, flow.tcp_flags);
   ur_set(tmplt, rec, F_TOS, flow.tos);
   ur_set(tmplt, rec, F_TTL, 0);
   if (self->biflow == FIELDS) {
      ur_set(tmplt, rec, F_BYTES_REV, flow.bytes_rev);
      ur_set(tmplt, rec, F_PACKETS_REV, packets(self, flow.packets_rev));
      ur_set(tmplt, rec, F_TCP_FLAGS_REV, flow.tcp_flags_rev);
   }
   return nm_commit(m, 0, size);
}

static int finish(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   int rc = self->no_eof || nm_stopping(m) ? NM_OK : nm_end_output(m, 0);
   if (self->dots > 0 && self->sent >= self->dots) {
      putchar('\n');
   }
   printf("%" PRIu64 " flow records sent\n", self->sent);
   return rc;
}

/* A file that cannot be read on: what was read before has been sent. */
static int fail_reading(nm_module_t *m, const char *what)
{
   struct nfreader *self = nm_self(m);
   finish(m);
   return nm_fail_status(m, STATUS_FILE, "%s %s", what, nf_reader_error(self->reader));
}

/* The next flow that the filter lets through, of this file or the next. \return NM_STOP: there is none */
static int next_flow(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   if (!self->open) {
      if (self->next_path == self->n_paths) {
         return NM_STOP;
      }
      if (!nf_reader_open(self->reader, self->paths[self->next_path++])) {
         return fail_reading(m, "Error when trying to open file");
      }
      self->open = true;
   }
   for (int i = 0; i < BATCH; i++) {
      enum nf_result result = nf_reader_next(self->reader, &self->flow);
      self->unknown = nf_reader_unknown(self->reader);
      if (result == NF_DAMAGED) {
         return fail_reading(m, "Error during reading file");
      }
      if (result == NF_END) {
         if (!nf_reader_complete(self->reader)) {
            nm_warn(m, "%s: the file is incomplete: its writer did not end it; all blocks of it were read",
                    self->paths[self->next_path - 1]);
         }
         self->open = false;
         return NM_OK;
      }
      if (self->filter == NULL || nf_filter_match(self->filter, &self->flow)) {
         self->pending = true;
         return NM_OK;
      }
      self->filtered++;
   }
   return NM_OK;
}

static int source(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   int rc = NM_OK;
   for (int i = 0; rc == NM_OK && i < BATCH; i++) {
      rc = self->pending ? NM_OK : next_flow(m);
      if (rc != NM_OK || !self->pending) {
         return rc;
      }
      if (!is_time(self)) {
         return NM_OK;
      }
      rc = send_flow(m);
      self->pending = self->biflow == SPLIT && self->flow.packets_rev > 0;
      if (self->pending) {
         nf_flow_reverse(&self->flow);
      }
      if (rc != NM_OK) {
         return rc;
      }
      count_sent(self);
      if (self->dots > 0 && self->sent % self->dots == 0) {
         putchar('.');
         fflush(stdout);
      }
      if (self->first > 0 && self->sent >= self->first) {
         return NM_STOP;
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct nfreader *self = nm_self(m);
   nf_reader_free(self->reader);
   nf_filter_free(self->filter);
}

NM_MODULE("nfreader",
          "Sends the flows of nfdump files (of nfdump 1.7, with all their compressions, and of 1.6) as "
          "UniRec records. Arguments are the names of the files. "
          "When a file is damaged, the flows before the damage are sent, and the exit status is 3.",
          .out = NM_OUTPUTS({.name = "flows",
                             .fields = OUTPUT,
                             .format = NM_CHOSEN,
                             .added = NM_ADDED({REVERSE}),
                             .timeout = TRAP_WAIT}),
          .options = options, .state_size = sizeof(struct nfreader), .option_status = STATUS_OPTIONS,
          .interface_status = 4, .flags = NM_NO_EOS, .arguments = arguments, .check = check, .init = init,
          .source = source, .finish = finish, .cleanup = cleanup)
