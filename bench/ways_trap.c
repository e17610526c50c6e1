/* SPDX-License-Identifier: BSD-3-Clause */
/** TRAP itself. */
#include "trap_bench.h"

#include <libtrap/trap.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH      256
#define PACED_RATE 2e6 /* messages a second */
#define PACE       1000

volatile uint64_t seen;
static trap_ctx_t *ctx;

static trap_ctx_t *open_interface(int in, int out, const char *spec)
{
   trap_ctx_t *c = trap_ctx_init3("trap_bench", "", (int8_t) in, (int8_t) out, spec, NULL);
   if (c == NULL || trap_ctx_get_last_error(c) != TRAP_E_OK) {
      die(spec);
   }
   return c;
}

static uint64_t read_batches(const char *spec)
{
   uint64_t n = 0, x = 0;
   trap_message_t m[BATCH];
   uint32_t count;
   ctx = open_interface(1, 0, spec);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW, NULL);
   for (;;) {
      int rc = trap_ctx_recv_batch(ctx, 0, m, BATCH, &count);
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED) {
         die("trap_ctx_recv_batch");
      }
      for (uint32_t i = 0; i < count; i++) {
         if (m[i].size <= 1) {
            seen = x;
            return n;
         }
         x ^= look(m[i].data, m[i].size);
         n++;
      }
   }
}

static uint64_t read_one_by_one(const char *spec)
{
   uint64_t n = 0, x = 0;
   const void *data;
   uint16_t size;
   ctx = open_interface(1, 0, spec);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW, NULL);
   for (;;) {
      int rc = trap_ctx_recv(ctx, 0, &data, &size);
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED) {
         die("trap_ctx_recv");
      }
      if (size <= 1) {
         seen = x;
         return n;
      }
      x ^= look(data, size);
      n++;
   }
}

static uint64_t read_unix(struct job *job)
{
   (void) job;
   return read_batches("u:bench");
}

static uint64_t read_unix_one(struct job *job)
{
   (void) job;
   return read_one_by_one("u:bench");
}

static uint64_t read_unix_stream(struct job *job)
{
   setenv("TRAP_NO_SHM", "1", 1);
   return read_unix(job);
}

static uint64_t read_tcp(struct job *job)
{
   char spec[64];
   snprintf(spec, sizeof(spec), "t:127.0.0.1:%u", job->port);
   return read_batches(spec);
}

/* Every message was either received, once and in order, or counted as missed; only reader 0 may miss any. */
static uint64_t read_counting(struct job *job)
{
   uint64_t got = 0, seq = 0;
   trap_message_t m[BATCH];
   uint32_t count;
   bool lost = false;
   ctx = open_interface(1, 0, "u:bench");
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW, NULL);
   for (;;) {
      int rc = trap_ctx_recv_batch(ctx, 0, m, BATCH, &count);
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED) {
         die("trap_ctx_recv_batch");
      }
      for (uint32_t i = 0; i < count; i++) {
         if (m[i].size <= 1) {
            bool complete = m[i].seq == job->messages + 1 && (job->index == 0 || !lost);
            fprintf(stderr, "reader %u: %llu of %llu messages\n", job->index, (unsigned long long) got,
                    (unsigned long long) job->messages);
            return complete ? job->messages : 0;
         }
         lost |= m[i].seq != seq + 1;
         seq = m[i].seq;
         got++;
      }
   }
}

static void serve(const char *spec, unsigned readers)
{
   ctx = open_interface(0, 1, spec);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   while (trap_ctx_get_client_count(ctx, 0) < (int) readers) {
   }
}

static void connect_unix(struct job *job)
{
   serve("u:bench", job->readers);
}

static void connect_unix_stream(struct job *job)
{
   serve("u:bench", job->readers);
   usleep(200000); /* until the output knows that they will not read the log */
}

static void connect_unix_nobuf(struct job *job)
{
   serve("u:bench:buffer=off", job->readers);
}

static void connect_tcp(struct job *job)
{
   char spec[64];
   snprintf(spec, sizeof(spec), "t:%u", job->port);
   serve(spec, job->readers);
}

static void connect_tcp_nobuf(struct job *job)
{
   char spec[64];
   snprintf(spec, sizeof(spec), "t:%u:buffer=off", job->port);
   serve(spec, job->readers);
}

static void send_all(struct job *job)
{
   static char message[MAX_MESSAGE];
   for (uint64_t i = 0; i < job->messages; i++) {
      fill(message, i);
      trap_ctx_send(ctx, 0, message, (uint16_t) job->size);
   }
   trap_ctx_send(ctx, 0, "", 1);
   trap_ctx_finalize(&ctx);
}

static void connect_lossy(struct job *job)
{
   serve("u:bench:timeout=NO_WAIT", job->readers);
   usleep(200000); /* until it is settled who reads the log */
}

/* At a rate that the readers can keep up with; reader 0 is stopped for most of the time when that is asked for. */
static void send_paced(struct job *job, bool stop)
{
   static char message[MAX_MESSAGE];
   double begin = seconds();
   trap_ctx_send(ctx, 0, message, (uint16_t) job->size);
   trap_ctx_send_flush(ctx, 0);
   usleep(10000);
   if (stop) {
      kill(job->reader[0], SIGSTOP);
   }
   for (uint64_t i = 1; i < job->messages; i++) {
      fill(message, i);
      if (i % PACE == 0) {
         while (seconds() - begin < (double) i / PACED_RATE) {
            sched_yield();
         }
      }
      trap_ctx_send(ctx, 0, message, (uint16_t) job->size);
   }
   kill(job->reader[0], SIGCONT);
   usleep(100000);
   trap_ctx_send(ctx, 0, "", 1);
   trap_ctx_finalize(&ctx);
}

static void send_beside_nobody(struct job *job)
{
   send_paced(job, false);
}

static void send_beside_stopped(struct job *job)
{
   send_paced(job, true);
}

/* Written in place. */
static void send_reserved(struct job *job)
{
   static char message[MAX_MESSAGE];
   void *p;
   for (uint64_t i = 0; i < job->messages; i++) {
      if (trap_ctx_reserve(ctx, 0, (uint16_t) job->size, &p) != TRAP_E_OK) {
         die("trap_ctx_reserve");
      }
      memcpy(p, message, job->size);
      fill(p, i);
      trap_ctx_commit(ctx, 0, (uint16_t) job->size);
   }
   trap_ctx_send(ctx, 0, "", 1);
   trap_ctx_finalize(&ctx);
}

const struct way way_trap_u_reserve = {"trap_u_reserve", NULL, read_unix, connect_unix, send_reserved};
const struct way way_trap_u_paced = {"trap_u_paced", NULL, read_counting, connect_lossy, send_beside_nobody};
const struct way way_trap_u_stopped = {"trap_u_stopped", NULL, read_counting, connect_lossy,
                                       send_beside_stopped};
const struct way way_trap_u = {"trap_u", NULL, read_unix, connect_unix, send_all};
const struct way way_trap_u_one = {"trap_u_one", NULL, read_unix_one, connect_unix, send_all};
const struct way way_trap_u_stream = {"trap_u_stream", NULL, read_unix_stream, connect_unix_stream, send_all};
const struct way way_trap_t = {"trap_t", NULL, read_tcp, connect_tcp, send_all};
const struct way way_trap_u_nobuf = {"trap_u_nobuf", NULL, read_unix, connect_unix_nobuf, send_all};
const struct way way_trap_t_nobuf = {"trap_t_nobuf", NULL, read_tcp, connect_tcp_nobuf, send_all};
