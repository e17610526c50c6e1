/* SPDX-License-Identifier: BSD-3-Clause */
/** UnirecTemplate. */
#include "pt.h"

#define NO_DATA "Data was not set yet."

typedef struct {
   PyObject_HEAD PyObject *tmplt;
   uint32_t next;
} field_iter_t;

static pt_template_t *of(PyObject *self)
{
   return (pt_template_t *) self;
}

/* ------------------------------------------------------------------------------ life */

PyObject *pt_template_new(pt_format_t *f, PyObject *data)
{
   pt_template_t *t = PyObject_New(pt_template_t, &pt_template_type);
   if (t == NULL) {
      Py_XDECREF(data);
      return NULL;
   }
   t->format = pt_format_ref(f);
   t->data = data;
   t->next = 0;
   return (PyObject *) t;
}

void pt_template_set_format(pt_template_t *t, pt_format_t *f)
{
   pt_format_t *old = t->format;
   t->format = pt_format_ref(f);
   t->next = 0;
   Py_CLEAR(t->data);
   pt_format_unref(old);
}

/* Until it is initialized, a template has no fields. */
static PyObject *template_create(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
   static pt_format_t *empty;
   if (empty == NULL && (empty = pt_format_new("")) == NULL) {
      return NULL;
   }
   pt_template_t *t = (pt_template_t *) type->tp_alloc(type, 0);
   if (t != NULL) {
      t->format = pt_format_ref(empty);
   }
   return (PyObject *) t;
}

static int template_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *spec;
   static char *keywords[] = {"spec", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:UnirecTemplate", keywords, &spec)) {
      return -1;
   }
   const char *text = pt_text(spec, "Argument spec");
   pt_format_t *f = text != NULL ? pt_format_new(text) : NULL;
   if (f == NULL) {
      return -1;
   }
   pt_template_set_format(of(self), f);
   pt_format_unref(f);
   return 0;
}

static void template_dealloc(PyObject *self)
{
   pt_format_unref(of(self)->format);
   Py_XDECREF(of(self)->data);
   Py_TYPE(self)->tp_free(self);
}

/* ---------------------------------------------------------------------------- fields */

/* Number of a field, -1: there is none, or an exception is set. */
static inline int find(const pt_format_t *f, PyObject *name)
{
   for (uint32_t at = (uint32_t) ((uintptr_t) name >> 4) & f->slot_mask; f->slots[at].name != NULL;
        at = (at + 1) & f->slot_mask) {
      if (f->slots[at].name == name) {
         return (int) f->slots[at].field;
      }
   }
   if (PyUnicode_CHECK_INTERNED(name)) { /* an equal name would be the same object */
      return -1;
   }
   PyObject *number = PyDict_GetItemWithError(f->index, name);
   return number != NULL ? (int) PyLong_AsLong(number) : -1;
}

/* The same; an error when there is none. */
static int need(const pt_format_t *f, PyObject *name)
{
   if (!PyUnicode_Check(name)) {
      PyErr_SetString(PyExc_TypeError, "Argument field_name must be string.");
      return -1;
   }
   int i = find(f, name);
   if (i < 0 && !PyErr_Occurred()) {
      PyErr_SetString(pt_error, "Field was not found.");
   }
   return i;
}

static int need_id(const pt_format_t *f, PyObject *o)
{
   int overflow = 0;
   long id = PyLong_Check(o) ? PyLong_AsLongAndOverflow(o, &overflow) : -1;
   if (!PyLong_Check(o)) {
      PyErr_Format(PyExc_TypeError, "Field id must be int, not %.100s.", Py_TYPE(o)->tp_name);
      return -1;
   }
   for (int i = 0; overflow == 0 && i < f->l->count; i++) {
      if (f->l->fields[i].id == id) {
         return i;
      }
   }
   PyErr_SetString(pt_error, "Field is not in the UniRec template");
   return -1;
}

static bool has_data(const pt_template_t *t)
{
   if (t->data == NULL) {
      PyErr_SetString(pt_error, NO_DATA);
   }
   return t->data != NULL;
}

static PyObject *template_getattro(PyObject *self, PyObject *name)
{
   const pt_template_t *t = of(self);
   int i = find(t->format, name);
   if (i < 0) {
      return PyErr_Occurred() ? NULL : PyObject_GenericGetAttr(self, name);
   }
   return has_data(t) ? pt_value_of(t->format->l, &t->format->l->fields[i], t->data) : NULL;
}

/* The data as a bytearray of our own when they are bytes, which cannot be changed. \return a new reference */
static PyObject *writable(pt_template_t *t)
{
   if (!has_data(t)) {
      return NULL;
   }
   if (PyBytes_Check(t->data)) {
      PyObject *copy = PyByteArray_FromStringAndSize(PyBytes_AS_STRING(t->data), PyBytes_GET_SIZE(t->data));
      if (copy == NULL) {
         return NULL;
      }
      Py_SETREF(t->data, copy);
   }
   Py_INCREF(t->data);
   return t->data;
}

static int set_field(pt_format_t *format, int i, PyObject *array, PyObject *value)
{
   pt_format_ref(format); /* converting the value may run any code */
   int rc = pt_value_set(format->l, &format->l->fields[i], array, value);
   pt_format_unref(format);
   return rc;
}

static int template_setattro(PyObject *self, PyObject *name, PyObject *value)
{
   pt_template_t *t = of(self);
   int i = find(t->format, name);
   if (i < 0) {
      return PyErr_Occurred() ? -1 : PyObject_GenericSetAttr(self, name, value);
   }
   if (value == NULL) {
      PyErr_Format(PyExc_TypeError, "Field %U cannot be deleted.", name);
      return -1;
   }
   PyObject *array = writable(t);
   if (array == NULL) {
      return -1;
   }
   int rc = set_field(t->format, i, array, value);
   Py_DECREF(array);
   return rc;
}

static PyObject *type_of_field(const struct layout_field *f)
{
   PyTypeObject *type = &PyLong_Type;
   switch (f->type) {
   case UR_TYPE_STRING: type = &PyUnicode_Type; break;
   case UR_TYPE_BYTES: type = &PyByteArray_Type; break;
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: type = &PyFloat_Type; break;
   case UR_TYPE_IP: type = &pt_ip_type; break;
   case UR_TYPE_MAC: type = &pt_mac_type; break;
   case UR_TYPE_TIME: type = &pt_time_type; break;
   default: type = f->variable ? &PyList_Type : &PyLong_Type;
   }
   Py_INCREF(type);
   return (PyObject *) type;
}

static PyObject *template_field_type(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *name;
   static char *keywords[] = {"field_name", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:getFieldType", keywords, &name)) {
      return NULL;
   }
   int i = need(of(self)->format, name);
   return i >= 0 ? type_of_field(&of(self)->format->l->fields[i]) : NULL;
}

static PyObject *template_fields(PyObject *self, PyObject *args, PyObject *kwargs)
{
   int by_id = 0;
   static char *keywords[] = {"byId", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:getFieldsDict", keywords, &by_id)) {
      return NULL;
   }
   const pt_format_t *f = of(self)->format;
   PyObject *dict = PyDict_New();
   for (int i = 0; dict != NULL && i < f->l->count; i++) {
      PyObject *id = PyLong_FromLong(f->l->fields[i].id), *name = PyTuple_GET_ITEM(f->names, i);
      if (id == NULL || PyDict_SetItem(dict, by_id ? id : name, by_id ? name : id) != 0) {
         Py_CLEAR(dict);
      }
      Py_XDECREF(id);
   }
   return dict;
}

/* get(), getByID(), set() and setByID() */
static PyObject *get_from(PyObject *self, PyObject *data, PyObject *which,
                          int (*resolve)(const pt_format_t *, PyObject *))
{
   char *rec;
   size_t size;
   const pt_format_t *f = of(self)->format;
   if (!pt_bytes(data, &rec, &size)) {
      return NULL;
   }
   int i = resolve(f, which);
   return i >= 0 ? pt_value_of(f->l, &f->l->fields[i], data) : NULL;
}

static PyObject *set_into(PyObject *self, PyObject *data, PyObject *which, PyObject *value,
                          int (*resolve)(const pt_format_t *, PyObject *))
{
   if (!PyByteArray_Check(data)) {
      PyErr_Format(PyExc_TypeError, "Argument data must be of bytearray type to be changed, not %.100s.",
                   Py_TYPE(data)->tp_name);
      return NULL;
   }
   int i = resolve(of(self)->format, which);
   if (i < 0 || set_field(of(self)->format, i, data, value) != 0) {
      return NULL;
   }
   Py_RETURN_NONE;
}

static PyObject *template_get(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *data, *name;
   static char *keywords[] = {"data", "field_name", NULL};
   return PyArg_ParseTupleAndKeywords(args, kwargs, "OO:get", keywords, &data, &name)
              ? get_from(self, data, name, need)
              : NULL;
}

static PyObject *template_get_by_id(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *data, *id;
   static char *keywords[] = {"data", "field_id", NULL};
   return PyArg_ParseTupleAndKeywords(args, kwargs, "OO:getByID", keywords, &data, &id)
              ? get_from(self, data, id, need_id)
              : NULL;
}

static PyObject *template_set(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *data, *name, *value;
   static char *keywords[] = {"data", "field_name", "value", NULL};
   return PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:set", keywords, &data, &name, &value)
              ? set_into(self, data, name, value, need)
              : NULL;
}

static PyObject *template_set_by_id(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *data, *id, *value;
   static char *keywords[] = {"data", "field_name", "value", NULL}; /* the name is part of the interface */
   return PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:setByID", keywords, &data, &id, &value)
              ? set_into(self, data, id, value, need_id)
              : NULL;
}

/* ------------------------------------------------------------------------- iteration */

static PyObject *pair(pt_template_t *t, uint32_t i)
{
   const pt_format_t *f = t->format;
   if (!has_data(t)) {
      return NULL;
   }
   PyObject *value = pt_value_of(f->l, &f->l->fields[i], t->data);
   if (value == NULL) {
      return NULL;
   }
   PyObject *both = PyTuple_Pack(2, PyTuple_GET_ITEM(f->names, i), value);
   Py_DECREF(value);
   return both;
}

static PyObject *step(pt_template_t *t, uint32_t *next)
{
   if (*next < t->format->l->count) {
      return pair(t, (*next)++);
   }
   has_data(t); /* the end, or an error when there are no data */
   return NULL;
}

static PyObject *template_next(PyObject *self)
{
   PyObject *both = step(of(self), &of(self)->next);
   if (both == NULL && !PyErr_Occurred()) {
      of(self)->next = 0;
   }
   return both;
}

static PyObject *template_iter(PyObject *self)
{
   field_iter_t *i = PyObject_New(field_iter_t, &pt_field_iter_type);
   if (i != NULL) {
      Py_INCREF(self);
      i->tmplt = self;
      i->next = 0;
   }
   return (PyObject *) i;
}

static void field_iter_dealloc(PyObject *self)
{
   Py_DECREF(((field_iter_t *) self)->tmplt);
   PyObject_Free(self);
}

static PyObject *field_iter_next(PyObject *self)
{
   field_iter_t *i = (field_iter_t *) self;
   return step(of(i->tmplt), &i->next);
}

PyTypeObject pt_field_iter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.pytrap.FieldIterator",
    .tp_doc = "Goes through the names and values of a template.",
    .tp_basicsize = sizeof(field_iter_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = field_iter_dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = field_iter_next,
};

static Py_ssize_t template_len(PyObject *self)
{
   return of(self)->format->l->count;
}

static PyObject *template_str(PyObject *self)
{
   const struct layout *l = of(self)->format->l;
   char *text = ur_template_string(l->tmplt);
   PyObject *o = text != NULL ? PyUnicode_FromFormat("(%s)", text) : PyErr_NoMemory();
   free(text);
   return o;
}

static PyObject *template_str_record(PyObject *self, PyObject *unused)
{
   pt_template_t *t = of(self);
   if (!has_data(t)) {
      return NULL;
   }
   pt_format_t *f = pt_format_ref(t->format);
   PyObject *data = t->data, *parts = PyList_New(f->l->count), *comma = PyUnicode_FromString(", "),
            *text = NULL;
   Py_INCREF(data);
   for (int i = 0; parts != NULL && i < f->l->count; i++) {
      PyObject *value = pt_value_of(f->l, &f->l->fields[i], data);
      PyObject *part =
          value != NULL ? PyUnicode_FromFormat("%U = %R", PyTuple_GET_ITEM(f->names, i), value) : NULL;
      Py_XDECREF(value);
      if (part == NULL) {
         Py_CLEAR(parts);
      } else {
         PyList_SET_ITEM(parts, i, part);
      }
   }
   if (parts != NULL && comma != NULL) {
      text = PyUnicode_Join(comma, parts);
   }
   Py_XDECREF(parts);
   Py_XDECREF(comma);
   Py_DECREF(data);
   pt_format_unref(f);
   return text;
}

/* --------------------------------------------------------------------------- records */

static PyObject *template_get_data(PyObject *self, PyObject *unused)
{
   const pt_template_t *t = of(self);
   char *rec;
   size_t size;
   if (t->data == NULL) {
      PyErr_SetString(pt_error, "No data was set - use setData before.");
      return NULL;
   }
   if (!pt_bytes(t->data, &rec, &size)) {
      return NULL;
   }
   int n = layout_record_size(t->format->l, rec, size);
   if (n < 0) {
      PyErr_SetString(pt_error, "The record is malformed: its fields do not lie within it.");
      return NULL;
   }
   return PyByteArray_FromStringAndSize(rec, n);
}

static PyObject *template_set_data(PyObject *self, PyObject *data)
{
   char *rec;
   size_t size;
   if (!pt_bytes(data, &rec, &size)) {
      return NULL;
   }
   PyObject *old = of(self)->data;
   Py_INCREF(data);
   of(self)->data = data;
   Py_XDECREF(old);
   Py_RETURN_NONE;
}

static PyObject *template_set_data_kw(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
   Py_ssize_t given = names != NULL ? PyTuple_GET_SIZE(names) : 0;
   if (n + given != 1 ||
       (given == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "data") != 0)) {
      PyErr_SetString(PyExc_TypeError, "setData() takes exactly one argument, data");
      return NULL;
   }
   return template_set_data(self, args[0]);
}

int pt_template_create_message(pt_template_t *t, Py_ssize_t dyn_size)
{
   size_t size = (size_t) t->format->l->fixed_size + (size_t) dyn_size;
   size = size < UR_MAX_SIZE ? size : UR_MAX_SIZE;
   PyObject *array = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t) size);
   if (array == NULL) {
      return -1;
   }
   memset(PyByteArray_AS_STRING(array), 0, size);
   Py_XSETREF(t->data, array);
   return 0;
}

static PyObject *template_create_message(PyObject *self, PyObject *args, PyObject *kwargs)
{
   Py_ssize_t dyn_size = 0;
   static char *keywords[] = {"dyn_size", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|n:createMessage", keywords, &dyn_size)) {
      return NULL;
   }
   if (dyn_size < 0 || dyn_size > UR_MAX_SIZE) {
      PyErr_Format(pt_error, "dyn_size %zd is out of range (0-%d).", dyn_size, UR_MAX_SIZE);
      return NULL;
   }
   if (pt_template_create_message(of(self), dyn_size) != 0) {
      return NULL;
   }
   Py_INCREF(of(self)->data);
   return of(self)->data;
}

static PyObject *template_copy(PyObject *self, PyObject *unused)
{
   return pt_template_new(of(self)->format, NULL);
}

/* A record in memory of the largest size, to be changed as a whole. NULL: there is none, or it is malformed. */
static char *load(const pt_template_t *t)
{
   char *rec;
   size_t size;
   if (!pt_bytes(t->data, &rec, &size)) {
      return NULL;
   }
   int n = layout_record_size(t->format->l, rec, size);
   if (n < 0) {
      PyErr_SetString(pt_error, "The record is malformed: its fields do not lie within it.");
      return NULL;
   }
   char *copy = malloc(UR_MAX_SIZE);
   if (copy == NULL) {
      PyErr_NoMemory();
      return NULL;
   }
   memcpy(copy, rec, (size_t) n);
   return copy;
}

/* Puts it back into an array, which grows when needed. */
static int store(const pt_format_t *f, PyObject *array, const char *rec)
{
   int n = layout_record_size(f->l, rec, UR_MAX_SIZE);
   Py_ssize_t size = PyByteArray_GET_SIZE(array);
   if (n < 0) {
      PyErr_SetString(pt_error, "The record became malformed.");
      return -1;
   }
   if (size < n && PyByteArray_Resize(array, n) != 0) {
      return -1;
   }
   memcpy(PyByteArray_AS_STRING(array), rec, (size_t) n);
   return 0;
}

static PyObject *template_copy_message(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *src;
   static char *keywords[] = {"src", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:copyMessage", keywords, &pt_template_type, &src)) {
      return NULL;
   }
   if (of(self)->data == NULL || of(src)->data == NULL) {
      PyErr_SetString(PyExc_TypeError, "copyMessage() needs data in both templates.");
      return NULL;
   }
   PyObject *array = writable(of(self)), *done = NULL;
   char *to = array != NULL ? load(of(self)) : NULL, *from = to != NULL ? load(of(src)) : NULL;
   if (from != NULL) {
      if (!layout_copy(of(self)->format->l, to, of(src)->format->l, from)) {
         PyErr_Format(pt_error, "The record would be longer than %d bytes.", UR_MAX_SIZE);
      } else if (store(of(self)->format, array, to) == 0) {
         done = Py_None;
         Py_INCREF(done);
      }
   }
   free(from);
   free(to);
   Py_XDECREF(array);
   return done;
}

static PyObject *template_set_from_dict(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *dict;
   int skip = 1;
   static char *keywords[] = {"data", "skip_errors", NULL};
   pt_template_t *t = of(self);
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|p:setFromDict", keywords, &PyDict_Type, &dict, &skip) ||
       (t->data == NULL && pt_template_create_message(t, 1000) != 0)) {
      return NULL;
   }
   PyObject *array = writable(t);
   pt_format_t *f = pt_format_ref(t->format);
   char *rec = array != NULL ? load(t) : NULL;
   /* All fields are set, or none. */
   bool good = rec != NULL && pt_set_from_dict(f, rec, dict, skip != 0) == 0 && store(f, array, rec) == 0;
   free(rec);
   pt_format_unref(f);
   Py_XDECREF(array);
   if (!good) {
      return NULL;
   }
   Py_RETURN_NONE;
}

static PyObject *template_get_dict(PyObject *self, PyObject *unused)
{
   pt_template_t *t = of(self);
   Py_buffer pin;
   if (!has_data(t) || pt_pin(t->data, &pin) != 0) {
      return NULL;
   }
   pt_format_t *f = pt_format_ref(t->format);
   PyObject *dict = pt_get_dict(f, pin.buf, (size_t) pin.len);
   pt_format_unref(f);
   PyBuffer_Release(&pin);
   return dict;
}

/* recSize() and recVarlenSize(): of the argument or of the attached data. -1: an error */
static int record_size(PyObject *self, PyObject *args, PyObject *kwargs, const char *format)
{
   PyObject *data = NULL;
   char *rec;
   size_t size;
   static char *keywords[] = {"data", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, keywords, &data)) {
      return -1;
   }
   data = data == NULL || data == Py_None ? of(self)->data : data;
   if (data == NULL) {
      PyErr_SetString(PyExc_TypeError, NO_DATA);
      return -1;
   }
   if (!pt_bytes(data, &rec, &size)) {
      return -1;
   }
   int n = layout_record_size(of(self)->format->l, rec, size);
   if (n < 0) {
      PyErr_SetString(pt_error, "The record is malformed: its fields do not lie within it.");
   }
   return n;
}

static PyObject *template_rec_size(PyObject *self, PyObject *args, PyObject *kwargs)
{
   int n = record_size(self, args, kwargs, "|O:recSize");
   return n >= 0 ? PyLong_FromLong(n) : NULL;
}

static PyObject *template_variable_size(PyObject *self, PyObject *args, PyObject *kwargs)
{
   int n = record_size(self, args, kwargs, "|O:recVarlenSize");
   return n >= 0 ? PyLong_FromLong(n - of(self)->format->l->fixed_size) : NULL;
}

static PyObject *template_fixed_size(PyObject *self, PyObject *unused)
{
   return PyLong_FromLong(of(self)->format->l->fixed_size);
}

#define KW(f) (PyCFunction)(void (*)(void))(f), METH_VARARGS | METH_KEYWORDS

static PyMethodDef template_methods[] = {
    {"getFieldType", KW(template_field_type),
     PT_DOC("getFieldType($self, field_name)", "The Python type of a field's values.")},
    {"getFieldsDict", KW(template_fields),
     PT_DOC("getFieldsDict($self, byId=False)",
            "A dictionary from names to ids of fields, or from ids to names.")},
    {"getDict", template_get_dict, METH_NOARGS,
     PT_DOC("getDict($self)", "A dictionary from names to values.")},
    {"setFromDict", KW(template_set_from_dict),
     PT_DOC("setFromDict($self, data, skip_errors=True)",
            "Sets the fields that a dictionary has; text is parsed. All of them are set, or on an error "
            "none. A message is made "
            "when there is none. With skip_errors=False every field must be there.")},
    {"get", KW(template_get), PT_DOC("get($self, data, field_name)", "The value of a field in a message.")},
    {"getByID", KW(template_get_by_id),
     PT_DOC("getByID($self, data, field_id)", "The value of a field in a message.")},
    {"set", KW(template_set),
     PT_DOC("set($self, data, field_name, value)", "Sets a field in a message, a bytearray.")},
    {"setByID", KW(template_set_by_id),
     PT_DOC("setByID($self, data, field_name, value)", "Sets a field in a message; field_name is its id.")},
    {"getData", template_get_data, METH_NOARGS,
     PT_DOC("getData($self)", "A copy of the record, a bytearray of its exact size.")},
    {"setData", (PyCFunction) (void (*)(void)) template_set_data_kw, METH_FASTCALL | METH_KEYWORDS,
     PT_DOC("setData($self, data)",
            "Attaches a message without copying it. Changes go to a bytearray itself; bytes are copied "
            "before the first one.")},
    {"createMessage", KW(template_create_message),
     PT_DOC("createMessage($self, dyn_size=0)",
            "Attaches a new message, all zero, with dyn_size bytes of room for fields of variable "
            "length, and returns it. It grows when they need more.")},
    {"copy", template_copy, METH_NOARGS,
     PT_DOC("copy($self)", "A template of the same fields, without data.")},
    {"copyMessage", KW(template_copy_message),
     PT_DOC("copyMessage($self, src)", "Copies the fields that both templates have from the data of src.")},
    {"strRecord", template_str_record, METH_NOARGS,
     PT_DOC("strRecord($self)", "The record as text: NAME = value, NAME = value, ...")},
    {"recSize", KW(template_rec_size), PT_DOC("recSize($self, data=None)", "Size of the record in bytes.")},
    {"recFixlenSize", template_fixed_size, METH_NOARGS,
     PT_DOC("recFixlenSize($self)", "Size of the part with fields of fixed length, in bytes.")},
    {"recVarlenSize", KW(template_variable_size),
     PT_DOC("recVarlenSize($self, data=None)", "Size of the fields of variable length, in bytes.")},
    {NULL, NULL, 0, NULL}};

static PySequenceMethods template_sequence = {.sq_length = template_len};

PyTypeObject pt_template_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecTemplate",
    .tp_doc = PT_DOC("UnirecTemplate(spec)", "Fields of a record, \"type NAME,type NAME\", and access to "
                                             "those of the attached message: t.NAME, t.NAME = "
                                             "value, iteration over (name, value).\n\nA malformed record "
                                             "raises TrapError when a field that does not lie "
                                             "within it is used."),
    .tp_basicsize = sizeof(pt_template_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = template_create,
    .tp_init = template_init,
    .tp_dealloc = template_dealloc,
    .tp_methods = template_methods,
    .tp_as_sequence = &template_sequence,
    .tp_getattro = template_getattro,
    .tp_setattro = template_setattro,
    .tp_iter = template_iter,
    .tp_iternext = template_next,
    .tp_str = template_str,
};
