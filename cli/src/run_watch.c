/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * nemea run while it runs: the supervisor is a child, started again when it dies; its modules go on meanwhile. What happens to
 * modules is told as it happens.
 */
#include "run.h"

#include "cli.h"
#include "programs.h"
#include "run_directory.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS      500        /* between two looks at the modules */
#define ANSWER_MS    2000       /* that the supervisor has to answer */
#define ANSWER_SIZE  (4u << 20) /* bytes of its answer at most */
#define FIRST_DELAY  1000       /* ms before a supervisor that died is started again, doubled each time */
#define LAST_DELAY   60000
#define HEALTHY_MS   60000 /* after which the delay begins anew */
#define SLOW_MS      15000 /* after which modules that are not ready are named */
#define EXIT_CONFIG  78    /* of the supervisor: its configuration is wrong */
#define EXIT_COMMAND 2

struct watch {
   struct run *r;
   int signals;
   pid_t supervisor;  /* 0: does not run */
   uint64_t started;  /* ms */
   uint64_t start_at; /* when it is to be started again */
   uint64_t delay;
   bool stopping, announced, slow_told, page_told;
   json_t *modules; /* what was told of each: {"restarts": N, "state": NAME} */
   char *answer;
};

static uint64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static void own_signals(sigset_t *set)
{
   static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
   sigemptyset(set);
   for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
      sigaddset(set, signals[i]);
   }
}

void run_block_signals(void)
{
   sigset_t set;
   own_signals(&set);
   sigprocmask(SIG_BLOCK, &set, NULL);
   signal(SIGPIPE, SIG_IGN);
}

/* A line on standard output, at once: it may be a log. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(stdout, "", format, ap);
   va_end(ap);
   fflush(stdout);
}

/* ------------------------------------------------------------------ supervisor */

/* Signals stay blocked: the supervisor waits for them itself, so that one that is sent before it does so is not lost. */
__attribute__((noreturn)) static void become_supervisor(const struct run *r, const char *program,
                                                        pid_t parent)
{
   char template[PATH_MAX], logs[PATH_MAX], control[PATH_MAX], state[PATH_MAX], sockets[PATH_MAX], limit[64];
   snprintf(template, sizeof(template), "%s/" STATE_CONFIG "/" RUN_TEMPLATE, r->state);
   snprintf(logs, sizeof(logs), "%s/logs", r->state);
   snprintf(control, sizeof(control), "%s/" STATE_CONTROL, r->state);
   snprintf(state, sizeof(state), "%s/supervisor", r->state);
   snprintf(sockets, sizeof(sockets), "%s/" STATE_RUN, r->state);
   snprintf(limit, sizeof(limit), "%llux%u", (unsigned long long) r->config.log_bytes, r->config.log_files);
   char *argv[] = {
       "supervisor", "--foreground", "-T",  template,        "-L", logs, "-s", control, "--state-dir",
       state,        "--log-limit",  limit, "--watchdog=60", NULL};
   setpgid(0, 0); /* a terminal's Ctrl-C is for nemea run, which ends it in order */
   prctl(PR_SET_PDEATHSIG, SIGTERM);
   setenv("TRAP_SOCKET_DIR", sockets, 1);
   unsetenv("STATE_DIRECTORY");
   if (getppid() == parent) {
      execv(program, argv);
   }
   cli_error("cannot start %s: %s", program, strerror(errno));
   _exit(127);
}

static bool start_supervisor(struct watch *w)
{
   char program[PATH_MAX];
   pid_t parent = getpid();
   if (!program_find("supervisor", program, sizeof(program))) {
      cli_error(
          "supervisor: program not found beside nemea (or in $NEMEA_BIN); it needs libxml2 when it is built");
      return false;
   }
   fflush(NULL);
   w->supervisor = fork();
   if (w->supervisor == 0) {
      become_supervisor(w->r, program, parent);
   }
   if (w->supervisor < 0) {
      w->supervisor = 0;
      cli_error("cannot start the supervisor: %s", strerror(errno));
      return false;
   }
   w->started = now_ms();
   if (w->stopping) {
      kill(w->supervisor, SIGTERM); /* it takes over the modules that are left, and stops them */
   }
   return true;
}

/* \return -1 to go on, else the exit status */
static int supervisor_ended(struct watch *w, int status)
{
   uint64_t now = now_ms();
   bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
   bool wrong =
       WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_CONFIG || WEXITSTATUS(status) == EXIT_COMMAND);
   w->supervisor = 0;
   if (wrong || (clean && w->stopping)) {
      return wrong ? CLI_MODULE : CLI_OK;
   }
   w->delay = now - w->started >= HEALTHY_MS || w->delay == 0 ? FIRST_DELAY
              : w->delay * 2 < LAST_DELAY                     ? w->delay * 2
                                                              : LAST_DELAY;
   w->start_at = w->stopping ? now : now + w->delay;
   if (WIFSIGNALED(status)) {
      say("the supervisor was ended by signal %d (%s); its modules go on, and it is started again",
          WTERMSIG(status), strsignal(WTERMSIG(status)));
   } else {
      say("the supervisor ended with status %d; it is started again", WEXITSTATUS(status));
   }
   return -1;
}

/* ------------------------------------------------------------------ its answers */

static int open_control(const struct run *r)
{
   struct sockaddr_un a = {.sun_family = AF_UNIX};
   struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
   snprintf(a.sun_path, sizeof(a.sun_path), "%s/" STATE_CONTROL, r->state);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
                   connect(fd, (struct sockaddr *) &a, sizeof(a)) != 0)) {
      close(fd);
      fd = -1;
   }
   return fd;
}

/* The states of all modules. \return NULL: it does not answer */
static json_t *ask_status(struct watch *w)
{
   static const char request[] = "{\"id\":1,\"command\":\"status\"}\n";
   size_t n = 0;
   int fd = open_control(w->r);
   if (fd < 0) {
      return NULL;
   }
   bool whole = false;
   if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t) sizeof(request) - 1) {
      ssize_t got = 1;
      while (!whole && (got > 0 || errno == EINTR) && n < ANSWER_SIZE) {
         errno = 0; /* with a timeout, recv() is interrupted also by SIGCONT */
         got = recv(fd, w->answer + n, ANSWER_SIZE - n, 0);
         whole = got > 0 && memchr(w->answer + n, '\n', (size_t) got) != NULL;
         n += got > 0 ? (size_t) got : 0;
      }
   }
   close(fd);
   json_t *answer = whole ? json_loadb(w->answer, n, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
   json_t *list = json_incref(json_object_get(answer, "result"));
   json_decref(answer);
   return list;
}

/* ------------------------------------------------------------------ what is told */

static void tell_restart(const char *name, const json_t *m)
{
   const json_t *last = json_object_get(m, "last_exit"), *number = json_object_get(last, "signal");
   if (number != NULL) {
      int n = (int) json_integer_value(number);
      say("%s was ended by signal %d (%s), and is started again", name, n, strsignal(n));
   } else if ((number = json_object_get(last, "status")) != NULL) {
      say("%s ended with status %d, and is started again; its messages: logs/modules_logs/%s_stderr", name,
          (int) json_integer_value(number), name);
   } else {
      say("%s ended, and is started again", name);
   }
}

/* What is new of a module. */
static void tell_module(struct watch *w, const json_t *m)
{
   const char *name = json_string_value(json_object_get(m, "name")),
              *state = json_string_value(json_object_get(m, "state"));
   if (name == NULL || state == NULL) {
      return;
   }
   json_int_t restarts = json_integer_value(json_object_get(m, "restarts"));
   json_t *before = json_object_get(w->modules, name);
   const char *old = json_string_value(json_object_get(before, "state"));
   bool ended = old != NULL && strcmp(old, state) != 0 && json_integer_value(json_object_get(m, "pid")) == 0;
   if (ended && strcmp(state, "backoff") == 0) {
      tell_restart(name, m);
   } else if (ended && strcmp(state, "finished") == 0) {
      say("%s has read all of its input; the deployment goes on (Ctrl-C ends it)", name);
   } else if (ended && strcmp(state, "failed") == 0) {
      say("%s failed; its messages: logs/modules_logs/%s_stderr", name, name);
   }
   json_object_set_new(w->modules, name, json_pack("{s:I,s:s}", "restarts", restarts, "state", state));
}

static bool is_up(const json_t *m)
{
   static const char *const states[] = {"ready", "running", "finished"};
   const char *state = json_string_value(json_object_get(m, "state"));
   for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
      if (strcmp(state, states[i]) == 0) {
         return true;
      }
   }
   return false;
}

/* The address that the page prints when it starts, with a token that is new each time. */
static bool page_address(const struct run *r, char *to, size_t size)
{
   char path[PATH_MAX], line[1024];
   bool found = false;
   snprintf(path, sizeof(path), "%s/logs/modules_logs/nemea_page_stdout", r->state);
   FILE *f = fopen(path, "re");
   while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
      if (strncmp(line, "--->", 4) == 0) {
         found = false; /* of a run before */
      }
      const char *http = strncmp(line, "http", 4) == 0 ? line : strstr(line, " http");
      if (http != NULL && strstr(http, "://") != NULL) {
         http += *http == ' ';
         snprintf(to, size, "%.*s", (int) strcspn(http, " \r\n"), http);
         found = true;
      }
   }
   if (f != NULL) {
      fclose(f);
   }
   return found;
}

static void tell_page(struct watch *w)
{
   char address[512];
   if (!w->page_told && w->r->plan.page && page_address(w->r, address, sizeof(address))) {
      w->page_told = true;
      say("page: %s", address);
   }
}

static void tell_slow(struct watch *w, const json_t *list)
{
   char names[1024] = "";
   size_t i, n = 0;
   const json_t *m;
   json_array_foreach(list, i, m)
   {
      if (!is_up(m) && n < sizeof(names)) {
         n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "",
                                json_string_value(json_object_get(m, "name")));
      }
   }
   w->slow_told = true;
   say("not ready yet: %s; messages of modules are in %s/logs/modules_logs", names, w->r->state);
}

static void look(struct watch *w)
{
   json_t *list = ask_status(w);
   size_t i, up = 0;
   json_t *m;
   json_array_foreach(list, i, m)
   {
      tell_module(w, m);
      up += is_up(m);
   }
   if (!w->announced && json_array_size(list) > 0 && up == json_array_size(list)) {
      w->announced = true;
      say("ready: %zu modules run", up);
   }
   if (!w->announced && !w->slow_told && list != NULL && now_ms() - w->started > SLOW_MS) {
      tell_slow(w, list);
   }
   json_decref(list);
   tell_page(w);
}

static void tell_sources(const struct run *r)
{
   static const char *const kinds[] = {"interface", "flow records on port", "replay of"};
   for (unsigned i = 0; i < r->config.n_sources; i++) {
      say("source: %s %s", kinds[r->config.sources[i].kind], r->config.sources[i].value);
   }
}

static void tell_start(const struct run *r)
{
   char option[RUN_PATH + 16] = "", names[2048] = "";
   size_t n = 0;
   unsigned detectors = 0;
   if (r->named) {
      snprintf(option, sizeof(option), " --state-dir %s", r->state);
   }
   for (unsigned i = 0; i < r->plan.n; i++) {
      if (r->plan.modules[i].profile == RUN_DETECTION && n < sizeof(names)) {
         n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s", detectors > 0 ? ", " : "",
                                r->plan.modules[i].name);
         detectors++;
      }
   }
   tell_sources(r);
   say("detectors: %s", names);
   if (*r->plan.not_run != 0) {
      printf("not run:\n%s", r->plan.not_run);
   }
   bool whole = r->config.events_mb % 1000 == 0;
   say("kept in %s: flows %s, events %ud/%u%s", r->state, r->config.flows, r->config.events_days,
       whole ? r->config.events_mb / 1000 : r->config.events_mb, whole ? "GB" : "MB");
   say("look at it: nemea alerts%s; nemea flows --archive%s; supcli -s %s/" STATE_CONTROL " status", option,
       option, r->state);
   if (!r->plan.page) {
      say("page: none, since nemea_page is not installed");
   }
}

/* ------------------------------------------------------------------------- loop */

static void stop(struct watch *w)
{
   if (w->stopping) {
      return;
   }
   w->stopping = true;
   say("ending: the modules are stopped");
   if (w->supervisor > 0) {
      kill(w->supervisor, SIGTERM);
   } else {
      w->start_at = now_ms();
   }
}

static void reload(struct watch *w)
{
   if (run_prepare(w->r) && w->supervisor > 0) {
      kill(w->supervisor, SIGHUP);
      say("the configuration was read again: %u modules", w->r->plan.n);
   }
}

/* Modules of a supervisor that was killed are children of this process. \return -1 to go on, else the exit status */
static int reap(struct watch *w)
{
   int status, rc = -1;
   for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == w->supervisor) {
         rc = supervisor_ended(w, status);
      }
   }
   return rc;
}

static int handle_signal(struct watch *w)
{
   struct signalfd_siginfo info;
   int rc = -1;
   while (rc < 0 && read(w->signals, &info, sizeof(info)) == sizeof(info)) {
      switch (info.ssi_signo) {
      case SIGCHLD: rc = reap(w); break;
      case SIGHUP: reload(w); break;
      default: stop(w); break;
      }
   }
   return rc;
}

static int loop(struct watch *w)
{
   int rc = -1;
   while (rc < 0) {
      if (w->supervisor == 0 && now_ms() >= w->start_at && !start_supervisor(w)) {
         return CLI_MODULE;
      }
      struct pollfd p = {.fd = w->signals, .events = POLLIN};
      if (poll(&p, 1, LOOK_MS) > 0) {
         rc = handle_signal(w);
      } else if (w->supervisor > 0 && !w->stopping) {
         look(w);
      }
   }
   return rc;
}

int run_watch(struct run *r)
{
   struct watch w = {.r = r, .modules = json_object(), .answer = malloc(ANSWER_SIZE)};
   sigset_t set;
   own_signals(&set);
   w.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
   int status = CLI_MODULE;
   if (w.signals < 0 || w.modules == NULL || w.answer == NULL) {
      cli_error("cannot start: %s", strerror(errno));
   } else {
      prctl(PR_SET_CHILD_SUBREAPER, 1);
      tell_start(r);
      status = loop(&w);
   }
   if (status == CLI_OK) { /* nothing runs any more; what was killed has left its sockets */
      char sockets[PATH_MAX];
      snprintf(sockets, sizeof(sockets), "%s/" STATE_RUN, r->state);
      run_directory_remove(sockets);
   }
   if (w.signals >= 0) {
      close(w.signals);
   }
   json_decref(w.modules);
   free(w.answer);
   return status;
}
