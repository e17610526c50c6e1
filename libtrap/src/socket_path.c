/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 400 /* times 5 ms */
#define MAX_GROUPS 256 /* of a peer that are looked at */

/* ------------------------------------------------------------------ directories */

static const char *environment(const char *name)
{
   const char *value = getuid() == geteuid() && getgid() == getegid() ? secure_getenv(name) : NULL;
   return value != NULL && *value != 0 ? value : NULL;
}

static bool add_dir(struct socket_dirs *d, const char *path, size_t length)
{
   if (d->n == SOCKET_DIRS) {
      return false;
   }
   d->dir[d->n] = strndup(path, length);
   return d->dir[d->n] != NULL && ++d->n > 0;
}

/* Whether this user can bind there and no stranger can. Root makes the usual directory when it first binds. */
static bool safe_to_bind(const char *dir)
{
   struct stat st;
   if (stat(dir, &st) < 0) {
      return errno == ENOENT && geteuid() == 0 && strcmp(dir, SOCKET_RUN_DIR) == 0 &&
             access("/run", W_OK) == 0;
   }
   return S_ISDIR(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & S_IWOTH) == 0 &&
          faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0;
}

static bool add_default_dirs(struct socket_dirs *d, const char *shared)
{
   const char *runtime = environment("RUNTIME_DIRECTORY"), *user = environment("XDG_RUNTIME_DIR");
   bool ok = (runtime == NULL || *runtime != '/' || add_dir(d, runtime, strcspn(runtime, ":"))) &&
             add_dir(d, SOCKET_RUN_DIR, strlen(SOCKET_RUN_DIR)) &&
             (user == NULL || *user != '/' || geteuid() == 0 || add_dir(d, user, strlen(user))) &&
             add_dir(d, shared, strlen(shared));
   if (!ok) {
      return false;
   }
   d->has_shared = true;
   while (d->bind < d->n - 1 && !safe_to_bind(d->dir[d->bind])) {
      d->bind++;
   }
   return true;
}

int socket_dirs_init(struct socket_dirs *d, const char *shared, char why[SOCKET_REASON_SIZE])
{
   const char *dir = environment("TRAP_SOCKET_DIR"), *mode = environment("TRAP_SOCKET_MODE");
   memset(d, 0, sizeof(*d));
   d->mode = SOCKET_DEFAULT_MODE;
   if (mode != NULL) {
      char *end;
      unsigned long value = strtoul(mode, &end, 8);
      if (*mode < '0' || *mode > '7' || *end != 0 || value > 0777) {
         snprintf(why, SOCKET_REASON_SIZE, "TRAP_SOCKET_MODE is '%s', expected octal digits from 0 to 777",
                  mode);
         return -EINVAL;
      }
      d->mode = (mode_t) value;
   }
   if (!(dir != NULL ? add_dir(d, dir, strlen(dir)) : add_default_dirs(d, shared))) {
      socket_dirs_free(d);
      snprintf(why, SOCKET_REASON_SIZE, "out of memory");
      return -ENOMEM;
   }
   return 0;
}

void socket_dirs_free(struct socket_dirs *d)
{
   for (uint32_t i = 0; i < d->n; i++) {
      free(d->dir[i]);
   }
   d->n = 0;
}

size_t socket_path(const struct socket_dirs *d, uint32_t i, const char *name, char path[SOCKET_PATH_SIZE])
{
   return (size_t) snprintf(path, SOCKET_PATH_SIZE, "%s/trap-%s.sock", d->dir[i], name);
}

/* ------------------------------------------------------------------------ lock */

struct name_lock {
   char path[SOCKET_PATH_SIZE + sizeof(".lock")];
   int fd;
};

/* Only while a name is taken or removed: a process that dies meanwhile leaves a file that the next one of the same user takes. */
static int lock_once(struct name_lock *l)
{
   struct stat file, name;
   l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
   if (l->fd < 0) {
      return -errno;
   }
   int rc = flock(l->fd, LOCK_EX | LOCK_NB) < 0 ? -EAGAIN : 0;
   if (rc == 0 && (fstat(l->fd, &file) < 0 || !S_ISREG(file.st_mode) || file.st_uid != geteuid())) {
      rc = -EPERM; /* another user put it there */
   }
   if (rc == 0 && (lstat(l->path, &name) < 0 || name.st_ino != file.st_ino || name.st_dev != file.st_dev)) {
      rc = -EAGAIN; /* its last holder has removed it */
   }
   if (rc != 0) {
      close(l->fd);
      l->fd = -1;
   }
   return rc;
}

static int lock_name(struct name_lock *l, const char *path)
{
   int rc = -EAGAIN;
   snprintf(l->path, sizeof(l->path), "%s.lock", path);
   for (int i = 0; rc == -EAGAIN && i < LOCK_TRIES; i++) {
      rc = lock_once(l);
      if (rc == -EAGAIN) {
         nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
      }
   }
   return rc;
}

static void unlock_name(struct name_lock *l)
{
   if (l->fd >= 0) {
      unlink(l->path);
      flock(l->fd, LOCK_UN); /* also for children that inherited the descriptor */
      close(l->fd);
      l->fd = -1;
   }
}

/* ---------------------------------------------------------------------- listen */

static struct sockaddr_un address_of(const char *path)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   memcpy(sun.sun_path, path, strnlen(path, sizeof(sun.sun_path) - 1));
   return sun;
}

int socket_connect_path(const char *path)
{
   if (strlen(path) >= SOCKET_PATH_SIZE) {
      return -ENAMETOOLONG;
   }
   struct sockaddr_un sun = address_of(path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (fd >= 0 && connect(fd, (const struct sockaddr *) &sun, sizeof(sun)) < 0) {
      int err = -errno;
      close(fd);
      return err;
   }
   return fd < 0 ? -errno : fd;
}

static int refuse(int err, char why[SOCKET_REASON_SIZE], const char *path, const char *reason)
{
   snprintf(why, SOCKET_REASON_SIZE, "socket '%s': %s", path, reason);
   return err;
}

static int in_use(int fd, const char *path, char why[SOCKET_REASON_SIZE])
{
   struct ucred cred = {.pid = 0};
   socklen_t length = sizeof(cred);
   char reason[64] = "in use by another process";
   if (fd >= 0) {
      if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0 && cred.pid > 0) {
         snprintf(reason, sizeof(reason), "in use by process %ld", (long) cred.pid);
      }
      close(fd);
   }
   return refuse(-EADDRINUSE, why, path, reason);
}

/* Removes what a process of this user left behind when it died. Called under the name's lock. */
static int clear_name(const char *path, char why[SOCKET_REASON_SIZE])
{
   struct stat st;
   char reason[96];
   if (lstat(path, &st) < 0) {
      return errno == ENOENT ? 0 : refuse(-errno, why, path, strerror(errno));
   }
   if (!S_ISSOCK(st.st_mode)) {
      return refuse(-EEXIST, why, path, "the file there is no socket");
   }
   int fd = socket_connect_path(path);
   if (fd >= 0 || fd == -EAGAIN) {
      return in_use(fd, path, why);
   }
   if (st.st_uid != geteuid()) {
      snprintf(reason, sizeof(reason), "it belongs to user %lu", (unsigned long) st.st_uid);
      return refuse(-EPERM, why, path, reason);
   }
   if (fd != -ECONNREFUSED) {
      return refuse(fd, why, path, strerror(-fd));
   }
   return unlink(path) == 0 ? 0 : refuse(-errno, why, path, strerror(errno));
}

static int set_access(const char *path, mode_t mode, const char *group, char why[SOCKET_REASON_SIZE])
{
   if (group != NULL) {
      const struct group *gr = getgrnam(group);
      if (gr == NULL) {
         snprintf(why, SOCKET_REASON_SIZE, "socket '%s': there is no group '%s'", path, group);
         return -ENOENT;
      }
      if (lchown(path, (uid_t) -1, gr->gr_gid) < 0) {
         snprintf(why, SOCKET_REASON_SIZE, "socket '%s': it cannot be given to group '%s': %s", path, group,
                  strerror(errno));
         return -EPERM;
      }
   }
   /* Without following links: in a directory of a group, others might exchange the socket. */
   return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0
              ? 0
              : refuse(-errno, why, path, strerror(errno));
}

/* Programs of NEMEA 2 look in the old directory; if the name is not free there, they do not find this sender. */
static void link_name(const struct socket_dirs *d, const char *name, struct socket_name *taken)
{
   struct stat st;
   char target[SOCKET_PATH_SIZE];
   uint32_t shared = d->n - 1;
   if (!d->has_shared || d->bind == shared ||
       socket_path(d, shared, name, taken->link) >= sizeof(taken->link)) {
      taken->link[0] = 0;
      return;
   }
   ssize_t n = readlink(taken->link, target, sizeof(target));
   if (n > 0 && (size_t) n == strlen(taken->path) && memcmp(target, taken->path, (size_t) n) == 0 &&
       lstat(taken->link, &st) == 0 && st.st_uid == geteuid()) {
      return; /* left by a sender that died */
   }
   if (symlink(taken->path, taken->link) < 0) {
      taken->link[0] = 0;
   }
}

/* Called under the name's lock. */
static int bind_name(int fd, mode_t mode, const char *group, int backlog, struct socket_name *taken,
                     char why[SOCKET_REASON_SIZE])
{
   struct sockaddr_un sun = address_of(taken->path);
   struct stat st;
   /* bind() gives the file the socket's mode: no other user can connect before the final mode is set. */
   if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *) &sun, sizeof(sun)) < 0) {
      return refuse(-errno, why, taken->path, strerror(errno));
   }
   int rc = lstat(taken->path, &st) < 0 ? refuse(-errno, why, taken->path, strerror(errno)) : 0;
   if (rc == 0) {
      taken->dev = st.st_dev;
      taken->ino = st.st_ino;
      rc = set_access(taken->path, mode, group, why);
   }
   if (rc == 0 && listen(fd, backlog) < 0) {
      rc = refuse(-errno, why, taken->path, strerror(errno));
   }
   if (rc != 0) {
      unlink(taken->path);
   }
   return rc;
}

int socket_listen(const struct socket_dirs *d, const char *name, mode_t mode, const char *group, int backlog,
                  struct socket_name *taken, char why[SOCKET_REASON_SIZE])
{
   struct name_lock lock = {.fd = -1};
   memset(taken, 0, sizeof(*taken));
   size_t length = socket_path(d, d->bind, name, taken->path);
   if (length >= sizeof(taken->path)) {
      taken->path[0] = 0;
      snprintf(why, SOCKET_REASON_SIZE, "the path of socket '%.100s' has %zu bytes, expected at most %zu",
               name, length, sizeof(taken->path) - 1);
      return -ENAMETOOLONG;
   }
   if (geteuid() == 0 && strcmp(d->dir[d->bind], SOCKET_RUN_DIR) == 0) {
      (void) mkdir(SOCKET_RUN_DIR,
                   0755); /* usually it is there; else the lock below fails, with the reason */
   }
   int fd = -1, rc = lock_name(&lock, taken->path);
   if (rc != 0) {
      rc = refuse(rc, why, taken->path, rc == -EAGAIN ? "another process is taking it" : strerror(-rc));
   } else {
      rc = clear_name(taken->path, why);
   }
   if (rc == 0) {
      fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      rc = fd < 0 ? refuse(-errno, why, taken->path, strerror(errno))
                  : bind_name(fd, mode, group, backlog, taken, why);
   }
   if (rc == 0) {
      link_name(d, name, taken);
   } else {
      taken->path[0] = 0;
      if (fd >= 0) {
         close(fd);
      }
   }
   unlock_name(&lock);
   return rc == 0 ? fd : rc;
}

void socket_release(struct socket_name *taken)
{
   struct name_lock lock = {.fd = -1};
   struct stat st;
   char target[SOCKET_PATH_SIZE];
   if (taken->path[0] == 0) {
      return;
   }
   (void) lock_name(&lock,
                    taken->path); /* without the lock, the checks below still protect files of others */
   if (lstat(taken->path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == taken->dev &&
       st.st_ino == taken->ino) {
      ssize_t n = taken->link[0] != 0 ? readlink(taken->link, target, sizeof(target)) : -1;
      if (n > 0 && (size_t) n == strlen(taken->path) && memcmp(target, taken->path, (size_t) n) == 0) {
         unlink(taken->link);
      }
      unlink(taken->path);
   }
   unlock_name(&lock);
   taken->path[0] = taken->link[0] = 0;
}

/* --------------------------------------------------------------------- connect */

/* Whether the peer is in the group of the directory, which decides who may put sockets there. */
static bool in_group_of(int fd, gid_t gid, const char *dir)
{
   gid_t groups[MAX_GROUPS];
   struct stat st;
   socklen_t length = sizeof(groups);
   if (stat(dir, &st) < 0 || (st.st_mode & S_IWOTH) != 0) {
      return false;
   }
   bool found = gid == st.st_gid;
#ifdef SO_PEERGROUPS
   if (!found && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0) {
      for (size_t i = 0; i < length / sizeof(groups[0]); i++) {
         found |= groups[i] == st.st_gid;
      }
   }
#endif
   return found;
}

/* \return 0, or -EPERM with a reason */
static int check_peer(const struct socket_dirs *d, uint32_t i, int fd, const char *path,
                      char why[SOCKET_REASON_SIZE])
{
   struct ucred cred;
   socklen_t length = sizeof(cred);
   bool shared = d->has_shared && i == d->n - 1;
   if ((d->mode & S_IWOTH) != 0) {
      return 0;
   }
   if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0) {
      return refuse(-errno, why, path, strerror(errno));
   }
   if (cred.uid == geteuid() || cred.uid == 0 || (!shared && in_group_of(fd, cred.gid, d->dir[i]))) {
      return 0;
   }
   snprintf(why, SOCKET_REASON_SIZE,
            "socket '%s': it belongs to user %lu, expected %s (TRAP_SOCKET_MODE=0666 "
            "accepts any)",
            path, (unsigned long) cred.uid,
            shared ? "the own user or root" : "the own user, root or a member of the directory's group");
   return -EPERM;
}

/* Which error to report if all directories failed: the largest. */
static int rank(int err)
{
   return err == -EPERM || err == -EACCES ? 3 : err == -ENOENT ? 1 : 2;
}

int socket_connect(const struct socket_dirs *d, const char *name, char why[SOCKET_REASON_SIZE])
{
   int worst = -ENOENT;
   char path[SOCKET_PATH_SIZE], reason[SOCKET_REASON_SIZE];
   why[0] = 0;
   for (uint32_t i = 0; i < d->n; i++) {
      if (socket_path(d, i, name, path) >= sizeof(path)) {
         continue;
      }
      int fd = socket_connect_path(path), rc = fd;
      if (fd >= 0) {
         rc = check_peer(d, i, fd, path, reason);
         if (rc == 0) {
            return fd;
         }
         close(fd);
      } else if (fd == -EACCES) {
         snprintf(reason, sizeof(reason),
                  "socket '%s': permission denied; its sender admits others with group=, mode= or "
                  "TRAP_SOCKET_MODE=0666",
                  path);
      } else {
         refuse(fd, reason, path, strerror(-fd));
      }
      if (why[0] == 0 || rank(rc) > rank(worst)) {
         worst = rc;
         memcpy(why, reason, sizeof(reason));
      }
   }
   return worst;
}
