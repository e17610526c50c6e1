/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of libnemea-module share. */
#ifndef NM_INTERNAL_H
#define NM_INTERNAL_H

#include <signal.h>
#include <stdarg.h>
#include <nemea/module.h>

#define NM_PUBLIC __attribute__((visibility("default")))

#define MAX_INTERFACES 64 /* of one direction; libtrap's own limit is lower */
#define MAX_COUNTERS   64
#define MAX_WARNINGS   32 /* distinct warnings that are counted; further ones are printed once */
#define BATCH          256
#define US             UINT64_C(1000000)

struct input {
   ur_template_t *tmplt;
   uint8_t active;       /* waits for records; 0 after its end of stream */
   bool format_known;    /* of the sender, and told to the module */
   bool one_byte_record; /* the format has records of one byte: end of stream is then an empty message only */
   uint16_t time_offset; /* of TIME_LAST or TIME in a record; UR_INVALID_OFFSET: none */
   uint64_t last_seq;
   uint64_t missed; /* records the sender skipped for this reader */
};

struct output {
   ur_template_t *tmplt;
   void *record; /* of nm_alert(), UR_MAX_SIZE bytes */
};

struct clock {
   ur_time_t now;      /* stream clock; 0: no record yet */
   ur_time_t newest;   /* newest time of a record */
   ur_time_t far;      /* a time more than a day ahead, waiting for a second one; 0: none */
   uint64_t next_tick; /* microseconds since the epoch */
   uint64_t heard_at;  /* monotonic microseconds when a record last moved the clock; 0: do not follow */
   bool follow;        /* recordings must not depend on the wall clock */
};

struct warning {
   const char *format;
   unsigned count;
};

struct nm_module {
   const nm_module_def_t *def;
   void *state;
   char *message; /* of nm_fail() */
   int status;    /* exit status that goes with it */
   trap_module_info_t *info;
   trap_ctx_t *ctx;
   struct input *in;
   struct output *out;
   uint32_t n_in, n_out, n_active;
   bool no_eos;

   uint32_t current; /* input of the current record */
   uint16_t size;
   uint64_t seq;

   struct clock clock;
   uint64_t records, bad_records, sent, dropped;
   struct {
      const char *name;
      const uint64_t *value;
   } counters[MAX_COUNTERS];
   uint32_t n_counters;
   struct warning warnings[MAX_WARNINGS];
   uint32_t n_warnings;
};

/** Records of one byte look like the end of stream. */
static inline bool one_byte_records(const ur_template_t *t)
{
   return t->static_size == 1 && t->first_dynamic == UR_NO_DYNAMIC_VALUES;
}

/* Set by signal handlers, read by every thread. */
extern _Atomic int nm_stop_signal, nm_reload_signal, nm_show_signal;

/* main.c */
void nm_show_counters(nm_module_t *m);

/* options.c */
/** Describes the module for libtrap's help. NULL without memory. */
trap_module_info_t *options_info(const nm_module_def_t *def);
void options_info_free(trap_module_info_t *info);
/** Fills the state with defaults, then with argv. */
int options_parse(nm_module_t *m, int argc, char **argv);

/* clock.c */
void clock_start(nm_module_t *m);
/** A record of this time came: moves the clock and runs the ticks that are due before it. */
int clock_record(nm_module_t *m, ur_time_t t);
/** Nothing came for a while. */
int clock_idle(nm_module_t *m);

/* output.c */
int outputs_open(nm_module_t *m);
void outputs_close(nm_module_t *m);
void outputs_end(nm_module_t *m);

/* receive.c */
int inputs_open(nm_module_t *m);
void inputs_close(nm_module_t *m);
/** Until the end of all inputs, a signal or an error. */
int receive(nm_module_t *m);

#endif
