/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of libnemea-module share. */
#ifndef NM_INTERNAL_H
#define NM_INTERNAL_H

#include <nemea/module.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NM_PUBLIC __attribute__((visibility("default")))

#define MAX_INTERFACES 64 /* of one direction; libtrap's own limit is lower */
#define MAX_COUNTERS   64
#define MAX_OPTIONS    128
#define MAX_WARNINGS   32 /* distinct warnings that are counted; those beyond share the last place */
#define BATCH          256
#define US             UINT64_C(1000000)
#define SILENCE_US     (5 * US) /* of a socket input, after which the others no longer wait for it */

/* Where a record of both directions keeps what is exchanged or moved; made for each format. */
struct biflow;

struct input {
   const nm_input_def_t *def;
   char name[64];
   ur_template_t *tmplt;  /* NULL: not known yet, or no UniRec */
   char *format;          /* as the sender wrote it */
   struct biflow *biflow; /* NULL: records are handed over as they come */
   uint8_t type;          /* TRAP_FMT_*, of NM_ANY: what the sender has */
   uint8_t active;        /* waits for records; 0 after its end of stream */
   bool is_file;
   bool format_known;    /* of the sender, and told to the module */
   bool refused;         /* the format that was announced last: its messages are gone */
   bool one_byte_record; /* the format has records of one byte: end of stream is then an empty message only */
   uint32_t
       enough; /* a message of so many bytes is a good record, whatever it has; UINT32_MAX: it must be checked */
   uint16_t time_offset; /* of TIME_LAST or TIME in a record; UR_INVALID_OFFSET: none */
   uint64_t last_seq;
   uint64_t missed; /* records the sender skipped for this reader */

   /* Stream time. */
   ur_time_t newest;  /* newest time of a record; 0: none yet */
   ur_time_t far;     /* a time more than a day ahead, waiting for a second one; 0: none */
   bool live;         /* the clock of the module waits for this input */
   uint64_t heard_at; /* monotonic microseconds of the last batch */

   /* NM_MERGE, NM_ALL_FORMATS: received, and not yet handed over. */
   nm_record_t *pending;
   uint32_t at, n;
   ur_time_t head; /* time of the record at `at` */
};

struct output {
   const nm_output_def_t *def;
   char name[64];
   ur_template_t *tmplt; /* NULL: no format yet, or no UniRec */
   bool has_format;
   bool one_byte_record;
   bool ended;    /* by nm_end_output() */
   void *record;  /* of nm_record(), UR_MAX_SIZE bytes */
   uint64_t same; /* bit for each input whose records have this very format */
   /* What it follows. */
   enum nm_format rule;
   uint32_t follows;
   char *names, *own; /* NULL: all fields; none */
};

struct clock {
   ur_time_t now;      /* stream clock; 0: no record yet */
   ur_time_t newest;   /* newest time that counts, of any input */
   ur_time_t low;      /* watermark: smallest newest time of the inputs that count */
   uint64_t next_tick; /* microseconds since the epoch */
   ur_time_t tick_at;  /* time of a record from which on a tick may be due */
   uint64_t
       quiet_at; /* monotonic microseconds of the first silence after a record; UINT64_MAX: do not follow */
   uint64_t lateness; /* microseconds */
   ur_time_t late;    /* the same */
   bool follow;       /* recordings must not depend on the wall clock */
   bool several;      /* watermark over several inputs */
};

struct warning {
   const char *format;
   unsigned count;
};

/* What the command line said of an option that has no plain member in the state. */
struct option_value {
   const char *path;
   uint64_t capacity;
};

struct bound_field {
   nm_field_t *field;
   uint32_t input;
   const char *name;
   bool required;
};

/* In place of the interfaces, in unit tests. */
struct nm_test;

/* A reload of files in a thread of its own. */
struct reload {
   pthread_t thread;
   bool running; /* until the thread is joined */
   bool again;   /* asked for once more meanwhile */
   /* Written by the thread; read when done. */
   bool done, good;
   char *message;
   void *objects[MAX_OPTIONS];
};

struct nm_module {
   struct nm_view_ view; /* first: the macros of module.h read it */
   const nm_module_def_t *def;
   unsigned flags; /* enum nm_flags, as options changed them */
   void *state;
   char **arguments; /* of the command line, with an interface; NULL: it has -i itself */
   char *message;    /* of nm_fail() */
   int status;       /* exit status that goes with it */
   bool failed;      /* in a function that cannot say so itself, as nm_get() of an absent field */
   trap_module_info_t *info;
   trap_ifc_spec_t spec; /* of -i */
   trap_ctx_t *ctx;
   struct nm_test *test;
   nm_input_def_t short_in[2]; /* the short form of the declaration, as a list */
   nm_output_def_t short_out[2];
   const nm_input_def_t *in_defs;
   const nm_output_def_t *out_defs;
   struct input *in;
   struct output *out;
   uint32_t n_in, n_out, n_active;
   bool no_eos;
   bool
       input_failed; /* an input could not be read: what was received is good, and this error is the one that is told */
   bool gathering;    /* NM_ALL_FORMATS: not all are known */
   bool has_lateness; /* option --lateness */
   uint64_t lateness; /* microseconds */

   struct clock clock;
   uint64_t wall;                  /* monotonic microseconds at the last batch */
   uint64_t timer_every, timer_at; /* of nm_set_timer(), microseconds */
   uint64_t published_at;          /* when the counters were last copied to where others read them */
   const char *telemetry;          /* option --telemetry: directory of files with counters; NULL: none */
   uint64_t records, bad_records, late, unread;
   uint64_t sent, dropped;         /* by the module's thread */
   uint64_t sent_raw, dropped_raw; /* by nm_send_raw(), from any thread */
   struct {
      const char *name, *suffix;
      const uint64_t *value;
   } counters[MAX_COUNTERS];
   uint32_t n_counters;
   struct warning warnings[MAX_WARNINGS];
   uint32_t n_warnings;
   struct option_value values[MAX_OPTIONS];
   struct reload reload;
   struct bound_field *fields;
   uint32_t n_fields;
   uint32_t generation; /* of bound fields */
};

/** Records of one byte look like the end of stream. */
static inline bool one_byte_records(const ur_template_t *t)
{
   return t->static_size == 1 && t->first_dynamic == UR_NO_DYNAMIC_VALUES;
}

/** What a module's function returned, and whether something failed behind its back. */
static inline int outcome(const nm_module_t *m, int rc)
{
   return __builtin_expect(m->failed, 0) ? NM_ERROR : rc;
}

/* signals.c: set by handlers, read by every thread. */
enum { EVENT_RELOAD = 1, EVENT_SHOW = 2, EVENT_USR1 = 4, EVENT_USR2 = 8 };
extern _Atomic int nm_stop_signal;
extern _Atomic unsigned nm_events;
void catch_signals(const nm_module_def_t *def);
/** Does what signals asked for. */
int handle_events(nm_module_t *m);

/* message.c */
/** What nm_fail() says in this thread goes to *message (to free()), instead of the module's; NULL: no longer. */
void message_redirect(char **message);
void message_print(const nm_module_t *m);
/** An input could not be read: nm_fail() was called for that, and its message stays. \return NM_ERROR */
int message_input_failed(nm_module_t *m);

/* counters.c */
void counters_add(nm_module_t *m, const char *name, const char *suffix, const uint64_t *value);
void counters_show(const nm_module_t *m);
/** Makes the directory of --telemetry, and writes the counters there and to the service interface. */
int counters_open(nm_module_t *m);
/** Copies the counters to the service interface and to the files of --telemetry, at most once a second. */
void counters_publish(nm_module_t *m);
/** Writes the files of --telemetry for the last time. \return rc, the module's result so far; NM_ERROR if that failed */
int counters_close(nm_module_t *m, int rc);

/* interfaces.c */
/** Fills in_defs and out_defs. */
void interfaces_declare(nm_module_t *m);
/** Numbers of interfaces for libtrap, -1 where they vary. */
void interfaces_range(const nm_module_t *m, int *in, int *out);
/** Sets n_in and n_out for this number of interfaces in -i. */
int interfaces_count(nm_module_t *m, size_t n);
const nm_input_def_t *interfaces_input(const nm_module_t *m, uint32_t i, char *name, size_t size);
const nm_output_def_t *interfaces_output(const nm_module_t *m, uint32_t i, char *name, size_t size);
/** The module's summary with its interfaces, for -h; to free(). */
char *interfaces_help(const nm_module_t *m);
/** Prints them as one line of JSON, for programs: LIBTRAP_OUTPUT_FORMAT=interfaces. */
void interfaces_print(const nm_module_t *m);

/* options.c */
/** Describes the module for libtrap's help. NULL without memory. */
trap_module_info_t *options_info(const nm_module_t *m);
void options_info_free(trap_module_info_t *info);
/** Fills the state with defaults, then with argv. */
int options_parse(nm_module_t *m, int argc, char **argv);
/** Are there options for which -i may be left out? */
bool options_have_query(const nm_module_def_t *def);
/** Is one of them given? */
bool options_are_query(const nm_module_t *m);
/** "-l, --limit" for messages. */
const char *option_name(const nm_option_t *o);

/* resources.c: tables and files of options */
int resources_open(nm_module_t *m);
void resources_close(nm_module_t *m);

/* reload.c: files of options */
int files_open(nm_module_t *m);
/** Uses what a reload has loaded meanwhile. */
int reload_poll(nm_module_t *m);
/** Waits for a reload, for two seconds. When reload.running stays set, its thread goes on: it uses the module, of which nothing
 * may be freed then. */
void reload_end(nm_module_t *m);
void files_close(nm_module_t *m);

/* clock.c */
uint64_t clock_us(clockid_t id);
void clock_start(nm_module_t *m);
/** A record of this time came from the input: moves the clock and runs the ticks that are due before it. */
int clock_record(nm_module_t *m, struct input *in, ur_time_t t);
/** Is t more than a day ahead? Then it must be confirmed (nm_time_is_confirmed()). */
static inline bool clock_is_far(ur_time_t newest, ur_time_t t)
{
   return t > newest && t - newest > (ur_time_t) 86400 << 32;
}
/** The same as clock_record(). Most records are of the only input, a little newer than the one before or older, and no tick is due. */
static inline int clock_note(nm_module_t *m, struct input *in, ur_time_t t)
{
   struct clock *c = &m->clock;
   const ur_time_t before = in->newest;
   if (__builtin_expect(c->several || before == 0 || in->far != 0 || c->newest != before || t >= c->tick_at ||
                            clock_is_far(before, t),
                        0)) {
      return clock_record(m, in, t);
   }
   m->late += t < c->now;
   in->live = true;
   if (t > before) {
      in->newest = c->newest = t;
      c->quiet_at = 0;
      c->now = t > c->late && t - c->late > c->now ? t - c->late : c->now;
   }
   return NM_OK;
}
/** The input ended, or its format changed: the others decide. */
int clock_update(nm_module_t *m);
/** Nothing came from any input for a while. */
int clock_idle(nm_module_t *m);
/** Leaves out inputs that were silent too long. */
int clock_silence(nm_module_t *m);
/** The stream went on to this time without a record. */
int clock_advance(nm_module_t *m, ur_time_t t);

/* field.c */
int fields_update(nm_module_t *m, uint32_t input);

/* biflow.c */
/** \return NULL when the format has no reverse direction, or (with *rc NM_ERROR) without memory */
struct biflow *biflow_new(nm_module_t *m, const ur_template_t *tmplt, int *rc);
void biflow_free(struct biflow *b);
/** Has the record packets of both directions? */
bool biflow_is(const struct biflow *b, const void *rec);
/** For inputs with batch_halves: adds a record, or both halves of it, to a batch that is not full. */
bool biflow_is_full(const struct biflow *b);
void biflow_add(struct biflow *b, const nm_record_t *rec);
/** The batch, which is empty then. \param[out] messages that were added */
const nm_record_t *biflow_take(struct biflow *b, uint32_t *n, uint32_t *messages);
/** Hands the record over as two. */
int biflow_record(nm_module_t *m, struct input *in, const nm_record_t *rec,
                  int (*hand_over)(nm_module_t *, const nm_record_t *));

/* output.c */
int outputs_open(nm_module_t *m);
void outputs_close(nm_module_t *m);
void outputs_end(nm_module_t *m);
/** The format of an input changed: sets those of the outputs that follow it. */
int outputs_follow(nm_module_t *m, uint32_t input);
/** Defines the module's own fields of an output that follows inputs, before a peer can define them otherwise. */
int own_fields(nm_module_t *m, const struct output *o, const char *fields);
/** Why fields cannot be a template. \param rc of ur_define_set_of_fields() or similar; UR_OK: the reason is in errno */
const char *template_problem(int rc);

/* input.c */
int inputs_open(nm_module_t *m, const char *types);
void inputs_close(nm_module_t *m);
/** The sender of an input announced this format. When it contradicts a known field, a sender on a socket is refused: OK, with
 *  `refused` set, and what was received with the format must not be read. */
int input_format(nm_module_t *m, uint32_t i, uint8_t type, const char *spec);
/** Tells the module of a format that is exactly what was required, and so was not announced. */
int input_format_known(nm_module_t *m, uint32_t i);
int input_end(nm_module_t *m, uint32_t i);

/* receive.c */
int receive_format(nm_module_t *m, uint32_t i);
/** Until the end of all inputs, a signal or an error. */
int receive(nm_module_t *m);
/** Hands messages of one input over, ends of stream included. */
int deliver(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count);
/** Counts messages of a refused format as bad. Their data are gone. */
void skip_refused(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count);
/** Counts records that are not delivered; an end of stream is not a record. */
void count_unread(nm_module_t *m, const struct input *in, const nm_record_t *msgs, uint32_t count);
int receive_error(nm_module_t *m, uint32_t i, int rc);
/** All that waits for a pause between two batches. */
int between_batches(nm_module_t *m);

/* notify.c */
/** The module has started. */
void notify_ready(void);
/** The module's own thread works, or waits for others; calls from other threads do nothing. */
void notify_alive(void);
/** Does systemd wait for that? */
bool notify_is_watched(void);

/* merge.c */
/** Room for a batch of each input. */
int pending_open(nm_module_t *m);
/** Counts what is left there as unread. */
void pending_close(nm_module_t *m);
int receive_merged(nm_module_t *m);

/* test.c */
int test_sent(nm_module_t *m, uint32_t output, const void *data, uint16_t size);
void test_format(nm_module_t *m, uint32_t output);
void *test_room(nm_module_t *m);

#endif
