/* SPDX-License-Identifier: BSD-3-Clause */
/** Which files a program reaches (Landlock): the system's to read, what its command line names, the directories of its sockets. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of linux/landlock.h, which may be older than the kernel. */
#define FS_EXECUTE    (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE  (1ull << 2)
#define FS_READ_DIR   (1ull << 3)
#define FS_MAKE_CHAR  (1ull << 6)
#define FS_MAKE_BLOCK (1ull << 11)
#define FS_VERSION_1  ((1ull << 13) - 1)
#define FS_REFER      (1ull << 13) /* version 2 */
#define FS_TRUNCATE   (1ull << 14) /* version 3 */
#define FS_IOCTL      (1ull << 15) /* version 5 */
#define NET_TCP       3ull         /* version 4: bind, connect */
#define SCOPE         3ull         /* version 6: abstract sockets, signals */
#define GET_VERSION   1u
#define PATH_BENEATH  1
#define FILE_ACCESS   (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL)
#define READ_ACCESS   (FS_READ_FILE | FS_READ_DIR)

struct ruleset {
   uint64_t fs, net, scoped;
};

struct rule {
   uint64_t access;
   int32_t parent;
} __attribute__((packed));

/* Read by programs, the C library, OpenSSL, libpcap. */
static const char *const system_read[] = {"/usr",
                                          "/lib",
                                          "/lib64",
                                          "/lib32",
                                          "/bin",
                                          "/sbin",
                                          "/etc",
                                          "/opt",
                                          "/proc",
                                          "/sys",
                                          "/run/resolvconf",
                                          "/run/systemd/resolve",
                                          "/var/lib/GeoIP",
                                          "/dev/random",
                                          "/dev/urandom",
                                          "/dev/zero",
                                          NULL};
static const char *const system_write[] = {"/dev/null", "/dev/full", "/dev/shm", NULL};
/* Not to be written, even if the command line names a file there. */
static const char *const system_only_read[] = {"/usr", "/lib",       "/lib64", "/bin",  "/sbin",
                                               "/etc", "/opt",       "/boot",  "/proc", "/sys",
                                               "/dev", "/root/.ssh", NULL};

struct rules {
   int fd;
   uint64_t handled;
   bool only_reads; /* what the command line names */
   bool failed;
};

static int version(void)
{
   long v = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
   return v > 0 ? (int) v : 0;
}

static uint64_t handled_by(int v)
{
   return FS_VERSION_1 | (v >= 2 ? FS_REFER : 0) | (v >= 3 ? FS_TRUNCATE : 0) | (v >= 5 ? FS_IOCTL : 0);
}

/* What is not there needs no rule. */
static void allow(struct rules *r, const char *path, uint64_t access)
{
   struct stat st;
   int fd = open(path, O_PATH | O_CLOEXEC);
   if (fd < 0) {
      return;
   }
   access &= r->handled;
   if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) {
      access &= FILE_ACCESS;
   }
   struct rule rule = {.access = access, .parent = fd};
   if (access != 0 && syscall(SYS_landlock_add_rule, r->fd, PATH_BENEATH, &rule, 0) != 0) {
      r->failed = true;
   }
   close(fd);
}

static void allow_all(struct rules *r, const char *const *paths, uint64_t access)
{
   for (; paths != NULL && *paths != NULL; paths++) {
      allow(r, *paths, access);
   }
}

/* The program that loads programs is executed, too. */
static int allow_loader(struct dl_phdr_info *info, size_t size, void *context)
{
   for (int i = 0; i < info->dlpi_phnum; i++) {
      if (info->dlpi_phdr[i].p_type == PT_INTERP) {
         allow(context, (const char *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
               FS_EXECUTE | READ_ACCESS);
      }
   }
   return 1; /* the first one is this program */
}

/* ------------------------------------------------------------------ command line */

static bool beneath(const char *path, const char *const *directories)
{
   for (; *directories != NULL; directories++) {
      size_t n = strlen(*directories);
      if (strncmp(path, *directories, n) == 0 && (path[n] == '/' || path[n] == 0)) {
         return true;
      }
   }
   return false;
}

/* Files are written beside themselves and renamed, and numbers are appended to their names: so their directory is what is allowed. */
static void allow_named(struct rules *r, const char *path)
{
   char real[PATH_MAX], parent[PATH_MAX];
   struct stat st;
   if (snprintf(parent, sizeof(parent), "%s", path) >= (int) sizeof(parent)) {
      return;
   }
   bool there = realpath(path, real) != NULL && stat(real, &st) == 0;
   if (r->only_reads) {
      if (there && strcmp(real, "/") != 0) {
         allow(r, real, READ_ACCESS);
      }
      if (there && S_ISREG(st.st_mode)) { /* a list may be replaced by a new file of its name */
         char *slash = strrchr(parent, '/');
         parent[slash == NULL ? 0 : slash - parent] = 0;
         if (realpath(slash == NULL ? "." : parent, real) != NULL && strcmp(real, "/") != 0) {
            allow(r, real, READ_ACCESS);
         }
      }
      return;
   }
   if (there && !beneath(real, system_only_read)) {
      allow(r, real, r->handled & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK));
   }
   /* The nearest directory that there is. */
   while (!there || !S_ISDIR(st.st_mode)) {
      char *slash = strrchr(parent, '/');
      if (slash == NULL) {
         (void) snprintf(parent, sizeof(parent), ".");
      } else {
         slash[slash == parent] = 0;
      }
      there = realpath(parent, real) != NULL && stat(real, &st) == 0;
      if (slash == parent || strcmp(parent, ".") == 0) {
         break;
      }
   }
   if (there && S_ISDIR(st.st_mode) && strcmp(real, "/") != 0 && !beneath(real, system_only_read)) {
      allow(r, real, r->handled & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK));
   }
}

/* Paths are whole arguments, or follow "=" in an option and ":" or "," in an interface. */
static void allow_argument(struct rules *r, const char *argument)
{
   char text[PATH_MAX], *rest = NULL;
   struct stat st;
   if (snprintf(text, sizeof(text), "%s", argument) >= (int) sizeof(text)) {
      return;
   }
   bool any = strchr(text, '/') != NULL || strchr(text, '.') != NULL;
   if (any || stat(text, &st) == 0) {
      allow_named(r, text);
   }
   for (char *p = strtok_r(text, "=:,;", &rest); p != NULL; p = strtok_r(NULL, "=:,;", &rest)) {
      if (strcmp(p, argument) != 0 &&
          (strchr(p, '/') != NULL || strchr(p, '.') != NULL || stat(p, &st) == 0)) {
         allow_named(r, p);
      }
   }
   if (argument[0] == '-' && argument[1] != '-' && argument[1] != 0 && argument[2] != 0) {
      allow_argument(r, argument + 2); /* -wFILE */
   }
}

bool sandbox_landlock(const struct sandbox *s, const char *path, char *const argv[],
                      const struct sandbox_paths *more)
{
   char real[PATH_MAX];
   int v = version();
   uint64_t handled = handled_by(v), write = handled & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK);
   struct ruleset set = {.fs = handled,
                         .net = v >= 4 && !(s->needs & SANDBOX_INTERNET) ? NET_TCP : 0,
                         .scoped = v >= 6 && !SANDBOX_SANITIZERS ? SCOPE : 0};
   if (v == 0) {
      return true;
   }
   struct rules r = {.handled = handled, .only_reads = more->only_reads};
   r.fd = (int) syscall(SYS_landlock_create_ruleset, &set, v >= 6 ? sizeof(set) : v >= 4 ? 16 : 8, 0);
   if (r.fd < 0) {
      return false;
   }
   bool executes = (s->needs & SANDBOX_PROGRAMS) || SANDBOX_SANITIZERS;
   allow_all(&r, system_read, READ_ACCESS | (executes ? FS_EXECUTE : 0));
   allow_all(&r, system_write, write);
   if (*sandbox_root() != 0) {
      allow(&r, sandbox_root(), READ_ACCESS | (executes ? FS_EXECUTE : 0));
   }
   if (realpath(path, real) != NULL) {
      allow(&r, real, READ_ACCESS | FS_EXECUTE);
   }
   (void) dl_iterate_phdr(allow_loader, &r);
   if (s->needs & SANDBOX_DATA) {
      allow_all(&r, sandbox_data, write);
   }
   allow_all(&r, more->write, write);
   allow_all(&r, more->read, READ_ACCESS);
   for (char *const *a = argv + 1; argv[0] != NULL && *a != NULL; a++) {
      allow_argument(&r, *a);
   }
   bool ok = !r.failed && syscall(SYS_landlock_restrict_self, r.fd, 0) == 0;
   close(r.fd);
   return ok;
}
