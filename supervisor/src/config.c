/* SPDX-License-Identifier: BSD-3-Clause */
/** Configurations as values: made, searched, freed, and the list of their problems. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *config_where(const struct config *c, uint32_t line, uint32_t *file_line)
{
   uint32_t low = 0, high = c->n_segments;
   while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (c->segments[middle].line <= line) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   if (low == 0) {
      *file_line = line;
      return c->n_files > 0 ? c->files[0] : "configuration";
   }
   const struct config_segment *s = &c->segments[low - 1];
   *file_line = s->file_line + (line - s->line);
   return c->files[s->file];
}

static void __attribute__((format(printf, 4, 0)))
add_problem(struct config *c, bool error, uint32_t line, const char *format, va_list ap)
{
   char what[1024], *text = NULL;
   uint32_t file_line;
   error ? c->n_errors++ : c->n_warnings++;
   if (c->n_problems == CONFIG_PROBLEMS) {
      c->n_more++;
      return;
   }
   const char *file = config_where(c, line, &file_line);
   (void) vsnprintf(what, sizeof(what), format, ap);
   if (asprintf(&text, "%s:%u: %s", file, file_line, what) < 0) {
      c->n_more++;
      return;
   }
   c->problems[c->n_problems++] = (struct config_problem){.error = error, .text = text};
}

void config_error(struct config *c, uint32_t line, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   add_problem(c, true, line, format, ap);
   va_end(ap);
}

void config_warning(struct config *c, uint32_t line, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   add_problem(c, false, line, format, ap);
   va_end(ap);
}

static struct config *finish(struct config *c, bool expanded)
{
   if (expanded) {
      config_read(c);
   }
   return c;
}

static struct config *new_config(void)
{
   struct config *c = calloc(1, sizeof(*c));
   if (c != NULL) {
      c->restarts = CONFIG_RESTARTS;
   }
   return c;
}

struct config *config_load(const char *path)
{
   struct config *c = new_config();
   return c != NULL ? finish(c, config_expand(c, path)) : NULL;
}

struct config *config_load_if(const char *path, bool (*ok)(const struct config *c, char *why, size_t size))
{
   struct config *c = new_config();
   char why[512];
   bool expanded = c != NULL && config_expand(c, path);
   if (expanded && !ok(c, why, sizeof(why))) {
      config_error(c, 1, "%s", why);
      expanded = false;
   }
   return c != NULL ? finish(c, expanded) : NULL;
}

struct config *config_load_text(const char *name, const char *text, size_t length)
{
   struct config *c = new_config();
   return c != NULL ? finish(c, config_expand_text(c, name, text, length)) : NULL;
}

static void free_module(struct config_module *m)
{
   for (uint32_t i = 0; i < m->n_interfaces; i++) {
      free(m->interfaces[i].params);
      free(m->interfaces[i].note);
   }
   config_options_free(&m->options);
   free(m->interfaces);
   free(m->name);
   free(m->path);
   free(m->params);
}

void config_free(struct config *c)
{
   if (c == NULL) {
      return;
   }
   for (uint32_t i = 0; i < c->n_files; i++) {
      free(c->files[i]);
   }
   for (uint32_t i = 0; i < c->n_profiles; i++) {
      free(c->profiles[i].name);
   }
   for (uint32_t i = 0; i < c->n_modules; i++) {
      free_module(&c->modules[i]);
   }
   for (uint32_t i = 0; i < c->n_problems; i++) {
      free(c->problems[i].text);
   }
   free(c->files);
   free(c->segments);
   free(c->profiles);
   free(c->modules);
   free(c->text);
   free(c);
}

bool config_enabled(const struct config *c, const struct config_module *m)
{
   return m->enabled && c->profiles[m->profile].enabled;
}

int config_restarts(const struct config *c, const struct config_module *m)
{
   return m->restarts >= 0 ? m->restarts : c->restarts;
}

const struct config_module *config_find(const struct config *c, const char *name)
{
   for (uint32_t i = 0; i < c->n_modules; i++) {
      if (strcmp(c->modules[i].name, name) == 0) {
         return &c->modules[i];
      }
   }
   return NULL;
}

static const struct {
   const char *name;
   char letter;
} types[] = {
    [TYPE_TCP] = {"TCP", 't'},   [TYPE_UNIX] = {"UNIXSOCKET", 'u'},
    [TYPE_FILE] = {"FILE", 'f'}, [TYPE_BLACKHOLE] = {"BLACKHOLE", 'b'},
    [TYPE_TLS] = {"TLS", 'T'},
};

const char *config_type_name(enum config_type type)
{
   return types[type].name;
}

char config_type_letter(enum config_type type)
{
   return types[type].letter;
}

const char *config_direction_name(enum config_direction direction)
{
   return direction == DIRECTION_IN ? "IN" : direction == DIRECTION_OUT ? "OUT" : NULL;
}
