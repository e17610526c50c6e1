/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/module.h
 * libnemea-module: everything a NEMEA module would otherwise write again.
 *
 * A module declares itself with NM_MODULE() and gives a few functions; the library does the rest the same
 * way everywhere: help (text and JSON), options, TRAP interfaces, negotiation and format changes, end of
 * stream in and out, SIGTERM/SIGINT/SIGHUP, the stream clock, ticks, counters and clean-up. See
 * examples/syn_counter/ for a complete module and docs/module.md for the guide.
 *
 * Threads: all functions of a module run in one thread, the one that called main(); no locking is needed. A module that
 * starts threads of its own finds at nm_send_raw() what these may call.
 * Errors: a function of a module returns NM_OK, NM_STOP (end normally: finish() is still called) or
 * nm_fail(m, ...), which keeps the message; main() prints it once, prefixed with the module's name, and
 * exits with status 1.
 */
#ifndef NEMEA_MODULE_H
#define NEMEA_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libtrap/trap.h>
#include <unirec/unirec.h>
#include <unirec/ur_flags.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Fields that a module reads and writes: NM_FIELDS(ipaddr SRC_IP, uint32 FLOW_COUNT). Read by ur_processor.sh, which
 * makes fields.h and fields.c of it (see unirec/unirec.h); nothing for the compiler. */
#define NM_FIELDS(...)

/** A running module. Opaque; owned by the library. */
typedef struct nm_module nm_module_t;

/** Results of a module's functions. */
enum {
   NM_OK = 0,    /**< go on */
   NM_STOP = 1,  /**< end normally: finish() runs, end of stream is sent, exit status 0 */
   NM_ERROR = -1 /**< give up: made by nm_fail(), exit status 1 */
};

/* ------------------------------------------------------------------ options */

enum nm_option_type {
   NM_TYPE_END,
   NM_TYPE_FLAG,   /* bool */
   NM_TYPE_UINT,   /* uint8_t .. uint64_t, by size */
   NM_TYPE_INT,    /* int8_t .. int64_t, by size */
   NM_TYPE_DOUBLE, /* double */
   NM_TYPE_STRING, /* const char *, points into argv */
   NM_TYPE_CHOICE, /* unsigned: index into choices */
   NM_TYPE_CALL    /* nm_option_fn */
};

/** Parses an option's value itself; returns NM_OK or nm_fail(). */
typedef int (*nm_option_fn)(nm_module_t *m, const char *value);

/** One command line option, bound to a member of the module's state struct. Use the macros below. */
typedef struct nm_option {
   enum nm_option_type type;
   char short_opt;             /* 0: none */
   uint8_t size;               /* of the member, bytes */
   size_t offset;              /* of the member in the state */
   const char *name;           /* long name, without dashes */
   const char *argument;       /* type shown in help and JSON: "uint32", "string", ... */
   const char *help;           /* one or more sentences; the default and the range are added by the library */
   uint64_t def, min, max;     /* integers (two's complement for NM_TYPE_INT) */
   double fdef, fmin, fmax;    /* NM_TYPE_DOUBLE */
   const char *sdef;           /* NM_TYPE_STRING, may be NULL */
   const char *const *choices; /* NM_TYPE_CHOICE, NULL-terminated */
   nm_option_fn call;          /* NM_TYPE_CALL */
} nm_option_t;

#define NM_MEMBER_(st, mb) .size = (uint8_t) sizeof(((st *) 0)->mb), .offset = offsetof(st, mb)
#define NM_UINT_(s, l, st, mb, t, d, lo, hi, h)                                                             \
   {                                                                                                        \
      .type = NM_TYPE_UINT, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = (t), .def = (d), \
      .min = (lo), .max = (hi), .help = (h)                                                                 \
   }

/** bool member, false unless the option is given. */
#define NM_FLAG(s, l, st, mb, h)                                                           \
   {                                                                                       \
      .type = NM_TYPE_FLAG, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .help = (h) \
   }
/** Unsigned member of the named width with default, least and greatest value. */
#define NM_U8(s, l, st, mb, d, lo, hi, h)  NM_UINT_(s, l, st, mb, "uint8", d, lo, hi, h)
#define NM_U16(s, l, st, mb, d, lo, hi, h) NM_UINT_(s, l, st, mb, "uint16", d, lo, hi, h)
#define NM_U32(s, l, st, mb, d, lo, hi, h) NM_UINT_(s, l, st, mb, "uint32", d, lo, hi, h)
#define NM_U64(s, l, st, mb, d, lo, hi, h) NM_UINT_(s, l, st, mb, "uint64", d, lo, hi, h)
#define NM_I64(s, l, st, mb, d, lo, hi, h)                                                         \
   {                                                                                               \
      .type = NM_TYPE_INT, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "int64", \
      .def = (uint64_t) (d), .min = (uint64_t) (lo), .max = (uint64_t) (hi), .help = (h)           \
   }
#define NM_DOUBLE(s, l, st, mb, d, lo, hi, h)                                                          \
   {                                                                                                   \
      .type = NM_TYPE_DOUBLE, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "double", \
      .fdef = (d), .fmin = (lo), .fmax = (hi), .help = (h)                                             \
   }
/** const char * member; the value points into argv and lives as long as the process. */
#define NM_STRING(s, l, st, mb, d, h)                                                                  \
   {                                                                                                   \
      .type = NM_TYPE_STRING, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "string", \
      .sdef = (d), .help = (h)                                                                         \
   }
/** unsigned member: index of the value in choices (NULL-terminated array of words). */
#define NM_CHOICE(s, l, st, mb, d, words, h)                                                           \
   {                                                                                                   \
      .type = NM_TYPE_CHOICE, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "string", \
      .def = (d), .choices = (words), .help = (h)                                                      \
   }
/** Calls fn(m, value); arg names the value in the help (NULL: the option takes none). */
#define NM_CALL(s, l, arg, fn, h)                                                                       \
   {                                                                                                    \
      .type = NM_TYPE_CALL, .short_opt = (s), .name = (l), .argument = (arg), .call = (fn), .help = (h) \
   }
#define NM_END            \
   {                      \
      .type = NM_TYPE_END \
   }

/* -------------------------------------------------------------- declaration */

#define NM_SECONDS(n) ((uint64_t) (n) *1000000)
#define NM_VARIABLE   (-1) /**< number of interfaces is what -i names */
#define NM_ANY_FORMAT ""   /**< input: accept whatever the sender offers */

enum nm_flags {
   NM_NO_EOS = 1u << 0,  /**< never send end of stream by itself */
   NM_KEEP_EOS = 1u << 1 /**< go on receiving after the end of stream of an input (endless merges) */
};

/** What a module is. Members left out are zero and mean the default given here. */
typedef struct nm_module_def {
   const char *name;    /**< program name, also the prefix of its messages */
   const char *summary; /**< what it does, a few sentences, shown by -h */
   int inputs, outputs; /**< interfaces; default 1 where .input/.output is given, else 0; NM_VARIABLE */
   const char *input;   /**< typed fields every input must have ("ipaddr SRC_IP,..."), NM_ANY_FORMAT */
   const char *output;  /**< typed fields of every output record; NULL: set later by nm_set_output() */
   const nm_option_t *options; /**< ends with NM_END; NULL: none */
   size_t state_size;          /**< bytes of nm_self(); zeroed, then filled from the options */
   uint64_t tick_every;       /**< microseconds of stream time between ticks; 0: no ticks. A gap in the stream
                                    gives at most a thousand ticks, the last of it among them */
   uint64_t lateness;         /**< stream clock runs this many microseconds behind the newest record */
   int32_t send_timeout;      /**< of outputs: TRAP_WAIT.. or microseconds; 0 = TRAP_NO_WAIT as in libtrap */
   bool send_timeout_set;     /**< send_timeout counts; default: libtrap's own (TRAP_WAIT) */
   unsigned flags;            /**< enum nm_flags */
   const char *no_eos_option; /**< long name of option -n: do not send end of stream; NULL: no such option */
   int interface_status;      /**< exit status when the interfaces cannot be opened; 0 means 1 */

   int (*check)(nm_module_t *m);                        /**< after the options, before the interfaces open */
   int (*init)(nm_module_t *m);                         /**< after the interfaces opened, before data */
   int (*format)(nm_module_t *m, uint32_t input);       /**< the format of an input is known or has changed */
   int (*record)(nm_module_t *m, const void *rec);      /**< each record; valid during the call only */
   int (*source)(nm_module_t *m);                       /**< modules without input: called until NM_STOP */
   int (*tick)(nm_module_t *m, ur_time_t stream_time);  /**< every tick_every, at multiples of it */
   int (*idle)(nm_module_t *m);                         /**< no record is waiting: time to flush */
   int (*reload)(nm_module_t *m);                       /**< after SIGHUP, between two records */
   int (*end_of_input)(nm_module_t *m, uint32_t input); /**< an input ended; others may go on */
   int (*finish)(nm_module_t *m);                       /**< all inputs ended or SIGTERM: last alerts */
   void (*cleanup)(nm_module_t *m);                     /**< always the last call, also after errors */
} nm_module_def_t;

/** Runs a module from its definition: the whole of main(). Returns the exit status. */
int nm_main(const nm_module_def_t *def, int argc, char **argv);

/** Defines main(). NM_MODULE("name", "What it does.", .input = ..., .record = ...) */
#define NM_MODULE(module_name, module_summary, ...)                      \
   static const nm_module_def_t nm_definition = {                        \
       .name = (module_name), .summary = (module_summary), __VA_ARGS__}; \
   int main(int argc, char **argv)                                       \
   {                                                                     \
      return nm_main(&nm_definition, argc, argv);                        \
   }

/* ---------------------------------------------------------- inside a module */

/** The module's state struct (state_size bytes). */
void *nm_self(nm_module_t *m);

/** Input that the current record came from, 0-based. */
uint32_t nm_input(const nm_module_t *m);
/** Template of the current record (in init(): of input 0, NULL before its format is known). */
const ur_template_t *nm_in(const nm_module_t *m);
/** Size of the current record in bytes. Records are checked (ur_rec_check) before record() is called. */
uint16_t nm_size(const nm_module_t *m);
/** Sequence number of the current record on its input, as trap_recv_with_seq_number() gives it. */
uint64_t nm_seq(const nm_module_t *m);
/** Number of inputs. */
uint32_t nm_inputs(const nm_module_t *m);
/** Number of outputs. */
uint32_t nm_outputs(const nm_module_t *m);

/** Value of a fixed-length field of the current record; field is a constant F_NAME of fields.h. */
#define nm_get(m, rec, field) UR_VALUE_(nm_in(m), rec, field, field##_T)
/** Pointer to a field of the current record. */
#define nm_get_ptr(m, rec, field) ((field##_T *) ur_get_ptr_by_id(nm_in(m), rec, field))

/** Stream clock: the newest TIME_LAST seen (TIME where there is none), less the allowed lateness. It never goes
 *  back, and a time more than a day ahead counts only when the next record confirms it. When a live input falls
 *  silent (records less than ten minutes old, environment NEMEA_RECORDING not set) it goes on with the wall
 *  clock. 0 before the first record. */
ur_time_t nm_now(const nm_module_t *m);

/** Template of output 0. */
const ur_template_t *nm_out(const nm_module_t *m);
/** Template of an output; NULL: its format is not set yet. */
const ur_template_t *nm_out_n(const nm_module_t *m, uint32_t output);
/** Sets or changes the format of an output (typed fields); earlier records keep their format. */
int nm_set_output(nm_module_t *m, uint32_t output, const char *typed_fields);

/** A cleared record of output 0, with the fields that rec (may be NULL) has in common copied. The library
 *  owns it; it is reused by the next nm_alert() on the same output. NULL never. */
void *nm_alert(nm_module_t *m, const void *rec);
/** The same for a record of output number output. */
void *nm_alert_n(nm_module_t *m, uint32_t output, const void *rec);
/** Sets a fixed-length field of a record made by nm_alert() (output 0). */
#define nm_set(m, alert, field, value) (UR_VALUE_(nm_out(m), alert, field, field##_T) = (value))
/** Sends a record made by nm_alert(). NM_OK also when a NO_WAIT output dropped it (counted). */
int nm_send(nm_module_t *m, const void *alert);
/** The same on output number output. */
int nm_send_n(nm_module_t *m, uint32_t output, const void *alert);
/** Sends size bytes as they are. The only function that threads which the module started itself may call too, beside
 * nm_fail(), nm_fail_status(), nm_warn(), nm_verbose() and nm_stopping(). */
int nm_send_raw(nm_module_t *m, uint32_t output, const void *data, uint16_t size);
/** Sending without a copy: room for a record of up to size bytes, which the caller fills and then sends with nm_commit(). Nothing else may
 * be sent on the output in between, by any thread. *room is NULL when the output dropped the record (counted; NM_OK), or the module
 * should end. */
int nm_reserve(nm_module_t *m, uint32_t output, uint16_t size, void **room);
/** Sends what was written into the room; size: at most as many bytes as were reserved. */
int nm_commit(nm_module_t *m, uint32_t output, uint16_t size);

/** Keeps a message for main() to print and returns NM_ERROR. */
int nm_fail(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The same with the exit status of the program. */
int nm_fail_status(nm_module_t *m, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** Prints "NAME: warning: ..." on standard error, each distinct format at most ten times a run. */
void nm_warn(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** What -v, -vv, -vvv asked for: 0, 1, 2; -1 without. */
int nm_verbosity(const nm_module_t *m);
/** Prints on standard error when -v was given. */
void nm_verbose(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** \return true when a signal asked the module to end: what waits for others should wait no longer */
bool nm_stopping(const nm_module_t *m);

/** Registers a counter that is shown at exit with -v and on SIGUSR1. value must outlive the module. */
void nm_counter(nm_module_t *m, const char *name, const uint64_t *value);

#ifdef __cplusplus
}
#endif
#endif
