/* SPDX-License-Identifier: BSD-3-Clause */
/** The daemon: one thread, one event loop. Private to its files. */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include "config.h"
#include "plan.h"
#include "socket_path.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#define STATS_INTERFACES 256
#define STATS_REPLY      (1u << 20) /* bytes of a module's answer */
#define CONTROL_CLIENTS  64
#define CONTROL_LINE     65536 /* bytes of a request */
#define CONTROL_REPLY    (16u << 20)

struct daemon;

/** Something that the event loop waits for. */
struct source {
   void (*ready)(struct daemon *d, struct source *s, uint32_t events);
   int fd; /* -1: none */
};

struct ifc_stats {
   bool out;
   char type;
   char id[128];
   uint64_t messages, dropped, buffers, autoflushes;
   uint32_t peers; /* clients of an output; of an input 1: connected */
};

/** A connection to the service socket of a module. */
struct service {
   struct source source;
   bool waiting;   /* for an answer */
   uint64_t asked; /* last request */
   char *answer;
   size_t got, size; /* size 0: of the header only */
   uint8_t header[8];
};

struct module {
   char *name;
   const struct config_module *config; /* NULL: removed */
   int override;                       /* of enabled, at run time; -1: none */
   struct plan_module plan;
   pid_t pid;
   bool adopted;        /* started by an earlier supervisor; not a child */
   uint64_t start_time; /* field 22 of /proc/PID/stat */
   struct source pidfd; /* of an adopted one */
   struct service service;
   struct ifc_stats *ifcs;
   uint32_t n_ifcs;
   uint64_t cpu_user, cpu_system; /* ticks */
   uint32_t cpu_user_percent, cpu_system_percent;
   uint64_t virtual_bytes, resident_bytes;
   uint32_t total_restarts;
   bool ever_ended;
   int last_status; /* as of waitpid(); -1: unknown */
   time_t last_end, last_start;
};

struct client {
   struct source source;
   bool used, control, closing;
   uid_t uid;
   uint64_t deadline;
   char *line;
   size_t n_line;
   char *reply;
   size_t n_reply, sent;
};

struct daemon {
   const char *template, *logs, *configs, *socket, *state_dir;
   int epoll;
   struct config *config;
   struct module **modules;
   uint32_t n_modules;
   int *profile_overrides;
   struct socket_dirs dirs;
   struct source signals, listener;
   int lock;
   struct client clients[CONTROL_CLIENTS];
   FILE *events, *log, *statistics;
   uint64_t now; /* ms */
   uint64_t cpu_total, last_tick, last_statistics;
   bool stopping; /* modules are being stopped, then it ends */
   bool leaving;  /* it ends, modules go on */
   bool state_changed;
   uint32_t reloads, failed_reloads;
   time_t started;
};

/* loop.c */
bool loop_add(struct daemon *d, struct source *s, uint32_t events);
bool loop_change(struct daemon *d, struct source *s, uint32_t events);
void loop_close(struct daemon *d, struct source *s);
uint64_t clock_ms(void);

/* journal.c */
bool journal_open(struct daemon *d);
void journal_close(struct daemon *d);
void journal_event(struct daemon *d, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void journal_log(struct daemon *d, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void journal_statistics(struct daemon *d);
/** The path of a module's log, which is inside the directory of logs whatever the name is. */
char *journal_module_path(const struct daemon *d, const char *name, const char *stream);

/* modules.c */
struct module *module_find(const struct daemon *d, const char *name);
/** A module that is only there to be stopped. */
struct module *module_add_removed(struct daemon *d, const char *name);
bool module_wanted(const struct daemon *d, const struct module *m);
/** Applies a configuration, which the daemon owns then. \param report gets the names of what changed, or NULL */
bool modules_apply(struct daemon *d, struct config *c, json_t *report);
/** Does for each module what is to be done now. \return the time at which to come again */
uint64_t modules_reconcile(struct daemon *d);
void modules_reap(struct daemon *d);
uint32_t modules_alive(const struct daemon *d);
void modules_free(struct daemon *d);
void module_ended(struct daemon *d, struct module *m, int status);

/* spawn.c */
bool spawn(struct daemon *d, struct module *m);
void spawn_signal(const struct module *m, int signal);
/** Field 22 of /proc/PID/stat, 0: no such process or a zombie. */
uint64_t spawn_start_time(pid_t pid);

/* service.c */
void service_tick(struct daemon *d, struct module *m);
void service_close(struct daemon *d, struct module *m);
void service_read_usage(struct daemon *d);
/** Takes an answer, checked. Also for fuzzing. */
bool service_parse(const char *text, size_t length, struct ifc_stats **ifcs, uint32_t *n);

/* state.c */
bool state_lock(struct daemon *d);
void state_write(struct daemon *d);
void state_adopt(struct daemon *d);
void state_write_generated(struct daemon *d);

/* control.c */
bool control_listen(struct daemon *d);
void control_tick(struct daemon *d);
void control_close(struct daemon *d);

/* commands.c */
/** The answer to a request in JSON. \return a new reference */
json_t *command_run(struct daemon *d, const char *request, size_t length, bool control);
json_t *command_old_statistics(struct daemon *d, bool all);
/** Loads the template again. \return what changed, or the errors; NULL without memory */
bool command_reload(struct daemon *d, json_t *report);

int daemon_run(struct daemon *d, bool background);

#endif
