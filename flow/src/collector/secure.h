/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * TLS and DTLS sessions of exporters (OpenSSL): version 1.2 or newer, both sides have certificates, the exporter's is verified. Nothing here
 * blocks: each step says what it waits for. Without OpenSSL there are none: see fc_secure_new().
 */
#ifndef FLOW_COLLECTOR_SECURE_H
#define FLOW_COLLECTOR_SECURE_H

#include "format.h" /* FC_ERROR */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define FC_MAX_PEERS 64  /* names of exporters */
#define FC_WHY       160 /* bytes of a reason */

/** Files in PEM form. */
struct fc_secure_config {
   const char *certificate;         /**< the collector's, with the chain to its CA */
   const char *key;                 /**< NULL: in the file of the certificate */
   const char *ca;                  /**< of exporters: a file, or a directory with hashed names */
   const char *peers[FC_MAX_PEERS]; /**< a name that an exporter's certificate must have one of; none: any */
   unsigned n_peers;
};

/** What all sessions have in common, for any number of threads. */
struct fc_secure;
/** \return NULL with a message in error, which names the file */
struct fc_secure *fc_secure_new(const struct fc_secure_config *config, char error[FC_ERROR]);
void fc_secure_free(struct fc_secure *s);

enum fc_step {
   FC_STEP_READY, /**< the handshake is done, the exporter is known */
   FC_STEP_WAIT_READ,
   FC_STEP_WAIT_WRITE,
   FC_STEP_BAD_CERTIFICATE,
   FC_STEP_FAILED
};

/** A session belongs to one thread. */
struct fc_session;
/** TLS over a connected socket, which does not block and stays the caller's. \return NULL: no memory */
struct fc_session *fc_session_tls(const struct fc_secure *s, int fd);
/** DTLS: a session that waits for the first datagram of an exporter. \return NULL: no memory */
struct fc_session *fc_session_dtls(const struct fc_secure *s);
void fc_session_free(struct fc_session *s);

/** The datagram that the next calls read: it must stay until then. fd: the socket by which answers are sent. */
void fc_session_datagram(struct fc_session *s, int fd, const struct sockaddr_storage *from,
                         const uint8_t *datagram, size_t size);
/** A waiting session looks at its datagram. Exporters first have to send back a cookie that went to their address; until then nothing is kept
 * of them. \return true: it has, and the handshake begins; false: the session goes on waiting for the first datagram of some exporter */
bool fc_session_listen(struct fc_session *s);
/** Goes on with the handshake. With the last two steps, why has a reason. */
enum fc_step fc_session_handshake(struct fc_session *s, char why[FC_WHY]);
/** Sends again what the exporter may not have got, if it is time. \return false: it does not answer */
bool fc_session_resend(struct fc_session *s);
/** As recv(2) of a socket that does not block. Over DTLS one datagram's data at a time. */
ssize_t fc_session_receive(struct fc_session *s, void *data, size_t size);
/** Whether data were received which fc_session_receive() has not returned yet. */
bool fc_session_pending(const struct fc_session *s);

#endif
