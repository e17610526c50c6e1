/* SPDX-License-Identifier: BSD-3-Clause */
/** Error codes and texts, log lines, clocks. */
#include "internal.h"

#include <nemea-common/nc_text.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_TEXTS 1024 /* different messages kept; further ones give way to the usual text of their code */

/* Names that programs of NEMEA 2 know: the level of verbosity, a switch without effect in builds for use, the last line
 * that was logged. Read them for information only. */
extern _Atomic int trap_verbose;
extern int trap_debug;
extern char trap_err_msg[4095];
TRAP_PUBLIC _Atomic int trap_verbose = -1;
TRAP_PUBLIC int trap_debug;
TRAP_PUBLIC char trap_err_msg[4095];
static pthread_mutex_t err_msg_lock = PTHREAD_MUTEX_INITIALIZER;

TRAP_PUBLIC int trap_last_error = TRAP_E_OK;
TRAP_PUBLIC const char *trap_last_error_msg;

const char *error_text(int code)
{
   switch (code) {
   case TRAP_E_OK: return "No error";
   case TRAP_E_TIMEOUT: return "Read or write operation timeout";
   case TRAP_E_INITIALIZED: return "TRAP library already initialized.";
   case TRAP_E_BADPARAMS: return "Bad parameters passed to interface initializer.";
   case TRAP_E_BAD_IFC_INDEX: return "Interface index out of range.";
   case TRAP_E_BAD_FPARAMS: return "Bad parameters of function";
   case TRAP_E_IO_ERROR: return "Input/Output error";
   case TRAP_E_TERMINATED: return "Interface was terminated during read/write";
   case TRAP_E_NOT_SELECTED: return "Interface was not selected for read/write";
   case TRAP_E_BAD_CERT: return "TLS certificate verification failed";
   case TRAP_E_NOT_INITIALIZED: return "TRAP library not initialized";
   case TRAP_E_MEMORY: return "Memory allocation error";
   default: return NULL;
   }
}

__thread struct last_error last_error;

/* Texts of errors live as long as the process, so that a pointer to one stays good whatever other threads do. */
static const char *texts[MAX_TEXTS];
static size_t n_texts;
static pthread_mutex_t texts_lock = PTHREAD_MUTEX_INITIALIZER;

const char *keep_text(const char *text)
{
   const char *kept = NULL;
   pthread_mutex_lock(&texts_lock);
   for (size_t i = 0; i < n_texts && kept == NULL; i++) {
      kept = strcmp(texts[i], text) == 0 ? texts[i] : NULL;
   }
   if (kept == NULL && n_texts < MAX_TEXTS) {
      kept = strdup(text);
      if (kept != NULL) {
         texts[n_texts++] = kept;
      }
   }
   pthread_mutex_unlock(&texts_lock);
   return kept;
}

static const char *text_of_code(int code)
{
   const char *text = error_text(code);
   return text != NULL                        ? text
          : code == TRAP_E_FORMAT_MISMATCH    ? "The sender does not have the required fields."
          : code == TRAP_E_FORMAT_CHANGED     ? "The data format has changed."
          : code == TRAP_E_NEGOTIATION_FAILED ? "Negotiation of the data format failed."
                                              : "Unknown error.";
}

int publish_error(int code, const char *message)
{
   __atomic_store_n(&trap_last_error, code, __ATOMIC_RELAXED);
   __atomic_store_n(&trap_last_error_msg, message != NULL ? message : text_of_code(code), __ATOMIC_RELEASE);
   last_error.published = code != TRAP_E_OK;
   return code;
}

int ctx_error(struct trap_context *ctx, int code, const char *format, ...)
{
   char text[ERRMSG_SIZE];
   const char *kept = NULL;
   if (format != NULL) {
      va_list ap;
      va_start(ap, format);
      vsnprintf(text, sizeof(text), format, ap);
      va_end(ap);
      kept = keep_text(text);
   }
   last_error.serial = ctx->serial;
   last_error.code = code;
   last_error.message = kept != NULL ? kept : text_of_code(code);
   return code;
}

int ctx_error_code(const struct trap_context *ctx)
{
   return last_error.serial == ctx->serial ? last_error.code : ctx->init_error;
}

const char *ctx_error_message(const struct trap_context *ctx)
{
   if (last_error.serial != ctx->serial) {
      return ctx->init_message != NULL ? ctx->init_message : error_text(TRAP_E_OK);
   }
   return last_error.code != TRAP_E_OK ? last_error.message : error_text(TRAP_E_OK);
}

void trap_log_line(int level, const char *format, ...)
{
   static const char *const tags[] = {"ERROR",   "WARNING",          "NOTICE",
                                      "VERBOSE", "ADVANCED VERBOSE", "LIBRARY VERBOSE"};
   char text[sizeof(trap_err_msg)], safe[sizeof(trap_err_msg)];
   if (level > atomic_load_explicit(&trap_verbose, memory_order_relaxed)) {
      return;
   }
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   size_t length =
       nc_text_terminal(safe, sizeof(safe), text, strlen(text)); /* it may quote what a peer sent */
   fprintf(stderr, "%s: %s\n", tags[level + 3], safe);
   pthread_mutex_lock(&err_msg_lock);
   memcpy(trap_err_msg, safe, length + 1);
   pthread_mutex_unlock(&err_msg_lock);
}

TRAP_PUBLIC void trap_set_verbose_level(int level)
{
   atomic_store(&trap_verbose, level < -3 ? -3 : level > 2 ? 2 : level);
}

TRAP_PUBLIC int trap_get_verbose_level(void)
{
   return atomic_load(&trap_verbose);
}

TRAP_PUBLIC void trap_ctx_set_verbose_level(trap_ctx_t *ctx, int level)
{
   trap_set_verbose_level(level);
}

TRAP_PUBLIC int trap_ctx_get_verbose_level(trap_ctx_t *ctx)
{
   return trap_get_verbose_level();
}

int64_t now_us(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t now_us_coarse(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t now_ms(void)
{
   return now_us() / 1000;
}
