/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of fields as Python objects, and back. */
#include "pt.h"

PyObject *pt_malformed(const struct layout_field *f)
{
   PyErr_Format(pt_error, "The record is malformed: field %s does not lie within it.", f->name);
   return NULL;
}

bool pt_bytes(PyObject *o, char **data, size_t *size)
{
   if (PyBytes_Check(o)) {
      *data = PyBytes_AS_STRING(o);
      *size = (size_t) PyBytes_GET_SIZE(o);
   } else if (PyByteArray_Check(o)) {
      *data = PyByteArray_AS_STRING(o);
      *size = (size_t) PyByteArray_GET_SIZE(o);
   } else {
      PyErr_Format(PyExc_TypeError, "Argument data must be of bytes or bytearray type, not %.100s.",
                   Py_TYPE(o)->tp_name);
      return false;
   }
   return true;
}

int pt_pin(PyObject *data, Py_buffer *pin)
{
   return PyObject_GetBuffer(data, pin, PyBUF_SIMPLE);
}

/* ------------------------------------------------------------------------- from records */

#define LOAD(type, p)                       \
   ({                                       \
      type value_;                          \
      memcpy(&value_, (p), sizeof(value_)); \
      value_;                               \
   })

/* One value or element. int8 is a number here. */
static inline PyObject *element(uint8_t type, const char *p)
{
   switch (type) {
   case UR_TYPE_CHAR:
   case UR_TYPE_INT8: return PyLong_FromLong((signed char) *p);
   case UR_TYPE_UINT8: return PyLong_FromLong((unsigned char) *p);
   case UR_TYPE_INT16: return PyLong_FromLong(LOAD(int16_t, p));
   case UR_TYPE_UINT16: return PyLong_FromLong(LOAD(uint16_t, p));
   case UR_TYPE_INT32: return PyLong_FromLong(LOAD(int32_t, p));
   case UR_TYPE_UINT32: return PyLong_FromLong(LOAD(uint32_t, p));
   case UR_TYPE_INT64: return PyLong_FromLongLong(LOAD(int64_t, p));
   case UR_TYPE_UINT64: return PyLong_FromUnsignedLongLong(LOAD(uint64_t, p));
   case UR_TYPE_FLOAT: return PyFloat_FromDouble((double) LOAD(float, p));
   case UR_TYPE_DOUBLE: return PyFloat_FromDouble(LOAD(double, p));
   case UR_TYPE_IP: return pt_ip_new(p);
   case UR_TYPE_MAC: return pt_mac_new(p);
   default: return pt_time_new(LOAD(ur_time_t, p));
   }
}

static PyObject *list_of(const struct layout *l, const struct layout_field *f, const char *rec, size_t size)
{
   const char *p;
   size_t length;
   if (!layout_locate(l, f, rec, size, &p, &length)) {
      return pt_malformed(f);
   }
   size_t n = length / f->size;
   PyObject *list = PyList_New((Py_ssize_t) n);
   for (size_t i = 0; list != NULL && i < n; i++) {
      PyObject *o = element(f->element, p + i * f->size);
      if (o == NULL) {
         Py_CLEAR(list);
      } else {
         PyList_SET_ITEM(list, (Py_ssize_t) i, o);
      }
   }
   return list;
}

PyObject *pt_value_get(const struct layout *l, const struct layout_field *f, const char *rec, size_t size)
{
   const char *p;
   size_t length;
   if (!layout_locate(l, f, rec, size, &p, &length)) {
      return pt_malformed(f);
   }
   switch (f->type) {
   case UR_TYPE_INT8: return PyBytes_FromStringAndSize(p, 1); /* as ever */
   case UR_TYPE_STRING: return PyUnicode_DecodeUTF8(p, (Py_ssize_t) length, "replace");
   case UR_TYPE_BYTES: return PyByteArray_FromStringAndSize(p, (Py_ssize_t) length);
   default: return f->variable ? list_of(l, f, rec, size) : element(f->type, p);
   }
}

PyObject *pt_value_of(const struct layout *l, const struct layout_field *f, PyObject *data)
{
   char *rec;
   size_t size;
   Py_buffer pin;
   if (!f->variable || f->type == UR_TYPE_STRING || f->type == UR_TYPE_BYTES) {
      return pt_bytes(data, &rec, &size) ? pt_value_get(l, f, rec, size) : NULL;
   }
   if (pt_pin(data, &pin) != 0) { /* making a list may run the garbage collector, and that anything */
      return NULL;
   }
   PyObject *value = pt_value_get(l, f, pin.buf, (size_t) pin.len);
   PyBuffer_Release(&pin);
   return value;
}

/* --------------------------------------------------------------------------- to records */

static int wrong_type(const struct layout_field *f, const char *expected, PyObject *v)
{
   PyErr_Format(PyExc_TypeError, "Field %s: %s expected, not %.100s.", f->name, expected,
                Py_TYPE(v)->tp_name);
   return -1;
}

/* A number modulo 2^64. \param is_signed it has to fit int64_t; otherwise -2^63 to 2^64-1 when \p strict */
static int integer(const struct layout_field *f, PyObject *v, bool is_signed, bool strict, uint64_t *to)
{
   PyObject *index = NULL;
   if (!PyLong_Check(v)) {
      if (!PyIndex_Check(v)) {
         return wrong_type(f, "int", v);
      }
      v = index = PyNumber_Index(v);
      if (index == NULL) {
         return -1;
      }
   }
   int overflow = 0;
   long long n = PyLong_AsLongLongAndOverflow(v, &overflow);
   *to = (uint64_t) n;
   if (overflow != 0 && (!strict || (overflow > 0 && !is_signed))) {
      *to = strict ? PyLong_AsUnsignedLongLong(v) : PyLong_AsUnsignedLongLongMask(v);
   } else if (overflow != 0) {
      PyErr_Format(PyExc_OverflowError, "Field %s: the number is too large for %s.", f->name,
                   ur_field_type_str[f->element]);
   }
   Py_XDECREF(index);
   return PyErr_Occurred() ? -1 : 0;
}

static int number(const struct layout_field *f, PyObject *v, char *to)
{
   double d = PyFloat_AsDouble(v);
   if (d == -1.0 && PyErr_Occurred()) {
      return PyErr_ExceptionMatches(PyExc_TypeError) ? wrong_type(f, "float or int", v) : -1;
   }
   if (f->element == UR_TYPE_FLOAT) {
      float narrow = (float) d;
      memcpy(to, &narrow, sizeof(narrow));
   } else {
      memcpy(to, &d, sizeof(d));
   }
   return 0;
}

/* An address or a time, as an object or as text. */
static int object(const struct layout_field *f, PyObject *v, char *to)
{
   ip_addr_t ip;
   mac_addr_t mac;
   ur_time_t time;
   bool text = PyUnicode_Check(v);
   switch (f->element) {
   case UR_TYPE_IP:
      if (text ? pt_ip_parse(v, &ip) != 0 : !PT_IS_IP(v)) {
         return text ? -1 : wrong_type(f, "UnirecIPAddr or str", v);
      }
      memcpy(to, text ? &ip : &((pt_ip_t *) v)->ip, sizeof(ip));
      return 0;
   case UR_TYPE_MAC:
      if (text ? pt_mac_parse(v, &mac) != 0 : !PT_IS_MAC(v)) {
         return text ? -1 : wrong_type(f, "UnirecMACAddr or str", v);
      }
      memcpy(to, text ? &mac : &((pt_mac_t *) v)->mac, sizeof(mac));
      return 0;
   default:
      if (text ? pt_time_parse(v, &time) != 0 : !PT_IS_TIME(v)) {
         return text ? -1 : wrong_type(f, "UnirecTime or str", v);
      }
      memcpy(to, text ? &time : &((pt_time_t *) v)->time, sizeof(time));
      return 0;
   }
}

/* One value or element. Runs Python code of the value's type, so no pointer into a record may be kept across it. */
static int convert(const struct layout_field *f, PyObject *v, char *to)
{
   uint64_t n;
   switch (f->element) {
   case UR_TYPE_CHAR: PyErr_SetString(PyExc_NotImplementedError, "Unknown UniRec field type."); return -1;
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: return number(f, v, to);
   case UR_TYPE_IP:
   case UR_TYPE_MAC:
   case UR_TYPE_TIME: return object(f, v, to);
   default: {
      bool is_signed = f->element != UR_TYPE_UINT64;
      if (integer(f, v, is_signed, f->variable || f->size == 8, &n) != 0) {
         return -1;
      }
      memcpy(to, &n, f->size); /* little endian: the low bytes, which is modulo the width */
      return 0;
   }
   }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are cut from 64 bits");

/* A variable-length value; text is that of the object, other bytes are in memory. */
struct bytes {
   const char *data;
   size_t n;
   char *memory;
   char small[64];
};

static int take_memory(struct bytes *b, size_t n)
{
   b->n = n;
   b->memory = n > sizeof(b->small) ? malloc(n) : NULL;
   b->data = b->memory != NULL ? b->memory : b->small;
   if (n > sizeof(b->small) && b->memory == NULL) {
      PyErr_NoMemory();
      return -1;
   }
   return 0;
}

static int convert_list(const struct layout_field *f, PyObject *list, struct bytes *b)
{
   Py_ssize_t n = PyList_GET_SIZE(list);
   if ((size_t) n > UR_MAX_SIZE / f->size) {
      PyErr_Format(pt_error, "Field %s: %zd elements do not fit into a record of %d bytes.", f->name, n,
                   UR_MAX_SIZE);
      return -1;
   }
   if (take_memory(b, (size_t) n * f->size) != 0) {
      return -1;
   }
   char *to = b->memory != NULL ? b->memory : b->small;
   for (Py_ssize_t i = 0; i < n; i++) {
      if (i >= PyList_GET_SIZE(list)) { /* the conversion of an element has changed the list */
         PyErr_Format(PyExc_ValueError, "Field %s: the list was changed while it was read.", f->name);
         return -1;
      }
      PyObject *o = PyList_GET_ITEM(list, i);
      Py_INCREF(o);
      int rc = convert(f, o, to + (size_t) i * f->size);
      Py_DECREF(o);
      if (rc != 0) {
         return -1;
      }
   }
   return 0;
}

static int convert_variable(const struct layout_field *f, PyObject *v, struct bytes *b)
{
   char *data;
   size_t size;
   Py_ssize_t n;
   b->memory = NULL;
   if (f->type == UR_TYPE_STRING) {
      if (!PyUnicode_Check(v)) {
         PyErr_SetString(PyExc_TypeError, "String object expected.");
         return -1;
      }
      b->data = PyUnicode_AsUTF8AndSize(v, &n);
      b->n = (size_t) n;
      return b->data != NULL ? 0 : -1;
   }
   if (f->type == UR_TYPE_BYTES) {
      if (!pt_bytes(v, &data, &size)) {
         return -1;
      }
      b->data = data;
      b->n = size;
      if (PyByteArray_Check(v)) { /* it may be the record itself, which grows */
         if (take_memory(b, size) != 0) {
            return -1;
         }
         memcpy(b->memory != NULL ? b->memory : b->small, data, size);
      }
      return 0;
   }
   if (PyList_Check(v)) {
      return convert_list(f, v, b);
   }
   bool real = f->element == UR_TYPE_FLOAT || f->element == UR_TYPE_DOUBLE;
   if (real && !PyFloat_Check(v)) {
      return wrong_type(f, "float or list of numbers", v);
   }
   return take_memory(b, f->size) != 0 ? -1 : convert(f, v, b->memory != NULL ? b->memory : b->small);
}

/* Puts converted bytes into a record of size bytes that array, if not NULL, holds and that may then grow. */
static int put(const struct layout *l, const struct layout_field *f, char *rec, size_t size, PyObject *array,
               const struct bytes *b)
{
   int need = layout_size_with(l, f, rec, array != NULL ? size : UR_MAX_SIZE, b->n);
   if (need < 0) {
      pt_malformed(f);
      return -1;
   }
   if (need > UR_MAX_SIZE) {
      PyErr_Format(pt_error, "Field %s: with %zu bytes the record would be longer than %d bytes.", f->name,
                   b->n, UR_MAX_SIZE);
      return -1;
   }
   if ((size_t) need > size) {
      if (PyByteArray_Resize(array, need) != 0) {
         return -1;
      }
      rec = PyByteArray_AS_STRING(array);
      memset(rec + size, 0, (size_t) need - size);
      size = (size_t) need;
   }
   if (!layout_set_variable(l, f, rec, size, b->data, b->n)) {
      PyErr_Format(pt_error, "Field %s could not be set.", f->name);
      return -1;
   }
   return 0;
}

int pt_value_set_in(const struct layout *l, const struct layout_field *f, char *rec, PyObject *value)
{
   char bytes[16];
   if (!f->variable) {
      int rc = convert(f, value, bytes);
      if (rc == 0) {
         memcpy(rec + f->offset, bytes, f->size);
      }
      return rc;
   }
   struct bytes b;
   int rc = convert_variable(f, value, &b);
   rc = rc == 0 ? put(l, f, rec, UR_MAX_SIZE, NULL, &b) : rc;
   free(b.memory);
   return rc;
}

int pt_value_set(const struct layout *l, const struct layout_field *f, PyObject *array, PyObject *value)
{
   char bytes[16];
   if (!f->variable) {
      if (convert(f, value, bytes) != 0) {
         return -1;
      }
      if ((size_t) f->offset + f->size > (size_t) PyByteArray_GET_SIZE(array)) {
         pt_malformed(f);
         return -1;
      }
      memcpy(PyByteArray_AS_STRING(array) + f->offset, bytes, f->size);
      return 0;
   }
   struct bytes b;
   int rc = convert_variable(f, value, &b);
   if (rc == 0) {
      rc = put(l, f, PyByteArray_AS_STRING(array), (size_t) PyByteArray_GET_SIZE(array), array, &b);
   }
   free(b.memory);
   return rc;
}
