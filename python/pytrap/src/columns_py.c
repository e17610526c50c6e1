/* SPDX-License-Identifier: BSD-3-Clause */
/** recvColumns() and sendColumns(): records as arrays. What they become is up to pytrap/columns.py. */
#include "columns.h"
#include "ctx.h"

/* ------------------------------------------------------------- memory that Python can use */

typedef struct {
   PyObject_HEAD void *data;
   Py_ssize_t size;
} buffer_t;

/* Takes over memory from malloc(). */
static PyObject *new_buffer(void *data, size_t size)
{
   buffer_t *b = PyObject_New(buffer_t, &pt_buffer_type);
   if (b == NULL) {
      free(data);
      return NULL;
   }
   b->data = data;
   b->size = (Py_ssize_t) size;
   return (PyObject *) b;
}

static void buffer_dealloc(PyObject *self)
{
   free(((buffer_t *) self)->data);
   PyObject_Free(self);
}

static int buffer_get(PyObject *self, Py_buffer *view, int flags)
{
   static char nothing;
   const buffer_t *b = (buffer_t *) self;
   return PyBuffer_FillInfo(view, self, b->data != NULL ? b->data : &nothing, b->size, 0, flags);
}

static PyBufferProcs buffer_procs = {.bf_getbuffer = buffer_get};

PyTypeObject pt_buffer_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.pytrap.Buffer",
    .tp_doc = "Memory of a column.",
    .tp_basicsize = sizeof(buffer_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = buffer_dealloc,
    .tp_as_buffer = &buffer_procs,
};

/* A function or class of pytrap/columns.py. */
static PyObject *of_columns(const char *name)
{
   PyObject *module = PyImport_ImportModule("pytrap.columns");
   PyObject *o = module != NULL ? PyObject_GetAttrString(module, name) : NULL;
   Py_XDECREF(module);
   return o;
}

/* ------------------------------------------------------------------------- recvColumns() */

struct receiving {
   pt_handle_t *h;
   struct pt_input *in;
   uint32_t i;
   int64_t deadline;
   long long left; /* below 0: no limit */
   pt_format_t *format;
   struct columns c;
   uint64_t skipped;
   bool ended;
};

/* Takes the valid records at the front of the batch. */
static int take_batch(struct receiving *r)
{
   struct pt_input *in = r->in;
   const trap_message_t *m = &in->messages[in->at];
   uint32_t n = 1, most = in->n - in->at; /* the first one is valid */
   if (r->left >= 0 && most > r->left) {
      most = (uint32_t) r->left;
   }
   bool good;
   in->busy = true;
   Py_BEGIN_ALLOW_THREADS;
   while (n < most && m[n].size > 1 && layout_record_size(r->format->l, m[n].data, m[n].size) >= 0) {
      n++;
   }
   good = columns_append(&r->c, m, n);
   Py_END_ALLOW_THREADS;
   in->busy = false;
   if (!good) {
      PyErr_NoMemory();
      return -1;
   }
   in->changed = false;
   in->seq = m[n - 1].seq;
   in->at += n;
   r->left -= r->left > 0 ? n : 0;
   return PyErr_CheckSignals();
}

static int receive(struct receiving *r)
{
   for (bool first = true; r->left != 0 && (first || r->deadline == PT_FOREVER || pt_now() < r->deadline);
        first = false) {
      pt_format_t *f;
      int rc = pt_next_record(r->h, r->i, r->deadline, &f, &r->skipped);
      if (rc == TRAP_E_TIMEOUT || rc == TRAP_E_TERMINATED) {
         r->ended = rc == TRAP_E_TERMINATED;
         return 0;
      }
      if (rc != TRAP_E_OK && r->c.n > 0 && rc > 0) {
         return 0; /* the next call reports it again */
      }
      if (rc != TRAP_E_OK) {
         if (rc > 0) {
            pt_trap_error(r->h->ctx, rc);
         }
         return -1;
      }
      if (f == NULL) {
         r->in->at++;
         r->ended = true;
         return 0;
      }
      if (r->format == NULL) {
         r->format = pt_format_ref(f);
         if (!columns_init(&r->c, f->l)) {
            PyErr_NoMemory();
            return -1;
         }
      } else if (r->format != f) {
         return 0; /* they begin the next call's */
      }
      if (take_batch(r) != 0) {
         return -1;
      }
   }
   return 0;
}

/* A column, (offsets, data) or data; its memory goes to Python. */
static PyObject *take_column(struct column *column, size_t n)
{
   PyObject *offsets = NULL, *data = new_buffer(column->data, column->used);
   column->data = NULL;
   if (column->offsets == NULL || data == NULL) {
      return data;
   }
   offsets = new_buffer(column->offsets, (n + 1) * sizeof(*column->offsets));
   column->offsets = NULL;
   return offsets != NULL ? Py_BuildValue("(NN)", offsets, data) : (Py_DECREF(data), NULL);
}

/* A dictionary from names to (type, column). */
static PyObject *take_columns(struct receiving *r)
{
   PyObject *all = PyDict_New();
   for (int i = 0; all != NULL && r->format != NULL && i < r->format->l->count; i++) {
      PyObject *column = take_column(&r->c.columns[i], r->c.n);
      PyObject *item = column != NULL
                           ? Py_BuildValue("(sN)", ur_field_type_str[r->format->l->fields[i].type], column)
                           : NULL;
      if (item == NULL || PyDict_SetItem(all, PyTuple_GET_ITEM(r->format->names, i), item) != 0) {
         Py_CLEAR(all);
      }
      Py_XDECREF(item);
   }
   return all;
}

PyObject *pt_ctx_recv_columns(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"count", "time", "ifcidx", "fields", NULL};
   PyObject *index = NULL, *seconds = Py_None, *result = NULL;
   const char *fields = NULL;
   struct receiving r = {.left = -1, .deadline = PT_FOREVER};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|LOOz:recvColumns", keywords, &r.left, &seconds, &index,
                                    &fields) ||
       (seconds != Py_None && pt_deadline_in(seconds, &r.deadline) != 0)) {
      return NULL;
   }
   r.h = pt_handle((pt_ctx_t *) self);
   r.in = r.h != NULL ? pt_input_of(r.h, index, &r.i) : NULL;
   PyObject *make = r.in != NULL && pt_input_require(r.h, r.i, fields) == 0 ? of_columns("Columns") : NULL;
   if (make == NULL) {
      return NULL;
   }
   pt_enter(r.h);
   int rc = receive(&r);
   pt_leave(r.h);
   PyObject *all = rc == 0 ? take_columns(&r) : NULL;
   if (all != NULL) {
      result = PyObject_CallFunction(make, "NnOK", all, (Py_ssize_t) r.c.n, r.ended ? Py_True : Py_False,
                                     (unsigned long long) r.skipped);
   }
   if (r.format != NULL) {
      columns_free(&r.c);
      pt_format_unref(r.format);
   }
   Py_DECREF(make);
   return result;
}

/* ------------------------------------------------------------------------- sendColumns() */

#define SENT_AT_ONCE 1024 /* records between looks at signals */

struct sending {
   pt_handle_t *h;
   uint32_t i;
   pt_format_t *format;
   size_t n;
   struct column_source *sources;
   Py_buffer *pins; /* two a field */
   char rec[UR_MAX_SIZE + 16];
};

/* Memory of an object. The reference that the view holds keeps it. */
static int pin(PyObject *o, Py_buffer *view)
{
   return PyObject_GetBuffer(o, view, PyBUF_SIMPLE);
}

static int set_sources(struct sending *s, PyObject *columns)
{
   const struct layout *l = s->format->l;
   if (!PyList_Check(columns) || PyList_GET_SIZE(columns) != l->count) {
      PyErr_SetString(PyExc_TypeError, "sendColumns(): a column for each field expected.");
      return -1;
   }
   for (int i = 0; i < l->count; i++) {
      PyObject *o = PyList_GET_ITEM(columns, i), *data = o;
      Py_buffer *view = &s->pins[2 * i];
      if (o == Py_None) {
         continue;
      }
      if (l->fields[i].variable) {
         if (!PyTuple_Check(o) || PyTuple_GET_SIZE(o) != 2 || pin(PyTuple_GET_ITEM(o, 0), view + 1) != 0) {
            if (!PyErr_Occurred()) {
               PyErr_Format(PyExc_TypeError, "Field %s: offsets and data expected.", l->fields[i].name);
            }
            return -1;
         }
         if ((uintptr_t) view[1].buf % sizeof(int64_t) != 0) {
            PyErr_Format(PyExc_ValueError, "Field %s: the offsets are not aligned.", l->fields[i].name);
            return -1;
         }
         if ((size_t) view[1].len / sizeof(int64_t) < s->n + 1) {
            PyErr_Format(PyExc_ValueError, "Field %s: expected %zu offsets.", l->fields[i].name, s->n + 1);
            return -1;
         }
         s->sources[i].offsets = view[1].buf;
         data = PyTuple_GET_ITEM(o, 1);
      }
      if (pin(data, view) != 0) {
         return -1;
      }
      s->sources[i].data = view->buf != NULL ? view->buf : s->rec;
      s->sources[i].size = (size_t) view->len;
   }
   int bad = columns_check(l, s->sources, s->n);
   if (bad >= 0) {
      PyErr_Format(PyExc_ValueError,
                   "Field %s: the column does not have %zu values, or its offsets are wrong.",
                   l->fields[bad].name, s->n);
      return -1;
   }
   return 0;
}

static int send_records(struct sending *s)
{
   struct pt_output *out = &s->h->out[s->i];
   size_t at = 0;
   while (at < s->n) {
      int rc = TRAP_E_OK, size = 0;
      if (out->changing) {
         PyErr_Format(pt_error, "Output %u: another thread is setting its format.", s->i);
         return -1;
      }
      out->senders++;
      Py_BEGIN_ALLOW_THREADS;
      for (size_t end = s->n - at > SENT_AT_ONCE ? at + SENT_AT_ONCE : s->n; rc == TRAP_E_OK && at < end;
           at += rc == TRAP_E_OK) {
         size = columns_record(s->format->l, s->sources, at, s->rec);
         if (size < 0) {
            break;
         }
         rc = trap_ctx_send(s->h->ctx, s->i, s->rec, (uint16_t) size);
      }
      Py_END_ALLOW_THREADS;
      out->senders--;
      if (size < 0) {
         PyErr_Format(pt_error, "Record %zu would be longer than %d bytes.", at, UR_MAX_SIZE);
         return -1;
      }
      if (rc != TRAP_E_OK) {
         pt_trap_error(s->h->ctx, rc);
         return -1;
      }
      if (PyErr_CheckSignals() != 0) {
         return -1;
      }
   }
   return 0;
}

static PyObject *send_prepared(struct sending *s, PyObject *tmplt, PyObject *columns)
{
   PyObject *prepare = of_columns("prepare"), *done = NULL, *list;
   PyObject *prepared = prepare != NULL ? PyObject_CallFunctionObjArgs(prepare, tmplt, columns, NULL) : NULL;
   Py_ssize_t n;
   Py_XDECREF(prepare);
   if (prepared != NULL && PyArg_ParseTuple(prepared, "nO", &n, &list)) {
      s->n = (size_t) n;
      if (set_sources(s, list) == 0 && send_records(s) == 0) {
         done = Py_None;
         Py_INCREF(done);
      }
   }
   for (int i = 0; i < 2 * s->format->l->count; i++) {
      if (s->pins[i].obj != NULL) {
         PyBuffer_Release(&s->pins[i]);
      }
   }
   Py_XDECREF(prepared);
   return done;
}

PyObject *pt_ctx_send_columns(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"urtempl", "columns", "ifcidx", NULL};
   PyObject *tmplt, *columns, *index = NULL, *done = NULL;
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   uint32_t i;
   if (h == NULL ||
       !PyArg_ParseTupleAndKeywords(args, kwargs, "O!O|O:sendColumns", keywords, &pt_template_type, &tmplt,
                                    &columns, &index) ||
       pt_output_of(h, index, &i) == NULL) {
      return NULL;
   }
   struct sending *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      return PyErr_NoMemory();
   }
   s->h = h;
   s->i = i;
   s->format = pt_format_ref(((pt_template_t *) tmplt)->format);
   s->sources = calloc(s->format->l->count + 1u, sizeof(*s->sources));
   s->pins = calloc(2 * (s->format->l->count + 1u), sizeof(*s->pins));
   pt_enter(h);
   if (s->sources != NULL && s->pins != NULL) {
      done = send_prepared(s, tmplt, columns);
   } else {
      PyErr_NoMemory();
   }
   pt_leave(h);
   pt_format_unref(s->format);
   free(s->sources);
   free(s->pins);
   free(s);
   return done;
}
