/* SPDX-License-Identifier: BSD-3-Clause */
/** Sending. */
#include "ctx.h"

/* Is there no other thread that could use the GIL? */
static bool only_thread(void)
{
   PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
   return PyThreadState_Next(first) == NULL;
}

int pt_send_message(pt_handle_t *h, uint32_t i, const char *data, uint16_t size)
{
   int rc;
   if (h->out[i].local &&
       only_thread()) { /* giving the GIL up and taking it again costs as much as all the rest */
      pt_enter(h);
      return trap_ctx_send(h->ctx, i, data, size);
   }
   h->out[i].senders++;
   pt_enter(h);
   Py_BEGIN_ALLOW_THREADS;
   rc = trap_ctx_send(h->ctx, i, data, size);
   Py_END_ALLOW_THREADS;
   h->out[i].senders--;
   return rc; /* pt_leave() is the caller's, after it has asked for the message */
}

static bool can_send(const struct pt_output *out, uint32_t i)
{
   if (out->changing) {
      PyErr_Format(pt_error, "Output %u: another thread is setting its format.", i);
   }
   return !out->changing;
}

static bool fits(Py_ssize_t size)
{
   if (size > UR_MAX_SIZE) {
      PyErr_Format(pt_error, "Data length is out of range (0-%d).", UR_MAX_SIZE);
   }
   return size <= UR_MAX_SIZE;
}

static PyObject *send_object(pt_handle_t *h, uint32_t i, PyObject *data)
{
   PyByteArrayObject *pinned = NULL;
   Py_ssize_t size;
   const char *p;
   if (PyUnicode_Check(data)) {
      p = PyUnicode_AsUTF8AndSize(data, &size);
      if (p == NULL) {
         return NULL;
      }
   } else if (PyBytes_Check(data)) {
      p = PyBytes_AS_STRING(data);
      size = PyBytes_GET_SIZE(data);
   } else if (PyByteArray_Check(data)) {
      pinned = (PyByteArrayObject *) data;
      pinned->ob_exports++; /* as PyObject_GetBuffer(): another thread must not resize it meanwhile */
      p = PyByteArray_AS_STRING(data);
      size = PyByteArray_GET_SIZE(data);
   } else {
      PyErr_SetString(PyExc_TypeError, "Argument data must be of bytes or bytearray type.");
      return NULL;
   }
   PyObject *done = NULL;
   if (fits(size) && can_send(&h->out[i], i)) {
      int rc = pt_send_message(h, i, p, (uint16_t) size);
      if (rc == TRAP_E_OK) {
         done = Py_None;
         Py_INCREF(done);
      } else {
         pt_trap_error(h->ctx, rc);
      }
      pt_leave(h);
   }
   if (pinned != NULL) {
      pinned->ob_exports--;
   }
   return done;
}

PyObject *pt_ctx_send(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
   PyObject *data = n > 0 ? args[0] : NULL, *index = n > 1 ? args[1] : NULL;
   uint32_t i = 0;
   Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
   for (Py_ssize_t k = 0; k < named; k++) {
      PyObject *name = PyTuple_GET_ITEM(names, k);
      PyObject **to = PyUnicode_CompareWithASCIIString(name, "data") == 0     ? &data
                      : PyUnicode_CompareWithASCIIString(name, "ifcidx") == 0 ? &index
                                                                              : NULL;
      if (to == NULL || *to != NULL) {
         PyErr_Format(PyExc_TypeError, "send() got an unexpected or repeated argument '%U'", name);
         return NULL;
      }
      *to = args[n + k];
   }
   if (data == NULL || n + named > 2) {
      PyErr_SetString(PyExc_TypeError, "send() takes the arguments data and, optionally, ifcidx");
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   if (h == NULL || pt_output_of(h, index, &i) == NULL) {
      return NULL;
   }
   return send_object(h, i, data);
}

/* --------------------------------------------------------------------------- sendBulk() */

struct bulk {
   pt_handle_t *h;
   uint32_t i;
   pt_format_t *format;
   char *base, *rec; /* what each record starts as; the record */
   int base_size;
};

static int send_one(struct bulk *b, PyObject *dict, Py_ssize_t number)
{
   if (!PyDict_Check(dict)) {
      PyErr_Format(PyExc_TypeError, "Element %zd: dict expected, not %.100s.", number,
                   Py_TYPE(dict)->tp_name);
      return -1;
   }
   memcpy(b->rec, b->base, (size_t) b->base_size);
   if (pt_set_from_dict(b->format, b->rec, dict, true) != 0 || !can_send(&b->h->out[b->i], b->i)) {
      return -1;
   }
   int size = layout_record_size(b->format->l, b->rec, UR_MAX_SIZE);
   if (size < 0) {
      PyErr_SetString(pt_error, "The record is malformed: its fields do not lie within it.");
      return -1;
   }
   int rc = pt_send_message(b->h, b->i, b->rec, (uint16_t) size);
   if (rc == TRAP_E_TERMINATED || rc == TRAP_E_TIMEOUT) {
      PyErr_Format(rc == TRAP_E_TIMEOUT ? pt_timeout : pt_terminated, "Sending failed: %s",
                   trap_ctx_get_last_error_msg(b->h->ctx));
   } else if (rc != TRAP_E_OK) {
      PyErr_Format(pt_error, "Sending failed: %s", trap_ctx_get_last_error_msg(b->h->ctx));
   }
   pt_leave(b->h);
   return rc == TRAP_E_OK ? 0 : -1;
}

static int send_all(struct bulk *b, pt_template_t *t, PyObject *data)
{
   char *rec;
   size_t size;
   if ((t->data == NULL && pt_template_create_message(t, 1000) != 0) || !pt_bytes(t->data, &rec, &size)) {
      return -1;
   }
   b->base_size = layout_record_size(b->format->l, rec, size);
   if (b->base_size < 0) {
      PyErr_SetString(pt_error, "The template's record is malformed: its fields do not lie within it.");
      return -1;
   }
   b->base = malloc(2 * (size_t) UR_MAX_SIZE);
   if (b->base == NULL) {
      PyErr_NoMemory();
      return -1;
   }
   b->rec = b->base + UR_MAX_SIZE;
   memcpy(b->base, rec, (size_t) b->base_size);
   int rc = 0;
   for (Py_ssize_t k = 0; rc == 0 && k < PySequence_Size(data); k++) {
      PyObject *dict = PySequence_GetItem(data, k);
      rc = dict != NULL ? send_one(b, dict, k) : -1;
      Py_XDECREF(dict);
   }
   free(b->base);
   return rc != 0 || PyErr_Occurred() ? -1 : 0;
}

PyObject *pt_ctx_send_bulk(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"urtempl", "data", "ifcidx", NULL};
   PyObject *tmplt, *data, *index = NULL;
   struct bulk b = {.h = pt_handle((pt_ctx_t *) self)};
   if (b.h == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O!O|O:sendBulk", keywords,
                                                   &pt_template_type, &tmplt, &data, &index)) {
      return NULL;
   }
   if (!PySequence_Check(data) || PyDict_Check(data)) {
      PyErr_SetString(PyExc_TypeError, "Data argument must be a sequence of dict().");
      return NULL;
   }
   if (pt_output_of(b.h, index, &b.i) == NULL) {
      return NULL;
   }
   b.format = pt_format_ref(((pt_template_t *) tmplt)->format);
   pt_enter(b.h);
   int rc = send_all(&b, (pt_template_t *) tmplt, data);
   pt_leave(b.h);
   pt_format_unref(b.format);
   if (rc != 0) {
      return NULL;
   }
   Py_RETURN_NONE;
}
