/* SPDX-License-Identifier: BSD-3-Clause */
/** Ways to bring messages from one process to others, all with the same work at both ends. */
#ifndef TRAP_BENCH_H
#define TRAP_BENCH_H

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct job {
   unsigned size, readers, index, port;
   uint64_t messages;
   char dir[64];
   pid_t reader[64]; /* the readers' processes, known to the sender */
};

struct way {
   const char *name;
   void (*prepare)(struct job *job);  /* before the readers start; may be NULL */
   uint64_t (*read)(struct job *job); /* a reader's process: number of messages that came */
   void (*connect)(struct job *job);  /* sender: all readers are there when it returns */
   void (*send)(struct job *job);     /* sender: all messages are handed over when it returns */
};

extern const struct way way_trap_u, way_trap_u_one, way_trap_t, way_trap_u_nobuf, way_trap_t_nobuf,
    way_trap_u_stream, way_trap_u_reserve, way_trap_u_paced, way_trap_u_stopped;
extern const struct way way_ring, way_raw_unix, way_raw_tcp;
extern const struct way way_zmq_ipc, way_zmq_tcp, way_nng_ipc, way_nng_tcp;

double seconds(void);
void die(const char *what) __attribute__((noreturn));

/** What a reader does with a message: looks at its first and last bytes. */
static inline uint64_t look(const void *data, unsigned size)
{
   uint64_t first, last;
   memcpy(&first, data, 8);
   memcpy(&last, (const char *) data + size - 8, 8);
   return first ^ last;
}

/** What a sender does: a record of its own, a number in it changed each time. */
static inline void fill(void *data, uint64_t n)
{
   memcpy(data, &n, 8);
}

#define MAX_MESSAGE 65536
extern volatile uint64_t seen;

#endif
