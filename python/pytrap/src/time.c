/* SPDX-License-Identifier: BSD-3-Clause */
/** UnirecTime. */
#include "pt.h"

#include <datetime.h>
#include <math.h>
#include <time.h>

#define MALFORMED "Malformed string argument, YYYY-mm-ddTHH:MM:SS expected."

int pt_time_init(void)
{
   PyDateTime_IMPORT;
   return PyDateTimeAPI != NULL ? 0 : -1;
}

PyObject *pt_time_new(ur_time_t time)
{
   pt_time_t *self = PyObject_New(pt_time_t, &pt_time_type);
   if (self != NULL) {
      self->time = time;
   }
   return (PyObject *) self;
}

static ur_time_t time_of(PyObject *self)
{
   return ((pt_time_t *) self)->time;
}

static ur_time_t from_ms(uint64_t seconds, unsigned ms)
{
   return ur_time_from_sec_msec((uint32_t) seconds, ms);
}

int pt_time_parse(PyObject *o, ur_time_t *time)
{
   ur_time_t t = 0;
   const char *text = pt_text(o, "A time");
   if (text == NULL) {
      return -1;
   }
   /* ur_time_from_string() allows blanks in front and a dot without digits. */
   const char *dot = strchr(text, '.');
   if (*text < '0' || *text > '9' || (dot != NULL && (dot[1] < '0' || dot[1] > '9')) ||
       strchr(text, 'z') != NULL || ur_time_from_string(&t, text) != 0) {
      PyErr_SetString(PyExc_TypeError, MALFORMED);
      return -1;
   }
   *time = from_ms(ur_time_get_sec(t), ur_time_get_msec(t));
   return 0;
}

static int from_float(double d, ur_time_t *time)
{
   if (!isfinite(d) || fabs(d) >= 9.2e18) {
      PyErr_SetString(PyExc_ValueError, "A time is a finite number of seconds.");
      return -1;
   }
   double whole = floor(d);
   *time = from_ms((uint64_t) (int64_t) whole, (unsigned) ((d - whole) * 1000));
   return 0;
}

static int time_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *value;
   long ms = 0;
   ur_time_t t = 0;
   if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
      PyErr_SetString(PyExc_TypeError, "UnirecTime() takes no keyword arguments");
      return -1;
   }
   if (!PyArg_ParseTuple(args, "O|l:UnirecTime", &value, &ms)) {
      return -1;
   }
   if (PyLong_Check(value)) {
      t = from_ms(PyLong_AsUnsignedLongMask(value), (unsigned) ((ms % 1000 + 1000) % 1000));
   } else if (PyFloat_Check(value)) {
      if (from_float(PyFloat_AS_DOUBLE(value), &t) != 0) {
         return -1;
      }
   } else if (PyUnicode_Check(value)) {
      if (pt_time_parse(value, &t) != 0) {
         return -1;
      }
   } else {
      PyErr_SetString(PyExc_TypeError, "Unsupported argument type.");
      return -1;
   }
   ((pt_time_t *) self)->time = t;
   return 0;
}

static PyObject *time_seconds(PyObject *self, PyObject *unused)
{
   return PyLong_FromUnsignedLong(ur_time_get_sec(time_of(self)));
}

static PyObject *time_ms(PyObject *self, PyObject *unused)
{
   return PyLong_FromUnsignedLong(ur_time_get_msec(time_of(self)));
}

static PyObject *time_us(PyObject *self, PyObject *unused)
{
   return PyLong_FromUnsignedLong(ur_time_get_usec(time_of(self)));
}

static PyObject *time_ns(PyObject *self, PyObject *unused)
{
   return PyLong_FromUnsignedLong(ur_time_get_nsec(time_of(self)));
}

static PyObject *time_us_float(PyObject *self, PyObject *unused)
{
   uint32_t us = ur_time_get_usec(time_of(self));
   return PyFloat_FromDouble(ur_time_get_sec(time_of(self)) * 1e6 + us);
}

static PyObject *time_ns_float(PyObject *self, PyObject *unused)
{
   return PyFloat_FromDouble(ur_time_get_sec(time_of(self)) * 1e9 + ur_time_get_nsec(time_of(self)));
}

static PyObject *time_float(PyObject *self)
{
   uint32_t ms = ur_time_get_msec(time_of(self));
   return PyFloat_FromDouble(ur_time_get_sec(time_of(self)) + ms / 1000.0);
}

static PyObject *time_as_float(PyObject *self, PyObject *unused)
{
   return time_float(self);
}

static PyObject *time_datetime(PyObject *self, PyObject *unused)
{
   struct tm tm;
   time_t seconds = ur_time_get_sec(time_of(self));
   gmtime_r(&seconds, &tm);
   return PyDateTime_FromDateAndTime(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                                     tm.tm_sec, (int) ur_time_get_msec(time_of(self)) * 1000);
}

static PyObject *time_format(PyObject *self, PyObject *args, PyObject *kwargs)
{
   PyObject *format = NULL, *text = NULL;
   static char *keywords[] = {"fmt", NULL};
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:format", keywords, &format)) {
      return NULL;
   }
   if (format != NULL && !PyUnicode_Check(format)) {
      PyErr_SetString(PyExc_TypeError, "Argument field_name must be string.");
      return NULL;
   }
   PyObject *when = time_datetime(self, NULL);
   if (when != NULL) {
      text = format != NULL ? PyObject_CallMethod(when, "strftime", "O", format)
                            : PyObject_CallMethod(when, "strftime", "s", "%FT%TZ");
      Py_DECREF(when);
   }
   return text;
}

static PyObject *time_now(PyObject *type, PyObject *unused)
{
   struct timespec now;
   clock_gettime(CLOCK_REALTIME, &now);
   return pt_time_new(from_ms((uint64_t) now.tv_sec, (unsigned) (now.tv_nsec / 1000000)));
}

/* A time zone is honoured; a time without one is local, as timestamp() has it. */
static PyObject *time_from_datetime(PyObject *type, PyObject *o)
{
   if (!PyDateTime_Check(o)) {
      PyErr_Format(PyExc_TypeError, "datetime.datetime expected, not %.100s.", Py_TYPE(o)->tp_name);
      return NULL;
   }
   PyObject *stamp = PyObject_CallMethod(o, "timestamp", NULL);
   double seconds = stamp != NULL ? PyFloat_AsDouble(stamp) : -1;
   Py_XDECREF(stamp);
   if (PyErr_Occurred()) {
      return NULL;
   }
   seconds = floor(seconds);
   if (!(seconds >= 0 && seconds <= UINT32_MAX)) {
      PyErr_Format(PyExc_ValueError, "%R is not between 1970-01-01 and 2106-02-07.", o);
      return NULL;
   }
   return pt_time_new(from_ms((uint64_t) seconds, (unsigned) PyDateTime_DATE_GET_MICROSECOND(o) / 1000));
}

static PyObject *time_str(PyObject *self)
{
   char text[32];
   snprintf(text, sizeof(text), "%u.%03u", ur_time_get_sec(time_of(self)), ur_time_get_msec(time_of(self)));
   return PyUnicode_FromString(text);
}

static PyObject *time_repr(PyObject *self)
{
   return PyUnicode_FromFormat("UnirecTime(%u, %u)", ur_time_get_sec(time_of(self)),
                               ur_time_get_msec(time_of(self)));
}

static PyObject *time_compare(PyObject *a, PyObject *b, int op)
{
   if (!PT_IS_TIME(a) || !PT_IS_TIME(b)) {
      Py_RETURN_NOTIMPLEMENTED;
   }
   return pt_compare((time_of(a) > time_of(b)) - (time_of(a) < time_of(b)), op);
}

static Py_hash_t time_hash(PyObject *self)
{
   Py_hash_t h = (Py_hash_t) time_of(self);
   return h == -1 ? -2 : h;
}

static PyObject *time_add(PyObject *a, PyObject *b)
{
   if (!PT_IS_TIME(a)) {
      PyErr_SetString(PyExc_TypeError, "First argument must be of UnirecTime type.");
      return NULL;
   }
   uint64_t seconds = ur_time_get_sec(time_of(a));
   unsigned ms = ur_time_get_msec(time_of(a));
   if (PT_IS_TIME(b)) {
      ms += ur_time_get_msec(time_of(b));
      seconds += ur_time_get_sec(time_of(b)) + ms / 1000;
   } else if (PyLong_Check(b)) {
      seconds += PyLong_AsUnsignedLongLongMask(b);
   } else {
      PyErr_Format(PyExc_TypeError, "UnirecTime or int expected, not %.100s.", Py_TYPE(b)->tp_name);
      return NULL;
   }
   return pt_time_new(from_ms(seconds, ms % 1000));
}

static PyMethodDef time_methods[] = {
    {"getSeconds", time_seconds, METH_NOARGS, PT_DOC("getSeconds($self)", "Whole seconds since 1970-01-01.")},
    {"getMiliSeconds", time_ms, METH_NOARGS,
     PT_DOC("getMiliSeconds($self)", "Milliseconds within the second.")},
    {"getMicroSeconds", time_us, METH_NOARGS,
     PT_DOC("getMicroSeconds($self)", "Microseconds within the second.")},
    {"getNanoSeconds", time_ns, METH_NOARGS,
     PT_DOC("getNanoSeconds($self)", "Nanoseconds within the second.")},
    {"getMicroSecondsAsFloat", time_us_float, METH_NOARGS,
     PT_DOC("getMicroSecondsAsFloat($self)", "The whole time in microseconds.")},
    {"getNanoSecondsAsFloat", time_ns_float, METH_NOARGS,
     PT_DOC("getNanoSecondsAsFloat($self)", "The whole time in nanoseconds.")},
    {"getTimeAsFloat", time_as_float, METH_NOARGS,
     PT_DOC("getTimeAsFloat($self)", "Seconds with milliseconds, as float(t).")},
    {"toDatetime", time_datetime, METH_NOARGS,
     PT_DOC("toDatetime($self)", "A datetime in UTC, without a time zone, with milliseconds.")},
    {"format", (PyCFunction) (void (*)(void)) time_format, METH_VARARGS | METH_KEYWORDS,
     PT_DOC("format($self, fmt='%FT%TZ')", "Text in UTC, as of strftime().")},
    {"now", time_now, METH_NOARGS | METH_STATIC, PT_DOC("now()", "The current time.")},
    {"fromDatetime", time_from_datetime, METH_O | METH_STATIC,
     PT_DOC("fromDatetime(when, /)", "Makes one of a datetime; without a time zone it is local time.")},
    {NULL, NULL, 0, NULL}};

static PyNumberMethods time_number = {.nb_add = time_add, .nb_float = time_float};

PyTypeObject pt_time_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.UnirecTime",
    .tp_doc = PT_DOC("UnirecTime(value, msec=0, /)",
                     "A time from seconds (int, with milliseconds; or float) or from text, "
                     "YYYY-mm-ddTHH:MM:SS[.fff][Z] in UTC. It "
                     "cannot be changed.\n\nSeconds are those since 1970-01-01, modulo 2**32."),
    .tp_basicsize = sizeof(pt_time_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = time_init,
    .tp_methods = time_methods,
    .tp_as_number = &time_number,
    .tp_str = time_str,
    .tp_repr = time_repr,
    .tp_richcompare = time_compare,
    .tp_hash = time_hash,
};
