/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What a program that this system starts may still do when foreign bytes have taken it over. The kind of a program says what it
 * needs; all else is taken from the child before its program begins: capabilities, system calls (seccomp), files (Landlock).
 *
 * Programs that are not this system's, and scripts, run without a filter: nobody knows what they need.
 */
#ifndef NEMEA_SANDBOX_H
#define NEMEA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What a program needs beyond streams of this machine and the files of its command line. */
enum sandbox_needs {
   SANDBOX_INTERNET = 1, /* sockets of the internet families */
   SANDBOX_PACKETS = 2,  /* packet sockets, and CAP_NET_RAW */
   SANDBOX_PROGRAMS = 4, /* to start other programs */
   SANDBOX_DATA = 8, /* the directories where modules keep their data: its configuration names files there */
};

/** How a program is confined. */
struct sandbox {
   bool on;                /* false: no filter */
   unsigned needs;         /* of sandbox_needs */
   const char *why;        /* where it is off */
   uint64_t capabilities;  /* bits of CAP_* that it keeps beyond those of its needs */
   bool only_capabilities; /* without a filter: no others are handed on by execve(), but to root */
};

/** What the kernel and this build can do. */
struct sandbox_means {
   bool no_new_privileges;
   bool seccomp;
   const char *no_seccomp; /* why not; NULL: it can */
   int landlock;           /* version of its interface; 0: none */
   const char *no_landlock;
   bool sanitizers; /* this build's calls are allowed, too, so its filters are wider */
};

/** Further directories. */
struct sandbox_paths {
   const char *const *write; /* read and written; NULL-terminated */
   const char *const *read;
   bool only_reads; /* what the command line names is not written */
};

const struct sandbox_means *sandbox_means(void);
/** "no new privileges, seccomp, Landlock 7": what is in force where a sandbox is on. */
void sandbox_describe(char *text, size_t size);
/** Whether all that there is can be used here. Otherwise a sentence of what is missing. */
bool sandbox_complete(char *text, size_t size);

/** How a program is to be confined. \param path as it is executed \param argv its arguments, argv[0] is not looked at */
struct sandbox sandbox_of(const char *path, char *const argv[]);
/** "off", or "streams" and what else it may: "streams, internet, packets". */
void sandbox_name(const struct sandbox *s, char *text, size_t size);

/** The capabilities, bits of CAP_*, that a program needs which runs as another user than root. */
uint64_t sandbox_ambient(const struct sandbox *s);
/**
 * Becomes another user for good; needs root. Of the capabilities only those named stay, in all sets, so that they survive execve(). For a
 * process with one thread. \param groups all of the user, n of them; the first is gid \param keep bits of CAP_* \return false with errno
 */
bool sandbox_become(uid_t uid, const gid_t *groups, size_t n, uint64_t keep);
/** Makes the filter in the parent, so that each child needs few calls. Optional. \return false with errno */
bool sandbox_prepare(const struct sandbox *s);
/**
 * In a child, before execve(): from here on it is confined. What the kernel has and refuses is an error, so a sandbox is
 * never weaker than sandbox_describe() says.
 * \return NULL, or what failed, with errno
 */
const char *sandbox_enter(const struct sandbox *s, const char *path, char *const argv[],
                          const struct sandbox_paths *more);

/** Whether a path is that of a program of this system. \param name gets the name of the file that is executed in the end; NAME_MAX + 1 bytes */
bool sandbox_program(const char *path, char *name);
/** The directory beneath which all of this system is: its libraries and programs. "" if that is the whole machine. */
const char *sandbox_root(void);

/* Between the files of the library. */
struct sock_fprog;
const struct sock_fprog *sandbox_filter(unsigned needs);
extern const char *const sandbox_data[]; /* directories where modules keep their data */
bool sandbox_landlock(const struct sandbox *s, const char *path, char *const argv[],
                      const struct sandbox_paths *more);
bool sandbox_capabilities(const struct sandbox *s);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define SANDBOX_SANITIZERS 1
#endif
#endif
#ifndef SANDBOX_SANITIZERS
#define SANDBOX_SANITIZERS 0
#endif

#endif
