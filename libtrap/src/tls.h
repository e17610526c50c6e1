/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * TLS of interface T (OpenSSL): the same bytes as TCP, TLS 1.2 or 1.3, certificates of both sides verified.
 * Nothing here blocks: sockets are non-blocking, and each step says what it waits for. One thread at a time a connection.
 */
#ifndef TRAP_TLS_H
#define TRAP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct trap_context;
struct tls_config;
struct tls;

enum tls_step { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_LOST, TLS_BAD_CERT };

/** Loads the PEM files: key, certificate chain and the CAs that the peer must come from.
 *  \param host client: name that the server's certificate must have, NULL: any
 *  \return NULL with the context's error set (BADPARAMS) that names the file */
struct tls_config *tls_config_new(struct trap_context *ctx, bool server, const char *key, const char *cert,
                                  const char *ca, const char *host);
void tls_config_free(struct tls_config *config);
enum { TLS_KEY, TLS_CERT, TLS_CA, TLS_FILES };
/** The same for files from an IFC_SPEC, of which some may be missing. */
struct tls_config *tls_config_of(struct trap_context *ctx, bool server, char *const files[TLS_FILES],
                                 const char *host);

/** A connection over fd, which stays the caller's. NULL without memory. */
struct tls *tls_new(const struct tls_config *config, int fd);
void tls_free(struct tls *tls);
/** Goes on with the handshake. After TLS_LOST or TLS_BAD_CERT, why holds a reason. */
enum tls_step tls_handshake(struct tls *tls, char *why, size_t size);
/** As send(2) and recv(2) on a non-blocking socket: -1 with EAGAIN to try again later, with EACCES when the peer does not
 *  accept this side's certificate. What was to be sent when EAGAIN came has to be sent first the next time. */
ssize_t tls_send(struct tls *tls, const void *data, size_t size);
ssize_t tls_recv(struct tls *tls, void *data, size_t size);
/** Whether the last EAGAIN waits for the socket to become writable. */
bool tls_wants_write(const struct tls *tls);

#endif
