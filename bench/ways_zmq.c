/* SPDX-License-Identifier: BSD-3-Clause */
/** ZeroMQ PUB/SUB that waits for slow readers instead of dropping, as TRAP does by default. */
#include "trap_bench.h"

#include <stdio.h>
#include <zmq.h>

static void *context, *publisher;

static void address(const struct job *job, int tcp, char *to, size_t size)
{
   if (tcp) {
      snprintf(to, size, "tcp://127.0.0.1:%u", job->port);
   } else {
      snprintf(to, size, "ipc://%s/zmq", job->dir);
   }
}

static uint64_t read_from(struct job *job, int tcp)
{
   char where[128];
   uint64_t n = 0, x = 0;
   int hwm = 100000;
   void *c = zmq_ctx_new(), *s = zmq_socket(c, ZMQ_SUB);
   zmq_msg_t m;
   address(job, tcp, where, sizeof(where));
   zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof(hwm));
   zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
   zmq_connect(s, where);
   zmq_msg_init(&m);
   while (n < job->messages && zmq_msg_recv(&m, s, 0) >= 0) {
      x ^= look(zmq_msg_data(&m), (unsigned) zmq_msg_size(&m));
      n++;
   }
   seen = x;
   return n;
}

static void serve(struct job *job, int tcp)
{
   char where[128], subscription[16];
   int hwm = 100000, nodrop = 1, verbose = 1;
   context = zmq_ctx_new();
   publisher = zmq_socket(context, ZMQ_XPUB);
   address(job, tcp, where, sizeof(where));
   zmq_setsockopt(publisher, ZMQ_SNDHWM, &hwm, sizeof(hwm));
   zmq_setsockopt(publisher, ZMQ_XPUB_NODROP, &nodrop, sizeof(nodrop));
   zmq_setsockopt(publisher, ZMQ_XPUB_VERBOSE, &verbose, sizeof(verbose));
   if (zmq_bind(publisher, where) != 0) {
      die(where);
   }
   for (unsigned i = 0; i < job->readers; i++) {
      zmq_recv(publisher, subscription, sizeof(subscription), 0);
   }
}

static void send_all(struct job *job)
{
   static char message[MAX_MESSAGE];
   for (uint64_t i = 0; i < job->messages; i++) {
      fill(message, i);
      zmq_send(publisher, message, job->size, 0);
   }
   zmq_close(publisher);
   zmq_ctx_term(context);
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

const struct way way_zmq_ipc = {"zmq_ipc", NULL, read_ipc, serve_ipc, send_all};
const struct way way_zmq_tcp = {"zmq_tcp", NULL, read_tcp, serve_tcp, send_all};
