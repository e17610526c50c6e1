/* SPDX-License-Identifier: BSD-3-Clause */
/** Sending to a TCP server that comes and goes. */
#include "tcp.h"

#include <errno.h>
#include <nemea-common/nc_text.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS    100 /* between two looks whether the module should end */
#define CONNECT_MS 10000

bool tcp_parse(struct tcp *tcp, const char *text)
{
   const char *colon = strrchr(text, ':');
   if (colon == NULL || colon == text) {
      return false;
   }
   const char *host = text;
   size_t n = (size_t) (colon - text);
   bool brackets = text[0] == '[';
   if (brackets) {
      if (n < 3 || colon[-1] != ']') {
         return false;
      }
      host++;
      n -= 2;
   }
   char *end;
   errno = 0;
   unsigned long port = strtoul(colon + 1, &end, 10);
   if (n >= sizeof(tcp->host) || (!brackets && memchr(host, ':', n) != NULL) || colon[1] < '0' ||
       colon[1] > '9' || *end != 0 || errno != 0 || port == 0 || port > 65535) {
      return false;
   }
   memcpy(tcp->host, host, n);
   tcp->host[n] = 0;
   snprintf(tcp->port, sizeof(tcp->port), "%lu", port);
   tcp->fd = -1;
   return true;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
   char before[40] = "";
   time_t now = time(NULL);
   struct tm tm;
   va_list ap;
   strftime(before, sizeof(before), "<%Y-%m-%d-%H:%M:%S> ", localtime_r(&now, &tm));
   va_start(ap, format);
   nc_text_vline(stderr, before, format, ap);
   va_end(ap);
}

static bool wait_ms(const struct tcp *tcp, int ms)
{
   for (; ms > 0; ms -= STEP_MS) {
      if (tcp->stopping(tcp->arg)) {
         return false;
      }
      poll(NULL, 0, ms < STEP_MS ? ms : STEP_MS);
   }
   return !tcp->stopping(tcp->arg);
}

/* Waits until the socket takes data. \return 0; an errno: ECANCELED when the module should end */
static int wait_writable(const struct tcp *tcp, int fd, int ms)
{
   struct pollfd p = {.fd = fd, .events = POLLOUT};
   for (;; ms -= ms > 0 ? STEP_MS : 0) {
      if (tcp->stopping(tcp->arg)) {
         return ECANCELED;
      }
      int n = poll(&p, 1, STEP_MS);
      if (n > 0) {
         int error = 0;
         socklen_t size = sizeof(error);
         getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
         return error;
      }
      if (n < 0 && errno != EINTR) {
         return errno;
      }
      if (ms > 0 && ms <= STEP_MS) {
         return ETIMEDOUT;
      }
   }
}

static int try_address(struct tcp *tcp, const struct addrinfo *a)
{
   int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
   if (fd < 0) {
      return errno;
   }
   int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
   if (error == EINPROGRESS) {
      error = wait_writable(tcp, fd, CONNECT_MS);
   }
   if (error != 0) {
      close(fd);
      return error;
   }
   tcp->fd = fd;
   return 0;
}

/* \return NULL: connected; why not */
static const char *try_connect(struct tcp *tcp)
{
   struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
   int rc = getaddrinfo(tcp->host, tcp->port, &hints, &list);
   if (rc != 0) {
      return gai_strerror(rc);
   }
   int error = 0;
   for (const struct addrinfo *a = list; a != NULL && tcp->fd < 0 && error != ECANCELED; a = a->ai_next) {
      error = try_address(tcp, a);
   }
   freeaddrinfo(list);
   return tcp->fd >= 0 ? NULL : strerror(error);
}

bool tcp_connect(struct tcp *tcp)
{
   say("Connecting to %s:%s ...", tcp->host, tcp->port);
   for (;;) {
      const char *why = try_connect(tcp);
      if (why == NULL) {
         say("Connection established.");
         tcp->why[0] = 0;
         return true;
      }
      if (tcp->stopping(tcp->arg)) {
         return false;
      }
      if (strncmp(why, tcp->why, sizeof(tcp->why) - 1) != 0) {
         say("Connection failed (%s), retrying every 5 seconds ...", why);
         snprintf(tcp->why, sizeof(tcp->why), "%s", why);
      }
      if (!wait_ms(tcp, tcp->retry_ms)) {
         return false;
      }
   }
}

void tcp_close(struct tcp *tcp)
{
   if (tcp->fd >= 0) {
      close(tcp->fd);
      tcp->fd = -1;
   }
}

/* Sends all. \return 0, or an errno */
static int try_send(struct tcp *tcp, const char *text, size_t length)
{
   char byte;
   if (recv(tcp->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
      return EPIPE; /* the server closed; what is sent now would be lost */
   }
   while (length > 0) {
      ssize_t n = send(tcp->fd, text, length, MSG_NOSIGNAL);
      if (n >= 0) {
         text += n;
         length -= (size_t) n;
      } else if (errno == EAGAIN) {
         int error = wait_writable(tcp, tcp->fd, 0);
         if (error != 0) {
            return error;
         }
      } else if (errno != EINTR) {
         return errno;
      }
   }
   return 0;
}

bool tcp_send(struct tcp *tcp, const char *text, size_t length)
{
   for (;;) {
      if (tcp->fd < 0 && !tcp_connect(tcp)) {
         return false;
      }
      int error = try_send(tcp, text, length);
      if (error == 0 || error == ECANCELED) {
         return error == 0;
      }
      say("Connection error: %s", strerror(error));
      tcp_close(tcp);
   }
}
