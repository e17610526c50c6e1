/* SPDX-License-Identifier: BSD-3-Clause */
/** nng: its PUB drops what a slow reader does not take, so each reader gets a PUSH socket of its own, which waits. */
#include "trap_bench.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <unistd.h>

#define DEPTH 8192 /* messages a queue holds */

static nng_socket push[64];

static void address(const struct job *job, unsigned reader, int tcp, char *to, size_t size)
{
   if (tcp) {
      snprintf(to, size, "tcp://127.0.0.1:%u", job->port + reader);
   } else {
      snprintf(to, size, "ipc://%s/nng%u", job->dir, reader);
   }
}

static uint64_t read_from(struct job *job, int tcp)
{
   char where[128];
   uint64_t n = 0, x = 0;
   nng_socket s;
   nng_msg *m;
   address(job, job->index, tcp, where, sizeof(where));
   if (nng_pull0_open(&s) != 0 || nng_socket_set_int(s, NNG_OPT_RECVBUF, DEPTH) != 0 ||
       nng_dial(s, where, NULL, NNG_FLAG_NONBLOCK) != 0) {
      die(where);
   }
   while (n < job->messages && nng_recvmsg(s, &m, 0) == 0) {
      x ^= look(nng_msg_body(m), (unsigned) nng_msg_len(m));
      nng_msg_free(m);
      n++;
   }
   seen = x;
   return n;
}

static void serve(struct job *job, int tcp)
{
   char where[128];
   for (unsigned i = 0; i < job->readers; i++) {
      address(job, i, tcp, where, sizeof(where));
      if (nng_push0_open(&push[i]) != 0 || nng_socket_set_int(push[i], NNG_OPT_SENDBUF, DEPTH) != 0 ||
          nng_listen(push[i], where, NULL, 0) != 0) {
         die(where);
      }
   }
   usleep(1500000); /* readers dial once a second */
}

static void send_all(struct job *job)
{
   static char message[MAX_MESSAGE];
   for (uint64_t n = 0; n < job->messages; n++) {
      fill(message, n);
      for (unsigned i = 0; i < job->readers; i++) {
         if (nng_send(push[i], message, job->size, 0) != 0) {
            die("nng_send");
         }
      }
   }
   usleep(
       1000); /* its queues are sent by threads of its own until the process ends, which waits for the readers */
}

static uint64_t read_ipc(struct job *job)
{
   return read_from(job, 0);
}

static uint64_t read_tcp(struct job *job)
{
   return read_from(job, 1);
}

static void serve_ipc(struct job *job)
{
   serve(job, 0);
}

static void serve_tcp(struct job *job)
{
   serve(job, 1);
}

const struct way way_nng_ipc = {"nng_ipc", NULL, read_ipc, serve_ipc, send_all};
const struct way way_nng_tcp = {"nng_tcp", NULL, read_tcp, serve_tcp, send_all};
