// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/trapModuleInfo.hpp>

#include <utility>

namespace Nemea {

TrapModuleInfo::TrapModuleInfo(int inputInterfaces, int outputInterfaces, std::string name, std::string description)
   : name_(std::move(name)), description_(std::move(description)), inputs_(inputInterfaces), outputs_(outputInterfaces)
{
}

trap_module_info_t TrapModuleInfo::get() const
{
   trap_module_info_t info = {};
   info.name = const_cast<char *>(name_.c_str());
   info.description = const_cast<char *>(description_.c_str());
   info.num_ifc_in = inputs_;
   info.num_ifc_out = outputs_;
   return info;
}

} // namespace Nemea
