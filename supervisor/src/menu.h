/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The interactive menu of NEMEA 2: for its clients (code 789123), for `supcli` without a command, and on the terminal that the supervisor
 * was started on. One line is one answer to the current prompt; the texts and colors are those of NEMEA 2. An open prompt blocks nothing:
 * the modules that a list showed are remembered by their names until the answer comes.
 */
#ifndef SUPERVISOR_MENU_H
#define SUPERVISOR_MENU_H

#include "daemon.h"

#define MENU_LINE 97 /* bytes of an answer */

#define MENU_BOLD    "\033[1m"
#define MENU_RESET   "\033[0m"
#define MENU_WARNING "\033[38;5;196m"
#define MENU_PROMPT  "\033[38;5;214;1m"
#define MENU_GOOD    "\033[38;5;40;1m"
#define MENU_BAD     "\033[38;5;196;1m"

struct menu;

/** \param terminal on the supervisor's own terminal, where 0 ends the supervisor at once */
struct menu *menu_new(struct daemon *d, enum role role, bool terminal);
void menu_free(struct menu *m);
/** Prints the choices. */
void menu_begin(struct menu *m, FILE *out);
/** Takes an answer. \param apart it came in a write of its own: only such answers are counted by Dstop */
void menu_answer(struct menu *m, const char *line, bool apart, FILE *out);
/** A line that is longer than MENU_LINE. */
void menu_refuse_line(struct menu *m, FILE *out);
/** When menu_tick() is to be called. */
uint64_t menu_deadline(const struct menu *m);
void menu_tick(struct menu *m, FILE *out);

/* menu_print.c */
void menu_warn(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Text of the configuration, so that a terminal only shows it. */
void menu_text(FILE *out, const char *text);
/** Whether a module and a profile are enabled, apart from each other. */
bool menu_module_enabled(const struct module *m);
bool menu_profile_enabled(const struct daemon *d, uint32_t profile);
void menu_print_status(const struct daemon *d, FILE *out);
void menu_print_details(const struct daemon *d, FILE *out);
void menu_print_configuration(const struct daemon *d, FILE *out);
void menu_print_info(const struct daemon *d, FILE *out);
/** The numbered list of log files. */
void menu_print_logs(const struct daemon *d, FILE *out);
/** The path of the log with a number of that list; NULL: there is none */
char *menu_log_path(const struct daemon *d, uint32_t number);

/* menu_reload.c */
/** Reads the template again, and says what changes. \return whether it was accepted */
bool menu_reload(struct daemon *d, const char *title, FILE *out);

#endif
