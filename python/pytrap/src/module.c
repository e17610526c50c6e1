/* SPDX-License-Identifier: BSD-3-Clause */
/** The extension module: names, constants, exceptions. */
#include "pt.h"

PyObject *pt_error, *pt_timeout, *pt_format_changed, *pt_format_mismatch, *pt_terminated, *pt_help;

static PyObject *trap_version_of(PyObject *self, PyObject *unused)
{
   return Py_BuildValue("(ss)", trap_version, trap_git_version);
}

static PyMethodDef functions[] = {
    {"getTrapVersion", trap_version_of, METH_NOARGS,
     PT_DOC("getTrapVersion()", "Version of libtrap's interface, and of the library itself.")},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pytrap.pytrap",
    .m_doc = "TRAP interfaces and UniRec records: the part of pytrap that is written in C.",
    .m_size = -1,
    .m_methods = functions,
};

static const struct {
   const char *name;
   long value;
} constants[] = {
    {"FMT_RAW", TRAP_FMT_RAW},
    {"FMT_UNIREC", TRAP_FMT_UNIREC},
    {"FMT_JSON", TRAP_FMT_JSON},
    {"FMTS_WAITING", FMT_WAITING},
    {"FMTS_OK", FMT_OK},
    {"FMTS_MISMATCH", FMT_MISMATCH},
    {"FMTS_CHANGED", FMT_CHANGED},
    {"CTL_AUTOFLUSH", TRAPCTL_AUTOFLUSH_TIMEOUT},
    {"CTL_BUFFERSWITCH", TRAPCTL_BUFFERSWITCH},
    {"CTL_TIMEOUT", TRAPCTL_SETTIMEOUT},
    {"TIMEOUT_WAIT", TRAP_WAIT},
    {"TIMEOUT_NOWAIT", TRAP_NO_WAIT},
    {"TIMEOUT_HALFWAIT", TRAP_HALFWAIT},
    {"TIMEOUT_NOAUTOFLUSH", TRAP_NO_AUTO_FLUSH},
    {"VERB_ERRORS", -3},
    {"VERB_WARNINGS", -2},
    {"VERB_NOTICES", -1},
    {"VERB_VERBOSE", 0},
    {"VERB_VERBOSE2", 1},
    {"VERB_VERBOSE3", 2},
};

static int add(PyObject *module, const char *name, PyObject *o)
{
   Py_XINCREF(o);
   if (o == NULL || PyModule_AddObject(module, name, o) != 0) {
      Py_XDECREF(o);
      return -1;
   }
   return 0;
}

static int add_exceptions(PyObject *m)
{
   static const struct {
      PyObject **exception;
      const char *name, *doc;
      bool base; /* of Exception, not of TrapError */
   } all[] = {
       {&pt_error, "TrapError", "Anything that goes wrong in libtrap or with a record.", true},
       {&pt_timeout, "TimeoutError", "Nothing could be received or sent within the timeout.", false},
       {&pt_format_changed, "FormatChanged",
        "The format of an input is new; the message is in the attribute data.", false},
       {&pt_format_mismatch, "FormatMismatch", "The sender does not have the fields that the input requires.",
        false},
       {&pt_terminated, "Terminated", "The context was terminated.", false},
       {&pt_help, "TrapHelp", "init() has printed the help that was asked for.", true},
   };
   for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
      char name[64];
      snprintf(name, sizeof(name), "pytrap.%s", all[i].name);
      *all[i].exception =
          PyErr_NewExceptionWithDoc(name, all[i].doc, all[i].base ? PyExc_Exception : pt_error, NULL);
      if (add(m, all[i].name, *all[i].exception) != 0) {
         return -1;
      }
   }
   return 0;
}

static int add_types(PyObject *m)
{
   PyTypeObject *const all[] = {&pt_ctx_type,        &pt_template_type,    &pt_time_type,  &pt_ip_type,
                                &pt_ip_range_type,   &pt_ip_list_type,     &pt_mac_type,   &pt_mac_range_type,
                                &pt_field_iter_type, &pt_record_iter_type, &pt_buffer_type};
   for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
      const char *name = strrchr(all[i]->tp_name, '.') + 1;
      if (PyType_Ready(all[i]) != 0) {
         return -1;
      }
      if (all[i]->tp_new != NULL &&
          add(m, name, (PyObject *) all[i]) != 0) { /* others are made by methods only */
         return -1;
      }
   }
   return 0;
}

PyMODINIT_FUNC PyInit_pytrap(void);

PyMODINIT_FUNC PyInit_pytrap(void)
{
   PyObject *m = PyModule_Create(&definition);
   bool good =
       m != NULL && add_exceptions(m) == 0 && pt_ip_init() == 0 && pt_time_init() == 0 && add_types(m) == 0;
   for (size_t i = 0; good && i < sizeof(constants) / sizeof(constants[0]); i++) {
      good = PyModule_AddIntConstant(m, constants[i].name, constants[i].value) == 0;
   }
   if (!good) {
      Py_CLEAR(m);
   }
   return m;
}
