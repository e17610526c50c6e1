/* SPDX-License-Identifier: BSD-3-Clause */
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIPE_PIECE 4096 /* what poll() promises of a pipe (PIPE_BUF) */
#define POLL_MS    50   /* how often a wait checks for signals, which other threads may get */

uint64_t sink_clock(clockid_t id)
{
   struct timespec ts;
   clock_gettime(id, &ts);
   return (uint64_t) ts.tv_sec * NS + (uint64_t) ts.tv_nsec;
}

unsigned sink_count_records(const struct flow_sink_config *config, void *const ext[MAX_PLUGINS],
                            plugin_set_t plugins)
{
   unsigned most = 1;
   for (; plugins != 0; plugins &= plugins - 1) {
      unsigned p = (unsigned) __builtin_ctzll(plugins);
      unsigned n = config->plugins[p]->records != NULL ? config->plugins[p]->records(ext[p]) : 1;
      most = n > most ? n : most;
   }
   return most;
}

/* \return false: not waited for longer */
static bool wait_for(const nm_module_t *m, int fd, bool wait, unsigned *waited_ms)
{
   struct pollfd p = {.fd = fd, .events = POLLOUT};
   while (poll(&p, 1, wait ? POLL_MS : 0) <= 0) {
      if (!wait) {
         return false;
      }
      if (nm_stopping(m) && (*waited_ms += POLL_MS) > SINK_GIVE_UP_MS) {
         return false;
      }
   }
   return true;
}

bool sink_wait(const nm_module_t *m, int fd)
{
   unsigned waited_ms = 0;
   return wait_for(m, fd, true, &waited_ms);
}

size_t sink_write(const nm_module_t *m, int fd, const void *data, size_t size, bool wait)
{
   size_t done = 0;
   unsigned waited_ms = 0;
   while (done < size) {
      if (!wait_for(m, fd, wait, &waited_ms)) {
         errno = EAGAIN;
         break;
      }
      size_t n = size - done < PIPE_PIECE ? size - done : PIPE_PIECE;
      ssize_t rc = write(fd, (const char *) data + done, n);
      if (rc < 0 && errno != EINTR && errno != EAGAIN) {
         break;
      }
      done += rc > 0 ? (size_t) rc : 0;
   }
   return done;
}

/* ------------------------------------------------------------ fields of plugins */

static bool add_plugin(struct plugin_fields *f, const char *text)
{
   f->tmplt = ur_define_set_of_fields(text) == UR_OK ? ur_create_template_from_ifc_spec(text) : NULL;
   f->ids = f->tmplt != NULL ? calloc(f->tmplt->count, sizeof(f->ids[0])) : NULL;
   char *names = ur_ifc_data_fmt_to_field_names(text), *save = NULL;
   for (char *name = f->ids != NULL && names != NULL ? strtok_r(names, ",", &save) : NULL; name != NULL;
        name = strtok_r(NULL, ",", &save)) {
      f->ids[f->n++] = (ur_field_id_t) ur_get_id_by_name(name);
   }
   free(names);
   return f->n > 0;
}

struct plugin_fields *plugin_fields_new(const struct flow_sink_config *config)
{
   struct plugin_fields *f = calloc(config->n_plugins + 1, sizeof(*f));
   for (unsigned i = 0; f != NULL && i < config->n_plugins; i++) {
      if (!add_plugin(&f[i], config->plugins[i]->fields)) {
         plugin_fields_free(f, i + 1);
         f = NULL;
      }
   }
   if (f == NULL) {
      nm_fail(config->module, "out of memory for the fields of the plugins");
   }
   return f;
}

void plugin_fields_free(struct plugin_fields *f, unsigned n)
{
   for (unsigned i = 0; f != NULL && i < n; i++) {
      ur_free_template(f[i].tmplt);
      free(f[i].ids);
   }
   free(f);
}
