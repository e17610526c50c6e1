/* SPDX-License-Identifier: BSD-3-Clause */
/** The daemon: one thread, one event loop. Private to its files. */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include "cgroup.h"
#include "config.h"
#include "launch.h"
#include "plan.h"
#include "sandbox.h"
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
#define INSPECTORS       8
#define TAPS             4 /* at a time */

struct daemon;

/** Something that the event loop waits for. */
struct source {
   void (*ready)(struct daemon *d, struct source *s, uint32_t events);
   int fd; /* -1: none */
};

/** A client of an output. */
struct ifc_client {
   uint64_t id;             /* process or port */
   uint64_t missed, queued; /* messages, bytes */
};

struct ifc_stats {
   bool out;
   char type;
   char id[128];
   uint64_t messages, dropped, buffers, autoflushes; /* of an input, dropped are those that it missed */
   uint32_t peers;                                   /* clients of an output; of an input 1: connected */
   uint64_t queue;                                   /* bytes that the queue of an output holds; 0: unknown */
   double rate, drop_rate;                           /* messages per second between the last two answers */
   struct ifc_client *clients;                       /* of an output */
   uint32_t n_clients;
};

/** A connection to the service socket of a module. */
struct service {
   struct source source;
   bool waiting;   /* for an answer */
   uint64_t asked; /* last request */
   uint64_t taken; /* last answer; 0: none of this process */
   uint32_t
       silent; /* seconds for which this supervisor has waited for an answer of a module that was ready */
   uint64_t counted; /* when one was last added */
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
   struct sandbox sandbox; /* of its process */
   int gate;               /* its program begins when a byte is written here; -1: it has begun */
   bool in_cgroup;         /* its process is in a control group of its own */
   bool adopted;           /* started by an earlier supervisor; not a child */
   uint64_t start_time;    /* field 22 of /proc/PID/stat */
   struct source pidfd;    /* of an adopted one */
   struct service service;
   struct ifc_stats *ifcs;
   uint32_t n_ifcs;
   uint64_t cpu_user, cpu_system;                 /* ticks */
   uint64_t cpu_read;                             /* when; 0: not of this process */
   double cpu;                                    /* share of one core */
   uint32_t cpu_user_percent, cpu_system_percent; /* of the whole machine, as of NEMEA 2 */
   uint64_t virtual_bytes, resident_bytes;
   uint32_t stop_timeout; /* seconds; 0: the default */
   int stop_signal;       /* 0: SIGTERM */
   uint64_t log_bytes;    /* of each of its logs; 0: as of all */
   uint32_t log_files;
   uint32_t total_restarts;
   bool ever_ended;
   bool last_oom;      /* the kernel ended it for want of memory */
   uint64_t oom_kills; /* how often it did */
   uint64_t oom_seen;  /* of cgroup_oom_kills(), when its process was taken over */
   bool on_trial;      /* a reload on trial has added or restarted it */
   int last_status;    /* as of waitpid(); -1: unknown */
   time_t last_end, last_start;
};

/** What a client may ask for. Each includes those before it. */
enum role {
   ROLE_READ,    /* states and numbers: everybody who can connect */
   ROLE_INSPECT, /* logs and records of traffic, too: the users of --inspect-user */
   ROLE_CONTROL, /* changes: root and the supervisor's own user */
};

struct tap;
struct menu;

struct client {
   struct source source;
   bool used, closing;
   enum role role;
   uid_t uid;
   bool terminal;     /* the supervisor's own, not a connection */
   struct tap *tap;   /* the answer comes from it, and no other request is read before */
   struct menu *menu; /* the lines are its answers */
   bool apart;        /* the next line is the first of what was read at once */
   uint64_t deadline;
   char *line;
   size_t n_line;
   char *reply;
   size_t n_reply, sent;
};

enum trial_state { TRIAL_NONE, TRIAL_RUNNING, TRIAL_KEPT, TRIAL_ROLLED_BACK };

struct trial {
   enum trial_state result;
   bool wanted;           /* modules_apply() is to keep the configuration before */
   struct config *before; /* NULL: no trial is running */
   uint64_t deadline;
};

struct event_ring;

/** A process of the spawner that has ended. */
struct spawner_end {
   pid_t pid;
   int status; /* as of waitpid() */
};

/** What is done where the kernel or the build lacks a part of the sandbox. */
enum sandbox_policy {
   SANDBOX_AUTO,    /* the parts that there are */
   SANDBOX_REQUIRE, /* the supervisor does not start */
   SANDBOX_OFF,
};

struct daemon {
   const char *backup; /* of NEMEA 2, to be imported; NULL: none */
   enum sandbox_policy sandbox;
   struct cgroup cgroup;
   const char *template, *logs, *configs, *socket, *state_dir;
   uid_t inspectors[INSPECTORS];
   uint32_t n_inspectors;
   int epoll;
   struct config *config;
   struct trial trial;
   struct module **modules;
   uint32_t n_modules;
   int *profile_overrides;
   struct socket_dirs dirs;
   struct source signals, listener;
   int lock;
   struct client clients[CONTROL_CLIENTS];
   FILE *events, *log, *statistics;
   struct event_ring *ring;
   struct tap *taps[TAPS];
   uint64_t now; /* ms */
   uint64_t cpu_total, usage_read, last_tick, last_statistics;
   bool interactive; /* the menu is on its terminal */
   bool stopping;    /* modules are being stopped, then it ends */
   bool leaving;     /* it ends, modules go on */
   bool state_changed;
   uint32_t n_gates;   /* processes that wait until their numbers are on disk */
   uint64_t log_bytes; /* of a log file, 0: no limit */
   uint32_t log_files; /* with those of before */
   uint64_t last_cut;
   uint32_t reloads, failed_reloads;
   bool last_reload_failed;
   time_t started;
   const char *user; /* that this process and modules become, which root has started; NULL: nobody */
   struct source spawner;
   pid_t spawner_pid;
   bool spawner_lost;
   struct spawner_end *ends; /* that were not taken into account so far */
   uint32_t n_ends;
   uint32_t watchdog; /* seconds without an answer after which a module is killed; 0: never */
};

/* loop.c */
bool loop_add(struct daemon *d, struct source *s, uint32_t events);
bool loop_change(struct daemon *d, struct source *s, uint32_t events);
void loop_close(struct daemon *d, struct source *s);
uint64_t clock_ms(void);

enum event_kind {
   EVENT_START,
   EVENT_RESTART,
   EVENT_ADOPTED,
   EVENT_READY,
   EVENT_STOPPING,
   EVENT_EXIT,
   EVENT_FAILED, /* ended too often, is not started again */
   EVENT_REMOVED,
   EVENT_ENABLED,
   EVENT_DISABLED,
   EVENT_ERROR,
   EVENT_RELOAD,
   EVENT_REFUSED, /* reload: the configuration is wrong */
   EVENT_ROLLBACK,
   EVENT_SUPERVISOR, /* started or ended */
};

/* events.c */
bool events_open(struct daemon *d);
void events_close(struct daemon *d);
const char *event_kind_name(enum event_kind kind);
/** \param m NULL: of no module */
void events_add(struct daemon *d, enum event_kind kind, const struct module *m, const char *text);
/** The newest events, at most limit, with a greater number than after, that wanted() says yes to. */
json_t *events_list(const struct daemon *d, uint64_t after, uint64_t limit,
                    bool (*wanted)(const void *context, const json_t *event), const void *context);

/* logs.c */
/** A string of bytes that need not be UTF-8. */
json_t *json_text(const char *text, size_t length);
/** The last lines of a file: {"lines": [...], "more": whether there are others before}, or "error" and no lines. */
json_t *logs_tail(const char *path, uint32_t lines);

/* status.c */
const char *status_profile(const struct daemon *d, const struct module *m);
json_t *status_of(const struct daemon *d, const struct module *m);
/** What an interface says of itself, added to an object. */
void status_add_interface(json_t *o, const struct ifc_stats *s);
/** The statistics of NEMEA 2. \param all with modules that do not run */
json_t *status_old(struct daemon *d, bool all);

/* graph.c */
/** Modules and what is between them. */
json_t *graph_make(const struct daemon *d);

/* trial.c */
/** The next configuration is on trial, for some seconds. */
void trial_begin(struct daemon *d, uint32_t seconds);
/** The configuration stays as it is. */
void trial_abandon(struct daemon *d);
void trial_tick(struct daemon *d);
const char *trial_result(const struct daemon *d);

/* metrics.c */
/** All numbers as OpenMetrics, a string. NULL without memory. */
json_t *metrics_make(const struct daemon *d);

/* tap.c */
/** Starts to read records of an output for a client. \return false: why */
bool tap_start(struct daemon *d, struct client *c, const struct module *m, uint32_t output, uint32_t records,
               uint32_t seconds, const json_t *id, char *why, size_t size);
/** The client is gone. */
void tap_cancel(struct daemon *d, struct tap *t);
void tap_tick(struct daemon *d);
/** A child has ended. \return whether it was a tap */
bool tap_ended(struct daemon *d, pid_t pid, int status);

/* journal.c */
bool journal_open(struct daemon *d);
void journal_close(struct daemon *d);
/** To modules_events and the events of clients. \param m NULL: of no module */
void journal_event(struct daemon *d, enum event_kind kind, const struct module *m, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void journal_log(struct daemon *d, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void journal_statistics(struct daemon *d);
/** The path of a module's log, which is inside the directory of logs whatever the name is. */
char *journal_module_path(const struct daemon *d, const char *name, const char *stream);

/* log_limit.c */
void log_limit_apply(struct daemon *d);

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
/** Starts a process, whose program begins at spawn_release(): a process that the next supervisor would not know never begins. */
bool spawn(struct daemon *d, struct module *m);
/** After the state was written. */
void spawn_release(struct daemon *d);
/** How a process of an earlier supervisor is confined, as far as it can be seen. */
struct sandbox spawn_adopted_sandbox(const struct daemon *d, const struct module *m);
void spawn_signal(struct daemon *d, const struct module *m, int signal);
/** Field 22 of /proc/PID/stat, 0: no such process or a zombie. */
uint64_t spawn_start_time(pid_t pid);

/* spawner.c: what is left to nemea_spawner, if there is one */
/** The user of --user. \return NULL with a message: there is none, or it has root's rights */
const struct passwd *spawner_user(const char *name);
/** Starts it, and becomes the user that modules run as. \return false with a message */
bool spawner_start(struct daemon *d);
bool spawner_watch(struct daemon *d);
/** It is to read the configuration as well. \return false: why it does not accept it */
bool spawner_load(struct daemon *d, const struct config *c, char *why, size_t size);
/** Starts the process of a module with these descriptors. \return -1: why */
pid_t spawner_spawn(struct daemon *d, struct module *m, int out, int err, int gate, char *why, size_t size);
bool spawner_signal(struct daemon *d, const struct module *m, int signal);
/** Takes into account which of its processes have ended. */
void spawner_reap(struct daemon *d);
/** It has ended: without it nothing can be started or stopped, so the supervisor ends, too. */
void spawner_lost(struct daemon *d);

/* service.c */
void service_tick(struct daemon *d, struct module *m);
void service_close(struct daemon *d, struct module *m);
void service_read_usage(struct daemon *d);
/** Takes an answer, checked. Also for fuzzing. \param ifcs of service_free(), NULL: no memory or no answer */
struct ifc_stats *service_parse(const char *text, size_t length, uint32_t *n);
void service_free(struct ifc_stats *ifcs, uint32_t n);

/* limits.c: the control group of a module, where there is one */
/** Of a new process, before its program begins. */
void limits_begin(struct daemon *d, struct module *m, pid_t pid);
/** Of a process of an earlier supervisor. */
void limits_adopt(struct daemon *d, struct module *m);
/** Its process has ended: takes into account what the kernel killed, and ends what the module left. */
void limits_end(struct daemon *d, struct module *m);
/** Says once which limits are in force. */
void limits_log(struct daemon *d);
/** Warns of limits in a configuration that would not be in force. */
void limits_check(const struct daemon *d, struct config *c);

/* state.c */
bool state_lock(struct daemon *d);
/** Writes which processes there are, and lets them begin. */
void state_write(struct daemon *d);
void state_adopt(struct daemon *d);
/** Takes over a running process as a module. \param start of spawn_start_time() \param same it was started as it would be now */
bool state_take_over(struct daemon *d, const char *name, pid_t pid, uint64_t start, bool same);

/* import.c */
/** Takes over the modules in a backup of NEMEA 2, whose file is renamed then. \return false with a message */
bool import_backup(struct daemon *d, const char *path);

void state_write_generated(struct daemon *d);

/* control.c */
bool control_listen(struct daemon *d);
void control_tick(struct daemon *d);
/** Serves a client on a descriptor that is taken. \return NULL: there is no room, and it is closed */
struct client *control_add(struct daemon *d, int fd, uid_t uid);
/** Does what menus do when nothing is typed. \return when to come again */
uint64_t control_menus(struct daemon *d);
/** The menu on the terminal that is the standard input. */
bool control_terminal(struct daemon *d);
void control_close(struct daemon *d);
/** Sends the answer that a client waits for, and reads its next request. Takes the reference. */
void control_answer(struct daemon *d, struct client *c, json_t *answer);

/* commands.c */
/** The answer to a request in JSON. \return a new reference; NULL: it comes later, by control_answer() */
json_t *command_run(struct daemon *d, struct client *c, const char *request, size_t length);
/** An answer: result, a new reference, or why there is none. \param id as in the request, NULL: none */
json_t *command_answer(const json_t *id, bool ok, json_t *result, const char *why);
/** Loads the template again. \param report gets what changed, or the errors \param trial seconds, 0: none */
bool command_reload(struct daemon *d, json_t *report, uint32_t trial);
/** The same with a configuration that config_load() gave, which is taken. */
bool command_load(struct daemon *d, struct config *c, json_t *report, uint32_t trial);
enum verb { VERB_STATUS, VERB_START, VERB_STOP, VERB_RESTART };
/** Starts, stops or restarts a module; holds until the next reload. */
void command_module(struct daemon *d, struct module *m, enum verb verb);
void command_profile(struct daemon *d, uint32_t profile, bool enable);

int daemon_run(struct daemon *d, bool background);

#endif
