/* SPDX-License-Identifier: BSD-3-Clause */
/** Formats: layouts with the Python objects that belong to them; dictionaries from and to records. */
#include "pt.h"

/* Field names are interned, and so are the names in compiled code: a look-up compares addresses. */
static int make_slots(pt_format_t *f)
{
   uint32_t n = 8;
   while (n < 4u * f->l->count) {
      n *= 2;
   }
   f->slots = PyMem_Calloc(n, sizeof(*f->slots));
   f->slot_mask = n - 1;
   if (f->slots == NULL) {
      PyErr_NoMemory();
      return -1;
   }
   for (uint32_t i = 0; i < f->l->count; i++) {
      PyObject *name = PyTuple_GET_ITEM(f->names, i);
      uint32_t at = (uint32_t) ((uintptr_t) name >> 4) & f->slot_mask;
      while (f->slots[at].name != NULL) {
         at = (at + 1) & f->slot_mask;
      }
      f->slots[at].name = name;
      f->slots[at].field = i;
   }
   return 0;
}

static int make_names(pt_format_t *f)
{
   f->names = PyTuple_New(f->l->count);
   f->index = PyDict_New();
   f->prototype = PyDict_New();
   if (f->names == NULL || f->index == NULL || f->prototype == NULL) {
      return -1;
   }
   for (int i = 0; i < f->l->count; i++) {
      PyObject *name = PyUnicode_InternFromString(f->l->fields[i].name);
      PyObject *number = PyLong_FromLong(i);
      int rc = name != NULL && number != NULL ? PyDict_SetItem(f->index, name, number) : -1;
      rc = rc == 0 ? PyDict_SetItem(f->prototype, name, Py_None) : rc;
      Py_XDECREF(number);
      if (rc != 0) {
         Py_XDECREF(name);
         return -1;
      }
      PyTuple_SET_ITEM(f->names, i, name);
   }
   return make_slots(f);
}

pt_format_t *pt_format_new(const char *spec)
{
   char *why;
   struct layout *l = layout_new(spec, &why);
   if (l == NULL) {
      if (why != NULL) {
         PyErr_SetString(pt_error, why);
      } else {
         PyErr_NoMemory();
      }
      free(why);
      return NULL;
   }
   pt_format_t *f = PyMem_Calloc(1, sizeof(*f));
   if (f == NULL) {
      layout_free(l);
      PyErr_NoMemory();
      return NULL;
   }
   f->refs = 1;
   f->l = l;
   if (make_names(f) != 0) {
      pt_format_unref(f);
      return NULL;
   }
   return f;
}

pt_format_t *pt_format_ref(pt_format_t *f)
{
   f->refs++;
   return f;
}

void pt_format_unref(pt_format_t *f)
{
   if (f != NULL && --f->refs == 0) {
      layout_free(f->l);
      PyMem_Free(f->slots);
      Py_XDECREF(f->names);
      Py_XDECREF(f->index);
      Py_XDECREF(f->prototype);
      PyMem_Free(f);
   }
}

PyObject *pt_get_dict(pt_format_t *f, const char *rec, size_t size)
{
   /* A copy has the keys already, so nothing is hashed into place or grown. */
   PyObject *dict = PyDict_Copy(f->prototype);
   const struct layout *l = f->l;
   for (int i = 0; dict != NULL && i < l->count; i++) {
      PyObject *value = pt_value_get(l, &l->fields[i], rec, size);
      if (value == NULL || PyDict_SetItem(dict, PyTuple_GET_ITEM(f->names, i), value) != 0) {
         Py_CLEAR(dict);
      }
      Py_XDECREF(value);
   }
   return dict;
}

/* Text is parsed by the rules of UniRec, but for strings, which it is itself. */
static int set_item(const struct layout *l, const struct layout_field *f, char *rec, PyObject *value)
{
   if (!PyUnicode_Check(value) || f->type == UR_TYPE_STRING) {
      return pt_value_set_in(l, f, rec, value);
   }
   const char *text = pt_text(value, f->name);
   if (text == NULL) {
      return -1;
   }
   if (!layout_set_text(l, f, rec, text)) {
      PyErr_Format(pt_error, "Could not set field. (%s %s from \"%.200s\")", ur_field_type_str[f->type],
                   f->name, text);
      return -1;
   }
   return 0;
}

int pt_set_from_dict(pt_format_t *f, char *rec, PyObject *dict, bool skip_missing)
{
   const struct layout *l = f->l;
   if (!PyDict_Check(dict)) {
      PyErr_Format(PyExc_TypeError, "dict expected, not %.100s.", Py_TYPE(dict)->tp_name);
      return -1;
   }
   if (PyDict_GET_SIZE(dict) == 0 && skip_missing) {
      return 0;
   }
   for (int i = 0; i < l->count; i++) {
      PyObject *name = PyTuple_GET_ITEM(f->names, i);
      PyObject *value = PyDict_GetItemWithError(dict, name);
      if (value == NULL) {
         if (PyErr_Occurred()) {
            return -1;
         }
         if (!skip_missing) {
            PyErr_Format(PyExc_IndexError, "Key %U was not found in the dictionary.", name);
            return -1;
         }
         continue;
      }
      Py_INCREF(value);
      int rc = set_item(l, &l->fields[i], rec, value);
      Py_DECREF(value);
      if (rc != 0) {
         return -1;
      }
   }
   return 0;
}
