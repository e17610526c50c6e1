/* SPDX-License-Identifier: BSD-3-Clause */
/** TLS and DTLS where there is no OpenSSL. */
#include "secure.h"

#include <errno.h>
#include <stdio.h>

struct fc_secure *fc_secure_new(const struct fc_secure_config *config, char error[FC_ERROR])
{
   (void) config;
   snprintf(error, FC_ERROR, "built without OpenSSL, so TLS and DTLS cannot be received");
   return NULL;
}

void fc_secure_free(struct fc_secure *s)
{
   (void) s;
}

struct fc_session *fc_session_tls(const struct fc_secure *s, int fd)
{
   (void) s, (void) fd;
   return NULL;
}

struct fc_session *fc_session_dtls(const struct fc_secure *s)
{
   (void) s;
   return NULL;
}

void fc_session_free(struct fc_session *s)
{
   (void) s;
}

void fc_session_datagram(struct fc_session *s, int fd, const struct sockaddr_storage *from,
                         const uint8_t *datagram, size_t size)
{
   (void) s, (void) fd, (void) from, (void) datagram, (void) size;
}

bool fc_session_listen(struct fc_session *s)
{
   (void) s;
   return false;
}

enum fc_step fc_session_handshake(struct fc_session *s, char why[FC_WHY])
{
   (void) s;
   why[0] = 0;
   return FC_STEP_FAILED;
}

bool fc_session_resend(struct fc_session *s)
{
   (void) s;
   return false;
}

ssize_t fc_session_receive(struct fc_session *s, void *data, size_t size)
{
   (void) s, (void) data, (void) size;
   errno = EOPNOTSUPP;
   return -1;
}

bool fc_session_pending(const struct fc_session *s)
{
   (void) s;
   return false;
}
