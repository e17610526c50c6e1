/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The supervisor's configuration: a template and the .sup files it includes, read and checked as a whole. All problems are found in
 * one pass, each with the file and line where it is. Nothing here starts or changes anything.
 */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include "config_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_SIZE       (16u << 20) /* bytes of the template with all it includes */
#define CONFIG_FILES      4096
#define CONFIG_PROFILES   256
#define CONFIG_MODULES    4096
#define CONFIG_INTERFACES 256   /* of a module */
#define CONFIG_VALUE      65535 /* bytes of a value */
#define CONFIG_ARGUMENTS  1024  /* of a module */
#define CONFIG_PROBLEMS   256   /* that are kept; the others are counted */
#define CONFIG_RESTARTS   3     /* default of module-restarts */
#define CONFIG_UNLIMITED  30    /* value of module-restarts */
#define CONFIG_NAMESPACE \
   "urn:nemea:supervisor" /* of attributes of <module>, which NEMEA 2 does not look at */

enum config_type { TYPE_NONE, TYPE_TCP, TYPE_UNIX, TYPE_FILE, TYPE_BLACKHOLE, TYPE_TLS };
enum config_direction { DIRECTION_NONE, DIRECTION_IN, DIRECTION_OUT };

struct config_interface {
   enum config_type type;
   enum config_direction direction;
   char *params; /* NULL: none */
   char *note;   /* NULL: none */
   uint32_t line;
};

struct config_module {
   char *name, *path;
   char *params; /* NULL: none */
   bool enabled;
   int restarts;     /* -1: as the whole configuration says */
   uint32_t profile; /* index */
   uint32_t line;    /* of the text with all includes, see config_where() */
   struct config_options options;
   uint32_t n_interfaces;
   struct config_interface *interfaces;
};

struct config_profile {
   char *name;
   bool enabled;
   uint32_t line;
};

/** From this line of the text on, lines are those of a file, beginning with file_line. */
struct config_segment {
   uint32_t line, file, file_line;
};

struct config_problem {
   bool error; /* otherwise a warning */
   char *text; /* "FILE:LINE: what is wrong" */
};

struct config {
   char *text; /* with all includes */
   size_t length;
   char **files;
   uint32_t n_files;
   struct config_segment *segments;
   uint32_t n_segments, n_lines;

   int restarts; /* of modules that do not say it */
   struct config_profile *profiles;
   uint32_t n_profiles;
   struct config_module *modules; /* in the order of the document */
   uint32_t n_modules;

   struct config_problem problems[CONFIG_PROBLEMS];
   uint32_t n_problems, n_more; /* kept, not kept */
   uint32_t n_errors, n_warnings;
};

/** Reads and checks a template. \return NULL without memory; otherwise a configuration to use if n_errors is 0 */
struct config *config_load(const char *path);
/** The same if the files that it is made of are as they should be, which is asked before they are understood. The template is opened
 *  before. */
struct config *config_load_if(const char *path, bool (*ok)(const struct config *c, char *why, size_t size));
/** The same of text in memory; includes are recognised, but not read. For tests and fuzzing. */
struct config *config_load_text(const char *name, const char *text, size_t length);
void config_free(struct config *c);

/** Whether a module is to run: it and its profile are enabled. */
bool config_enabled(const struct config *c, const struct config_module *m);
int config_restarts(const struct config *c, const struct config_module *m);
const struct config_module *config_find(const struct config *c, const char *name);
/** The file and line where a line of the whole text is from. */
const char *config_where(const struct config *c, uint32_t line, uint32_t *file_line);

void config_error(struct config *c, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_warning(struct config *c, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Names of types and directions as in documents; NULL for none. */
const char *config_type_name(enum config_type type);
char config_type_letter(enum config_type type);
const char *config_direction_name(enum config_direction direction);

/** The arguments of a module, argv[0] is its name. \param why the reason when params cannot be split
 *  \return NULL-terminated, of config_command_free(); NULL with a reason */
char **config_command(const struct config_module *m, char *why, size_t size);
void config_command_free(char **argv);
/** A text split into words as params are. \return as config_command() */
char **config_words(const char *text, char *why, size_t size);
/** The value of -i. NULL without memory. */
char *config_ifc_spec(const struct config_module *m);

/** Adds warnings about how modules fit together and to this machine. \param ports also whether TCP ports are free */
void config_check_topology(struct config *c, bool ports);
/** The part of an interface's parameters by which two ends meet: port or name. \return its length */
size_t config_end(const struct config_interface *i, const char **end);

/** Whether the other end is a module: a socket or port. */
bool config_meets(const struct config_interface *i);
/** Whether an input reads from this machine. */
bool config_is_local(const struct config_interface *i);

/** What is between two configurations, for one module name. */
enum config_change { CHANGE_NONE, CHANGE_ADDED, CHANGE_REMOVED, CHANGE_RESTART, CHANGE_FLAGS };
/** \param old,new NULL: not there \param what gets the names of what differs */
enum config_change config_compare(const struct config *old_config, const struct config_module *old,
                                  const struct config *new_config, const struct config_module *new,
                                  char *what, size_t size);

/* Between the files of the library. */
struct config_output {
   const struct config_module *module;
   const struct config_interface *ifc;
   uint32_t index; /* among the outputs of the module */
};
/** Whether two interfaces meet: the same socket, or port. */
bool config_same_end(const struct config_interface *a, const struct config_interface *b);
/** "UNIX socket" or "port". */
const char *config_end_kind(const struct config_interface *i);
/** Adds warnings about inputs whose senders cannot have the fields that the reader requires. \param outputs of enabled modules */
void config_check_formats(struct config *c, const struct config_output *outputs, size_t n);
bool config_expand(struct config *c, const char *path);
bool config_expand_text(struct config *c, const char *name, const char *text, size_t length);
bool config_append(struct config *c, const char *text, size_t length);
void config_read(struct config *c);

#endif
