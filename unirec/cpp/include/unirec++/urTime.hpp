// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/urTime.hpp
 * A time stamp, stored as in a record.
 */
#ifndef UNIRECPP_UR_TIME_HPP
#define UNIRECPP_UR_TIME_HPP

#include <chrono>
#include <cstdint>

#include <unirec/unirec.h>

namespace Nemea {

/** A time stamp, as ur_time_t. */
struct __attribute__((packed)) UrTime {
   ur_time_t time;

   UrTime() : time(0) {}
   UrTime(ur_time_t value) : time(value) {}
   /** Current wall-clock time, truncated to milliseconds. */
   static UrTime now()
   {
      uint64_t ms = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
      return ur_time_from_sec_msec(ms / 1000, ms % 1000);
   }
   bool operator==(const UrTime &other) const { return time == other.time; }
   bool operator!=(const UrTime &other) const { return time != other.time; }
   bool operator<(const UrTime &other) const { return time < other.time; }
};

} // namespace Nemea

#endif
