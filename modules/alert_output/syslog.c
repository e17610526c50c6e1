/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Messages to a syslog server over TCP (RFC 6587, octet counting) or TLS (RFC 5425). The protocol has no confirmation: what the receiver's
 * system has not acknowledged yet is sent again after a break, so a message may arrive twice, but a break loses none that is
 * younger than that.
 */
#include "destination.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#else
typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
#endif

#define MOST     64  /* messages of one write */
#define SLICE_MS 100 /* between two looks whether the module ends */

struct syslog {
   struct destination d;
   char host[256], port[8];
   int fd;           /* -1: not connected */
   SSL_CTX *context; /* NULL: no TLS */
   SSL *ssl;
   char *buffer;
   size_t room;
   int timeout;
};

static struct syslog *of(struct destination *d)
{
   return (struct syslog *) d;
}

/* \return false: too long, or the module ends */
static bool wait_for(const struct syslog *s, int fd, short events, int milliseconds)
{
   struct pollfd p = {.fd = fd, .events = events};
   int n = 0;
   while (n == 0 && milliseconds > 0 && !s->d.cancelled) {
      int part = milliseconds < SLICE_MS ? milliseconds : SLICE_MS;
      n = poll(&p, 1, part);
      milliseconds -= part;
   }
   return n > 0;
}

/* ----------------------------------------------------------------------------- TLS */

#ifdef HAVE_TLS
static const char *reason(void)
{
   const char *text = ERR_reason_error_string(ERR_get_error());
   ERR_clear_error();
   return text != NULL ? text : "connection closed";
}

/* Waits for what TLS wants. \return false: it failed, or took too long */
static bool wait_for_tls(struct syslog *s, int rc)
{
   int error = SSL_get_error(s->ssl, rc);
   return (error == SSL_ERROR_WANT_READ && wait_for(s, s->fd, POLLIN, s->timeout)) ||
          (error == SSL_ERROR_WANT_WRITE && wait_for(s, s->fd, POLLOUT, s->timeout));
}

static bool set_host(struct syslog *s)
{
   X509_VERIFY_PARAM *param = SSL_get0_param(s->ssl);
   if (X509_VERIFY_PARAM_set1_ip_asc(param, s->host) == 1) {
      return true;
   }
   ERR_clear_error();
   return SSL_set1_host(s->ssl, s->host) == 1 && SSL_set_tlsext_host_name(s->ssl, s->host) == 1;
}

static bool start_tls(struct syslog *s, char why[WHY_SIZE])
{
   int rc = -1;
   ERR_clear_error();
   s->ssl = SSL_new(s->context);
   if (s->ssl == NULL || !set_host(s) || SSL_set_fd(s->ssl, s->fd) != 1) {
      snprintf(why, WHY_SIZE, "TLS: %s", reason());
      return false;
   }
   do {
      rc = SSL_connect(s->ssl);
   } while (rc != 1 && wait_for_tls(s, rc));
   if (rc != 1) {
      long verified = SSL_get_verify_result(s->ssl);
      snprintf(why, WHY_SIZE, "TLS: %s",
               verified != X509_V_OK ? X509_verify_cert_error_string(verified) : reason());
   }
   return rc == 1;
}

static bool load_context(SSL_CTX *c, const struct destination_options *o, char why[WHY_SIZE])
{
   const char *what = NULL;
   SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
   SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
   SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
   if (o->ca != NULL ? SSL_CTX_load_verify_locations(c, o->ca, NULL) != 1
                     : SSL_CTX_set_default_verify_paths(c) != 1) {
      what = "the list of CA certificates";
   } else if (o->cert != NULL && SSL_CTX_use_certificate_chain_file(c, o->cert) != 1) {
      what = "the certificate";
   } else if (o->key != NULL && SSL_CTX_use_PrivateKey_file(c, o->key, SSL_FILETYPE_PEM) != 1) {
      what = "the key";
   }
   if (what != NULL) {
      snprintf(why, WHY_SIZE, "TLS: %s cannot be read in PEM form: %s", what, reason());
   }
   return what == NULL;
}
#endif

/* ---------------------------------------------------------------------- connections */

static void disconnect(struct syslog *s)
{
#ifdef HAVE_TLS
   SSL_free(s->ssl);
   ERR_clear_error();
#endif
   s->ssl = NULL;
   if (s->fd >= 0) {
      close(s->fd);
   }
   s->fd = -1;
   s->d.bytes = 0;
}

static int connect_to(const struct syslog *s, const struct addrinfo *a)
{
   int error = 0, one = 1;
   socklen_t size = sizeof(error);
   int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (fd < 0) {
      return -1;
   }
   setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
   setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &s->timeout, sizeof(s->timeout));
   if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
      error = errno;
   }
   if (error == EINPROGRESS) {
      error = ETIMEDOUT;
      if (wait_for(s, fd, POLLOUT, s->timeout) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
         error = errno;
      }
   }
   if (error != 0) {
      close(fd);
      errno = error;
      return -1;
   }
   return fd;
}

static bool connect_any(struct syslog *s, char why[WHY_SIZE])
{
   const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
   struct addrinfo *list = NULL;
   int rc = getaddrinfo(s->host, s->port, &hints, &list);
   if (rc != 0) {
      snprintf(why, WHY_SIZE, "%.200s: %s", s->host, gai_strerror(rc));
      return false;
   }
   for (const struct addrinfo *a = list; a != NULL && s->fd < 0; a = a->ai_next) {
      s->fd = connect_to(s, a);
   }
   if (s->fd < 0) {
      snprintf(why, WHY_SIZE, "%s", strerror(errno));
   }
   freeaddrinfo(list);
   return s->fd >= 0;
}

static bool connected(struct syslog *s, char why[WHY_SIZE])
{
   if (s->fd >= 0) {
      return true;
   }
   if (!connect_any(s, why)) {
      return false;
   }
#ifdef HAVE_TLS
   if (s->context != NULL && !start_tls(s, why)) {
      disconnect(s);
      return false;
   }
#endif
   return true;
}

/* Reads what the receiver says, which means nothing. \return false: it has closed the connection */
static bool still_open(struct syslog *s)
{
   char ignored[512];
   for (;;) {
      ssize_t n;
#ifdef HAVE_TLS
      if (s->ssl != NULL) {
         int rc = SSL_read(s->ssl, ignored, sizeof(ignored));
         int error = rc > 0 ? 0 : SSL_get_error(s->ssl, rc);
         ERR_clear_error();
         if (rc > 0) {
            continue;
         }
         return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
      }
#endif
      n = recv(s->fd, ignored, sizeof(ignored), 0);
      if (n > 0 || (n < 0 && errno == EINTR)) {
         continue;
      }
      return n < 0 && errno == EAGAIN;
   }
}

/* \return bytes; 0: try again; -1: the connection is broken */
static ssize_t write_some(struct syslog *s, const char *data, size_t n)
{
#ifdef HAVE_TLS
   if (s->ssl != NULL) {
      ERR_clear_error();
      int rc = SSL_write(s->ssl, data, n < INT32_MAX ? (int) n : INT32_MAX);
      return rc > 0 ? rc : wait_for_tls(s, rc) ? 0 : -1;
   }
#endif
   ssize_t written = send(s->fd, data, n, MSG_NOSIGNAL);
   if (written < 0 && (errno == EINTR || (errno == EAGAIN && wait_for(s, s->fd, POLLOUT, s->timeout)))) {
      return 0;
   }
   return written;
}

/* ------------------------------------------------------------------------- messages */

static size_t fill(struct syslog *s, const struct message *m, unsigned n)
{
   size_t all = 0, at = 0;
   for (unsigned i = 0; i < n; i++) {
      all += m[i].length + 16;
   }
   if (all > s->room) {
      char *more = realloc(s->buffer, all);
      if (more == NULL) {
         return 0;
      }
      s->buffer = more;
      s->room = all;
   }
   for (unsigned i = 0; i < n; i++) { /* MSG-LEN SP SYSLOG-MSG */
      at += (size_t) snprintf(s->buffer + at, 16, "%u ", m[i].length);
      memcpy(s->buffer + at, m[i].data, m[i].length);
      at += m[i].length;
   }
   return at;
}

static enum delivery syslog_send(struct destination *d, const struct message *m, unsigned n,
                                 char why[WHY_SIZE])
{
   struct syslog *s = of(d);
   if (!connected(s, why)) {
      return RETRY;
   }
   size_t length = fill(s, m, n), done = 0;
   if (length == 0) {
      snprintf(why, WHY_SIZE, "out of memory");
      return RETRY;
   }
   bool open = still_open(s);
   while (open && done < length) {
      ssize_t written = write_some(s, s->buffer + done, length - done);
      open = written >= 0;
      done += written > 0 ? (size_t) written : 0;
   }
   if (!open) {
      snprintf(why, WHY_SIZE, "the connection is broken, or the receiver takes nothing");
      disconnect(s);
      return RETRY;
   }
   d->bytes += length;
   return DELIVERED;
}

/* Of TLS, the bytes of its records are more than those of the messages: what waits is counted as if it were messages, which is on
 * the safe side. */
static bool syslog_reached(struct destination *d, uint64_t *bytes)
{
   struct syslog *s = of(d);
   int waiting = 0;
   if (s->fd < 0 || !still_open(s) || ioctl(s->fd, SIOCOUTQ, &waiting) != 0) {
      disconnect(s);
      return false;
   }
   uint64_t unsure = (uint64_t) waiting;
   *bytes = unsure < d->bytes ? d->bytes - unsure : 0;
   return true;
}

static bool syslog_finish(struct destination *d, unsigned milliseconds)
{
   struct syslog *s = of(d);
   struct timespec ts;
   if (s->fd < 0) {
      return false;
   }
#ifdef HAVE_TLS
   if (s->ssl != NULL) {
      SSL_shutdown(s->ssl);
      ERR_clear_error();
   }
#endif
   shutdown(s->fd, SHUT_WR);
   clock_gettime(CLOCK_MONOTONIC, &ts);
   int64_t end = ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + milliseconds, now = 0;
   char ignored[512];
   ssize_t n = -1;
   do { /* the receiver closes when it has read all */
      clock_gettime(CLOCK_MONOTONIC, &ts);
      now = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
      n = now < end && wait_for(s, s->fd, POLLIN, (int) (end - now))
              ? recv(s->fd, ignored, sizeof(ignored), 0)
              : -1;
   } while (n > 0);
   disconnect(s);
   return n == 0;
}

static void syslog_free(struct destination *d)
{
   struct syslog *s = of(d);
   disconnect(s);
#ifdef HAVE_TLS
   SSL_CTX_free(s->context);
#endif
   free(s->buffer);
   free(s);
}

/* "HOST:PORT" or "[ADDRESS]:PORT" */
static bool parse_address(struct syslog *s, const char *address)
{
   const char *colon = strrchr(address, ':');
   bool brackets = address[0] == '[';
   size_t n = colon != NULL ? (size_t) (colon - address) : 0, start = brackets ? 1 : 0;
   if (n < 1 + 2 * start || (brackets && colon[-1] != ']') ||
       (!brackets && memchr(address, ':', n) != NULL)) {
      return false;
   }
   n -= 2 * start;
   unsigned long port = strtoul(colon + 1, NULL, 10);
   if (n >= sizeof(s->host) || strlen(colon + 1) > 5 ||
       strspn(colon + 1, "0123456789") != strlen(colon + 1) || port < 1 || port > UINT16_MAX) {
      return false;
   }
   memcpy(s->host, address + start, n);
   s->host[n] = 0;
   snprintf(s->port, sizeof(s->port), "%lu", port);
   return true;
}

struct destination *syslog_open(const char *address, bool tls, const struct destination_options *o,
                                char why[WHY_SIZE])
{
   struct syslog *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      snprintf(why, WHY_SIZE, "out of memory");
      return NULL;
   }
   s->d = (struct destination){.send = syslog_send,
                               .reached = syslog_reached,
                               .finish = syslog_finish,
                               .free = syslog_free,
                               .most = MOST};
   s->fd = -1;
   s->timeout = (int) o->timeout;
   bool good = parse_address(s, address);
   if (!good) {
      snprintf(why, WHY_SIZE, "expected HOST:PORT or [ADDRESS]:PORT");
   }
#ifdef HAVE_TLS
   s->context = good && tls ? SSL_CTX_new(TLS_client_method()) : NULL;
   good = good && (!tls || (s->context != NULL && load_context(s->context, o, why)));
#else
   if (good && tls) {
      snprintf(why, WHY_SIZE, "this build has no TLS");
      good = false;
   }
#endif
   if (!good) {
      syslog_free(&s->d);
      return NULL;
   }
   return &s->d;
}
