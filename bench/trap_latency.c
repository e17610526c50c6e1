/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Latency: one message at a time goes to another process and one comes back; half of the round trip is told.
 * usage: trap_latency pipe|spin_ring|trap_wait|trap_spin ROUNDS [PAUSE]
 * pipe: 100 bytes through two pipes. spin_ring: a word in shared memory that the other side watches. trap_wait and trap_spin:
 * interfaces u: with buffer=off, readers that wait, or that ask again and again without waiting.
 * PAUSE: microseconds between two rounds, in which a reader that waits goes to sleep.
 * Output: median and 99.9th percentile in microseconds.
 */
#include <errno.h>
#include <libtrap/trap.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 100

static char message[SIZE];
static int there[2], back[2];
static _Atomic uint64_t *words; /* 0 and 16: one for each direction */
static trap_ctx_t *ctx;
static unsigned pause_us;

static void die(const char *what)
{
   fprintf(stderr, "trap_latency: %s: %s\n", what, strerror(errno));
   exit(1);
}

static uint64_t now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Each way: send one message, take one. side 0 begins. */

static void pipe_send(int side)
{
   if (write(side == 0 ? there[1] : back[1], message, SIZE) != SIZE) {
      die("write");
   }
}

static void pipe_take(int side)
{
   if (read(side == 0 ? back[0] : there[0], message, SIZE) != SIZE) {
      die("read");
   }
}

static void ring_send(int side)
{
   atomic_fetch_add(&words[side * 16], 1);
}

static void ring_take(int side)
{
   static uint64_t last;
   while (atomic_load_explicit(&words[!side * 16], memory_order_acquire) == last) {
   }
   last++;
}

static void trap_open(int side)
{
   ctx = trap_ctx_init3("trap_latency", "", 1, 1,
                        side == 0 ? "u:back,u:there:buffer=off" : "u:there,u:back:buffer=off", NULL);
   if (ctx == NULL || trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      die("trap_ctx_init3");
   }
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
}

static void send_message(int side)
{
   (void) side;
   trap_ctx_send(ctx, 0, message, SIZE);
}

static void take_message(int side)
{
   trap_message_t m;
   uint32_t n;
   (void) side;
   int rc;
   do {
      rc = trap_ctx_recv_batch(ctx, 0, &m, 1, &n);
   } while (rc == TRAP_E_TIMEOUT);
   if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED) {
      die("trap_ctx_recv_batch");
   }
}

static int compare(const void *a, const void *b)
{
   uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
   return (x > y) - (x < y);
}

static void play(int side, unsigned rounds, void (*send)(int), void (*take)(int), uint64_t *times)
{
   for (unsigned i = 0; i < rounds; i++) {
      if (side == 0 && pause_us > 0) {
         usleep(pause_us);
      }
      uint64_t begin = now();
      if (side == 0) {
         send(side);
         take(side);
         times[i] = now() - begin;
      } else {
         take(side);
         send(side);
      }
   }
}

int main(int argc, char **argv)
{
   if (argc < 3 || argc > 4) {
      fprintf(stderr, "usage: trap_latency pipe|spin_ring|trap_wait|trap_spin ROUNDS [PAUSE]\n");
      return 2;
   }
   pause_us = argc == 4 ? (unsigned) atoi(argv[3]) : 0;
   unsigned rounds = (unsigned) atoi(argv[2]);
   char dir[64] = "/tmp/trap-latency-XXXXXX", command[128];
   uint64_t *times = calloc(rounds, sizeof(*times));
   words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
   if (times == NULL || words == MAP_FAILED || mkdtemp(dir) == NULL || pipe(there) != 0 || pipe(back) != 0) {
      die("start");
   }
   setenv("TRAP_SOCKET_DIR", dir, 1);
   bool trap = strncmp(argv[1], "trap", 4) == 0, spin = strcmp(argv[1], "trap_spin") == 0;
   void (*send)(int) = trap ? send_message : strcmp(argv[1], "pipe") == 0 ? pipe_send : ring_send;
   void (*take)(int) = trap ? take_message : strcmp(argv[1], "pipe") == 0 ? pipe_take : ring_take;
   pid_t pid = fork();
   int side = pid == 0;
   if (trap) {
      trap_open(side);
      if (spin) {
         trap_ctx_ifcctl(ctx, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
      }
   }
   play(side, rounds / 10, send, take, times); /* connect, warm up */
   play(side, rounds, send, take, times);
   if (trap) {
      trap_ctx_finalize(&ctx);
   }
   if (side == 1) {
      _exit(0);
   }
   wait(NULL);
   snprintf(command, sizeof(command), "rm -rf %s", dir);
   qsort(times, rounds, sizeof(*times), compare);
   printf("%.2f %.2f\n", (double) times[rounds / 2] / 2000,
          (double) times[rounds - 1 - rounds / 1000] / 2000);
   free(times);
   return system(command) == 0 ? 0 : 1;
}
