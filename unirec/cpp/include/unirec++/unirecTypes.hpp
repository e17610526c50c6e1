// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/unirecTypes.hpp
 * All types of values in records.
 */
#ifndef UNIRECPP_TYPES_HPP
#define UNIRECPP_TYPES_HPP

#include "ipAddress.hpp"
#include "macAddress.hpp"
#include "unirecArray.hpp"
#include "unirecTypeTraits.hpp"
#include "urTime.hpp"

#endif
