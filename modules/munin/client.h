/* SPDX-License-Identifier: BSD-3-Clause */
/** The other side of server.h: what programs that show counters read from the socket of a module. */
#ifndef NEMEA_MUNIN_CLIENT_H
#define NEMEA_MUNIN_CLIENT_H

#include <stdbool.h>

#define MUNIN_MAX_TEXT    (1u << 20) /* bytes of an answer; that of link_traffic with 1000 links has less */
#define MUNIN_MAX_COLUMNS 8192

/** A column: the name in the first line, the value, decimal digits, in the second. */
struct munin_column {
   char *name;
   char *value;
};

/** What a module says, up to the end of the connection. \param text MUNIN_MAX_TEXT bytes
 * \return NULL; what is wrong */
const char *munin_read(const char *path, char *text);
/** Splits a line of names and a line of values, in place. \param columns MUNIN_MAX_COLUMNS of them
 * \return their number; -1: the text has another form */
int munin_columns(char *text, struct munin_column *columns);
/** Removes the part after the last dash from a name: "nix2-in" becomes "nix2". \return that part; NULL: there is no dash */
char *munin_split(char *name);

#endif
