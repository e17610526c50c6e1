/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages between mux and demux: a header, and after it the format of a link or one of its messages. */
#ifndef NEMEA_MUX_MESSAGE_H
#define NEMEA_MUX_MESSAGE_H

#include <stdint.h>

#define MUX_LINKS 32 /* as many interfaces as NEMEA 2 allowed */

enum {
   MUX_DATA = 1,      /* after the header: a message as the link's sender sent it */
   MUX_HELLO = 2,     /* the link's format as a string, with its final zero byte */
   MUX_ERROR = 0xFFFF /* the link failed */
};

/* Numbers are in the byte order of the host that sent them. */
struct mux_header {
   uint16_t id;
   uint16_t link; /* number of the interface, from 0 */
   uint8_t type;  /* trap_data_format_t of the link */
} __attribute__((packed));

#endif
