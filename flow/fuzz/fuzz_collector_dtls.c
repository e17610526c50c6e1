/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Datagrams of DTLS in any order, from exporters that keep to the protocol and from others. Two clients of OpenSSL with a certificate speak to the
 * collector; the input says whose turn it is, and which of their datagrams are lost, changed, doubled or sent from the other's address. What
 * reaches the decoder must be what the clients wrote, no more often than they wrote it.
 */
#include "collector/connections.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS        UINT64_C(1000000000)
#define CLIENTS   2
#define MAX_STEPS 200

enum step { TURN, DELIVER, CHANGE, LOSE, DOUBLE, RAW, WAIT, ANEW };

struct client {
   SSL *ssl;
   int fd;
   bool failed;
   struct sockaddr_storage address;
};

static struct fc_secure *secure;
static SSL_CTX *context;
static int collector; /* its socket */
static struct sockaddr_in collector_address;
static struct client clients[CLIENTS];
static char pem[32];

static void need(bool ok)
{
   if (!ok) {
      abort();
   }
}

/* A certificate that signs itself, with its key, in memory. */
static void make_certificate(void)
{
   int fd = memfd_create("certificate", MFD_CLOEXEC);
   need(fd >= 0);
   snprintf(pem, sizeof(pem), "/proc/self/fd/%d", fd);
   FILE *file = fopen(pem, "we");
   EVP_PKEY *key = EVP_EC_gen("P-256");
   X509 *x = X509_new();
   need(file != NULL && key != NULL && x != NULL);
   X509_NAME *name = X509_get_subject_name(x);
   need(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(x), 24L * 3600) != NULL && X509_set_pubkey(x, key) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) "a", -1, -1, 0) &&
        X509_set_issuer_name(x, name) && X509_sign(x, key, EVP_sha256()) > 0 && PEM_write_X509(file, x) &&
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
   fclose(file); /* the descriptor stays open: the name leads to it */
   X509_free(x);
   EVP_PKEY_free(key);
}

static int bound_socket(struct sockaddr_in *a)
{
   socklen_t size = sizeof(*a);
   int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   need(fd >= 0 && bind(fd, (struct sockaddr *) a, size) == 0 &&
        getsockname(fd, (struct sockaddr *) a, &size) == 0);
   return fd;
}

static void set_up(void)
{
   char error[FC_ERROR];
   make_certificate();
   struct fc_secure_config files = {.certificate = pem, .ca = pem};
   secure = fc_secure_new(&files, error);
   context = SSL_CTX_new(DTLS_client_method());
   need(secure != NULL && context != NULL && SSL_CTX_use_certificate_chain_file(context, pem) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) == 1);
   collector = bound_socket(&collector_address);
   for (unsigned i = 0; i < CLIENTS; i++) {
      struct sockaddr_in a;
      clients[i].fd = bound_socket(&a);
      memcpy(&clients[i].address, &a, sizeof(a));
   }
}

static void empty(int fd)
{
   uint8_t byte;
   while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) {
   }
}

static void begin(struct client *c)
{
   BIO_ADDR *to = BIO_ADDR_new();
   BIO *bio = BIO_new_dgram(c->fd, BIO_NOCLOSE);
   SSL_free(c->ssl);
   c->ssl = SSL_new(context);
   need(to != NULL && bio != NULL && c->ssl != NULL &&
        BIO_ADDR_rawmake(to, AF_INET, &collector_address.sin_addr, sizeof(collector_address.sin_addr),
                         collector_address.sin_port));
   (void) BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_PEER, 0, to);
   BIO_ADDR_free(to);
   SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
   (void) SSL_set_mtu(c->ssl, 1232);
   SSL_set_bio(c->ssl, bio, bio);
   SSL_set_connect_state(c->ssl);
   c->failed = false;
}

/* A client goes on with its handshake, or sends a message. \return messages sent */
static unsigned turn(struct client *c, const uint8_t *message, size_t size)
{
   char answer[2048];
   if (c->failed) {
      return 0;
   }
   int rc = SSL_do_handshake(c->ssl);
   if (rc == 1 && size > 0) {
      rc = SSL_write(c->ssl, message, (int) size);
      (void) SSL_read(c->ssl, answer, sizeof(answer)); /* an alert of the collector, if any */
      c->failed = rc <= 0;
      return rc > 0;
   }
   int error = SSL_get_error(c->ssl, rc);
   c->failed = rc != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
   return 0;
}

struct input {
   const uint8_t *at;
   size_t left;
};

static unsigned take(struct input *in)
{
   if (in->left == 0) {
      return 0;
   }
   in->left--;
   return *in->at++;
}

static void deliver(struct fc_connections *c, struct fc_decoder *d, const struct sockaddr_storage *from,
                    const uint8_t *data, size_t size, uint64_t now)
{
   uint8_t *own = malloc(size > 0 ? size : 1); /* its own memory, so that reading beyond it is noticed */
   need(own != NULL);
   memcpy(own, data, size);
   fc_connections_datagram(c, collector, 7, from, own, size, now, d);
   free(own);
}

/* What happens to one datagram on its way. \return false: there is none */
static bool pass(struct fc_connections *c, struct fc_decoder *d, enum step how, struct input *in,
                 uint64_t now)
{
   uint8_t data[2048];
   struct sockaddr_storage from = {0};
   socklen_t length = sizeof(from);
   ssize_t n = recvfrom(collector, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *) &from, &length);
   if (n < 0) {
      return false;
   }
   if (how == CHANGE && n > 0) {
      unsigned at = take(in) << 8 | take(in);
      data[at % (size_t) n] ^= (uint8_t) (take(in) | 1);
      from = clients[take(in) % CLIENTS].address;
   }
   for (unsigned i = 0; how != LOSE && i < (how == DOUBLE ? 2 : 1); i++) {
      deliver(c, d, &from, data, (size_t) n, now);
   }
   return true;
}

static void play(struct fc_connections *c, struct fc_decoder *d, struct input in)
{
   uint64_t now = NS;
   const uint64_t *counters = fc_decoder_counters(d);
   uint64_t written = 0;
   for (unsigned steps = 0; in.left > 0 && steps < MAX_STEPS; steps++) {
      unsigned op = take(&in);
      struct client *client = &clients[(op >> 3) % CLIENTS];
      size_t size = op % 8 == TURN || op % 8 == RAW ? take(&in) : 0;
      size = size < in.left ? size : in.left;
      switch ((enum step)(op % 8)) {
      case TURN: written += turn(client, in.at, size); break;
      case RAW: deliver(c, d, &client->address, in.at, size, now); break;
      case WAIT:
         now += (op >> 3) * (NS / 4);
         fc_connections_timers(c, now, d);
         break;
      case ANEW: begin(client); break;
      default: /* to all that are on their way, or to one */
         while (pass(c, d, (enum step)(op % 8), &in, now) && op >= 0x80) {
         }
      }
      in.at += size;
      in.left -= size;
      need(counters[FC_MESSAGES] <= written);
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fc_decoder_config config = {0};
   if (secure == NULL) {
      set_up();
   }
   fc_decoder_defaults(&config);
   config.max_exporters = 4;
   config.max_domains = 4;
   config.max_templates = 8;
   int epoll = epoll_create1(EPOLL_CLOEXEC);
   struct fc_decoder *d = fc_decoder_new(&config);
   struct fc_connections *c = fc_connections_new(epoll, 0, secure);
   need(epoll >= 0 && d != NULL && c != NULL);
   empty(collector);
   for (unsigned i = 0; i < CLIENTS; i++) {
      empty(clients[i].fd);
      begin(&clients[i]);
   }
   play(c, d, (struct input){data, size});
   for (unsigned i = 0; i < CLIENTS; i++) {
      SSL_free(clients[i].ssl);
      clients[i].ssl = NULL;
   }
   fc_connections_free(c);
   fc_decoder_free(d);
   close(epoll);
   return 0;
}
