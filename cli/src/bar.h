/* SPDX-License-Identifier: BSD-3-Clause */
/** How far the reading of captures is, as a line on a terminal that is written again and again. */
#ifndef CLI_BAR_H
#define CLI_BAR_H

#include <stdbool.h>
#include <stdint.h>

/** \param progress of flow_meter: "BYTES_DONE BYTES_OF_ALL PACKETS ..." \param elapsed in milliseconds
 * \return false: nothing was written, as when standard error is no terminal */
bool bar_show(const char *progress, uint64_t elapsed);
/** Blanks the line. */
void bar_clear(void);

#endif
