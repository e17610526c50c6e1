/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages: the one that main() prints at the end, warnings, and what -v shows. */
#include "internal.h"

#include <nemea-common/nc_text.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMES_SHOWN 10 /* of a warning */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* threads of the module's own have messages too */

static _Thread_local char **redirected; /* a reload's message is its own */

void message_redirect(char **message)
{
   redirected = message;
}

__attribute__((format(printf, 3, 0))) static int fail(nm_module_t *m, int status, const char *format,
                                                      va_list ap)
{
   char *text = NULL;
   if (vasprintf(&text, format, ap) < 0) {
      text = NULL;
   }
   if (redirected != NULL) {
      free(*redirected);
      *redirected = text;
      return NM_ERROR;
   }
   pthread_mutex_lock(&lock);
   if (m->input_failed) { /* what comes of that is not the reason */
      free(text);
   } else {
      free(m->message);
      m->message = text;
      m->status = status;
   }
   pthread_mutex_unlock(&lock);
   return NM_ERROR;
}

int message_input_failed(nm_module_t *m)
{
   pthread_mutex_lock(&lock);
   m->input_failed = true;
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

void message_print(const nm_module_t *m)
{
   nc_text_line(stderr, "", "%s: %s", m->def->name, m->message != NULL ? m->message : "failed");
}

/* How often this warning was given before; the format's address tells warnings apart. When all places are taken, further
 * formats share the last one. */
static unsigned times_warned(nm_module_t *m, const char *format)
{
   uint32_t i = 0;
   pthread_mutex_lock(&lock);
   while (i < m->n_warnings && m->warnings[i].format != format) {
      i++;
   }
   i = i < MAX_WARNINGS ? i : MAX_WARNINGS - 1;
   if (i == m->n_warnings) {
      m->warnings[m->n_warnings++].format = format;
   }
   unsigned before = m->warnings[i].count;
   m->warnings[i].count += before < TIMES_SHOWN;
   pthread_mutex_unlock(&lock);
   return before;
}

NM_PUBLIC void nm_warn(nm_module_t *m, const char *format, ...)
{
   unsigned n = times_warned(m, format);
   va_list ap;
   if (n >= TIMES_SHOWN) {
      return;
   }
   char text[NC_TEXT_LINE];
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   nc_text_line(stderr, "", "%s: warning: %s%s", m->def->name, text,
                n == TIMES_SHOWN - 1 ? " (further ones are not shown)" : "");
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
