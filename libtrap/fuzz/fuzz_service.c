/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: requests of a client of the service interface. Input: u8 bytes in a piece (0: all), the requests. */
#include "../src/service.c"
#include "fuzz_trap.h"

/* What a client gets: replies of JSON, each whole unless the client was closed; \return bytes that came */
static size_t check_replies(int fd)
{
   static uint8_t got[1 << 18];
   size_t n = 0, at = 0;
   for (ssize_t r; n < sizeof(got) && (r = recv(fd, got + n, sizeof(got) - n, MSG_DONTWAIT)) > 0;) {
      n += (size_t) r;
   }
   while (at + HEADER <= n) {
      uint32_t size;
      memcpy(&size, got + at + 4, sizeof(size));
      PROMISE(got[at] == SERVICE_OK && size > 1);
      if (size > n - at - HEADER) {
         break; /* more than was read here */
      }
      json_t *o = json_loadb((const char *) got + at + HEADER, size - 1, 0, NULL);
      PROMISE(o != NULL && got[at + HEADER + size - 1] == 0);
      json_decref(o);
      at += HEADER + (size_t) size;
   }
   return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   int pair[2];
   fuzz_quiet();
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 1, "g:5:hello,b:", NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
   struct service s = {.ctx = ctx, .source = {.fd = -1}};
   struct service_client *c = calloc(1, sizeof(*c));
   pthread_mutex_init(&s.lock, NULL);
   c->service = &s;
   c->source.fd = pair[0];
   s.clients = c;
   s.n_clients = 1;
   size_t piece = (size_t) fuzz_number(&in, 1);
   int rc = 0;
   while (rc >= 0 && in.left > 0) {
      size_t n = piece == 0 || piece > in.left ? in.left : piece;
      ssize_t sent = send(pair[1], in.p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) {
         break;
      }
      in.p += sent;
      in.left -= (size_t) sent;
      for (int steps = 0; steps < 1000; steps++) {
         rc = c->reply != NULL ? write_reply(c) : read_request(c);
         if (rc <= 0) {
            break;
         }
      }
      check_replies(pair[1]);
   }
   close(pair[1]);
   remove_client(&s, c);
   PROMISE(s.n_clients == 0 && s.clients == NULL);
   pthread_mutex_destroy(&s.lock);
   trap_ctx_finalize(&ctx);
   return 0;
}
