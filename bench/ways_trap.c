/* SPDX-License-Identifier: BSD-3-Clause */
/** TRAP itself. */
#include "trap_bench.h"

#include <libtrap/trap.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 256

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

const struct way way_trap_u = {"trap_u", NULL, read_unix, connect_unix, send_all};
const struct way way_trap_u_one = {"trap_u_one", NULL, read_unix_one, connect_unix, send_all};
const struct way way_trap_u_stream = {"trap_u_stream", NULL, read_unix_stream, connect_unix, send_all};
const struct way way_trap_t = {"trap_t", NULL, read_tcp, connect_tcp, send_all};
const struct way way_trap_u_nobuf = {"trap_u_nobuf", NULL, read_unix, connect_unix_nobuf, send_all};
const struct way way_trap_t_nobuf = {"trap_t_nobuf", NULL, read_tcp, connect_tcp_nobuf, send_all};
