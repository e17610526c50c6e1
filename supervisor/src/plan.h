/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What to do with a module: its desired state and its actual state compared. Pure functions of their arguments; times are
 * milliseconds of a monotonic clock.
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_WINDOW \
   60000 /* ms in which restarts are counted, and of health after which the delay begins anew */
#define PLAN_FIRST_DELAY  1000 /* ms before a restart, doubled each time */
#define PLAN_LAST_DELAY   60000
#define PLAN_STOP_TIMEOUT 10000 /* ms from SIGTERM to SIGKILL */
#define PLAN_HOLD         30000 /* ms for which a module waits for one that is starting */
#define PLAN_NEVER        UINT64_MAX

enum module_state {
   STATE_STOPPED,
   STATE_STARTING, /* its program runs, its service socket has not answered yet */
   STATE_RUNNING,  /* it has no interfaces, so there is nothing to wait for */
   STATE_READY,
   STATE_STOPPING,
   STATE_BACKOFF,  /* ended, and is started again later */
   STATE_FAILED,   /* ended too often */
   STATE_FINISHED, /* the same, but with exit status 0 */
   STATE_REMOVED,
};

enum plan_action { ACTION_NONE, ACTION_START, ACTION_TERMINATE, ACTION_KILL, ACTION_REMOVE };

struct plan_module {
   /* desired */
   bool wanted;  /* enabled, and its profile too */
   bool removed; /* not in the configuration any more */
   bool restart; /* to be stopped and started once */
   bool held;    /* others are to be started before */
   int limit;    /* restarts per minute, 30: any number */
   /* actual */
   enum module_state state;
   bool alive;
   uint64_t deadline; /* of STOPPING and BACKOFF */
   uint64_t started;  /* last start */
   uint64_t window;   /* begin of the minute */
   uint32_t restarts; /* in it */
   uint32_t delays;   /* in a row */
};

/** What is to be done now. \param wake gets the time at which to ask again at the latest */
enum plan_action plan_next(const struct plan_module *m, uint64_t now, uint64_t *wake);
/** Takes a start into account. */
void plan_started(struct plan_module *m, uint64_t now, bool has_interfaces);
/** Takes an end into account. \param random any number, for the jitter */
void plan_ended(struct plan_module *m, uint64_t now, bool clean, uint32_t random);
/** Forgets restarts, so that a module that was given up is started again. */
void plan_reset(struct plan_module *m);
const char *plan_state_name(enum module_state state);

#endif
