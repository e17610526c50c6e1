// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/interfaceStats.hpp
 * Counters of an input.
 */
#ifndef UNIRECPP_INTERFACE_STATS_HPP
#define UNIRECPP_INTERFACE_STATS_HPP

#include <cstdint>

namespace Nemea {

/** Counters of an input since it was made. */
struct InputInteraceStats {
   uint64_t receivedBytes;
   uint64_t receivedRecords;
   uint64_t missedRecords;
};

} // namespace Nemea

#endif
