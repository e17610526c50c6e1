/* SPDX-License-Identifier: BSD-3-Clause */
/** A reload by the menu, with what NEMEA 2 said while it was done. */
#include "menu.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
   return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static const char *or_none(const char *text)
{
   return text != NULL && *text != 0 ? text : "none";
}

/* \return whether it differs, which was said */
static bool differs(FILE *out, const char *module, const char *what, const char *attribute, const char *old,
                    const char *new, const char *target)
{
   if (same(old, new)) {
      return false;
   }
   fputs("[WARNING] ", out);
   menu_text(out, module);
   (void) fprintf(out, "'s %s \"%s\" has been changed (", what, attribute);
   menu_text(out, or_none(old));
   fputs(" -> ", out);
   menu_text(out, or_none(new));
   (void) fprintf(out, "), gonna update %s.\n", target);
   return true;
}

/* The first difference of interfaces at the same position. */
static void print_interface_change(const struct config_module *old, const struct config_module *new,
                                   FILE *out)
{
   static const char what[] = "interface attribute", target[] = "module's interfaces";
   if (old->n_interfaces != new->n_interfaces) {
      fputs("[WARNING] Number of ", out);
      menu_text(out, new->name);
      (void) fprintf(out, "'s interfaces has been changed (%u -> %u), gonna update module's interfaces.\n",
                     old->n_interfaces, new->n_interfaces);
      return;
   }
   for (uint32_t i = 0; i < new->n_interfaces; i++) {
      const struct config_interface *a = &old->interfaces[i], *b = &new->interfaces[i];
      if (differs(out, new->name, what, "note", a->note, b->note, target) ||
          differs(out, new->name, what, "type", config_type_name(a->type), config_type_name(b->type),
                  target) ||
          differs(out, new->name, what, "direction", config_direction_name(a->direction),
                  config_direction_name(b->direction), target) ||
          differs(out, new->name, what, "params", a->params, b->params, target)) {
         return;
      }
   }
}

static void print_changes(const struct config *old, const struct config *new, FILE *out)
{
   for (uint32_t p = 0; p < new->n_profiles; p++) {
      fputs("[INFO] Valid modules profile (name: \"", out);
      menu_text(out, new->profiles[p].name);
      (void) fprintf(out, "\", %s).\n", new->profiles[p].enabled ? "enabled" : "disabled");
      for (uint32_t i = 0; old != NULL && i < new->n_modules; i++) {
         const struct config_module *b = &new->modules[i];
         const struct config_module *a = b->profile == p ? config_find(old, b->name) : NULL;
         if (a != NULL) {
            (void) differs(out, b->name, "attribute", "path", a->path, b->path, "it");
            (void) differs(out, b->name, "attribute", "params", a->params, b->params, "it");
            print_interface_change(a, b, out);
         }
      }
   }
   for (uint32_t i = 0; old != NULL && i < old->n_modules; i++) {
      if (config_find(new, old->modules[i].name) == NULL) {
         fputs("[WARNING] ", out);
         menu_text(out, old->modules[i].name);
         fputs(" was not found in new configuration, it will be stopped and removed.\n", out);
      }
   }
}

static size_t number_of(const json_t *report, const char *key)
{
   return json_array_size(json_object_get(report, key));
}

static void print_result(const struct daemon *d, const json_t *report, FILE *out)
{
   size_t i;
   json_t *name;
   json_array_foreach(json_object_get(report, "restarted"), i, name)
   {
      const struct module *m = module_find(d, json_string_value(name));
      if (m != NULL && m->plan.alive) {
         fputs("[WARNING] ", out);
         menu_text(out, m->name);
         fputs(" was modified by reload and it has been running -> it will be restarted with new "
               "configuration.\n",
               out);
      }
   }
   (void) fprintf(
       out,
       "\n[RELOAD] Result:\nInserted modules:\t%zu\nRemoved modules:\t%zu\nModified modules:\t%zu\n"
       "Unmodified modules:\t%zu\n[RELOAD] Processing of the new configuration successfully "
       "finished.\n- - -\n",
       number_of(report, "added"), number_of(report, "removed"), number_of(report, "restarted"),
       number_of(report, "unchanged") + number_of(report, "changed"));
}

bool menu_reload(struct daemon *d, const char *title, FILE *out)
{
   json_t *report = json_object();
   struct config *c = config_load(d->template);
   bool valid = c != NULL && c->n_errors == 0;
   (void) fprintf(out,
                  "%s- - -\n[RELOAD] Generating the configuration file from the template...\n"
                  "[RELOAD] The configuration file was successfully generated.\n- - -\n"
                  "[RELOAD] Validating the configuration file...\n",
                  title);
   for (uint32_t i = 0; c != NULL && i < c->n_problems; i++) {
      if (c->problems[i].error) {
         fputs("[ERROR] ", out);
         menu_text(out, c->problems[i].text);
         fputc('\n', out);
      }
   }
   (void) fprintf(out, "[RELOAD] Validation of the configuration file %s.\n- - -\n",
                  valid ? "successfully finished" : "failed");
   if (valid) {
      fputs("[RELOAD] Processing new configuration...\n", out);
      print_changes(d->config, c, out);
   }
   bool ok = command_load(d, c, report, 0);
   if (ok) {
      print_result(d, report, out);
   }
   json_decref(report);
   return ok;
}
