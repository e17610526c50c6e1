/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Soak: senders and readers that come, go, are killed, stall and change formats for a while, at random.
 * usage: soak SECONDS [SEED]
 *
 * A sender "stay" lives all the time, a sender "go" is ended or killed every few seconds; both change the format several times
 * a second. Readers over shared memory, UNIX stream and TCP connect to either, are slow or not, stop for a while, and end or are
 * killed. Every reader checks that what it gets is in order, of the format that was announced, and that the numbers tell
 * exactly what was missed. One reader of each sender lives all the time. At the end the long-lived ones have no more
 * descriptors, mappings or memory than at the beginning.
 */
#include <libtrap/trap.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READERS     6
#define BAD         2    /* exit status: something was wrong */
#define MEMORY_MORE 4096 /* kB that a long-lived process may grow */

struct message {
   uint64_t number;
   uint32_t run, format;
};

static volatile sig_atomic_t stop;
static char dir[64];
static unsigned tcp_port;

static void on_signal(int sig)
{
   (void) sig;
   stop = 1;
   trap_terminate();
}

static void nap(long ms)
{
   nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static double now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static unsigned below(unsigned limit)
{
   return (unsigned) random() % limit;
}

/* -------------------------------------------------------------------------- resources */

struct resources {
   unsigned descriptors, mappings;
   long memory; /* kB */
};

static struct resources resources(void)
{
   struct resources r = {0};
   char line[512];
   DIR *d = opendir("/proc/self/fd");
   while (d != NULL && readdir(d) != NULL) {
      r.descriptors++;
   }
   closedir(d);
   FILE *f = fopen("/proc/self/maps", "r");
   while (fgets(line, sizeof(line), f) != NULL) {
      r.mappings += strstr(line, "memfd:trap") != NULL;
   }
   fclose(f);
   f = fopen("/proc/self/status", "r");
   while (fgets(line, sizeof(line), f) != NULL) {
      sscanf(line, "RssAnon: %ld", &r.memory);
   }
   fclose(f);
   return r;
}

static bool grown(const char *who, struct resources before, struct resources after, long memory_limit)
{
   bool bad = after.descriptors > before.descriptors || after.mappings > before.mappings ||
              after.memory > before.memory + memory_limit;
   fprintf(stderr, "%s: descriptors %u -> %u, mappings %u -> %u, memory %ld -> %ld kB%s\n", who,
           before.descriptors, after.descriptors, before.mappings, after.mappings, before.memory,
           after.memory, bad ? ": LEAK" : "");
   return bad;
}

/* ----------------------------------------------------------------------------- sender */

static const char *const modes[] = {"timeout=NO_WAIT", "timeout=HALF_WAIT:maxstall=100", "timeout=2000",
                                    "timeout=NO_WAIT:buffer=off",
                                    "timeout=HALF_WAIT:maxstall=50:buffer_size=3000"};

static void set_format(trap_ctx_t *ctx, uint32_t outputs, uint32_t format)
{
   char spec[64];
   snprintf(spec, sizeof(spec), "uint32 FORMAT_%u", format);
   for (uint32_t i = 0; i < outputs; i++) {
      trap_ctx_set_data_fmt(ctx, i, TRAP_FMT_UNIREC, spec);
   }
}

static trap_ctx_t *open_sender(const char *name, uint32_t *outputs)
{
   char spec[256];
   const char *mode = modes[below(sizeof(modes) / sizeof(modes[0]))];
   bool stays = strcmp(name, "stay") == 0;
   int n = snprintf(spec, sizeof(spec), "u:%s:%s:buffer_count=8", name, mode);
   if (stays) {
      snprintf(spec + n, sizeof(spec) - (size_t) n, ",t:%u:%s:buffer_count=8", tcp_port, mode);
   }
   *outputs = stays ? 2 : 1;
   return trap_ctx_init3("soak", "", 0, (int8_t) *outputs, spec, NULL);
}

static int sender(const char *name, uint32_t run)
{
   uint32_t outputs, format = 1;
   struct message m = {.run = run};
   bool stays = strcmp(name, "stay") == 0;
   struct resources empty = resources();
   trap_ctx_t *ctx = open_sender(name, &outputs);
   if (ctx == NULL || trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      fprintf(stderr, "sender %s: %s\n", name, ctx != NULL ? trap_ctx_get_last_error_msg(ctx) : "no context");
      return BAD;
   }
   uint64_t numbers[2] = {0};
   double next_format = now() + 0.2;
   set_format(ctx, outputs, format);
   while (!stop) {
      if (now() >= next_format) {
         set_format(ctx, outputs, ++format);
         next_format = now() + 0.02 + below(600) / 1000.0;
      }
      for (int k = 0; k < 200 && !stop; k++) {
         for (uint32_t i = 0; i < outputs; i++) {
            m.format = format;
            m.number = numbers[i];
            numbers[i] +=
                trap_ctx_send(ctx, i, &m, sizeof(m)) == TRAP_E_OK; /* what was refused gets no number */
         }
      }
      nap(below(3));
   }
   trap_ctx_finalize(&ctx);
   return stays && grown("sender", empty, resources(), MEMORY_MORE) ? BAD : 0;
}

/* ----------------------------------------------------------------------------- readers */

struct check {
   bool known; /* last and seq are of this connection */
   struct message last;
   uint64_t seq, got, missed;
   uint32_t format;
};

/* \return what is wrong, NULL: nothing */
static const char *check(struct check *c, const trap_message_t *t)
{
   struct message m;
   if (t->size != sizeof(m)) {
      return "wrong size";
   }
   memcpy(&m, t->data, sizeof(m));
   if (m.format != c->format) {
      return "a message of another format than was announced";
   }
   if (c->known && (m.run != c->last.run || m.number <= c->last.number)) {
      return "not in order within a connection";
   }
   if (c->known && m.number - c->last.number != t->seq - c->seq) {
      return "the numbers do not tell what was missed";
   }
   c->missed += c->known ? m.number - c->last.number - 1 : 0;
   c->last = m;
   c->seq = t->seq;
   c->known = true;
   c->got++;
   return NULL;
}

static bool announced(trap_ctx_t *ctx, struct check *c)
{
   uint8_t type;
   const char *spec = NULL;
   if (trap_ctx_get_data_fmt(ctx, TRAPIFC_INPUT, 0, &type, &spec) != TRAP_E_OK || spec == NULL ||
       sscanf(spec, "uint32 FORMAT_%u", &c->format) != 1) {
      return false;
   }
   c->known = false;
   return true;
}

static int receive(trap_ctx_t *ctx, struct check *c, bool batch)
{
   trap_message_t m[32];
   uint32_t n = 0;
   int rc;
   if (batch) {
      rc = trap_ctx_recv_batch(ctx, 0, m, 32, &n);
   } else {
      rc = trap_ctx_recv_with_seq_number(ctx, 0, &m[0].data, &m[0].size, &m[0].seq);
      n = 1;
   }
   if (rc == TRAP_E_TIMEOUT) {
      return 0;
   }
   if ((rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED && rc != TRAP_E_NEGOTIATION_FAILED) ||
       (rc == TRAP_E_FORMAT_CHANGED && !announced(ctx, c))) {
      fprintf(stderr, "reader: receive returned %d (%s)\n", rc, trap_ctx_get_last_error_msg(ctx));
      return BAD;
   }
   for (uint32_t i = 0; rc != TRAP_E_NEGOTIATION_FAILED && i < n;
        i++) { /* a sender was killed in its hello */
      const char *wrong = check(c, &m[i]);
      if (wrong != NULL) {
         fprintf(stderr, "reader: %s\n", wrong);
         return BAD;
      }
   }
   return 0;
}

/* kind: 0 shared memory, 1 UNIX stream, 2 TCP */
static int reader(const char *name, unsigned kind, unsigned slow_ms, double seconds)
{
   char spec[128];
   struct check c = {0};
   int rc = 0;
   double end = now() + seconds;
   struct resources empty = resources();
   if (kind == 1) {
      setenv("TRAP_NO_SHM", "1", 1);
   }
   if (kind == 2) {
      snprintf(spec, sizeof(spec), "t:%u:timeout=50000", tcp_port);
   } else {
      snprintf(spec, sizeof(spec), "u:%s:timeout=50000", name);
   }
   trap_ctx_t *ctx = trap_ctx_init3("soak", "", 1, 0, spec, NULL);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, "");
   bool batch = below(2) == 0;
   while (rc == 0 && now() < end && !stop) {
      rc = receive(ctx, &c, batch);
      if (slow_ms != 0 && below(10) == 0) {
         nap(slow_ms);
      }
   }
   trap_ctx_finalize(&ctx);
   if (seconds > 1000 && rc == 0) {
      fprintf(stderr, "reader of %s: received %" PRIu64 ", counted missed %" PRIu64 "\n", name, c.got,
              c.missed);
      rc = c.got == 0 || grown("reader", empty, resources(), MEMORY_MORE) ? BAD : 0;
   }
   return rc;
}

/* ------------------------------------------------------------------------------ parent */

static pid_t start(void)
{
   static unsigned generation;
   unsigned seed = (unsigned) random() + generation++;
   fflush(NULL);
   pid_t pid = fork();
   if (pid == 0) {
      srandom(seed);
      signal(SIGTERM, on_signal);
      signal(SIGALRM, SIG_DFL);
   }
   return pid;
}

static pid_t start_sender(const char *name, uint32_t run)
{
   pid_t pid = start();
   if (pid == 0) {
      _exit(sender(name, run));
   }
   return pid;
}

static pid_t start_reader(const char *name, unsigned kind, unsigned slow_ms, double seconds)
{
   pid_t pid = start();
   if (pid == 0) {
      _exit(reader(name, kind, slow_ms, seconds));
   }
   return pid;
}

static pid_t random_reader(void)
{
   unsigned kind = below(3);
   return start_reader(kind != 2 && below(2) == 0 ? "go" : "stay", kind, below(3) == 0 ? below(20) : 0,
                       0.05 + below(1500) / 1000.0);
}

static unsigned failures, kills, starts;

/* Collects a process if it has ended. \return true when it has */
static bool ended(pid_t pid, int flags)
{
   int status;
   if (waitpid(pid, &status, flags) != pid) {
      return false;
   }
   bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
   if (!killed && status != 0) {
      fprintf(stderr, "soak: a process ended with status %#x\n", (unsigned) status);
      failures++;
   }
   return true;
}

static void disturb(pid_t pid)
{
   switch (below(12)) {
   case 0:
      kill(pid, SIGKILL);
      kills++;
      break;
   case 1: kill(pid, SIGSTOP); break;
   default: kill(pid, SIGCONT); break;
   }
}

int main(int argc, char **argv)
{
   double seconds = argc > 1 ? atof(argv[1]) : 5;
   unsigned seed = argc > 2 ? (unsigned) atoi(argv[2]) : (unsigned) getpid();
   char command[128];
   srandom(seed);
   trap_set_verbose_level(-4);
   snprintf(dir, sizeof(dir), "/tmp/trap-soak-XXXXXX");
   if (mkdtemp(dir) == NULL || setenv("TRAP_SOCKET_DIR", dir, 1) != 0) {
      return 1;
   }
   tcp_port = 20000 + (unsigned) getpid() % 20000;
   uint32_t run = 1;
   pid_t stay = start_sender("stay", run), go = start_sender("go", ++run);
   pid_t lasting[3] = {start_reader("stay", 0, 0, 1e6), start_reader("go", 0, 0, 1e6),
                       start_reader("stay", 2, 0, 1e6)};
   pid_t readers[READERS];
   for (int i = 0; i < READERS; i++) {
      readers[i] = random_reader();
   }
   double end = now() + seconds, next_go = now() + 1;
   while (now() < end && failures == 0) {
      nap(20);
      for (int i = 0; i < READERS; i++) {
         if (ended(readers[i], WNOHANG)) {
            readers[i] = random_reader();
            starts++;
         } else if (below(8) == 0) {
            disturb(readers[i]);
         }
      }
      if (now() >= next_go) {
         kill(go, below(2) == 0 ? SIGKILL : SIGTERM);
         ended(go, 0);
         go = start_sender("go", ++run);
         next_go = now() + 0.3 + below(2000) / 1000.0;
      }
   }
   for (int i = 0; i < READERS; i++) {
      kill(readers[i], SIGKILL);
      ended(readers[i], 0);
   }
   nap(300);
   pid_t rest[] = {lasting[0], lasting[1], lasting[2], stay, go};
   for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
      kill(rest[i], SIGTERM);
      alarm(30); /* a process that hangs must not hang the soak */
      ended(rest[i], 0);
      alarm(0);
   }
   snprintf(command, sizeof(command), "rmdir %s", dir);
   if (system(command) != 0) { /* every socket was removed by its owner */
      failures++;
   }
   fprintf(stderr, "soak: %.0f s, seed %u, %u readers, %u of them killed, %u senders, %u failures\n", seconds,
           seed, starts, kills, run, failures);
   return failures != 0;
}
