/* SPDX-License-Identifier: BSD-3-Clause */
/** The dialog of the menu: choices, selections of modules, Dstop. */
#include "menu.h"

#include <stdlib.h>
#include <string.h>

#define ZEROS       3   /* that end the daemon */
#define ZERO_WITHIN 500 /* ms until the next one */
#define LOG_LINES   100
#define WARNINGS    16 /* about numbers of one answer that are out of range */

enum prompt { PROMPT_CHOICE, PROMPT_ENABLE, PROMPT_DISABLE, PROMPT_RESTART, PROMPT_LOG };

struct menu {
   struct daemon *d;
   enum role role;
   bool terminal;
   enum prompt prompt;
   uint32_t zeros;      /* in a row */
   uint64_t zero_until; /* for the next one */
   char **names;        /* that the list of a prompt showed by number: modules, then profiles */
   uint32_t n_modules, n_names;
};

struct menu *menu_new(struct daemon *d, enum role role, bool terminal)
{
   struct menu *m = calloc(1, sizeof(*m));
   if (m != NULL) {
      *m = (struct menu){.d = d, .role = role, .terminal = terminal};
   }
   return m;
}

static void forget_names(struct menu *m)
{
   for (uint32_t i = 0; i < m->n_names; i++) {
      free(m->names[i]);
   }
   free(m->names);
   m->names = NULL;
   m->n_modules = m->n_names = 0;
}

void menu_free(struct menu *m)
{
   if (m != NULL) {
      forget_names(m);
      free(m);
   }
}

void menu_begin(struct menu *m, FILE *out)
{
   m->prompt = PROMPT_CHOICE;
   forget_names(m);
   fputs("\033[36m" MENU_BOLD "--------OPTIONS--------\n" MENU_RESET "\033[36m"
         "1. ENABLE MODULE OR PROFILE\n2. DISABLE MODULE OR PROFILE\n3. RESTART RUNNING MODULE\n"
         "4. PRINT BRIEF STATUS\n5. PRINT DETAILED STATUS\n6. PRINT LOADED CONFIGURATION\n"
         "7. RELOAD CONFIGURATION\n8. PRINT SUPERVISOR INFO\n9. BROWSE LOG FILES\n",
         out);
   fputs(m->terminal ? "0. STOP SUPERVISOR\n"
                     : "-- Type \"Cquit\" to exit client --\n-- Type \"Dstop\" to stop daemon --\n",
         out);
   fputs(MENU_RESET MENU_PROMPT "[INTERACTIVE] Your choice: " MENU_RESET, out);
}

static void wrong_input(const struct menu *m, FILE *out)
{
   menu_warn(out, m->terminal || m->prompt == PROMPT_LOG ? "Wrong input." : "Wrong input!");
}

/* ------------------------------------------------------------------- lists */

/* Remembers what the numbers of a list mean. */
static bool remember_names(struct menu *m)
{
   const struct daemon *d = m->d;
   uint32_t n = d->n_modules + d->config->n_profiles;
   forget_names(m);
   m->names = calloc(n + 1, sizeof(*m->names));
   for (uint32_t i = 0; m->names != NULL && i < n; i++) {
      m->names[i] =
          strdup(i < d->n_modules ? d->modules[i]->name : d->config->profiles[i - d->n_modules].name);
      if (m->names[i] == NULL) {
         forget_names(m);
         return false;
      }
      m->n_names = i + 1;
   }
   m->n_modules = d->n_modules;
   return m->names != NULL;
}

static bool module_listed(const struct module *m, enum prompt prompt)
{
   return m->config != NULL && (prompt == PROMPT_RESTART  ? m->plan.alive && menu_module_enabled(m)
                                : prompt == PROMPT_ENABLE ? !menu_module_enabled(m)
                                                          : menu_module_enabled(m));
}

/* \return how many */
static uint32_t list_modules(const struct daemon *d, enum prompt prompt, FILE *out)
{
   uint32_t all = 0;
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      uint32_t n = 0;
      for (uint32_t i = 0; i < d->n_modules; i++) {
         const struct module *m = d->modules[i];
         if (!module_listed(m, prompt) || m->config->profile != p) {
            continue;
         }
         if (n++ == 0) {
            fputs(MENU_BOLD "Profile: ", out);
            menu_text(out, d->config->profiles[p].name);
            fputs("\n" MENU_RESET, out);
         }
         (void) fprintf(out, "%4u | ", i);
         menu_text(out, m->name);
         fputc('\n', out);
      }
      if (n > 0) {
         fputc('\n', out);
      }
      all += n;
   }
   return all;
}

static uint32_t list_profiles(const struct daemon *d, bool enabled, FILE *out)
{
   uint32_t n = 0;
   for (uint32_t p = 0; p < d->config->n_profiles; p++) {
      if (menu_profile_enabled(d, p) == enabled) {
         (void) fprintf(out, "%4u | ", d->n_modules + p);
         menu_text(out, d->config->profiles[p].name);
         fputc('\n', out);
         n++;
      }
   }
   return n;
}

static void ask_for_selection(struct menu *m, enum prompt prompt, FILE *out)
{
   static const char *const titles[] = {
       [PROMPT_ENABLE] = "DISABLED", [PROMPT_DISABLE] = "ENABLED", [PROMPT_RESTART] = "RUNNING"};
   const char *other = prompt == PROMPT_ENABLE ? "enabled" : "disabled";
   (void) fprintf(out, MENU_BOLD "--- [LIST OF %s MODULES] ---" MENU_RESET "\n", titles[prompt]);
   uint32_t n = list_modules(m->d, prompt, out);
   if (n == 0 && prompt == PROMPT_RESTART) {
      fputs("   No module is running.\n", out);
   } else if (n == 0) {
      (void) fprintf(out, "   All modules are %s.\n", other);
   }
   if (prompt != PROMPT_RESTART) {
      (void) fprintf(out, MENU_BOLD "--- [LIST OF %s PROFILES] ---" MENU_RESET "\n", titles[prompt]);
      uint32_t profiles = list_profiles(m->d, prompt == PROMPT_DISABLE, out);
      if (profiles == 0) {
         (void) fprintf(out, "   All profiles are %s.\n", other);
      }
      n += profiles;
   }
   if (n == 0 || !remember_names(m)) {
      menu_begin(m, out);
      return;
   }
   m->prompt = prompt;
   fputs(MENU_PROMPT
         "[INTERACTIVE] Type in number or interval separated by comma (e.g. \"2,4-6,13\"): " MENU_RESET,
         out);
}

/* --------------------------------------------------------------- selections */

struct interval {
   uint32_t first, last;
   bool given; /* false: "3-", which selects nothing */
};

/* "2,4-6,13". \return how many intervals; 0: why */
static size_t parse_selection(const char *text, struct interval *list, size_t size, const char **why)
{
   size_t n = 0;
   bool number = false, dash = false;
   uint32_t value = 0, first = 0;
   *why = *text == 0 ? "empty string" : NULL;
   for (const char *p = text; *why == NULL && n < size; p++) {
      if (*p >= '0' && *p <= '9') {
         value = value > 99999999 ? value : value * 10 + (uint32_t) (*p - '0');
         number = true;
      } else if (*p == '-' && number && !dash) {
         first = value;
         dash = true;
         number = false;
         value = 0;
      } else if ((*p == ',' || *p == 0) && (number || (dash && *p == 0))) {
         list[n++] = (struct interval){dash ? first : value, value, number};
         if (*p == 0) {
            return n;
         }
         number = dash = false;
         value = 0;
      } else {
         *why = *p == 0     ? "comma at the end"
                : *p == ',' ? "comma without a number before it"
                : *p == '-' ? "dash with no number before it"
                            : "acceptable characters are digits, comma and dash";
      }
   }
   return 0;
}

static void act_on(const struct menu *m, uint32_t number)
{
   static const enum verb verbs[] = {
       [PROMPT_ENABLE] = VERB_START, [PROMPT_DISABLE] = VERB_STOP, [PROMPT_RESTART] = VERB_RESTART};
   struct daemon *d = m->d;
   if (number >= m->n_modules) {
      for (uint32_t p = 0; p < d->config->n_profiles; p++) {
         bool enable = m->prompt == PROMPT_ENABLE;
         if (strcmp(d->config->profiles[p].name, m->names[number]) == 0 &&
             menu_profile_enabled(d, p) != enable) {
            command_profile(d, p, enable);
         }
      }
      return;
   }
   struct module *module = module_find(d, m->names[number]);
   if (module != NULL && module_listed(module, m->prompt)) {
      command_module(d, module, verbs[m->prompt]);
   }
}

static void select_numbers(struct menu *m, const char *text, FILE *out)
{
   struct interval list[MENU_LINE];
   const char *why;
   uint32_t end = m->prompt == PROMPT_RESTART ? m->n_modules : m->n_names, warnings = 0;
   size_t n = parse_selection(text, list, MENU_LINE, &why);
   if (n == 0) {
      menu_warn(out, "Wrong input - %s.", why != NULL ? why : "too many numbers");
      return;
   }
   for (size_t i = 0; i < n; i++) {
      uint32_t from = list[i].first < list[i].last ? list[i].first : list[i].last;
      uint32_t to = list[i].first < list[i].last ? list[i].last : list[i].first;
      for (uint32_t k = from; list[i].given && k <= to && warnings < WARNINGS; k++) {
         if (k < end) {
            act_on(m, k);
         } else {
            menu_warn(out, "Number %u is not in range <0,%u>!", k, end - 1);
            warnings++;
         }
      }
   }
}

/* ------------------------------------------------------------------- choices */

/* The end of a log. NEMEA 2 handed its path to a pager of the client, by a file that everybody could write. */
static void show_log(const struct menu *m, const char *line, FILE *out)
{
   char *rest = NULL, *path = NULL;
   unsigned long number = *line >= '0' && *line <= '9' ? strtoul(line, &rest, 10) : UINT32_MAX;
   if (rest != NULL && *rest == 0 && number < 2 * CONFIG_MODULES + 3) {
      path = menu_log_path(m->d, (uint32_t) number);
   }
   if (path == NULL) {
      wrong_input(m, out);
      return;
   }
   json_t *log = logs_tail(path, LOG_LINES), *text;
   size_t i;
   const char *error = json_string_value(json_object_get(log, "error"));
   if (error != NULL) {
      menu_warn(out, "%s: %s", path, error);
   }
   json_array_foreach(json_object_get(log, "lines"), i, text)
   {
      menu_text(out, json_string_value(text));
      fputc('\n', out);
   }
   json_decref(log);
   free(path);
}

/* Whether the client may do that. */
static bool allowed(const struct menu *m, enum role needed, FILE *out)
{
   if (m->role < needed) {
      menu_warn(out, "This is for root and the user of the supervisor only%s.",
                needed == ROLE_INSPECT ? ", and for users of --inspect-user" : "");
   }
   return m->role >= needed;
}

/* A 0 counts towards Dstop when it came apart from the one before. */
static void take_zero(struct menu *m, bool apart, FILE *out)
{
   if (m->zeros > 0 && !apart) {
      return;
   }
   if (m->zeros == 0 && !allowed(m, ROLE_CONTROL, out)) {
      menu_begin(m, out);
      return;
   }
   m->zero_until = m->d->now + ZERO_WITHIN;
   if (++m->zeros == ZEROS || m->terminal) {
      m->d->leaving = true;
   }
}

static void choose(struct menu *m, char choice, FILE *out)
{
   struct daemon *d = m->d;
   switch (choice) {
   case '1':
   case '2':
   case '3':
      if (allowed(m, ROLE_CONTROL, out)) {
         ask_for_selection(m,
                           choice == '1'   ? PROMPT_ENABLE
                           : choice == '2' ? PROMPT_DISABLE
                                           : PROMPT_RESTART,
                           out);
         return;
      }
      break;
   case '4': menu_print_status(d, out); break;
   case '5': menu_print_details(d, out); break;
   case '6': menu_print_configuration(d, out); break;
   case '7':
      if (allowed(m, ROLE_CONTROL, out)) {
         (void) menu_reload(d, "", out);
      }
      break;
   case '8': menu_print_info(d, out); break;
   case '9':
      if (allowed(m, ROLE_INSPECT, out)) {
         menu_print_logs(d, out);
         fputs(MENU_PROMPT "[INTERACTIVE] Choose the log number: " MENU_RESET, out);
         m->prompt = PROMPT_LOG;
         return;
      }
      break;
   default: wrong_input(m, out); break;
   }
   menu_begin(m, out);
}

static void end_zeros(struct menu *m, FILE *out)
{
   if (m->zeros > 0) {
      m->zeros = 0;
      wrong_input(m, out);
      menu_begin(m, out);
   }
}

void menu_answer(struct menu *m, const char *line, bool apart, FILE *out)
{
   if (m->prompt == PROMPT_CHOICE) {
      /* As in NEMEA 2, one to three digits are a number, so that "04" is 4. */
      size_t n = strspn(line, "0123456789");
      unsigned long value = n > 0 && n <= 3 && line[n] == 0 ? strtoul(line, NULL, 10) : 10;
      if (value == 0) {
         take_zero(m, apart, out);
         return;
      }
      end_zeros(m, out);
      choose(m, value < 10 ? (char) ('0' + value) : '?', out);
      return;
   }
   if (m->prompt == PROMPT_LOG) {
      show_log(m, line, out);
   } else {
      select_numbers(m, line, out);
   }
   menu_begin(m, out);
}

void menu_refuse_line(struct menu *m, FILE *out)
{
   m->zeros = 0;
   menu_warn(out, "Too long and wrong input!");
   menu_begin(m, out);
}

uint64_t menu_deadline(const struct menu *m)
{
   return m->zeros > 0 ? m->zero_until : PLAN_NEVER;
}

void menu_tick(struct menu *m, FILE *out)
{
   if (m->d->now >= menu_deadline(m)) {
      end_zeros(m, out);
   }
}
