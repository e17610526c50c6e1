/* SPDX-License-Identifier: BSD-3-Clause */
/** The life of a module: start, run, end. */
#include "internal.h"

#include <nemea-common/nc_text.h>
#include <stdio.h>

static int interface_status(const nm_module_t *m)
{
   return m->def->interface_status != 0 ? m->def->interface_status : EXIT_FAILURE;
}

static int open_interfaces(nm_module_t *m)
{
   m->info->num_ifc_in = (int) m->n_in;
   m->info->num_ifc_out = (int) m->n_out;
   if (trap_init(m->info, m->spec) != TRAP_E_OK) {
      return nm_fail_status(m, interface_status(m), "ERROR in TRAP initialization: %s", trap_last_error_msg);
   }
   m->ctx = trap_get_global_ctx();
   int rc = outputs_open(m);
   return rc == NM_OK ? inputs_open(m, m->spec.types) : rc;
}

/* A module without inputs makes its records itself. */
static int run_source(nm_module_t *m)
{
   int rc = NM_OK;
   for (unsigned turn = 0; rc == NM_OK && m->def->source != NULL && !nm_stop_signal; turn++) {
      rc = outcome(m, m->def->source(m));
      if (rc == NM_OK &&
          (turn % BATCH == 0 || nm_events != 0 || m->timer_every != 0 || notify_is_watched())) {
         rc = between_batches(m);
      }
   }
   return rc;
}

static int work(nm_module_t *m)
{
   const nm_module_def_t *def = m->def;
   clock_start(m);
   int rc = def->init != NULL ? outcome(m, def->init(m)) : NM_OK;
   rc = rc == NM_OK ? counters_open(m) : rc;
   if (rc == NM_OK) {
      notify_ready();
   }
   if (rc == NM_OK && m->n_in > 0) {
      rc = (def->flags & NM_MERGE) && m->n_in > 1 ? receive_merged(m) : receive(m);
   } else if (rc == NM_OK) {
      rc = run_source(m);
   }
   if (def->finish != NULL && (rc != NM_ERROR || m->input_failed)) {
      int finished = outcome(m, def->finish(m)); /* also of what stands in front of damage */
      rc = rc == NM_ERROR ? rc : finished;
   }
   outputs_end(m); /* also after an error: readers must not wait for more */
   return counters_close(m, rc);
}

static bool has_interfaces(int argc, char **argv)
{
   for (int i = 1; i < argc; i++) {
      if (strcmp(argv[i], "-i") == 0) {
         return true;
      }
   }
   return false;
}

/* What libtrap says of its options. */
static int parse_trap(nm_module_t *m, int *argc, char **argv)
{
   int rc = trap_parse_params(argc, argv, &m->spec);
   if (rc == TRAP_E_HELP) {
      const char *format = getenv("LIBTRAP_OUTPUT_FORMAT");
      if (format != NULL && strcmp(format, "interfaces") == 0) {
         interfaces_print(m);
      } else {
         trap_print_help(m->info);
      }
      return NM_STOP;
   }
   return rc == TRAP_E_OK ? NM_OK
                          : nm_fail_status(m, interface_status(m),
                                           "ERROR in parsing of parameters for TRAP: %s (see %s -h)",
                                           trap_last_error_msg, m->def->name);
}

/* Without -i: what check() answers by itself, or an error. libtrap gets an interface that nobody opens. */
static int run_query(nm_module_t *m, int argc, char **argv)
{
   int with = argc;
   m->arguments = calloc((size_t) argc + 3, sizeof(*m->arguments));
   if (m->arguments == NULL) {
      return nm_fail(m, "out of memory");
   }
   memcpy(m->arguments, argv, (size_t) argc * sizeof(*argv));
   m->arguments[with++] = (char[]){"-i"};
   m->arguments[with++] = (char[]){"u:none"};
   int rc = parse_trap(m, &with, m->arguments);
   rc = rc == NM_OK ? options_parse(m, with, m->arguments) : rc;
   if (rc == NM_OK && options_are_query(m) && m->def->check != NULL) {
      rc = outcome(m, m->def->check(m));
   }
   if (rc == NM_OK) {
      trap_free_ifc_spec(m->spec);
      rc = parse_trap(m, &argc, argv); /* which misses -i */
   }
   return rc;
}

/* Options, and what follows from them before the interfaces are opened. */
static int begin(nm_module_t *m, int argc, char **argv)
{
   if (!has_interfaces(argc, argv) && options_have_query(m->def)) {
      return run_query(m, argc, argv);
   }
   int rc = parse_trap(m, &argc, argv);
   rc = rc == NM_OK ? options_parse(m, argc, argv) : rc;
   rc = rc == NM_OK ? interfaces_count(m, strlen(m->spec.types)) : rc;
   if (rc == NM_OK && m->def->check != NULL) {
      rc = outcome(m, m->def->check(m));
   }
   return rc == NM_OK ? resources_open(m) : rc;
}

static int run(nm_module_t *m, int argc, char **argv)
{
   int rc = begin(m, argc, argv);
   if (rc == NM_OK) {
      catch_signals(m->def);
      rc = open_interfaces(m);
   }
   rc = rc == NM_OK ? work(m) : rc;
   if (m->ctx != NULL && nm_verbosity(m) >= 0) {
      counters_show(m);
   }
   reload_end(m);
   if (m->def->cleanup != NULL) {
      m->def->cleanup(m);
   }
   if (!m->reload.running) {
      resources_close(m);
   }
   return rc;
}

/* libtrap knows -h only. */
static void long_help(int argc, char **argv)
{
   for (int i = 1; i < argc; i++) {
      if (strcmp(argv[i], "--help") == 0) {
         strcpy(argv[i], "-h");
      }
   }
}

NM_PUBLIC int nm_main(const nm_module_def_t *def, int argc, char **argv)
{
   nm_module_t *m = calloc(1, sizeof(*m));
   if (m != NULL) {
      m->def = def;
      m->flags = def->flags;
      m->no_eos = (def->flags & NM_NO_EOS) != 0;
      m->state = calloc(1, def->state_size > 0 ? def->state_size : 1);
      interfaces_declare(m);
      m->info = options_info(m);
   }
   if (m == NULL || m->state == NULL || m->info == NULL) {
      fprintf(stderr, "%s: out of memory\n", def->name);
      return EXIT_FAILURE;
   }
   long_help(argc, argv);
   int rc = run(m, argc, argv);
   if (rc == NM_ERROR) {
      message_print(m);
   }
   int status = rc == NM_ERROR ? m->status : EXIT_SUCCESS;
   bool written = trap_finalize() != TRAP_E_IO_ERROR; /* what did not reach its file has been said */
   written = nc_flush_stdout(def->name) && written;
   status = written || rc == NM_ERROR ? status : EXIT_FAILURE;
   inputs_close(m);
   outputs_close(m);
   ur_finalize();
   options_info_free(m->info);
   trap_free_ifc_spec(m->spec);
   if (!m->reload.running) { /* a load that does not end still uses it */
      free(m->arguments);
      free(m->fields);
      free(m->state);
      free(m->message);
      free(m);
   }
   return status;
}

NM_PUBLIC void nm_set_flag(nm_module_t *m, enum nm_flags flag, bool on)
{
   m->flags = on ? m->flags | flag : m->flags & ~(unsigned) flag;
}

NM_PUBLIC void *nm_self(nm_module_t *m)
{
   return m->state;
}
