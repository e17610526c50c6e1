/* SPDX-License-Identifier: BSD-3-Clause */
#include "process.h"
#include "cli.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOP_DEADLINE_MS 3000

/* ------------------------------------------------------------------- starting */

static void child_setup(int errors, int report)
{
   /* A terminal's Ctrl-C is for nemea, which stops the pipeline in order; children never outlive it. */
   setpgid(0, 0);
   prctl(PR_SET_PDEATHSIG, SIGKILL);
   int null = open("/dev/null", O_RDWR | O_CLOEXEC);
   if (isatty(STDIN_FILENO)) {
      dup2(null, STDIN_FILENO);
   }
   dup2(null, STDOUT_FILENO);
   dup2(errors, STDERR_FILENO);
   if (report >= 0) {
      int copy = fcntl(report, F_DUPFD_CLOEXEC, PROCESS_REPORT + 1);
      dup2(copy, PROCESS_REPORT);
      close(copy);
   }
   signal(SIGINT, SIG_DFL);
   signal(SIGTERM, SIG_DFL);
   signal(SIGPIPE, SIG_DFL);
}

/* Forks. \return 1 in the child, 0 in the parent, -1 with errno */
static int begin(struct process *p, const char *name, bool report)
{
   int errors[2] = {-1, -1}, reports[2] = {-1, -1};
   memset(p, 0, sizeof(*p));
   p->name = name;
   p->errors = p->report = -1;
   if (pipe2(errors, O_CLOEXEC) != 0 || (report && pipe2(reports, O_CLOEXEC) != 0)) {
      return -1;
   }
   fflush(NULL);
   p->pid = fork();
   if (p->pid < 0) {
      return -1;
   }
   if (p->pid == 0) {
      child_setup(errors[1], reports[1]);
      return 1;
   }
   close(errors[1]);
   close(reports[1]);
   p->started = true;
   p->errors = errors[0];
   p->report = reports[0];
   fcntl(p->errors, F_SETFL, O_NONBLOCK);
   if (report) {
      fcntl(p->report, F_SETFL, O_NONBLOCK);
   }
   p->words = malloc(PROCESS_WORDS + 1);
   return 0;
}

/* Programs read hostile captures: they get the files of their command line, to read, and the directory of their sockets. */
static const char *confine(const struct sandbox *s, const char *path, char *const argv[])
{
   const char *const sockets[] = {getenv("TRAP_SOCKET_DIR"), NULL};
   const struct sandbox_paths more = {.write = sockets, .only_reads = true};
   return sandbox_enter(s, path, argv, &more);
}

bool process_start(struct process *p, const char *path, char *const argv[], bool report)
{
   int failure[2], error = 0;
   if (pipe2(failure, O_CLOEXEC) != 0) {
      return false;
   }
   const struct sandbox s = sandbox_of(path, argv);
   (void) sandbox_prepare(&s); /* if it fails, it fails again in the child, which says so */
   int side = begin(p, argv[0], report);
   if (side == 1) {
      const char *failed = confine(&s, path, argv);
      if (failed == NULL) {
         execv(path, argv);
      }
      error = errno;
      if (failed != NULL) {
         (void) dprintf(STDERR_FILENO, "sandbox: %s\n", failed);
      }
      (void) !write(failure[1], &error, sizeof(error));
      _exit(127);
   }
   close(failure[1]);
   /* Nothing comes when the child executes the program: that closes the pipe. */
   bool failed = side == 0 && read(failure[0], &error, sizeof(error)) == sizeof(error);
   close(failure[0]);
   errno = failed ? error : errno;
   return side == 0 && !failed;
}

bool process_fork(struct process *p, const char *name, int (*work)(void *context), void *context)
{
   int side = begin(p, name, false);
   if (side == 1) {
      _exit(work(context));
   }
   return side == 0;
}

/* ------------------------------------------------------------------- watching */

static void keep_words(struct process *p, const char *text, size_t n)
{
   if (p->words == NULL) {
      return;
   }
   if (n > PROCESS_WORDS) {
      text += n - PROCESS_WORDS;
      n = PROCESS_WORDS;
   }
   if (p->n_words + n > PROCESS_WORDS) {
      size_t drop = p->n_words + n - PROCESS_WORDS;
      memmove(p->words, p->words + drop, p->n_words - drop);
      p->n_words -= drop;
   }
   memcpy(p->words + p->n_words, text, n);
   p->n_words += n;
   p->words[p->n_words] = 0;
}

static void read_errors(struct process *p, bool verbose)
{
   char text[4096];
   ssize_t n = 0;
   while (p->errors >= 0 && (n = read(p->errors, text, sizeof(text))) > 0) {
      keep_words(p, text, (size_t) n);
      if (verbose) {
         fwrite(text, 1, (size_t) n, stderr);
      }
   }
   if (p->errors >= 0 && n == 0) {
      close(p->errors);
      p->errors = -1;
   }
}

/* Keeps the last whole line. */
static void read_report(struct process *p)
{
   char text[4096];
   ssize_t n = 0;
   while (p->report >= 0 && (n = read(p->report, text, sizeof(text))) > 0) {
      for (ssize_t i = 0; i < n; i++) {
         if (text[i] != '\n' && p->n_part + 1 < sizeof(p->part)) {
            p->part[p->n_part++] = text[i];
         } else if (text[i] == '\n') {
            p->part[p->n_part] = 0;
            memcpy(p->line, p->part, p->n_part + 1);
            p->n_part = 0;
         }
      }
   }
   if (p->report >= 0 && n == 0) {
      close(p->report);
      p->report = -1;
   }
}

void process_look(struct process *p, bool verbose)
{
   bool was_ended = p->ended;
   if (p->started && !p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid) {
      p->ended = true;
   }
   if (p->started && (!was_ended || p->errors >= 0)) {
      read_errors(p, verbose);
      read_report(p);
   }
}

void process_ask_to_end(struct process *p)
{
   if (p->started && !p->ended) {
      p->asked = true;
      kill(p->pid, SIGTERM);
   }
}

bool process_cut_short(const struct process *p)
{
   return p->ended && p->asked && WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGTERM;
}

bool process_failed(const struct process *p, int accepted)
{
   return p->ended && !process_cut_short(p) &&
          !(WIFEXITED(p->status) && (WEXITSTATUS(p->status) == 0 || WEXITSTATUS(p->status) == accepted));
}

/* The last line of standard error without its newline; "" if it is empty. */
static void last_words(const struct process *p, char *to, size_t size)
{
   const char *end = p->words + p->n_words;
   while (p->n_words > 0 && end > p->words && end[-1] == '\n') {
      end--;
   }
   const char *begin = end;
   while (p->n_words > 0 && begin > p->words && begin[-1] != '\n') {
      begin--;
   }
   snprintf(to, size, "%.*s", (int) (end - begin), begin != NULL ? begin : "");
}

/* Without the names that programs put before their messages: "NAME: ", also more than once, and "error: ". */
static const char *without_name(const struct process *p, const char *words)
{
   size_t n = strlen(p->name);
   for (;;) {
      if (strncmp(words, p->name, n) == 0 && strncmp(words + n, ": ", 2) == 0) {
         words += n + 2;
      } else if (strncasecmp(words, "error: ", 7) == 0) {
         words += 7;
      } else {
         return words;
      }
   }
}

void process_describe(const struct process *p, char *to, size_t size)
{
   char words[1024];
   last_words(p, words, sizeof(words));
   const char *why = without_name(p, words);
   if (WIFSIGNALED(p->status)) {
      snprintf(to, size, "was killed by signal %d (%s)%s%s", WTERMSIG(p->status),
               strsignal(WTERMSIG(p->status)), *why != 0 ? ": " : "", why);
   } else if (*why != 0) {
      snprintf(to, size, "%s", why);
   } else {
      snprintf(to, size, "exited with status %d", WEXITSTATUS(p->status));
   }
}

/* -------------------------------------------------------------------- ending */

static bool any_runs(struct process *p, size_t n)
{
   bool runs = false;
   for (size_t i = 0; i < n; i++) {
      process_look(&p[i], false);
      runs |= p[i].started && !p[i].ended;
   }
   return runs;
}

void process_stop_all(struct process *p, size_t n)
{
   for (int waited = 0; any_runs(p, n); waited += 10) {
      for (size_t i = 0; i < n && (waited == 0 || waited == STOP_DEADLINE_MS); i++) {
         if (p[i].started && !p[i].ended) {
            kill(p[i].pid, waited == 0 ? SIGTERM : SIGKILL);
            kill(p[i].pid, SIGCONT);
         }
      }
      nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
   }
}

void process_free(struct process *p)
{
   if (p->errors >= 0 && p->started) {
      close(p->errors);
   }
   if (p->report >= 0 && p->started) {
      close(p->report);
   }
   free(p->words);
}
