/* SPDX-License-Identifier: BSD-3-Clause */
/** Counters as files in a directory. A reader always sees a whole file, at most a second old. */
#ifndef FLOW_TELEMETRY_H
#define FLOW_TELEMETRY_H

#include "counters.h"

#include <nemea-common/nc_telemetry.h>
#include <stdbool.h>
#include <stdint.h>

#define TELEMETRY_ERROR NC_TELEMETRY_ERROR

/** Makes the directory and a subdirectory for each input. \return false with a message in error */
bool telemetry_open(const char *directory, unsigned inputs, char error[TELEMETRY_ERROR]);
/** Writes all files; capacity: flows of each input's cache. \return false with a message in error */
bool telemetry_write(const char *directory, const uint64_t (*values)[COUNTERS], unsigned inputs,
                     uint64_t capacity, char error[TELEMETRY_ERROR]);

#endif
