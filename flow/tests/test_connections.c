/* SPDX-License-Identifier: BSD-3-Clause */
/** What becomes of connections that do not go on. The test passes its own time; it does not wait. */
#include "collector/connections.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static char folder[] = "/tmp/nemea-test-XXXXXX";
static char pem[sizeof(folder) + 16];

static int make_certificate(void **state)
{
   char script[400];
   (void) state;
   assert_non_null(mkdtemp(folder));
   snprintf(pem, sizeof(pem), "%s/a.pem", folder);
   snprintf(script, sizeof(script),
            "exec >/dev/null 2>&1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-keyout %s -out %s.crt -subj /CN=a -days 2 && cat %s.crt >>%s",
            pem, pem, pem, pem);
   return system(script); /* NOLINT(cert-env33-c): the words are this test's own */
}

static int remove_certificate(void **state)
{
   char other[sizeof(pem) + 4];
   (void) state;
   snprintf(other, sizeof(other), "%s.crt", pem);
   (void) unlink(other);
   (void) unlink(pem);
   return rmdir(folder);
}

static uint64_t now(void)
{
   struct timespec t;
   clock_gettime(CLOCK_REALTIME, &t);
   return (uint64_t) t.tv_sec * S + (uint64_t) t.tv_nsec;
}

static int listen_at(struct sockaddr_in *a)
{
   socklen_t size = sizeof(*a);
   int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   assert_int_equal(bind(fd, (struct sockaddr *) a, size), 0);
   assert_int_equal(listen(fd, 8), 0);
   assert_int_equal(getsockname(fd, (struct sockaddr *) a, &size), 0);
   return fd;
}

static int connect_to(const struct sockaddr_in *a)
{
   int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(connect(fd, (const struct sockaddr *) a, sizeof(*a)), 0);
   return fd;
}

static void a_handshake_has_its_time(void **state)
{
   char error[FC_ERROR], text[FC_REFUSAL], byte;
   struct sockaddr_in a;
   struct fc_decoder_config config = {0};
   struct fc_secure_config files = {.certificate = pem, .ca = pem};
   (void) state;
   fc_decoder_defaults(&config);
   struct fc_decoder *d = fc_decoder_new(&config);
   struct fc_secure *secure = fc_secure_new(&files, error);
   int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_at(&a);
   struct fc_connections *c = secure != NULL ? fc_connections_new(epoll, 0, secure) : NULL;
   assert_non_null(c);
   const uint64_t *counters = fc_decoder_counters(d);
   uint64_t begin = now();
   int first = connect_to(&a), second = connect_to(&a), plain = connect_to(&a);
   fc_connections_accept(c, listener, FC_TLS, d);
   fc_connections_accept(c, listener, FC_TLS, d);
   fc_connections_accept(c, listener, FC_TCP, d);
   assert_int_equal(counters[FC_CONNECTIONS], 1); /* the others have shown nothing yet */
   fc_connections_timers(c, begin + FC_HANDSHAKE_SECONDS * S, d);
   assert_int_equal(counters[FC_DROP_TIMEOUT], 0);
   assert_false(fc_connections_refused(c, begin, text));
   fc_connections_timers(c, now() + (FC_HANDSHAKE_SECONDS + 1) * S, d);
   assert_int_equal(counters[FC_DROP_TIMEOUT], 2);
   assert_int_equal(recv(first, &byte, 1, 0), 0);
   assert_int_equal(recv(second, &byte, 1, 0), 0);
   assert_int_equal(recv(plain, &byte, 1, MSG_DONTWAIT), -1); /* has no handshake */
   assert_true(fc_connections_refused(c, begin, text));
   assert_non_null(strstr(text, "was refused: no handshake in time (the last of 2)"));
   assert_non_null(strstr(text, "TLS connection of 127.0.0.1 port "));
   assert_false(fc_connections_refused(c, begin + 61 * S, text)); /* nothing new */
   fc_connections_free(c);
   close(first);
   close(second);
   close(plain);
   close(listener);
   close(epoll);
   fc_secure_free(secure);
   fc_decoder_free(d);
}

static void files_are_named(void **state)
{
   char error[FC_ERROR], key[sizeof(pem) + 4];
   struct fc_secure_config files = {.certificate = pem, .ca = "/nowhere/ca.pem"};
   (void) state;
   assert_null(fc_secure_new(&files, error));
   assert_non_null(
       strstr(error, "\"/nowhere/ca.pem\" cannot be used as list of CA certificates in PEM form: "));
   snprintf(key, sizeof(key), "%s.crt", pem);
   files.key = key;
   assert_null(fc_secure_new(&files, error));
   assert_non_null(strstr(error, ".crt\" cannot be used as private key of the certificate in PEM form: "));
   files = (struct fc_secure_config){.certificate = pem, .ca = pem, .peers = {""}, .n_peers = 1};
   assert_null(fc_secure_new(&files, error));
   assert_string_equal(error, "\"\" cannot be the name in a certificate");
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(a_handshake_has_its_time),
                                      cmocka_unit_test(files_are_named)};
   return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
