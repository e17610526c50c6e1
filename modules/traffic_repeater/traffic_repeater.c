/* SPDX-License-Identifier: BSD-3-Clause */
/** traffic_repeater: sends what it receives, in the format in which it came. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <time.h>

NM_FIELDS()

struct repeater {
   struct timespec start;
   bool started;
   uint64_t received;
};

/* Messages of NEMEA 2 that scripts read, without the program's name. */
static void say(nm_module_t *m, const char *text)
{
   if (nm_verbosity(m) >= 0) {
      fprintf(stderr, "%s\n", text);
   }
}

static int init(nm_module_t *m)
{
   struct repeater *self = nm_self(m);
   say(m, "Info: Initializing traffic repeater...");
   clock_gettime(CLOCK_MONOTONIC, &self->start);
   self->started = true;
   return NM_OK;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct repeater *self = nm_self(m);
   self->received += n;
   return nm_forward_batch(m, 0, recs, n);
}

static int end_of_input(nm_module_t *m, uint32_t input)
{
   (void) input;
   say(m, "Info: Final record received, terminating repeater...");
   return NM_OK;
}

/* Here, since the numbers are of most interest after an error. */
static void cleanup(nm_module_t *m)
{
   struct repeater *self = nm_self(m);
   struct timespec now;
   if (!self->started) {
      return;
   }
   clock_gettime(CLOCK_MONOTONIC, &now);
   int64_t ms = (now.tv_sec - self->start.tv_sec) * 1000 + (now.tv_nsec - self->start.tv_nsec) / 1000000;
   fprintf(stderr,
           "Info: Flows received:  %16" PRIu64 "\nInfo: Flows sent:      %16" PRIu64
           "\nInfo: Timeouts:        %16" PRIu64 "\nInfo: Time elapsed:    %12" PRId64 ".%03" PRId64 "s\n",
           self->received, nm_counter_value(m, "sent"), nm_counter_value(m, "dropped"), ms / 1000, ms % 1000);
}

NM_MODULE(
    "traffic_repeater",
    "Sends every record that it receives, unchanged, in the format of the input. At the end it writes to "
    "standard error how "
    "many were received, sent, and dropped by the timeout of the output.",
    .in = NM_INPUTS({"records"}), .out = NM_OUTPUTS({"records", .format = NM_FOLLOW}),
    .state_size = sizeof(struct repeater), .flags = NM_IGNORE_UNKNOWN, .no_eos_option = "no-eof",
    .init = init, .records = records, .end_of_input = end_of_input, .cleanup = cleanup)
