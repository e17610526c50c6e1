// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/trapModuleInfo.hpp
 * What a module is.
 */
#ifndef UNIRECPP_TRAP_MODULE_INFO_HPP
#define UNIRECPP_TRAP_MODULE_INFO_HPP

#include <string>

#include <libtrap/trap.h>

namespace Nemea {

/** What a module is, for its help and its interfaces. Copies have strings of their own. */
class TrapModuleInfo {
public:
   TrapModuleInfo(int inputInterfaces, int outputInterfaces, std::string name = "", std::string description = "");

   /** For libtrap; points into this object. */
   trap_module_info_t get() const;

private:
   std::string name_, description_;
   int inputs_, outputs_;
};

} // namespace Nemea

#endif
