// SPDX-License-Identifier: BSD-3-Clause
/**
 * \file unirec++/trapModuleInfo.hpp
 * Description of a module.
 */
#ifndef UNIRECPP_TRAP_MODULE_INFO_HPP
#define UNIRECPP_TRAP_MODULE_INFO_HPP

#include <string>

#include <libtrap/trap.h>

namespace Nemea {

/** Name, description and numbers of interfaces of a module. Copies own their strings. */
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
