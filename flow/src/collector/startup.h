/* SPDX-License-Identifier: BSD-3-Clause */
/** Start-up files of ipfixcol2 (startup.xml): inputs udp, tcp and ipfix, outputs unirec, as options of flow_collector. */
#ifndef FLOW_COLLECTOR_STARTUP_H
#define FLOW_COLLECTOR_STARTUP_H

#include <stddef.h>

#define FC_STARTUP_SIZE (1 << 20) /* bytes of a file */

struct fc_startup {
   char **words; /**< options: -u, -t, -r, -f, -i with their values; NULL after the last */
   unsigned n;
   char *notes; /**< a line for each part of the file that has no effect here; "" if there is none */
};

/** \param file its name in messages. \return NULL: *errors, which is to be freed, has a line for each fault, or is NULL when there is no memory */
struct fc_startup *fc_startup_parse(const char *file, const char *text, size_t size, char **errors);
struct fc_startup *fc_startup_load(const char *path, char **errors);
void fc_startup_free(struct fc_startup *s);

#endif
