/* SPDX-License-Identifier: BSD-3-Clause */
/** The module, the type Events, and event(). */
#include "ne.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 128

typedef struct {
   PyObject_HEAD struct events list;
   uint64_t received, dropped, ignored; /* of lists that were taken */
} events_t;

static events_t *of(PyObject *self)
{
   return (events_t *) self;
}

/* ------------------------------------------------------------------------- events */

static const struct event_description *description_of(PyObject *name)
{
   PyObject *bytes = ne_text(name, "detector");
   const struct event_description *d = bytes != NULL ? event_description_find(ne_chars(bytes)) : NULL;
   if (bytes != NULL && d == NULL) {
      PyErr_Format(PyExc_ValueError, "%R is no detector; see DETECTORS", name);
   }
   Py_XDECREF(bytes);
   return d;
}

static PyObject *python_of(const struct event *e)
{
   json_t *json = event_json(e);
   PyObject *dict = json != NULL ? ne_to_python(json) : PyErr_NoMemory();
   json_decref(json);
   return dict;
}

/* Adds an alert; None if it is no event, or there is no room. */
static PyObject *add(struct events *list, PyObject *detector, PyObject *record)
{
   const struct event_description *d = description_of(detector);
   struct ne_record taken;
   if (d == NULL || ne_record_take(record, &taken) != 0) {
      return NULL;
   }
   const struct event *e = events_add(list, d, &taken.alert);
   PyObject *dict = e != NULL ? python_of(e) : NULL;
   ne_record_free(&taken);
   if (e == NULL) {
      Py_RETURN_NONE;
   }
   return dict;
}

static PyObject *events_add_alert(PyObject *self, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"detector", "record", NULL};
   PyObject *detector, *record;
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:add", names, &detector, &record)) {
      return NULL;
   }
   return add(&of(self)->list, detector, record);
}

static PyObject *events_take(PyObject *self, PyObject *unused)
{
   events_t *events = of(self);
   struct events list = events->list;
   memset(&events->list, 0,
          sizeof(events->list)); /* making objects may run the collector, and that any code */
   events->received += list.received;
   events->dropped += list.dropped;
   events->ignored += list.ignored;
   events_sort(&list);
   PyObject *all = PyList_New(0);
   for (uint32_t i = 0; all != NULL && i < list.n; i++) {
      PyObject *event = python_of(&list.list[i]);
      if (event == NULL || PyList_Append(all, event) != 0) {
         Py_CLEAR(all);
      }
      Py_XDECREF(event);
   }
   events_free(&list);
   return all;
}

static Py_ssize_t events_len(PyObject *self)
{
   return (Py_ssize_t) of(self)->list.n;
}

static PyObject *get_count(PyObject *self, void *which)
{
   const events_t *e = of(self);
   switch (*(const char *) which) {
   case 'r': return PyLong_FromUnsignedLongLong(e->received + e->list.received);
   case 'd': return PyLong_FromUnsignedLongLong(e->dropped + e->list.dropped);
   default: return PyLong_FromUnsignedLongLong(e->ignored + e->list.ignored);
   }
}

static PyObject *events_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
   static char *names[] = {NULL};
   if (!PyArg_ParseTupleAndKeywords(args, keywords, ":Events", names)) {
      return NULL;
   }
   return ((allocfunc) PyType_GetSlot(type, Py_tp_alloc))(type, 0); /* all zero: empty */
}

static void events_dealloc(PyObject *self)
{
   PyTypeObject *type = Py_TYPE(self);
   events_free(&of(self)->list);
   ((freefunc) PyType_GetSlot(type, Py_tp_free))(self);
   Py_DECREF(type);
}

static PyGetSetDef attributes[] = {{"received", get_count, NULL, "Alerts that were added.", "r"},
                                   {"dropped", get_count, NULL, "Alerts whose events found no room.", "d"},
                                   {"ignored", get_count, NULL, "Alerts that are no events.", "i"},
                                   {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"add", (PyCFunction) (void (*)(void)) events_add_alert, METH_VARARGS | METH_KEYWORDS,
     NE_DOC("add($self, detector, record)",
            "Joins an alert to the event it belongs to, or begins one. Returns the event as a dict "
            "(docs/event.schema.json); "
            "None if the alert is no event or there is no room for another one.")},
    {"take", events_take, METH_NOARGS,
     NE_DOC("take($self)",
            "All events, joined as one attack that several detectors saw, and ordered by time. The list is "
            "empty then.")},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     NE_DOC("Events()",
            "A list of events, at most EVENTS_MAX of them, to which alerts of any detectors are joined.")},
    {Py_tp_new, events_new},
    {Py_tp_dealloc, events_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_sq_length, events_len},
    {0, NULL}};

static PyType_Spec spec = {.name = "nemea_events.events.Events",
                           .basicsize = sizeof(events_t),
                           .flags = Py_TPFLAGS_DEFAULT,
                           .slots = slots};

int ne_add_events(PyObject *module)
{
   PyObject *type = PyType_FromSpec(&spec);
   if (type == NULL || PyModule_AddObject(module, "Events", type) != 0) {
      Py_XDECREF(type);
      return -1;
   }
   return 0;
}

const char ne_event_doc[] =
    NE_DOC("event(detector, record)",
           "The event of one alert as a dict (docs/event.schema.json); None if the alert is no event.");

PyObject *ne_event(PyObject *self, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"detector", "record", NULL};
   PyObject *detector, *record;
   struct events list = {0};
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:event", names, &detector, &record)) {
      return NULL;
   }
   PyObject *event = add(&list, detector, record);
   events_free(&list);
   return event;
}

/* ------------------------------------------------------------------------- module */

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS

static PyMethodDef functions[] = {{"event", WITH_KEYWORDS(ne_event), ne_event_doc},
                                  {"idea", WITH_KEYWORDS(ne_idea), ne_idea_doc},
                                  {"idea_of_event", WITH_KEYWORDS(ne_idea_of_event), ne_idea_of_event_doc},
                                  {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "nemea_events.events",
    .m_doc =
        "Alerts of detectors as events and as IDEA messages: the part of nemea_events that is written in C.",
    .m_size = -1,
    .m_methods = functions,
};

static int add_names(PyObject *m, const char *constant, const char *const *names, size_t n)
{
   PyObject *tuple = ne_tuple(names, n);
   if (tuple == NULL || PyModule_AddObject(m, constant, tuple) != 0) {
      Py_XDECREF(tuple);
      return -1;
   }
   return 0;
}

static int add_constants(PyObject *m)
{
   const char *names[MAX_NAMES];
   size_t n = 0;
   for (; idea_reporters[n] != NULL && n < MAX_NAMES; n++) {
      names[n] = idea_reporters[n]->name;
   }
   if (add_names(m, "REPORTERS", names, n) != 0) {
      return -1;
   }
   n = 0;
   for (size_t i = 0; event_descriptions[i] != NULL && n < MAX_NAMES; i++) {
      names[n++] = event_descriptions[i]->program;
   }
   for (size_t i = 0; event_foreign_descriptions[i] != NULL && n < MAX_NAMES; i++) {
      names[n++] = event_foreign_descriptions[i]->program;
   }
   if (add_names(m, "DETECTORS", names, n) != 0) {
      return -1;
   }
   for (n = 0; event_kinds[n] != NULL; n++) {
   }
   return add_names(m, "KINDS", event_kinds, n) != 0 ? -1
                                                     : PyModule_AddIntConstant(m, "EVENTS_MAX", EVENTS_MAX);
}

PyMODINIT_FUNC PyInit_events(void);

PyMODINIT_FUNC PyInit_events(void)
{
   PyObject *m = PyModule_Create(&definition);
   if (m != NULL && (ne_add_events(m) != 0 || ne_add_reporter(m) != 0 || add_constants(m) != 0)) {
      Py_CLEAR(m);
   }
   return m;
}
