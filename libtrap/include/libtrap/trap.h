/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file libtrap/trap.h
 * libtrap: message streams between processes.
 *
 * A module has input and output interfaces (IFCs), named by the IFC_SPEC behind -i ("u:in,t:8000"). Outputs
 * are servers, inputs are clients. Messages are 0..65535 bytes; a message of 1 byte means end of stream.
 *
 * Threads: different interfaces may be used by different threads at the same time. Several threads may send
 * on one output; one thread at a time may receive on an input, because the message stays in its buffer.
 * Signals: only trap_terminate() and trap_ctx_terminate() may be called from a signal handler.
 * Errors: functions return a TRAP_E_* code; the text of the last one is in trap_last_error_msg or
 * trap_ctx_get_last_error_msg().
 */
#ifndef TRAP_H
#define TRAP_H

#include <stdarg.h>
#include <stdint.h>
#include <libtrap/trap_module_info.h>
#include <libtrap/jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A context: interfaces that live together. Handles are `trap_ctx_t *`. */
#define trap_ctx_t void

/** \name Result codes @{ */
#define TRAP_E_OK                 0   /**< success */
#define TRAP_E_TIMEOUT            1   /**< nothing within the timeout */
#define TRAP_E_INITIALIZED        10  /**< the global context exists already */
#define TRAP_E_BADPARAMS          11  /**< bad IFC_SPEC or option */
#define TRAP_E_BAD_IFC_INDEX      12  /**< no such interface */
#define TRAP_E_BAD_FPARAMS        13  /**< bad argument of a function */
#define TRAP_E_IO_ERROR           14  /**< file or socket error */
#define TRAP_E_TERMINATED         15  /**< trap_terminate() was called */
#define TRAP_E_NOT_SELECTED       16  /**< no input of this number */
#define TRAP_E_BAD_CERT           17  /**< TLS certificate refused */
#define TRAP_E_HELP               20  /**< -h was given */
#define TRAP_E_FIELDS_MISMATCH    21  /**< a required field is missing */
#define TRAP_E_FIELDS_SUBSET      22  /**< all required fields and more */
#define TRAP_E_FORMAT_CHANGED     23  /**< a message in a new format: read the format first */
#define TRAP_E_FORMAT_MISMATCH    24  /**< the sender's format does not satisfy the required one */
#define TRAP_E_NEGOTIATION_FAILED 25  /**< bad or missing hello, or a damaged file */
#define TRAP_E_NOT_INITIALIZED    254 /**< no context */
#define TRAP_E_MEMORY             255 /**< out of memory, or a message larger than the buffer */
/** @} */

/** \name Timeouts in microseconds, or one of these @{ */
#define TRAP_NO_WAIT       0
#define TRAP_WAIT          (-1)
#define TRAP_HALFWAIT      (-2) /**< outputs: wait for slow clients, but not when nobody is connected */
#define TRAP_NO_AUTO_FLUSH (-1l)
/** @} */
#define TRAP_TIMEOUT_STR(t)                  \
   ((t) == TRAP_WAIT       ? "TRAP_WAIT"     \
    : (t) == TRAP_NO_WAIT  ? "TRAP_NO_WAIT"  \
    : (t) == TRAP_HALFWAIT ? "TRAP_HALFWAIT" \
                           : "")

#define TRAP_IFC_DELIMITER       ','
#define TRAP_IFC_PARAM_DELIMITER ':'

#define TRAP_IFC_TYPE_GENERATOR 'g'
#define TRAP_IFC_TYPE_BLACKHOLE 'b'
#define TRAP_IFC_TYPE_TCPIP     't'
#define TRAP_IFC_TYPE_TLS       'T'
#define TRAP_IFC_TYPE_UNIX      'u'
#define TRAP_IFC_TYPE_SERVICE   's'
#define TRAP_IFC_TYPE_FILE      'f'

#ifndef TRAP_IFC_MESSAGEQ_SIZE
#define TRAP_IFC_MESSAGEQ_SIZE 100000 /**< payload bytes of a default buffer */
#endif

extern char trap_ifc_type_supported[]; /**< letters accepted in IFC_SPEC */
extern const char trap_version[];
extern const char trap_git_version[];
extern int trap_last_error;                   /**< simple API: last code */
extern const char *trap_last_error_msg;       /**< simple API: last message, owned by the library */
extern char *trap_default_socket_path_format; /**< printf format with one %s */
extern const char trap_help_ifcspec[];        /**< manual of IFC_SPEC */
extern void *trap_glob_ctx;                   /**< context of the simple API, NULL without one */

enum trap_ifc_type { TRAPIFC_INPUT = 1, TRAPIFC_OUTPUT = 2 };

/** Requests of trap_ifcctl() and the type of their argument. */
enum trap_ifcctl_request {
   TRAPCTL_AUTOFLUSH_TIMEOUT = 1, /**< int64_t, microseconds or TRAP_NO_AUTO_FLUSH */
   TRAPCTL_BUFFERSWITCH = 2,      /**< int, 0: every message is a buffer of its own */
   TRAPCTL_SETTIMEOUT = 3         /**< int32_t, microseconds or TRAP_WAIT, TRAP_HALFWAIT, TRAP_NO_WAIT */
};

/** What messages are. */
typedef enum {
   TRAP_FMT_UNKNOWN = 0,
   TRAP_FMT_RAW = 1,
   TRAP_FMT_UNIREC = 2,
   TRAP_FMT_JSON = 3
} trap_data_format_t;

/** State of an input's negotiation. */
typedef enum { FMT_WAITING = 0, FMT_OK = 1, FMT_MISMATCH = 2, FMT_CHANGED = 3 } trap_in_ifc_state_t;

/** IFC_SPEC taken apart: one type letter and one parameter string an interface. */
typedef struct trap_ifc_spec_s {
   char *types;
   char **params;
} trap_ifc_spec_t;

/** Counters of an input. */
struct input_ifc_stats {
   uint64_t received_bytes;   /**< with the 2-byte length of each message */
   uint64_t received_records; /**< messages */
   uint64_t missed_records;   /**< messages that the sender skipped for this reader */
};

/** \name Life of the global context (simple API) @{ */
/** Takes -i, -h and -v out of argv. \return OK, TRAP_E_HELP, TRAP_E_BADPARAMS, TRAP_E_MEMORY */
int trap_parse_params(int *argc, char **argv, trap_ifc_spec_t *ifc_spec);
int trap_free_ifc_spec(trap_ifc_spec_t ifc_spec);
int trap_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec);
/** Makes waiting calls return TRAP_E_TERMINATED. Async-signal-safe. */
int trap_terminate(void);
/** Delivers what was sent (within a bounded time), then frees all. */
int trap_finalize(void);
/** @} */

/** \name Life of a context @{ */
/** \return NULL only for bad arguments or no memory; else ask trap_ctx_get_last_error(). */
trap_ctx_t *trap_ctx_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec);
/** \param service_ifcname name of the service socket, NULL: none */
trap_ctx_t *trap_ctx_init2(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec,
                           const char *service_ifcname);
/** The same from the text of an IFC_SPEC. */
trap_ctx_t *trap_ctx_init3(const char *name, const char *description, int8_t i_ifcs, int8_t o_ifcs,
                           const char *ifc_spec, const char *service_ifcname);
int trap_ctx_finalize(trap_ctx_t **ctx);
int trap_ctx_terminate(trap_ctx_t *ctx);
int trap_ctx_get_last_error(trap_ctx_t *ctx);
const char *trap_ctx_get_last_error_msg(trap_ctx_t *ctx);
void *trap_get_global_ctx(void);
/** @} */

/** \name Sending @{ */
/** Copies a message into output ifcidx; data may be reused at return.
 *  \return OK; TIMEOUT (positive timeout, no room); TERMINATED; MEMORY (larger than a buffer); ... */
int trap_send(uint32_t ifcidx, const void *data, uint16_t size);
int trap_ctx_send(trap_ctx_t *ctx, unsigned int ifc, const void *data, uint16_t size);

/** Sending without a copy: room for a message of up to size bytes, which the caller fills and then commits. No other message
 *  may be sent on the output in between, by any thread; a reservation that is not committed is given up by the next call.
 *  May wait as trap_send() does.
 *  \param data set to where the message is to be written (not aligned); NULL unless OK
 *  \return the codes of trap_send() */
int trap_reserve(uint32_t ifcidx, uint16_t size, void **data);
int trap_ctx_reserve(trap_ctx_t *ctx, uint32_t ifc, uint16_t size, void **data);
/** Sends what was written at the address that trap_reserve() gave; never waits.
 *  \param size bytes, at most as many as were reserved
 *  \return OK; BAD_FPARAMS: nothing is reserved, or less */
int trap_commit(uint32_t ifcidx, uint16_t size);
int trap_ctx_commit(trap_ctx_t *ctx, uint32_t ifc, uint16_t size);
/** Deprecated: sets the timeout, then sends. */
int trap_send_data(unsigned int ifcidx, const void *data, uint16_t size, int timeout);
/** Makes everything sent so far visible to the clients. */
void trap_send_flush(uint32_t ifc);
void trap_ctx_send_flush(trap_ctx_t *ctx, uint32_t ifc);
/** @} */

/** \name Receiving @{ */
/** Next message; *data points into the interface's buffer until the next receive call on it. */
int trap_recv(uint32_t ifcidx, const void **data, uint16_t *size);
int trap_ctx_recv(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size);
/** The same with the message's number (first: 1; a gap: messages missed). seq_number may be NULL. */
int trap_recv_with_seq_number(uint32_t ifcidx, const void **data, uint16_t *size, uint64_t *seq_number);
int trap_ctx_recv_with_seq_number(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size,
                                  uint64_t *seq_number);
void trap_get_input_ifc_stats(uint32_t ifcidx, struct input_ifc_stats *stats);

/** One message of a batch. */
typedef struct trap_message {
   const void *data; /**< in the interface's buffer, valid until the next receive call on it */
   uint64_t seq;     /**< as trap_recv_with_seq_number() */
   uint16_t size;    /**< bytes */
} trap_message_t;

/** Receives up to max messages that are there, waiting only for the first. A batch never mixes formats. The messages may
 *  stand in memory that is shared with the sender and cannot be written.
 *  \param count number of messages, set on OK and FORMAT_CHANGED */
int trap_recv_batch(uint32_t ifcidx, trap_message_t *messages, uint32_t max, uint32_t *count);
int trap_ctx_recv_batch(trap_ctx_t *ctx, uint32_t ifc, trap_message_t *messages, uint32_t max,
                        uint32_t *count);

/** As trap_ctx_recv_batch() from whichever input has messages, in turn.
 *  \param active one byte an input: 0 leaves the input out
 *  \param timeout microseconds, TRAP_WAIT or TRAP_NO_WAIT (the timeouts of the inputs do not count); a signal that
 *     was handled ends the wait early, with TRAP_E_TIMEOUT
 *  \param ifc set to the input that the result speaks of */
int trap_ctx_recv_any(trap_ctx_t *ctx, const uint8_t *active, int32_t timeout, uint32_t *ifc,
                      trap_message_t *messages, uint32_t max, uint32_t *count);
/** @} */

/** \name Control @{ */
int trap_ifcctl(int8_t type, uint32_t ifcidx, int32_t request, ...);
int trap_ctx_ifcctl(trap_ctx_t *ctx, int8_t type, uint32_t ifcidx, int32_t request, ...);
int trap_ctx_vifcctl(trap_ctx_t *ctx, int8_t type, uint32_t ifcidx, int32_t request, va_list ap);
void trap_set_verbose_level(int level);
int trap_get_verbose_level(void);
void trap_ctx_set_verbose_level(trap_ctx_t *ctx, int level);
int trap_ctx_get_verbose_level(trap_ctx_t *ctx);
/** Connected clients of an output; 1 for a file or a black hole; -1 on error. */
int trap_ctx_get_client_count(trap_ctx_t *ctx, uint32_t ifcidx);
/** Writes the state of each interface to text files in directory path (NULL: the current one), to look for errors.
 *  Not while another thread receives. */
void trap_ctx_create_ifc_dump(trap_ctx_t *ctx, const char *path);
/** @} */

/** \name Data format @{ */
/** Further argument: const char *specifier (UniRec: "type name,..."); not used for RAW. Everything sent before
 *  is delivered in the old format first. */
void trap_set_data_fmt(uint32_t out_ifc_idx, uint8_t data_type, ...);
void trap_ctx_set_data_fmt(trap_ctx_t *ctx, uint32_t out_ifc_idx, uint8_t data_type, ...);
void trap_ctx_vset_data_fmt(trap_ctx_t *ctx, uint32_t out_ifc_idx, uint8_t data_type, va_list ap);
int trap_set_required_fmt(uint32_t in_ifc_idx, uint8_t data_type, ...);
int trap_ctx_set_required_fmt(trap_ctx_t *ctx, uint32_t in_ifc_idx, uint8_t data_type, ...);
int trap_ctx_vset_required_fmt(trap_ctx_t *ctx, uint32_t in_ifc_idx, uint8_t data_type, va_list ap);
/** *spec belongs to the library and is valid until the next format change. */
int trap_get_data_fmt(uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type, const char **spec);
int trap_ctx_get_data_fmt(trap_ctx_t *ctx, uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type,
                          const char **spec);
int trap_get_in_ifc_state(uint32_t ifc_idx);
int trap_ctx_get_in_ifc_state(trap_ctx_t *ctx, uint32_t ifc_idx);
/** Compares two UniRec specifiers: OK, FIELDS_SUBSET (the sender has more) or FIELDS_MISMATCH. */
int trap_ctx_cmp_data_fmt(const char *sender_ifc_data_fmt, const char *receiver_ifc_data_fmt);
/** Splits one "type name" item off a list; pointers go into source. \return start of the next item */
const char *trap_get_type_and_name_from_string(const char *source, const char **name, const char **type,
                                               int *length_name, int *length_type);
/** @} */

/** \name Helpers @{ */
/** Copies source up to the delimiter into *dest (caller frees). \return behind the delimiter; NULL: last */
char *trap_get_param_by_delimiter(const char *source, char **dest, const char delimiter);
/** 0 when the 2-byte lengths in a buffer's payload add up to size, else 1. */
int trap_check_buffer_content(void *buffer, uint32_t size);
/** 0: trap_print_help() prints the module's help; 1: the manual of IFC_SPEC. */
void trap_set_help_section(int level);
void trap_print_help(const trap_module_info_t *module_info);
void trap_print_ifc_spec_help(void);
/** @} */

/** \name Macros of modules @{ */
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

#define TRAP_DEFAULT_FINALIZATION() trap_finalize();

#define TRAP_DEFAULT_SIGNAL_HANDLER(stop_cmd)      \
   void trap_default_signal_handler(int signal)    \
   {                                               \
      if (signal == SIGTERM || signal == SIGINT) { \
         stop_cmd;                                 \
         trap_terminate();                         \
      }                                            \
   }

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
#define TRAP_DEFAULT_RECV_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_RECV_ERROR_HANDLING_(ret, timeout_cmd, error_cmd)
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
#define TRAP_DEFAULT_SEND_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_SEND_ERROR_HANDLING_("trap_send", ret, timeout_cmd, error_cmd)
#define TRAP_DEFAULT_SEND_DATA_ERROR_HANDLING(ret, timeout_cmd, error_cmd) \
   TRAP_SEND_ERROR_HANDLING_("trap_send_data", ret, timeout_cmd, error_cmd)
/** @} */

#ifdef __cplusplus
}
#endif
#endif
