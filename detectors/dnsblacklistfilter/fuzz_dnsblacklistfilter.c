/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lists and records of dnsblacklistfilter. */
#define NM_TEST
#include "dnsblacklistfilter.c"

#include "../blacklist/fuzz/filter.h"
