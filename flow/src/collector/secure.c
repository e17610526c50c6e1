/* SPDX-License-Identifier: BSD-3-Clause */
#include "secure.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET       32
#define COOKIE       32   /* bytes: an HMAC with SHA-256 */
#define DATAGRAM_MTU 1232 /* what every IPv6 network takes */

struct fc_secure {
   SSL_CTX *tls, *dtls;
   BIO_METHOD *stream, *datagram;
   uint8_t secret[SECRET]; /* of cookies */
};

struct fc_session {
   SSL *ssl;
   const struct fc_secure *secure;
   int fd;
   struct sockaddr_storage from; /* of a session over DTLS */
   const uint8_t *input;         /* the datagram that was not read yet; NULL: none */
   size_t input_size;
};

/* ------------------------------------------------------- sockets without SIGPIPE */

static int after(BIO *bio, ssize_t n, bool reads)
{
   BIO_clear_retry_flags(bio);
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      BIO_set_flags(bio, BIO_FLAGS_SHOULD_RETRY | (reads ? BIO_FLAGS_READ : BIO_FLAGS_WRITE));
   }
   return (int) n;
}

static int stream_write(BIO *bio, const char *data, int size)
{
   const struct fc_session *s = BIO_get_data(bio);
   return after(bio, send(s->fd, data, (size_t) size, MSG_NOSIGNAL), false);
}

static int stream_read(BIO *bio, char *data, int size)
{
   const struct fc_session *s = BIO_get_data(bio);
   return after(bio, recv(s->fd, data, (size_t) size, 0), true);
}

/* What cannot be sent is lost, as any datagram may be: the handshake sends it again. */
static int datagram_write(BIO *bio, const char *data, int size)
{
   const struct fc_session *s = BIO_get_data(bio);
   socklen_t length = s->from.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
   (void) !sendto(s->fd, data, (size_t) size, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *) &s->from,
                  length);
   BIO_clear_retry_flags(bio);
   return size;
}

static int datagram_read(BIO *bio, char *data, int size)
{
   struct fc_session *s = BIO_get_data(bio);
   if (s->input == NULL) {
      errno = EAGAIN;
      return after(bio, -1, true);
   }
   BIO_clear_retry_flags(bio);
   int n = s->input_size < (size_t) size ? (int) s->input_size : size;
   memcpy(data, s->input, (size_t) n);
   s->input = NULL;
   return n;
}

static long control(BIO *bio, int command, long number, void *p)
{
   (void) bio, (void) number, (void) p;
   return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(int (*write)(BIO *, const char *, int), int (*read)(BIO *, char *, int))
{
   BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "flow_collector");
   if (m != NULL) {
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, control);
   }
   return m;
}

/* ----------------------------------------------------------------- configuration */

static const char *reason(void)
{
   unsigned long e = ERR_peek_error();
   const char *text = e == 0                          ? NULL
                      : ERR_GET_LIB(e) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(e))
                                                      : ERR_reason_error_string(e);
   ERR_clear_error();
   return text != NULL ? text : "unknown reason";
}

/* Proves that who sends from an address also receives there: bound to it, and to nothing that is kept. */
static bool make_cookie(SSL *ssl, unsigned char *cookie)
{
   const struct fc_session *s = SSL_get_app_data(ssl);
   uint8_t text[sizeof(struct in6_addr) + 2] = {0};
   unsigned size = COOKIE;
   if (s->from.ss_family == AF_INET) {
      const struct sockaddr_in *in = (const struct sockaddr_in *) &s->from;
      memcpy(text, &in->sin_addr, sizeof(in->sin_addr));
      memcpy(text + sizeof(struct in6_addr), &in->sin_port, 2);
   } else {
      const struct sockaddr_in6 *in = (const struct sockaddr_in6 *) &s->from;
      memcpy(text, &in->sin6_addr, sizeof(in->sin6_addr));
      memcpy(text + sizeof(struct in6_addr), &in->sin6_port, 2);
   }
   return HMAC(EVP_sha256(), s->secure->secret, SECRET, text, sizeof(text), cookie, &size) != NULL;
}

static int give_cookie(SSL *ssl, unsigned char *cookie, unsigned *size)
{
   *size = COOKIE;
   return make_cookie(ssl, cookie);
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned size)
{
   unsigned char expected[COOKIE];
   return size == COOKIE && make_cookie(ssl, expected) && CRYPTO_memcmp(cookie, expected, COOKIE) == 0;
}

static bool load(SSL_CTX *ssl, const struct fc_secure_config *c, char error[FC_ERROR])
{
   const char *key = c->key != NULL ? c->key : c->certificate, *what = NULL, *file = NULL;
   struct stat st;
   bool directory = stat(c->ca, &st) == 0 && S_ISDIR(st.st_mode);
   if (SSL_CTX_use_certificate_chain_file(ssl, c->certificate) != 1) {
      what = "certificate";
      file = c->certificate;
   } else if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
      what = "private key of the certificate";
      file = key;
   } else if (SSL_CTX_load_verify_locations(ssl, directory ? NULL : c->ca, directory ? c->ca : NULL) != 1) {
      what = "list of CA certificates";
      file = c->ca;
   }
   if (what != NULL) {
      snprintf(error, FC_ERROR, "\"%.200s\" cannot be used as %s in PEM form: %s", file, what, reason());
   }
   return what == NULL;
}

/* The names of exporters become a part of what the library verifies, so that one with another name gets an alert. */
static bool add_peers(SSL_CTX *ssl, const struct fc_secure_config *c, char error[FC_ERROR])
{
   X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ssl);
   X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
   for (unsigned i = 0; i < c->n_peers; i++) {
      if (c->peers[i][0] == 0 || X509_VERIFY_PARAM_add1_host(p, c->peers[i], 0) != 1) {
         snprintf(error, FC_ERROR, "\"%.200s\" cannot be the name in a certificate", c->peers[i]);
         return false;
      }
   }
   return true;
}

static SSL_CTX *make_context(const SSL_METHOD *method, int least, const struct fc_secure_config *c,
                             char error[FC_ERROR])
{
   SSL_CTX *ssl = SSL_CTX_new(method);
   if (ssl == NULL || SSL_CTX_set_min_proto_version(ssl, least) != 1) {
      snprintf(error, FC_ERROR, "this OpenSSL has no TLS and DTLS 1.2: %s", reason());
      SSL_CTX_free(ssl);
      return NULL;
   }
   if (!load(ssl, c, error) || !add_peers(ssl, c, error)) {
      SSL_CTX_free(ssl);
      return NULL;
   }
   /* Each session has a handshake of its own, once: nothing is resumed, and an exporter cannot make the collector work for it again. */
   SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                SSL_OP_NO_QUERY_MTU);
   SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
   (void) SSL_CTX_set_num_tickets(ssl, 0);
   SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
   SSL_CTX_set_cookie_generate_cb(ssl, give_cookie);
   SSL_CTX_set_cookie_verify_cb(ssl, check_cookie);
   return ssl;
}

struct fc_secure *fc_secure_new(const struct fc_secure_config *config, char error[FC_ERROR])
{
   struct fc_secure *s = calloc(1, sizeof(*s));
   snprintf(error, FC_ERROR, "out of memory");
   if (s == NULL) {
      return NULL;
   }
   s->stream = make_method(stream_write, stream_read);
   s->datagram = make_method(datagram_write, datagram_read);
   if (s->stream == NULL || s->datagram == NULL || RAND_bytes(s->secret, SECRET) != 1 ||
       (s->tls = make_context(TLS_server_method(), TLS1_2_VERSION, config, error)) == NULL ||
       (s->dtls = make_context(DTLS_server_method(), DTLS1_2_VERSION, config, error)) == NULL) {
      ERR_clear_error();
      fc_secure_free(s);
      return NULL;
   }
   return s;
}

void fc_secure_free(struct fc_secure *s)
{
   if (s != NULL) {
      SSL_CTX_free(s->tls);
      SSL_CTX_free(s->dtls);
      BIO_meth_free(s->stream);
      BIO_meth_free(s->datagram);
      free(s);
   }
}

/* ---------------------------------------------------------------------- sessions */

static struct fc_session *make_session(const struct fc_secure *secure, SSL_CTX *context,
                                       const BIO_METHOD *method)
{
   struct fc_session *s = calloc(1, sizeof(*s));
   BIO *bio = s != NULL ? BIO_new(method) : NULL;
   if (bio == NULL || (s->ssl = SSL_new(context)) == NULL) {
      ERR_clear_error();
      BIO_free(bio);
      free(s);
      return NULL;
   }
   s->secure = secure;
   s->fd = -1;
   BIO_set_data(bio, s);
   BIO_set_init(bio, 1);
   SSL_set_bio(s->ssl, bio, bio);
   SSL_set_app_data(s->ssl, s);
   SSL_set_accept_state(s->ssl);
   return s;
}

struct fc_session *fc_session_tls(const struct fc_secure *secure, int fd)
{
   struct fc_session *s = make_session(secure, secure->tls, secure->stream);
   if (s != NULL) {
      s->fd = fd;
   }
   return s;
}

struct fc_session *fc_session_dtls(const struct fc_secure *secure)
{
   struct fc_session *s = make_session(secure, secure->dtls, secure->datagram);
   if (s != NULL) {
      (void) SSL_set_mtu(s->ssl, DATAGRAM_MTU);
   }
   return s;
}

void fc_session_free(struct fc_session *s)
{
   if (s != NULL) {
      if (s->fd >= 0 && SSL_is_init_finished(s->ssl)) {
         (void) SSL_shutdown(s->ssl); /* tells the exporter; nothing waits for its answer */
         ERR_clear_error();
      }
      SSL_free(s->ssl);
      free(s);
   }
}

void fc_session_datagram(struct fc_session *s, int fd, const struct sockaddr_storage *from,
                         const uint8_t *datagram, size_t size)
{
   s->fd = fd;
   s->from = *from;
   s->input = datagram;
   s->input_size = size;
}

bool fc_session_listen(struct fc_session *s)
{
   BIO_ADDR *unused = BIO_ADDR_new();
   int rc = unused != NULL ? DTLSv1_listen(s->ssl, unused) : -1;
   BIO_ADDR_free(unused);
   ERR_clear_error();
   s->input = NULL;
   return rc == 1;
}

enum fc_step fc_session_handshake(struct fc_session *s, char why[FC_WHY])
{
   ERR_clear_error();
   errno = 0;
   int rc = SSL_do_handshake(s->ssl), error = SSL_get_error(s->ssl, rc);
   why[0] = 0;
   s->input = NULL;
   if (rc == 1) {
      return FC_STEP_READY;
   }
   if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      ERR_clear_error();
      return error == SSL_ERROR_WANT_READ ? FC_STEP_WAIT_READ : FC_STEP_WAIT_WRITE;
   }
   long verified = SSL_get_verify_result(s->ssl);
   unsigned long e = ERR_peek_error();
   if (verified != X509_V_OK) {
      snprintf(why, FC_WHY, "%s", X509_verify_cert_error_string(verified));
   } else if (e != 0) {
      bool none =
          ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
      snprintf(why, FC_WHY, "%s", none ? "no certificate" : reason());
      verified = none ? X509_V_ERR_UNSPECIFIED : verified;
   } else {
      snprintf(why, FC_WHY, "%s", errno != 0 ? strerror(errno) : "closed by the exporter");
   }
   ERR_clear_error();
   return verified != X509_V_OK ? FC_STEP_BAD_CERTIFICATE : FC_STEP_FAILED;
}

bool fc_session_resend(struct fc_session *s)
{
   bool ok = DTLSv1_handle_timeout(s->ssl) >= 0;
   ERR_clear_error();
   return ok;
}

ssize_t fc_session_receive(struct fc_session *s, void *data, size_t size)
{
   ERR_clear_error();
   int rc = SSL_read(s->ssl, data, size > INT32_MAX ? INT32_MAX : (int) size);
   if (rc > 0) {
      return rc;
   }
   int error = SSL_get_error(s->ssl, rc);
   ERR_clear_error();
   if (error == SSL_ERROR_ZERO_RETURN) {
      return 0;
   }
   errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
   return -1;
}

bool fc_session_pending(const struct fc_session *s)
{
   return s->input != NULL || SSL_pending(s->ssl) > 0;
}
