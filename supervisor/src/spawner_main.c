/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * nemea_spawner: the part of the supervisor that stays root. It starts the modules of a configuration that only root can change, each as
 * its user and never as root, and signals them. The supervisor asks for that by name, and may have been taken over: nothing that it says
 * makes another program start, another user's process end or a file be opened.
 *
 *     nemea_spawner TEMPLATE USER on|off      with the socket of spawn_message.h as descriptor 3; the last word is that of the sandbox
 *
 * It ends with the supervisor; modules go on.
 */
#include "launch.h"
#include "spawn_message.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET      3
#define ROOM        (SPAWN_FDS + 1) /* for descriptors, so that too many are seen as such */
#define PIDFD_GROUP 4u              /* PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9 */

struct child {
   char *name;
   pid_t pid;
};

struct spawner {
   const char *template, *user;
   gid_t group; /* of the user: what all modules are in */
   bool no_sandbox;
   struct config *now, *before; /* the configuration, and the one to which a reload may be rolled back */
   uint64_t now_text, before_text;
   struct socket_dirs dirs;
   struct child
       *children; /* at most one of each name in now and before, but for those that a reload has removed */
   uint32_t n_children;
};

/* -------------------------------------------------------------------------- answers */

/* The supervisor is gone when it cannot be told: there is nothing left to do. */
static void tell(const struct spawn_answer *a, int fd)
{
   union {
      char bytes[CMSG_SPACE(sizeof(int))];
      struct cmsghdr align;
   } control = {0};
   struct iovec part = {.iov_base = (void *) a, .iov_len = sizeof(*a)};
   struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
   if (fd >= 0) {
      m.msg_control = control.bytes;
      m.msg_controllen = sizeof(control.bytes);
      struct cmsghdr *c = CMSG_FIRSTHDR(&m);
      *c = (struct cmsghdr){
          .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
      memcpy(CMSG_DATA(c), &fd, sizeof(fd));
   }
   ssize_t n;
   do {
      n = sendmsg(SOCKET, &m, MSG_NOSIGNAL);
   } while (n < 0 && errno == EINTR);
   if (n < 0) {
      exit(EXIT_SUCCESS);
   }
}

static void answer(const char *why)
{
   struct spawn_answer a = {.magic = SPAWN_MAGIC, .type = SPAWN_ANSWER, .status = *why != 0 ? -1 : 0};
   (void) snprintf(a.why, sizeof(a.why), "%s", why);
   tell(&a, -1);
}

/* --------------------------------------------------------------------- configuration */

static bool files_are_roots(const struct config *c, char *why, size_t size)
{
   for (uint32_t i = 0; i < c->n_files; i++) {
      if (!trusted_path(c->files[i], why, size)) {
         return false;
      }
   }
   return true;
}

static void load(struct spawner *s, uint64_t fingerprint, char *why, size_t size)
{
   if (s->now != NULL && fingerprint == s->now_text) {
      return;
   }
   if (s->before != NULL && fingerprint == s->before_text) {
      struct config *c = s->now;
      s->before_text = s->now_text;
      s->now = s->before;
      s->now_text = fingerprint;
      s->before = c;
      return;
   }
   if (!trusted_path(s->template, why, size)) {
      return;
   }
   struct config *c = config_load_if(s->template, files_are_roots);
   if (c == NULL || c->n_errors > 0) {
      (void) snprintf(why, size, "%s", c != NULL && c->n_problems > 0 ? c->problems[0].text : "no memory");
   } else if (spawn_fingerprint(c->text, c->length) != fingerprint) {
      (void) snprintf(why, size, "the configuration changed while it was read, reload it again");
   } else {
      config_free(s->before);
      s->before = s->now;
      s->before_text = s->now_text;
      s->now = c;
      s->now_text = fingerprint;
      return;
   }
   config_free(c);
}

/* ----------------------------------------------------------------------------- start */

static struct child *child_of(const struct spawner *s, const char *name, pid_t pid)
{
   for (uint32_t i = 0; i < s->n_children; i++) {
      if (name != NULL ? strcmp(s->children[i].name, name) == 0 : s->children[i].pid == pid) {
         return &s->children[i];
      }
   }
   return NULL;
}

/* Logs and a pipe, and nothing else that a program could be given to read or to write. */
static bool descriptors_ok(const int fds[SPAWN_FDS])
{
   static const mode_t kinds[SPAWN_FDS] = {S_IFREG, S_IFREG, S_IFIFO};
   static const int access[SPAWN_FDS] = {O_WRONLY, O_WRONLY, O_RDONLY};
   for (size_t i = 0; i < SPAWN_FDS; i++) {
      struct stat st;
      int flags = fcntl(fds[i], F_GETFL);
      if (flags < 0 || (flags & O_ACCMODE) != access[i] || fstat(fds[i], &st) != 0 ||
          (st.st_mode & S_IFMT) != kinds[i]) {
         return false;
      }
   }
   return true;
}

static pid_t fork_module(const struct launch *l)
{
   pid_t pid = fork();
   if (pid == 0) {
      struct launch own = *l;
      own.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
      launch_become(&own);
   }
   return pid;
}

static pid_t launch(const struct spawner *s, const struct config_module *m, const int fds[SPAWN_FDS],
                    char *why, size_t size)
{
   char program[PATH_MAX];
   struct launch_user user;
   if (!trusted_find(m->path, program, sizeof(program))) {
      (void) snprintf(why, size, "there is no program %.200s", m->path);
      return -1;
   }
   if (!trusted_path(program, why, size) || launch_user_of(&m->options, s->user, &user, why, size) != 1) {
      return -1;
   }
   char **argv = config_command(m, why, size);
   if (argv == NULL) {
      return -1;
   }
   const struct launch l = {.path = program,
                            .argv = argv,
                            .options = &m->options,
                            .sandbox = launch_sandbox(s->no_sandbox, program, argv, &m->options),
                            .dirs = &s->dirs,
                            .user = &user,
                            .out = fds[0],
                            .err = fds[1],
                            .gate = fds[2],
                            .limit_data = m->options.memory > 0};
   pid_t pid = fork_module(&l);
   if (pid < 0) {
      (void) snprintf(why, size, "%s", strerror(errno));
   }
   config_command_free(argv);
   return pid;
}

static void start(struct spawner *s, const char *name, const int fds[SPAWN_FDS])
{
   char why[512] = "";
   struct spawn_answer a = {.magic = SPAWN_MAGIC, .type = SPAWN_ANSWER};
   const struct config_module *m = s->now != NULL ? config_find(s->now, name) : NULL;
   struct child *grown = NULL;
   char *copy = NULL;
   if (m == NULL) {
      (void) snprintf(why, sizeof(why), "the configuration has no module of that name");
   } else if (!descriptors_ok(fds)) {
      (void) snprintf(why, sizeof(why), "expected two log files and a pipe");
   } else if (child_of(s, name, 0) != NULL) {
      (void) snprintf(why, sizeof(why), "it runs already");
   } else if ((grown = reallocarray(s->children, s->n_children + 1, sizeof(*grown))) == NULL ||
              (s->children = grown, copy = strdup(name)) == NULL) {
      (void) snprintf(why, sizeof(why), "no memory");
   } else if ((a.pid = launch(s, m, fds, why, sizeof(why))) > 0) {
      s->children[s->n_children++] = (struct child){.name = copy, .pid = a.pid};
      int fd = (int) syscall(SYS_pidfd_open, a.pid, 0);
      tell(&a, fd);
      if (fd >= 0) {
         close(fd);
      }
      return;
   }
   free(copy);
   answer(why);
}

/* ---------------------------------------------------------------------------- signals */

static uint64_t start_time(pid_t pid)
{
   char path[64], text[1024], *p, *rest = NULL;
   (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
   FILE *f = fopen(path, "re");
   size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
   if (f != NULL) {
      (void) fclose(f);
   }
   text[n] = 0;
   p = strrchr(text, ')'); /* the name before may hold anything */
   p = p != NULL && p[1] != 0 ? strtok_r(p + 2, " ", &rest) : NULL;
   for (int field = 3; p != NULL && field < 22; field++) {
      p = strtok_r(NULL, " ", &rest);
   }
   return p != NULL ? strtoull(p, NULL, 10) : 0;
}

static bool has_group(const char *list, gid_t group)
{
   char *end;
   for (const char *p = list;; p = end) {
      unsigned long gid = strtoul(p, &end, 10);
      if (end == p) {
         return false;
      }
      if (gid == group) {
         return true;
      }
   }
}

/* Whether a process that is no child of this one was started by an earlier spawner. That is what the kernel says of all modules and
 * of hardly any other process: not root, in the group of the service, without new privileges, and leader of its session. */
static bool is_module(const struct spawner *s, pid_t pid)
{
   char path[64], line[4096];
   bool user = false, group = false, no_new_privileges = false;
   (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
   FILE *f = fopen(path, "re");
   while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
      unsigned id[4];
      if (sscanf(line, "Uid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) == 4) {
         user = id[0] != 0 && id[1] != 0 && id[2] != 0 && id[3] != 0;
      } else if (strncmp(line, "Gid:", 4) == 0) {
         group |= has_group(line + 4, s->group);
      } else if (strncmp(line, "Groups:", 7) == 0) {
         group |= has_group(line + 7, s->group);
      } else if (strncmp(line, "NoNewPrivs:\t1", 13) == 0) {
         no_new_privileges = true;
      }
   }
   if (f != NULL) {
      (void) fclose(f);
   }
   return user && group && no_new_privileges && getsid(pid) == pid;
}

static bool send_signal(pid_t pid, int fd, int signal)
{
   if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, PIDFD_GROUP) == 0) {
      return true;
   }
   if (errno == EINVAL && kill(-pid, signal) == 0) { /* an older kernel */
      return true;
   }
   return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0; /* before setsid() there is no group */
}

static void signal_module(const struct spawner *s, const struct spawn_request *r)
{
   int fd = (int) syscall(SYS_pidfd_open, r->pid, 0);
   if (fd < 0 || start_time(r->pid) != r->start_time) {
      answer("there is no such process");
   } else if (child_of(s, NULL, r->pid) == NULL && !is_module(s, r->pid)) {
      answer("it is no module");
   } else {
      answer(send_signal(r->pid, fd, r->signal) ? "" : strerror(errno));
   }
   if (fd >= 0) {
      close(fd);
   }
}

static void reap(struct spawner *s)
{
   struct spawn_answer a = {.magic = SPAWN_MAGIC, .type = SPAWN_ENDED};
   while ((a.pid = waitpid(-1, &a.status, WNOHANG)) > 0) {
      struct child *c = child_of(s, NULL, a.pid);
      if (c != NULL) {
         free(c->name);
         *c = s->children[--s->n_children];
      }
      tell(&a, -1);
   }
}

/* ------------------------------------------------------------------------------- main */

/* \return how many descriptors came, -1: the supervisor is gone */
static int receive(struct spawn_request *r, ssize_t *size, int fds[ROOM])
{
   union {
      char bytes[CMSG_SPACE(ROOM * sizeof(int))];
      struct cmsghdr align;
   } control;
   struct iovec part = {.iov_base = r, .iov_len = sizeof(*r)};
   struct msghdr m = {.msg_iov = &part,
                      .msg_iovlen = 1,
                      .msg_control = control.bytes,
                      .msg_controllen = sizeof(control.bytes)};
   int n = 0;
   do {
      *size = recvmsg(SOCKET, &m, MSG_CMSG_CLOEXEC);
   } while (*size < 0 && errno == EINTR);
   if (*size <= 0) {
      return -1;
   }
   for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
      size_t came = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
                        ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int)
                        : 0;
      for (size_t i = 0; i < came; i++) { /* alignment makes room for one more than a request has */
         int fd;
         memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
         if (n < ROOM) {
            fds[n++] = fd;
         } else {
            close(fd);
         }
      }
   }
   if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
      *size = 0; /* no request */
   }
   return n;
}

static bool serve(struct spawner *s)
{
   struct spawn_request r = {0};
   int fds[ROOM];
   ssize_t size;
   char why[512] = "";
   int n = receive(&r, &size, fds);
   if (n < 0) {
      return false;
   }
   if (!spawn_request_ok(&r, (size_t) size, (size_t) n)) {
      answer("that is no request");
   } else if (r.type == SPAWN_LOAD) {
      load(s, r.fingerprint, why, sizeof(why));
      answer(why);
   } else if (r.type == SPAWN_START) {
      start(s, r.name, fds);
   } else {
      signal_module(s, &r);
   }
   for (int i = 0; i < n; i++) {
      close(fds[i]);
   }
   return true;
}

/* What becoming a user, limits and signals need. */
static bool drop_capabilities(void)
{
   const uint64_t keep = 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SETPCAP | 1ull << CAP_KILL |
                         1ull << CAP_NET_RAW | 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_BIND_SERVICE |
                         1ull << CAP_SYS_NICE | 1ull << CAP_SYS_RESOURCE;
   struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
   struct __user_cap_data_struct data[2];
   if (syscall(SYS_capget, &header, data) != 0) {
      return false;
   }
   for (int i = 0; i < 2; i++) {
      data[i].effective &= (uint32_t) (keep >> 32 * i);
      data[i].permitted &= (uint32_t) (keep >> 32 * i);
      data[i].inheritable = 0;
   }
   return syscall(SYS_capset, &header, data) == 0;
}

static int begin(struct spawner *s)
{
   char why[SOCKET_REASON_SIZE];
   const struct passwd *pw = getpwnam(s->user);
   sigset_t all, set;
   if (geteuid() != 0 || pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0) {
      return -1;
   }
   s->group = pw->pw_gid;
   (void) close_range(SOCKET + 1, ~0U, 0);
   (void) umask(0027);
   /* Blocked rather than ignored: what is sent to a module before its program begins is not lost. */
   (void) sigfillset(&all);
   (void) sigprocmask(SIG_SETMASK, &all, NULL);
   (void) sigemptyset(&set);
   (void) sigaddset(&set, SIGCHLD);
   if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
       !drop_capabilities() || socket_dirs_init(&s->dirs, DEFAULT_SOCKET_DIR, why) != 0) {
      return -1;
   }
   return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
   struct spawner s = {0};
   if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
      (void) puts("usage: nemea_spawner TEMPLATE USER on|off\n\n"
                  "The part of the supervisor that stays root (supervisor --user). The supervisor starts it, "
                  "with a socket as "
                  "descriptor 3;\nthe last word says whether modules are in a sandbox. It starts and signals "
                  "modules of a "
                  "configuration that only root can\nchange, and ends with the supervisor.\n\n"
                  "  -h, --help  print this help");
      return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (argc != 4 || (strcmp(argv[3], "on") != 0 && strcmp(argv[3], "off") != 0)) {
      (void) fputs("nemea_spawner: the supervisor starts it\n", stderr);
      return 2;
   }
   s.template = argv[1];
   s.user = argv[2];
   s.no_sandbox = strcmp(argv[3], "off") == 0;
   struct pollfd p[2] = {{.fd = SOCKET, .events = POLLIN}, {.fd = begin(&s), .events = POLLIN}};
   if (p[1].fd < 0) {
      return EXIT_FAILURE;
   }
   for (;;) {
      struct signalfd_siginfo info;
      if (poll(p, 2, -1) < 0 && errno != EINTR) {
         return EXIT_FAILURE;
      }
      if (p[1].revents != 0) {
         while (read(p[1].fd, &info, sizeof(info)) > 0) {
         }
         reap(&s);
      }
      if (p[0].revents != 0 && !serve(&s)) {
         return EXIT_SUCCESS;
      }
   }
}
