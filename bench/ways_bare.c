/* SPDX-License-Identifier: BSD-3-Clause */
/** What bounds any transport here: a bare ring in shared memory, and bare sockets with large writes. */
#include "trap_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---------------------------------------------------------------------- ring */

#define RING    (8u << 20)
#define PUBLISH 65536u /* bytes between two looks at what the others have published */

struct ring {
   _Alignas(64) _Atomic uint64_t head;
   struct {
      _Alignas(64) _Atomic uint64_t tail;
      _Atomic int ready;
   } reader[64];
   _Alignas(64) uint8_t bytes[RING + MAX_MESSAGE + 8];
};

static struct ring *ring;

static void ring_prepare(struct job *job)
{
   (void) job;
   ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
   if (ring == MAP_FAILED) {
      die("mmap");
   }
}

static void pause_until(int *spins)
{
   if (++*spins > 100) {
      sched_yield();
      *spins = 0;
   }
   __builtin_ia32_pause();
}

static uint64_t ring_read(struct job *job)
{
   uint64_t at = 0, head = 0, n = 0, x = 0;
   int spins = 0;
   atomic_store(&ring->reader[job->index].ready, 1);
   while (n < job->messages) {
      while ((head = atomic_load_explicit(&ring->head, memory_order_acquire)) == at) {
         pause_until(&spins);
      }
      while (at < head) {
         const uint8_t *p = ring->bytes + at % RING;
         unsigned size = (unsigned) (p[0] << 8 | p[1]);
         x ^= look(p + 2, size);
         at += 2 + size;
         n++;
      }
      atomic_store_explicit(&ring->reader[job->index].tail, at, memory_order_release);
   }
   seen = x;
   return n;
}

static void ring_connect(struct job *job)
{
   for (unsigned i = 0; i < job->readers; i++) {
      while (atomic_load(&ring->reader[i].ready) == 0) {
         sched_yield();
      }
   }
}

static uint64_t slowest(const struct job *job)
{
   uint64_t tail = UINT64_MAX;
   for (unsigned i = 0; i < job->readers; i++) {
      uint64_t t = atomic_load_explicit(&ring->reader[i].tail, memory_order_acquire);
      tail = t < tail ? t : tail;
   }
   return tail;
}

static void ring_send(struct job *job)
{
   static char message[MAX_MESSAGE];
   uint64_t head = 0, published = 0, limit = RING - MAX_MESSAGE;
   int spins = 0;
   for (uint64_t i = 0; i < job->messages; i++) {
      fill(message, i);
      if (head + 2 + job->size > limit) {
         atomic_store_explicit(&ring->head, head, memory_order_release);
         while (head + 2 + job->size > (limit = slowest(job) + RING - MAX_MESSAGE)) {
            pause_until(&spins);
         }
      }
      /* Messages that start before the end of the ring run over into the room after it; the reader does as well. */
      uint8_t *p = ring->bytes + head % RING;
      p[0] = (uint8_t) (job->size >> 8);
      p[1] = (uint8_t) job->size;
      memcpy(p + 2, message, job->size);
      head += 2 + job->size;
      if (head - published >= PUBLISH) {
         atomic_store_explicit(&ring->head, head, memory_order_release);
         published = head;
      }
   }
   atomic_store_explicit(&ring->head, head, memory_order_release);
}

/* ------------------------------------------------------------------- sockets */

#define CHUNK 65536u

static int listener, connections[64];
static struct sockaddr_un unix_address;
static struct sockaddr_in tcp_address;

static void listen_on(struct sockaddr *address, socklen_t length)
{
   int one = 1;
   listener = socket(address->sa_family, SOCK_STREAM, 0);
   setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
   if (bind(listener, address, length) != 0 || listen(listener, 64) != 0) {
      die("listen");
   }
}

static void unix_prepare(struct job *job)
{
   unix_address.sun_family = AF_UNIX;
   snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s/raw", job->dir);
   listen_on((struct sockaddr *) &unix_address, sizeof(unix_address));
}

static void tcp_prepare(struct job *job)
{
   tcp_address = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t) job->port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   listen_on((struct sockaddr *) &tcp_address, sizeof(tcp_address));
}

static uint64_t stream_read(struct job *job, struct sockaddr *address, socklen_t length)
{
   static uint8_t buffer[4 * CHUNK];
   uint64_t n = 0, x = 0;
   size_t fill_to = 0;
   int fd = socket(address->sa_family, SOCK_STREAM, 0);
   if (connect(fd, address, length) != 0) {
      die("connect");
   }
   while (n < job->messages) {
      ssize_t got = read(fd, buffer + fill_to, sizeof(buffer) - fill_to);
      if (got <= 0) {
         break;
      }
      fill_to += (size_t) got;
      size_t at = 0;
      while (fill_to - at >= 2) {
         unsigned size = (unsigned) (buffer[at] << 8 | buffer[at + 1]);
         if (fill_to - at < 2 + size) {
            break;
         }
         x ^= look(buffer + at + 2, size);
         at += 2 + size;
         n++;
      }
      memmove(buffer, buffer + at, fill_to - at);
      fill_to -= at;
   }
   seen = x;
   return n;
}

static uint64_t unix_read(struct job *job)
{
   return stream_read(job, (struct sockaddr *) &unix_address, sizeof(unix_address));
}

static uint64_t tcp_read(struct job *job)
{
   return stream_read(job, (struct sockaddr *) &tcp_address, sizeof(tcp_address));
}

static void stream_connect(struct job *job)
{
   for (unsigned i = 0; i < job->readers; i++) {
      connections[i] = accept(listener, NULL, NULL);
   }
}

static void write_all(struct job *job, const uint8_t *data, size_t size)
{
   for (unsigned i = 0; i < job->readers; i++) {
      for (size_t done = 0; done < size;) {
         ssize_t n = write(connections[i], data + done, size - done);
         if (n < 0) {
            die("write");
         }
         done += (size_t) n;
      }
   }
}

static void stream_send(struct job *job)
{
   static uint8_t buffer[CHUNK + MAX_MESSAGE + 2];
   static char message[MAX_MESSAGE];
   size_t used = 0;
   for (uint64_t i = 0; i < job->messages; i++) {
      fill(message, i);
      buffer[used] = (uint8_t) (job->size >> 8);
      buffer[used + 1] = (uint8_t) job->size;
      memcpy(buffer + used + 2, message, job->size);
      used += 2 + job->size;
      if (used >= CHUNK) {
         write_all(job, buffer, used);
         used = 0;
      }
   }
   write_all(job, buffer, used);
}

const struct way way_ring = {"ring", ring_prepare, ring_read, ring_connect, ring_send};
const struct way way_raw_unix = {"raw_unix", unix_prepare, unix_read, stream_connect, stream_send};
const struct way way_raw_tcp = {"raw_tcp", tcp_prepare, tcp_read, stream_connect, stream_send};
