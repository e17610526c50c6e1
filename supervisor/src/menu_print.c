/* SPDX-License-Identifier: BSD-3-Clause */
/** What the menu prints: tables of states, the configuration, log files. */
#include "menu.h"

#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LISTED (CONTROL_REPLY / 2) /* bytes of a list, after which it is cut */

static const char *const supervisor_logs[] = {"supervisor_log", "modules_statistics", "modules_events"};

void menu_warn(FILE *out, const char *format, ...)
{
   va_list ap;
   fputs(MENU_WARNING "[WARNING] ", out);
   va_start(ap, format);
   (void) vfprintf(out, format, ap);
   va_end(ap);
   fputs("\n" MENU_RESET, out);
}

void menu_text(FILE *out, const char *text)
{
   size_t length = strlen(text), size = length * NC_TEXT_ESCAPE + 1;
   char *plain = malloc(size);
   if (plain != NULL) {
      (void) fwrite(plain, 1, nc_text_terminal(plain, size, text, length), out);
   }
   free(plain);
}

static void pad(FILE *out, const char *text, int width)
{
   menu_text(out, text);
   (void) fprintf(out, "%*s", strlen(text) < (size_t) width ? width - (int) strlen(text) : 0, "");
}

bool menu_module_enabled(const struct module *m)
{
   bool given_up = m->plan.state == STATE_FAILED || m->plan.state == STATE_FINISHED;
   return m->config != NULL && !given_up && (m->override >= 0 ? m->override != 0 : m->config->enabled);
}

bool menu_profile_enabled(const struct daemon *d, uint32_t profile)
{
   int override = d->profile_overrides[profile];
   return override >= 0 ? override != 0 : d->config->profiles[profile].enabled;
}

/* The modules of a profile in the order of the table. \param i where to go on \return NULL: no more */
static const struct module *next_of(const struct daemon *d, uint32_t profile, uint32_t *i)
{
   for (; *i < d->n_modules; ++*i) {
      const struct module *m = d->modules[*i];
      if (m->config != NULL && m->config->profile == profile) {
         return m;
      }
   }
   return NULL;
}

/* A list of very many interfaces is cut, so that its text stays bounded. */
static bool has_room(FILE *out)
{
   return ftello(out) < (off_t) LISTED;
}

static bool nothing_loaded(const struct daemon *d, FILE *out)
{
   if (d->n_modules == 0) {
      menu_warn(out, "No module is loaded.");
   }
   return d->n_modules == 0;
}

/* ------------------------------------------------------------- brief status */

static int digits(uint32_t n)
{
   return snprintf(NULL, 0, "%u", n);
}

static int wider(int width, size_t length)
{
   return length > 100 ? 100 : (int) length > width ? (int) length : width;
}

void menu_print_status(const struct daemon *d, FILE *out)
{
   int width = 0, pid_width = 3;
   if (nothing_loaded(d, out)) {
      return;
   }
   for (uint32_t i = 0; i < d->n_modules; i++) {
      width = wider(width, strlen(d->modules[i]->name) + strlen("   0 | "));
      pid_width = wider(pid_width, (size_t) digits((uint32_t) d->modules[i]->pid));
   }
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      width = wider(width, strlen(d->config->profiles[p].name) + strlen("Profile: "));
   }
   fputs("--- [CONFIGURATION STATUS] ---\n" MENU_BOLD, out);
   (void) fprintf(out, "     | %-*s | enabled | status  | PID" MENU_RESET "%*s |\n", width - 7, "name",
                  pid_width - 3, "");
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      const struct module *m;
      fputs(MENU_BOLD "Profile: ", out);
      pad(out, d->config->profiles[p].name, width - 9);
      (void) fprintf(out, " " MENU_RESET "|  %s  |\n",
                     menu_profile_enabled(d, p) ? MENU_GOOD "true" MENU_RESET " "
                                                : MENU_BAD "false" MENU_RESET);
      for (uint32_t i = 0; (m = next_of(d, p, &i)) != NULL && has_room(out); i++) {
         (void) fprintf(out, "%4u | ", i);
         pad(out, m->name, width - 7);
         (void) fprintf(out, " |  %s  | %s | %-*d |\n",
                        menu_module_enabled(m) ? MENU_GOOD "true" MENU_RESET " "
                                               : MENU_BAD "false" MENU_RESET,
                        m->plan.alive ? MENU_GOOD "running" MENU_RESET : MENU_BAD "stopped" MENU_RESET,
                        pid_width, (int) m->pid);
      }
      fputc('\n', out);
   }
}

/* ---------------------------------------------------------- detailed status */

static void print_profile(FILE *out, const struct daemon *d, uint32_t p, const char *end)
{
   fputs(MENU_BOLD "Profile: ", out);
   menu_text(out, d->config->profiles[p].name);
   fputs(end, out);
}

static void print_interfaces(const struct module *m, FILE *out)
{
   for (uint32_t i = 0; i < m->n_ifcs && has_room(out); i++) {
      const struct ifc_stats *s = &m->ifcs[i];
      (void) fprintf(out, "      IFC %u:  %s; %c; ", i, s->out ? "OUT" : "IN", s->type);
      menu_text(out, s->id);
      if (s->out) {
         (void) fprintf(out, "; " MENU_BOLD "num of clients: %u" MENU_RESET "\n", s->peers);
      } else {
         (void) fprintf(out, "; " MENU_BOLD "%s" MENU_RESET "\n",
                        s->peers != 0 ? "connected" : "not connected");
      }
   }
}

static void print_details(const struct module *m, uint32_t number, FILE *out)
{
   (void) fprintf(out, "%4u | ", number);
   menu_text(out, m->name);
   (void) fprintf(out, " | %s | %s",
                  menu_module_enabled(m) ? MENU_GOOD "enabled" MENU_RESET : MENU_BAD "disabled" MENU_RESET,
                  m->plan.alive ? MENU_GOOD "running" MENU_RESET : MENU_BAD "stopped" MENU_RESET);
   if (!m->plan.alive) {
      fputc('\n', out);
      return;
   }
   (void) fprintf(out, " | PID: %d\n", (int) m->pid);
   if (m->config->n_interfaces > 0) {
      (void) fprintf(out, "      IFC service: " MENU_BOLD "%s" MENU_RESET "\n",
                     m->service.source.fd >= 0 ? "connected" : "not connected");
   }
   print_interfaces(m, out);
}

void menu_print_details(const struct daemon *d, FILE *out)
{
   if (nothing_loaded(d, out)) {
      return;
   }
   fputs("--- [PRINTING CONFIGURATION] ---\n", out);
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      const struct module *m;
      print_profile(out, d, p,
                    menu_profile_enabled(d, p) ? " (" MENU_GOOD "enabled" MENU_RESET ")\n"
                                               : " (" MENU_BAD "disabled" MENU_RESET ")\n" MENU_RESET);
      for (uint32_t i = 0; (m = next_of(d, p, &i)) != NULL && has_room(out); i++) {
         print_details(m, i, out);
      }
      fputc('\n', out);
   }
}

/* -------------------------------------------------- configuration, information */

static void print_member(FILE *out, const char *text, const char *end)
{
   menu_text(out, text != NULL && *text != 0 ? text : "none");
   fputs(end, out);
}

static void print_config(const struct config_module *c, FILE *out)
{
   fputs("      " MENU_BOLD "PATH:" MENU_RESET " ", out);
   print_member(out, c->path, "\n");
   fputs("      " MENU_BOLD "PARAMS:" MENU_RESET " ", out);
   print_member(out, c->params, "\n");
   for (uint32_t i = 0; i < c->n_interfaces && has_room(out); i++) {
      const struct config_interface *f = &c->interfaces[i];
      (void) fprintf(out, "      " MENU_BOLD "IFC %u:" MENU_RESET "  ", i);
      print_member(out, config_direction_name(f->direction), "; ");
      print_member(out, config_type_name(f->type), "; ");
      print_member(out, f->params, "; ");
      print_member(out, f->note, "\n");
   }
}

void menu_print_configuration(const struct daemon *d, FILE *out)
{
   if (nothing_loaded(d, out)) {
      return;
   }
   fputs("--- [PRINTING CONFIGURATION] ---\n", out);
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      const struct module *m;
      print_profile(out, d, p, MENU_RESET "\n");
      for (uint32_t i = 0; (m = next_of(d, p, &i)) != NULL && has_room(out); i++) {
         (void) fprintf(out, "%4u | ", i);
         menu_text(out, m->name);
         fputc('\n', out);
         print_config(m->config, out);
      }
      fputc('\n', out);
   }
}

void menu_print_info(const struct daemon *d, FILE *out)
{
   char when[32] = "?";
   struct tm tm;
   if (localtime_r(&d->started, &tm) == NULL ||
       strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm) == 0) {
      strcpy(when, "?");
   }
   (void) fprintf(
       out,
       MENU_BOLD
       "--------------- INFO ---------------\n"
       "Supervisor package version:" MENU_RESET " %s\n" MENU_BOLD "Supervisor git version:" MENU_RESET
       " %s\n" MENU_BOLD "Started:" MENU_RESET " %s\n" MENU_BOLD "Logs directory path:" MENU_RESET
       " %s/\n" MENU_BOLD "Start-up configuration template:" MENU_RESET " %s\n" MENU_BOLD
       "Loaded configuration file (generated):" MENU_RESET " %s/supervisor_config_gener.xml\n" MENU_BOLD
       "Communication socket path:" MENU_RESET " %s\n" MENU_BOLD "Number of loaded modules:" MENU_RESET
       " %u\n" MENU_BOLD "Number of running modules:" MENU_RESET " %u\n",
       NEMEA_VERSION, "unknown", when, d->logs, d->template, d->configs, d->socket, d->n_modules,
       modules_alive(d));
}

/* ---------------------------------------------------------------- log files */

char *menu_log_path(const struct daemon *d, uint32_t number)
{
   uint32_t of_modules = 2 * d->n_modules;
   char *path = NULL;
   if (number < of_modules) {
      return journal_module_path(d, d->modules[number / 2]->name, number % 2 == 0 ? "stdout" : "stderr");
   }
   return number - of_modules < 3 &&
                  asprintf(&path, "%s/%s", d->logs, supervisor_logs[number - of_modules]) >= 0
              ? path
              : NULL;
}

/* Green: it can be read. */
static void print_number(const struct daemon *d, uint32_t number, int width, FILE *out)
{
   char *path = menu_log_path(d, number);
   (void) fprintf(out, "%s%u" MENU_RESET "%*s",
                  path != NULL && access(path, R_OK) == 0 ? MENU_GOOD : MENU_BAD, number,
                  digits(number) < width ? width - digits(number) : 0, "");
   free(path);
}

void menu_print_logs(const struct daemon *d, FILE *out)
{
   fputs(MENU_BOLD "Available modules logs:" MENU_RESET "\n   " MENU_BOLD "stdout" MENU_RESET " | " MENU_BOLD
                   "stderr" MENU_RESET " | " MENU_BOLD "module name" MENU_RESET "\n",
         out);
   for (uint32_t i = 0; i < d->n_modules && has_room(out); i++) {
      fputs("   ", out);
      print_number(d, 2 * i, 6, out);
      fputs(" | ", out);
      print_number(d, 2 * i + 1, 6, out);
      fputs(" | ", out);
      menu_text(out, d->modules[i]->name);
      fputc('\n', out);
   }
   fputs(MENU_BOLD "Available supervisor logs:" MENU_RESET "\n", out);
   for (uint32_t i = 0; i < 3; i++) {
      fputs("   ", out);
      print_number(d, 2 * d->n_modules + i, 0, out);
      (void) fprintf(out, " | %s\n", supervisor_logs[i]);
   }
}
