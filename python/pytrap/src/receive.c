/* SPDX-License-Identifier: BSD-3-Clause */
/** Receiving. Messages are fetched from libtrap in batches, and handed out one by one. */
#include "ctx.h"

#include <time.h>

/* Longest wait before signals are looked at; one that interrupts the wait is handled at once. A signal that comes just before it, or to
 * another thread of the process, is handled after this time. */
#define LOOK_AT_SIGNALS 200000

/* The sender's format as of the messages that were fetched. */
static int note_format(pt_handle_t *h, struct pt_input *in, uint32_t i)
{
   uint8_t type = TRAP_FMT_UNKNOWN;
   const char *spec = NULL;
   if (trap_ctx_get_data_fmt(h->ctx, TRAPIFC_INPUT, i, &type, &spec) != TRAP_E_OK) {
      return 0;
   }
   spec = spec != NULL ? spec : "";
   if (in->fmt == type && in->spec != NULL && strcmp(in->spec, spec) == 0) {
      return 0;
   }
   char *copy = strdup(spec);
   if (copy == NULL) {
      PyErr_NoMemory();
      return -1;
   }
   free(in->spec);
   in->spec = copy;
   in->fmt = type;
   pt_format_unref(in->format);
   in->format = NULL;
   return 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
   return a < b ? a : b;
}

/* Waits until another thread that receives on the input has left. */
static int wait_for_input(struct pt_input *in, pt_handle_t *h, int64_t deadline)
{
   while (in->busy) {
      if (h->closing) {
         return TRAP_E_TERMINATED;
      }
      if (pt_now() >= deadline) {
         return TRAP_E_TIMEOUT;
      }
      Py_BEGIN_ALLOW_THREADS;
      const struct timespec moment = {.tv_nsec = 1000000};
      nanosleep(&moment, NULL);
      Py_END_ALLOW_THREADS;
      if (PyErr_CheckSignals() != 0) {
         return -1;
      }
   }
   return TRAP_E_OK;
}

static int fetch(pt_handle_t *h, struct pt_input *in, uint32_t i, int64_t deadline)
{
   int rc;
   int32_t timeout = TRAP_WAIT;
   trap_ctx_get_recv_timeout(h->ctx, i, &timeout);
   if (timeout != TRAP_WAIT) {
      deadline = earlier(deadline, timeout == TRAP_NO_WAIT ? 0 : pt_now() + timeout);
   }
   do {
      int64_t left = deadline == PT_FOREVER ? LOOK_AT_SIGNALS
                     : deadline <= 0        ? 0
                                            : earlier(deadline - pt_now(), LOOK_AT_SIGNALS);
      int32_t slice = left > 0 ? (int32_t) left : TRAP_NO_WAIT;
      in->at = in->n = 0;
      Py_BEGIN_ALLOW_THREADS;
      rc = trap_ctx_recv_within(h->ctx, i, slice, in->messages, PT_BATCH, &in->n);
      Py_END_ALLOW_THREADS;
      if (rc == TRAP_E_TIMEOUT && PyErr_CheckSignals() != 0) {
         return -1;
      }
   } while (rc == TRAP_E_TIMEOUT && !h->closing &&
            (deadline == PT_FOREVER || (deadline > 0 && pt_now() < deadline)));
   if (h->closing) { /* the messages are about to go with the context */
      in->at = in->n = 0;
      return TRAP_E_TERMINATED;
   }
   in->changed = rc == TRAP_E_FORMAT_CHANGED;
   return note_format(h, in, i) != 0 ? -1 : in->changed ? TRAP_E_OK : rc;
}

int pt_input_wait(pt_handle_t *h, uint32_t i, int64_t deadline)
{
   struct pt_input *in = &h->in[i];
   if (!in->busy && in->at < in->n) {
      return TRAP_E_OK;
   }
   int rc = wait_for_input(in, h, deadline);
   if (rc != TRAP_E_OK || in->at < in->n) {
      return rc;
   }
   in->busy = true;
   rc = fetch(h, in, i, deadline);
   in->busy = false;
   return rc;
}

pt_format_t *pt_input_format(struct pt_input *in)
{
   if (in->format == NULL) {
      if (in->fmt != TRAP_FMT_UNIREC) {
         PyErr_Format(pt_error, "The messages are not UniRec records, but of data type %d.", in->fmt);
         return NULL;
      }
      in->format = pt_format_new(in->spec);
   }
   return in->format;
}

int pt_input_require(pt_handle_t *h, uint32_t i, const char *fields)
{
   struct pt_input *in = &h->in[i];
   if (in->required && fields == NULL) {
      return 0;
   }
   if (in->busy) {
      PyErr_Format(pt_error, "Input %u: another thread is receiving.", i);
      return -1;
   }
   int rc = trap_ctx_set_required_fmt(h->ctx, i, TRAP_FMT_UNIREC, fields != NULL ? fields : "");
   if (rc != TRAP_E_OK) {
      pt_trap_error(h->ctx, rc);
      return -1;
   }
   in->required = true;
   return 0;
}

int pt_next_record(pt_handle_t *h, uint32_t i, int64_t deadline, pt_format_t **format, uint64_t *skipped)
{
   struct pt_input *in = &h->in[i];
   for (;;) {
      int rc = pt_input_wait(h, i, deadline);
      *format = NULL;
      if (rc != TRAP_E_OK) {
         return rc;
      }
      const trap_message_t *m = &in->messages[in->at];
      if (m->size <= 1) {
         return TRAP_E_OK;
      }
      pt_format_t *f = pt_input_format(in);
      if (f == NULL) {
         /* A peer must not end a program; a file, however, has no better format to offer. */
         if (in->fmt != TRAP_FMT_UNIREC || trap_ctx_refuse_format(h->ctx, i) != TRAP_E_OK) {
            return -1;
         }
         PyErr_Clear();
         in->at = in->n = 0;
         continue;
      }
      if (layout_record_size(f->l, m->data, m->size) < 0) {
         (*skipped)++;
         in->at++;
         continue;
      }
      *format = f;
      return TRAP_E_OK;
   }
}

/* -------------------------------------------------------------------- recv() and ack() */

/* The only argument, ifcidx, by position or name. \return whether the call is right; *index is NULL without an argument */
static bool only_index(const char *function, PyObject *const *args, Py_ssize_t n, PyObject *names,
                       PyObject **index)
{
   Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
   if (n + named > 1 ||
       (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "ifcidx") != 0)) {
      PyErr_Format(PyExc_TypeError, "%s() takes at most one argument, ifcidx", function);
      return false;
   }
   *index = n + named == 1 ? args[0] : NULL;
   return true;
}

static void raise_changed(PyObject *data)
{
   PyObject *e = PyObject_CallFunction(pt_format_changed, "s", "Format changed.");
   if (e != NULL && PyObject_SetAttrString(e, "data", data) == 0) {
      PyErr_SetObject(pt_format_changed, e);
   }
   Py_XDECREF(e);
}

static PyObject *take(struct pt_input *in)
{
   const trap_message_t *m = &in->messages[in->at];
   PyObject *data = PyByteArray_FromStringAndSize(m->data, m->size);
   if (data == NULL) {
      return NULL;
   }
   in->at++;
   in->seq = m->seq;
   if (in->changed) {
      in->changed = false;
      raise_changed(data);
      Py_CLEAR(data);
   }
   return data;
}

PyObject *pt_ctx_recv(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
   PyObject *index;
   uint32_t i = 0;
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   if (h == NULL || !only_index("recv", args, n, names, &index)) {
      return NULL;
   }
   struct pt_input *in = pt_input_of(h, index, &i);
   if (in == NULL) {
      return NULL;
   }
   if (!in->busy && in->at < in->n) {
      return take(in);
   }
   pt_enter(h);
   int rc = pt_input_wait(h, i, PT_FOREVER);
   PyObject *data = rc == TRAP_E_OK ? take(in) : rc > 0 ? pt_trap_error(h->ctx, rc) : NULL;
   pt_leave(h);
   return data;
}

/* The input that a method with ifcidx as its only argument is about, which nobody receives from now. */
static struct pt_input *idle_input(PyObject *self, PyObject *args, PyObject *kwargs, const char *format,
                                   pt_handle_t **h, uint32_t *i)
{
   static char *keywords[] = {"ifcidx", NULL};
   PyObject *index = NULL;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords, &index)) {
      return NULL;
   }
   *h = pt_handle((pt_ctx_t *) self);
   struct pt_input *in = *h != NULL ? pt_input_of(*h, index, i) : NULL;
   if (in != NULL && in->busy) {
      PyErr_Format(pt_error, "Input %u: another thread is receiving.", *i);
      return NULL;
   }
   return in;
}

PyObject *pt_ctx_position(PyObject *self, PyObject *args, PyObject *kwargs)
{
   pt_handle_t *h;
   uint32_t i;
   uint64_t instance = 0, position = 0;
   struct pt_input *in = idle_input(self, args, kwargs, "|O:position", &h, &i);
   if (in == NULL) {
      return NULL;
   }
   int rc = in->seq > 0 ? trap_ctx_position(h->ctx, i, in->seq, &instance, &position) : TRAP_E_OK;
   if (rc != TRAP_E_OK) {
      return pt_trap_error(h->ctx, rc);
   }
   return Py_BuildValue("(KK)", (unsigned long long) instance, (unsigned long long) position);
}

PyObject *pt_ctx_ack(PyObject *self, PyObject *args, PyObject *kwargs)
{
   pt_handle_t *h;
   uint32_t i;
   struct pt_input *in = idle_input(self, args, kwargs, "|O:ack", &h, &i);
   if (in == NULL) {
      return NULL;
   }
   int rc = in->seq > 0 ? trap_ctx_ack(h->ctx, i, in->seq) : TRAP_E_OK;
   if (rc != TRAP_E_OK) {
      return pt_trap_error(h->ctx, rc);
   }
   Py_RETURN_NONE;
}

/* ------------------------------------------------------------------------- recvBulk() */

int pt_deadline_in(PyObject *seconds, int64_t *deadline)
{
   double s = PyFloat_AsDouble(seconds);
   if (s == -1.0 && PyErr_Occurred()) {
      return -1;
   }
   *deadline = s > 1e9 ? PT_FOREVER : pt_now() + (s > 0 ? (int64_t) (s * 1e6) : 0);
   return 0;
}

static PyObject *bulk_error(pt_handle_t *h, int rc)
{
   if (rc == TRAP_E_FORMAT_MISMATCH) {
      PyErr_SetString(pt_error, "Connection to incompatible IFC - format mismatch.");
      return NULL;
   }
   return rc > 0 ? pt_trap_error(h->ctx, rc) : NULL;
}

struct bulk {
   pt_handle_t *h;
   struct pt_input *in;
   uint32_t i;
   pt_template_t *tmplt;
   PyObject *list;
   int64_t deadline;
   long long left; /* below 0: no limit */
   uint64_t unreadable;
};

/* Appends a record. One that cannot be read is counted; the first is reported on standard error. */
static int append(struct bulk *b, pt_format_t *f, const trap_message_t *m)
{
   PyObject *dict = pt_get_dict(f, m->data, m->size);
   int rc = dict != NULL ? PyList_Append(b->list, dict) : 0;
   if (dict == NULL && PyErr_ExceptionMatches(pt_error)) {
      if (b->unreadable++ == 0) {
         PyErr_Print();
      } else {
         PyErr_Clear();
      }
   } else if (dict == NULL) {
      rc = -1;
   }
   Py_XDECREF(dict);
   return rc;
}

/* Takes the messages of a batch. \return 1: the end was reached, 0: more, -1: an exception */
static int take_batch(struct bulk *b)
{
   struct pt_input *in = b->in;
   if (in->messages[in->at].size <= 1) {
      in->at++;
      return 1;
   }
   pt_format_t *f = pt_input_format(in);
   if (f == NULL) {
      return -1;
   }
   if (b->tmplt->format != f) {
      pt_template_set_format(b->tmplt, f);
   }
   in->changed = false;
   in->busy = true; /* making objects may run any code, which must not fetch other messages meanwhile */
   pt_format_ref(f);
   int rc = 0;
   while (rc == 0 && in->at < in->n && b->left != 0 && in->messages[in->at].size > 1) {
      const trap_message_t *m = &in->messages[in->at++];
      in->seq = m->seq;
      b->left -= b->left > 0;
      rc = append(b, f, m);
   }
   pt_format_unref(f);
   in->busy = false;
   return rc;
}

static int bulk(struct bulk *b)
{
   bool first = true;
   while (b->left != 0 && (first || pt_now() < b->deadline)) {
      first = false;
      int rc = pt_input_wait(b->h, b->i, b->deadline);
      if (rc == TRAP_E_TIMEOUT || rc == TRAP_E_TERMINATED) {
         return 0;
      }
      if (rc != TRAP_E_OK) {
         /* What was received is returned; a failure of an input is reported again by the next call. */
         if (rc < 0 || PyList_GET_SIZE(b->list) == 0) {
            bulk_error(b->h, rc);
            return -1;
         }
         return 0;
      }
      rc = take_batch(b);
      if (rc != 0) {
         return rc < 0 ? -1 : 0;
      }
      if (PyErr_CheckSignals() != 0) { /* there may always be a next batch */
         return -1;
      }
   }
   return 0;
}

PyObject *pt_ctx_recv_bulk(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"urtempl", "time", "count", "ifcidx", NULL};
   PyObject *tmplt, *seconds, *index = NULL;
   struct bulk b = {.left = 0};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OL|O:recvBulk", keywords, &pt_template_type, &tmplt,
                                    &seconds, &b.left, &index) ||
       pt_deadline_in(seconds, &b.deadline) != 0) {
      return NULL;
   }
   b.h = pt_handle((pt_ctx_t *) self);
   b.in = b.h != NULL ? pt_input_of(b.h, index, &b.i) : NULL;
   b.list = b.in != NULL ? PyList_New(0) : NULL;
   b.tmplt = (pt_template_t *) tmplt;
   if (b.list == NULL) {
      return NULL;
   }
   Py_INCREF(tmplt);
   pt_enter(b.h);
   int rc = bulk(&b);
   pt_leave(b.h);
   if (b.unreadable > 1) {
      PySys_WriteStderr("recvBulk: %llu records could not be read\n", (unsigned long long) b.unreadable);
   }
   Py_CLEAR(b.tmplt->data); /* as after a change of the format */
   Py_DECREF(tmplt);
   if (rc != 0) {
      Py_CLEAR(b.list);
   }
   return b.list;
}

/* --------------------------------------------------------------------------- records() */

typedef struct {
   PyObject_HEAD PyObject *ctx;
   uint32_t i;
   bool ended;
   uint64_t skipped;
} record_iter_t;

PyObject *pt_ctx_records(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"ifcidx", "fields", NULL};
   PyObject *index = NULL;
   const char *fields = NULL;
   uint32_t i;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Oz:records", keywords, &index, &fields)) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   if (h == NULL || pt_input_of(h, index, &i) == NULL || pt_input_require(h, i, fields) != 0) {
      return NULL;
   }
   record_iter_t *it = PyObject_New(record_iter_t, &pt_record_iter_type);
   if (it != NULL) {
      Py_INCREF(self);
      it->ctx = self;
      it->i = i;
      it->ended = false;
      it->skipped = 0;
   }
   return (PyObject *) it;
}

static void record_iter_dealloc(PyObject *self)
{
   Py_DECREF(((record_iter_t *) self)->ctx);
   PyObject_Free(self);
}

/* The record at the front of the input. Its data are bytes, which are copied when the template is first written to. */
static PyObject *take_record(struct pt_input *in, pt_format_t *f)
{
   const trap_message_t *m = &in->messages[in->at];
   PyObject *data = PyBytes_FromStringAndSize(m->data, m->size);
   PyObject *record = data != NULL ? pt_template_new(f, data) : NULL;
   if (record != NULL) {
      in->changed = false;
      in->seq = m->seq;
      in->at++;
   }
   return record;
}

static PyObject *record_iter_next(PyObject *self)
{
   record_iter_t *it = (record_iter_t *) self;
   pt_format_t *f;
   if (it->ended) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) it->ctx);
   if (h == NULL || it->i >= (uint32_t) h->n_in) { /* another init() may have fewer inputs */
      if (h != NULL) {
         PyErr_SetString(pt_error, "Bad index of IFC.");
      }
      return NULL;
   }
   pt_enter(h);
   PyObject *record = NULL;
   int rc = pt_next_record(h, it->i, PT_FOREVER, &f, &it->skipped);
   if (rc == TRAP_E_OK && f != NULL) {
      record = take_record(&h->in[it->i], f);
   } else if (rc == TRAP_E_OK) {
      h->in[it->i].at++;
      it->ended = true;
   } else if (rc == TRAP_E_TERMINATED) {
      it->ended = true;
   } else if (rc > 0) {
      pt_trap_error(h->ctx, rc);
   }
   pt_leave(h);
   return record;
}

static PyObject *record_iter_skipped(PyObject *self, void *unused)
{
   return PyLong_FromUnsignedLongLong(((record_iter_t *) self)->skipped);
}

static PyGetSetDef record_iter_attributes[] = {
    {"skipped", record_iter_skipped, NULL, "malformed records that were left out", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyTypeObject pt_record_iter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.pytrap.RecordIterator",
    .tp_doc = "Goes through the records of an input.",
    .tp_basicsize = sizeof(record_iter_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = record_iter_dealloc,
    .tp_getset = record_iter_attributes,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = record_iter_next,
};
