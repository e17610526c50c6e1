/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of libtrap share: the context, its interfaces and the operations of each kind. */
#ifndef TRAP_INTERNAL_H
#define TRAP_INTERNAL_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <libtrap/trap.h>

#include "socket_path.h"

#define TRAP_PUBLIC __attribute__((visibility("default")))

#define ERRMSG_SIZE    1024
#define MAX_CLIENTS    64
#define HELLO_MAX_SPEC (1u << 20) /* a longer specifier is refused */
#define COPIES_SPREAD \
   16384u /* bytes that copies of lent messages go through: they stay in the processor's first cache */
#define COPIES_SIZE       (COPIES_SPREAD + UINT16_MAX)
#define DEFAULT_BUFFERS   50
#define DEFAULT_BUFFER    100000
#define MIN_BUFFER        100
#define MAX_BUFFER        (16u * 1024 * 1024)
#define DEFAULT_AUTOFLUSH 2000000

static inline bool is_socket_type(char type)
{
   return type == TRAP_IFC_TYPE_TCPIP || type == TRAP_IFC_TYPE_TLS || type == TRAP_IFC_TYPE_UNIX;
}

struct trap_context;
struct trap_input;
struct trap_output;
struct io_thread;

/** Operations of a kind of input. */
struct input_ops {
   /** Makes in->pos..in->end the next messages. \return OK; TIMEOUT: nothing yet, wait for in->wait; else final */
   int (*fill)(struct trap_input *in);
   /** The messages of the buffer are damaged: drop their source. \return OK to go on with fill, else final */
   int (*damaged)(struct trap_input *in);
   /** The module cannot use the format that was negotiated. \return OK: the source was dropped and comes back; NULL: it cannot be */
   int (*refuse)(struct trap_input *in);
   /** Messages up to number seq are acknowledged; NULL: not supported. */
   int (*ack)(struct trap_input *in, uint64_t seq);
   /** Where message number seq is in the stream of its sender; NULL: unknown. */
   void (*position)(const struct trap_input *in, uint64_t seq, uint64_t *instance, uint64_t *position);
   /** All lent messages have been copied; NULL: this input lends none. */
   void (*copied)(struct trap_input *in);
   void (*destroy)(struct trap_input *in);
   void (*dump)(const struct trap_input *in, FILE *file); /* state as text; NULL: no state */
};

struct trap_input {
   /* hot */
   const uint8_t *pos, *end; /* messages not yet taken */
   uint64_t seq;             /* number of the last message taken */
   _Atomic uint64_t records; /* counters: written by the receiving thread alone, with count_up() */
   const struct input_ops *ops;
   struct trap_context *ctx;
   int32_t timeout;
   uint32_t plain_min; /* messages of at least this size are returned in place; UINT32_MAX: none */
   /* cold */
   trap_in_ifc_state_t state; /* set with input_set_state() */
   uint16_t min_size;         /* bytes of the smallest message in this format that is not an end of stream */
   char type;
   bool timeout_fixed;
   bool lent;       /* the messages are in the sender's memory, which only it can write */
   bool negotiated; /* at least once */
   bool untold;  /* the program has had no message since the format changed, over however many connections */
   bool refused; /* the program refused the last format, so the next one is a change, whatever it is */
   uint8_t required_type; /* TRAP_FMT_UNKNOWN: never set */
   char *required_spec;
   uint8_t format_type; /* what the sender announced */
   char *format_spec;
   _Atomic uint64_t bytes, missed, buffers;
   _Atomic bool connected;
   _Atomic uint64_t delay_last, delay_total; /* us that the module took for a buffer, on a coarse clock */
   int64_t busy_since;                       /* us, coarse: the module was given a buffer; 0: it has none */
   const uint8_t *first;                     /* of the buffer that pos is in; NULL: it is gone */
   uint8_t *copies;                          /* COPIES_SIZE bytes for copies of lent and of short messages */
   uint32_t copy_at;                         /* where the next one goes */
   struct pollfd wait[2];                    /* valid after fill returned TIMEOUT */
   int n_wait;
   int64_t retry_at; /* monotonic ms, -1: never */
   const char
       *_Atomic id; /* port, socket name or file, for statistics; the text lives as long as the input */
};

/** Operations of a kind of output. */
struct output_ops {
   /** Sends a copy; counts it as sent or dropped, and sets the last error when that is one, with output_result(). */
   int (*send)(struct trap_output *out, const void *data, uint16_t size);
   /** Sends copies of messages until one is not sent; as trap_ctx_send_batch(). */
   int (*send_batch)(struct trap_output *out, const trap_message_t *messages, uint32_t count, uint32_t *sent);
   uint64_t (*sent)(struct trap_output *out); /* messages; NULL: all are in out->sent */
   void (*flush)(struct trap_output *out);
   /** A new format is about to be set in out: finish the old one. */
   int (*change_format)(struct trap_output *out, uint8_t type, const char *spec);
   int (*clients)(struct trap_output *out);
   void (*control)(struct trap_output *out);          /* timeout, buffering or autoflush have changed */
   void (*destroy)(struct trap_output *out);          /* delivers within a bounded time */
   void (*dump)(struct trap_output *out, FILE *file); /* state as text; NULL: no state */
};

struct trap_output {
   const struct output_ops *ops;
   struct trap_context *ctx;
   _Atomic int32_t timeout;
   _Atomic bool buffered;
   _Atomic int64_t autoflush; /* us, < 0: never */
   bool timeout_fixed, buffered_fixed, autoflush_fixed;
   char type;
   uint32_t idx;
   uint8_t format_type;
   bool is_socket;         /* part of a struct socket_output: messages can be written in place */
   uint8_t *scratch;       /* memory for reserved messages of other outputs; NULL: not needed yet */
   uint32_t reserved_size; /* largest size that may be committed */
   char *format_spec;
   _Atomic uint64_t sent, dropped, buffers, autoflushes;
   const char *id;
   pthread_mutex_t *id_lock; /* held while the text changes; NULL: it never does */
};

struct trap_context {
   _Atomic bool terminated;
   bool initialized;
   int term_fd; /* eventfd, stays readable once terminated */
   struct trap_input **in;
   struct trap_output **out;
   uint32_t n_in, n_out;
   uint32_t next_in;     /* where trap_ctx_recv_any() goes on */
   struct io_thread *io; /* NULL until an output or the service needs it */
   struct service *service;
   struct socket_dirs sockets;
   uint64_t serial;    /* tells contexts apart, also those at the address of an earlier one */
   int init_error;     /* why there are no interfaces; OK: there are */
   char *service_info; /* JSON object of the module, of trap_ctx_set_service_info(); stats.c has its lock */
   const char *init_message;
   bool lost; /* an output could not write out what it had accepted */
};

/* result.c */
/** Counts a message as sent or dropped, and sets the last error where that is not done yet. \return rc */
int output_result(struct trap_output *out, int rc);
/** No room was reserved, and nothing can be committed. \return rc */
int reserve_failed(struct trap_output *out, int rc);

/** The last error belongs to the thread that got it: other threads and interfaces neither see nor pay for it. */
struct last_error {
   uint64_t serial; /* of the context that code and message are about */
   int code;
   bool published; /* the globals of the simple API have it */
   const char *message;
};
extern __thread struct last_error last_error __attribute__((tls_model("initial-exec"), visibility("hidden")));

/** Sets the calling thread's last error; without a format it gets the usual text of the code. \return code */
int ctx_error(struct trap_context *ctx, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Message of the calling thread's last call on ctx; constant text. */
const char *ctx_error_message(const struct trap_context *ctx);
/** \return the same text, constant for the life of the process; NULL: too many different ones are kept already, or no memory */
const char *keep_text(const char *text);
/** Sets the globals of the simple API, message NULL: the usual text. \return code */
int publish_error(int code, const char *message);
/** Code of the calling thread's last call on ctx. */
int ctx_error_code(const struct trap_context *ctx);
/** A call succeeded: what ctx said to this thread before is over. */
static inline void ctx_ok(const struct trap_context *ctx);
/** Sets the last error to rc, unless a more specific message for it was set already. \return rc */
static inline int ctx_result(struct trap_context *ctx, int rc);
const char *error_text(int code);

/* report.c */
void trap_log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define LOG_ERROR(...)   trap_log_line(-3, __VA_ARGS__)
#define LOG_WARNING(...) trap_log_line(-2, __VA_ARGS__)
#define LOG_NOTICE(...)  trap_log_line(-1, __VA_ARGS__)
#define LOG_VERBOSE(...) trap_log_line(0, __VA_ARGS__)
int64_t now_ms(void);
int64_t now_us(void);
int64_t now_us_coarse(void); /* a tick of the kernel may be missing; costs next to nothing */

/** Adds to a counter that only this thread writes. */
static inline void count_up(_Atomic uint64_t *counter, uint64_t n)
{
   atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                         memory_order_relaxed);
}

static inline void ctx_ok(const struct trap_context *ctx)
{
   if (__builtin_expect(last_error.code != TRAP_E_OK, 0) && last_error.serial == ctx->serial) {
      last_error.code = TRAP_E_OK;
   }
}

static inline int ctx_result(struct trap_context *ctx, int rc)
{
   if (rc == TRAP_E_OK) {
      ctx_ok(ctx);
   } else if (last_error.code != rc || last_error.serial != ctx->serial) {
      ctx_error(ctx, rc, NULL);
   }
   return rc;
}

/* spec.c */
/** Common setters found among an interface's parameters, taken out of the string. */
struct common_params {
   bool has_timeout, has_buffer, has_autoflush;
   int32_t timeout;
   bool buffer;
   int64_t autoflush;
};
/** params is modified in place: what remains are the parameters of the type. \return OK or BADPARAMS */
int spec_take_common(struct trap_context *ctx, char *params, bool output, struct common_params *common);
int spec_parse(const char *text, trap_ifc_spec_t *spec, char *err, size_t err_size);
/** The next item of a list, still quoted; *rest is set to the text after it, NULL after the last one.
 *  \return NULL without memory; the caller frees it */
char *spec_next(const char **rest, char delimiter);
/** Whether a backslash makes character c an ordinary one. */
bool spec_special(char c);
/** Removes the backslashes of quoted characters. \return text */
char *spec_unquote(char *text);

/* format.c */
/** Writes the 8-byte hello header and specifier into a new buffer. \return its length, 0 without memory */
size_t hello_make(uint8_t type, const char *spec, uint8_t **hello);
#define FORMAT_REASON \
   200 /* bytes for the reason why a format is refused; nothing of the sender's text is in it */
/** Reads a hello header. \return OK, or NEGOTIATION_FAILED with the reason in why */
int hello_parse(const uint8_t header[8], uint8_t *type, uint32_t *spec_length, char why[FORMAT_REASON]);
/** Applies a sender's format, of a type that hello_parse() has let through, to an input; spec is taken over.
 *  \return OK; with the reason in why: FORMAT_MISMATCH, or NEGOTIATION_FAILED: not a valid format */
int input_negotiate(struct trap_input *in, uint8_t type, char *spec, char why[FORMAT_REASON]);
void input_set_state(struct trap_input *in, trap_in_ifc_state_t state);

/* The constructors return OK or a code with the context's error set. params is the interface's own string. */
int input_socket_create(struct trap_context *ctx, char type, const char *params, struct trap_input **in);
int input_file_create(struct trap_context *ctx, const char *params, struct trap_input **in);
int input_generator_create(struct trap_context *ctx, const char *params, struct trap_input **in);
int output_socket_create(struct trap_context *ctx, char type, const char *params, struct trap_output **out);
int output_file_create(struct trap_context *ctx, const char *params, struct trap_output **out);
int output_blackhole_create(struct trap_context *ctx, struct trap_output **out);

/* service.c */
#define SERVICE_DEFAULT "service_" /* and the process: further contexts of a process add _2, _3, ... */
/** Answers requests for statistics on UNIX socket name; without it (logged) a module works all the same. */
void service_start(struct trap_context *ctx, const char *name);
/** From here on the context's interfaces are not accessed. */
void service_stop(struct trap_context *ctx);
/** After the I/O thread has ended. */
void service_free(struct trap_context *ctx);

/* stats.c */
/** The context's counters as JSON text (caller frees), NULL without memory. */
char *stats_json(struct trap_context *ctx);

/* dump.c */
/** The state of a file interface for people. */
void dump_file(FILE *file, const char *name, const char *mode, const struct trap_context *ctx);

/* stdout.c */
/** Writes what waits in the buffer of standard output, unless another thread is writing or the reader is not reading. */
void stdout_flush(void);
/** The same if that has not been done for a second. \param now us, coarse clock */
void stdout_flush_due(int64_t now);

/* path.c */
/** Expands ~, $NAME and globs without a shell; quoted characters are ordinary ones. \return number of paths, -1 on error; free with paths_free() */
int paths_expand(const char *pattern, bool globs, char ***paths);
void paths_free(char **paths, int n);

/* recv.c */
/** Waits until an input may have something, deadline (monotonic ms, -1: none) or terminate. \return true when a
 * signal was handled meanwhile */
bool inputs_wait(struct trap_context *ctx, struct trap_input *const *in, const uint8_t *active, uint32_t n,
                 int64_t deadline);

#endif
