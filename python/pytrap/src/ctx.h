/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Contexts and threads. All members are used with the GIL held. A call that gives it up (to wait, or to write) is counted in
 * handle.users, so that finalize() of another thread ends the context only when the last one has left it; receiving and sending threads
 * mark their interface, since libtrap allows one thread at a time to receive on an input.
 */
#ifndef PYTRAP_CTX_H
#define PYTRAP_CTX_H

#include "pt.h"

#define PT_BATCH 256 /* messages that are fetched from libtrap at once */

struct pt_input {
   trap_message_t messages[PT_BATCH]; /* in libtrap's memory, until the next are fetched */
   uint32_t at, n;
   bool changed;  /* the message at is the first of a new format */
   bool busy;     /* a thread waits for messages */
   bool required; /* a format was asked for */
   int fmt;       /* of the messages; 0: not known yet */
   char *spec;
   pt_format_t *format; /* of spec, made when it is needed */
   uint64_t seq;        /* of the last message that was handed out */
};

struct pt_output {
   unsigned senders; /* threads that send */
   bool changing;    /* a thread sets the format */
   bool local;       /* a file or a black hole: it waits for nobody */
};

typedef struct pt_handle {
   trap_ctx_t *ctx;
   unsigned users;
   bool closing;
   int n_in, n_out;
   struct pt_input *in;
   struct pt_output *out;
} pt_handle_t;

typedef struct {
   PyObject_HEAD pt_handle_t *handle; /* NULL: not initialized */
} pt_ctx_t;

#define PT_FOREVER INT64_MAX

/** Microseconds of a clock that only goes forward. */
int64_t pt_now(void);
/** The handle of an initialized context; NULL with TrapError. */
pt_handle_t *pt_handle(pt_ctx_t *self);
void pt_enter(pt_handle_t *h);
void pt_leave(pt_handle_t *h);
/** An input, by an index of Python; NULL with TrapError "Bad index of IFC.". */
struct pt_input *pt_input_of(pt_handle_t *h, PyObject *index, uint32_t *number);
struct pt_output *pt_output_of(pt_handle_t *h, PyObject *index, uint32_t *number);
/** Waits until input i has a message (in->at < in->n), until the input's timeout, but not beyond deadline (pt_now()).
 * \return TRAP_E_OK, another code of trap_recv(); -1: an exception is set, of a signal or of a context that was finalized meanwhile */
int pt_input_wait(pt_handle_t *h, uint32_t i, int64_t deadline);
/** Format of the messages that wait on an input; NULL with TrapError when they are not UniRec, or when it has a field of another type.
 * The reference is borrowed. */
pt_format_t *pt_input_format(struct pt_input *in);
/** The input requires any UniRec format, or the fields, unless a format was asked for. */
int pt_input_require(pt_handle_t *h, uint32_t i, const char *fields);
/** Receives until there is a record of a format that can be read: formats with fields of another type are refused, malformed records are
 * skipped and counted. \return TRAP_E_OK with *format (borrowed), or NULL for an end of stream; otherwise as pt_input_wait() */
int pt_next_record(pt_handle_t *h, uint32_t i, int64_t deadline, pt_format_t **format, uint64_t *skipped);

PyObject *pt_ctx_recv(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *pt_ctx_send(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *pt_ctx_recv_bulk(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *pt_ctx_send_bulk(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *pt_ctx_records(PyObject *self, PyObject *args, PyObject *kwargs);
/** Times that a program gives in seconds. \param deadline set, as of pt_now() */
int pt_deadline_in(PyObject *seconds, int64_t *deadline);
PyObject *pt_ctx_recv_columns(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *pt_ctx_send_columns(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *pt_ctx_ack(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *pt_ctx_position(PyObject *self, PyObject *args, PyObject *kwargs);
/** One message from an output, with the GIL given up meanwhile. \return code of libtrap */
int pt_send_message(pt_handle_t *h, uint32_t i, const char *data, uint16_t size);

#endif
