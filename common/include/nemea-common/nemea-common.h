/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nemea-common.h
 * All of libnemea-common: bounded tables, sketches and clocks. The library knows nothing of networks or messages.
 */
#ifndef NEMEA_COMMON_H
#define NEMEA_COMMON_H

/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include <nemea-common/configurator.h>
#include <nemea-common/cuckoo_hash.h>
#include <nemea-common/cuckoo_hash_v2.h>
#include <nemea-common/fast_hash_filter.h>
#include <nemea-common/fast_hash_table.h>
#include <nemea-common/nc_bloom.h>
#include <nemea-common/nc_cms.h>
#include <nemea-common/nc_digest.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_hll.h>
#include <nemea-common/nc_index.h>
#include <nemea-common/nc_json.h>
#include <nemea-common/nc_notify.h>
#include <nemea-common/nc_table.h>
#include <nemea-common/nc_telemetry.h>
#include <nemea-common/nc_text.h>
#include <nemea-common/nc_wheel.h>
#include <nemea-common/progress_printer.h>
#include <nemea-common/super_fast_hash.h>

#endif
