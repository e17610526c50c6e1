/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file reflector.h
 * Ports of services that are used for amplification.
 */
#ifndef DETECTORS_REFLECTOR_H
#define DETECTORS_REFLECTOR_H

#include <stdbool.h>
#include <stdint.h>

/* Services that answer to more than was sent, without a check of the sender's address: as UDP-based amplification attacks use them
 * (US-CERT alert TA14-017A, and services found since). */
static inline bool is_reflector(uint16_t port)
{
   switch (port) {
   case 17:
   case 19:
   case 53:
   case 69:
   case 111:
   case 123:
   case 137:
   case 161:
   case 177:
   case 389:
   case 427:
   case 520:
   case 623:
   case 1434:
   case 1604:
   case 1900:
   case 3283:
   case 3478:
   case 3702:
   case 5093:
   case 5353:
   case 5683:
   case 10001:
   case 11211:
   case 27015:
   case 27960:
   case 30718:
   case 37810: return true;
   default: return false;
   }
}

#endif
