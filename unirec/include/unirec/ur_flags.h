/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file ur_flags.h
 * Flags of the fields TCP_FLAGS (RFC 9293, 3.1) and DIRECTION_FLAGS, as in the table of ur_values.h. unirec.h does not
 * include this file: modules written for NEMEA 2 define these names themselves.
 */
#ifndef _UR_FLAGS_H_
#define _UR_FLAGS_H_

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

#define DIR_FLAG_NRC 1
#define DIR_FLAG_SF  2
#define DIR_FLAG_RSP 4
#define DIR_FLAG_REQ 8

#endif
