/* SPDX-License-Identifier: BSD-3-Clause */
/** UnirecIPList: the networks that contain an address. */
#include "pt.h"

#include <unirec/ip_prefix_search.h>

typedef struct {
   PyObject_HEAD ipps_context_t *search; /* its data are indexes of values */
   PyObject *values;                     /* tuple */
} ip_list_t;

static void ip_list_dealloc(PyObject *self)
{
   ip_list_t *l = (ip_list_t *) self;
   PyObject_GC_UnTrack(self);
   if (l->search != NULL) {
      ipps_destroy(l->search);
   }
   Py_CLEAR(l->values);
   Py_TYPE(self)->tp_free(self);
}

static int ip_list_traverse(PyObject *self, visitproc visit, void *arg)
{
   Py_VISIT(((ip_list_t *) self)->values);
   return 0;
}

static int ip_list_clear(PyObject *self)
{
   ip_list_t *l = (ip_list_t *) self;
   if (l->search != NULL) {
      ipps_destroy(l->search); /* it would find indexes of values that are gone */
      l->search = NULL;
   }
   Py_CLEAR(l->values);
   return 0;
}

/* Fills the list from the items of the dictionary, a list of pairs that is ours. */
static int fill(ip_list_t *l, PyObject *items)
{
   Py_ssize_t n = PyList_GET_SIZE(items);
   ipps_network_t *networks = calloc((size_t) n, sizeof(*networks));
   uint32_t *numbers = calloc((size_t) n, sizeof(*numbers));
   l->values = PyTuple_New(n);
   bool good = networks != NULL && numbers != NULL && l->values != NULL;
   for (Py_ssize_t i = 0; good && i < n; i++) {
      PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
      PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
      Py_INCREF(value);
      PyTuple_SET_ITEM(l->values, i, value);
      if (!PyObject_TypeCheck(key, &pt_ip_range_type)) {
         PyErr_SetString(PyExc_TypeError, "Unsupported type.");
         good = false;
         break;
      }
      pt_ip_range_t *r = (pt_ip_range_t *) key;
      numbers[i] = (uint32_t) i;
      networks[i] = (ipps_network_t){
          .addr = r->start, .mask = (uint32_t) r->mask, .data = &numbers[i], .data_len = sizeof(numbers[i])};
   }
   if (good) {
      ipps_network_list_t list = {.net_count = (uint32_t) n, .networks = networks};
      l->search = ipps_init(&list);
      good = l->search != NULL;
   }
   free(networks);
   free(numbers);
   if (!good && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   return good ? 0 : -1;
}

static int ip_list_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *dict;
   static char *keywords[] = {"iplist", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:UnirecIPList", keywords, &PyDict_Type, &dict)) {
      return -1;
   }
   if (PyDict_GET_SIZE(dict) == 0) {
      PyErr_SetString(PyExc_ValueError, "Empty dictionary is not supported.");
      return -1;
   }
   if (((ip_list_t *) self)->values != NULL) { /* a search or str() may be using it */
      PyErr_SetString(PyExc_TypeError, "A list cannot be initialized twice.");
      return -1;
   }
   PyObject *items = PyDict_Items(dict);
   int rc = items != NULL ? fill((ip_list_t *) self, items) : -1;
   Py_XDECREF(items);
   return rc;
}

/* Values of the networks that contain an address, the widest first. \return their number; -1: TypeError */
static int search(PyObject *self, PyObject *ip, const char *function, void ***found)
{
   ip_list_t *l = (ip_list_t *) self;
   if (!PT_IS_IP(ip)) {
      PyErr_Format(PyExc_TypeError, "UnirecIPList.%s() expects UnirecIPAddr only.", function);
      return -1;
   }
   ip_addr_t address = ((pt_ip_t *) ip)->ip;
   return l->search != NULL ? ipps_search(&address, l->search, found) : 0;
}

static PyObject *value_at(PyObject *self, const void *number)
{
   uint32_t i;
   memcpy(&i, number, sizeof(i));
   PyObject *value = PyTuple_GET_ITEM(((ip_list_t *) self)->values, (Py_ssize_t) i);
   Py_INCREF(value);
   return value;
}

static PyObject *ip_list_find(PyObject *self, PyObject *ip)
{
   void **found = NULL;
   int n = search(self, ip, "find", &found);
   if (n > 0) {
      return value_at(self, found[0]);
   }
   if (n < 0) {
      return NULL;
   }
   Py_RETURN_NONE;
}

static PyObject *ip_list_find_all(PyObject *self, PyObject *ip)
{
   void **found = NULL;
   int n = search(self, ip, "findAll", &found);
   PyObject *list = n >= 0 ? PyList_New(n) : NULL;
   for (int i = 0; list != NULL && i < n; i++) {
      PyList_SET_ITEM(list, i, value_at(self, found[i]));
   }
   return list;
}

static int ip_list_contains(PyObject *self, PyObject *ip)
{
   void **found = NULL;
   int n = search(self, ip, "__contains__", &found);
   return n < 0 ? -1 : n > 0;
}

/* Appends the lines of a family to a list of texts. */
static int put_intervals(PyObject *self, PyObject *lines, const char *title, const ipps_interval_t *intervals,
                         uint32_t n)
{
   PyObject *line = PyUnicode_FromFormat("%s:\n\tLow IP\t\tHigh IP\t\tData\n", title);
   for (uint32_t i = 0; line != NULL && i < n; i++) {
      char low[INET6_ADDRSTRLEN], high[INET6_ADDRSTRLEN];
      int rc = PyList_Append(lines, line);
      Py_CLEAR(line);
      if (rc != 0) {
         return -1;
      }
      ip_to_str(&intervals[i].low_ip, low);
      ip_to_str(&intervals[i].high_ip, high);
      PyObject *data = PyList_New((Py_ssize_t) intervals[i].data_cnt);
      for (uint32_t k = 0; data != NULL && k < intervals[i].data_cnt; k++) {
         PyList_SET_ITEM(data, k, value_at(self, intervals[i].data_array[k]));
      }
      line = data != NULL ? PyUnicode_FromFormat("\t%s\t\t%s\t\t%S\n", low, high, data) : NULL;
      Py_XDECREF(data);
   }
   int rc = line != NULL ? PyList_Append(lines, line) : -1;
   Py_XDECREF(line);
   return rc;
}

static PyObject *ip_list_str(PyObject *self)
{
   const ip_list_t *l = (ip_list_t *) self;
   if (l->search == NULL) {
      return PyUnicode_FromString("");
   }
   PyObject *lines = PyList_New(0), *empty = PyUnicode_FromString(""), *text = NULL;
   if (lines != NULL && empty != NULL &&
       put_intervals(self, lines, "IPv4", l->search->v4_prefix_intervals, l->search->v4_count) == 0 &&
       put_intervals(self, lines, "IPv6", l->search->v6_prefix_intervals, l->search->v6_count) == 0) {
      text = PyUnicode_Join(empty, lines);
   }
   Py_XDECREF(lines);
   Py_XDECREF(empty);
   return text;
}

static PyObject *ip_list_repr(PyObject *self)
{
   return PyUnicode_FromString("UnirecIPList('  ')");
}

static PyMethodDef ip_list_methods[] = {
    {"find", ip_list_find, METH_O,
     PT_DOC("find($self, ip, /)",
            "The object of the network that contains the address, None when there is none; of several "
            "networks, the widest.")},
    {"findAll", ip_list_find_all, METH_O,
     PT_DOC("findAll($self, ip, /)",
            "A list of the objects of all networks that contain the address, from the widest to the most "
            "specific.")},
    {NULL, NULL, 0, NULL}};

static PySequenceMethods ip_list_sequence = {.sq_contains = ip_list_contains};

PyTypeObject pt_ip_list_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecIPList",
    .tp_doc = PT_DOC("UnirecIPList(iplist)",
                     "Networks and an object for each, from a dictionary whose keys are UnirecIPAddrRange. A "
                     "range that is not a network is widened to one. Any number of networks, also nested."),
    .tp_basicsize = sizeof(ip_list_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = ip_list_init,
    .tp_dealloc = ip_list_dealloc,
    .tp_traverse = ip_list_traverse,
    .tp_clear = ip_list_clear,
    .tp_methods = ip_list_methods,
    .tp_as_sequence = &ip_list_sequence,
    .tp_str = ip_list_str,
    .tp_repr = ip_list_repr,
    .tp_hash = PyObject_HashNotImplemented,
};
