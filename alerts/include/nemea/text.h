/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/text.h
 * Numbers and times as people read them. Each function writes a text, cut off at size, and returns to.
 */
#ifndef NEMEA_TEXT_H
#define NEMEA_TEXT_H

#include <unirec/unirec.h>

#ifdef __cplusplus
extern "C" {
#endif

/** "1.4 MB" */
char *format_bytes(double bytes, char *to, size_t size);
/** "1234", "12 345" */
char *format_count(uint64_t n, char *to, size_t size);
/** The same with its noun: "1 flow", "2 flows". */
char *format_counted(uint64_t n, const char *noun, char *to, size_t size);
/** "5 min 03 s" */
char *format_duration(uint64_t seconds, char *to, size_t size);
/** "2026-01-02 03:04:05" (UTC) */
char *format_time(ur_time_t t, char *to, size_t size);
/** "2026-01-02T03:04:05.678901Z" (RFC 3339) */
char *format_rfc3339(ur_time_t t, char *to, size_t size);

/** "ssh": the usual service at a port. protocol: of IP, 0: unknown. \return NULL: there is none */
const char *port_name(uint16_t port, uint8_t protocol);
/** "22 (ssh)", or "40000" without a usual service. */
char *format_port(uint16_t port, uint8_t protocol, char *to, size_t size);

#ifdef __cplusplus
}
#endif
#endif
