// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/inputInterface.hpp>

namespace Nemea {

UnirecInputInterface::UnirecInputInterface(int ifc) : input_(ifc)
{
}

std::optional<UnirecRecordView> UnirecInputInterface::receive()
{
   return input_.receive(template_.tmplt);
}

void UnirecInputInterface::changeTemplate()
{
   input_.followFormat(template_);
}

void UnirecInputInterface::setRequieredFormat(const std::string &templateSpecification)
{
   template_.define(templateSpecification);
   ur_set_input_template(input_.number(), template_.tmplt);
}

void UnirecInputInterface::setTimeout(int timeout)
{
   detail::control(TRAPIFC_INPUT, input_.number(), TRAPCTL_SETTIMEOUT, timeout);
}

ur_template_t *UnirecInputInterface::getTemplate() const noexcept
{
   return template_.tmplt;
}

InputInteraceStats UnirecInputInterface::getInputInterfaceStats() const
{
   return input_.stats();
}

} // namespace Nemea
