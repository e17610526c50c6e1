/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lists and records of ipblacklistfilter. */
#define NM_TEST
#include "ipblacklistfilter.c"

#include "../blacklist/fuzz/filter.h"
