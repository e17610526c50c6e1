/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A control group (version 2) for each module, where this process was given a part of the hierarchy: limits of memory, processor time and
 * processes that hold for all processes of the module together, the count of what the kernel killed for want of memory, and an end for
 * all that a module leaves behind. Without such a part limits are those of setrlimit(), and nothing here does anything.
 *
 *     BASE                the group that was given: nothing is in it while it has controllers, as the kernel demands
 *     BASE/supervisor     the supervisor, its spawner, and what started them
 *     BASE/module-NAME    a module, root's or not: the supervisor puts its process there before the program begins
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst of Linux, "Control Group Delegation" of systemd.
 */
#ifndef SUPERVISOR_CGROUP_H
#define SUPERVISOR_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_ROOT  "/sys/fs/cgroup"
#define CGROUP_NAME  256  /* bytes of the name of a group with its final 0 */
#define CGROUP_TASKS 4096 /* processes and threads of a module that has no other limit */

enum cgroup_controller { CGROUP_MEMORY = 1, CGROUP_CPU = 2, CGROUP_PIDS = 4 };

struct cgroup {
   unsigned controllers; /* bits of those that groups of modules have; 0: there are no groups, and why */
   int base;             /* directory, if there are controllers */
   bool root;            /* BASE is the root of the machine: nothing is moved out of it */
   bool left;            /* groups are there that could not be removed so far */
   char path[PATH_MAX];  /* of BASE, beneath CGROUP_ROOT, or "" for that itself */
   char why[256];
};

struct cgroup_limits {
   uint64_t memory; /* bytes; 0: none */
   uint32_t cpu;    /* percent of a core; 0: none */
   uint32_t tasks;  /* 0: CGROUP_TASKS */
};

/** As root, before it becomes another user: what has to be that one's to make groups. Does nothing where systemd has done it, where others
 * are in the group or beneath it, and in the root of the machine. \param spawner 0: none */
void cgroup_give(uid_t uid, gid_t gid, pid_t spawner);
/** Looks for the part that was given, and moves this process there with those that belong to it. \param spawner 0: none
 *  \return false: limits are those of setrlimit(), and c->why says why */
bool cgroup_open(struct cgroup *c, pid_t spawner);
/** A new group of a module with a process that has not begun; what was left in the group of that name is killed.
 *  \return false: why; the process has no group then */
bool cgroup_add(struct cgroup *c, const char *module, const struct cgroup_limits *l, pid_t pid, char *why,
                size_t size);
/** Whether a process of an earlier supervisor is in the group of its module, whose limits are set again. */
bool cgroup_adopt(struct cgroup *c, const char *module, const struct cgroup_limits *l, pid_t pid);
/** A number that grows when the kernel kills processes of a group for want of memory. Not theirs: with memory.oom.group it counts some twice. */
uint64_t cgroup_oom_kills(const struct cgroup *c, const char *module);
/** Ends all processes of a module. The kernel has that since 5.14. */
void cgroup_kill(const struct cgroup *c, const char *module);
/** Of a module that has ended: what it left is killed, and the group is removed, now or by cgroup_sweep(). */
void cgroup_remove(struct cgroup *c, const char *module);
/** Removes groups in which nothing is any more. \return whether others are left */
bool cgroup_sweep(struct cgroup *c);
/** Leaves everything as it was found if no module is left. */
void cgroup_close(struct cgroup *c);

/** In a process that may be in a group of its own: whether that limits its memory to no more than this. */
bool cgroup_limits_memory(uint64_t bytes);
/** Makes the group of this process one in which it may be started again: controllers are switched off until the next cgroup_open(). For
 *  systemd, which puts a service that is restarted into BASE itself. Where there is nothing to make free, it does nothing. */
void cgroup_release(void);

/* What it reads, for tests. */

/** The group of version 2 in the text of /proc/PID/cgroup. \return false: none, or no path that could be one */
bool cgroup_parse_self(const char *text, char path[PATH_MAX]);
/** The base for a process in this group: that, or what is above the group of an earlier supervisor. */
void cgroup_parse_base(char path[PATH_MAX]);
/** The controllers in a list of words. */
unsigned cgroup_parse_controllers(const char *text);
/** The number behind a key in lines "KEY NUMBER"; 0: none. */
uint64_t cgroup_parse_count(const char *text, const char *key);
/** The name of a module's group: no other module's, and no path. */
void cgroup_name(const char *module, char name[CGROUP_NAME]);

#endif
