/* SPDX-License-Identifier: BSD-3-Clause */
/** The option --retention. */
#ifndef RETENTION_H
#define RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#define RETENTION_ERROR 160

/** Reads "24h/10GB": an age (h, d) and a size (MB, GB, TB). \param age seconds \return false with a reason */
bool retention_parse(const char *text, uint64_t *age, uint64_t *bytes, char why[RETENTION_ERROR]);

#endif
