/* SPDX-License-Identifier: BSD-3-Clause */
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GET_VERSION 1u

/* ------------------------------------------------------------------------ means */

const struct sandbox_means *sandbox_means(void)
{
   static struct sandbox_means m;
   static bool known;
   if (known) {
      return &m;
   }
   uint32_t action = SECCOMP_RET_ERRNO;
   long v = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
   m.landlock = v > 0 ? (int) v : 0;
   m.no_landlock = v > 0                 ? NULL
                   : errno == EOPNOTSUPP ? "Landlock is switched off (kernel parameter lsm=)"
                                         : "this kernel has no Landlock (it came with 5.13)";
   m.no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
#ifdef HAVE_SECCOMP
   m.seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
   m.no_seccomp = m.seccomp ? NULL : "this kernel has no system call filters (CONFIG_SECCOMP_FILTER)";
#else
   (void) action;
   m.no_seccomp = "this program was built without libseccomp";
#endif
   m.sanitizers = SANDBOX_SANITIZERS;
   known = true;
   return &m;
}

void sandbox_describe(char *text, size_t size)
{
   const struct sandbox_means *m = sandbox_means();
   char landlock[32] = "";
   if (m->landlock > 0) {
      (void) snprintf(landlock, sizeof(landlock), ", Landlock %d", m->landlock);
   }
   (void) snprintf(text, size, "no new privileges, few capabilities%s%s%s", m->seccomp ? ", seccomp" : "",
                   landlock, m->sanitizers ? " (wider, for sanitizers)" : "");
}

bool sandbox_complete(char *text, size_t size)
{
   const struct sandbox_means *m = sandbox_means();
   *text = 0;
   if (m->no_seccomp != NULL) {
      (void) snprintf(text, size, "modules may use all system calls: %s", m->no_seccomp);
   }
   if (m->no_landlock != NULL) {
      size_t n = strlen(text);
      (void) snprintf(text + n, size - n, "%smodules reach all files that their user may: %s",
                      n > 0 ? "; " : "", m->no_landlock);
   }
   return *text == 0;
}

/* ----------------------------------------------------------------- capabilities */

/* Of a process of root, those that reading and writing files needs stay; the others are never needed. */
static uint64_t kept(unsigned needs)
{
   uint64_t keep =
       1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_CHOWN | 1ull << CAP_FOWNER;
   keep |= needs & SANDBOX_PACKETS ? 1ull << CAP_NET_RAW | 1ull << CAP_NET_ADMIN : 0;
   keep |= needs & SANDBOX_INTERNET ? 1ull << CAP_NET_BIND_SERVICE : 0;
   return keep;
}

uint64_t sandbox_ambient(const struct sandbox *s)
{
   return s->capabilities | (s->on && (s->needs & SANDBOX_PACKETS) ? 1ull << CAP_NET_RAW : 0);
}

bool sandbox_capabilities(const struct sandbox *s)
{
   struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
   struct __user_cap_data_struct data[2];
   uint64_t keep = kept(s->needs) | s->capabilities;
   if (syscall(SYS_capget, &header, data) != 0) {
      return false;
   }
   uint64_t effective = data[0].effective | (uint64_t) data[1].effective << 32;
   for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
      if (!(keep >> c & 1)) {
         (void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, c, 0, 0);
         if ((effective >> CAP_SETPCAP & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) {
            return false;
         }
      }
   }
   for (int i = 0; i < 2; i++) {
      uint32_t mask = (uint32_t) (keep >> 32 * i);
      data[i].effective &= mask;
      data[i].permitted &= mask;
      data[i].inheritable &= mask;
   }
   return syscall(SYS_capset, &header, data) == 0;
}

/* Without a filter: what the program would get of those that its starter was given. */
static bool hand_on(uint64_t keep)
{
   struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
   struct __user_cap_data_struct data[2];
   if (syscall(SYS_capget, &header, data) != 0) {
      return false;
   }
   for (int i = 0; i < 2; i++) {
      data[i].inheritable &= (uint32_t) (keep >> 32 * i);
   }
   return syscall(SYS_capset, &header, data) == 0; /* the ambient ones go with the inheritable ones */
}

bool sandbox_become(uid_t uid, const gid_t *groups, size_t n, uint64_t keep)
{
   struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
   struct __user_cap_data_struct data[2] = {0};
   for (int i = 0; i < 2; i++) {
      data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t) (keep >> 32 * i);
   }
   for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
      if (!(keep >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) {
         return false;
      }
   }
   if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(n, groups) != 0 ||
       setresgid(groups[0], groups[0], groups[0]) != 0 || setresuid(uid, uid, uid) != 0 ||
       syscall(SYS_capset, &header, data) != 0) {
      return false;
   }
   for (int c = 0; c < 64; c++) {
      if ((keep >> c & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) != 0) {
         return false;
      }
   }
   return true;
}

/* ------------------------------------------------------------------------ enter */

bool sandbox_prepare(const struct sandbox *s)
{
   return !s->on || !sandbox_means()->seccomp || sandbox_filter(s->needs) != NULL;
}

const char *sandbox_enter(const struct sandbox *s, const char *path, char *const argv[],
                          const struct sandbox_paths *more)
{
   if (!s->on) {
      return s->only_capabilities && !hand_on(s->capabilities) ? "cannot drop capabilities" : NULL;
   }
   const struct sock_fprog *filter = sandbox_means()->seccomp ? sandbox_filter(s->needs) : NULL;
   if (sandbox_means()->seccomp && filter == NULL) {
      return "cannot make a system call filter";
   }
   if (!sandbox_capabilities(s)) {
      return "cannot drop capabilities";
   }
   if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
      return "cannot set no_new_privs";
   }
   if (!sandbox_landlock(s, path, argv, more)) {
      return "cannot restrict files with Landlock";
   }
   if (filter != NULL && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) != 0) {
      return "cannot set the system call filter";
   }
   return NULL;
}
