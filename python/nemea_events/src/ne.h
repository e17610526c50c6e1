/* SPDX-License-Identifier: BSD-3-Clause */
/** What the source files of the extension module share. Functions that return int return -1 with an exception set on a failure. */
#ifndef NEMEA_EVENTS_NE_H
#define NEMEA_EVENTS_NE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>

#include <jansson.h>
#include <nemea/idea.h>

#define NE_DOC(signature, text) signature "\n--\n\n" text

#define NE_MAX_DEPTH  64
#define NE_MAX_VALUES 100000
#define NE_MAX_BYTES  (1u << 20)

/** An alert made of a Python object, and what it consists of. */
struct ne_record {
   struct alert alert;
   json_t *json;
   PyObject *layout; /* a capsule */
   void *copy;
};

/** A record with a template (an object with getData(), whose str() is its format), or a mapping of values. */
int ne_record_take(PyObject *o, struct ne_record *r);
void ne_record_free(struct ne_record *r);
/** A Python object as JSON. Objects of other types become their text. \return NULL with an exception: it is too deep or too large */
json_t *ne_to_json(PyObject *o);
/** JSON as a Python object. */
PyObject *ne_to_python(const json_t *json);
/** The UTF-8 text of a str. \return a bytes object; NULL with TypeError */
PyObject *ne_text(PyObject *o, const char *what);
/** Text of what ne_text() returned. */
const char *ne_chars(PyObject *bytes);
/** A tuple of names. */
PyObject *ne_tuple(const char *const *names, size_t n);

/** Makes the types and adds them to the module. */
int ne_add_reporter(PyObject *module);
int ne_add_events(PyObject *module);
/** A temporary reporter's message of one record. */
PyObject *ne_idea(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *ne_idea_of_event(PyObject *self, PyObject *args, PyObject *keywords);
PyObject *ne_event(PyObject *self, PyObject *args, PyObject *keywords);
extern const char ne_idea_doc[], ne_idea_of_event_doc[], ne_event_doc[];

#endif
