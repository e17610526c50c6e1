/* SPDX-License-Identifier: BSD-3-Clause */
/** In place of tls.c in a libtrap without OpenSSL, whose IFC_SPEC knows no T: nothing here is ever reached. */
#include "tls.h"

struct tls_config *tls_config_of(struct trap_context *ctx, bool server, char *const files[TLS_FILES],
                                 const char *host)
{
   return NULL;
}

void tls_config_free(struct tls_config *config)
{
}

struct tls *tls_new(const struct tls_config *config, int fd)
{
   return NULL;
}

void tls_free(struct tls *tls)
{
}

enum tls_step tls_handshake(struct tls *tls, char *why, size_t size)
{
   return TLS_LOST;
}

ssize_t tls_send(struct tls *tls, const void *data, size_t size)
{
   return -1;
}

ssize_t tls_recv(struct tls *tls, void *data, size_t size)
{
   return 0;
}

bool tls_wants_write(const struct tls *tls)
{
   return false;
}
