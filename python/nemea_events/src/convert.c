/* SPDX-License-Identifier: BSD-3-Clause */
/** Python objects as alerts and JSON, and back. Any code may run while an object is read, so nothing of it is kept without a reference. */
#include "ne.h"

#include <stdlib.h>
#include <string.h>

#define LAYOUT      "nemea_events.layout"
#define MAX_LAYOUTS 64 /* that are kept; formats of senders */

/* What is left of the bounds of an object. */
struct budget {
   size_t values, bytes;
};

PyObject *ne_text(PyObject *o, const char *what)
{
   if (!PyUnicode_Check(o)) {
      PyErr_Format(PyExc_TypeError, "%s must be str, not %R", what, (PyObject *) Py_TYPE(o));
      return NULL;
   }
   return PyUnicode_AsEncodedString(o, "utf-8", "replace");
}

const char *ne_chars(PyObject *bytes)
{
   return PyBytes_AsString(bytes);
}

PyObject *ne_tuple(const char *const *names, size_t n)
{
   PyObject *tuple = PyTuple_New((Py_ssize_t) n);
   for (size_t i = 0; tuple != NULL && i < n; i++) {
      PyObject *name = PyUnicode_FromString(names[i]);
      if (name == NULL || PyTuple_SetItem(tuple, (Py_ssize_t) i, name) != 0) {
         Py_CLEAR(tuple);
      }
   }
   return tuple;
}

/* --------------------------------------------------------------- Python to JSON */

static json_t *take(PyObject *o, unsigned depth, struct budget *left);

static json_t *text_of_bytes(const char *bytes, Py_ssize_t n, struct budget *left)
{
   if (bytes == NULL) {
      return NULL;
   }
   if ((size_t) n > left->bytes) {
      PyErr_Format(PyExc_ValueError, "the values are longer than %u bytes", NE_MAX_BYTES);
      return NULL;
   }
   left->bytes -= (size_t) n;
   json_t *json = json_stringn(bytes, (size_t) n);
   if (json == NULL) { /* not UTF-8 */
      PyObject *text = PyUnicode_DecodeUTF8(bytes, n, "replace");
      PyObject *valid = text != NULL ? PyUnicode_AsEncodedString(text, "utf-8", "replace") : NULL;
      json = valid != NULL ? json_stringn(PyBytes_AsString(valid), (size_t) PyBytes_Size(valid)) : NULL;
      Py_XDECREF(text);
      Py_XDECREF(valid);
   }
   if (json == NULL && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   return json;
}

static json_t *take_text(PyObject *o, struct budget *left)
{
   PyObject *bytes = PyUnicode_AsEncodedString(o, "utf-8", "replace");
   json_t *json = bytes != NULL ? text_of_bytes(PyBytes_AsString(bytes), PyBytes_Size(bytes), left) : NULL;
   Py_XDECREF(bytes);
   return json;
}

/* Any other object, as its text: an address, a time, an integer that is too large for JSON. */
static json_t *take_object(PyObject *o, struct budget *left)
{
   PyObject *text = PyObject_Str(o);
   json_t *json = text != NULL ? take_text(text, left) : NULL;
   Py_XDECREF(text);
   return json;
}

static json_t *take_integer(PyObject *o, struct budget *left)
{
   int overflow = 0;
   long long n = PyLong_AsLongLongAndOverflow(o, &overflow);
   if (n == -1 && PyErr_Occurred()) {
      return NULL;
   }
   return overflow == 0 ? json_integer(n) : take_object(o, left);
}

static json_t *take_real(PyObject *o)
{
   double n = PyFloat_AsDouble(o);
   if (n == -1.0 && PyErr_Occurred()) {
      return NULL;
   }
   json_t *json = json_real(n);
   return json != NULL ? json : json_null(); /* JSON has no infinity */
}

static json_t *take_list(PyObject *o, unsigned depth, struct budget *left)
{
   json_t *list = json_array();
   PyObject *iterator = PyObject_GetIter(o), *item;
   while (iterator != NULL && list != NULL && (item = PyIter_Next(iterator)) != NULL) {
      json_t *value = take(item, depth + 1, left);
      Py_DECREF(item);
      if (value == NULL || json_array_append_new(list, value) != 0) {
         json_decref(list);
         list = NULL;
      }
   }
   Py_XDECREF(iterator);
   if (PyErr_Occurred()) {
      json_decref(list);
      return NULL;
   }
   return list;
}

/* Adds a member; a key that is no str is its text. */
static int take_member(json_t *object, PyObject *pair, unsigned depth, struct budget *left)
{
   PyObject *key = PyTuple_GetItem(pair, 0), *value = PyTuple_GetItem(pair, 1);
   json_t *name = PyUnicode_Check(key) ? take_text(key, left) : take_object(key, left);
   json_t *json = name != NULL ? take(value, depth + 1, left) : NULL;
   int rc = json != NULL ? json_object_set_new(object, json_string_value(name), json) : -1;
   json_decref(name);
   if (rc != 0 && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   return rc;
}

static json_t *take_dict(PyObject *o, unsigned depth, struct budget *left)
{
   PyObject *items = PyDict_Items(o); /* a copy: reading a value may change the dictionary */
   json_t *object = items != NULL ? json_object() : NULL;
   Py_ssize_t n = items != NULL ? PyList_Size(items) : 0;
   for (Py_ssize_t i = 0; object != NULL && i < n; i++) {
      if (take_member(object, PyList_GetItem(items, i), depth, left) != 0) {
         json_decref(object);
         object = NULL;
      }
   }
   Py_XDECREF(items);
   return object;
}

static json_t *take(PyObject *o, unsigned depth, struct budget *left)
{
   if (depth > NE_MAX_DEPTH || left->values == 0) {
      PyErr_Format(PyExc_ValueError, "the values are nested deeper than %d, or more than %d", NE_MAX_DEPTH,
                   NE_MAX_VALUES);
      return NULL;
   }
   left->values--;
   json_t *json;
   if (o == Py_None) {
      json = json_null();
   } else if (PyBool_Check(o)) {
      json = json_boolean(o == Py_True);
   } else if (PyUnicode_Check(o)) {
      json = take_text(o, left);
   } else if (PyLong_Check(o)) {
      json = take_integer(o, left);
   } else if (PyFloat_Check(o)) {
      json = take_real(o);
   } else if (PyBytes_Check(o)) {
      json = text_of_bytes(PyBytes_AsString(o), PyBytes_Size(o), left);
   } else if (PyByteArray_Check(o)) {
      json = text_of_bytes(PyByteArray_AsString(o), PyByteArray_Size(o), left);
   } else if (PyDict_Check(o)) {
      json = take_dict(o, depth, left);
   } else if (PyList_Check(o) || PyTuple_Check(o)) {
      json = take_list(o, depth, left);
   } else {
      json = take_object(o, left);
   }
   if (json == NULL && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   return json;
}

json_t *ne_to_json(PyObject *o)
{
   struct budget left = {.values = NE_MAX_VALUES, .bytes = NE_MAX_BYTES};
   return take(o, 0, &left);
}

/* --------------------------------------------------------------- JSON to Python */

static PyObject *list_of(const json_t *json)
{
   PyObject *list = PyList_New(0);
   for (size_t i = 0; list != NULL && i < json_array_size(json); i++) {
      PyObject *value = ne_to_python(json_array_get(json, i));
      if (value == NULL || PyList_Append(list, value) != 0) {
         Py_CLEAR(list);
      }
      Py_XDECREF(value);
   }
   return list;
}

static PyObject *dict_of(const json_t *json)
{
   PyObject *dict = PyDict_New();
   const char *key;
   json_t *member;
   json_object_foreach((json_t *) (uintptr_t) json, key, member)
   {
      PyObject *value = dict != NULL ? ne_to_python(member) : NULL;
      if (value == NULL || PyDict_SetItemString(dict, key, value) != 0) {
         Py_CLEAR(dict);
      }
      Py_XDECREF(value);
      if (dict == NULL) {
         break;
      }
   }
   return dict;
}

PyObject *ne_to_python(const json_t *json)
{
   switch (json_typeof(json)) {
   case JSON_OBJECT: return dict_of(json);
   case JSON_ARRAY: return list_of(json);
   case JSON_STRING:
      return PyUnicode_DecodeUTF8(json_string_value(json), (Py_ssize_t) json_string_length(json), "replace");
   case JSON_INTEGER: return PyLong_FromLongLong(json_integer_value(json));
   case JSON_REAL: return PyFloat_FromDouble(json_real_value(json));
   case JSON_TRUE: return PyBool_FromLong(1);
   case JSON_FALSE: return PyBool_FromLong(0);
   default: Py_INCREF(Py_None); return Py_None;
   }
}

/* ----------------------------------------------------------------------- records */

static void free_layout(PyObject *capsule)
{
   ur_layout_free(PyCapsule_GetPointer(capsule, LAYOUT));
}

/* The layout of a format, kept for the next record. \param spec str, as that of a template: "(ipaddr SRC_IP,...)" */
static PyObject *layout_of(PyObject *spec)
{
   static PyObject *known;
   known = known != NULL ? known : PyDict_New();
   PyObject *capsule = known != NULL ? PyDict_GetItemWithError(known, spec) : NULL;
   if (capsule != NULL || PyErr_Occurred() || known == NULL) {
      Py_XINCREF(capsule);
      return capsule;
   }
   PyObject *bytes = ne_text(spec, "the format");
   char *text = bytes != NULL ? strdup(ne_chars(bytes)) : NULL;
   size_t n = text != NULL ? strlen(text) : 0;
   bool in_brackets = n >= 2 && text[0] == '(' && text[n - 1] == ')';
   if (in_brackets) {
      text[n - 1] = 0;
   }
   ur_layout_t *layout = text != NULL ? ur_layout_create(text + in_brackets) : NULL;
   free(text);
   Py_XDECREF(bytes);
   capsule = layout != NULL ? PyCapsule_New(layout, LAYOUT, free_layout) : NULL;
   if (capsule == NULL) {
      ur_layout_free(layout);
      if (!PyErr_Occurred()) {
         PyErr_Format(PyExc_ValueError, "%R is no format of records", spec);
      }
      return NULL;
   }
   if (PyDict_Size(known) >= MAX_LAYOUTS) {
      PyDict_Clear(known);
   }
   if (PyDict_SetItem(known, spec, capsule) != 0) {
      Py_CLEAR(capsule);
   }
   return capsule;
}

/* A copy of the bytes, so that nobody changes them while they are read. */
static int copy_data(PyObject *data, struct ne_record *r, Py_ssize_t *n)
{
   const char *bytes;
   if (PyBytes_Check(data)) {
      bytes = PyBytes_AsString(data);
      *n = PyBytes_Size(data);
   } else if (PyByteArray_Check(data)) {
      bytes = PyByteArray_AsString(data);
      *n = PyByteArray_Size(data);
   } else {
      PyErr_Format(PyExc_TypeError, "getData() of the record must return bytes, not %R",
                   (PyObject *) Py_TYPE(data));
      return -1;
   }
   if (bytes == NULL || *n > UR_MAX_SIZE) {
      PyErr_Format(PyExc_ValueError, "the record is longer than %d bytes", UR_MAX_SIZE);
      return -1;
   }
   r->copy = malloc((size_t) *n + 1);
   if (r->copy == NULL) {
      PyErr_NoMemory();
      return -1;
   }
   memcpy(r->copy, bytes, (size_t) *n);
   return 0;
}

static int take_template(PyObject *o, struct ne_record *r)
{
   Py_ssize_t n = 0;
   PyObject *data = PyObject_CallMethod(o, "getData", NULL), *spec = data != NULL ? PyObject_Str(o) : NULL;
   int rc = spec != NULL ? copy_data(data, r, &n) : -1;
   r->layout = rc == 0 ? layout_of(spec) : NULL;
   Py_XDECREF(data);
   Py_XDECREF(spec);
   if (r->layout == NULL) {
      return -1;
   }
   r->alert.layout = PyCapsule_GetPointer(r->layout, LAYOUT);
   r->alert.rec = r->copy;
   if (r->alert.layout == NULL || !ur_layout_check(r->alert.layout, r->copy, (uint32_t) n)) {
      PyErr_SetString(PyExc_ValueError, "the record is malformed: its fields do not lie within it");
      return -1;
   }
   return 0;
}

int ne_record_take(PyObject *o, struct ne_record *r)
{
   memset(r, 0, sizeof(*r));
   int rc;
   if (PyDict_Check(o)) {
      r->json = ne_to_json(o);
      r->alert.json = r->json;
      rc = r->json != NULL ? 0 : -1;
   } else if (PyObject_HasAttrString(o, "getData")) {
      rc = take_template(o, r);
   } else {
      PyErr_Format(PyExc_TypeError, "the record must be a dict or an UnirecTemplate with data, not %R",
                   (PyObject *) Py_TYPE(o));
      rc = -1;
   }
   if (rc != 0) {
      ne_record_free(r);
   }
   return rc;
}

void ne_record_free(struct ne_record *r)
{
   json_decref(r->json);
   Py_XDECREF(r->layout);
   free(r->copy);
   memset(r, 0, sizeof(*r));
}
