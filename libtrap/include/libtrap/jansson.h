/* SPDX-License-Identifier: BSD-3-Clause */
/** \file libtrap/jansson.h
 * JSON for modules: the system's Jansson (2.7 or newer), under the name that modules include. */
#ifndef LIBTRAP_JANSSON_H
#define LIBTRAP_JANSSON_H
#include <jansson.h>
#endif
