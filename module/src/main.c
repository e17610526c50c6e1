/* SPDX-License-Identifier: BSD-3-Clause */
/** The life of a module: start, run, end; signals, messages, counters. */
#include "internal.h"

#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GRACE_SECONDS 2 /* after a signal: what a waiting send gets before it is given up */
#define ONE_SIGNAL_MS \
   500 /* timeout(1), sudo and terminals send what is one wish to a process and to its group */

_Atomic int nm_stop_signal, nm_reload_signal, nm_show_signal;

static void on_stop(int sig)
{
   static _Atomic int64_t first_ms; /* any thread may get a signal */
   struct timespec now;
   (void) sig;
   clock_gettime(CLOCK_MONOTONIC, &now);
   int64_t ms = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
   if (!nm_stop_signal) {
      nm_stop_signal = 1;
      first_ms = ms;
      alarm(GRACE_SECONDS);
   } else if (ms - first_ms > ONE_SIGNAL_MS) {
      trap_terminate();
   }
}

static void on_alarm(int sig)
{
   (void) sig;
   trap_terminate();
}

static void on_reload(int sig)
{
   (void) sig;
   nm_reload_signal = 1;
}

static void on_show(int sig)
{
   (void) sig;
   nm_show_signal = 1;
}

static void catch_signals(const nm_module_def_t *def)
{
   static const struct {
      int sig;
      void (*handler)(int);
   } signals[] = {
       {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGALRM, on_alarm}, {SIGUSR1, on_show}, {SIGPIPE, SIG_IGN}};
   struct sigaction sa = {.sa_flags = 0};
   sigemptyset(&sa.sa_mask);
   for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
      sa.sa_handler = signals[i].handler;
      sigaction(signals[i].sig, &sa, NULL);
   }
   if (def->reload != NULL) {
      sa.sa_handler = on_reload;
      sigaction(SIGHUP, &sa, NULL);
   }
}

/* ------------------------------------------------------------------ messages */

__attribute__((format(printf, 3, 0))) static int fail(nm_module_t *m, int status, const char *format,
                                                      va_list ap)
{
   static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* threads of the module's own may fail too */
   char *text = NULL;
   if (vasprintf(&text, format, ap) < 0) {
      text = NULL;
   }
   pthread_mutex_lock(&lock);
   free(m->message);
   m->message = text;
   m->status = status;
   pthread_mutex_unlock(&lock);
   return NM_ERROR;
}

NM_PUBLIC int nm_fail(nm_module_t *m, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   fail(m, EXIT_FAILURE, format, ap);
   va_end(ap);
   return NM_ERROR;
}

NM_PUBLIC int nm_fail_status(nm_module_t *m, int status, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   fail(m, status, format, ap);
   va_end(ap);
   return NM_ERROR;
}

/* How often this warning was given before; the format's address tells warnings apart. */
static unsigned times_warned(nm_module_t *m, const char *format)
{
   static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
   uint32_t i = 0;
   pthread_mutex_lock(&lock);
   while (i < m->n_warnings && m->warnings[i].format != format) {
      i++;
   }
   unsigned before = 9;
   if (i < MAX_WARNINGS) {
      m->warnings[i].format = format;
      m->n_warnings += i == m->n_warnings;
      before = m->warnings[i].count++;
   }
   pthread_mutex_unlock(&lock);
   return before;
}

NM_PUBLIC void nm_warn(nm_module_t *m, const char *format, ...)
{
   unsigned n = times_warned(m, format);
   va_list ap;
   if (n >= 10) {
      return;
   }
   char text[NC_TEXT_LINE];
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   nc_text_line(stderr, "", "%s: warning: %s%s", m->def->name, text,
                n == 9 ? " (further ones are not shown)" : "");
}

NM_PUBLIC int nm_verbosity(const nm_module_t *m)
{
   (void) m;
   return trap_get_verbose_level();
}

NM_PUBLIC void nm_verbose(nm_module_t *m, const char *format, ...)
{
   va_list ap;
   if (nm_verbosity(m) < 0) {
      return;
   }
   char before[128];
   snprintf(before, sizeof(before), "%s: ", m->def->name);
   va_start(ap, format);
   nc_text_vline(stderr, before, format, ap);
   va_end(ap);
}

NM_PUBLIC bool nm_stopping(const nm_module_t *m)
{
   (void) m;
   return nm_stop_signal != 0;
}

NM_PUBLIC void *nm_self(nm_module_t *m)
{
   return m->state;
}

NM_PUBLIC void nm_counter(nm_module_t *m, const char *name, const uint64_t *value)
{
   if (m->n_counters == MAX_COUNTERS) {
      nm_warn(m, "more than %d counters: \"%s\" is not shown", MAX_COUNTERS, name);
      return;
   }
   m->counters[m->n_counters].name = name;
   m->counters[m->n_counters++].value = value;
}

void nm_show_counters(nm_module_t *m)
{
   uint64_t missed = 0;
   for (uint32_t i = 0; i < m->n_in; i++) {
      missed += m->in[i].missed;
   }
   fprintf(stderr,
           "%s: records %" PRIu64 ", missed %" PRIu64 ", bad %" PRIu64 ", sent %" PRIu64 ", dropped %" PRIu64,
           m->def->name, m->records, missed, m->bad_records, m->sent, m->dropped);
   for (uint32_t i = 0; i < m->n_counters; i++) {
      fprintf(stderr, ", %s %" PRIu64, m->counters[i].name, *m->counters[i].value);
   }
   fputc('\n', stderr);
}

/* ---------------------------------------------------------------------- life */

static int open_interfaces(nm_module_t *m, trap_ifc_spec_t spec)
{
   int status = m->def->interface_status != 0 ? m->def->interface_status : EXIT_FAILURE;
   if (trap_init(m->info, spec) != TRAP_E_OK) {
      return nm_fail_status(m, status, "ERROR in TRAP initialization: %s", trap_last_error_msg);
   }
   m->ctx = trap_get_global_ctx();
   m->n_in = (uint32_t) m->info->num_ifc_in;
   m->n_out = (uint32_t) m->info->num_ifc_out;
   if (m->n_in > MAX_INTERFACES) {
      return nm_fail_status(m, status, "%u inputs: at most %d are possible", m->n_in, MAX_INTERFACES);
   }
   int rc = outputs_open(m);
   return rc == NM_OK ? inputs_open(m) : rc;
}

static int work(nm_module_t *m)
{
   const nm_module_def_t *def = m->def;
   clock_start(m);
   int rc = def->init != NULL ? def->init(m) : NM_OK;
   if (rc == NM_OK && m->n_in > 0) {
      rc = receive(m);
   }
   while (rc == NM_OK && m->n_in == 0 && def->source != NULL && !nm_stop_signal) {
      rc = def->source(m);
      if (nm_show_signal) {
         nm_show_signal = 0;
         nm_show_counters(m);
      }
   }
   if (rc != NM_ERROR && def->finish != NULL) {
      rc = def->finish(m);
   }
   outputs_end(m); /* also after an error: who listens must not wait for more */
   return rc;
}

static int run(nm_module_t *m, int argc, char **argv)
{
   trap_ifc_spec_t spec = {0};
   int status = m->def->interface_status != 0 ? m->def->interface_status : EXIT_FAILURE;
   int rc = trap_parse_params(&argc, argv, &spec);
   if (rc == TRAP_E_HELP) {
      trap_print_help(m->info);
      return NM_STOP;
   }
   if (rc != TRAP_E_OK) {
      rc = nm_fail_status(m, status, "ERROR in parsing of parameters for TRAP: %s (see %s -h)",
                          trap_last_error_msg, m->def->name);
   } else {
      rc = options_parse(m, argc, argv);
   }
   if (rc == NM_OK && m->def->check != NULL) {
      rc = m->def->check(m);
   }
   if (rc == NM_OK) {
      catch_signals(m->def);
      rc = open_interfaces(m, spec);
   }
   trap_free_ifc_spec(spec);
   if (rc == NM_OK) {
      rc = work(m);
   }
   if (m->ctx != NULL && nm_verbosity(m) >= 0) {
      nm_show_counters(m);
   }
   if (m->def->cleanup != NULL && m->ctx != NULL) {
      m->def->cleanup(m);
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
   nm_module_t m = {.def = def, .no_eos = (def->flags & NM_NO_EOS) != 0};
   m.state = calloc(1, def->state_size > 0 ? def->state_size : 1);
   m.info = options_info(def);
   if (m.state == NULL || m.info == NULL) {
      fprintf(stderr, "%s: out of memory\n", def->name);
      return EXIT_FAILURE;
   }
   long_help(argc, argv);
   int rc = run(&m, argc, argv);
   if (rc == NM_ERROR) {
      nc_text_line(stderr, "", "%s: %s", def->name, m.message != NULL ? m.message : "failed");
   }
   bool written = trap_finalize() != TRAP_E_IO_ERROR; /* what did not reach its file has been said */
   written = nc_flush_stdout(def->name) && written;
   if (!written && rc != NM_ERROR) {
      rc = NM_ERROR;
      m.status = EXIT_FAILURE;
   }
   inputs_close(&m);
   outputs_close(&m);
   ur_finalize();
   options_info_free(m.info);
   free(m.state);
   free(m.message);
   return rc == NM_ERROR ? m.status : EXIT_SUCCESS;
}
