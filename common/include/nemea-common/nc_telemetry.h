/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_telemetry.h
 * Counters as files in a directory, for monitoring that reads files.
 *
 * Each file is replaced as a whole: it is written under another name and renamed, so a reader sees all of it, as it was at one
 * moment. Errors: false, with a message that names the path. Threads: none are shared; one file has one writer.
 */
#ifndef NEMEA_COMMON_NC_TELEMETRY_H
#define NEMEA_COMMON_NC_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_TELEMETRY_ERROR 512 /**< bytes of a message */

/** Makes the directory `directory`, or the one called name in it (NULL: itself), mode 0755. One that exists is used. */
bool nc_telemetry_mkdir(const char *directory, const char *name, char error[NC_TELEMETRY_ERROR]);
/** Replaces the file called name in the directory. On failure the old one stays. */
bool nc_telemetry_write(const char *directory, const char *name, const void *data, size_t size,
                        char error[NC_TELEMETRY_ERROR]);

#ifdef __cplusplus
}
#endif
#endif
