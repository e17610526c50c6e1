/* SPDX-License-Identifier: BSD-3-Clause */
/** Memory of all open capture files of the process, whatever threads read them. */
#ifndef FLOW_MEMORY_LIMIT_H
#define FLOW_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/** Takes bytes of the limit. \return false: not within the limit, nothing is taken. *in_use: bytes taken before */
bool capture_memory_take(uint64_t size, uint64_t *in_use);
void capture_memory_give(uint64_t size);
uint64_t capture_memory_limit(void);

#endif
