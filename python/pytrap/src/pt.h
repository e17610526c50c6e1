/* SPDX-License-Identifier: BSD-3-Clause */
/** What the source files of the extension module share. Functions that return int return -1 with an exception set on a failure. */
#ifndef PYTRAP_PT_H
#define PYTRAP_PT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "layout.h"

/* ------------------------------------------------------------------ exceptions */

extern PyObject *pt_error, *pt_timeout, *pt_format_changed, *pt_format_mismatch, *pt_terminated, *pt_help;

/** Sets the exception for a result of libtrap. \return NULL */
PyObject *pt_trap_error(trap_ctx_t *ctx, int rc);

/* ---------------------------------------------------------------------- values */

typedef struct {
   PyObject_HEAD ip_addr_t ip;
} pt_ip_t;

typedef struct {
   PyObject_HEAD mac_addr_t mac;
} pt_mac_t;

typedef struct {
   PyObject_HEAD ur_time_t time;
} pt_time_t;

typedef struct {
   PyObject_HEAD ip_addr_t start, end;
   int mask;
} pt_ip_range_t;

extern PyTypeObject pt_ip_type, pt_mac_type, pt_time_type, pt_ip_range_type, pt_mac_range_type,
    pt_ip_list_type;

#define PT_IS_IP(o)   PyObject_TypeCheck((o), &pt_ip_type)
#define PT_IS_MAC(o)  PyObject_TypeCheck((o), &pt_mac_type)
#define PT_IS_TIME(o) PyObject_TypeCheck((o), &pt_time_type)

PyObject *pt_ip_new(const void *ip);
PyObject *pt_mac_new(const void *mac);
PyObject *pt_time_new(ur_time_t time);
/** Values from text. */
int pt_ip_parse(PyObject *text, ip_addr_t *ip);
int pt_mac_parse(PyObject *text, mac_addr_t *mac);
int pt_time_parse(PyObject *text, ur_time_t *time);
/** Result of a comparison operator. \param order below, equal to or above 0 */
PyObject *pt_compare(int order, int op);
/** A name of the module ipaddress, or a call of it. */
PyObject *pt_ipaddress(const char *name);
/** Imports that the value types need, once. */
int pt_ip_init(void);
int pt_time_init(void);
/** Text without NUL. \return NULL with TypeError or ValueError */
const char *pt_text(PyObject *o, const char *what);

/* ------------------------------------------------------------------- templates */

#define PT_SLOTS_MAX 8192

/** A layout and what Python needs of it; shared by templates. */
typedef struct pt_format {
   Py_ssize_t refs;
   struct layout *l;
   PyObject *names;     /* tuple of interned str */
   PyObject *index;     /* dict from names to numbers */
   PyObject *prototype; /* dict of all names, in order */
   uint32_t slot_mask;
   struct pt_slot {
      PyObject *name; /* borrowed from names; NULL: free */
      uint32_t field;
   } * slots;
} pt_format_t;

typedef struct {
   PyObject_HEAD pt_format_t *format;
   PyObject *data; /* bytes, bytearray or NULL */
   uint32_t next;  /* of next(template) */
} pt_template_t;

extern PyTypeObject pt_template_type, pt_field_iter_type;

pt_format_t *pt_format_new(const char *spec);
pt_format_t *pt_format_ref(pt_format_t *f);
void pt_format_unref(pt_format_t *f);

/** A template with data (may be NULL), whose reference it takes over. */
PyObject *pt_template_new(pt_format_t *f, PyObject *data);
/** Gives a template another format, without data. */
void pt_template_set_format(pt_template_t *t, pt_format_t *f);
/** Attaches a new message with dyn_size bytes of room. */
int pt_template_create_message(pt_template_t *t, Py_ssize_t dyn_size);
/** Sets fields of a record from a dictionary. \param rec valid record with room for UR_MAX_SIZE bytes; may be half changed on a failure */
int pt_set_from_dict(pt_format_t *f, char *rec, PyObject *dict, bool skip_missing);
/** A dictionary of the values of a record. */
PyObject *pt_get_dict(pt_format_t *f, const char *rec, size_t size);

/** The bytes of a bytes or bytearray object. \return whether it is one; otherwise TypeError is set */
bool pt_bytes(PyObject *o, char **data, size_t *size);
/** Keeps a bytearray from being resized. \return -1 on a failure; release with PyBuffer_Release() */
int pt_pin(PyObject *data, Py_buffer *pin);

/** Value of a field of a record of size bytes. */
PyObject *pt_value_get(const struct layout *l, const struct layout_field *f, const char *rec, size_t size);
/** The same of an object that may be changed by code that runs meanwhile. */
PyObject *pt_value_of(const struct layout *l, const struct layout_field *f, PyObject *data);
/** Sets a field in a bytearray, which grows when needed. */
int pt_value_set(const struct layout *l, const struct layout_field *f, PyObject *array, PyObject *value);
/** Sets a field of a valid record with room for UR_MAX_SIZE bytes. */
int pt_value_set_in(const struct layout *l, const struct layout_field *f, char *rec, PyObject *value);
/** The exception for a malformed record. \return NULL */
PyObject *pt_malformed(const struct layout_field *f);

/* -------------------------------------------------------------------- contexts */

extern PyTypeObject pt_ctx_type, pt_record_iter_type, pt_buffer_type;

#define PT_DOC(signature, text) signature "\n--\n\n" text

#endif
