/* SPDX-License-Identifier: BSD-3-Clause */
/** The type Reporter: alerts and events as IDEA messages. */
#include "ne.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LISTS    (2 * IDEA_BLACKLIST_LISTS)
#define MAX_PREFIXES 65536

struct prefix {
   ip_addr_t ip;
   unsigned bits;
};

typedef struct {
   PyObject_HEAD const struct idea_reporter *reporter;
   const struct event_description *description; /* when there is no reporter */
   struct idea_options options;
   PyObject *node, *window, *texts; /* what options point to */
   struct idea_blacklist *lists;
   struct prefix *prefixes;
   size_t n_prefixes;
} reporter_t;

static PyObject *reporter_type;

static reporter_t *of(PyObject *self)
{
   return (reporter_t *) self;
}

/* ----------------------------------------------------------------------- options */

static bool has_prefix(const struct prefix *p, const ip_addr_t *ip)
{
   if (ip_is4(&p->ip) != ip_is4(ip)) {
      return false;
   }
   uint8_t all[2][16];
   unsigned first = ip_is4(ip) ? 8 : 0; /* octet of the address */
   memcpy(all[0], &p->ip, 16);
   memcpy(all[1], ip, 16);
   unsigned whole = p->bits / 8, rest = p->bits % 8;
   return memcmp(all[0] + first, all[1] + first, whole) == 0 &&
          (rest == 0 || (all[0][first + whole] ^ all[1][first + whole]) >> (8 - rest) == 0);
}

static bool is_guarded(const void *context, const ip_addr_t *ip)
{
   const reporter_t *r = context;
   for (size_t i = 0; i < r->n_prefixes; i++) {
      if (has_prefix(&r->prefixes[i], ip)) {
         return true;
      }
   }
   return false;
}

/* "192.0.2.0/24", or an address alone. */
static int parse_prefix(PyObject *o, struct prefix *p)
{
   PyObject *bytes = ne_text(o, "a prefix");
   char text[64], *slash, *end = NULL;
   if (bytes == NULL) {
      return -1;
   }
   snprintf(text, sizeof(text), "%s", ne_chars(bytes));
   Py_DECREF(bytes);
   slash = strchr(text, '/');
   if (slash != NULL) {
      *slash = 0;
   }
   bool good = ip_from_str(text, &p->ip) != 0;
   unsigned most = good && ip_is4(&p->ip) ? 32 : 128;
   unsigned long bits = slash != NULL ? strtoul(slash + 1, &end, 10) : most;
   if (!good || bits > most || (slash != NULL && (slash[1] < '0' || slash[1] > '9' || *end != 0))) {
      PyErr_Format(PyExc_ValueError, "%R is no prefix; expected ADDRESS/LENGTH", o);
      return -1;
   }
   p->bits = (unsigned) bits;
   return 0;
}

static int set_prefixes(reporter_t *r, PyObject *all)
{
   PyObject *list = PySequence_Tuple(all);
   Py_ssize_t n = list != NULL ? PyTuple_Size(list) : -1;
   if (n > MAX_PREFIXES) {
      PyErr_Format(PyExc_ValueError, "there are %zd prefixes, more than %d", n, MAX_PREFIXES);
      n = -1;
   }
   r->prefixes = n >= 0 ? calloc((size_t) n + 1, sizeof(*r->prefixes)) : NULL;
   if (r->prefixes == NULL && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   int rc = r->prefixes != NULL ? 0 : -1;
   for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
      rc = parse_prefix(PyTuple_GetItem(list, i), &r->prefixes[i]);
      r->n_prefixes += rc == 0;
   }
   Py_XDECREF(list);
   r->options.guarded = is_guarded;
   r->options.context = r;
   return rc;
}

/* Keeps a text for as long as the reporter. \return NULL with an exception */
static const char *keep(reporter_t *r, PyObject *text, const char *what)
{
   PyObject *bytes = ne_text(text, what);
   int rc = bytes != NULL ? PyList_Append(r->texts, bytes) : -1;
   Py_XDECREF(bytes); /* the list has it */
   return rc == 0 ? ne_chars(bytes) : NULL;
}

/* (names, id, name, category, source) */
static int parse_list(reporter_t *r, PyObject *o, struct idea_blacklist *l)
{
   PyObject *name, *category, *source;
   int names;
   int id;
   if (!PyTuple_Check(o)) {
      PyErr_Format(PyExc_TypeError, "a blacklist must be a tuple (names, id, name, category, source), not %R",
                   (PyObject *) Py_TYPE(o));
      return -1;
   }
   if (!PyArg_ParseTuple(o, "piOOO;a blacklist is (names, id, name, category, source)", &names, &id, &name,
                         &category, &source)) {
      return -1;
   }
   if (id < 1 || id > IDEA_BLACKLIST_LISTS) {
      PyErr_Format(PyExc_ValueError, "blacklist %R: the id is %d; expected 1 to %d", name, id,
                   IDEA_BLACKLIST_LISTS);
      return -1;
   }
   l->names = names != 0;
   l->id = (uint32_t) id;
   l->name = keep(r, name, "the name of a blacklist");
   l->category = l->name != NULL ? keep(r, category, "the category of a blacklist") : NULL;
   l->source = l->category != NULL ? keep(r, source, "the source of a blacklist") : NULL;
   return l->source != NULL ? 0 : -1;
}

static int set_blacklists(reporter_t *r, PyObject *all)
{
   PyObject *list = PySequence_Tuple(all);
   Py_ssize_t n = list != NULL ? PyTuple_Size(list) : -1;
   if (n > MAX_LISTS) {
      PyErr_Format(PyExc_ValueError, "there are %zd blacklists, more than %d", n, MAX_LISTS);
      n = -1;
   }
   r->lists = n >= 0 ? calloc((size_t) n + 1, sizeof(*r->lists)) : NULL;
   if (r->lists == NULL && !PyErr_Occurred()) {
      PyErr_NoMemory();
   }
   int rc = r->lists != NULL ? 0 : -1;
   for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
      rc = parse_list(r, PyTuple_GetItem(list, i), &r->lists[i]);
   }
   r->options.blacklists = r->lists;
   r->options.n_blacklists = rc == 0 ? (size_t) n : 0;
   Py_XDECREF(list);
   return rc;
}

static int set_text(PyObject *o, const char *what, PyObject **bytes, const char **text)
{
   if (o == NULL || o == Py_None) {
      return 0;
   }
   *bytes = ne_text(o, what);
   *text = *bytes != NULL ? ne_chars(*bytes) : NULL;
   return *bytes != NULL ? 0 : -1;
}

static int set_reporter(reporter_t *r, PyObject *name)
{
   PyObject *bytes = ne_text(name, "reporter");
   if (bytes == NULL) {
      return -1;
   }
   r->reporter = idea_reporter_find(ne_chars(bytes));
   r->description = r->reporter == NULL ? event_description_find(ne_chars(bytes)) : NULL;
   Py_DECREF(bytes);
   if (r->reporter == NULL && r->description == NULL) {
      PyErr_Format(PyExc_ValueError, "%R is no reporter and no detector; see REPORTERS and DETECTORS", name);
      return -1;
   }
   return 0;
}

/* -------------------------------------------------------------------------- life */

/* All is set here, once, so that a reporter in use never changes. */
static PyObject *reporter_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"reporter", "name", "window", "blacklists", "prefixes", NULL};
   PyObject *reporter, *name = NULL, *window = NULL, *blacklists = NULL, *prefixes = NULL;
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OOOO:Reporter", names, &reporter, &name, &window,
                                    &blacklists, &prefixes)) {
      return NULL;
   }
   allocfunc alloc = (allocfunc) PyType_GetSlot(type, Py_tp_alloc);
   PyObject *self = alloc(type, 0);
   if (self == NULL) {
      return NULL;
   }
   reporter_t *r = of(self);
   r->texts = PyList_New(0);
   if (r->texts == NULL || set_reporter(r, reporter) != 0 ||
       set_text(name, "name", &r->node, &r->options.node) != 0 ||
       set_text(window, "window", &r->window, &r->options.window) != 0 ||
       (blacklists != NULL && blacklists != Py_None && set_blacklists(r, blacklists) != 0) ||
       (prefixes != NULL && prefixes != Py_None && set_prefixes(r, prefixes) != 0)) {
      Py_DECREF(self);
      return NULL;
   }
   return self;
}

static void reporter_dealloc(PyObject *self)
{
   PyTypeObject *type = Py_TYPE(self);
   reporter_t *r = of(self);
   Py_XDECREF(r->node);
   Py_XDECREF(r->window);
   Py_XDECREF(r->texts);
   free(r->lists);
   free(r->prefixes);
   ((freefunc) PyType_GetSlot(type, Py_tp_free))(self);
   Py_DECREF(type);
}

/* ---------------------------------------------------------------------- messages */

/* Takes over the reference of a message. */
static PyObject *python_of(json_t *message, enum idea_result result)
{
   if (message != NULL) {
      PyObject *dict = ne_to_python(message);
      json_decref(message);
      return dict;
   }
   if (result == IDEA_SKIPPED) {
      Py_RETURN_NONE;
   }
   if (result == IDEA_INVALID) {
      PyErr_SetString(PyExc_ValueError, "the alert or event does not have what the message needs");
      return NULL;
   }
   return PyErr_NoMemory();
}

static json_t *message_of_event(const reporter_t *r, const struct alert *a, const struct idea_options *o,
                                enum idea_result *result)
{
   struct events list = {0};
   const struct event *e = events_add(&list, r->description, a);
   json_t *message = e != NULL ? idea_of_event(e, o) : NULL;
   *result = message != NULL ? IDEA_OK : list.ignored > 0 ? IDEA_SKIPPED : IDEA_MEMORY;
   events_free(&list);
   return message;
}

/* A time in seconds since 1970; 0: none is given. */
static int parse_now(PyObject *o, int64_t *now)
{
   double seconds = o != NULL && o != Py_None ? PyFloat_AsDouble(o) : 0;
   if (PyErr_Occurred()) {
      return -1;
   }
   if (!(seconds >= 0 && seconds < 1e12)) {
      PyErr_Format(PyExc_ValueError, "now is %R; expected seconds since 1970", o);
      return -1;
   }
   *now = (int64_t) seconds;
   return 0;
}

static PyObject *message_of(const reporter_t *r, PyObject *record, PyObject *now)
{
   struct idea_options options = r->options;
   struct ne_record taken;
   enum idea_result result = IDEA_OK;
   if (parse_now(now, &options.now) != 0 || ne_record_take(record, &taken) != 0) {
      return NULL;
   }
   json_t *message = r->reporter != NULL ? idea_of_alert(r->reporter, &taken.alert, &options, &result)
                                         : message_of_event(r, &taken.alert, &options, &result);
   ne_record_free(&taken);
   return python_of(message, result);
}

static PyObject *reporter_idea(PyObject *self, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"record", "now", NULL};
   PyObject *record, *now = NULL;
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O:idea", names, &record, &now)) {
      return NULL;
   }
   return message_of(of(self), record, now);
}

const char ne_idea_doc[] = NE_DOC(
    "idea(reporter, record, name=None, window=None, blacklists=None, prefixes=None, now=None)",
    "The IDEA message of one alert, None if it is not reported. The parameters are those of Reporter and "
    "Reporter.idea(); who has many alerts makes one Reporter.");

PyObject *ne_idea(PyObject *self, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"reporter", "record", "name", "window", "blacklists", "prefixes", "now", NULL};
   PyObject *reporter, *record, *name = Py_None, *window = Py_None, *lists = Py_None, *prefixes = Py_None,
                                *now = Py_None;
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|OOOOO:idea", names, &reporter, &record, &name,
                                    &window, &lists, &prefixes, &now)) {
      return NULL;
   }
   PyObject *r = PyObject_CallFunctionObjArgs(reporter_type, reporter, name, window, lists, prefixes, NULL);
   PyObject *message = r != NULL ? message_of(of(r), record, now) : NULL;
   Py_XDECREF(r);
   return message;
}

const char ne_idea_of_event_doc[] = NE_DOC(
    "idea_of_event(event, name=None, now=None)",
    "The IDEA message of an event (a dict as event() returns it). Its ID is made of the event's id: the "
    "same event always has the same.");

PyObject *ne_idea_of_event(PyObject *self, PyObject *args, PyObject *keywords)
{
   static char *names[] = {"event", "name", "now", NULL};
   PyObject *event, *name = NULL, *now = NULL, *node = NULL;
   struct idea_options options = {.node = NULL};
   enum idea_result result = IDEA_OK;
   if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OO:idea_of_event", names, &event, &name, &now)) {
      return NULL;
   }
   if (!PyDict_Check(event)) {
      PyErr_Format(PyExc_TypeError, "the event must be a dict, not %R", (PyObject *) Py_TYPE(event));
      return NULL;
   }
   if (parse_now(now, &options.now) != 0 || set_text(name, "name", &node, &options.node) != 0) {
      return NULL;
   }
   json_t *json = ne_to_json(event);
   PyObject *message = NULL;
   if (json != NULL) {
      json_t *made = idea_of_event_json(json, &options, &result);
      message = python_of(made, result);
   }
   json_decref(json);
   Py_XDECREF(node);
   return message;
}

/* -------------------------------------------------------------------- attributes */

static PyObject *text_or_none(const char *text)
{
   if (text == NULL) {
      Py_RETURN_NONE;
   }
   return PyUnicode_FromString(text);
}

static PyObject *get_text(PyObject *self, void *which)
{
   const reporter_t *r = of(self);
   switch (*(const char *) which) {
   case 'r': return text_or_none(r->reporter != NULL ? r->reporter->name : r->description->program);
   case 'm': return text_or_none(r->reporter != NULL ? r->reporter->module : r->description->program);
   case 'd': return text_or_none(r->reporter != NULL ? r->reporter->detector : r->description->program);
   case 'f': return text_or_none(r->reporter != NULL ? r->reporter->fields : r->description->fields);
   default: return text_or_none(r->reporter != NULL ? r->reporter->json : r->description->json);
   }
}

static PyGetSetDef attributes[] = {
    {"reporter", get_text, NULL, "Name of the reporter, or of the detector where there is none.", "r"},
    {"module", get_text, NULL, "Last part of Node.Name.", "m"},
    {"detector", get_text, NULL, "Program of this system that sends such alerts, or None.", "d"},
    {"fields", get_text, NULL, "Fields that a record needs, or None: alerts are JSON.", "f"},
    {"json", get_text, NULL, "Name of the format of JSON alerts, or None: alerts are records.", "j"},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"idea", (PyCFunction) (void (*)(void)) reporter_idea, METH_VARARGS | METH_KEYWORDS,
     NE_DOC("idea($self, record, now=None)", "The IDEA message of an alert as a dict, None if the reporter "
                                             "does not report it. record is a dict, or "
                                             "an UnirecTemplate with data; now is CreateTime in seconds "
                                             "since 1970, the time of the clock unless given.")},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     NE_DOC("Reporter(reporter, name=None, window=None, blacklists=None, prefixes=None)",
            "Makes IDEA messages of the alerts of one detector. reporter is a name of REPORTERS or of a "
            "reporter's program, or a detector of DETECTORS, whose alerts then become messages of events. "
            "name is "
            "Node.Name; window Node.AggrWin of scans. blacklists, of the reporter blacklist, is a list of "
            "tuples "
            "(names, id, name, category, source), where names says that it lists names and URLs; prefixes, "
            "of the "
            "reporter smashedblacklist, a list of guarded networks.")},
    {Py_tp_new, reporter_new},
    {Py_tp_dealloc, reporter_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

static PyType_Spec spec = {.name = "nemea_events.events.Reporter",
                           .basicsize = sizeof(reporter_t),
                           .flags = Py_TPFLAGS_DEFAULT,
                           .slots = slots};

int ne_add_reporter(PyObject *module)
{
   reporter_type = PyType_FromSpec(&spec);
   Py_XINCREF(reporter_type); /* one reference is the module's */
   if (reporter_type == NULL || PyModule_AddObject(module, "Reporter", reporter_type) != 0) {
      Py_XDECREF(reporter_type);
      return -1;
   }
   return 0;
}
