/* SPDX-License-Identifier: BSD-3-Clause */
/** flowcounter: counts flow records, their packets and bytes. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(uint32 PACKETS, uint64 BYTES, uint64 FLOWS)

struct counts {
   uint64_t flows, packets, bytes;
};

struct flowcounter {
   uint64_t dot_every; /* 0: no dots */
   char dot;
   uint64_t send_every; /* seconds; 0: not at all */
   bool relative;

   bool started;
   uint64_t to_dot; /* records until the next one */
   struct counts now, sent;
};

static int set_dots(nm_module_t *m, const char *text)
{
   struct flowcounter *self = nm_self(m);
   if (!nm_number(text, 1, UINT64_MAX, &self->dot_every)) {
      return nm_fail(m, "Error: 'progress' argument has to be greater than zero.");
   }
   return NM_OK;
}

static int set_dot(nm_module_t *m, const char *text)
{
   struct flowcounter *self = nm_self(m);
   if (text[0] == 0 || text[1] != 0) {
      return nm_fail(m, "Error: -P: \"%s\" is not one character", text);
   }
   self->dot = text[0];
   return NM_OK;
}

static int set_send(nm_module_t *m, const char *text)
{
   struct flowcounter *self = nm_self(m);
   if (!nm_number(text, 0, UINT64_MAX, &self->send_every)) {
      return nm_fail(m, "Error: -o: bad argument: \"%s\" is not a number of seconds", text);
   }
   if (self->send_every == 0 || self->send_every >= 1000) {
      return nm_fail(m, "Error: -o: bad interval range: \"%s\" is not from 1 to 999", text);
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('p', "print", "uint32", set_dots, "Print a dot for every this many records."),
    NM_CALL('P', "print_c", "char", set_dot, "The character in place of the dot."),
    NM_CALL('o', "send_time", "uint16", set_send,
            "Send the counts at this interval in seconds (1 to 999); requires an output."),
    NM_FLAG('r', "relative", struct flowcounter, relative,
            "Send what was counted since the last time instead of totals."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct flowcounter *self = nm_self(m);
   uint32_t expected = self->send_every > 0;
   if (nm_outputs(m) != expected) {
      return nm_fail(m, "-i has %u outputs, expected %u: an input%s", nm_outputs(m), expected,
                     expected ? ", and an output for option -o" : " (an output is for option -o)");
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct flowcounter *self = nm_self(m);
   self->dot = self->dot != 0 ? self->dot : '.';
   self->to_dot = self->dot_every > 0 ? self->dot_every : UINT64_MAX;
   self->started = true;
   if (self->send_every > 0) {
      nm_set_timer(m, NM_SECONDS(self->send_every));
   }
   nm_counter(m, "packets", &self->now.packets);
   nm_counter(m, "bytes", &self->now.bytes);
   return NM_OK;
}

static void put_dots(struct flowcounter *self, uint64_t n)
{
   while (n >= self->to_dot) {
      n -= self->to_dot;
      self->to_dot = self->dot_every;
      putchar(self->dot);
      fflush(stdout); /* progress is for eyes */
   }
   self->to_dot -= n;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct flowcounter *self = nm_self(m);
   const uint16_t packets_at = nm_in(m)->offset[F_PACKETS], bytes_at = nm_in(m)->offset[F_BYTES];
   uint64_t packets = 0, bytes = 0;
   for (uint32_t i = 0; i < n; i++) {
      packets += *(const ur_u_uint32_t *) UR_AT_(recs[i].data, packets_at);
      bytes += *(const ur_u_uint64_t *) UR_AT_(recs[i].data, bytes_at);
   }
   self->now.packets += packets;
   self->now.bytes += bytes;
   self->now.flows += n;
   if (self->dot_every > 0) {
      put_dots(self, n);
   }
   return NM_OK;
}

/* PACKETS is 32 bits wide: what does not fit is cut to the greatest value, not to a small one. */
static int send_counts(nm_module_t *m)
{
   struct flowcounter *self = nm_self(m);
   struct counts c = self->now;
   if (self->relative) {
      c.flows -= self->sent.flows;
      c.packets -= self->sent.packets;
      c.bytes -= self->sent.bytes;
      self->sent = self->now;
   }
   void *rec = nm_record(m, 0);
   nm_set(m, rec, F_FLOWS, c.flows);
   nm_set(m, rec, F_BYTES, c.bytes);
   nm_set(m, rec, F_PACKETS, c.packets < UINT32_MAX ? (uint32_t) c.packets : UINT32_MAX);
   return nm_send(m, rec);
}

static void print_counts(const struct flowcounter *self)
{
   printf("Flows:   %20" PRIu64 "\nPackets: %20" PRIu64 "\nBytes:   %20" PRIu64 "\n", self->now.flows,
          self->now.packets, self->now.bytes);
   fflush(stdout);
}

static int user_signal(nm_module_t *m, int signal)
{
   (void) signal;
   printf("Time: %lld\n", (long long) time(NULL));
   print_counts(nm_self(m));
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct flowcounter *self = nm_self(m);
   return self->send_every > 0 ? send_counts(m) : NM_OK; /* those since the last time */
}

/* Here, so that an error does not lose what was counted. */
static void cleanup(nm_module_t *m)
{
   struct flowcounter *self = nm_self(m);
   if (!self->started) {
      return;
   }
   if (self->dot_every > 0) {
      putchar('\n');
   }
   print_counts(self);
}

NM_MODULE(
    "flowcounter",
    "Counts flow records, their packets and bytes, and writes the totals to standard output at the end and, "
    "with the time, on SIGUSR1.",
    .in = NM_INPUTS({"flows", "uint32 PACKETS,uint64 BYTES"}),
    .out = NM_OUTPUTS({"counts", "uint64 BYTES,uint64 FLOWS,uint32 PACKETS", .timeout = NM_NO_WAIT, .min = 0,
                       .max = 1}),
    .options = options, .state_size = sizeof(struct flowcounter), .flags = NM_CLAIM_USR1, .option_status = 3,
    .check = check, .init = init, .records = records, .timer = send_counts, .user_signal = user_signal,
    .finish = finish, .cleanup = cleanup)
