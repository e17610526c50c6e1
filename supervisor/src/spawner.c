/* SPDX-License-Identifier: BSD-3-Clause */
/** The supervisor's side of its spawner: started by root, it leaves to nemea_spawner what only root can do, and is root no more. */
#include "daemon.h"
#include "spawn_message.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET   3
#define PATIENCE 30000 /* ms for an answer */

/* Beside this program, as in the build tree and where it is installed. */
static bool program_path(char path[PATH_MAX])
{
   static const char name[] = "nemea_spawner";
   ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name) - 1);
   if (n <= 0) {
      return false;
   }
   path[n] = 0;
   memcpy(strrchr(path, '/') + 1, name, sizeof(name));
   return true;
}

__attribute__((noreturn)) static void become_spawner(const struct daemon *d, const char *path, int fd)
{
   int null = open("/dev/null", O_RDWR | O_CLOEXEC);
   for (int i = 0; i < 3; i++) {
      (void) dup2(null, i);
   }
   if (fd == SOCKET ? fcntl(fd, F_SETFD, 0) != 0 : dup2(fd, SOCKET) < 0) {
      _exit(EXIT_FAILURE);
   }
   (void) execl(path, "nemea_spawner", d->template, d->user, d->sandbox == SANDBOX_OFF ? "off" : "on",
                (char *) NULL);
   _exit(127);
}

/* A directory that is not there becomes the user's. One that cannot be made is reported where it is needed. */
static bool give_directory(const char *path, mode_t mode, const struct passwd *pw)
{
   if (mkdir(path, mode) != 0 || lchown(path, pw->pw_uid, pw->pw_gid) == 0) {
      return true;
   }
   fprintf(stderr, "supervisor: cannot give the directory %s to the user %s: %s\n", path, pw->pw_name,
           strerror(errno));
   (void) rmdir(path);
   return false;
}

static bool give_directories(const struct daemon *d, const struct passwd *pw)
{
   char directory[PATH_MAX];
   bool ok = give_directory(d->state_dir, 0700, pw);
   (void) snprintf(directory, sizeof(directory), "%s", d->socket);
   char *slash = strrchr(directory, '/');
   if (slash != NULL && slash != directory) {
      *slash = 0;
      ok = give_directory(directory, 0755, pw) && ok;
   }
   return ok;
}

static bool drop_root(const struct passwd *pw)
{
   return initgroups(pw->pw_name, pw->pw_gid) == 0 && setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
          setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
          setresuid(0, 0, 0) != 0;
}

const struct passwd *spawner_user(const char *name)
{
   const struct passwd *pw = getpwnam(name);
   bool good = pw != NULL && pw->pw_uid != 0 && pw->pw_gid != 0;
   if (!good) {
      fprintf(stderr, "supervisor: --user=%s: %s\n", name,
              pw == NULL ? "no such user" : "expected a user without root's rights");
   }
   return good ? pw : NULL;
}

bool spawner_start(struct daemon *d)
{
   char path[PATH_MAX];
   int pair[2];
   d->spawner.fd = -1;
   if (d->user == NULL) {
      return true;
   }
   const struct passwd *pw = spawner_user(d->user);
   if (pw == NULL) {
      return false;
   }
   if (!program_path(path) || access(path, X_OK) != 0 ||
       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
      fprintf(stderr, "supervisor: cannot start nemea_spawner: %s\n", strerror(errno));
      return false;
   }
   d->spawner_pid = fork();
   if (d->spawner_pid == 0) {
      become_spawner(d, path, pair[1]);
   }
   close(pair[1]);
   d->spawner.fd = pair[0];
   cgroup_give(pw->pw_uid, pw->pw_gid, d->spawner_pid > 0 ? d->spawner_pid : 0);
   if (!give_directories(d, pw)) {
      return false;
   }
   if (d->spawner_pid < 0 || !drop_root(pw)) {
      fprintf(stderr, "supervisor: cannot become the user %s: %s\n", d->user, strerror(errno));
      return false;
   }
   return true;
}

/* --------------------------------------------------------------------------- messages */

static bool send_request(struct daemon *d, const struct spawn_request *r, const int *fds, size_t n)
{
   union {
      char bytes[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
      struct cmsghdr align;
   } control = {0};
   struct iovec part = {.iov_base = (void *) r, .iov_len = sizeof(*r)};
   struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
   if (n > 0) {
      m.msg_control = control.bytes;
      m.msg_controllen = CMSG_SPACE(n * sizeof(int));
      struct cmsghdr *c = CMSG_FIRSTHDR(&m);
      *c = (struct cmsghdr){
          .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
      memcpy(CMSG_DATA(c), fds, n * sizeof(int));
   }
   return sendmsg(d->spawner.fd, &m, MSG_NOSIGNAL) == (ssize_t) sizeof(*r);
}

/* \param fd gets a descriptor that came with it, or -1 \return false: nothing to be read, or the spawner is gone */
static bool receive(struct daemon *d, struct spawn_answer *a, int *fd, int flags)
{
   union {
      char bytes[CMSG_SPACE(sizeof(int))];
      struct cmsghdr align;
   } control;
   struct iovec part = {.iov_base = a, .iov_len = sizeof(*a)};
   struct msghdr m = {.msg_iov = &part,
                      .msg_iovlen = 1,
                      .msg_control = control.bytes,
                      .msg_controllen = sizeof(control.bytes)};
   ssize_t n;
   *fd = -1;
   do {
      n = recvmsg(d->spawner.fd, &m, MSG_CMSG_CLOEXEC | flags);
   } while (n < 0 && errno == EINTR);
   if (n <= 0) {
      return false;
   }
   struct cmsghdr *c = CMSG_FIRSTHDR(&m);
   if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      memcpy(fd, CMSG_DATA(c), sizeof(*fd));
   }
   return spawn_answer_ok(a, (size_t) n);
}

/* Ends are taken into account later: what waits for an answer is in the middle of the table of modules. */
static void note_end(struct daemon *d, const struct spawn_answer *a)
{
   struct spawner_end *grown = reallocarray(d->ends, d->n_ends + 1, sizeof(*grown));
   if (grown != NULL) {
      d->ends = grown;
      d->ends[d->n_ends++] = (struct spawner_end){.pid = a->pid, .status = a->status};
   }
}

void spawner_reap(struct daemon *d)
{
   for (uint32_t k = 0; k < d->n_ends; k++) {
      for (uint32_t i = 0; i < d->n_modules; i++) {
         struct module *m = d->modules[i];
         if (m->pid == d->ends[k].pid && m->plan.alive && !m->adopted) {
            module_ended(d, m, d->ends[k].status);
            break;
         }
      }
   }
   d->n_ends = 0;
}

void spawner_lost(struct daemon *d)
{
   if (!d->spawner_lost) {
      d->spawner_lost = d->leaving = true;
      journal_log(d, "ERROR", "nemea_spawner has ended, so the supervisor ends, too; modules go on.");
   }
}

static void spawner_ready(struct daemon *d, struct source *source, uint32_t events)
{
   struct spawn_answer a;
   int fd;
   while (receive(d, &a, &fd, MSG_DONTWAIT)) {
      if (a.type == SPAWN_ENDED) {
         note_end(d, &a);
      }
      if (fd >= 0) {
         close(fd);
      }
   }
   if (events & EPOLLHUP) {
      loop_close(d, &d->spawner);
      spawner_lost(d);
   }
}

bool spawner_watch(struct daemon *d)
{
   d->spawner.ready = spawner_ready;
   return d->spawner.fd < 0 || loop_add(d, &d->spawner, EPOLLIN);
}

/* \param pidfd gets the process's, if not NULL \return false: why */
static bool ask(struct daemon *d, const struct spawn_request *r, const int *fds, size_t n,
                struct spawn_answer *a, int *pidfd)
{
   int fd = -1;
   struct pollfd p = {.fd = d->spawner.fd, .events = POLLIN};
   bool ok = send_request(d, r, fds, n);
   while (ok) {
      ok = poll(&p, 1, PATIENCE) > 0 && receive(d, a, &fd, 0);
      if (ok && a->type == SPAWN_ANSWER) {
         break;
      }
      if (ok) {
         note_end(d, a);
      }
   }
   if (!ok) {
      (void) snprintf(a->why, sizeof(a->why), "nemea_spawner does not answer");
      spawner_lost(d);
   }
   if (pidfd != NULL) {
      *pidfd = fd;
   } else if (fd >= 0) {
      close(fd);
   }
   return ok && a->status == 0;
}

bool spawner_load(struct daemon *d, const struct config *c, char *why, size_t size)
{
   struct spawn_answer a;
   const struct spawn_request r = {
       .magic = SPAWN_MAGIC, .type = SPAWN_LOAD, .fingerprint = spawn_fingerprint(c->text, c->length)};
   if (d->spawner_pid == 0 || ask(d, &r, NULL, 0, &a, NULL)) {
      return true;
   }
   (void) snprintf(why, size, "%s", a.why);
   return false;
}

pid_t spawner_spawn(struct daemon *d, struct module *m, int out, int err, int gate, char *why, size_t size)
{
   struct spawn_answer a;
   struct spawn_request r = {.magic = SPAWN_MAGIC, .type = SPAWN_START};
   const int fds[SPAWN_FDS] = {out, err, gate};
   if (strlen(m->name) >= sizeof(r.name)) {
      (void) snprintf(why, size, "its name is longer than %zu bytes", sizeof(r.name) - 1);
      return -1;
   }
   memcpy(r.name, m->name, strlen(m->name));
   if (!ask(d, &r, fds, SPAWN_FDS, &a, &m->pidfd.fd)) {
      (void) snprintf(why, size, "%s", a.why);
      return -1;
   }
   return a.pid;
}

bool spawner_signal(struct daemon *d, const struct module *m, int signal)
{
   struct spawn_answer a;
   const struct spawn_request r = {.magic = SPAWN_MAGIC,
                                   .type = SPAWN_SIGNAL,
                                   .pid = m->pid,
                                   .start_time = m->start_time,
                                   .signal = signal};
   if (m->start_time != 0 && !ask(d, &r, NULL, 0, &a, NULL)) {
      journal_log(d, "ERROR", "Module %s (PID: %d) cannot be signalled: %s", m->name, (int) m->pid, a.why);
      return false;
   }
   return m->start_time != 0;
}
