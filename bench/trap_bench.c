/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Message streams between processes, timed: TRAP beside what bounds it and what one could take instead.
 * usage: trap_bench WAY SIZE READERS MESSAGES
 * One process sends MESSAGES of SIZE bytes, READERS processes read each of them and look at every one; the time runs
 * from the first send, with all readers connected, until the last reader has the last message.
 * Output: million messages a second, CPU seconds of the sender, of the readers in all.
 */
#include "trap_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct way *const ways[] = {
    &way_trap_u,         &way_trap_u_one,    &way_trap_t,         &way_trap_u_nobuf,
    &way_trap_t_nobuf,   &way_trap_u_stream, &way_trap_u_reserve, &way_trap_u_paced,
    &way_trap_u_stopped, &way_ring,          &way_raw_unix,       &way_raw_tcp,
#ifdef HAVE_ZMQ
    &way_zmq_ipc,        &way_zmq_tcp,
#endif
#ifdef HAVE_NNG
    &way_nng_ipc,        &way_nng_tcp,
#endif
};

double seconds(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

void die(const char *what)
{
   fprintf(stderr, "trap_bench: %s: %s\n", what, strerror(errno));
   exit(1);
}

static double cpu(int who)
{
   struct rusage u;
   getrusage(who, &u);
   return (double) u.ru_utime.tv_sec + (double) u.ru_utime.tv_usec / 1e6 + (double) u.ru_stime.tv_sec +
          (double) u.ru_stime.tv_usec / 1e6;
}

static const struct way *find_way(const char *name)
{
   for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
      if (strcmp(ways[i]->name, name) == 0) {
         return ways[i];
      }
   }
   return NULL;
}

int main(int argc, char **argv)
{
   struct job job = {0};
   const struct way *way = argc == 5 ? find_way(argv[1]) : NULL;
   if (way == NULL) {
      fprintf(stderr, "usage: trap_bench WAY SIZE READERS MESSAGES\nways:");
      for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
         fprintf(stderr, " %s", ways[i]->name);
      }
      fputc('\n', stderr);
      return 2;
   }
   job.size = (unsigned) atoi(argv[2]);
   job.readers = (unsigned) atoi(argv[3]);
   job.messages = strtoull(argv[4], NULL, 10);
   snprintf(job.dir, sizeof(job.dir), "/tmp/trap-bench-XXXXXX");
   if (mkdtemp(job.dir) == NULL) {
      die("mkdtemp");
   }
   setenv("TRAP_SOCKET_DIR", job.dir, 1);
   job.port = 20000 + (unsigned) getpid() % 20000;
   if (way->prepare != NULL) {
      way->prepare(&job);
   }
   for (unsigned i = 0; i < job.readers; i++) {
      job.reader[i] = fork();
      if (job.reader[i] == 0) {
         job.index = i;
         if (way->read(&job) != job.messages) {
            fprintf(stderr, "trap_bench: a reader lost messages\n");
            _exit(1);
         }
         _exit(0);
      }
   }
   way->connect(&job);
   double start = seconds();
   way->send(&job);
   int status = 0, worst = 0;
   for (unsigned i = 0; i < job.readers; i++) {
      wait(&status);
      worst |= status;
   }
   double time = seconds() - start;
   char command[96];
   snprintf(command, sizeof(command), "rm -rf %s", job.dir);
   if (system(command) != 0 || worst != 0) {
      return 1;
   }
   printf("%.4f %.3f %.3f\n", (double) job.messages / time / 1e6, cpu(RUSAGE_SELF), cpu(RUSAGE_CHILDREN));
   return 0;
}
