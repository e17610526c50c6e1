/* SPDX-License-Identifier: BSD-3-Clause */
#include "tls.h"
#include "internal.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct tls_config {
   SSL_CTX *ssl;
   BIO_METHOD *method;
   char *host;
   bool server;
};

struct tls {
   SSL *ssl;
   int fd;
   bool wants_write;
};

/* ------------------------------------------------------------- socket without SIGPIPE */

static int socket_write(BIO *bio, const char *data, int size)
{
   const struct tls *t = BIO_get_data(bio);
   ssize_t n = send(t->fd, data, (size_t) size, MSG_NOSIGNAL);
   BIO_clear_retry_flags(bio);
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      BIO_set_retry_write(bio);
   }
   return (int) n;
}

static int socket_read(BIO *bio, char *data, int size)
{
   const struct tls *t = BIO_get_data(bio);
   ssize_t n = recv(t->fd, data, (size_t) size, 0);
   BIO_clear_retry_flags(bio);
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      BIO_set_retry_read(bio);
   }
   return (int) n;
}

static long socket_ctrl(BIO *bio, int command, long number, void *p)
{
   (void) bio;
   (void) number;
   (void) p;
   return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
   BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "trap");
   if (m != NULL) {
      BIO_meth_set_write(m, socket_write);
      BIO_meth_set_read(m, socket_read);
      BIO_meth_set_ctrl(m, socket_ctrl);
   }
   return m;
}

/* -------------------------------------------------------------------- configuration */

static const char *reason(void)
{
   unsigned long e = ERR_get_error();
   const char *text = e == 0                ? NULL
                      : ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e))
                                            : ERR_reason_error_string(e);
   ERR_clear_error();
   return text != NULL ? text : "unknown reason";
}

static bool load(struct trap_context *ctx, SSL_CTX *ssl, const char *key, const char *cert, const char *ca)
{
   const char *what = NULL, *file = NULL;
   if (SSL_CTX_use_certificate_chain_file(ssl, cert) != 1) {
      what = "certificate chain";
      file = cert;
   } else if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
      what = "private key";
      file = key;
   } else if (SSL_CTX_load_verify_locations(ssl, ca, NULL) != 1) {
      what = "list of CA certificates";
      file = ca;
   }
   if (what != NULL) {
      ctx_error(ctx, TRAP_E_BADPARAMS, "TLS: file '%s' cannot be used as %s in PEM form: %s.", file, what,
                reason());
   }
   return what == NULL;
}

struct tls_config *tls_config_new(struct trap_context *ctx, bool server, const char *key, const char *cert,
                                  const char *ca, const char *host)
{
   struct tls_config *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      ctx_error(ctx, TRAP_E_MEMORY, NULL);
      return NULL;
   }
   c->server = server;
   c->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
   c->method = make_method();
   c->host = host != NULL ? strdup(host) : NULL;
   if (c->ssl == NULL || c->method == NULL || (host != NULL && c->host == NULL)) {
      ctx_error(ctx, TRAP_E_MEMORY, NULL);
      tls_config_free(c);
      return NULL;
   }
   if (!load(ctx, c->ssl, key, cert, ca)) {
      tls_config_free(c);
      return NULL;
   }
   if (SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) != 1 ||
       (server &&
        SSL_CTX_set_num_tickets(c->ssl, 0) != 1)) { /* the client never sends, so nothing is resumed */
      ctx_error(ctx, TRAP_E_BADPARAMS, "TLS: this OpenSSL does not do TLS 1.2 or newer: %s.", reason());
      tls_config_free(c);
      return NULL;
   }
   SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
   /* What waits to be sent moves in memory, but its bytes stay the same. */
   SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
   SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
   return c;
}

struct tls_config *tls_config_of(struct trap_context *ctx, bool server, char *const files[TLS_FILES],
                                 const char *host)
{
   for (int i = 0; i < TLS_FILES; i++) {
      if (files[i] == NULL || *files[i] == 0) {
         ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'keyfile:certfile:CAfile' for TLS IFC.");
         return NULL;
      }
   }
   return tls_config_new(ctx, server, files[TLS_KEY], files[TLS_CERT], files[TLS_CA], host);
}

void tls_config_free(struct tls_config *c)
{
   if (c != NULL) {
      SSL_CTX_free(c->ssl);
      BIO_meth_free(c->method);
      free(c->host);
      free(c);
   }
}

/* ----------------------------------------------------------------------- connections */

struct tls *tls_new(const struct tls_config *config, int fd)
{
   struct tls *t = calloc(1, sizeof(*t));
   BIO *bio = BIO_new(config->method);
   if (t == NULL || bio == NULL || (t->ssl = SSL_new(config->ssl)) == NULL) {
      BIO_free(bio);
      free(t);
      return NULL;
   }
   t->fd = fd;
   BIO_set_data(bio, t);
   BIO_set_init(bio, 1);
   SSL_set_bio(t->ssl, bio, bio);
   if (config->server) {
      SSL_set_accept_state(t->ssl);
   } else {
      SSL_set_connect_state(t->ssl);
   }
   if (config->host != NULL) {
      /* Without the name any certificate of the CA would do: no connection then. */
      if (SSL_set1_host(t->ssl, config->host) != 1 || SSL_set_tlsext_host_name(t->ssl, config->host) != 1) {
         ERR_clear_error();
         tls_free(t);
         return NULL;
      }
   }
   return t;
}

void tls_free(struct tls *t)
{
   if (t != NULL) {
      SSL_free(t->ssl);
      free(t);
   }
}

/* Alerts by which the peer says that it does not take this side's certificate. */
static bool certificate_refused(unsigned long e)
{
   switch (ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0) {
   case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
   case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
   case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
   case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
   case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
   case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
   case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
   default: return false;
   }
}

static enum tls_step step_of(struct tls *t, int rc)
{
   int error = SSL_get_error(t->ssl, rc);
   t->wants_write = error == SSL_ERROR_WANT_WRITE;
   if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      return t->wants_write ? TLS_WANT_WRITE : TLS_WANT_READ;
   }
   return certificate_refused(ERR_peek_error()) ? TLS_BAD_CERT : TLS_LOST;
}

enum tls_step tls_handshake(struct tls *t, char *why, size_t size)
{
   ERR_clear_error();
   int rc = SSL_do_handshake(t->ssl);
   if (rc == 1) {
      return TLS_DONE;
   }
   enum tls_step step = step_of(t, rc);
   if (step == TLS_WANT_READ || step == TLS_WANT_WRITE) {
      return step;
   }
   long verified = SSL_get_verify_result(t->ssl);
   if (verified != X509_V_OK) {
      snprintf(why, size, "%s", X509_verify_cert_error_string(verified));
      ERR_clear_error();
      return TLS_BAD_CERT;
   }
   snprintf(why, size, "%s", ERR_peek_error() != 0 ? reason() : "connection closed");
   return step;
}

static ssize_t result(struct tls *t, int rc)
{
   if (rc > 0) {
      return rc;
   }
   switch (step_of(t, rc)) {
   case TLS_WANT_READ:
   case TLS_WANT_WRITE: errno = EAGAIN; return -1;
   case TLS_BAD_CERT:
      ERR_clear_error();
      errno = EACCES;
      return -1;
   default: ERR_clear_error(); return 0;
   }
}

ssize_t tls_send(struct tls *t, const void *data, size_t size)
{
   ERR_clear_error();
   ssize_t n = result(t, SSL_write(t->ssl, data, size > INT32_MAX ? INT32_MAX : (int) size));
   if (n == 0) {
      errno = EPIPE;
      return -1;
   }
   return n;
}

ssize_t tls_recv(struct tls *t, void *data, size_t size)
{
   ERR_clear_error();
   return result(t, SSL_read(t->ssl, data, size > INT32_MAX ? INT32_MAX : (int) size));
}

bool tls_wants_write(const struct tls *t)
{
   return t->wants_write;
}
