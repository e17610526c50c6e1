// SPDX-License-Identifier: BSD-3-Clause
#include <unirec++/outputInterface.hpp>

namespace Nemea {

UnirecOutputInterface::UnirecOutputInterface(int ifc) : output_(ifc)
{
}

bool UnirecOutputInterface::send(UnirecRecord &record)
{
   return output_.send(record.data(), record.size());
}

bool UnirecOutputInterface::send(UnirecRecordView &record)
{
   return output_.send(record.data(), record.size());
}

void UnirecOutputInterface::sendFlush()
{
   output_.flush();
}

void UnirecOutputInterface::setTimeout(int timeout)
{
   detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_SETTIMEOUT, timeout);
}

void UnirecOutputInterface::setAutoflushTimeout(int timeout)
{
   detail::control(TRAPIFC_OUTPUT, output_.number(), TRAPCTL_AUTOFLUSH_TIMEOUT, timeout);
}

void UnirecOutputInterface::changeTemplate(const std::string &templateSpecification)
{
   template_.define(templateSpecification);
   ur_set_output_template(output_.number(), template_.tmplt);
   output_.start(template_.tmplt);
}

void UnirecOutputInterface::doNotsendEoFOnExit()
{
   output_.noEnd();
}

ur_template_t *UnirecOutputInterface::getTemplate() const noexcept
{
   return template_.tmplt;
}

UnirecRecord &UnirecOutputInterface::getUnirecRecord()
{
   return output_.record();
}

UnirecRecord UnirecOutputInterface::createUnirecRecord(std::size_t maxVariableFieldsSize)
{
   return UnirecRecord(template_.tmplt, maxVariableFieldsSize);
}

} // namespace Nemea
