/* SPDX-License-Identifier: BSD-3-Clause */
/** What pytrap is compared with: loops in C that only build the same dictionaries, and that only fill the same columns. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include <unirec/unirec.h>

#define FIELDS                                                                                      \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 " \
   "DST_PORT,uint16 "                                                                               \
   "SRC_PORT,uint8 PROTOCOL,string NOTE"

/* A new object that is equal to one of a record. */
static PyObject *again(PyObject *o)
{
   if (PyLong_Check(o)) {
      return PyLong_FromUnsignedLongLong(PyLong_AsUnsignedLongLong(o));
   }
   if (PyUnicode_Check(o)) {
      Py_ssize_t n;
      const char *text = PyUnicode_AsUTF8AndSize(o, &n);
      return PyUnicode_DecodeUTF8(text, n, NULL);
   }
   PyTypeObject *type = Py_TYPE(o); /* an address or a time */
   PyObject *copy = _PyObject_New(type);
   if (copy != NULL) {
      memcpy((char *) copy + sizeof(PyObject), (char *) o + sizeof(PyObject),
             (size_t) type->tp_basicsize - sizeof(PyObject));
   }
   return copy;
}

/* dicts(sample, n): a list of n dictionaries equal to a sample */
static PyObject *dicts(PyObject *self, PyObject *args)
{
   PyObject *sample;
   Py_ssize_t n;
   if (!PyArg_ParseTuple(args, "O!n", &PyDict_Type, &sample, &n)) {
      return NULL;
   }
   PyObject *list = PyList_New(0);
   for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
      PyObject *key, *value, *dict = PyDict_New();
      Py_ssize_t at = 0;
      while (dict != NULL && PyDict_Next(sample, &at, &key, &value)) {
         PyObject *copy = again(value);
         if (copy == NULL || PyDict_SetItem(dict, key, copy) != 0) {
            Py_CLEAR(dict);
         }
         Py_XDECREF(copy);
      }
      if (dict == NULL || PyList_Append(list, dict) != 0) {
         Py_CLEAR(list);
      }
      Py_XDECREF(dict);
   }
   return list;
}

struct columns {
   char *dst, *src, *text;
   uint64_t *bytes;
   int64_t *first, *last, *text_at;
   uint32_t *packets;
   uint16_t *dst_port, *src_port;
   uint8_t *protocol;
   size_t n, room, text_room;
};

static void grow(struct columns *c)
{
   c->room = c->room == 0 ? 4096 : 2 * c->room;
   c->dst = realloc(c->dst, 16 * c->room);
   c->src = realloc(c->src, 16 * c->room);
   c->bytes = realloc(c->bytes, 8 * c->room);
   c->first = realloc(c->first, 8 * c->room);
   c->last = realloc(c->last, 8 * c->room);
   c->packets = realloc(c->packets, 4 * c->room);
   c->dst_port = realloc(c->dst_port, 2 * c->room);
   c->src_port = realloc(c->src_port, 2 * c->room);
   c->protocol = realloc(c->protocol, c->room);
   c->text_at = realloc(c->text_at, 8 * (c->room + 1));
   c->text_at[0] = 0;
}

static int64_t nanoseconds(const char *p)
{
   ur_time_t t;
   memcpy(&t, p, sizeof(t));
   return (int64_t) ur_time_get_sec(t) * 1000000000 + ur_time_get_nsec(t);
}

/* One record, whose offsets are known beforehand. */
static void add(struct columns *c, const ur_template_t *t, const int *at, const char *rec)
{
   if (c->n == c->room) {
      grow(c);
   }
   size_t i = c->n++;
   memcpy(c->dst + 16 * i, rec + at[0], 16);
   memcpy(c->src + 16 * i, rec + at[1], 16);
   memcpy(&c->bytes[i], rec + at[2], 8);
   c->first[i] = nanoseconds(rec + at[3]);
   c->last[i] = nanoseconds(rec + at[4]);
   memcpy(&c->packets[i], rec + at[5], 4);
   memcpy(&c->dst_port[i], rec + at[6], 2);
   memcpy(&c->src_port[i], rec + at[7], 2);
   c->protocol[i] = (uint8_t) rec[at[8]];
   uint16_t d[2];
   memcpy(d, rec + at[9], 4);
   size_t end = (size_t) c->text_at[i] + d[1];
   if (end > c->text_room) {
      c->text_room = 2 * end + 4096;
      c->text = realloc(c->text, c->text_room);
   }
   memcpy(c->text + c->text_at[i], rec + t->static_size + d[0], d[1]);
   c->text_at[i + 1] = (int64_t) end;
}

static size_t read_columns(const char *spec)
{
   static const char *const names[] = {"DST_IP",  "SRC_IP",   "BYTES",    "TIME_FIRST", "TIME_LAST",
                                       "PACKETS", "DST_PORT", "SRC_PORT", "PROTOCOL",   "NOTE"};
   struct columns c = {.n = 0};
   int at[10];
   trap_message_t m[256];
   uint32_t n;
   ur_template_t *t = ur_define_fields_and_update_template(FIELDS, NULL);
   trap_ctx_t *ctx = trap_ctx_init3("loops", "", 1, 0, spec, NULL);
   if (ctx == NULL || t == NULL) {
      return 0;
   }
   for (int i = 0; i < 10; i++) {
      at[i] = t->offset[ur_get_id_by_name(names[i])];
   }
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, FIELDS);
   for (bool end = false; !end && trap_ctx_recv_batch(ctx, 0, m, 256, &n) == TRAP_E_OK;) {
      for (uint32_t i = 0; i < n && !end; i++) {
         end = m[i].size <= 1;
         if (!end && ur_rec_check(t, m[i].data, m[i].size)) {
            add(&c, t, at, m[i].data);
         }
      }
   }
   void *const all[] = {c.dst,     c.src,     c.text,     c.bytes,    c.first,   c.last,
                        c.text_at, c.packets, c.dst_port, c.src_port, c.protocol};
   for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
      free(all[i]);
   }
   trap_ctx_finalize(&ctx);
   ur_free_template(t);
   return c.n;
}

/* columns(spec): reads an input into columns; returns the number of records */
static PyObject *columns(PyObject *self, PyObject *spec)
{
   const char *text = PyUnicode_AsUTF8(spec);
   return text != NULL ? PyLong_FromSize_t(read_columns(text)) : NULL;
}

static PyMethodDef functions[] = {
    {"dicts", dicts, METH_VARARGS, NULL}, {"columns", columns, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "pytrap_loops", .m_size = -1,
                                        .m_methods = functions};

PyMODINIT_FUNC PyInit_pytrap_loops(void);

PyMODINIT_FUNC PyInit_pytrap_loops(void)
{
   PyObject *m = PyModule_Create(&definition);
   if (m != NULL) {
      PyModule_AddStringConstant(m, "FIELDS", FIELDS);
   }
   return m;
}
