/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lists and records of urlblacklistfilter. */
#define NM_TEST
#include "urlblacklistfilter.c"

#include "../blacklist/fuzz/filter.h"
