/* SPDX-License-Identifier: BSD-3-Clause */
/** All numbers in the text format of OpenMetrics 1.0. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The value of a label: quotes, backslashes and newlines are escaped. Names of modules are UTF-8 already, as XML is. */
static void label(FILE *to, const char *name, const char *value)
{
   (void) fprintf(to, "%s=\"", name);
   for (const char *p = value; *p != 0; p++) {
      if (*p == '\n') {
         (void) fputs("\\n", to);
      } else {
         (void) fprintf(to, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
      }
   }
   (void) fputc('"', to);
}

struct family {
   const char *name, *type, *help;
};

static void head(FILE *to, const struct family *f)
{
   (void) fprintf(to, "# TYPE %s %s\n# HELP %s %s\n", f->name, f->type, f->name, f->help);
}

static bool is_up(const struct module *m)
{
   return m->plan.state == STATE_READY || m->plan.state == STATE_RUNNING;
}

/* \return false: there is no such sample of this module */
static bool value_of(const struct module *m, size_t family, double *value)
{
   bool alive = m->plan.alive;
   switch (family) {
   case 0: *value = is_up(m); return true;
   case 1: *value = m->total_restarts; return true;
   case 2: *value = (double) m->last_start; return alive;
   case 3: *value = (double) m->resident_bytes; return alive;
   case 4: *value = (double) m->virtual_bytes; return alive;
   case 5: *value = m->plan.wanted; return true;
   case 6: *value = (double) m->oom_kills; return true;
   default:
      *value = m->last_status == -1          ? 0
               : WIFSIGNALED(m->last_status) ? 128 + WTERMSIG(m->last_status)
                                             : WEXITSTATUS(m->last_status);
      return m->ever_ended && m->last_status != -1;
   }
}

static const struct family families[] = {
    {"nemea_module_up", "gauge", "1: the module is ready."},
    {"nemea_module_restarts", "counter", "Restarts of the module by this supervisor."},
    {"nemea_module_start_time_seconds", "gauge", "When the module was started, Unix time."},
    {"nemea_module_resident_memory_bytes", "gauge", "Resident memory."},
    {"nemea_module_virtual_memory_bytes", "gauge", "Virtual memory."},
    {"nemea_module_enabled", "gauge", "1: the module and its profile are enabled."},
    {"nemea_module_oom_kills", "counter",
     "Ends of the module because the kernel killed it for want of memory, as far as it had a control group."},
    {"nemea_module_last_exit_code", "gauge",
     "Status of the last exit, 128 and the number of the signal that ended it."},
};

static void write_modules(FILE *to, const struct daemon *d)
{
   for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
      head(to, &families[k]);
      for (uint32_t i = 0; i < d->n_modules; i++) {
         double value;
         if (value_of(d->modules[i], k, &value)) {
            (void) fprintf(to, "%s%s{", families[k].name,
                           strcmp(families[k].type, "counter") == 0 ? "_total" : "");
            label(to, "module", d->modules[i]->name);
            (void) fprintf(to, "} %.17g\n", value);
         }
      }
   }
}

static void write_info(FILE *to, const struct daemon *d)
{
   static const struct family info = {"nemea_module", "info", "Profile and program of the module."};
   head(to, &info);
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      if (m->config != NULL) {
         (void) fputs("nemea_module_info{", to);
         label(to, "module", m->name);
         label(to, ",profile", status_profile(d, m));
         label(to, ",path", m->config->path);
         (void) fputs("} 1\n", to);
      }
   }
}

static void write_cpu(FILE *to, const struct daemon *d)
{
   static const struct family cpu = {"nemea_module_cpu_seconds", "counter", "Processor time of the module."};
   double tick = (double) sysconf(_SC_CLK_TCK);
   head(to, &cpu);
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      for (int system = 0; m->plan.alive && system < 2; system++) {
         (void) fputs("nemea_module_cpu_seconds_total{", to);
         label(to, "module", m->name);
         label(to, ",mode", system ? "system" : "user");
         (void) fprintf(to, "} %.17g\n", (double) (system ? m->cpu_system : m->cpu_user) / tick);
      }
   }
}

/* \return false: interfaces of this direction do not have it */
static bool ifc_value(const struct ifc_stats *s, size_t family, uint64_t *value)
{
   switch (family) {
   case 0: *value = s->messages; return true;
   case 1: *value = s->dropped; return true;
   case 2: *value = s->buffers; return true;
   case 3: *value = s->autoflushes; return s->out;
   case 4: *value = s->peers; return s->out;
   default: *value = s->peers != 0; return !s->out;
   }
}

static void write_interfaces(FILE *to, const struct daemon *d)
{
   static const struct family list[] = {
       {"nemea_ifc_messages", "counter", "Messages that an output sent or an input received."},
       {"nemea_ifc_dropped_messages", "counter", "Messages that an output dropped or an input missed."},
       {"nemea_ifc_buffers", "counter", "Buffers sent or received."},
       {"nemea_ifc_autoflush", "counter", "Buffers that an output sent before they were full."},
       {"nemea_ifc_clients", "gauge", "Clients of an output."},
       {"nemea_ifc_connected", "gauge", "1: the input is connected."},
   };
   for (size_t k = 0; k < sizeof(list) / sizeof(list[0]); k++) {
      head(to, &list[k]);
      for (uint32_t i = 0; i < d->n_modules; i++) {
         const struct module *m = d->modules[i];
         uint32_t index[2] = {0, 0};
         for (uint32_t j = 0; m->plan.alive && j < m->n_ifcs; j++) {
            const struct ifc_stats *s = &m->ifcs[j];
            char type[2] = {s->type, 0};
            uint32_t number = index[s->out]++;
            uint64_t value;
            if (!ifc_value(s, k, &value)) {
               continue;
            }
            (void) fprintf(to, "%s%s{", list[k].name, strcmp(list[k].type, "counter") == 0 ? "_total" : "");
            label(to, "module", m->name);
            (void) fprintf(to, ",dir=\"%s\",index=\"%u\",", s->out ? "out" : "in", number);
            label(to, "type", type);
            label(to, ",id", s->id);
            (void) fprintf(to, "} %llu\n", (unsigned long long) value);
         }
      }
   }
}

static void write_supervisor(FILE *to, const struct daemon *d)
{
   static const struct family reloads = {"nemea_supervisor_reloads", "counter",
                                         "Reloads of the configuration."},
                              last = {"nemea_supervisor_last_reload_success", "gauge",
                                      "1: the last reload succeeded, or there was none."};
   head(to, &reloads);
   (void) fprintf(to,
                  "nemea_supervisor_reloads_total{result=\"success\"} %u\n"
                  "nemea_supervisor_reloads_total{result=\"failure\"} %u\n",
                  d->reloads - d->failed_reloads, d->failed_reloads);
   head(to, &last);
   (void) fprintf(to, "nemea_supervisor_last_reload_success %d\n# EOF\n", !d->last_reload_failed);
}

json_t *metrics_make(const struct daemon *d)
{
   char *text = NULL;
   size_t length = 0;
   FILE *to = open_memstream(&text, &length);
   if (to == NULL) {
      return NULL;
   }
   write_info(to, d);
   write_modules(to, d);
   write_cpu(to, d);
   write_interfaces(to, d);
   write_supervisor(to, d);
   bool ok = fclose(to) == 0;
   json_t *o = ok ? json_text(text, length) : NULL;
   free(text);
   return o;
}
