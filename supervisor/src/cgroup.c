/* SPDX-License-Identifier: BSD-3-Clause */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define OWN     "supervisor"
#define PREFIX  "module-"
#define PERIOD  100000 /* us in which a share of processor time is used */
#define ROUNDS  16     /* to move processes while new ones may come */
#define PATIENT 100    /* times 10 ms for what was killed to end */

static const struct {
   unsigned bit;
   const char *name;
} controllers[] = {{CGROUP_MEMORY, "memory"}, {CGROUP_CPU, "cpu"}, {CGROUP_PIDS, "pids"}};
#define CONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

/* ----------------------------------------------------------------------------- parts */

bool cgroup_parse_self(const char *text, char path[PATH_MAX])
{
   for (const char *p = text; *p != 0; p += strcspn(p, "\n"), p += *p == '\n') {
      size_t n = strcspn(p, "\n");
      if (n < 4 || strncmp(p, "0::/", 4) != 0 || n - 3 >= PATH_MAX) {
         continue;
      }
      memcpy(path, p + 3, n - 3);
      path[n - 3] = 0;
      if (n == 4) {
         path[0] = 0;
      }
      /* outside of what this process can see, or a group that was removed */
      const char *deleted = " (deleted)";
      size_t end = strlen(deleted), length = strlen(path);
      return strncmp(path, "/..", 3) != 0 && strstr(path, "/../") == NULL &&
             (length < end || strcmp(path + length - end, deleted) != 0);
   }
   return false;
}

void cgroup_parse_base(char path[PATH_MAX])
{
   char *last = strrchr(path, '/');
   if (last != NULL && strcmp(last + 1, OWN) == 0) {
      *last = 0;
   }
}

unsigned cgroup_parse_controllers(const char *text)
{
   unsigned found = 0;
   for (const char *p = text + strspn(text, " \n"); *p != 0; p += strspn(p, " \n")) {
      size_t n = strcspn(p, " \n");
      for (size_t i = 0; i < CONTROLLERS; i++) {
         if (strlen(controllers[i].name) == n && memcmp(p, controllers[i].name, n) == 0) {
            found |= controllers[i].bit;
         }
      }
      p += n;
   }
   return found;
}

uint64_t cgroup_parse_count(const char *text, const char *key)
{
   size_t n = strlen(key);
   for (const char *p = text; *p != 0; p += strcspn(p, "\n"), p += *p == '\n') {
      if (strncmp(p, key, n) == 0 && p[n] == ' ') {
         return strtoull(p + n + 1, NULL, 10);
      }
   }
   return 0;
}

void cgroup_name(const char *module, char name[CGROUP_NAME])
{
   static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
   size_t n = strlen(module);
   if (n > 0 && n < 200 && strspn(module, plain) == n) {
      (void) snprintf(name, CGROUP_NAME, PREFIX "%s", module);
      return;
   }
   uint64_t h = 0xcbf29ce484222325;
   for (const char *p = module; *p != 0; p++) {
      h = (h ^ (uint8_t) *p) * 0x100000001b3;
   }
   /* "+" is in no plain name */
   (void) snprintf(name, CGROUP_NAME, PREFIX "+%016llx", (unsigned long long) h);
}

/* ----------------------------------------------------------------------------- files */

/* \return length, -1 with errno */
static ssize_t read_at(int dir, const char *name, char *text, size_t size)
{
   int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
   ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
   if (fd >= 0) {
      close(fd);
   }
   text[n > 0 ? n : 0] = 0;
   return n;
}

static bool write_at(int dir, const char *name, const char *text)
{
   size_t n = strlen(text);
   int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
   bool ok = fd >= 0 && write(fd, text, n) == (ssize_t) n;
   int reason = errno;
   if (fd >= 0) {
      close(fd);
   }
   errno = reason;
   return ok;
}

static int open_group(int base, const char *name)
{
   return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int open_of_module(const struct cgroup *c, const char *module)
{
   char name[CGROUP_NAME];
   cgroup_name(module, name);
   return c->controllers != 0 ? open_group(c->base, name) : -1;
}

/* A group by its path. */
static int open_path(const char *path)
{
   char full[PATH_MAX + sizeof(CGROUP_ROOT)];
   (void) snprintf(full, sizeof(full), "%s%s", CGROUP_ROOT, path);
   return open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool path_of_process(pid_t pid, char path[PATH_MAX])
{
   char file[64], text[PATH_MAX + 512];
   (void) snprintf(file, sizeof(file), "/proc/%d/cgroup", (int) pid);
   return read_at(AT_FDCWD, file, text, sizeof(text)) > 0 && cgroup_parse_self(text, path);
}

/* ------------------------------------------------------------------------- the base */

/* Where systemd runs, all groups are its own but those that it has marked. */
static bool is_delegated(int base)
{
   char value[8];
   return access("/run/systemd/system", F_OK) != 0 ||
          (fgetxattr(base, "user.delegate", value, sizeof(value)) == 1 && value[0] == '1') ||
          (fgetxattr(base, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1');
}

/* \return -1: why */
static int open_base(char path[PATH_MAX], char *why, size_t size)
{
   struct statfs fs;
   if (!path_of_process(getpid(), path)) {
      (void) snprintf(why, size, "there is no control group of version 2");
      return -1;
   }
   cgroup_parse_base(path);
   int base = open_path(path);
   if (base < 0) {
      (void) snprintf(why, size, "cannot open its control group: %s", strerror(errno));
   } else if (fstatfs(base, &fs) != 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
      (void) snprintf(why, size, CGROUP_ROOT " is not of version 2");
   } else if (!is_delegated(base)) {
      (void) snprintf(why, size, "its control group is systemd's (Delegate= of its unit)");
   } else {
      return base;
   }
   if (base >= 0) {
      close(base);
   }
   return -1;
}

static pid_t parent_of(pid_t pid)
{
   char file[64], text[1024];
   (void) snprintf(file, sizeof(file), "/proc/%d/stat", (int) pid);
   const char *p = read_at(AT_FDCWD, file, text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
   int parent = 0;
   return p != NULL && sscanf(p + 1, " %*c %d", &parent) == 1 ? (pid_t) parent : 0;
}

/* This process, its spawner, and those that started it. */
static bool is_own(pid_t pid, pid_t spawner)
{
   pid_t p = getpid();
   while (p > 0 && p != pid) {
      p = parent_of(p);
   }
   return pid > 0 && (p == pid || pid == spawner);
}

/* \param spawner -1: all processes there are its own \return false: why, nothing or not everything was moved */
static bool move_all(int from, int to, pid_t spawner, char *why, size_t size)
{
   char line[32], number[32];
   for (int round = 0; round < ROUNDS; round++) {
      int fd = openat(from, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
      FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
      if (f == NULL) {
         (void) snprintf(why, size, "cannot read who is in its control group: %s", strerror(errno));
         return false;
      }
      bool any = false, ok = true;
      while (ok && fgets(line, sizeof(line), f) != NULL) {
         int pid = atoi(line);
         any = true;
         (void) snprintf(number, sizeof(number), "%d", pid);
         if (pid <= 0 || (spawner >= 0 && !is_own(pid, spawner))) { /* 0: of another PID namespace */
            (void) snprintf(why, size, "process %d is in its control group, too", pid);
            ok = false;
         } else if (!write_at(to, "cgroup.procs", number) && errno != ESRCH) {
            (void) snprintf(why, size, "cannot move process %d to a control group: %s", pid, strerror(errno));
            ok = false;
         }
      }
      (void) fclose(f);
      if (!ok || !any) {
         return ok;
      }
   }
   (void) snprintf(why, size, "processes come to its control group without end");
   return false;
}

/* Each by itself: one that cannot be had does not keep the others away. */
static void enable(struct cgroup *c)
{
   char text[512], word[16];
   unsigned there =
       read_at(c->base, "cgroup.controllers", text, sizeof(text)) > 0 ? cgroup_parse_controllers(text) : 0;
   c->controllers = 0;
   for (size_t i = 0; i < CONTROLLERS; i++) {
      (void) snprintf(word, sizeof(word), "+%s", controllers[i].name);
      if ((there & controllers[i].bit) != 0 && write_at(c->base, "cgroup.subtree_control", word)) {
         c->controllers |= controllers[i].bit;
      }
   }
}

static void disable(int base)
{
   char word[16];
   for (size_t i = 0; i < CONTROLLERS; i++) {
      (void) snprintf(word, sizeof(word), "-%s", controllers[i].name);
      (void) write_at(base, "cgroup.subtree_control", word);
   }
}

/* Nobody else is in the group or beneath it. */
static bool is_alone(int base, pid_t spawner)
{
   char line[32];
   int fd = openat(base, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
   FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
   int dir = open_group(base, ".");
   DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
   bool alone = f != NULL && d != NULL;
   while (alone && fgets(line, sizeof(line), f) != NULL) {
      alone = is_own(atoi(line), spawner);
   }
   for (struct dirent *e; alone && (e = readdir(d)) != NULL;) {
      alone = e->d_type != DT_DIR || e->d_name[0] == '.' || strcmp(e->d_name, OWN) == 0 ||
              strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0;
   }
   if (f != NULL) {
      (void) fclose(f);
   }
   if (d != NULL) {
      (void) closedir(d);
   }
   return alone;
}

/* Whom a group belongs to can move every process beneath it, and so end it: those of others stay root's, and all of the machine. */
void cgroup_give(uid_t uid, gid_t gid, pid_t spawner)
{
   static const char *const files[] = {".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
   char path[PATH_MAX], why[256];
   if (access("/run/systemd/system", F_OK) == 0) {
      return;
   }
   int base = open_base(path, why, sizeof(why));
   bool ok = base >= 0 && faccessat(base, "cgroup.events", F_OK, 0) == 0 && is_alone(base, spawner);
   for (size_t i = 0; ok && i < sizeof(files) / sizeof(files[0]); i++) {
      ok = fchownat(base, files[i], uid, gid, AT_SYMLINK_NOFOLLOW) == 0; /* otherwise cgroup_open() fails */
   }
   if (base >= 0) {
      close(base);
   }
}

/* This process is in a group of its own, and groups of modules get controllers. */
static bool settle(struct cgroup *c, pid_t spawner)
{
   char text[512];
   bool marked = access("/run/systemd/system", F_OK) == 0;
   if (read_at(c->base, "cgroup.controllers", text, sizeof(text)) < 0 ||
       cgroup_parse_controllers(text) == 0) {
      (void) snprintf(c->why, sizeof(c->why),
                      "its control group has none of the controllers memory, cpu and pids");
      return false;
   }
   c->root = faccessat(c->base, "cgroup.events", F_OK, 0) != 0;
   if (!c->root) {
      if (mkdirat(c->base, OWN, 0755) != 0 && errno != EEXIST) {
         (void) snprintf(c->why, sizeof(c->why), "cannot make a control group: %s", strerror(errno));
         return false;
      }
      int own = open_group(c->base, OWN);
      bool ok = own >= 0 && move_all(c->base, own, marked ? -1 : spawner, c->why, sizeof(c->why));
      if (own >= 0) {
         close(own);
      }
      if (!ok) {
         return false;
      }
   }
   enable(c);
   if (c->controllers == 0) {
      (void) snprintf(c->why, sizeof(c->why), "cannot switch controllers on in its control group: %s",
                      strerror(errno));
   }
   return c->controllers != 0;
}

bool cgroup_open(struct cgroup *c, pid_t spawner)
{
   char ignored[256];
   *c = (struct cgroup){.base = -1};
   c->base = open_base(c->path, c->why, sizeof(c->why));
   if (c->base < 0) {
      return false;
   }
   if (flock(c->base, LOCK_EX | LOCK_NB) != 0) { /* names of groups are its own */
      (void) snprintf(c->why, sizeof(c->why), "another supervisor has its control group");
      close(c->base);
      c->base = -1;
      return false;
   }
   if (settle(c, spawner)) {
      c->left = true; /* of an earlier supervisor, perhaps */
      return true;
   }
   int own = c->root ? -1 : open_group(c->base, OWN);
   if (own >= 0) {
      (void) move_all(own, c->base, -1, ignored, sizeof(ignored));
      close(own);
      (void) unlinkat(c->base, OWN, AT_REMOVEDIR);
   }
   close(c->base);
   c->base = -1;
   c->controllers = 0;
   return false;
}

void cgroup_release(void)
{
   char path[PATH_MAX];
   int base = -1;
   if (path_of_process(getpid(), path)) {
      char *last = strrchr(path, '/'); /* systemd runs this in the group .control of a unit that has others */
      if (last != NULL && strcmp(last, "/.control") == 0) {
         *last = 0;
      }
      base = open_path(path);
   }
   if (base >= 0) {
      if (is_delegated(base)) {
         disable(base);
      }
      close(base);
   }
}

/* -------------------------------------------------------------------------- modules */

static bool set_limits(const struct cgroup *c, int group, const struct cgroup_limits *l, char *why,
                       size_t size)
{
   char value[64] = "max";
   const char *file = "memory.max";
   bool ok = true;
   if (c->controllers & CGROUP_MEMORY) {
      if (l->memory > 0) {
         (void) snprintf(value, sizeof(value), "%llu", (unsigned long long) l->memory);
         (void) write_at(group, "memory.swap.max", "0"); /* not every kernel counts it */
      }
      (void) write_at(group, "memory.oom.group",
                      "1"); /* since 4.19: a module without one of its processes is none */
      ok = write_at(group, file, value);
   }
   if (ok && (c->controllers & CGROUP_CPU)) {
      file = "cpu.max";
      (void) snprintf(value, sizeof(value), "max %d", PERIOD);
      if (l->cpu > 0) {
         (void) snprintf(value, sizeof(value), "%llu %d",
                         (unsigned long long) l->cpu * (unsigned long long) (PERIOD / 100), PERIOD);
      }
      ok = write_at(group, file, value);
   }
   if (ok && (c->controllers & CGROUP_PIDS)) {
      file = "pids.max";
      (void) snprintf(value, sizeof(value), "%u", l->tasks > 0 ? l->tasks : CGROUP_TASKS);
      ok = write_at(group, file, value);
   }
   if (!ok) {
      (void) snprintf(why, size, "cannot write %s to %s: %s", value, file, strerror(errno));
   }
   return ok;
}

/* What was killed takes a moment to end. \return with errno */
static bool remove_group(int base, const char *name, int times)
{
   while (unlinkat(base, name, AT_REMOVEDIR) != 0) {
      if (errno != EBUSY || times-- <= 0) {
         return errno == ENOENT;
      }
      (void) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
   }
   return true;
}

bool cgroup_add(struct cgroup *c, const char *module, const struct cgroup_limits *l, pid_t pid, char *why,
                size_t size)
{
   char name[CGROUP_NAME], number[32];
   cgroup_name(module, name);
   cgroup_kill(c, module);
   if (!remove_group(c->base, name, PATIENT / 10)) {
      (void) snprintf(why, size, "cannot remove its control group of before: %s", strerror(errno));
      return false;
   }
   int group = mkdirat(c->base, name, 0755) == 0 ? open_group(c->base, name) : -1;
   if (group < 0) {
      (void) snprintf(why, size, "cannot make a control group: %s", strerror(errno));
      return false;
   }
   (void) snprintf(number, sizeof(number), "%d", (int) pid);
   bool ok = set_limits(c, group, l, why, size);
   if (ok && !write_at(group, "cgroup.procs", number)) {
      (void) snprintf(why, size, "cannot move it to its control group: %s", strerror(errno));
      ok = false;
   }
   close(group);
   if (!ok) {
      (void) unlinkat(c->base, name, AT_REMOVEDIR);
   }
   return ok;
}

bool cgroup_adopt(struct cgroup *c, const char *module, const struct cgroup_limits *l, pid_t pid)
{
   char name[CGROUP_NAME], path[PATH_MAX], why[256];
   size_t n = strlen(c->path);
   cgroup_name(module, name);
   if (c->controllers == 0 || !path_of_process(pid, path) || strncmp(path, c->path, n) != 0 ||
       path[n] != '/' || strcmp(path + n + 1, name) != 0) {
      return false;
   }
   int group = open_group(c->base, name);
   bool ok = group >= 0 && set_limits(c, group, l, why, sizeof(why));
   if (group >= 0) {
      close(group);
   }
   return ok;
}

uint64_t cgroup_oom_kills(const struct cgroup *c, const char *module)
{
   char text[1024];
   int group = open_of_module(c, module);
   ssize_t n = group >= 0 ? read_at(group, "memory.events", text, sizeof(text)) : -1;
   if (group >= 0) {
      close(group);
   }
   return n > 0 ? cgroup_parse_count(text, "oom_kill") : 0;
}

void cgroup_kill(const struct cgroup *c, const char *module)
{
   int group = open_of_module(c, module);
   if (group >= 0) {
      (void) write_at(group, "cgroup.kill", "1");
      close(group);
   }
}

void cgroup_remove(struct cgroup *c, const char *module)
{
   char name[CGROUP_NAME];
   if (c->controllers != 0) {
      cgroup_name(module, name);
      cgroup_kill(c, module);
      c->left |= !remove_group(c->base, name, 0);
   }
}

bool cgroup_sweep(struct cgroup *c)
{
   int fd = c->controllers != 0 && c->left ? open_group(c->base, ".") : -1;
   DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
   c->left = false;
   for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
      if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0) {
         c->left |= unlinkat(c->base, e->d_name, AT_REMOVEDIR) != 0 && errno == EBUSY;
      }
   }
   if (d != NULL) {
      (void) closedir(d);
   }
   return c->left;
}

void cgroup_close(struct cgroup *c)
{
   char why[256];
   if (c->controllers == 0) {
      return;
   }
   c->left = true;
   for (int i = 0; i < PATIENT && cgroup_sweep(c); i++) {
      (void) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
   }
   if (!c->left) {
      disable(c->base);
      int own = c->root ? -1 : open_group(c->base, OWN);
      if (own >= 0) {
         (void) move_all(own, c->base, -1, why, sizeof(why));
         close(own);
         (void) unlinkat(c->base, OWN, AT_REMOVEDIR);
      }
   }
   close(c->base);
   *c = (struct cgroup){.base = -1};
}

bool cgroup_limits_memory(uint64_t bytes)
{
   char path[PATH_MAX], text[64], *end;
   struct statfs fs;
   int group = path_of_process(getpid(), path) ? open_path(path) : -1;
   bool is = false;
   if (group >= 0 && fstatfs(group, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
       read_at(group, "memory.max", text, sizeof(text)) > 0) {
      unsigned long long most = strtoull(text, &end, 10);
      is = end != text && most <= bytes;
   }
   if (group >= 0) {
      close(group);
   }
   return is;
}
