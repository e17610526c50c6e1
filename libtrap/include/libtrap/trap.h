/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file libtrap/trap.h
 * libtrap: message streams between processes.
 *
 * A module has input and output interfaces (IFCs), named by the IFC_SPEC after -i ("u:in,t:8000"). Outputs
 * are servers, inputs are clients. Messages are 0..65535 bytes; a message of 1 byte means end of stream.
 *
 * Threads: different interfaces may be used by different threads at the same time. Several threads may send
 * on one output; one thread at a time may receive on an input, because the message stays in its buffer.
 * Signals: only trap_terminate() and trap_ctx_terminate() may be called from a signal handler.
 * Errors: functions return a TRAP_E_* code. trap_ctx_get_last_error_msg() has the text of the calling thread's last one;
 * trap_last_error_msg has it for programs in which one thread calls the simple API. Messages remain valid for the life of the process.
 */
#ifndef TRAP_H
#define TRAP_H

/* Sources written for NEMEA 2 expect this header to include these. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <libtrap/trap_module_info.h>
#include <libtrap/jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A context: a set of interfaces. Handles are `trap_ctx_t *`. */
#define trap_ctx_t void

/** \name Result codes
 * @{ */
#define TRAP_E_OK                 0  /**< success */
#define TRAP_E_TIMEOUT            1  /**< nothing within the timeout */
#define TRAP_E_INITIALIZED        10 /**< the global context exists already */
#define TRAP_E_BADPARAMS          11 /**< bad IFC_SPEC or option */
#define TRAP_E_BAD_IFC_INDEX      12 /**< no such interface */
#define TRAP_E_BAD_FPARAMS        13 /**< bad argument of a function */
#define TRAP_E_IO_ERROR           14 /**< file or socket error */
#define TRAP_E_TERMINATED         15 /**< trap_terminate() was called */
#define TRAP_E_NOT_SELECTED       16 /**< no such input */
#define TRAP_E_BAD_CERT           17 /**< no longer returned: a refused certificate is reported and retried */
#define TRAP_E_HELP               20 /**< -h was given */
#define TRAP_E_FIELDS_MISMATCH    21 /**< a required field is missing */
#define TRAP_E_FIELDS_SUBSET      22 /**< all required fields and more */
#define TRAP_E_FORMAT_CHANGED     23 /**< the message is the first of a new format: read the format first */
#define TRAP_E_FORMAT_MISMATCH    24 /**< the sender's format lacks required fields */
#define TRAP_E_NEGOTIATION_FAILED 25 /**< a damaged file, or not a trapcap file */
#define TRAP_E_NOT_INITIALIZED    254 /**< no context */
#define TRAP_E_MEMORY             255 /**< out of memory, or a message larger than the buffer */
/** @} */

/** \name Timeouts in microseconds, or one of these
 * @{ */
#define TRAP_NO_WAIT       0     /**< do not wait at all */
#define TRAP_WAIT          (-1)  /**< wait without a limit */
#define TRAP_HALFWAIT      (-2)  /**< outputs: wait for slow clients, but not for the first one */
#define TRAP_NO_AUTO_FLUSH (-1l) /**< of TRAPCTL_AUTOFLUSH_TIMEOUT: never */
/** @} */
/** Name of a timeout that has one, else "". */
#define TRAP_TIMEOUT_STR(t)                  \
   ((t) == TRAP_WAIT       ? "TRAP_WAIT"     \
    : (t) == TRAP_NO_WAIT  ? "TRAP_NO_WAIT"  \
    : (t) == TRAP_HALFWAIT ? "TRAP_HALFWAIT" \
                           : "")

#define TRAP_IFC_DELIMITER       ',' /**< between interfaces in IFC_SPEC */
#define TRAP_IFC_PARAM_DELIMITER ':' /**< between parameters of an interface */

/** \name Letters of interface types
 * @{ */
#define TRAP_IFC_TYPE_GENERATOR 'g' /**< input: repeats one message */
#define TRAP_IFC_TYPE_BLACKHOLE 'b' /**< output: drops everything */
#define TRAP_IFC_TYPE_TCPIP     't' /**< TCP */
#define TRAP_IFC_TYPE_TLS       'T' /**< TLS over TCP */
#define TRAP_IFC_TYPE_UNIX      'u' /**< UNIX socket; messages through shared memory */
#define TRAP_IFC_TYPE_SERVICE   's' /**< the service socket; not for IFC_SPEC */
#define TRAP_IFC_TYPE_FILE      'f' /**< file */
/** @} */

#ifndef TRAP_IFC_MESSAGEQ_SIZE
#define TRAP_IFC_MESSAGEQ_SIZE 100000 /**< payload bytes of a default buffer */
#endif

extern char trap_ifc_type_supported[]; /**< letters accepted in IFC_SPEC */
extern const char trap_version[];      /**< version of the interface that is implemented: "1.18.2" */
extern const char trap_git_version[];  /**< version of this library */
extern int
    trap_last_error; /**< simple API: code of the last call; with several threads, of the latest failure */
extern const char *trap_last_error_msg;       /**< simple API: its message */
extern char *trap_default_socket_path_format; /**< printf format with one %s */
extern const char trap_help_ifcspec[];        /**< manual of IFC_SPEC */
extern void *trap_glob_ctx;                   /**< context of the simple API, NULL if there is none */

/** Direction of an interface. */
enum trap_ifc_type {
   TRAPIFC_INPUT = 1, /**< receives */
   TRAPIFC_OUTPUT = 2 /**< sends */
};

/** Requests of trap_ifcctl() and the type of their argument. */
enum trap_ifcctl_request {
   TRAPCTL_AUTOFLUSH_TIMEOUT = 1, /**< int64_t, microseconds or TRAP_NO_AUTO_FLUSH */
   TRAPCTL_BUFFERSWITCH = 2,      /**< int, 0: each message is sent in its own buffer */
   TRAPCTL_SETTIMEOUT = 3         /**< int32_t, microseconds or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT */
};

/** What messages are. */
typedef enum {
   TRAP_FMT_UNKNOWN = 0, /**< not set yet */
   TRAP_FMT_RAW = 1,     /**< bytes */
   TRAP_FMT_UNIREC = 2,  /**< records; the specifier lists their fields */
   TRAP_FMT_JSON = 3,    /**< JSON texts; the specifier is a name of what they hold */
   TRAP_FMT_ANY = 255    /**< required by an input that takes all of them, with any specifier */
} trap_data_format_t;

/** State of an input's negotiation. */
typedef enum {
   FMT_WAITING = 0,  /**< not connected, or the sender has no format yet */
   FMT_OK = 1,       /**< messages come in the format that is known */
   FMT_MISMATCH = 2, /**< the sender does not have what is required */
   FMT_CHANGED = 3   /**< the next message is the first of another format */
} trap_in_ifc_state_t;

/** A parsed IFC_SPEC: one type letter and one parameter string per interface. */
typedef struct trap_ifc_spec_s {
   char *types;   /**< letters, NUL-terminated */
   char **params; /**< as many strings, NULL-terminated */
} trap_ifc_spec_t;

/** Counters of an input. */
struct input_ifc_stats {
   uint64_t received_bytes;   /**< with the 2-byte length of each message */
   uint64_t received_records; /**< messages */
   uint64_t missed_records;   /**< messages that the sender skipped for this reader */
};

/** \name Life of the global context (simple API)
 * One context for the whole process; the functions without ctx in their name work on it. Each sets trap_last_error and
 * trap_last_error_msg.
 * @{ */
/** Removes libtrap's options from the command line: -h or --help (followed by "trap": the manual of IFC_SPEC),
 *  -i IFC_SPEC, and -v, -vv or -vvv. Needs no context.
 *  \param argc,argv as main() has them; the module's own options remain, argv[*argc] is NULL
 *  \param ifc_spec filled; free it with trap_free_ifc_spec(), also after an error
 *  \return OK; HELP: print help and end; BADPARAMS: no -i, or a letter that is not supported; BAD_FPARAMS; MEMORY */
int trap_parse_params(int *argc, char **argv, trap_ifc_spec_t *ifc_spec);
/** Frees what trap_parse_params() made. \return OK, BADPARAMS: there was nothing */
int trap_free_ifc_spec(trap_ifc_spec_t ifc_spec);
/** Opens the interfaces, inputs first, and the service socket "service_PID".
 *  \param module_info needed during the call only; a number of interfaces that is -1 is replaced by what ifc_spec has
 *  \param ifc_spec still owned by the caller
 *  \return OK; INITIALIZED: there is a context already; BADPARAMS: something in ifc_spec, named in the message; IO_ERROR: a port,
 *    socket or file cannot be opened; MEMORY. After an error there is no context */
int trap_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec);
/** Ends all streams: calls that wait, in any thread, return TERMINATED, and so do later ones. Async-signal-safe; the
 *  context lives until trap_finalize(). \return OK */
int trap_terminate(void);
/** Delivers what was sent, as long as clients take it (5 seconds without progress: the rest is dropped), then closes and frees all.
 *  trap_init() may follow. \return OK; NOT_INITIALIZED; IO_ERROR: all is freed, but messages that an output to a file had
 *    accepted could not be written (how many is reported on standard error) */
int trap_finalize(void);
/** @} */

/** \name Life of a context
 * Contexts are independent of each other; different interfaces of one may be used by different threads at once.
 * @{ */
/** As trap_init(), for a separate context; further contexts of a process get the service sockets "service_PID_2" and so on.
 *  \return NULL for bad arguments or without memory. Otherwise ask trap_ctx_get_last_error(): a context with an error may only be
 *    asked for its message and given to trap_ctx_finalize() */
trap_ctx_t *trap_ctx_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec);
/** The same. \param module_info,ifc_spec as of trap_init() \param service_ifcname name of the service socket, NULL: none
 *  \return as trap_ctx_init() */
trap_ctx_t *trap_ctx_init2(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec,
                           const char *service_ifcname);
/** The same from the text of an IFC_SPEC.
 *  \param name,description of the module, NULL: "nemea-module" and "" \param i_ifcs,o_ifcs numbers of inputs and outputs, one of
 *    them may be -1: what is left \param ifc_spec text as after -i \param service_ifcname as of trap_ctx_init2()
 *  \return as trap_ctx_init(); NULL also when the text is wrong, which is reported on standard error */
trap_ctx_t *trap_ctx_init3(const char *name, const char *description, int8_t i_ifcs, int8_t o_ifcs,
                           const char *ifc_spec, const char *service_ifcname);
/** As trap_finalize(); *ctx becomes NULL. No other thread may use the context any more. \return OK, NOT_INITIALIZED, IO_ERROR */
int trap_ctx_finalize(trap_ctx_t **ctx);
/** As trap_terminate(). \return OK, also for NULL */
int trap_ctx_terminate(trap_ctx_t *ctx);
/** Sets what the service interface adds to its answers under the key "module": a JSON object as text, copied; NULL: nothing.
 *  Text that is not a JSON object is left out. Any thread. \return OK, MEMORY, NOT_INITIALIZED (ctx is NULL) */
int trap_ctx_set_service_info(trap_ctx_t *ctx, const char *json);
/** Code of the calling thread's last call on the context (not NULL). Without such a call, the result of
 *  trap_ctx_init(). */
int trap_ctx_get_last_error(trap_ctx_t *ctx);
/** Its message: constant text, valid for the life of the process. */
const char *trap_ctx_get_last_error_msg(trap_ctx_t *ctx);
/** The context of the simple API, which all functions with ctx take; NULL: there is none. */
void *trap_get_global_ctx(void);
/** @} */

/** One message of a batch. */
typedef struct trap_message {
   const void *data; /**< received: in the interface's buffer, valid until the next receive call on it */
   uint64_t seq;     /**< received: as trap_recv_with_seq_number(); ignored when sent */
   uint16_t size;    /**< bytes */
} trap_message_t;

/** \name Sending
 * Any number of threads may send on one output. The output's timeout decides what a send does when no client is
 * connected or one is slow: see the table in docs/trap.md.
 * @{ */
/** Copies a message into the output; data may be reused on return. A message of one byte means end of stream to receivers.
 *  \param ifcidx number of the output, from 0 \param data message \param size bytes, 0 to 65535
 *  \return OK; TIMEOUT: no room within a positive timeout, the message is dropped and counted; TERMINATED; BAD_IFC_INDEX;
 *    BAD_FPARAMS: no data; MEMORY: the message is larger than a buffer; NOT_INITIALIZED: no context, or no format was set; IO_ERROR:
 *    a file cannot be written */
int trap_send(uint32_t ifcidx, const void *data, uint16_t size);
/** The same on output ifc of a context. */
int trap_ctx_send(trap_ctx_t *ctx, unsigned int ifc, const void *data, uint16_t size);
/** Sends copies of several messages, each as trap_send() would, at less cost for each.
 *  \param ifcidx number of the output \param messages in this order; data is not NULL \param count number of messages
 *  \param sent set to the number of messages that were sent: count, or those before the first one that could not be
 *  \return OK: all were sent; else the code of trap_send() for messages[*sent], which was dropped: later ones were not tried */
int trap_send_batch(uint32_t ifcidx, const trap_message_t *messages, uint32_t count, uint32_t *sent);
/** The same on output ifc of a context. */
int trap_ctx_send_batch(trap_ctx_t *ctx, uint32_t ifc, const trap_message_t *messages, uint32_t count,
                        uint32_t *sent);
/** Sending without a copy: room for a message of up to size bytes, which the caller fills and then commits. No other message
 *  may be sent on the output in between, by any thread; the next call drops a reservation that was not committed.
 *  May wait as trap_send() does.
 *  \param ifcidx number of the output \param size bytes at most
 *  \param data set to where the message is to be written (not aligned); NULL unless OK
 *  \return the codes of trap_send() */
int trap_reserve(uint32_t ifcidx, uint16_t size, void **data);
/** The same on output ifc of a context. */
int trap_ctx_reserve(trap_ctx_t *ctx, uint32_t ifc, uint16_t size, void **data);
/** Sends what was written at the address from trap_reserve(); never waits.
 *  \param ifcidx number of the output \param size bytes, at most as many as were reserved
 *  \return OK; BAD_FPARAMS: nothing is reserved, or less, or another message was sent since */
int trap_commit(uint32_t ifcidx, uint16_t size);
/** The same on output ifc of a context. */
int trap_ctx_commit(trap_ctx_t *ctx, uint32_t ifc, uint16_t size);
/** Deprecated: sets the output's timeout (microseconds or one of the constants), then sends as trap_send(). */
int trap_send_data(unsigned int ifcidx, const void *data, uint16_t size, int timeout);
/** Makes everything sent so far on an output visible to its clients, or writes it to its file. */
void trap_send_flush(uint32_t ifc);
/** The same on output ifc of a context. */
void trap_ctx_send_flush(trap_ctx_t *ctx, uint32_t ifc);
/** @} */

/** \name Receiving
 * One thread at a time receives on an input. Inputs connect and reconnect by themselves.
 * @{ */
/** Next message of an input, waiting for it as the input's timeout says.
 *  \param ifcidx number of the input, from 0
 *  \param data,size set to the message (not aligned), which is valid until the next receive call on the input; it may be
 *    modified, up to the size of the smallest record of the format even if the message is shorter. A message of at most one byte
 *    means end of stream (files end with an empty one)
 *  \return OK; FORMAT_CHANGED: a message too, the first one of a new format; TIMEOUT; TERMINATED; FORMAT_MISMATCH: the sender does not
 *    have what trap_set_required_fmt() asked for; NEGOTIATION_FAILED: a damaged file; NOT_SELECTED: no such input; IO_ERROR; MEMORY;
 *    NOT_INITIALIZED. Other faults of a sender are reported, and the connection is retried */
int trap_recv(uint32_t ifcidx, const void **data, uint16_t *size);
/** The same on input ifc of a context. */
int trap_ctx_recv(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size);
/** As trap_recv(), with the number of the message.
 *  \param ifcidx,data,size as of trap_recv() \param seq_number may be NULL; the first message is 1 (of files: 0), a jump tells how
 *    many messages the sender skipped for this reader; numbers go on across connections \return as trap_recv() */
int trap_recv_with_seq_number(uint32_t ifcidx, const void **data, uint16_t *size, uint64_t *seq_number);
/** The same on input ifc of a context. */
int trap_ctx_recv_with_seq_number(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size,
                                  uint64_t *seq_number);
/** The program cannot use the format that an input has just announced: a field has another type than it knows. An input of kind u, t
 *  or T reports that once, drops the connection with all messages received from it, and tries again later.
 *  \return OK: go on receiving; FORMAT_MISMATCH: the input is a file; NOT_SELECTED, NOT_INITIALIZED */
int trap_ctx_refuse_format(trap_ctx_t *ctx, uint32_t ifc);
#define TRAP_ACK_ALL UINT64_MAX /**< of trap_ack(): every message received so far */
/** Acknowledges messages of an input "u:NAME:resume=WORD": they are processed for good, and the
 *  sender need not keep them any longer. A reader that reconnects under the same WORD (as the same user) gets every message
 *  that was not acknowledged, as far as the sender's log still holds it, and none that was; what the log no longer holds is counted
 *  as missed. The acknowledgement is in effect on return. It costs one store to memory; call it from the receiving thread.
 *  \param ifcidx number of the input
 *  \param seq number of the last message done, as of trap_recv_with_seq_number() and trap_message_t, or TRAP_ACK_ALL
 *  \return OK, also of inputs without resume= and of senders that keep nothing; NOT_SELECTED, NOT_INITIALIZED */
int trap_ack(uint32_t ifcidx, uint64_t seq);
/** The same on input ifc of a context. */
int trap_ctx_ack(trap_ctx_t *ctx, uint32_t ifc, uint64_t seq);
/** Where message number seq (as of trap_recv_with_seq_number()) is in the stream of its sender. A reader that stores messages stores
 *  the position of the last one with them, in one transaction: after a crash between that and trap_ack() it gets
 *  messages again, and knows those of the same instance up to this position as stored. Call it after receiving the
 *  message and before receiving the next ones.
 *  \param[out] instance number of the sender's output, another one after each start; 0: the sender has none
 *  \param[out] position number of the message in this stream
 *  \return OK; NOT_SELECTED, NOT_INITIALIZED */
int trap_ctx_position(trap_ctx_t *ctx, uint32_t ifc, uint64_t seq, uint64_t *instance, uint64_t *position);
/** Counters of an input of kind u, t or T since it was opened; zeros for others. Any thread. */
void trap_get_input_ifc_stats(uint32_t ifcidx, struct input_ifc_stats *stats);

/** Receives up to max messages that are there, waiting only for the first. A batch never mixes formats. The messages may be
 *  in memory that is shared with the sender and is read-only.
 *  \param ifcidx number of the input \param messages room for max messages \param max at least 1
 *  \param count number of messages, set on OK and FORMAT_CHANGED, else 0 \return as trap_recv() */
int trap_recv_batch(uint32_t ifcidx, trap_message_t *messages, uint32_t max, uint32_t *count);
/** The same on input ifc of a context. */
int trap_ctx_recv_batch(trap_ctx_t *ctx, uint32_t ifc, trap_message_t *messages, uint32_t max,
                        uint32_t *count);

/** As trap_ctx_recv_batch() with a timeout of its own, for callers that have to look at something else from time to time.
 *  \param timeout microseconds, TRAP_WAIT or TRAP_NO_WAIT (the timeout of the input does not count); a signal that
 *     was handled ends the wait early, with TRAP_E_TIMEOUT
 *  \param ctx,ifc,messages,max,count as of trap_ctx_recv_batch() \return as trap_recv() */
int trap_ctx_recv_within(trap_ctx_t *ctx, uint32_t ifc, int32_t timeout, trap_message_t *messages,
                         uint32_t max, uint32_t *count);
/** The timeout that an input has from its IFC_SPEC, trap_ifcctl() or by default: microseconds, TRAP_WAIT or TRAP_NO_WAIT.
 *  \return OK; NOT_SELECTED: no such input; NOT_INITIALIZED */
int trap_ctx_get_recv_timeout(trap_ctx_t *ctx, uint32_t ifc, int32_t *timeout);

/** As trap_ctx_recv_batch() on several inputs, round-robin over those that have messages. The calling thread receives on all of them.
 *  \param ctx context
 *  \param active one byte an input: 0 leaves the input out; NULL: all
 *  \param timeout microseconds, TRAP_WAIT or TRAP_NO_WAIT (the timeouts of the inputs do not count); a signal that
 *     was handled ends the wait early, with TRAP_E_TIMEOUT
 *  \param ifc set to the input that the result is about
 *  \param messages,max,count as of trap_recv_batch() \return as trap_recv() */
int trap_ctx_recv_any(trap_ctx_t *ctx, const uint8_t *active, int32_t timeout, uint32_t *ifc,
                      trap_message_t *messages, uint32_t max, uint32_t *count);
/** @} */

/** \name Control
 * @{ */
/** Changes a setting of an interface at once. What IFC_SPEC sets stays as it is, and OK is returned.
 *  \param type TRAPIFC_INPUT or TRAPIFC_OUTPUT \param ifcidx number of the interface
 *  \param request of enum trap_ifcctl_request, followed by its argument
 *  \return OK; BADPARAMS: no such interface; TERMINATED; NOT_INITIALIZED */
int trap_ifcctl(int8_t type, uint32_t ifcidx, int32_t request, ...);
/** The same of a context. */
int trap_ctx_ifcctl(trap_ctx_t *ctx, int8_t type, uint32_t ifcidx, int32_t request, ...);
/** The same with the argument in ap. */
int trap_ctx_vifcctl(trap_ctx_t *ctx, int8_t type, uint32_t ifcidx, int32_t request, va_list ap);
/** How much the library prints on standard error: -3 errors, -2 warnings, -1 notices (default), 0 to 2 as with -v
 *  to -vvv; below -3 nothing. */
void trap_set_verbose_level(int level);
/** \return what trap_set_verbose_level() or -v has set */
int trap_get_verbose_level(void);
/** As trap_set_verbose_level(): the level is the process's. */
void trap_ctx_set_verbose_level(trap_ctx_t *ctx, int level);
/** As trap_get_verbose_level(). */
int trap_ctx_get_verbose_level(trap_ctx_t *ctx);
/** The module's data come from a live source, which does not wait: warns of each output that may wait for network clients without
 *  a limit (TRAP_WAIT or TRAP_HALFWAIT without maxstall=). To be called after initialization; NULL: the global context. */
void trap_ctx_live_source(trap_ctx_t *ctx);
/** Connected clients of an output; 1 for a file or a black hole; -1 on error. Any thread. */
int trap_ctx_get_client_count(trap_ctx_t *ctx, uint32_t ifcidx);
/** Writes the state of each interface to text files in directory path (NULL: the current one), for debugging.
 *  Not while another thread receives. */
void trap_ctx_create_ifc_dump(trap_ctx_t *ctx, const char *path);
/** @} */

/** \name Data format
 * @{ */
/** Sets the format of an output. Everything sent before is delivered in the old format first, which may wait for slow clients;
 *  then the clients are disconnected and come back. Setting the same format again does nothing. Not while another thread sends.
 *  \param out_ifc_idx number of the output \param data_type of trap_data_format_t, followed by const char *specifier (UniRec:
 *    "type name,..."), which is copied; not needed for RAW */
void trap_set_data_fmt(uint32_t out_ifc_idx, uint8_t data_type, ...);
/** The same of a context. */
void trap_ctx_set_data_fmt(trap_ctx_t *ctx, uint32_t out_ifc_idx, uint8_t data_type, ...);
/** The same with the specifier in ap. */
void trap_ctx_vset_data_fmt(trap_ctx_t *ctx, uint32_t out_ifc_idx, uint8_t data_type, va_list ap);
/** Sets the format that an input requires, from its next connection or file on. An input without one accepts nothing.
 *  \param in_ifc_idx number of the input \param data_type of trap_data_format_t, followed by const char *specifier, copied: the
 *    fields that must be there ("": any) \return OK, BADPARAMS, BAD_IFC_INDEX, NOT_INITIALIZED */
int trap_set_required_fmt(uint32_t in_ifc_idx, uint8_t data_type, ...);
/** The same of a context. */
int trap_ctx_set_required_fmt(trap_ctx_t *ctx, uint32_t in_ifc_idx, uint8_t data_type, ...);
/** The same with the specifier in ap. */
int trap_ctx_vset_required_fmt(trap_ctx_t *ctx, uint32_t in_ifc_idx, uint8_t data_type, va_list ap);
/** The format of an output as it was set, or of an input as its sender announced it.
 *  \param ifc_dir TRAPIFC_INPUT or TRAPIFC_OUTPUT \param ifc_idx number of the interface \param data_type set to a
 *    trap_data_format_t \param spec set to the specifier (NULL for RAW), which belongs to the library and is valid until the
 *    next format change \return OK, BAD_IFC_INDEX, NOT_INITIALIZED: no format yet */
int trap_get_data_fmt(uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type, const char **spec);
/** The same of a context. */
int trap_ctx_get_data_fmt(trap_ctx_t *ctx, uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type,
                          const char **spec);
/** \return a trap_in_ifc_state_t, or BAD_IFC_INDEX, NOT_INITIALIZED */
int trap_get_in_ifc_state(uint32_t ifc_idx);
/** The same of a context. */
int trap_ctx_get_in_ifc_state(trap_ctx_t *ctx, uint32_t ifc_idx);
/** Compares two UniRec specifiers; the order of fields does not count.
 *  \return OK: the same fields; FIELDS_SUBSET: the sender has more; FIELDS_MISMATCH: it lacks some, or types differ */
int trap_ctx_cmp_data_fmt(const char *sender_ifc_data_fmt, const char *receiver_ifc_data_fmt);
/** Splits one "type name" item off a list.
 *  \param source list \param name,type set to where they begin in source \param length_name,length_type set to their bytes
 *  \return start of the next item, or the end of source */
const char *trap_get_type_and_name_from_string(const char *source, const char **name, const char **type,
                                               int *length_name, int *length_type);
/** @} */

/** \name Helpers
 * @{ */
/** Copies source up to the delimiter into *dest, which the caller frees.
 *  \return the text after the delimiter; NULL after the last item, and when out of memory (*dest is NULL too) */
char *trap_get_param_by_delimiter(const char *source, char **dest, const char delimiter);
/** \return 0 when the 2-byte lengths (network byte order) in a buffer's payload add up to size, else 1 */
int trap_check_buffer_content(void *buffer, uint32_t size);
/** 0: trap_print_help() prints the module's help; 1: the manual of IFC_SPEC. */
void trap_set_help_section(int level);
/** Prints help on standard output, through $PAGER when it is set; as a line of JSON when LIBTRAP_OUTPUT_FORMAT is "json". */
void trap_print_help(const trap_module_info_t *module_info);
/** Prints the manual of IFC_SPEC on standard output. */
void trap_print_ifc_spec_help(void);
/** @} */

/** \name Macros of modules
 * @{ */
/** Takes libtrap's options from argc and argv and opens the interfaces; with -h or after an error it returns from the calling
 *  function, with 0 or 1. module_info is the struct (usually *module_info) that INIT_MODULE_INFO_STRUCT() has filled. */
#define TRAP_DEFAULT_INITIALIZATION(argc, argv, module_info)                                    \
   {                                                                                            \
      trap_ifc_spec_t trap_spec_;                                                               \
      int trap_ret_ = trap_parse_params(&argc, argv, &trap_spec_);                              \
      if (trap_ret_ == TRAP_E_HELP) {                                                           \
         trap_print_help(&module_info);                                                         \
         FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS);                             \
         return 0;                                                                              \
      }                                                                                         \
      if (trap_ret_ != TRAP_E_OK) {                                                             \
         trap_free_ifc_spec(trap_spec_);                                                        \
         fprintf(stderr, "ERROR in parsing of parameters for TRAP: %s\n", trap_last_error_msg); \
         FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS);                             \
         return 1;                                                                              \
      }                                                                                         \
      trap_ret_ = trap_init(&module_info, trap_spec_);                                          \
      trap_free_ifc_spec(trap_spec_);                                                           \
      if (trap_ret_ != TRAP_E_OK) {                                                             \
         fprintf(stderr, "ERROR in TRAP initialization: %s\n", trap_last_error_msg);            \
         FREE_MODULE_INFO_STRUCT(MODULE_BASIC_INFO, MODULE_PARAMS);                             \
         return 1;                                                                              \
      }                                                                                         \
   }

/** trap_finalize() */
#define TRAP_DEFAULT_FINALIZATION() trap_finalize();

/** Defines a signal handler that runs stop_cmd and trap_terminate() on SIGINT and SIGTERM; outside of functions. */
#define TRAP_DEFAULT_SIGNAL_HANDLER(stop_cmd)      \
   void trap_default_signal_handler(int signal)    \
   {                                               \
      if (signal == SIGTERM || signal == SIGINT) { \
         stop_cmd;                                 \
         trap_terminate();                         \
      }                                            \
   }

/** Installs it, with sigaction(2) when HAVE_SIGACTION is defined. */
#ifdef HAVE_SIGACTION
#define TRAP_REGISTER_DEFAULT_SIGNAL_HANDLER()                                                  \
   {                                                                                            \
      struct sigaction trap_sigact_;                                                            \
      if (trap_get_verbose_level() >= 1) {                                                      \
         printf("Setting signal handler for SIGINT and SIGTERM using 'sigaction' function.\n"); \
      }                                                                                         \
      memset(&trap_sigact_, 0, sizeof(trap_sigact_));                                           \
      sigaddset(&trap_sigact_.sa_mask, SIGINT);                                                 \
      sigaddset(&trap_sigact_.sa_mask, SIGTERM);                                                \
      trap_sigact_.sa_handler = trap_default_signal_handler;                                    \
      sigaction(SIGINT, &trap_sigact_, NULL);                                                   \
      sigaction(SIGTERM, &trap_sigact_, NULL);                                                  \
   }
#else
#define TRAP_REGISTER_DEFAULT_SIGNAL_HANDLER()                                               \
   {                                                                                         \
      if (trap_get_verbose_level() >= 1) {                                                   \
         printf("Setting signal handler for SIGINT and SIGTERM using 'signal' function.\n"); \
      }                                                                                      \
      signal(SIGTERM, trap_default_signal_handler);                                          \
      signal(SIGINT, trap_default_signal_handler);                                           \
   }
#endif

/* The commands may be continue, break, return ...: they run in the caller's own loop. */
#define TRAP_RECV_ERROR_HANDLING_(ret, timeout_cmd, error_cmd)                                              \
   if ((ret) != TRAP_E_OK && (ret) != TRAP_E_FORMAT_CHANGED) {                                              \
      if ((ret) == TRAP_E_TIMEOUT) {                                                                        \
         timeout_cmd;                                                                                       \
      } else if ((ret) == TRAP_E_TERMINATED) {                                                              \
         error_cmd;                                                                                         \
      } else if ((ret) == TRAP_E_FORMAT_MISMATCH) {                                                         \
         fprintf(stderr, "trap_recv() error: output and input interfaces data formats or data specifiers "  \
                         "mismatch.\n");                                                                    \
         error_cmd;                                                                                         \
      } else if ((ret) == TRAP_E_NEGOTIATION_FAILED) {                                                      \
         fprintf(stderr, "trap_recv() error: interface negotiation failed (caused by invalid reply from a " \
                         "remote module, corrupted file or an unknown error).\n");                          \
         error_cmd;                                                                                         \
      } else {                                                                                              \
         fprintf(stderr, "Error: trap_recv() returned %i (%s)\n", (ret), trap_last_error_msg);              \
         error_cmd;                                                                                         \
      }                                                                                                     \
   }
/** Handles the result of a receive: does nothing for a message, runs timeout_cmd after a timeout and error_cmd for other
 *  codes, with a message on standard error except for TERMINATED. */
#define TRAP_DEFAULT_RECV_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_RECV_ERROR_HANDLING_(ret, timeout_cmd, error_cmd)
/** The same under its old name. */
#define TRAP_DEFAULT_GET_DATA_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_RECV_ERROR_HANDLING_(ret, timeout_cmd, error_cmd)

#define TRAP_SEND_ERROR_HANDLING_(func, ret, timeout_cmd, error_cmd)                          \
   if ((ret) != TRAP_E_OK) {                                                                  \
      if ((ret) == TRAP_E_TIMEOUT) {                                                          \
         timeout_cmd;                                                                         \
      } else if ((ret) == TRAP_E_TERMINATED) {                                                \
         error_cmd;                                                                           \
      } else {                                                                                \
         fprintf(stderr, "Error: " func "() returned %i (%s)\n", (ret), trap_last_error_msg); \
         error_cmd;                                                                           \
      }                                                                                       \
   }
/** Handles the result of a send: does nothing for OK, runs timeout_cmd after a timeout and error_cmd for other codes,
 *  with a message on standard error except for TERMINATED. */
#define TRAP_DEFAULT_SEND_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_SEND_ERROR_HANDLING_("trap_send", ret, timeout_cmd, error_cmd)
/** The same under its old name. */
#define TRAP_DEFAULT_SEND_DATA_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_SEND_ERROR_HANDLING_("trap_send_data", ret, timeout_cmd, error_cmd)
/** @} */

#ifdef __cplusplus
}
#endif
#endif
