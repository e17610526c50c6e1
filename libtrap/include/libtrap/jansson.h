/* SPDX-License-Identifier: BSD-3-Clause */
/** \file libtrap/jansson.h
 * JSON for modules: the system's Jansson (2.7 or newer), under the name that modules include. */
#ifndef LIBTRAP_JANSSON_H
#define LIBTRAP_JANSSON_H
/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#endif
