/* SPDX-License-Identifier: BSD-3-Clause */
/** Results of calls: error codes and their texts, the last error of each thread, the counters of what was sent. */
#include "internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXTS 1024 /* different messages kept; further ones give way to the usual text of their code */

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

int output_result(struct trap_output *out, int rc)
{
   /* Only statistics: a lost count between two sending threads is better than a locked one. */
   count_up(rc == TRAP_E_OK ? &out->sent : &out->dropped, 1);
   return rc == TRAP_E_OK || rc == TRAP_E_IO_ERROR ? rc : ctx_result(out->ctx, rc);
}

int reserve_failed(struct trap_output *out, int rc)
{
   out->reserved_size = 0;
   return output_result(out, rc); /* the message will not be sent */
}

TRAP_PUBLIC int trap_ctx_get_last_error(trap_ctx_t *ctx)
{
   return ctx_error_code(ctx);
}

TRAP_PUBLIC const char *trap_ctx_get_last_error_msg(trap_ctx_t *ctx)
{
   return ctx_error_message(ctx);
}
