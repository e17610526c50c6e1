/* SPDX-License-Identifier: BSD-3-Clause */
/** TrapCtx: life and control. */
#include "ctx.h"

#include <time.h>

#define NOT_INITIALIZED "TrapCtx is not initialized."

int64_t pt_now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

PyObject *pt_trap_error(trap_ctx_t *ctx, int rc)
{
   switch (rc) {
   case TRAP_E_TIMEOUT: PyErr_SetString(pt_timeout, "Timeout"); break;
   case TRAP_E_BAD_IFC_INDEX:
   case TRAP_E_NOT_SELECTED: PyErr_SetString(pt_error, "Bad index of IFC."); break;
   case TRAP_E_TERMINATED: PyErr_SetString(pt_terminated, "IFC was terminated."); break;
   case TRAP_E_FORMAT_MISMATCH:
      PyErr_SetString(pt_format_mismatch,
                      "Format mismatch, incompatible data format of sender and receiver.");
      break;
   default: {
      PyObject *text = PyUnicode_DecodeUTF8(trap_ctx_get_last_error_msg(ctx),
                                            (Py_ssize_t) strlen(trap_ctx_get_last_error_msg(ctx)), "replace");
      if (text != NULL) {
         PyErr_SetObject(pt_error, text);
         Py_DECREF(text);
      }
   }
   }
   return NULL;
}

/* ------------------------------------------------------------------------------ life */

pt_handle_t *pt_handle(pt_ctx_t *self)
{
   if (self->handle == NULL) {
      PyErr_SetString(pt_error, NOT_INITIALIZED);
   }
   return self->handle;
}

void pt_enter(pt_handle_t *h)
{
   h->users++;
}

static void destroy(pt_handle_t *h)
{
   Py_BEGIN_ALLOW_THREADS;
   trap_ctx_finalize(&h->ctx);
   Py_END_ALLOW_THREADS;
   for (int i = 0; i < h->n_in; i++) {
      pt_format_unref(h->in[i].format);
      free(h->in[i].spec);
   }
   PyMem_Free(h->in);
   PyMem_Free(h->out);
   PyMem_Free(h);
}

void pt_leave(pt_handle_t *h)
{
   h->users--;
   if (h->users == 0 && h->closing) {
      destroy(h);
   }
}

static void finalize(pt_ctx_t *self)
{
   pt_handle_t *h = self->handle;
   self->handle = NULL;
   if (h == NULL) {
      return;
   }
   if (h->users == 0) {
      destroy(h);
      return;
   }
   h->closing = true; /* the last thread that is inside destroys it */
   trap_ctx_terminate(h->ctx);
}

static void ctx_dealloc(PyObject *self)
{
   PyObject *type, *value, *traceback;
   PyErr_Fetch(&type, &value, &traceback); /* an exception may be on its way meanwhile */
   finalize((pt_ctx_t *) self);
   PyErr_Restore(type, value, traceback);
   Py_TYPE(self)->tp_free(self);
}

static PyObject *ctx_create(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
   if (type->tp_init == PyBaseObject_Type.tp_init &&
       (PyTuple_GET_SIZE(args) > 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0))) {
      PyErr_SetString(PyExc_TypeError, "TrapCtx() takes no arguments");
      return NULL;
   }
   return type->tp_alloc(type, 0);
}

/* ------------------------------------------------------------------------------ init */

struct command_line {
   const char *spec; /* borrowed from argv */
   bool help, trap_help;
};

static bool is_help(const char *arg, bool *trap)
{
   const char *rest = strncmp(arg, "--help", 6) == 0 ? arg + 6 : strncmp(arg, "-h", 2) == 0 ? arg + 2 : NULL;
   if (rest == NULL) {
      return false;
   }
   rest += *rest == '=';
   *trap |= strcmp(rest, "1") == 0 || strcmp(rest, "trap") == 0;
   return true;
}

static int read_arguments(PyObject *argv, struct command_line *line)
{
   Py_ssize_t n = PyList_GET_SIZE(argv);
   *line = (struct command_line){.spec = NULL};
   if (n == 0) {
      PyErr_SetString(pt_error, "argv list must not be empty.");
      return -1;
   }
   bool after_help = false, after_i = false;
   for (Py_ssize_t i = 0; i < n; i++) {
      PyObject *o = PyList_GET_ITEM(argv, i);
      if (!PyUnicode_Check(o)) {
         PyErr_SetString(pt_error, "argv must contain string.");
         return -1;
      }
      const char *arg = PyUnicode_AsUTF8(o);
      if (arg == NULL) {
         return -1;
      }
      if (after_i) {
         line->spec = arg;
      }
      line->trap_help |= after_help && (strcmp(arg, "1") == 0 || strcmp(arg, "trap") == 0);
      after_help = !after_i && is_help(arg, &line->trap_help);
      after_i = !after_i && strcmp(arg, "-i") == 0;
      line->help |= after_help;
   }
   return 0;
}

/* Python's own buffer is written first. */
static int flush_stdout(void)
{
   PyObject *out = PySys_GetObject("stdout");
   PyObject *done = out != NULL && out != Py_None ? PyObject_CallMethod(out, "flush", NULL) : NULL;
   bool failed = done == NULL && PyErr_Occurred();
   Py_XDECREF(done);
   return failed ? -1 : 0;
}

static PyObject *print_help(trap_module_info_t *info, bool trap)
{
   if (flush_stdout() != 0) {
      return NULL;
   }
   Py_BEGIN_ALLOW_THREADS;
   trap_set_help_section(trap);
   trap_print_help(info);
   trap_set_help_section(0);
   fflush(stdout);
   Py_END_ALLOW_THREADS;
   PyErr_SetString(pt_help, "Printed help, skipped initialization.");
   return NULL;
}

/* Which outputs are files or black holes. */
static void note_local(pt_handle_t *h, const char *spec)
{
   char name[] = "pytrap", option[] = "-i";
   char *argv[] = {name, option, (char *) (uintptr_t) spec, NULL};
   int argc = 3;
   trap_ifc_spec_t parsed = {.types = NULL};
   if (trap_parse_params(&argc, argv, &parsed) == TRAP_E_OK) {
      for (int i = 0; i < h->n_out && h->n_in + i < (int) strlen(parsed.types); i++) {
         char type = parsed.types[h->n_in + i];
         h->out[i].local = type == TRAP_IFC_TYPE_FILE || type == TRAP_IFC_TYPE_BLACKHOLE;
      }
   }
   trap_free_ifc_spec(parsed);
}

static PyObject *open_interfaces(pt_ctx_t *self, const trap_module_info_t *info, const char *spec,
                                 const char *service)
{
   trap_ctx_t *ctx;
   Py_BEGIN_ALLOW_THREADS;
   ctx = trap_ctx_init3(info->name, info->description, (int8_t) info->num_ifc_in, (int8_t) info->num_ifc_out,
                        spec, service);
   Py_END_ALLOW_THREADS;
   if (ctx == NULL || trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      const char *why = ctx != NULL ? trap_ctx_get_last_error_msg(ctx) : NULL;
      if (why != NULL) {
         fprintf(stderr, "ERROR: %s\n", why);
      }
      PyErr_SetString(pt_error, "Initialization failed");
      if (ctx != NULL) {
         trap_ctx_finalize(&ctx);
      }
      return NULL;
   }
   pt_handle_t *h = PyMem_Calloc(1, sizeof(*h));
   if (h != NULL) {
      h->ctx = ctx;
      /* The numbers that are there, of which one may have been left to the specification. */
      uint8_t type;
      const char *format;
      while (h->n_in < 32 && trap_ctx_get_in_ifc_state(ctx, (uint32_t) h->n_in) <= FMT_CHANGED) {
         h->n_in++;
      }
      while (h->n_out < 32 && trap_ctx_get_data_fmt(ctx, TRAPIFC_OUTPUT, (uint32_t) h->n_out, &type,
                                                    &format) != TRAP_E_BAD_IFC_INDEX) {
         h->n_out++;
      }
      h->in = PyMem_Calloc((size_t) h->n_in + 1, sizeof(*h->in));
      h->out = PyMem_Calloc((size_t) h->n_out + 1, sizeof(*h->out));
   }
   if (h == NULL || h->in == NULL || h->out == NULL) {
      trap_ctx_finalize(&ctx);
      if (h != NULL) {
         PyMem_Free(h->in);
         PyMem_Free(h->out);
      }
      PyMem_Free(h);
      return PyErr_NoMemory();
   }
   note_local(h, spec);
   pt_handle_t *old = self->handle; /* of another thread's init() meanwhile */
   self->handle = h;
   if (old != NULL) {
      pt_ctx_t rest = {.handle = old};
      finalize(&rest);
   }
   Py_RETURN_NONE;
}

static PyObject *ctx_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"argv",        "ifcin",           "ifcout", "module_name",
                              "module_desc", "service_ifcname", NULL};
   PyObject *argv;
   struct command_line line;
   char pid_name[32];
   trap_module_info_t info = {.name = "nemea-python-module", .description = "", .num_ifc_in = 1};
   const char *name = info.name, *description = info.description, *service = NULL;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!|iissz:init", keywords, &PyList_Type, &argv,
                                    &info.num_ifc_in, &info.num_ifc_out, &name, &description, &service) ||
       read_arguments(argv, &line) != 0) {
      return NULL;
   }
   if (info.num_ifc_in < -1 || info.num_ifc_in > 32 || info.num_ifc_out < -1 || info.num_ifc_out > 32) {
      PyErr_Format(PyExc_ValueError, "ifcin %d and ifcout %d are expected to be -1 (variable) to 32.",
                   info.num_ifc_in, info.num_ifc_out);
      return NULL;
   }
   info.name = (char *) (uintptr_t) name;
   info.description = (char *) (uintptr_t) description;
   if (line.help) {
      return print_help(&info, line.trap_help);
   }
   if (line.spec == NULL) {
      PyErr_SetString(pt_error, "Missing -i argument.");
      return NULL;
   }
   if (service == NULL) {
      snprintf(pid_name, sizeof(pid_name), "service_%ld", (long) getpid());
      service = pid_name;
   }
   finalize((pt_ctx_t *) self);
   char *spec = strdup(line.spec); /* argv may be changed while the GIL is given up */
   if (spec == NULL) {
      return PyErr_NoMemory();
   }
   PyObject *done = open_interfaces((pt_ctx_t *) self, &info, spec, *service != 0 ? service : NULL);
   free(spec);
   return done;
}

static PyObject *ctx_finalize(PyObject *self, PyObject *unused)
{
   finalize((pt_ctx_t *) self);
   Py_RETURN_NONE;
}

static PyObject *ctx_terminate(PyObject *self, PyObject *unused)
{
   pt_handle_t *h = ((pt_ctx_t *) self)->handle;
   if (h != NULL) {
      trap_ctx_terminate(h->ctx);
   }
   Py_RETURN_NONE;
}

static PyObject *ctx_enter(PyObject *self, PyObject *unused)
{
   Py_INCREF(self);
   return self;
}

static PyObject *ctx_exit(PyObject *self, PyObject *args)
{
   finalize((pt_ctx_t *) self);
   Py_RETURN_NONE;
}

/* --------------------------------------------------------------------------- control */

/* A number of an interface. \return -1 with an exception */
static long index_of(PyObject *o, int n)
{
   int overflow = 0;
   if (o == NULL) {
      o = PyLong_FromLong(0); /* small numbers live for ever */
      Py_DECREF(o);
   }
   if (!PyLong_Check(o)) {
      PyErr_Format(PyExc_TypeError, "The index of an IFC must be int, not %.100s.", Py_TYPE(o)->tp_name);
      return -1;
   }
   long i = PyLong_AsLongAndOverflow(o, &overflow);
   if (overflow != 0 || i < 0 || i >= n) {
      PyErr_SetString(pt_error, "Bad index of IFC.");
      return -1;
   }
   return i;
}

struct pt_input *pt_input_of(pt_handle_t *h, PyObject *index, uint32_t *number)
{
   long i = index == NULL && h->n_in > 0 ? 0 : index_of(index, h->n_in);
   *number = (uint32_t) i;
   return i >= 0 ? &h->in[i] : NULL;
}

struct pt_output *pt_output_of(pt_handle_t *h, PyObject *index, uint32_t *number)
{
   long i = index == NULL && h->n_out > 0 ? 0 : index_of(index, h->n_out);
   *number = (uint32_t) i;
   return i >= 0 ? &h->out[i] : NULL;
}

/* A type of data, of UniRec with the fields. */
static int check_format(int type, const char *spec)
{
   if (type < TRAP_FMT_RAW || type > TRAP_FMT_JSON) {
      PyErr_Format(pt_error, "Data type %d is unknown, expected FMT_RAW, FMT_UNIREC or FMT_JSON.", type);
      return -1;
   }
   if (type == TRAP_FMT_UNIREC && !layout_spec_valid(spec)) {
      PyErr_Format(pt_error, "Invalid fields \"%.200s\", expected \"type NAME,type NAME\".", spec);
      return -1;
   }
   return 0;
}

static PyObject *ctx_set_required(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"ifcidx", "data_type", "fmtspec", NULL};
   PyObject *index;
   uint32_t i;
   int type = TRAP_FMT_UNIREC;
   const char *spec = "";
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|is:setRequiredFmt", keywords, &index, &type, &spec)) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   struct pt_input *in = h != NULL ? pt_input_of(h, index, &i) : NULL;
   if (in == NULL || check_format(type, spec) != 0) {
      return NULL;
   }
   if (in->busy) {
      PyErr_Format(pt_error, "Input %u: another thread is receiving.", i);
      return NULL;
   }
   int rc = trap_ctx_set_required_fmt(h->ctx, i, (uint8_t) type, spec);
   if (rc != TRAP_E_OK) {
      return pt_trap_error(h->ctx, rc);
   }
   in->required = true;
   Py_RETURN_NONE;
}

static PyObject *ctx_set_format(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"ifcidx", "data_type", "fmtspec", NULL};
   PyObject *index;
   uint32_t i;
   int type = TRAP_FMT_UNIREC;
   const char *given = "";
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|is:setDataFmt", keywords, &index, &type, &given)) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   struct pt_output *out = h != NULL ? pt_output_of(h, index, &i) : NULL;
   char *spec = out != NULL && check_format(type, given) == 0 ? strdup(given) : NULL;
   if (spec == NULL) {
      return NULL;
   }
   if (out->senders > 0 || out->changing) {
      PyErr_Format(pt_error, "Output %u: another thread is sending.", i);
      free(spec);
      return NULL;
   }
   uint8_t now = 0;
   const char *set = NULL;
   out->changing = true;
   pt_enter(h);
   Py_BEGIN_ALLOW_THREADS; /* it delivers what was sent before */
   trap_ctx_set_data_fmt(h->ctx, i, (uint8_t) type, spec);
   Py_END_ALLOW_THREADS;
   out->changing = false;
   int rc = trap_ctx_get_data_fmt(h->ctx, TRAPIFC_OUTPUT, i, &now, &set);
   if (rc != TRAP_E_OK || now != type) {
      PyErr_Format(pt_error, "Output %u: the format \"%.200s\" could not be set.", i, spec);
   }
   free(spec);
   pt_leave(h);
   if (PyErr_Occurred()) {
      return NULL;
   }
   Py_RETURN_NONE;
}

static PyObject *ctx_get_format(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"ifcidx", NULL};
   PyObject *index = NULL;
   uint32_t i;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:getDataFmt", keywords, &index)) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   struct pt_input *in = h != NULL ? pt_input_of(h, index, &i) : NULL;
   if (in == NULL) {
      return NULL;
   }
   uint8_t type = TRAP_FMT_UNKNOWN;
   const char *spec = NULL;
   if (in->busy) { /* its thread may be changing it */
      return Py_BuildValue("(is)", in->fmt, in->spec != NULL ? in->spec : "");
   }
   if (trap_ctx_get_data_fmt(h->ctx, TRAPIFC_INPUT, i, &type, &spec) != TRAP_E_OK) {
      return Py_BuildValue("(is)", TRAP_FMT_UNKNOWN, "");
   }
   return Py_BuildValue("(is)", (int) type, spec != NULL ? spec : "");
}

static PyObject *ctx_state(PyObject *self, PyObject *index)
{
   uint32_t i;
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   struct pt_input *in = h != NULL ? pt_input_of(h, index, &i) : NULL;
   return in != NULL ? PyLong_FromLong(trap_ctx_get_in_ifc_state(h->ctx, i)) : NULL;
}

static int control(pt_handle_t *h, bool input, uint32_t i, int request, long long value)
{
   int8_t type = input ? TRAPIFC_INPUT : TRAPIFC_OUTPUT;
   switch (request) {
   case TRAPCTL_AUTOFLUSH_TIMEOUT: return trap_ctx_ifcctl(h->ctx, type, i, request, (int64_t) value);
   case TRAPCTL_BUFFERSWITCH: return trap_ctx_ifcctl(h->ctx, type, i, request, (int) value);
   case TRAPCTL_SETTIMEOUT: return trap_ctx_ifcctl(h->ctx, type, i, request, (int32_t) value);
   default: return TRAP_E_BADPARAMS;
   }
}

static PyObject *ctx_ifcctl(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"ifcidx", "dir_in", "request", "value", NULL};
   PyObject *index, *input;
   int request;
   long long value;
   uint32_t i;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!iL:ifcctl", keywords, &index, &PyBool_Type, &input,
                                    &request, &value)) {
      return NULL;
   }
   pt_handle_t *h = pt_handle((pt_ctx_t *) self);
   if (h == NULL ||
       (input == Py_True ? pt_input_of(h, index, &i) == NULL : pt_output_of(h, index, &i) == NULL)) {
      return NULL;
   }
   if (request < TRAPCTL_AUTOFLUSH_TIMEOUT || request > TRAPCTL_SETTIMEOUT) {
      PyErr_Format(pt_error,
                   "Request %d is unknown, expected CTL_AUTOFLUSH, CTL_BUFFERSWITCH or CTL_TIMEOUT.",
                   request);
      return NULL;
   }
   if (request != TRAPCTL_AUTOFLUSH_TIMEOUT && (value < INT32_MIN || value > INT32_MAX)) {
      PyErr_Format(PyExc_OverflowError, "Value %lld of request %d does not fit into 32 bits.", value,
                   request);
      return NULL;
   }
   int rc = control(h, input == Py_True, i, request, value);
   if (rc != TRAP_E_OK) {
      return pt_trap_error(h->ctx, rc);
   }
   Py_RETURN_NONE;
}

static PyObject *ctx_flush(PyObject *self, PyObject *args)
{
   PyObject *index = NULL;
   uint32_t i;
   if (!PyArg_ParseTuple(args, "|O:sendFlush", &index)) {
      return NULL;
   }
   pt_handle_t *h = ((pt_ctx_t *) self)->handle;
   if (h == NULL) {
      Py_RETURN_NONE;
   }
   if (pt_output_of(h, index, &i) == NULL) {
      if (!PyErr_ExceptionMatches(pt_error)) {
         return NULL;
      }
      PyErr_Clear(); /* as ever: no error for an index that is not there */
      Py_RETURN_NONE;
   }
   pt_enter(h);
   Py_BEGIN_ALLOW_THREADS;
   trap_ctx_send_flush(h->ctx, i);
   Py_END_ALLOW_THREADS;
   pt_leave(h);
   Py_RETURN_NONE;
}

static PyObject *ctx_set_verbose(PyObject *self, PyObject *args, PyObject *kwargs)
{
   static char *keywords[] = {"level", NULL};
   int level;
   if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i:setVerboseLevel", keywords, &level)) {
      return NULL;
   }
   trap_set_verbose_level(level);
   Py_RETURN_NONE;
}

static PyObject *ctx_get_verbose(PyObject *self, PyObject *unused)
{
   return PyLong_FromLong(trap_get_verbose_level());
}

#define KW(f)   (PyCFunction)(void (*)(void))(f), METH_VARARGS | METH_KEYWORDS
#define FAST(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL | METH_KEYWORDS

static PyMethodDef ctx_methods[] = {
    {"init", KW(ctx_init),
     PT_DOC(
         "init($self, argv, ifcin=1, ifcout=0, module_name='nemea-python-module', module_desc='', "
         "service_ifcname=None)",
         "Opens the interfaces that the element after -i in argv names: inputs first, then "
         "outputs.\n\nRaises TrapHelp after it has "
         "printed the help that -h asks for. service_ifcname: None: service_PID; '': no service interface.")},
    {"recv", FAST(pt_ctx_recv),
     PT_DOC("recv($self, ifcidx=0)", "The next message of an input, a bytearray; one of at most one byte "
                                     "means end of stream.\n\nRaises FormatChanged with the "
                                     "message in its attribute data, TimeoutError, FormatMismatch, "
                                     "Terminated. Other threads run while it waits, and signals are "
                                     "handled.")},
    {"send", FAST(pt_ctx_send),
     PT_DOC("send($self, data, ifcidx=0)",
            "Sends bytes, a bytearray or text (as UTF-8) of up to 65535 bytes.")},
    {"recvBulk", KW(pt_ctx_recv_bulk),
     PT_DOC("recvBulk($self, urtempl, time, count, ifcidx=0)",
            "Receives records for up to time seconds, up to count of them (below 0: no limit), and returns a "
            "list of dictionaries. "
            "The template follows changes of the format.")},
    {"sendBulk", KW(pt_ctx_send_bulk),
     PT_DOC("sendBulk($self, urtempl, data, ifcidx=0)",
            "Sends a record for each dictionary of a sequence. Fields that a dictionary lacks have the "
            "values of the template's "
            "message, which are zero if there was none.")},
    {"records", KW(pt_ctx_records),
     PT_DOC("records($self, ifcidx=0, fields=None)",
            "An iterator over the records of an input, each a template with its data, until the stream ends. "
            "fields: those that the "
            "sender must have; without it any format is accepted, unless setRequiredFmt() was called.")},
    {"recvColumns", KW(pt_ctx_recv_columns),
     PT_DOC("recvColumns($self, count=-1, time=None, ifcidx=0, fields=None)",
            "Receives up to count records (below 0: no limit) for up to time seconds (None: no limit), until "
            "the stream ends or the "
            "format changes, as pytrap.columns.Columns: an array for each field. fields: as of records().")},
    {"sendColumns", KW(pt_ctx_send_columns),
     PT_DOC("sendColumns($self, urtempl, columns, ifcidx=0)",
            "Sends a record of the template's fields for each row of columns: a pytrap.columns.Columns, a "
            "pandas.DataFrame, or a "
            "dictionary of arrays and lists of one length. Fields without a column are zero or empty.")},
    {"ack", KW(pt_ctx_ack),
     PT_DOC("ack($self, ifcidx=0)",
            "Acknowledges all messages that were returned so far, of an input with resume=.")},
    {"position", KW(pt_ctx_position),
     PT_DOC("position($self, ifcidx=0)",
            "Where the last message that was returned is in the stream of its sender: (instance, number). A "
            "program that stores it "
            "with its results knows messages that come again after it was killed. instance 0: the sender "
            "does not number messages.")},
    {"sendFlush", ctx_flush, METH_VARARGS,
     PT_DOC("sendFlush($self, ifcidx=0, /)", "Sends what an output has in its buffer.")},
    {"setRequiredFmt", KW(ctx_set_required),
     PT_DOC("setRequiredFmt($self, ifcidx, data_type=FMT_UNIREC, fmtspec='')",
            "The format that an input requires; of UniRec the fields that must be there, '': any.")},
    {"setDataFmt", KW(ctx_set_format),
     PT_DOC("setDataFmt($self, ifcidx, data_type=FMT_UNIREC, fmtspec='')", "The format of an output.")},
    {"getDataFmt", KW(ctx_get_format),
     PT_DOC("getDataFmt($self, ifcidx=0)",
            "The format of an input as its sender has announced it: (type, specification); (0, '') before.")},
    {"getInIFCState", ctx_state, METH_O,
     PT_DOC("getInIFCState($self, ifcidx, /)",
            "State of an input: FMTS_WAITING, FMTS_OK, FMTS_MISMATCH, FMTS_CHANGED.")},
    {"ifcctl", KW(ctx_ifcctl),
     PT_DOC("ifcctl($self, ifcidx, dir_in, request, value)",
            "Sets CTL_TIMEOUT or CTL_AUTOFLUSH in microseconds, or CTL_BUFFERSWITCH, of an input "
            "(dir_in=True) or an output.")},
    {"setVerboseLevel", KW(ctx_set_verbose),
     PT_DOC("setVerboseLevel($self, level)",
            "How much libtrap prints, in the whole process: VERB_ERRORS to VERB_VERBOSE3.")},
    {"getVerboseLevel", ctx_get_verbose, METH_NOARGS,
     PT_DOC("getVerboseLevel($self)", "What setVerboseLevel() has set.")},
    {"terminate", ctx_terminate, METH_NOARGS,
     PT_DOC("terminate($self)",
            "Ends all streams: calls that wait, in any thread, raise Terminated, and so do later ones.")},
    {"finalize", ctx_finalize, METH_NOARGS,
     PT_DOC("finalize($self)", "Delivers what was sent and closes all. Another thread that is inside a call "
                               "leaves it with Terminated.")},
    {"__enter__", ctx_enter, METH_NOARGS,
     PT_DOC("__enter__($self)", "with TrapCtx() as ctx: finalize() at the end.")},
    {"__exit__", ctx_exit, METH_VARARGS, PT_DOC("__exit__($self, *exception)", "finalize()")},
    {NULL, NULL, 0, NULL}};

PyTypeObject pt_ctx_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pytrap.TrapCtx",
    .tp_doc = PT_DOC("TrapCtx()", "A set of interfaces, which init() opens and finalize(), a with statement, "
                                  "or the end of the object's life closes."),
    .tp_basicsize = sizeof(pt_ctx_t),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = ctx_create,
    .tp_dealloc = ctx_dealloc,
    .tp_methods = ctx_methods,
};
