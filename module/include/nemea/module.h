/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/module.h
 * libnemea-module: everything a NEMEA module would otherwise write again.
 *
 * A module declares itself with NM_MODULE() and a few functions; the library does the rest in the same
 * way for all: help (text and JSON), options, bounded tables, files that are read again on SIGHUP, TRAP interfaces,
 * negotiation and format changes, end of stream in and out, signals, the stream clock, ticks, counters and clean-up. See
 * examples/syn_counter/ for a complete module, docs/module.md for the guide and nemea/module_test.h for unit tests.
 *
 * Threads: all functions of a module run in one thread, the one that called main(); no locking is needed. See
 * nm_send_raw() for what threads that a module starts may call.
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
#include <nemea-common/nc_table.h>
#include <unirec/unirec.h>
#include <unirec/ur_flags.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Fields that a module reads and writes: NM_FIELDS(ipaddr SRC_IP, uint32 FLOW_COUNT). Read by ur_processor.sh, which
 * generates fields.h and fields.c from it (see unirec/unirec.h); the compiler ignores it. */
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
   NM_TYPE_CALL,   /* nm_option_fn */
   NM_TYPE_FILE,   /* pointer to the object that nm_load_fn returned */
   NM_TYPE_TABLE   /* nc_table_t *; the option's value is the capacity */
};

/** Parses an option's value itself; returns NM_OK or nm_fail(). */
typedef int (*nm_option_fn)(nm_module_t *m, const char *value);

/** Loads the file at path into an object. Called at the start by the module's thread, and for a reload by another one, while records
 * are processed: it may read options and call nm_fail(), nm_warn(), nm_verbose() and nm_stopping(), and must not touch the
 * rest of the state, records, templates or the registry of fields; that is for reload(). \return the object; NULL after nm_fail() */
typedef void *(*nm_load_fn)(nm_module_t *m, const char *path);

/** A bounded table of nemea-common/nc_table.h; see NM_TABLE(). */
typedef struct nm_table {
   const char *name;        /* plural noun for help, errors and counters: "sources" */
   uint32_t key_size;       /* bytes */
   uint32_t value_size;     /* bytes; 0 for a set */
   uint32_t cleared;        /* leading bytes of a new value that are set to zero; 0: all */
   uint32_t apart;          /* bytes of an entry that are kept apart: nc_table_apart() */
   enum nc_table_full full; /* default: evict */
   nc_table_evict_fn
       evicted; /* called before an entry is evicted; its context is the module (nm_module_t *) */
   uint32_t (*apart_bytes)(nm_module_t *m); /* the same as apart, if it depends on options */
   uint64_t (*entries)(nm_module_t *m);     /* the capacity if the table has no option */
} nm_table_t;

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
   const char *sdef;           /* NM_TYPE_STRING, NM_TYPE_FILE; may be NULL */
   const char *const *choices; /* NM_TYPE_CHOICE, NULL-terminated */
   nm_option_fn call;          /* NM_TYPE_CALL */
   nm_load_fn load;            /* NM_TYPE_FILE */
   void (*release)(void *);    /* NM_TYPE_FILE: frees what load() made */
   const nm_table_t *table;    /* NM_TYPE_TABLE */
   bool alone;                 /* NM_TYPE_FLAG: with it, -i may be left out; see NM_QUERY() */
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
/** The same for what check() answers by itself, with NM_STOP: no interface is opened then, and -i may be left out. */
#define NM_QUERY(s, l, st, mb, h)                                                                         \
   {                                                                                                      \
      .type = NM_TYPE_FLAG, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .help = (h), .alone = true \
   }
/** Unsigned member of the named width with default, minimum and maximum. */
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
/** Member T *: the object that load_fn made from the file, NULL if the option is not given. Loaded after check(), and again on
 *  SIGHUP, in a separate thread: if all files of the command line could be read, the new objects replace the old ones between
 *  two batches, release_fn frees the old ones, and reload() is called; otherwise the old ones stay and a warning says why. */
#define NM_FILE(s, l, st, mb, load_fn, release_fn, h)                                              \
   {                                                                                               \
      .type = NM_TYPE_FILE, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "file", \
      .help = (h), .load = (load_fn), .release = (release_fn)                                      \
   }
/** The same with a file that is loaded when the option is not given. */
#define NM_FILE_OR(s, l, st, mb, path, load_fn, release_fn, h)                                     \
   {                                                                                               \
      .type = NM_TYPE_FILE, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "file", \
      .sdef = (path), .help = (h), .load = (load_fn), .release = (release_fn)                      \
   }
/** Member nc_table_t *: a table from key_type to value_type, made after check() and freed after cleanup(). The option sets its
 *  capacity, with default d. What may follow are members of nm_table_t: NM_TABLE('c', "capacity", struct my_state, hosts,
 *  "sources", ip_addr_t, struct host, 65536, .evicted = forget). Its counters are "NAME", "NAME evicted" and "NAME refused". */
#define NM_TABLE(s, l, st, mb, plural, key_type, value_type, d, ...)                                   \
   {                                                                                                   \
      .type = NM_TYPE_TABLE, .short_opt = (s), .name = (l), NM_MEMBER_(st, mb), .argument = "uint32",  \
      .help = "", .def = (d), .min = 1, .max = NC_TABLE_MAX_CAPACITY, .table = &(const nm_table_t)     \
      {                                                                                                \
         .name = (plural), .key_size = sizeof(key_type), .value_size = sizeof(value_type), __VA_ARGS__ \
      }                                                                                                \
   }
/** The same without an option: entries(m) returns the capacity. */
#define NM_TABLE_OF(st, mb, plural, key_type, value_type, entries_fn, ...) \
   NM_TABLE(0, NULL, st, mb, plural, key_type, value_type, 1, .entries = (entries_fn), __VA_ARGS__)
#define NM_END            \
   {                      \
      .type = NM_TYPE_END \
   }

/* --------------------------------------------------------------- interfaces */

#define NM_SECONDS(n) ((uint64_t) (n) *1000000)
#define NM_VARIABLE   (-1)      /**< as many interfaces as -i names */
#define NM_ANY_FORMAT ""        /**< input: accept any format */
#define NM_NO_WAIT    INT32_MIN /**< timeout of an output: drop (and count) records without room */

/** Kind of data of an interface. */
enum nm_data {
   NM_UNIREC, /**< records; the default */
   NM_JSON,   /**< JSON texts; `fields` is the name of their format */
   NM_RAW,    /**< bytes; no format */
   NM_ANY /**< of inputs: whatever the sender has; nm_in_data() says what. Records are not checked, and their fields
                   are not registered, so that the formats of inputs may contradict each other: read them by
                   unirec/ur_layout.h. Such an input has no clock */
};

/** Where the format of an output comes from. */
enum nm_format {
   NM_FIXED, /**< `fields`, or nm_set_output(); the default */
   NM_FOLLOW, /**< format of input number `input`, followed by `fields` (may be NULL); changes with the input */
   NM_UNION, /**< fields of all inputs whose format is known, and `fields` (may be NULL) */
   NM_CHOSEN /**< set by nm_set_output(), as the options say: always `fields` (may be NULL), and some of `added`; never others */
};

/** Fields that an output of NM_CHOSEN may have. */
typedef struct nm_added {
   const char *fields; /**< typed fields; a comma may be before the first; NULL ends the list */
   const char *word;   /**< only if an argument holds this word; NULL: as some option says */
} nm_added_t;

/** An input. Omitted members are zero and have the defaults given here. The list ends with an entry without a name. */
typedef struct nm_input_def {
   const char *name;     /**< noun for help and errors: "flows" */
   const char *fields;   /**< typed fields that every record must have; NULL: any format */
   const char *optional; /**< typed fields that the module uses if present, see nm_has() */
   enum nm_data data;    /**< default NM_UNIREC */
   bool
       unchecked; /**< hand records over without comparing them with their format; such an input has no clock */
   bool
       split_biflows; /**< hand a record of both directions (PACKETS_REV > 0) over as two flows, see nm_direction() */
   bool
       batch_halves; /**< with split_biflows and records(): both flows are in one batch with others, and nm_direction() does not tell which
                        of the two a record is; several times as fast */
   int min,
       max; /**< in the last entry: number of such inputs; max may be NM_VARIABLE. Default: exactly one */
} nm_input_def_t;

/** An output; as above. */
typedef struct nm_output_def {
   const char *name;        /**< noun for help and errors: "alerts" */
   const char *fields;      /**< typed fields; of NM_FIXED, NULL: nm_set_output() sets them */
   enum nm_format format;   /**< default NM_FIXED */
   uint32_t input;          /**< the input that NM_FOLLOW follows */
   const nm_added_t *added; /**< of NM_CHOSEN; NULL: nothing */
   enum nm_data data;       /**< default NM_UNIREC */
   int32_t
       timeout;  /**< NM_NO_WAIT, TRAP_WAIT, TRAP_HALFWAIT or microseconds; 0: libtrap's default, TRAP_WAIT */
   int min, max; /**< as of inputs */
} nm_output_def_t;

/** Lists of interfaces (constant at file scope): .in = NM_INPUTS({.name = "flows", .fields = "ipaddr SRC_IP"}, {.name = "names"}) */
#define NM_INPUTS(...)  ((const nm_input_def_t[]){__VA_ARGS__, {0}})
#define NM_OUTPUTS(...) ((const nm_output_def_t[]){__VA_ARGS__, {0}})
/** Of an output: .fields = ALERT, .format = NM_CHOSEN, .added = NM_ADDED({DETAILS}) */
#define NM_ADDED(...) ((const nm_added_t[]){__VA_ARGS__, {0}})

/* -------------------------------------------------------------- declaration */

enum nm_flags {
   NM_NO_EOS = 1u << 0,   /**< never send end of stream by itself */
   NM_KEEP_EOS = 1u << 1, /**< go on receiving after the end of stream of an input; has no effect on files */
   NM_MERGE = 1u << 2,    /**< deliver the records of several inputs in the order of their times */
   NM_SKIP_MISMATCH =
       1u
       << 3, /**< close the input of a file whose format has a field of another type than is known, with a warning,
                instead of ending; senders on sockets are refused in any case, and the input goes on */
   NM_CLAIM_USR1 =
       1u << 4, /**< SIGUSR1 is the module's own: user_signal(); counters are shown on SIGUSR2 then */
   NM_CLAIM_USR2 = 1u << 5,    /**< SIGUSR2 is the module's own */
   NM_ALL_FORMATS = 1u << 6,   /**< hand over no record before each input has announced its format or ended */
   NM_IGNORE_UNKNOWN = 1u << 7 /**< warn of options that the module does not have, instead of ending */
};

/** One record of a batch: data, size (bytes) and seq, as in trap_recv_batch(). */
typedef trap_message_t nm_record_t;

/** Definition of a module. Omitted members are zero and have the defaults given here. */
typedef struct nm_module_def {
   const char *name;           /**< program name, also the prefix of its messages */
   const char *summary;        /**< what it does, a few sentences, shown by -h */
   const nm_input_def_t *in;   /**< NM_INPUTS(...); NULL: as the short form below says */
   const nm_output_def_t *out; /**< NM_OUTPUTS(...) */
   const nm_option_t *options; /**< ends with NM_END; NULL: none */
   size_t state_size;          /**< bytes of nm_self(); zeroed, then filled from the options */
   uint64_t tick_every; /**< microseconds of stream time between ticks; 0: no ticks. A gap in the stream
                                    gives at most a thousand ticks, which include its last one */
   uint64_t
       lateness;   /**< microseconds that the stream clock is behind the newest record; 0: no delay with one
                                    input or NM_MERGE, five seconds with several inputs. Option --lateness */
   unsigned flags; /**< enum nm_flags */
   const char *const *spellings; /**< pairs of words, then NULL: another spelling of an option, the option
                                    itself: "-lm", "--listmode" */
   const char *no_eos_option; /**< long name of option -n: do not send end of stream; NULL: no such option */
   int interface_status;      /**< exit status when the interfaces cannot be opened; 0 means 1 */
   int option_status;         /**< exit status for unknown options and missing values; 0 means 1 */

   /* Short form: all inputs have the same definition, all outputs, too. */
   int inputs, outputs;  /**< interfaces; default 1 where .input/.output is given, else 0; NM_VARIABLE */
   const char *input;    /**< typed fields every input must have, NM_ANY_FORMAT */
   const char *output;   /**< typed fields of every output record; NULL: set later by nm_set_output() */
   int32_t send_timeout; /**< of outputs, as nm_output_def_t.timeout */

   int (*arguments)(nm_module_t *m, int count,
                    char **values);                /**< words of the command line after or between the
                                                            options; without it they are an error */
   int (*check)(nm_module_t *m);                   /**< after the options, before the interfaces open */
   int (*init)(nm_module_t *m);                    /**< after the interfaces opened, before data */
   int (*format)(nm_module_t *m, uint32_t input);  /**< the format of an input is known or has changed */
   int (*record)(nm_module_t *m, const void *rec); /**< each record; valid during the call only */
   int (*records)(nm_module_t *m, const nm_record_t *recs,
                  uint32_t n);                         /**< instead of record(): up to 256 of one input and
                                                            format at once, none of them after a tick that is due */
   int (*source)(nm_module_t *m);                      /**< modules without input: called until NM_STOP */
   int (*tick)(nm_module_t *m, ur_time_t stream_time); /**< every tick_every, at multiples of it */
   int (*timer)(nm_module_t *m);                       /**< wall clock timer, see nm_set_timer() */
   int (*idle)(nm_module_t *m);                        /**< no record is waiting: time to flush */
   int (*reload)(nm_module_t *m); /**< after SIGHUP, between two batches, after NM_FILE options */
   int (*user_signal)(nm_module_t *m,
                      int signal); /**< SIGUSR1 or SIGUSR2 that the module claimed, between two batches */
   int (*end_of_input)(nm_module_t *m, uint32_t input); /**< an input ended; others may go on */
   int (*finish)(nm_module_t *m);   /**< all inputs ended, one failed, or SIGTERM: last alerts */
   void (*cleanup)(nm_module_t *m); /**< always the last call, also after wrong options: members of
                                                            the state that init() did not set are zero */
} nm_module_def_t;

/** Runs a module from its definition: the whole of main(). Returns the exit status. */
int nm_main(const nm_module_def_t *def, int argc, char **argv);

/** Defines main(). NM_MODULE("name", "What it does.", .input = ..., .record = ...). In a unit test of the module (compiled with
 * -DNM_TEST, see nemea/module_test.h) it defines nm_definition for the test instead. */
#ifdef NM_TEST
extern const nm_module_def_t nm_definition;
#define NM_MODULE(module_name, module_summary, ...) \
   const nm_module_def_t nm_definition = {.name = (module_name), .summary = (module_summary), __VA_ARGS__};
#else
#define NM_MODULE(module_name, module_summary, ...)                      \
   static const nm_module_def_t nm_definition = {                        \
       .name = (module_name), .summary = (module_summary), __VA_ARGS__}; \
   int main(int argc, char **argv)                                       \
   {                                                                     \
      return nm_main(&nm_definition, argc, argv);                        \
   }
#endif

/* -------------------------------------------------------------- input side */

/** First members of a running module, for the macros below only. */
struct nm_view_ {
   const ur_template_t *in; /* of the current record */
   uint32_t input;
   uint16_t size;
   uint8_t direction;
   uint64_t seq;
};
#define NM_VIEW_(m) ((const struct nm_view_ *) (const void *) (m))

/** The module's state struct (state_size bytes). */
void *nm_self(nm_module_t *m);

/** Input that the current record came from, 0-based. */
static inline uint32_t nm_input(const nm_module_t *m)
{
   return NM_VIEW_(m)->input;
}
/** Template of the current record (in init(): of input 0, NULL before its format is known). */
static inline const ur_template_t *nm_in(const nm_module_t *m)
{
   return NM_VIEW_(m)->in;
}
/** Template of an input; NULL before its format is known. */
const ur_template_t *nm_in_n(const nm_module_t *m, uint32_t input);
/** Format of an input as its sender wrote it; NULL before it is known. */
const char *nm_in_format(const nm_module_t *m, uint32_t input);
/** Kind of data that the sender of an input has; of NM_ANY, NM_ANY before it is known. */
enum nm_data nm_in_data(const nm_module_t *m, uint32_t input);
/** Acknowledges records of an input with resume= up to sequence number seq (nm_record_t): they are processed for good (trap_ctx_ack()). */
void nm_ack(nm_module_t *m, uint32_t input, uint64_t seq);
/** Where a record of the current batch is in the stream of its sender (trap_ctx_position()). \param[out] instance 0: unknown
 * \return the number of the record there */
uint64_t nm_position(const nm_module_t *m, uint32_t input, uint64_t seq, uint64_t *instance);
/** Name of an input: as declared, with a number appended if several share a declaration. */
const char *nm_input_name(const nm_module_t *m, uint32_t input);
/** Name of an output, likewise. */
const char *nm_output_name(const nm_module_t *m, uint32_t output);
/** Parameters of an input as -i has them: "x:resume=store" of "u:x:resume=store"; "" in a unit test. */
const char *nm_input_spec(const nm_module_t *m, uint32_t input);
/** Parameters of an output as -i has them: "x:timeout=WAIT" of "u:x:timeout=WAIT"; "" in a unit test. */
const char *nm_output_spec(const nm_module_t *m, uint32_t output);
/** Size of the current record in bytes. UniRec records are checked (ur_rec_check) before record() is called. */
static inline uint16_t nm_size(const nm_module_t *m)
{
   return NM_VIEW_(m)->size;
}
/** Sequence number of the current record on its input, as from trap_recv_with_seq_number(). */
static inline uint64_t nm_seq(const nm_module_t *m)
{
   return NM_VIEW_(m)->seq;
}
/** Direction of the current record on an input with split_biflows. */
enum nm_direction {
   NM_ONE_WAY, /**< a record that was not split */
   NM_FORWARD, /**< first half of a biflow: the fields *_REV are zero or empty */
   NM_REVERSE /**< second half: X_REV moved to X, SRC_X and DST_X exchanged, the fields *_REV are zero or empty */
};
/** Direction of the current record; NM_ONE_WAY on inputs without split_biflows. */
static inline enum nm_direction nm_direction(const nm_module_t *m)
{
   return (enum nm_direction) NM_VIEW_(m)->direction;
}
/** Number of inputs; from check() on. */
uint32_t nm_inputs(const nm_module_t *m);
/** Number of outputs; from check() on. */
uint32_t nm_outputs(const nm_module_t *m);

/** Has the current record this field? field is a constant F_NAME of fields.h. */
#define nm_has(m, field) (nm_in(m) != NULL && ur_is_present(nm_in(m), field))

/* An absent field is an error of the module: it reads as zero, and the module ends with a message that names the field. */
void *nm_absent_(nm_module_t *m, const ur_template_t *tmplt, int id);
static inline void *nm_at_(nm_module_t *m, const ur_template_t *tmplt, const void *rec, int id)
{
   return __builtin_expect(tmplt != NULL && ur_is_present(tmplt, id), 1) ? UR_AT_(rec, tmplt->offset[id])
                                                                         : nm_absent_(m, tmplt, id);
}
static inline void *nm_data_at_(nm_module_t *m, const ur_template_t *tmplt, const void *rec, int id)
{
   return __builtin_expect(tmplt != NULL && ur_is_present(tmplt, id), 1) ? ur_get_ptr_by_id(tmplt, rec, id)
                                                                         : nm_absent_(m, tmplt, id);
}

/** Value of a fixed-length field of the current record. */
#define nm_get(m, rec, field) (*(const UR_U_(field##_T) *) nm_at_(m, nm_in(m), rec, field))
/** The same; fallback if the record does not have the field. */
#define nm_get_or(m, rec, field, fallback) \
   (nm_has(m, field) ? *(const UR_U_(field##_T) *) nm_at_(m, nm_in(m), rec, field) : (field##_T)(fallback))
/** Pointer to a field of the current record. */
#define nm_get_ptr(m, rec, field) ((field##_T *) nm_data_at_(m, nm_in(m), rec, field))
/** Bytes of a field of the current record; 0 where it is absent. */
#define nm_get_len(m, rec, field) (nm_has(m, field) ? ur_get_len(nm_in(m), rec, field) : 0)

/** Stream clock. Of one input, and with NM_MERGE: the newest TIME_LAST seen (TIME where there is none); of several: the
 *  smallest newest time of those that count (docs/module.md, "Stream time"); less the lateness. It never goes back, and a
 *  time more than a day ahead counts only when the next record confirms it. When a live input falls silent (records less
 *  than ten minutes old, environment NEMEA_RECORDING not set) it goes on with the wall clock. 0 before the first record. */
ur_time_t nm_now(const nm_module_t *m);
/** For a module that keeps the newest time of records itself: may t count, too? One that is more than a day ahead must be confirmed
 *  by the next one, since a single wrong clock must not end all windows. \param far 0 at first, then what was seen last */
static inline bool nm_time_is_confirmed(ur_time_t newest, ur_time_t *far, ur_time_t t)
{
   const ur_time_t day = (ur_time_t) 86400 << 32;
   bool confirmed = newest == 0 || t <= newest || t - newest <= day ||
                    (*far != 0 && (t > *far ? t - *far : *far - t) <= day);
   *far = confirmed ? 0 : t;
   return confirmed;
}
/** \return true in tick() when the stream is silent and the wall clock moved the stream clock, not a record */
bool nm_silent(const nm_module_t *m);
/** Calls timer() periodically, each time this many microseconds of wall time have passed; 0 stops it. */
void nm_set_timer(nm_module_t *m, uint64_t microseconds);

/* ------------------------------------------------------- fields by their names */

/** A field that is known at run time only. Filled by nm_field_bind() or nm_field_find(); read it by the functions below. */
typedef struct nm_field {
   int16_t id;           /**< -1: absent */
   uint8_t type;         /**< ur_field_type_t */
   uint8_t load;         /**< enum nm_load */
   uint16_t offset;      /**< of the value or descriptor in a record */
   uint16_t static_size; /**< of the template */
   uint16_t size;        /**< bytes of the value, or of an element of an array */
   uint32_t generation;  /**< changes whenever the field moved, came or went */
} nm_field_t;

/** How a value is read. */
enum nm_load {
   NM_LOAD_NONE, /**< absent */
   NM_LOAD_U8,
   NM_LOAD_U16,
   NM_LOAD_U32,
   NM_LOAD_U64, /**< time too */
   NM_LOAD_I8,
   NM_LOAD_I16,
   NM_LOAD_I32,
   NM_LOAD_I64,
   NM_LOAD_FLOAT,
   NM_LOAD_DOUBLE,
   NM_LOAD_FIXED,   /**< address: no number */
   NM_LOAD_VARIABLE /**< string, bytes, array */
};

/** Finds the field of this name in a template. \return false: absent */
bool nm_field_find(nm_field_t *field, const ur_template_t *tmplt, const char *name);
/** Keeps *field up to date with the format of an input until the module ends: it is looked up again before each call of
 * format(). A required field that is absent ends the module with a message. field and name must live as long as the
 * module. \return NM_OK, NM_ERROR */
int nm_field_bind(nm_module_t *m, nm_field_t *field, uint32_t input, const char *name, bool required);

/** \return true if the current format of the field's input has it */
static inline bool nm_field_present(const nm_field_t *f)
{
   return f->load != NM_LOAD_NONE;
}
/** \return true if its length is variable (string, bytes, arrays) */
static inline bool nm_field_is_variable(const nm_field_t *f)
{
   return f->load == NM_LOAD_VARIABLE;
}
/** Data of a field, and its length in bytes (may be NULL). Absent: NULL, 0. */
static inline void *nm_field_data(const nm_field_t *f, const void *rec, uint32_t *length)
{
   const ur_u_uint16_t *d = (const ur_u_uint16_t *) (const void *) UR_AT_(rec, f->offset);
   uint32_t n = f->load == NM_LOAD_VARIABLE ? d[1] : f->size;
   if (length != NULL) {
      *length = n;
   }
   return f->load == NM_LOAD_NONE       ? NULL
          : f->load == NM_LOAD_VARIABLE ? UR_AT_(rec, f->static_size + d[0])
                                        : (void *) (uintptr_t) d;
}
/** A floating-point number without its fraction; the nearest integer there is, if it is too large; 0 of NaN. */
static inline int64_t nm_truncate_(double value)
{
   return value >= 9223372036854775808.0    ? INT64_MAX
          : value <= -9223372036854775808.0 ? INT64_MIN
          : !__builtin_isnan(value)         ? (int64_t) value
                                            : 0;
}
/** Value as a number: signed values are sign-extended, floating-point ones truncated to what an int64_t holds; 0 if absent or not a number.
 *  Times are ur_time_t. */
static inline uint64_t nm_field_u64(const nm_field_t *f, const void *rec)
{
   const char *p = UR_AT_(rec, f->offset);
   switch (f->load) {
   case NM_LOAD_U8: return *(const uint8_t *) p;
   case NM_LOAD_U16: return *(const ur_u_uint16_t *) (const void *) p;
   case NM_LOAD_U32: return *(const ur_u_uint32_t *) (const void *) p;
   case NM_LOAD_U64:
   case NM_LOAD_I64: return *(const ur_u_uint64_t *) (const void *) p;
   case NM_LOAD_I8: return (uint64_t) (int64_t) * (const int8_t *) p;
   case NM_LOAD_I16: return (uint64_t) (int64_t) * (const ur_u_int16_t *) (const void *) p;
   case NM_LOAD_I32: return (uint64_t) (int64_t) * (const ur_u_int32_t *) (const void *) p;
   case NM_LOAD_FLOAT: return (uint64_t) nm_truncate_((double) *(const ur_u_float *) (const void *) p);
   case NM_LOAD_DOUBLE: return (uint64_t) nm_truncate_(*(const ur_u_double *) (const void *) p);
   default: return 0;
   }
}
/** The value as a signed integer; see nm_field_u64(). */
static inline int64_t nm_field_i64(const nm_field_t *f, const void *rec)
{
   return (int64_t) nm_field_u64(f, rec);
}
/** The value as a floating-point number; see nm_field_u64(). */
static inline double nm_field_double(const nm_field_t *f, const void *rec)
{
   const void *p = UR_AT_(rec, f->offset);
   switch (f->load) {
   case NM_LOAD_FLOAT: return (double) *(const ur_u_float *) p;
   case NM_LOAD_DOUBLE: return *(const ur_u_double *) p;
   case NM_LOAD_I8:
   case NM_LOAD_I16:
   case NM_LOAD_I32:
   case NM_LOAD_I64: return (double) nm_field_i64(f, rec);
   default: return (double) nm_field_u64(f, rec);
   }
}
/** Value of a field of type ipaddr; :: for any other. */
static inline ip_addr_t nm_field_ip(const nm_field_t *f, const void *rec)
{
   ip_addr_t ip;
   memset(&ip, 0, sizeof(ip));
   if (f->type == UR_TYPE_IP && f->load == NM_LOAD_FIXED) {
      memcpy(&ip, UR_AT_(rec, f->offset), sizeof(ip));
   }
   return ip;
}
/** Sets a field of a record made by nm_record(), whose output has the format tmplt, to length bytes as returned by
 * nm_field_data(); length is ignored for fixed-length fields. Absent fields are skipped. \return UR_OK; as ur_set_var() */
int nm_field_set(const nm_field_t *f, const ur_template_t *tmplt, void *record, const void *data,
                 uint32_t length);

/* ------------------------------------------------------------- output side */

/** Template of an output; NULL if its format is not set yet or is not UniRec. */
const ur_template_t *nm_out_n(const nm_module_t *m, uint32_t output);
/** Template of output 0. */
const ur_template_t *nm_out(const nm_module_t *m);
/** Sets or changes the format of an output (typed fields); earlier records keep their format. */
int nm_set_output(nm_module_t *m, uint32_t output, const char *typed_fields);
/** The same for an output of another kind of data, or one whose kind the module learns at run time. */
int nm_set_output_data(nm_module_t *m, uint32_t output, enum nm_data data, const char *format);
/** Lets an output follow an input from now on: the fields of the input that names lists ("SRC_IP,DST_IP"; NULL: all), and
 * the module's own typed fields (NULL: none). Set again before each call of format(). \return NM_OK; NM_ERROR when the
 * input has no field of this name, or the module's own has another type than the input's */
int nm_follow(nm_module_t *m, uint32_t output, uint32_t input, const char *names, const char *own);

/** A cleared record of an output. The library owns it and reuses it in the next call for the same output. Never NULL: if the
 *  output has no format, the module ends with a message, and what is written is lost. */
void *nm_record(nm_module_t *m, uint32_t output);
/** Copies the fields that the current record rec and a record of the output have in common. */
void nm_copy(nm_module_t *m, uint32_t output, void *record, const void *rec);
/** nm_record() and nm_copy(); rec may be NULL. */
void *nm_alert_n(nm_module_t *m, uint32_t output, const void *rec);
/** The same for output 0. */
void *nm_alert(nm_module_t *m, const void *rec);
/** Sets a fixed-length field of a record of an output. */
#define nm_set_n(m, output, record, field, value) \
   UR_STORE_VALUE_(field##_T, nm_at_(m, nm_out_n(m, output), record, field), value)
/** The same for output 0. */
#define nm_set(m, record, field, value) UR_STORE_VALUE_(field##_T, nm_at_(m, nm_out(m), record, field), value)
/** Sets a variable-length field; a record larger than 65535 bytes ends the module with a message.
 *  \return NM_OK, NM_ERROR */
int nm_set_var(nm_module_t *m, uint32_t output, void *record, int field, const void *data, uint32_t length);
/** The same for text. */
int nm_set_string(nm_module_t *m, uint32_t output, void *record, int field, const char *text);
/** Sends a record made by nm_alert(). NM_OK also when a NO_WAIT output dropped it (counted). */
int nm_send(nm_module_t *m, const void *record);
/** The same on output number output. */
int nm_send_n(nm_module_t *m, uint32_t output, const void *record);
/** Sends n records that the caller has made, in their order: several times as fast as one by one. */
int nm_send_batch(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n);
/** Sends the current record: unchanged if the output has the same format (one copy of the whole record), else the fields
 * that the output has. */
int nm_forward(nm_module_t *m, uint32_t output, const void *rec);
/** The same for a record of a batch. */
int nm_forward_n(nm_module_t *m, uint32_t output, const nm_record_t *rec);
/** The same for n records, in their order: several times as fast as one by one. Records of the input that are not next to each other
 *  are put into an array first. */
int nm_forward_batch(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n);
/** Sends size bytes as they are. Threads that the module started may call this
 * function and nm_fail(), nm_fail_status(), nm_warn(), nm_verbose(), nm_stopping(), and no others. */
int nm_send_raw(nm_module_t *m, uint32_t output, const void *data, uint16_t size);
/** Sending without a copy: room for a record of up to size bytes, which the caller fills and then sends with nm_commit(). Nothing else may
 * be sent on the output in between, by any thread. *room is NULL when the output dropped the record (counted; NM_OK), or the module
 * should end. */
int nm_reserve(nm_module_t *m, uint32_t output, uint16_t size, void **room);
/** Sends what was written into the room; size: at most as many bytes as were reserved. */
int nm_commit(nm_module_t *m, uint32_t output, uint16_t size);

/** Sends the end of stream of one output, while others may go on. A later format of the output opens it again; at the end of the
 * module it is not sent a second time. */
int nm_end_output(nm_module_t *m, uint32_t output);

/* ------------------------------------------------- messages, counters, the rest */

/** Stores a message for main() to print and returns NM_ERROR. */
int nm_fail(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The same with the exit status of the program. */
int nm_fail_status(nm_module_t *m, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** Prints "NAME: warning: ..." on standard error, each distinct format at most ten times a run; formats beyond the
 * thirty-first share ten times. */
void nm_warn(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Verbosity: 0, 1, 2 for -v, -vv, -vvv; -1 without. */
int nm_verbosity(const nm_module_t *m);
/** Prints on standard error when -v was given. */
void nm_verbose(nm_module_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** \return true if a signal asked the module to end: stop waiting for others */
bool nm_stopping(const nm_module_t *m);

/** \return true for recorded data: an input is a file, or NEMEA_RECORDING is set in the environment. A module should then not act
 * on the network because of a record. Valid from init() on. */
bool nm_recording(const nm_module_t *m);

/** Sets NM_KEEP_EOS, NM_ALL_FORMATS or NM_SKIP_MISMATCH of enum nm_flags according to options; call it in arguments() or check(). */
void nm_set_flag(nm_module_t *m, enum nm_flags flag, bool on);

/** Parses a whole text as an unsigned decimal number, for NM_CALL. \return false if it is not a number from min to max */
bool nm_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/** Registers a counter: shown at exit with -v and on SIGUSR1, and about once a second copied to the service interface
 * (trap_stats). Written by the module's thread only. name and value must outlive the module. */
void nm_counter(nm_module_t *m, const char *name, const uint64_t *value);
/** Value of a counter by name, the library's too: "records", "sent", "dropped", ...; UINT64_MAX if there is none. */
uint64_t nm_counter_value(const nm_module_t *m, const char *name);
/** Starts to read the files of NM_FILE options again, as SIGHUP does; reload() is called between two batches when they have been
 * read. A file that cannot be read is a warning, and the old contents stay. Without such options, and in a unit test, reload() is
 * called at once. \return NM_OK; what reload() returned */
int nm_reload(nm_module_t *m);

#ifdef __cplusplus
}
#endif
#endif
