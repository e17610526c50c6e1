/* SPDX-License-Identifier: BSD-3-Clause */
/** The menu of NEMEA 2 on this terminal: what supcli does without a command. */
#ifndef SUPERVISOR_OLD_MENU_H
#define SUPERVISOR_OLD_MENU_H

/** Passes lines of the standard input to the supervisor, and its answers to the standard output, until one of them ends. \return 0, or -1: errno */
int old_menu(int fd);

#endif
