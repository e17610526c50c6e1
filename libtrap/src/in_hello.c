/* SPDX-License-Identifier: BSD-3-Clause */
/** Input over a socket: the hello, with what a local sender hands over, and negotiation of the format. */
#include "in_socket.h"
#include "socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads from the socket, and receives descriptors. */
static ssize_t read_hello_bytes(struct socket_input *s, size_t want)
{
   union {
      struct cmsghdr align;
      char bytes[CMSG_SPACE(SHARE_FDS * sizeof(int))];
   } control;
   struct iovec iov = {.iov_base = s->buffer + s->fill, .iov_len = want - s->fill};
   if (s->tls != NULL) {
      return receive_bytes(s, iov.iov_base, iov.iov_len);
   }
   struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
   if (s->to.host == NULL) {
      msg.msg_control = control.bytes;
      msg.msg_controllen = sizeof(control.bytes);
   }
   ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC);
   for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c != NULL; c = CMSG_NXTHDR(&msg, c)) {
      int fds[SHARE_FDS];
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
         continue;
      }
      size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      memcpy(fds, CMSG_DATA(c), (count < SHARE_FDS ? count : SHARE_FDS) * sizeof(int));
      if (count == SHARE_FDS && s->page == NULL && getenv("TRAP_NO_SHM") == NULL) {
         local_open(s, fds);
      }
      for (size_t i = 0; i < count && i < SHARE_FDS; i++) {
         close(fds[i]);
      }
   }
   return n;
}

/* Nothing came, or the end: TIMEOUT, after which the input waits or connects again. */
static int no_bytes(struct socket_input *s, ssize_t n)
{
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (now_ms() < s->hello_deadline) {
         wait_socket(s, wanted_events(s));
         s->in.retry_at = s->hello_deadline;
         return TRAP_E_TIMEOUT;
      }
      complain(s, NO_HELLO, "the sender did not announce a format within %d ms", HELLO_TIMEOUT);
   } else if (n < 0 && errno == EACCES) { /* TLS 1.3 reports a rejected client certificate only now */
      complain(s, BAD_TLS, "the sender at %s port %s refused the certificate", s->to.host, s->to.port);
   } else if (s->fill > 0) {
      complain(s, BAD_HELLO, "the connection ended inside the sender's format");
   } /* else refused without a byte: too many clients, or a sender that is ending */
   disconnect(s);
   return TRAP_E_TIMEOUT;
}

/* The whole hello is in the buffer. */
static int negotiate(struct socket_input *s, uint8_t type, uint32_t length)
{
   if (type == TRAP_FMT_UNKNOWN) {
      input_set_state(&s->in, FMT_WAITING);
      disconnect(s);
      return TRAP_E_TIMEOUT;
   }
   char why[FORMAT_REASON];
   char *spec = strndup((const char *) s->buffer + 8, length);
   s->start = s->fill = 0;
   int rc = spec != NULL ? input_negotiate(&s->in, type, spec, why) : TRAP_E_MEMORY;
   if (rc == TRAP_E_OK && s->to.resume != NULL && s->page == NULL && s->late) {
      disconnect(s); /* the stream was chosen meanwhile */
      return TRAP_E_TIMEOUT;
   }
   if (rc == TRAP_E_OK) {
      if (s->to.resume != NULL && s->page == NULL) {
         complain(s, NOTHING_KEPT, "no shared log of this sender, so it keeps nothing for resume=%s",
                  s->to.resume);
      }
      s->stage = s->asked ? RESUMING : STREAM;
      s->connected_at = now_ms();
      s->delivered = false;
      atomic_store(&s->in.connected, true);
      return rc;
   }
   if (rc == TRAP_E_NEGOTIATION_FAILED) {
      complain(s, NO_FORMAT, "%s", why);
      rc = TRAP_E_TIMEOUT;
   } else if (rc == TRAP_E_FORMAT_MISMATCH) {
      ctx_error(s->in.ctx, rc, "Input %s: %s.", s->in.id, why);
   }
   disconnect(s);
   return rc;
}

int step_hello(struct socket_input *s)
{
   uint8_t type = 0;
   uint32_t length = 0;
   for (;;) {
      size_t want = 8;
      if (s->fill >= 8) {
         char why[FORMAT_REASON];
         if (hello_parse(s->buffer, &type, &length, why) != TRAP_E_OK) {
            complain(s, BAD_HELLO, "%s", why);
            disconnect(s);
            return TRAP_E_TIMEOUT;
         }
         want = 8 + (size_t) length;
         if (!buffer_reserve(&s->buffer, &s->capacity, want)) {
            disconnect(s);
            return ctx_error(s->in.ctx, TRAP_E_MEMORY, NULL);
         }
      }
      if (s->fill >= 8 && s->fill == want) {
         return negotiate(s, type, length);
      }
      ssize_t n = read_hello_bytes(s, want);
      if (n <= 0) {
         return no_bytes(s, n);
      }
      s->fill += (size_t) n;
   }
}
